"""Lines that recognisers learned from subtitle files and say over silence: credits, channel talk, farewells. Data and
one question about it; whether such a line was spoken is for others to judge."""

from __future__ import annotations

import re
import unicodedata

REVISION = 1
"""Goes up with the lines below."""

ANYWHERE = (
    r"amara ?org",
    r"opensubtitles",
    r"authorwave",
    r"dimatorzok",
    r"zeoranger",
    r"明镜与点点",
    r"请不吝点赞",
    r"mbc 뉴스",
)
"""What no film says and many a subtitle file does: enough wherever it stands in a line."""

BEGINNING = (
    r"(sub)?title[sd]?( and \w+)? by",
    r"(closed )?caption(s|ed|ing)( provided)? by",
    r"(transcription|transcribed|translated|translation|subtitling)( and \w+)? by",
    r"(unter)?titel(ung)?( von| der| des| im auftrag| \d)",
    r"copyright (wdr|swr|ndr|br|zdf|ard)",
    r"sous titr(age|es|é)",
    r"subt[íi]tulos( realizados| creados| por)",
    r"subtitulado por",
    r"legendas?( pela| por| de)|legendado por",
    r"sottotitoli( creati| a cura| di| e revisione)",
    r"ondertitel(s|ing|d)",
    r"napisy (stworzone|wykonane|tłumaczenie)",
    r"(undertexter|undertekster|danske tekster|norske tekster|teksting|tekstet|textning)( av| af| från)",
    r"titulky (vytvořil|přeložil|pro)|překlad a titulky",
    r"feliratok|magyar szöveg",
    r"altyazı",
    r"субтитры|редактор субтитров|корректор|перевод и субтитры|субтитри",
    r"υπότιτλοι",
    r"subtitrarea?",
    r"phụ đề",
    r"ترجمة",
    r"תרגום",
    r"字幕|中文字幕|翻訳|자막|한글자막",
    r"คำบรรยาย",
)
"""How lines begin that say who made the subtitles."""

WHOLE = (
    r"(thanks|thank you)( so much| very much)?( everyone| all| guys)? for (watching|listening|viewing)"
    r"( (this|the|my|our) video)?",
    r"(please )?(don t forget to )?(like|subscribe)( and | to )(subscribe|like|my channel|the channel|our channel).*",
    r"(please )?subscribe( now)?",
    r"see you (next time|in the next video)",
    r"(vielen )?dank fürs (zuschauen|zuhören)|bis zum nächsten mal|(bitte )?abonniert .*kanal",
    r"merci d avoir (regardé|visionné|suivi).*|abonnez vous.*|n oubliez pas de vous abonner.*",
    r"(muchas )?gracias por (ver|mirar|vernos).*|suscr[íi]bete.*",
    r"obrigad[oa] por (assistir|ver).*|(se )?inscreva(m)? se.*",
    r"grazie (per|a tutti per) (aver guardato|la visione|l attenzione).*|iscriviti.*",
    r"bedankt voor het kijken.*",
    r"dzięk(uję|i|ujemy) za (oglądanie|obejrzenie|uwagę).*",
    r"спасибо за (просмотр|внимание).*|продолжение следует|подпи(шитесь|сывайтесь).*канал.*",
    r"дякую за перегляд.*|далі буде",
    r"děkuj(i|eme) za (sledování|pozornost).*",
    r"tack (för|till er) (att ni|som) (tittat|har tittat|tittade).*",
    r"takk for (at du så på|ating med).*|tak fordi (du|i) (så|kiggede) med.*",
    r"köszönöm,? hogy megnézt(e|ed|étek).*",
    r"izlediğiniz için teşekkür(ler| ederim| ederiz)|abone ol.*",
    r"terima kasih (telah|sudah) menonton.*",
    r"(hãy |các bạn hãy )?(subscribe|đăng ký) (cho )?kênh.*|cảm ơn các bạn đã (theo dõi|xem|lắng nghe).*",
    r"اشتركوا في القناة|شكرا (لكم )?(على المشاهدة|للمشاهدة)",
    r"תודה (רבה )?(על הצפייה|שצפיתם)",
    r"(ご)?(視聴|清聴|覧いただき).*ありがとうございま(した|す)|チャンネル登録.*|最後までご視聴.*|おやすみなさい",
    r"(感谢|感謝|谢谢|謝謝)(您|大家|你)?(的)?(观看|觀看|收看|收听|收聽)|.*(点赞|點贊).*(订阅|訂閱).*",
    r"(끝까지 )?시청해 ?주셔서 (대단히 )?감사합니다|구독과 좋아요.*|다음 (영상|시간)에서? (만나요|뵙겠습니다)",
    r"ขอบคุณ(ที่|สำหรับการ)(รับชม|ติดตาม).*",
    r"देखने के लिए धन्यवाद.*",
)
"""Lines that mean the same to a whole channel's worth of videos: only as a whole line."""

_CREDIT = re.compile("|".join(f"(?:{one})" for one in ANYWHERE))
_OPENS = re.compile("|".join(f"(?:{one})" for one in BEGINNING))
_WHOLE = re.compile("|".join(f"(?:{one})" for one in WHOLE))


def is_credit(line: str) -> bool:
    """Whether a line is of the kind that a subtitle file's makers add."""
    told = _plain(line)
    return bool(_CREDIT.search(told) or _OPENS.match(told) or _WHOLE.fullmatch(told))


def _plain(line: str) -> str:
    """Small letters, and a single space for everything that is neither letter, mark nor digit."""
    kept = (
        c if unicodedata.category(c)[0] in "LMN" else " "
        for c in unicodedata.normalize("NFC", line).casefold()
    )
    return " ".join("".join(kept).split())
