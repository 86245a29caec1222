"""What models and people say in many languages: refusals, apologies, labels, interjections. Data; judges nothing."""

from __future__ import annotations

import re

CERTAIN_REFUSAL = re.compile(
    r"\bas an? (?:AI|artificial|language model)|\bcomo (?:una? )?(?:IA|inteligencia artificial|modelo de lenguaje)\b"
    r"|\ben tant qu['’](?:IA|intelligence|assistant)|\bals (?:KI|künstliche Intelligenz|Sprachmodell)\b"
    r"|\bcome (?:IA|intelligenza artificiale|modello linguistico)\b|\bcomo (?:um )?modelo de linguagem\b"
    r"|\bкак (?:ИИ|языковая модель|искусственный интеллект)|作为(?:一个)?(?:AI|人工智能|语言模型)"
    r"|AIとして|言語モデルとして|AI(?:로서| 언어)"
    r"|\b(?:can(?:no|['’])t|unable to|won['’]t) (?:assist|help|comply|fulfil|translate|provide|process|answer)\b"
    r".{0,40}\b(?:request|content|text|prompt)"
    r"|\bno puedo (?:ayudar(?:te|le)?|asistir|traducir|cumplir|proporcionar)\b.{0,40}\b(?:solicitud|contenido|petición)"
    r"|\bne peux pas (?:vous aider|t['’]aider|traduire|répondre)\b.{0,40}\b(?:demande|contenu)"
    r"|\bkann\b.{0,30}\b(?:Anfrage|Inhalte?|Text)\b.{0,20}\bnicht\b"
    r"|\bnon posso (?:aiutar|tradurre|assister|soddisfare).{0,40}\b(?:richiesta|contenut)"
    r"|\bnão posso (?:ajudar|traduzir|atender).{0,40}\b(?:pedido|conteúdo|solicitação)"
    r"|не могу (?:помочь|перевести|выполнить).{0,30}(?:запрос|просьб|текст)"
    r"|(?:无法|不能)(?:协助|提供|翻译|满足|处理).{0,10}(?:请求|内容|翻译)|翻訳することはでき",
    re.IGNORECASE,
)
"""A model speaking of itself, or declining a task by that name."""

REFUSAL = re.compile(
    r"^\W*(?:(?:I['’]?m|I am) (?:very )?sorry,? (?:but )?I (?:can(?:no|['’])t|am unable)|I apologi[sz]e,? but"
    r"|(?:lo siento|disculpa|perdón),? (?:pero )?no puedo|(?:je suis )?désolée?,? (?:mais )?je ne (?:peux|puis)"
    r"|es tut mir leid,? (?:aber )?ich kann|mi dispiace,? (?:ma )?non posso"
    r"|(?:desculpe|sinto muito|lamento),? (?:mas )?não posso|het spijt me,? (?:maar )?ik kan"
    r"|przepraszam,? (?:ale )?nie mogę|извините,? (?:но )?я не могу|üzgünüm,? (?:ama )?"
    r"|(?:抱歉|对不起|很抱歉)[，,]?(?:我|但)?.{0,3}(?:无法|不能)|申し訳(?:ありません|ございません)|죄송(?:합니다|하지만)"
    r"|عذر[اًا]+،? (?:لكن )?لا (?:أستطيع|يمكنني))",
    re.IGNORECASE,
)
"""An apology and an inability: a refusal where the line has no apology."""

SORRY = re.compile(
    r"\b(?:sorry|apolog|forgive|excuse|pardon|afraid|regret|siento|perd[oó]n|discul|lament|désol|excus|leid|entschuldig"
    r"|verzeih|bedauer|dispiac|scus[ai]|desculp|sinto|spijt|przepr|przykro|извин|прост|жаль|üzgün|özür|förlåt|ledsen)"
    r"|抱歉|对不起|對不起|不好意思|申し訳|すみません|ごめん|죄송|미안|عذر|آسف",
    re.IGNORECASE,
)
"""An apology, in whatever language the film speaks."""

LABEL = re.compile(
    r"\s*(?:(?:(?:the|best|shorter|longer|short|long|spanish|french|german|italian|english|portuguese) )*"
    r"(?:translation|translated|wording|version|output|answer|response|result|option|variant|note|best|shorter|longer"
    r"|source|target|text|line)|traducci[óo]n|traduction|übersetzung|traduzione|tradução|vertaling|tłumaczenie"
    r"|översättning|oversettelse|oversættelse|käännös|překlad|fordítás|traducere|çeviri|перевод|переклад|μετάφραση"
    r"|ترجمة|תרגום|अनुवाद|翻译|译文|翻譯|翻訳|訳|번역|nota|anmerkung|hinweis|remarque)"
    r"\s*(?:\d+|\([^)]*\))?\s*[:：]",
    re.IGNORECASE,
)
"""What a model writes before a translation when it writes more than that."""

INTERJECTIONS = frozenset(
    word
    for row in (
        "ah aha ahh aw bah bravo brr ciao eh ehm er erm gah ha haha hah hahaha hee hehe hey hm hmm hmmm ho hoho huh",
        "hum hurrah lala mhm mm mmm mwah ok okay oh ohh oho ooh oops ouch ow pff phew psst sh shh shhh tada tsk ugh",
        "uh uhh uhm um umm viva whoa wow yay yo yoo yuck amen hallelujah stop taxi hotel radio mama papa",
        "ага ах ай ой ох ух эй эх ну хм ха хаха ок окей",
    )
    for word in row.split()
)
"""Sounds and words that are the same in many languages, or near enough to be left as they are."""

NO_IS_NO = frozenset({"en", "es", "it", "ca", "gl", "ast", "eu", "oc"})
"""Languages in which "no" is no."""
