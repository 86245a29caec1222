"""Words that say where a sentence may be taken apart when it is spoken, by language. Data only: no rule lives here.

Only sure ones: a word that is as often something else (English "that", Dutch "die") is left out, and so is what a
language's spelling sets a comma before anyway (German "dass", Polish "że").
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Clauses:
    """`openers` begin a clause of its own, `joiners` join clauses but also mere words ("and"), `adjuncts` begin a
    phrase that a sentence stands without; `hanging` need what follows them, so nothing ends with one. In small
    letters, the two words of a longer opener with a space between. Two are patterns to be looked for in a whole text:
    `after`, endings behind which a clause is over, where a language marks its end instead of the next one's
    beginning; `before`, openers in scripts that are written without spaces.
    """

    openers: frozenset[str] = frozenset()
    joiners: frozenset[str] = frozenset()
    adjuncts: frozenset[str] = frozenset()
    hanging: frozenset[str] = frozenset()
    before: str = ""
    after: str = ""


def clauses(language: str) -> Clauses:
    """The words of a language, BCP 47, by its first part; none for a language that is not known here."""
    code = language.replace("_", "-").partition("-")[0].lower()
    return _KNOWN.get(_SAME.get(code, code), _NONE)


def _words(text: str) -> frozenset[str]:
    return frozenset(word.replace("_", " ") for word in text.split())


ABBREVIATIONS = _words(
    "mr mrs ms dr drs prof st mt messrs capt lt sgt gov sen rep vs jr sr sra sres srta dra dña ud uds vd vds mm mme "
    "mlle mgr me sig dott avv ing frl bzw ca evtl ggf inkl vgl sog nr dhr mevr mw bijv hr г гг ул тов проф вул ім "
    "ks inż np tzn pí tj např av doç sn etc approx vol pág núm art"
)
"""Words whose point ends no sentence, in any of the languages; single letters are known without a list."""

_NONE = Clauses()
_SAME = {"nn": "nb", "no": "nb", "yue": "zh", "bs": "hr", "sr": "hr", "gl": "pt", "lo": "th"}
"""Languages that take a near relative's words."""


def _of(
    openers: str, joiners: str = "", adjuncts: str = "", hanging: str = "", before: str = "", after: str = ""
) -> Clauses:
    return Clauses(_words(openers), _words(joiners), _words(adjuncts), _words(hanging), before, after)


_KNOWN = {
    "en": _of(
        "but because although though unless until while whereas when whenever where wherever if whether which who "
        "whom whose what why how since so_that even_if even_though as_if as_though as_soon as_long in_order and_then",
        "and or nor",
        "without during despite throughout instead before after",
        "the a an this these those my your his her its our their of to at in on by for with from into about as than "
        "and or nor but so if that no not very too just even only quite rather to be is are was were am been being "
        "do does did have has had will would shall should can could may might must i'm you're he's she's it's we're "
        "they're that's there's i you he she we they who which what how when where why while because or hundred "
        "thousand every each some any such both either neither mr mrs dr let's don't doesn't didn't can't won't isn't "
        "aren't wasn't i'll you'll he'll she'll we'll they'll i'd i've you've we've they've know knows knew see "
        "wonder matter no_matter all",
    ),
    "es": _of(
        "pero porque aunque cuando mientras si que quien quienes donde como qué quién quiénes cuándo cómo dónde "
        "adónde cuál cuáles cuánto cuánta cuántos cuántas sino para_que ya_que así_que sin_que hasta_que desde_que "
        "puesto_que dado_que de_modo de_manera por_lo_que por_qué lo_que la_que los_que las_que el_que a_pesar "
        "antes_de después_de en_cuanto",
        "y e o u ni",
        "para desde hasta durante sin según mediante",
        "el la los las lo un una unos unas al del este esta estos estas ese esa esos esas aquel aquella mi mis tu tus "
        "su sus nuestro nuestra nuestros nuestras vuestro vuestra vuestros vuestras de a en con por para sin sobre "
        "tras entre hacia hasta desde según durante contra ante bajo y e o u ni que si se me te le les nos os no ya "
        "muy tan tanto tanta tantos tantas más menos mejor peor mayor menor igual mismo misma hay había tengo tienes "
        "tiene tenemos tenéis tienen tenía tuve tuvo tendré tendrá tener así sino dado puesto es son era eran fue ser "
        "está están estaba he has ha hemos habéis han había muy cada todo toda todos todas algún alguna ningún "
        "ninguna treinta cuarenta cincuenta sesenta setenta ochenta noventa pero porque aunque cuando mientras donde "
        "como qué cómo don doña san santa tal otro otra claro verdad luego casi solo sólo aun tal_vez",
    ),
    "fr": _of(
        "mais car parce_que puisque puisqu' lorsque lorsqu' quand comme que qu' qui dont où si quoique quoiqu' "
        "tandis_que tandis_qu' pendant_que alors_que alors_qu' pour_que pour_qu' afin_que afin_de avant_de avant_que "
        "ce_que ce_qu' ce_qui pourquoi comment jusqu'à_ce sans_que bien_que dès_que",
        "et ou ni",
        "pour sans depuis pendant durant malgré dès jusqu' avant après",
        "le la les l' un une des du de d' au aux à en dans sur sous avec par pour sans chez vers entre ce cet cette "
        "ces mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs je j' tu il elle on nous vous ils elles "
        "me m' te t' se s' ne n' y et ou ni que qu' qui si est sont était ai as a avons avez ont c' c'est très trop "
        "plus moins aussi si tant tout toute tous toutes pas rien parce afin tandis pendant alors avant bien dès "
        "puis vingt trente quarante cinquante soixante même mieux tel telle faut fallait plutôt ainsi autre chaque "
        "quelque mais car comme quand où dont rue jamais",
    ),
    "de": _of(
        "aber sondern denn doch",
        "und oder",
        "ohne während trotz wegen seit",
        "der die das den dem des ein eine einen einem einer eines kein keine keinen mein meine meinen dein deine sein "
        "seine ihr ihre unser unsere euer eure dieser diese dieses diesen diesem jeder jede jedes in im an am auf aus "
        "bei beim mit nach von vom vor zu zum zur für durch gegen um über unter ohne und oder aber als wie dass weil "
        "wenn ob nicht sehr so zu ich du er sie es wir man ja nein auch "
        "nur noch schon hundert tausend ein zwei drei vier fünf sechs sieben acht neun herr "
        "frau entweder weder sowohl",
    ),
    "it": _of(
        "ma perché però quando mentre se che chi cui dove come poiché affinché benché sebbene anche_se finché cosa "
        "quale quali quanto quello_che ciò_che prima_di dopo_che visto_che dato_che",
        "e ed o oppure né",
        "per senza durante dopo prima fino",
        "il lo la i gli le l' un uno una un' del dello della dei degli delle dell' al allo alla ai agli alle all' dal "
        "dalla nel nella nei nelle nell' sul sulla di a da in con su per tra fra e ed o né che se non mi ti si ci vi "
        "ne più meno molto tanto così tutto tutta tutti tutte ogni mio mia tuo tua suo sua nostro nostra vostro vostra "
        "loro questo questa questi queste quel quella quei quelle è sono era ha ho hai hanno anche visto dato ciò "
        "quello ma perché quando come dove prima dopo meglio peggio altro altra trenta quaranta senza per cui solo "
        "ancora",
    ),
    "pt": _of(
        "mas porque quando enquanto se que quem onde como por_que para_que já_que até_que sem_que desde_que "
        "o_que a_que os_que as_que ainda_que assim_que quanto qual quais cujo cuja porém antes_de depois_de",
        "e ou nem",
        "para desde até durante sem segundo conforme",
        "o a os as um uma uns umas do da dos das ao à aos às no na nos nas pelo pela num numa de em com por para sem "
        "sobre entre até desde e ou nem que se não me te lhe nos vos mais menos muito tão tanto melhor pior todo toda "
        "todos todas meu minha teu tua seu sua nosso nossa vosso vossa este esta esse essa aquele aquela é são era foi "
        "está estão há tem tenho temos têm tinha ter já ainda assim mas porque quando como onde vinte trinta quarenta "
        "cinquenta sessenta setenta oitenta noventa cento dom dona são cada outro outra só mesmo quase",
    ),
    "nl": _of(
        "maar want omdat terwijl hoewel tenzij zodat voordat nadat totdat wanneer waarom waarvoor waarmee waardoor "
        "sinds zodra",
        "en of",
        "zonder tijdens ondanks vanaf",
        "de het een 't 'n mijn jouw zijn haar ons onze hun deze dit die dat in op aan van voor met bij naar uit door "
        "over om te tot en of maar als dat niet heel erg zo ik jij je hij zij ze wij we "
        "geen elke ieder alle honderd duizend een twee drie vier vijf zes zeven acht negen waar hoe wat wie",
    ),
    "ru": _of(
        "но потому_что чтобы если когда пока хотя который которая которое которые",
        "и или либо",
        "без после перед ради вместо",
        "в во на с со к ко у о об от до из за по под над при про для без и или а но не ни же бы это этот эта эти тот "
        "та те мой моя мои твой твоя наш наша ваш ваша его её их очень так как что если когда чтобы потому я ты он "
        "она мы вы они весь вся все всё каждый самый более менее только даже",
    ),
    "uk": _of(
        "але тому_що щоб якщо коли поки хоча який яка яке які",
        "і й та або",
        "без після перед заради",
        "в у на з із зі до від за по під над при про для без і й та або а але не ні ж це цей ця ці той мій моя твій "
        "наш ваш його її їх дуже так як що якщо коли щоб тому я ти він вона ми ви вони весь вся все всі кожен",
    ),
    "pl": _of(
        "ale bo ponieważ gdyż jednak",
        "i oraz lub albo",
        "bez podczas mimo dla",
        "w we na z ze do od za po pod nad przy przez dla o u bez i oraz lub albo a ale nie się to ten ta te tego mój "
        "moja twój twoja nasz wasz jego jej ich bardzo tak jak że żeby jeśli gdy kiedy ja ty on ona my wy oni jest są "
        "był była każdy tylko nawet już jeszcze pan pani",
    ),
    "cs": _of(
        "ale protože když jestli zatímco ačkoli",
        "a i nebo ani",
        "bez během podle kvůli",
        "v ve na s se z ze do od za po pod nad při pro o u k ke bez a i nebo ani ale ne si to ten ta můj moje tvůj náš "
        "váš jeho její jejich velmi tak jak že aby pokud když já ty on ona my vy oni je jsou byl byla každý jen už",
    ),
    "hr": _of(
        "ali jer kada dok iako ако али јер када док иако",
        "i ili и или",
        "bez tijekom poslije zbog без после због",
        "u na s sa iz do od za po pod nad pri o k bez i ili a ali ne se je su sam si smo ste to taj ta moj moja tvoj "
        "naš vaš njegov njezin vrlo tako kao što da ako kad ja ti on ona mi vi oni у на с са из до од за по под над и "
        "или а али не се је су сам то тај мој твој наш ваш врло тако као што да",
    ),
    "tr": _of(
        "ama fakat çünkü ancak oysa halbuki yoksa",
        "ve veya ya_da",
        "",
        "bir bu şu o ve veya ya da de çok daha en her hiç ne kadar için ile gibi ama çünkü eğer benim senin onun bizim "
        "sizin iki üç dört beş altı yedi sekiz dokuz on yüz bin",
    ),
    "sv": _of(
        "men eftersom medan fastän därför_att för_att så_att när innan varför",
        "och eller",
        "utan under trots sedan",
        "en ett den det de i på av till för med från om vid hos och eller men att som inte mycket så min mitt din sin "
        "vår er deras hans hennes jag du han hon vi ni är var har hade kan ska måste alla varje därför hundra bara",
    ),
    "da": _of(
        "men fordi mens selvom så_at når inden hvorfor",
        "og eller",
        "uden under trods siden",
        "en et den det de i på af til for med fra om ved hos og eller men at som ikke meget så min mit din sin vores "
        "jeres deres hans hendes jeg du han hun vi er var har havde kan skal må alle hver hundrede kun",
    ),
    "nb": _of(
        "men fordi mens selv_om når hvorfor",
        "og eller",
        "uten under tross siden",
        "en ei et den det de i på av til for med fra om ved hos og eller men at som ikke veldig så min mitt din sin "
        "vår deres hans hennes jeg du han hun vi dere er var har hadde kan skal må alle hver selv hundre bare",
    ),
    "fi": _of("mutta vaikka koska", "ja tai sekä", "", "ja tai sekä mutta että jos kun ei en et on oli hyvin niin"),
    "hu": _of("mert amikor", "és vagy", "", "a az egy és vagy de hogy ha nem is ez az nagyon olyan"),
    "ro": _of(
        "dar pentru_că fiindcă deși când unde cum dacă care iar ca_să",
        "și sau",
        "fără până după",
        "un o al ai ale la de din în pe cu pentru prin spre și sau dar că să nu mai foarte așa tot toată toți toate "
        "meu mea tău ta său sa nostru noastră este e sunt era a au am ai se îmi îți mă te ne vă ca",
    ),
    "ca": _of(
        "però perquè encara_que quan mentre si que qui on com què sinó ja_que",
        "i o ni",
        "per_a des durant sense segons",
        "el la els les l' un una uns unes al del dels de d' a en amb per sense i o ni que si no es em et li ens us més "
        "menys molt tan tot tota tots totes meu meva teu teva seu seva nostre nostra és són era ha he has hem ja "
        "aquest aquesta aquell aquella hi ho vint trenta quaranta així encara",
    ),
    "el": _of(
        "αλλά γιατί επειδή όταν ενώ αν που ώστε καθώς αφού πριν όπου",
        "και κι ή ούτε",
        "χωρίς μέχρι κατά",
        "ο η το οι τα τον την του της των τους τις ένας μια μία ένα στο στη στην στον στους στις στα σε από με για ως "
        "και κι ή να θα δεν δε μη μην μου σου μας σας πολύ πιο τόσο όλα όλοι είναι ήταν έχω έχει τι ότι πως αυτό αυτός",
    ),
    "ar": _of(
        "لكن ولكن لأن لأنه لأنها عندما الذي التي الذين إذا بينما ثم حيث لكي كي",
        "أو",
        "بدون دون خلال منذ",
        "في من إلى على عن مع و أو ثم لا لم لن ما هذا هذه ذلك تلك كل بعض غير إن أن قد لقد هل يا كان كانت هو هي أنا أنت "
        "نحن لكن حتى بعد قبل",
    ),
    "he": _of(
        "אבל כי אשר כאשר למרות כדי אם בגלל לפני אחרי",
        "או",
        "בלי ללא במשך",
        "את של על עם אל מן לא או אם כי אבל הוא היא אני אתה אנחנו זה זאת זו כל יש אין מה מי גם רק מאוד יותר אחרי לפני",
    ),
    "fa": _of(
        "اما ولی زیرا چون وقتی اگر", "و یا", "بدون", "از به در با برای که و یا اما این آن هر یک را نه خیلی بسیار"
    ),
    "hi": _of(
        "लेकिन मगर क्योंकि कि जब अगर जो ताकि हालांकि",
        "और या",
        "",
        "और या कि एक यह वह ये वे इस उस मेरा मेरी तेरा हमारा बहुत नहीं न हर सब दो तीन चार पाँच लेकिन जो",
    ),
    "id": _of(
        "tetapi tapi karena ketika meskipun walaupun sehingga agar supaya sebelum sesudah jika kalau yang",
        "dan atau",
        "tanpa selama sejak untuk",
        "di ke dari pada untuk dengan oleh dan atau yang tidak bukan sangat lebih itu ini para sebuah seorang akan "
        "sudah telah sedang saya kamu dia kami kita mereka bahwa seperti",
    ),
    "vi": _of(
        "nhưng bởi_vì tại_vì mặc_dù khi nếu",
        "và hoặc hay",
        "",
        "và hoặc hay nhưng là của cho với ở trong trên dưới từ đến một những các cái con rất không chưa đã đang sẽ này "
        "khi nếu trước sau bởi tại mặc tôi anh em ông bà",
    ),
    "ko": _of("", after=r"[가-힣](?:지만|는데|은데|니까|면서|려고|도록|거나|으면)(?= )"),
    "ja": _of(
        "",
        after=r"(?:けれども|けれど|けど)(?![もど、。])|(?<!も)ので(?![すしあはも、。])|ながら(?![くも、。])"
        r"|(?<=[だいする])から(?=[㐀-鿿ァ-ヶ「『])|(?<=た)(?<!なた)から(?=[㐀-鿿ァ-ヶ「『])"
        r"|(?<=[っいしきん])(?:たら|だら)(?=[㐀-鿿ァ-ヶ「『])|(?<=[㐀-鿿ァ-ヶー])は(?=[㐀-鿿ァ-ヶ「『])",
    ),
    "zh": _of(
        "",
        before="但是|因为|因為|所以(?!然)|如果|而且|可是|虽然|雖然|然后|然後|并且|並且|或者"
        "|因此|除非",
        after="(?:的时候|的時候|(?<=[㐀-鿿]{2})(?:以后|以後|之后|之後|以前|之前))(?![，。！？的都也就才])",
    ),
    "th": _of("", before="เพราะว่า|ดังนั้น|ถ้าหาก|ถึงแม้ว่า|อย่างไรก็ตาม"),
}  # fmt: skip
