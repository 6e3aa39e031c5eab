"""Phrases, patterns and quotes are compared as each language is written, and keep their times."""

# ruff: noqa: RUF001 (letters that look alike are what this is about)
from __future__ import annotations

from typing import Any

import pytest

from cci_lite.contract.conversation import Conversation, Role, Turn, Word
from cci_lite.contract.document import CriterionResult, Evidence, Redaction
from cci_lite.contract.form_reading import parse_draft
from cci_lite.evaluation.by_model.quotes import find_quote, heard_turns
from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.language.comparison import joint
from cci_lite.language.heard import heard, span_of_words


def spoken(words: str) -> Turn:
    """A turn whose words, between blanks here, take a second each, joined as they are written."""
    text, placed = "", []
    for second, word in enumerate(words.split()):
        text += joint(text, word) if text else ""
        placed.append(Word(len(text), float(second), second + 1.0))
        text += word
    return Turn(Role.AGENT, None, 0.0, float(len(placed)), text, None, tuple(placed))


def judged(language: str | None, words: str, rule: dict[str, Any]) -> CriterionResult:
    criteria = [{"id": "said_01", "text": "Was it said?", "weight": 1, "rule": rule}]
    form = parse_draft({"criteria": criteria}).as_version(1)
    call = Conversation("job", language, Redaction.NONE, 99.0, (spoken(words),))
    (result,) = evaluate_rules(form, call)
    return result


def seconds(evidence: Evidence) -> tuple[float | None, float | None]:
    return evidence.start_seconds, evidence.end_seconds


@pytest.mark.parametrize(
    ("language", "words", "phrase", "times"),
    [
        ("ja-JP", "はい 。 この 通話 は 録音 さ れ ます 。", "この通話は録音されます", (2, 10)),
        ("ja-JP", "はい 。 この 通話 は 録音 さ れ ます 。", "この 通話は、録音", (2, 6)),
        ("ja-JP", "では 、 カード の 番号 を", "かーど", (2, 3)),
        ("ja-JP", "ｶﾞｲﾄﾞ を お送り し ます", "ガイドをお送り", (0, 3)),
        ("ja-JP", "時々 切れ ます", "時時", (0, 1)),
        ("ja-JP", "いすゞ の 車", "いすず", (0, 1)),
        ("ja-JP", "番号 は １２３ 番 です", "123番", (2, 4)),
        ("ja-JP", "Wi-Fi に つなぐ", "Ｗｉ－Ｆｉに", (0, 2)),
        ("zh-CN", "您好 ， 本次 通话 将 被 录音 。", "通话将被录音", (3, 8)),
        ("zh-TW", "您好 ， 本次 通話 將 被 錄音 。", "本次通話", (2, 4)),
        ("zh-HK", "你好 ， 呢 個 電話 會 錄音 嘅", "電話會錄音", (4, 7)),
        ("th-TH", "การ สนทนา นี้ จะ ถูก บันทึก ครับ", "สนทนานี้จะถูกบันทึก", (1, 6)),
        ("th-TH", "รอ สัก ครู่ นะ คะ", "สักครู่", (1, 3)),
        ("lo-LA", "ການ ສົນທະນາ ນີ້", "ສົນທະນານີ້", (1, 3)),
        ("km-KH", "ការ សន្ទនា នេះ", "សន្ទនានេះ", (1, 3)),
        ("my-MM", "ဖုန်း ခေါ်ဆို မှု", "ခေါ်ဆိုမှု", (1, 3)),
        (None, "この 通話 は 録音 さ れ ます", "通話は録音", (1, 4)),
        ("en-US", "please say 録音 し ます now", "録音します", (2, 5)),
        ("ko-KR", "이 통화는 녹음됩니다 고객님", "통화 녹음", (1, 3)),
        ("ko-KR", "이 통화는 녹음됩니다 고객님", "고객", (3, 4)),
        ("ko-KR", "통화 녹음은 보관 됩니다", "통화녹음", (0, 2)),
        ("ko-KR", "통화녹음을 보관합니다", "통화 녹음 보관", (0, 2)),
        ("de-DE", "Ihre Kundennummer bitte", "Kunden-Nummer", (1, 2)),
        ("de-DE", "Ihre Kunden Nummer bitte", "Kundennummer", (1, 3)),
        ("de-DE", "Ihre Kunden-Nummer bitte", "Kunden Nummer", (1, 2)),
        ("de-DE", "Wir können Sie an rufen", "anrufen", (3, 5)),
        ("nl-NL", "uw klant nummer graag", "klantnummer", (1, 3)),
        ("fi-FI", "asiakas numero kiitos", "Asiakasnumero", (0, 2)),
        ("fi-FI", "HYVÄÄ PÄIVÄÄ", "hyvää päivää", (0, 2)),
        ("tr-TR", "IRMAK KISA İPTAL", "kısa iptal", (1, 3)),
        ("tr-TR", "kısa bir iptal", "KISA BİR İPTAL", (0, 3)),
        ("fr-FR", "l’appel est enregistré", "appel", (0, 1)),
        ("fr-FR", "l' appel est enregistré", "l'appel est", (0, 3)),
        ("fr-FR", "ma sœur est là", "soeur", (1, 2)),
        ("it-IT", "le offro l'assistenza", "assistenza", (2, 3)),
        ("ar-SA", "شُكـــراً لاتصالك", "شكرا لاتصالك", (0, 2)),
        ("ar-SA", "أهلا بك في الخدمة", "اهلا بك", (0, 2)),
        ("ar-AE", "رقم ١٢٣ فقط", "123", (1, 2)),
        ("he-IL", "שָׁלוֹם וברכה", "שלום", (0, 1)),
        ("hi-IN", "यह फ़ोन रिकॉर्ड हो रहा है", "फोन रिकॉर्ड", (1, 3)),
        ("hi-IN", "क्\u200dया मैं मदद करूँ", "क्या मैं मदद करूं", (0, 4)),
        ("fa-IR", "این تماس ضبط می\u200cشود", "ضبط می شود", (2, 4)),
        ("vi-VN", "hoà bình nhé", "hòa bình", (0, 2)),
        ("en-US", "Kun\u00adden\u200bdienst of\ufb01ce", "kunden dienst office", (0, 2)),
        ("en-US", "the ʼrock ‘n’ roll′ show", "rock n roll", (1, 4)),
    ],
)
def test_a_phrase_is_found_with_its_times_as_the_language_is_written(
    language: str | None, words: str, phrase: str, times: tuple[float, float]
) -> None:
    result = judged(language, words, {"phrases": [phrase]})
    assert result.passed is True
    (evidence,) = result.evidence
    assert seconds(evidence) == times


@pytest.mark.parametrize(
    ("language", "words", "phrase"),
    [
        ("ja-JP", "録音 は し ません", "録音します"),
        ("ja-JP", "13 回", "3回"),
        ("zh-CN", "通话 [PII] 录音", "通话录音"),
        ("th-TH", "กิน ข้าว", "กน"),
        ("th-TH", "กิ น", "ก"),
        ("ko-KR", "네이버 아이디", "네"),
        ("ko-KR", "고객센터입니다", "센터"),
        ("de-DE", "Ihre Kundennummer", "Nummer"),
        ("de-DE", "im Saal", "im Saa"),
        ("de-DE", "Kunden [PII] Nummer", "Kundennummer"),
        ("tr-TR", "çok sık arıyorum", "sik"),
        ("tr-TR", "SIK", "sik"),
        ("en-US", "I know", "no"),
        ("en-US", "a good bye", "goodbye"),
        ("en-US", "don't", "don"),
        ("hi-IN", "पाँचवाँ दिन", "पाँच"),
    ],
)
def test_a_phrase_is_not_found_in_other_words(language: str, words: str, phrase: str) -> None:
    assert judged(language, words, {"phrases": [phrase]}).passed is False


@pytest.mark.parametrize(
    ("language", "words", "pattern", "times"),
    [
        ("ja-JP", "番号 は ｶﾞｲﾄﾞ の １２３ です", r"ガイドの\d{3}", (2, 5)),
        ("ar-SA", "رقم الطلب ١٢٣ فقط", r"الطـلب \d+", (1, 3)),
        ("hi-IN", "मेरा फ़ोन नंबर", "फ़ोन|रद्द", (1, 2)),
        ("en-US", "yes I\u2019m sure", "I'm sure", (1, 3)),
        ("en-US", "yes I'm sure", "I\u2019m sure", (1, 3)),
        ("fr-FR", "un cafe\u0301 noir", "café", (1, 2)),
        ("de-DE", "die Wohnung\uff08neu\uff09", "\uff08NEU\uff09", (1, 2)),
        ("ar-SA", "شُكرا جزيلا", "[\u064b-\u0652]|شكرا", (0, 1)),
    ],
)
def test_a_pattern_is_searched_in_plain_characters(
    language: str, words: str, pattern: str, times: tuple[float, float]
) -> None:
    result = judged(language, words, {"pattern": pattern})
    assert result.passed is True
    assert seconds(result.evidence[0]) == times


def test_a_pattern_of_marks_that_are_not_compared_breaks_no_call() -> None:
    assert judged("ar-SA", "شُكرا", {"pattern": "[\u064b]"}).passed is False


def test_a_phrase_counts_from_the_second_in_which_its_first_word_begins() -> None:
    words = "この 通話 は 録音 さ れ ます 。 はい 、 通話 です"
    assert judged("ja-JP", words, {"phrases": ["録音"], "within": {"first_seconds": 3}}).passed
    early = {"phrases": ["録音"], "within": {"first_seconds": 2.5}}
    assert judged("ja-JP", words, early).passed is False
    late = judged("ja-JP", words, {"phrases": ["通話"], "within": {"last_seconds": 5}})
    assert seconds(late.evidence[0]) == (10.0, 11.0)


def test_of_a_long_sentence_without_blanks_the_words_are_quoted() -> None:
    words = "とても " * 120 + "この 通話 は 録音 さ れ ます " + "ながい " * 120 + "。"
    (evidence,) = judged("ja-JP", words, {"phrases": ["通話は録音されます"]}).evidence
    assert "この通話は録音されます" in evidence.quote
    assert len(evidence.quote) <= 200
    assert seconds(evidence) == (121.0, 127.0)


def test_a_long_sentence_is_not_cut_before_a_vowel_sign() -> None:
    (evidence,) = judged("th-TH", "ที่นี่ " * 90, {"phrases": ["ที่นี่" * 3]}).evidence
    assert evidence.quote.startswith("ที่") or evidence.quote.startswith("นี่")


@pytest.mark.parametrize(
    ("words", "quote"),
    [
        ("はい 。 この 通話 は 録音 さ れ ます 。 では", "この通話は録音されます。"),
        ("您好 ， 本次 通话 将 被 录音 。", "您好，本次通话将被录音。"),
        ("एक। दो यहाँ है। तीन", "दो यहाँ है।"),
    ],
)
def test_a_quote_is_the_sentence_as_it_is_written(words: str, quote: str) -> None:
    (found,) = find_quote(quote, heard_turns([spoken(words)], "ja-JP"))
    assert found.quote == quote


def test_a_quote_in_a_language_without_blanks_needs_more_than_a_word_or_two() -> None:
    turns = heard_turns([spoken("はい この 通話 は 録音 さ れ ます")], "ja-JP")
    assert find_quote("通話", turns) == ()
    assert find_quote("「通話は、録音」", turns) == ()
    (found,) = find_quote("「通話は、録音され」", turns)
    assert seconds(found) == (2.0, 7.0)


def test_words_may_be_left_out_of_a_quote_in_a_language_without_blanks() -> None:
    turns = heard_turns([spoken("はい この 通話 は 録音 さ れ ます")], "ja-JP")
    (found,) = find_quote("この通話…されます", turns)
    assert seconds(found) == (1.0, 8.0)


def test_a_quote_in_turkish_is_found_whatever_its_case() -> None:
    turns = heard_turns([spoken("bu kısa bir IRMAK")], "tr-TR")
    assert len(find_quote("KISA BİR ırmak", turns)) == 1


@pytest.mark.parametrize(
    ("one", "other", "between"),
    [
        ("この", "通話", ""),
        ("です。", "ABC", ""),
        ("ABC", "です", ""),
        ("好，", "我", ""),
        ("[PII]", "さん", ""),
        ("การ", "สนทนา", ""),
        ("ការ", "នេះ", ""),
        ("โทร", "1234", " "),
        ("Kunden", "Nummer", " "),
        ("Straße", "für", " "),
        ("통화는", "녹음됩니다", " "),
        ("यह", "फ़ोन", " "),
        ("090", "1234", " "),
    ],
)
def test_words_are_joined_as_they_are_written(one: str, other: str, between: str) -> None:
    assert joint(one, other) == between


@pytest.mark.parametrize("text", ["時計、ｶﾞｲﾄﾞ（１２）を㍻に", "कि.मी. 'क' फ़", "a-b  c'd—e ﬁn"])
def test_every_word_is_found_again_where_it_stands(text: str) -> None:
    words = heard(text).split()
    for number, word in enumerate(words):
        start, end = span_of_words(text, number, 1)
        assert f" {word} " in heard(text[start:end])
