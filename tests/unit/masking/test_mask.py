"""Second-stage masking: what goes, what stays, and where words are afterwards."""

from __future__ import annotations

import msgspec
import pytest

from cci_lite.contract.conversation import Conversation, Turn, Word
from cci_lite.contract.document import (
    AiSummary,
    CriterionResult,
    Entities,
    Entity,
    EntityResult,
    Evidence,
    KeyPhrase,
    KeyPhraseResult,
    KeyPhrases,
    Redaction,
)
from cci_lite.contract.limits import MAX_SUMMARY_RAW_BYTES
from cci_lite.contract.service_answers import Judgement, NlpAnswer
from cci_lite.evaluation.by_model.answer.reading import ModelReply
from cci_lite.evaluation.by_model.asking import judge_by_model
from cci_lite.masking.introductions import HeardName
from cci_lite.masking.mask import mask, masked_conversation, masked_judgement, masked_nlp
from tests.depth import mostly_slow
from tests.model_examples import (
    AGENT,
    CALL,
    CRITERIA,
    CUSTOMER,
    MODEL,
    Script,
    said,
    wrote,
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to jane.o'hara+x@mail.example.co.uk, please", "write to [EMAIL], please"),
        ("<müller@bücher.example>", "<[EMAIL]>"),
        ("it is jane dot doe at example dot com thanks", "it is [EMAIL] thanks"),
        ("max punkt muster at beispiel punkt de", "[EMAIL]"),
        ("IBAN DE89 3704 0044 0532 0130 00 and then", "IBAN [IBAN] and then"),
        ("de89370400440532013000.", "[IBAN]."),
        ("GB82-WEST-1234-5698-7654-32", "[IBAN]"),
        ("DE89 3704 0044 0532 0130 00 GB82 WEST 1234 5698 7654 32", "[IBAN] [IBAN]"),
        ("DE89370400440532013000x", "[NUMBER]x"),
        ("मेल rahul@example.in है", "मेल [EMAIL] है"),
        ("DE88 3704 0044 0532 0130 00", "[NUMBER]"),
        ("the card 4111 1111 1111 1111, yes", "the card [CARD], yes"),
        ("4111-1111-1111-1111", "[CARD]"),
        ("4111.1111/1111 1111", "[CARD]"),
        ("4111, 1111, 1111, 1111", "[CARD]"),
        ("378282246310005", "[CARD]"),
        ("4111 1111 1111 1112", "[NUMBER]"),
        ("call +49 (0) 30 / 1234-567 now", "call [NUMBER] now"),
        ("(555) 123-4567", "[NUMBER]"),
        ("1 2 3, 4 5 6", "[NUMBER]"),
        ("order AB1234567", "order [NUMBER]"),
        ("١٢٣٤٥٦٧", "[NUMBER]"),
        ("it is one two three, four five", "it is [NUMBER]"),
        ("oh five five 5 double six", "[NUMBER]"),
        ("null eins sieben fünfundzwanzig drei", "[NUMBER]"),
        ("it is jane.doe at gmail.com", "it is [EMAIL]"),
        ("jane at gmail.com", "[EMAIL]"),
        ("jane dot doe at gmail dot com", "[EMAIL]"),
        ("jane dot doe at t minus online dot de", "[EMAIL]"),
        ("jane punkt doe klammeraffe gmail punkt com", "[EMAIL]"),
        ("j a n e at my dash firm dot com", "[EMAIL]"),
        ("jane.doe (at) gmail.com", "[EMAIL]"),
        ("jean point dupont arobase exemple point fr", "[EMAIL]"),
        (
            "four one one one uh one one one one um one one one one and one one one one",
            "[NUMBER]",
        ),
        (
            "vier eins eins eins äh eins eins eins eins ähm eins eins eins eins und dann eins eins",
            "[NUMBER]",
        ),
        ("four one one one 1111 1111 1111", "[NUMBER]"),
        ("zero, one, two, three, four", "[NUMBER]"),
        ("one, two, three, four, five, six, seven", "[NUMBER]"),
        ("cinq deux trois quatre six", "[NUMBER]"),
        ("uno dos tres cuatro cinco", "[NUMBER]"),
        ("4111 uh 1111 um 1111 and then 1111", "[CARD]"),
        ("4111 and 1111 and 1111 and 1111", "[CARD]"),
        ("4111x1111x1111x1111", "[CARD]"),
        ("4111, 2011, 1111, 1112", "[NUMBER]"),
        ("0171, 2024, 555", "[NUMBER]"),
        ("555, 123 and 4567", "[NUMBER]"),
        ("4111 1111 1111 1111, 12 months", "[CARD], 12 months"),
        ("EUR 1234 5678 9012 euros", "EUR [NUMBER] euros"),
        ("05.03.2024, 030 1234567", "05.03.2024, [NUMBER]"),
        ("2025-11-05-123456", "[NUMBER]"),
        ("100, 250 and 123456", "[NUMBER]"),
    ],
)
def test_numbers_and_addresses_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "on 2025-11-05 at 14:30, until 2025-11-06 09:15:00",
        "2025-11-05T14:30:00, 05.11.2025, 11/05/2025 and 5/11/25",
        "between 2024 and 2025",
        "99.95 % of 12 % or 7 percent",
        "$1,234.50 or 12345.67 € or 99999 euros, GBP 20",
        "room 301, 3 nights, 12345",
        "evidence_not_found:compliance_05, greet_01",
        "[PII] and [NAME] and ***** stay",
        "1, 2, 3, 4, 5",
        "one or two or three things, four at most",
        "see you at 5 dot",
        "look at me",
        "Is 3030 credits enough? It would be 20 more.",
        "March 12, 2024 10:30",
        "am 05.03.2024, 14.30 Uhr",
        "am 05.03.2024 14 Uhr",
        "05.03. 14:30 - 15:00",
        "24/7, 365 days",
        "2023/2024",
        "EUR 1.250,50 – 24 Monate",  # noqa: RUF001
        "$1,250.50, 12 months",
        "49.99, 59.99 or 69.99",
        "250,000 euros",
        "100 euros 200 euros",
        "100, 250 and 500 megabits",
        "100, 250, 500 megabits",
        "100, 250 or 500",
        "rooms 301 and 302",
        "at 1920x1080",
        "2021, 2022, 2023, 2024",
        "one, two, three, four, five",
        "one and two and three and four and five",
        "oh oh oh oh oh no",
        "between two hundred fifty and three hundred",
        "version 1.2.3.4.5.6",
        "look at cnn dot com",
        "I have an account at amazon.com",
        "at this point I really care what hotel I stay at",
    ],
)
def test_what_says_nothing_about_a_person_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "names", "masked"),
    [
        ("Alice's bag, ALICE and alices.", ["Alice"], "[NAME]'s bag, [NAME] and [NAME]."),
        ("Ms Smith, Alice Smith, Alice", ["Alice Smith"], "Ms [NAME], [NAME], [NAME]"),
        ("Smith, Alice", ["Alice Smith"], "[NAME], [NAME]"),
        ("Will will call Mark to mark it", ["Will", "Mark"], "[NAME] will call [NAME] to mark it"),
        ("alicent malice", ["Alice"], "alicent malice"),
        ("alice_smith.wav", ["Alice Smith"], "[NAME]_[NAME].wav"),
        ("der Mann, van der Berg", ["Jan van der Berg"], "der Mann, van der [NAME]"),
        ("jan van der berg", ["Jan van der Berg"], "[NAME]"),
        ("Mu\u0308ller, MÜLLER, Müllers", ["Müller"], "[NAME], [NAME], [NAME]"),
        (
            "O\u2019Brien, obrien, Anna-Lena, Annalena",
            ["O'Brien", "Anna-Lena"],
            "[NAME], [NAME], [NAME], [NAME]",
        ),
        ("Li Wei and I like Li", ["Li Wei"], "[NAME] and I like Li"),
        ("Jo so jo", ["Jo"], "[NAME] so jo"),
        ("田中さんです", ["田中"], "[NAME]さんです"),
        ("S M I T H, s-m-i-t-h, S, M, I, T, H", ["Smith"], "[NAME], [NAME], [NAME]"),
        (
            "jane broad, Jane, the broad Broad; B R O A D",
            [HeardName("Jane Broad")],
            "[NAME], [NAME], the broad [NAME]; [NAME]",
        ),
        ("[NAME] [PII] a name", ["Name", "Pii"], "[NAME] [PII] a [NAME]"),
        ("The end and", ["", " ", "A", "the", "[NAME]"], "The end and"),
    ],
)
def test_names_are_masked_as_whole_words_in_any_form(
    text: str, names: list[str], masked: str
) -> None:
    assert mask(text, names) == masked


@pytest.mark.parametrize(
    ("text", "language", "masked"),
    [
        ("tre quattro sei uno due", "it-IT", "[NUMBER]"),
        ("do teen char paanch saat", "en-IN", "[NUMBER]"),
        ("do teen char paanch saat", "en-GB", "do teen char paanch saat"),
        ("um um um um um", "en-US", "um um um um um"),
        ("zero one two seven nine", "ja-JP", "[NUMBER]"),
        ("eins zwei sieben acht neun", "hi-IN", "[NUMBER]"),
        ("番号は一二三四五六七です", "en-US", "番号は[NUMBER]です"),
        ("๐๘๑-๒๓๔-๕๖๗๘", "th-TH", "[NUMBER]"),
        ("nul zes een twee drie vier", "nl-NL", "[NUMBER]"),
        ("vijfentwintig tweeëndertig een twee drie", "nl-NL", "[NUMBER]"),
        ("nau aath sat panch char teen do", "hi-IN", "[NUMBER]"),
        ("nao aath saat che paanch char tin", "hi-IN", "[NUMBER]"),
        ("nau ath sat chhe panch char teen", "hi-IN", "[NUMBER]"),
        ("nauu aath saaat chheh paanch chaar do", "hi-IN", "[NUMBER]"),
        ("nauu aaath saaat chheh panch", "hi-IN", "nauu aaath saaat chheh panch"),
        ("नौ आठ सात छै पांच चार तीन", "hi-IN", "[NUMBER]"),
        ("अट्ठानबे छियत्तर चौवन बत्तीस दस", "hi-IN", "[NUMBER]"),
        ("よんごーろくななはちきゅう", "ja-JP", "[NUMBER]"),
        ("ぜろーにーしーきゅーごー", "ja-JP", "[NUMBER]"),
        ("uno o dos o tres", "es-ES", "uno o dos o tres"),
        ("one two baar three four five", "hi-IN", "one two baar three four five"),
    ],
)
def test_number_words_count_in_the_languages_in_which_they_mean_numbers(
    text: str, language: str, masked: str
) -> None:
    assert mask(text, (), language) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("order AB-1234567, or is it 12345678XY", "order [NUMBER], or is it [NUMBER]"),
        ("1234567 AB", "[NUMBER] AB"),
        ("ABCDE123456, xAB123456", "ABCDE[NUMBER], xAB[NUMBER]"),
        ("DNI 12345678Z, 12.345.678-Z, 54362315 k", "DNI [ID], [ID], [ID]"),
        ("NIE X-2482300-W", "NIE [ID]"),
        ("PAN ABCPE1234F", "PAN [ID]"),
        ("voter card WKH1186253", "voter card [ID]"),
        ("NI number JG103759A, JG 10 37 59 A", "NI number [ID], [ID]"),
        ("Ausweis L01X00T47", "Ausweis [ID]"),
        ("RCCMNL83S18D969H", "[ID]"),
        ("my PPS is 6433435F", "my PPS is [ID]"),
    ],
)
def test_numbers_of_states_and_letters_that_belong_to_a_number_are_masked(
    text: str, masked: str
) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    ["model ABCDE1234F", "PLAN 1234 A", "TARIFF24", "COVID19 in 2021", "flight BA1234", "room 12A"],
    ids=["no PAN", "words", "tariff", "year", "flight", "room"],
)
def test_letters_and_figures_that_no_state_gave_stay(text: str) -> None:
    assert mask(text) == text


BIRTH = "[DATE_OF_BIRTH]"


@pytest.mark.parametrize(
    ("text", "language", "masked"),
    [
        ("I was born on 12 May 1984 in Cork", "en-GB", f"I was born on {BIRTH} in Cork"),
        ("date of birth: 12/05/1984.", "en-GB", f"date of birth: {BIRTH}."),
        ("born June 3rd, 1991", "en-GB", f"born {BIRTH}"),
        (
            "my birthday is the twelfth of May eighty four",
            "en-GB",
            f"my birthday is the {BIRTH}",
        ),
        ("am 12.05.1984 geboren", "de-DE", f"am {BIRTH} geboren"),
        ("am 12.05.1984 geboren, am 1.2.2003", "de-DE", f"am {BIRTH} geboren, am {BIRTH}"),
        ("geboren am zwölften Mai vierundachtzig", "de-DE", f"geboren am {BIRTH}"),
        ("nací el 12 de mayo de 1984", "es-ES", f"nací el {BIRTH}"),
        ("मेरा जन्म 12 मई 1984 को हुआ", "hi-IN", f"मेरा जन्म {BIRTH} को हुआ"),
        (
            "my birthday, date of birth, 12 May 1984",
            "en-GB",
            f"my birthday, date of birth, {BIRTH}",
        ),
        ("born on 3 May, or 4 May 1990", "en-GB", f"born on {BIRTH}, or 4 May 1990"),
    ],
)
def test_dates_are_masked_near_words_of_birth(text: str, language: str, masked: str) -> None:
    assert mask(text, (), language) == masked


@pytest.mark.parametrize(
    "text",
    [
        "the contract of 12 May 1984",
        "born in 1998",
        "her birthday is in May",
        "newborn 12/05/1984",
        "born two days ago",
        "born [NAME] 12 May 1984",
        "born in the town where, as I told you before, we moved on 12 May 1984",
        "am 12.05.1984 war er schon geboren",
    ],
)
def test_other_dates_stay(text: str) -> None:
    assert mask(text, (), "en-GB") == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("three eight nine sorry seven two", "[NUMBER]"),
        ("three eight nine sorry seven two five no six", "[NUMBER]"),
        ("drei acht neun sibn sieben zwei", "[NUMBER]"),
        ("一二三十四五六", "[NUMBER]"),
        ("七七八 啊 九九零", "[NUMBER]"),
        ("fife three eighd nine seven two", "[NUMBER]"),
    ],
    ids=["corrected", "corrected twice", "misheard", "ten", "no blanks", "misspelled"],
)
def test_a_strange_word_between_digits_is_masked_with_them(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "three or four dogs two more cats one bird",
        "three times eight two times nine five",
        "three eight sorry seven two",
        "two bags three cups one plate four spoons five knives",
        "from five thirty past six forty five",
        "twenty five bucks thirty six bucks forty",
        "3 nights 2 rooms one bed four five",
        "three eight very sorry seven two five",
        "three eight [NAME] seven two five",
        "九十八、七十六、五十四です",
    ],
    ids=[
        *("or", "times", "too few", "as many strangers", "clock", "amounts", "figures"),
        *("two strangers", "a mask", "tens"),
    ],
)
def test_strange_words_between_amounts_times_and_things_make_no_number(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "name", "masked"),
    [
        ("राहुल शर्मा जी", "राहुल शर्मा", "[NAME] जी"),
        ("फोन प्रिया का", "प्रिया", "फोन [NAME] का"),
        ("سألت وأحمد ولأحمد", "أحمد", "سألت [NAME] [NAME]"),
        ("احمد", "أحمد", "[NAME]"),
        ("שָׁרָה כאן", "שרה", "[NAME] כאן"),
        ("김민수입니다", "김민수", "[NAME]입니다"),
    ],
)
def test_names_are_masked_in_scripts_with_vowel_signs_and_prefixes(
    text: str, name: str, masked: str
) -> None:
    assert mask(text, [name]) == masked


@pytest.mark.parametrize("length", mostly_slow([10_000, 200_000], [10_000]))
@pytest.mark.parametrize(
    "piece",
    [
        *"a1@[(-\u0301",
        "1 ",
        "a@",
        "a.",
        "one ",
        "DE89 ",
        "DE8",
        "Alice ",
        "2025-11-05 ",
        "$1 ",
        "x dot ",
        "a ",
        "a at ",
        "4111 uh ",
        "1, ",
        "one and ",
        "S ",
        "एक ",
        "一の",
        "ドット",
        "アット",
        "क डॉट ",
        "الال",
        "born 1 ",
        "born ",
        "A1",
        "AB-",
        "12345678A",
        "DNI 1 ",
    ],
)
def test_no_text_makes_masking_try_for_ever(piece: str, length: int) -> None:
    # In time that grows with the square of the text, the longest would take hours.
    once = mask((piece * length)[:length], ["Alice Smith"])
    assert mask(once, ["Alice Smith"]) == once


def test_a_masked_turn_keeps_the_times_of_its_other_words() -> None:
    text = "I am Alice Smith on 030 1234567 now"
    offsets = [0, 2, 5, 11, 17, 20, 24, 32]
    words = tuple(Word(offset, float(n), n + 0.5) for n, offset in enumerate(offsets))
    turn = Turn(AGENT, "ch_0", 0.0, 9.0, text, 0.9, words)
    plain = Turn(CUSTOMER, "ch_1", 9.0, 10.0, "Okay", None, (Word(0, 9.0, 10.0),))
    call = Conversation("job", "en-US", Redaction.NONE, 10.0, (turn, plain))
    masked, same = masked_conversation(call, ["Alice Smith"]).turns
    assert masked.text == "I am [NAME] on [NUMBER] now"
    said = [
        (masked.text[word.offset :].split()[0], word.start_seconds, word.end_seconds)
        for word in masked.words
    ]
    assert said == [
        ("I", 0.0, 0.5),
        ("am", 1.0, 1.5),
        ("[NAME]", 2.0, 3.5),
        ("on", 4.0, 4.5),
        ("[NUMBER]", 5.0, 6.5),
        ("now", 7.0, 7.5),
    ]
    assert (masked.role, masked.label, masked.confidence) == (AGENT, "ch_0", 0.9)
    assert same is plain


def test_a_conversation_and_what_is_judged_of_it_are_masked_in_its_language() -> None:
    said = "tre quattro sei uno due"
    turn = Turn(AGENT, None, 0.0, 1.0, said)
    call = Conversation("job", "it-IT", Redaction.NONE, 1.0, (turn,))
    (masked,) = masked_conversation(call).turns
    phrase = KeyPhraseResult(key_phrases=[KeyPhrase(text=said)])
    answer = NlpAnswer(key_phrases=KeyPhrases(result_list=[phrase]))
    kept = masked_nlp(answer, (), "it-IT").key_phrases.result_list[0].key_phrases
    raw = masked_judgement(Judgement(summary_raw=said), (), "it-IT").summary_raw
    assert (masked.text, kept, raw) == ("[NUMBER]", [], "[NUMBER]")


def test_every_word_of_a_judgement_is_masked_and_nothing_else_changes() -> None:
    text, masked = "Alice on 030 1234567", "[NAME] on [NUMBER]"
    judgement = Judgement(
        results=[
            CriterionResult(
                id="greet_01", question="Alice?", reason=text, evidence=[Evidence(quote=text)]
            ),
            CriterionResult(id="other_02"),
        ],
        summary=AiSummary(
            issue=text,
            resolution=text,
            outcome=text,
            action_items=[text],
            sentiment_summary=text,
            tone_score=5,
        ),
        review_reasons=["evidence_not_found:greet_01"],
        summary_raw=text,
    )
    found = masked_judgement(judgement, ["Alice"])
    assert found.results[0].question == "Alice?"
    assert found.results[0].reason == found.results[0].evidence[0].quote == masked
    assert found.results[1] == judgement.results[1]
    assert found.summary == AiSummary(
        issue=masked,
        resolution=masked,
        outcome=masked,
        action_items=[masked],
        sentiment_summary=masked,
        tone_score=5,
    )
    assert (found.summary_raw, found.review_reasons) == (masked, judgement.review_reasons)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Judgement) == found


def test_a_masked_raw_answer_stays_within_its_limit() -> None:
    raw = "no 123456 " * 1_630
    found = masked_judgement(Judgement(summary_raw=raw)).summary_raw
    assert found is not None
    assert len(found.encode()) <= MAX_SUMMARY_RAW_BYTES
    assert set(found.split()) == {"no", "[NUMBER]"}


@pytest.mark.parametrize(
    "reply",
    [
        said({"criteria": "by\nOttoline and\tJörg"}),
        wrote('{"criteria": "by\\nOttoline and\\u0020J\\u00f6rg"}'),
    ],
    ids=["tool", "text"],
)
def test_names_behind_escapes_of_a_raw_answer_are_masked(reply: ModelReply) -> None:
    judgement = judge_by_model(Script(reply), MODEL, CRITERIA, CALL)
    found = masked_judgement(judgement, ["Ottoline", "Jörg"])
    assert found.summary_raw == '{"criteria": "by [NAME] and [NAME]"}'


def test_entities_and_key_phrases_that_are_personal_are_dropped() -> None:
    entities = [
        ("Alice", "PERSON"),
        ("Bob", "ORGANIZATION"),
        ("030 1234567", "OTHER"),
        ("bob@example.com", "OTHER"),
        ("12 Main Street", "LOCATION"),
        ("Hauptstraße 5", "LOCATION"),
        ("SW1A 1AA", "LOCATION"),
        ("[PII]", "OTHER"),
        ("*****", "OTHER"),
        ("born 03.04.1980", "DATE"),
        ("Berlin", "LOCATION"),
        ("2025-11-05", "DATE"),
        (None, "QUANTITY"),
    ]
    phrases = [
        "the parcel",
        "[NAME]'s parcel",
        "Bob's parcel",
        "account 12345678",
        "12 Main Street",
        "www.jane-doe.de",
        "born 03.04.1980",
        "geboren am 3. April 1980",
    ]
    answer = NlpAnswer(
        entities=Entities(
            result_list=[
                EntityResult(
                    entities=[Entity(text=text, type=kind) for text, kind in entities], index=3
                )
            ]
        ),
        key_phrases=KeyPhrases(
            result_list=[
                KeyPhraseResult(key_phrases=[KeyPhrase(text=text) for text in phrases], index=4)
            ]
        ),
        units=7,
    )
    found = masked_nlp(answer, ["Bob"])
    (kept,) = found.entities.result_list
    assert [entity.text for entity in kept.entities] == ["Berlin", "2025-11-05", None]
    assert [phrase.text for phrase in found.key_phrases.result_list[0].key_phrases] == [
        "the parcel"
    ]
    assert (kept.index, found.key_phrases.result_list[0].index, found.units) == (3, 4, 7)


def test_a_word_without_a_time_is_masked_like_any_other() -> None:
    words = (Word(0, None, None), Word(5, 1.0, 1.5), Word(10, None, None))
    turn = Turn(CUSTOMER, "ch_1", 1.0, 1.5, "I'm  Kim. Bye", None, words)
    call = Conversation("x", None, Redaction.NONE, 2.0, (turn,), untimed_words=2)
    masked = masked_conversation(call, {"Kim"})
    assert masked.untimed_words == 2
    assert [word.start_seconds for word in masked.turns[0].words] == [None, 1.0, None]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4111 - 2010 - 2051 - 1111", "[CARD]"),
        ("+00 - 2000 - 00", "[NUMBER]"),
        ("from 2019 - 2021, and 2020 - 21", "from 2019 - 2021, and 2020 - 21"),
    ],
)
def test_groups_that_read_as_years_are_still_groups_of_a_number(text: str, masked: str) -> None:
    assert mask(text) == masked
