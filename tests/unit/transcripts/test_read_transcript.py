from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cci_lite.contract.conversation import Conversation, Role, UnknownAgent, Word
from cci_lite.contract.document import Redaction
from cci_lite.contract.tenant import Audio
from cci_lite.errors import TranscriptError
from cci_lite.transcripts import read_transcript
from tests.own_calls.layouts import LAYOUTS, OF_ANOTHER_PRODUCT, TURNS, redacted_text

AGENT, CUSTOMER, UNKNOWN = Role.AGENT, Role.CUSTOMER, Role.UNKNOWN
ANY = Audio()


def word(content: str, start: float, end: float, **labels: str) -> dict[str, Any]:
    alternatives = [{"confidence": "0.9", "content": content}]
    times = {"start_time": str(start), "end_time": str(end)}
    return {"type": "pronunciation", "alternatives": alternatives, **times, **labels}


def mark(content: str, **labels: str) -> dict[str, Any]:
    alternatives = [{"confidence": "0.0", "content": content}]
    return {"type": "punctuation", "alternatives": alternatives, **labels}


def document(**results: Any) -> dict[str, Any]:
    return {"jobName": "call", "status": "COMPLETED", "results": results}


def plain(*items: dict[str, Any]) -> dict[str, Any]:
    return document(items=list(items))


def channels(**items: list[dict[str, Any]]) -> dict[str, Any]:
    labelled = [{"channel_label": label, "items": said} for label, said in items.items()]
    together = [item for said in items.values() for item in said]
    return document(items=together, channel_labels={"channels": labelled})


def speakers(*items: dict[str, Any]) -> dict[str, Any]:
    return document(items=list(items), speaker_labels={"segments": []})


def read(value: object, audio: Audio = ANY) -> Conversation:
    return read_transcript(json.dumps(value).encode(), audio)


def said(conversation: Conversation) -> list[tuple[Role, str | None, str]]:
    return [(turn.role, turn.label, turn.text) for turn in conversation.turns]


# --- real files ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def load(shared: Path) -> Callable[[str], bytes]:
    def file(name: str) -> bytes:
        data = (shared / "data" / "transcribe" / name).read_bytes()
        return gzip.decompress(data) if name.endswith(".gz") else data

    return file


A, C, U = AGENT, CUSTOMER, UNKNOWN


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_read_turn_by_turn(name: str) -> None:
    call = read_transcript(LAYOUTS[name], Audio(agent_channel="ch_1", agent_speaker="spk_0"))
    turns = TURNS[name]
    assert call.job_name == f"job {name}"
    expected = Redaction.TRANSCRIBE if "redacted" in name else Redaction.NONE
    assert call.redaction is expected
    text = [redacted_text(turn.text) for turn in turns]
    if name.startswith("plain"):
        assert said(call) == [(U, None, " ".join(text))]
        return
    assert [turn.role for turn in call.turns] == [A, C, A, C, A]
    assert [turn.text for turn in call.turns] == text
    times = [(turn.start_seconds, turn.end_seconds) for turn in call.turns]
    assert times == [(pytest.approx(turn.start), pytest.approx(turn.end)) for turn in turns]
    if name.startswith("call analytics"):
        assert call.language_code == "en-US"
        assert call.duration_seconds == pytest.approx(turns[-1].end + 1)


def test_what_another_product_made_of_a_transcript_is_refused() -> None:
    with pytest.raises(TranscriptError, match="Post Call Analytics makes of a transcript"):
        read_transcript(OF_ANOTHER_PRODUCT, ANY)


@pytest.mark.parametrize(
    ("name", "roles", "duration", "redaction"),
    [
        ("batch-01-plain", [U], 141.54, Redaction.NONE),
        ("batch-02-channel-identification", [A, C, A, C, A, C, A], 141.54, Redaction.NONE),
        ("batch-03-speaker-identification", [A, U, A, U, A, U, A], 141.54, Redaction.NONE),
        (
            "batch-05-automatic-content-redaction-with-undredacted-redacted",
            [U],
            141.54,
            Redaction.TRANSCRIBE,
        ),
        ("batch-07-vocabulary-filter-mask", [U], 141.54, Redaction.NONE),
        (
            "batch-09-channel-identification-alternative-results",
            [A, C, A, C, A, C, A],
            141.54,
            Redaction.NONE,
        ),
        (
            "batch-12-channel-identification-vocabulary-filter-remove",
            [A, C, A, C, A, C, A],
            141.54,
            Redaction.NONE,
        ),
        (
            "batch-14-speaker-identification-vocabulary-filter-remove",
            [A, U, A, U, A, U, A],
            141.54,
            Redaction.NONE,
        ),
    ],
)
def test_every_real_batch_layout_is_read(
    load: Callable[[str], bytes],
    name: str,
    roles: list[Role],
    duration: float,
    redaction: Redaction,
) -> None:
    data = load(f"{name}.json.gz")
    call = read_transcript(data, Audio(agent_channel="ch_1", agent_speaker="spk_0"))
    assert [turn.role for turn in call.turns] == roles
    assert call.duration_seconds == duration
    assert call.redaction is redaction
    assert call.job_name == json.loads(data)["jobName"]
    assert call.language_code is None


@pytest.mark.parametrize(
    "name",
    [
        "batch-01-plain.json.gz",
        "batch-03-speaker-identification.json.gz",
        "batch-05-automatic-content-redaction-with-undredacted-redacted.json.gz",
        "batch-07-vocabulary-filter-mask.json.gz",
        "batch-14-speaker-identification-vocabulary-filter-remove.json.gz",
    ],
)
def test_the_turns_together_are_the_full_text(load: Callable[[str], bytes], name: str) -> None:
    data = load(name)
    text = " ".join(turn.text for turn in read_transcript(data, ANY).turns)
    assert text == json.loads(data)["results"]["transcripts"][0]["transcript"]


@pytest.mark.parametrize(
    "name",
    [
        "batch-02-channel-identification.json.gz",
        "batch-09-channel-identification-alternative-results.json.gz",
        "batch-12-channel-identification-vocabulary-filter-remove.json.gz",
    ],
)
def test_the_turns_of_a_channel_hold_its_items_once_and_in_order(
    load: Callable[[str], bytes], name: str
) -> None:
    data = load(name)
    call = read_transcript(data, ANY)
    for channel in json.loads(data)["results"]["channel_labels"]["channels"]:
        label = channel["channel_label"]
        read_text = " ".join(turn.text for turn in call.turns if turn.label == label)
        written = [item["alternatives"][0]["content"] for item in channel["items"]]
        assert read_text.replace(" ", "") == "".join(written)


def test_call_analytics_tells_roles_turns_and_length_itself(load: Callable[[str], bytes]) -> None:
    data = load("call-analytics-redacted.json.gz")
    call = read_transcript(data, Audio(agent_channel="ch_1"))
    written = [
        (Role(segment["ParticipantRole"].lower()), segment["Content"])
        for segment in json.loads(data)["Transcript"]
    ]
    assert [(turn.role, turn.text) for turn in call.turns] == written
    assert call.roles_known
    assert call.duration_seconds == 182.89
    assert call.language_code == "en-US"
    assert call.redaction is Redaction.TRANSCRIBE
    assert call.turns[0].words[0] == Word(0, 0.04, 0.33)


def test_the_documented_redaction_example_is_read(load: Callable[[str], bytes]) -> None:
    call = read_transcript(load("documented-redacted.json"), ANY)
    (turn,) = call.turns
    assert (turn.text, turn.start_seconds, turn.end_seconds) == ("Good [PII]", 2.86, 6.25)
    assert turn.confidence == 1.0
    assert call.redaction is Redaction.TRANSCRIBE


def test_the_output_recorded_in_2025_is_read(load: Callable[[str], bytes]) -> None:
    answers = json.loads(load("recorded-api.json"))["test_transcribe_speaker_diarization"]
    output = answers["recorded-content"]["transcribe_speaker_diarization"]
    assert said(read(output, Audio(agent_speaker="spk_1"))) == [
        (CUSTOMER, "spk_0", "Hey, I am using LocalStack."),
        (AGENT, "spk_1", "Yeah, it's a great tool to emulate the cloud services."),
    ]


def test_recorded_answers_of_the_service_are_refused(load: Callable[[str], bytes]) -> None:
    recorded = json.loads(load("recorded-api.json"))
    answers = [
        answer
        for test, recording in recorded.items()
        if test != "test_transcribe_speaker_diarization"
        for answer in recording["recorded-content"].values()
    ]
    assert len(answers) > 20
    for answer in answers:
        with pytest.raises(TranscriptError):
            read(answer)


def test_the_spoken_call_is_read_with_its_real_times(shared: Path) -> None:
    spoken = shared / "data" / "calls" / "spoken" / "hvb-0002f70f7386445b.json"
    output = json.loads(spoken.read_bytes())["transcribe"]
    call = read(output, Audio(agent_channel="ch_1"))
    assert said(call)[:2] == [
        (
            AGENT,
            "ch_1",
            "hello mr harper valley national bank my name is alyssa how can i help you today",
        ),
        (
            CUSTOMER,
            "ch_0",
            "hi my name is patricia brown i lost my debit card can you send me a new one",
        ),
    ]
    assert sum(len(turn.words) for turn in call.turns) == len(output["results"]["items"])


def _typed(turn: dict[str, Any]) -> str:
    """The typed text as it is transcribed: redacted, one mark at most after a word."""
    words = turn["text"].split()
    for span in sorted(turn["pii"], key=lambda span: -span["first_word"]):
        if span["transcribe_redacts"]:
            begin, end = span["first_word"], span["first_word"] + span["words"]
            marks = re.search(r"[.,?!]*$", words[end - 1])
            words[begin:end] = ["[PII]" + (marks[0] if marks else "")]
    text = re.sub(r"\s+([.,?!])(?=\w)", r"\1 ", " ".join(words))
    return re.sub(r"\s*([.,?!])[.,?!]*(?=\s|$)", r"\1", text)


def _typed_turns(truth: dict[str, Any]) -> list[tuple[Role, str, str]]:
    """Role, label and text of each turn; a mark typed first belongs to the speaker's last word."""
    by_channel = truth["layout"] != "speaker"
    turns: list[tuple[Role, str, str]] = []
    for turn in truth["turns"]:
        role, label = Role(turn["role"].lower()) if by_channel else UNKNOWN, turn["label"]
        text = _typed(turn)
        if text[:1] in ".,?!" and len(turns) > 1:
            turns[-2] = (*turns[-2][:2], turns[-2][2] + text[:1])
            text = text[1:].lstrip()
        turns.append((role, label, text))
    return turns


def test_conversations_are_read_turn_by_turn(calls: list[Any]) -> None:
    for call in calls:
        conversation = read_transcript(call.transcript, call.audio)
        truth = call.truth
        assert conversation.job_name == truth["job_name"]
        spoken = [(turn.role, turn.label, turn.text) for turn in conversation.turns]
        assert spoken == _typed_turns(truth), truth["job_name"]
        for turn, true in zip(conversation.turns, truth["turns"], strict=True):
            # The older layouts give hundredths of a second.
            assert turn.start_seconds == pytest.approx(true["start_sec"], abs=0.0051)
            assert turn.end_seconds == pytest.approx(true["end_sec"], abs=0.0051)


# --- turns --------------------------------------------------------------------------------------


def test_punctuation_belongs_to_the_word_before_it() -> None:
    (turn,) = read(plain(word("Hi", 1, 1.5), mark(","), word("you", 2, 2.5), mark("?"))).turns
    assert turn.text == "Hi, you?"
    assert turn.words == (Word(0, 1.0, 1.5), Word(4, 2.0, 2.5))


def test_punctuation_ahead_of_the_first_word_belongs_to_it() -> None:
    (turn,) = read(plain(mark("-"), word("Hi", 1, 1.5))).turns
    assert turn.text == "-Hi"


def test_punctuation_that_opens_a_speakers_turn_belongs_to_the_next_word() -> None:
    opening = [mark("-", speaker_label="spk_1"), word("no", 2, 3, speaker_label="spk_1")]
    call = speakers(word("yes", 0, 1, speaker_label="spk_0"), *opening)
    assert [turn.text for turn in read(call).turns] == ["yes", "-no"]


@pytest.mark.parametrize(
    "call",
    [
        plain(mark(".")),
        plain(word("", 0, 1), mark("?")),
        plain(word("-", 0, 1)),
        speakers(mark(".", speaker_label="spk_0")),
        channels(ch_0=[mark(".")], ch_1=[word("…", 0, 1)]),
    ],
    ids=["a mark", "an empty word", "a dash as a word", "of a speaker", "on both channels"],
)
def test_what_holds_no_word_is_no_turn(call: dict[str, Any]) -> None:
    conversation = read(call, Audio(agent_channel="ch_0", agent_speaker="spk_0"))
    assert conversation.turns == ()
    assert conversation.duration_seconds == 0.0
    assert conversation.unknown_agent is None


@pytest.mark.parametrize("content", ["[PII]", "***", "5", "ね", "नमस्ते"])
def test_a_masked_word_and_any_letter_is_speech(content: str) -> None:
    assert [turn.text for turn in read(plain(word(content, 0, 1))).turns] == [content]


def test_a_lone_mark_does_not_cut_what_another_says() -> None:
    call = channels(
        ch_0=[word("one", 0, 1), word("moment", 5, 6)], ch_1=[word("-", 2, 3), mark(".")]
    )
    conversation = read(call, Audio(agent_channel="ch_0"))
    assert said(conversation) == [(AGENT, "ch_0", "one moment")]
    assert conversation.wordless == {CUSTOMER}


def test_a_dash_of_another_speaker_does_not_cut_a_turn_either() -> None:
    said_by = [("spk_0", "one", 0), ("spk_1", "-", 2), ("spk_0", "moment", 4)]
    call = speakers(*(word(text, at, at + 1, speaker_label=label) for label, text, at in said_by))
    conversation = read(call, Audio(agent_speaker="spk_0"))
    assert said(conversation) == [(AGENT, "spk_0", "one moment")]


def test_a_third_speaker_of_whom_there_is_only_a_mark_is_none() -> None:
    call = speakers(
        word("a", 0, 1, speaker_label="spk_0"),
        word("b", 1, 2, speaker_label="spk_1"),
        mark(".", speaker_label="spk_2"),
    )
    assert [turn.role for turn in read(call, Audio(agent_speaker="spk_1")).turns] == [C, A]


def test_an_agent_of_whom_there_is_only_a_mark_is_known() -> None:
    call = speakers(mark(".", speaker_label="spk_1"), word("hi", 0, 1, speaker_label="spk_0"))
    conversation = read(call, Audio(agent_speaker="spk_1"))
    assert said(conversation) == [(CUSTOMER, "spk_0", "hi")]
    assert conversation.wordless == {AGENT}
    assert conversation.unknown_agent is None


def test_of_a_silent_channel_nothing_is_heard_not_even_a_mark() -> None:
    call = channels(ch_0=[word("hi", 0, 1)], ch_1=[])
    assert read(call, Audio(agent_channel="ch_1")).wordless == frozenset()


def test_the_confidence_of_a_turn_is_the_mean_of_the_words_that_have_one() -> None:
    first, redacted, last = word("I'm", 0, 1), word("[PII]", 1, 2), word("ok", 2, 3)
    redacted["alternatives"] = [{"content": "[PII]", "redactions": [{"confidence": "0.5"}]}]
    last["alternatives"][0]["confidence"] = "0.5"
    (turn,) = read(plain(first, redacted, mark("."), last)).turns
    assert turn.confidence == pytest.approx(0.7)


def test_without_any_confidence_there_is_none() -> None:
    item = word("hi", 0, 1)
    item["alternatives"] = [{"content": "hi", "confidence": None}]
    assert read(plain(item)).turns[0].confidence is None


def test_the_first_alternative_is_what_was_said() -> None:
    item = word("hi", 0, 1)
    item["alternatives"].append({"content": "high", "confidence": "0.1"})
    assert read(plain(item)).turns[0].text == "hi"


def test_a_recording_without_labels_is_one_turn_of_nobody_known() -> None:
    call = read(plain(word("hi", 0, 1), word("there", 90, 91)), Audio(agent_channel="ch_0"))
    assert said(call) == [(UNKNOWN, None, "hi there")]
    assert not call.roles_known


@pytest.mark.parametrize(
    "empty",
    [plain(), channels(ch_0=[], ch_1=[]), speakers()],
    ids=["plain", "channels", "speakers"],
)
def test_a_silent_recording_has_no_turns(empty: dict[str, Any]) -> None:
    call = read(empty, Audio(agent_channel="ch_0"))
    assert call.turns == ()
    assert call.duration_seconds == 0.0


def test_channels_alternate_by_the_time_of_their_words() -> None:
    call = channels(
        ch_0=[word("hello", 0, 1), mark("."), word("bye", 4, 5)],
        ch_1=[word("yes", 2, 3), mark("!")],
    )
    assert [turn.text for turn in read(call).turns] == ["hello.", "yes!", "bye"]


def test_a_word_said_over_a_sentence_does_not_cut_it_in_two() -> None:
    call = channels(
        ch_0=[word("this", 0, 1), word("call", 1, 2), word("is", 2, 3), word("recorded", 3, 4)],
        ch_1=[word("mm-hm", 1.8, 2.4)],
    )
    turns = read(call).turns
    assert [(turn.label, turn.text) for turn in turns] == [
        ("ch_0", "this call is recorded"),
        ("ch_1", "mm-hm"),
    ]
    assert turns[0].end_seconds > turns[1].start_seconds


def test_a_word_said_in_a_pause_ends_the_turn() -> None:
    call = channels(
        ch_0=[word("one", 0, 1), word("moment", 3, 4)],
        ch_1=[word("sure", 0.5, 1.5), word("thanks", 1.5, 2.5)],
    )
    assert [turn.text for turn in read(call).turns] == ["one", "sure thanks", "moment"]


def test_words_that_just_touch_are_said_one_after_the_other() -> None:
    call = channels(
        ch_0=[word("one", 0, 1), word("moment", 2, 3)],
        ch_1=[word("sure", 1, 2)],
    )
    assert [turn.text for turn in read(call).turns] == ["one", "sure", "moment"]


def test_a_speaker_who_goes_on_while_the_other_speaks_is_not_interrupted() -> None:
    call = channels(
        ch_0=[word("one", 0, 1), word("moment", 2, 2.5), word("please", 3.5, 4)],
        ch_1=[word("hmm", 1.2, 3)],
    )
    assert [turn.text for turn in read(call).turns] == ["one moment please", "hmm"]


def test_both_speaking_at_once_all_the_time_are_two_turns() -> None:
    call = channels(
        ch_0=[word(f"a{n}", n, n + 1) for n in range(5)],
        ch_1=[word(f"b{n}", n + 0.5, n + 1.5) for n in range(5)],
    )
    assert [turn.text for turn in read(call).turns] == ["a0 a1 a2 a3 a4", "b0 b1 b2 b3 b4"]


def test_old_speaker_layouts_name_the_speaker_in_the_segments_only() -> None:
    items = [word("hi", 0, 1), mark(","), word("yes", 2, 3), word("what", 4, 5)]
    segments = [
        {
            "speaker_label": label,
            "items": [{"start_time": str(start), "end_time": str(start + 1)}],
        }
        for label, start in (("spk_0", 0), ("spk_1", 2))
    ]
    call = document(items=items, speaker_labels={"segments": segments})
    # Nobody claims the last word: it is nobody's, rather than the neighbour's.
    assert said(read(call, Audio(agent_speaker="spk_0"))) == [
        (AGENT, "spk_0", "hi,"),
        (CUSTOMER, "spk_1", "yes"),
        (UNKNOWN, None, "what"),
    ]


def test_words_of_two_speakers_at_the_same_time_are_told_apart_by_their_own_label() -> None:
    times = {"start_time": "0", "end_time": "1"}
    segments = [{"speaker_label": f"spk_{n}", "items": [times]} for n in range(2)]
    items = [word("yes", 0, 1), word("no", 0, 1)]
    labelled = [item | {"speaker_label": f"spk_{n}"} for n, item in enumerate(items)]

    def read_as(items: list[dict[str, Any]]) -> list[str | None]:
        call = document(items=items, speaker_labels={"segments": segments})
        return [turn.label for turn in read(call).turns]

    assert read_as(labelled) == ["spk_0", "spk_1"]
    assert read_as(items) == [None]


def test_call_analytics_says_how_long_the_call_was() -> None:
    call = {"JobName": "x", "JobStatus": "COMPLETED", "Transcript": []}
    length = {"ConversationCharacteristics": {"TotalConversationDurationMillis": 90500}}
    assert read(call | length).duration_seconds == 90.5


def test_consecutive_segments_of_one_participant_are_one_turn() -> None:
    def segment(role: str, content: str, start: int) -> dict[str, Any]:
        item = {
            "Type": "pronunciation",
            "Content": content,
            "BeginOffsetMillis": start,
            "EndOffsetMillis": start + 500,
        }
        return {"ParticipantRole": role, "Items": [item]}

    segments = [
        segment("CUSTOMER", "thanks", 3000),
        segment("AGENT", "hello", 1000),
        segment("AGENT", "there", 2000),
    ]
    call = read({"JobName": "x", "JobStatus": "COMPLETED", "Transcript": segments})
    assert said(call) == [(AGENT, "AGENT", "hello there"), (CUSTOMER, "CUSTOMER", "thanks")]
    assert call.duration_seconds == 3.5
    assert call.redaction is Redaction.NONE


def test_an_identified_language_is_kept() -> None:
    assert read(document(items=[], language_code="de-DE")).language_code == "de-DE"


@pytest.mark.parametrize(
    "encode",
    [
        lambda value: b"\xef\xbb\xbf" + json.dumps(value).encode(),
        lambda value: json.dumps(value, indent=4).encode(),
        lambda value: json.dumps(value, ensure_ascii=False).encode(),
    ],
    ids=["byte order mark", "pretty-printed", "not escaped"],
)
def test_any_writing_of_the_same_json_is_read_alike(
    encode: Callable[[object], bytes],
) -> None:
    value = plain(word("Grüß", 0, 1), word("Gott", 1, 2))
    assert read_transcript(encode(value), ANY) == read(value)


# --- roles --------------------------------------------------------------------------------------


def _two_channels() -> dict[str, Any]:
    return channels(ch_0=[word("a", 0, 1)], ch_1=[word("b", 1, 2)])


def _many_speakers(count: int) -> dict[str, Any]:
    return speakers(*(word("x", n, n + 1, speaker_label=f"spk_{n}") for n in range(count)))


@pytest.mark.parametrize(
    ("call", "audio", "roles"),
    [
        (_two_channels(), Audio(agent_channel="ch_0"), [AGENT, CUSTOMER]),
        (_two_channels(), Audio(agent_channel="ch_1"), [CUSTOMER, AGENT]),
        (_two_channels(), Audio(agent_channel="ch_2"), [UNKNOWN, UNKNOWN]),
        (_two_channels(), Audio(agent_speaker="spk_0"), [UNKNOWN, UNKNOWN]),
        (_two_channels(), Audio(), [UNKNOWN, UNKNOWN]),
        (channels(ch_0=[word("a", 0, 1)]), Audio(agent_channel="ch_0"), [UNKNOWN]),
        (channels(ch_0=[word("a", 0, 1)], ch_1=[]), Audio(agent_channel="ch_1"), [CUSTOMER]),
        (_many_speakers(2), Audio(agent_speaker="spk_1"), [CUSTOMER, AGENT]),
        (_many_speakers(1), Audio(agent_speaker="spk_0"), [AGENT]),
        (_many_speakers(1), Audio(agent_speaker="spk_1"), [UNKNOWN]),
        (_many_speakers(3), Audio(agent_speaker="spk_1"), [UNKNOWN, AGENT, UNKNOWN]),
        (_many_speakers(2), Audio(agent_channel="ch_0"), [UNKNOWN, UNKNOWN]),
        (_many_speakers(2), Audio(), [UNKNOWN, UNKNOWN]),
    ],
    ids=[
        "agent on ch_0",
        "agent on ch_1",
        "channel not in the recording",
        "speaker named, but channels recorded",
        "two channels, nothing named",
        "one channel has everybody on it",
        "the agent's channel is silent",
        "two speakers",
        "only the agent speaks",
        "speaker not in the recording",
        "three speakers: the others are not known",
        "channel named, but speakers recorded",
        "two speakers, nothing named",
    ],
)
def test_roles_follow_the_tenants_audio_and_are_never_guessed(
    call: dict[str, Any], audio: Audio, roles: list[Role]
) -> None:
    conversation = read(call, audio)
    assert [turn.role for turn in conversation.turns] == roles
    assert conversation.roles_known == (UNKNOWN not in roles)


# --- refusals -----------------------------------------------------------------------------------

_A_TRANSCRIPT = "expected a transcript as Amazon Transcribe writes it, found "


def _broken_item(**fields: Any) -> dict[str, Any]:
    return plain({**word("hi", 0, 1), **fields})


def _both_labels() -> dict[str, Any]:
    call = _two_channels()
    call["results"]["speaker_labels"] = {"segments": []}
    return call


def _lost_item() -> dict[str, Any]:
    call = _two_channels()
    call["results"]["items"].append(word("c", 2, 3))
    return call


def _torn_speaker() -> dict[str, Any]:
    times = {"start_time": "0", "end_time": "1"}
    segments = [{"speaker_label": "spk_1", "items": [times]}]
    items = [word("a", 0, 1, speaker_label="spk_0")]
    return document(items=items, speaker_labels={"segments": segments})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"TranscriptionJob": {"TranscriptionJobStatus": "COMPLETED"}},
            _A_TRANSCRIPT + "an answer about a transcription job; "
            "use the file that its TranscriptFileUri names",
        ),
        (
            {"CallAnalyticsJob": {}},
            _A_TRANSCRIPT + "an answer about a Call Analytics job; "
            "use the file that its TranscriptFileUri names",
        ),
        (
            {"TranscriptionJobSummaries": []},
            _A_TRANSCRIPT + "a list of transcription jobs; use the files that the jobs wrote",
        ),
        (
            {"detail-type": "Transcribe Job State Change", "detail": {}},
            _A_TRANSCRIPT + "an event; use the file that the transcription job wrote",
        ),
        ({"Error": {"Code": "x"}}, _A_TRANSCRIPT + "an error answer of the service"),
        (
            {"call_id": "x", "qa_evaluation": {}},
            _A_TRANSCRIPT + "a unified document, which is already evaluated",
        ),
        (
            {"a": 1, "b": 2},
            _A_TRANSCRIPT
            + "an object with 2 fields, neither 'results' nor 'Transcript' among them",
        ),
        ([], "expected an object, found a list of 0"),
        ({**plain(), "status": "FAILED"}, "status: expected 'COMPLETED', found 'FAILED'"),
        ({**plain(), "status": None}, "status: expected 'COMPLETED', found null"),
        (
            {"JobName": "x", "JobStatus": "IN_PROGRESS", "Transcript": []},
            "JobStatus: expected 'COMPLETED', found 'IN_PROGRESS'",
        ),
        ({**plain(), "jobName": 7}, "jobName: expected text, found 7"),
        (document(), "results: expected the field items, found an object with 0 fields"),
        (document(items={}), "results.items: expected a list, found an object with 0 fields"),
        (
            _both_labels(),
            "results: expected channel_labels or speaker_labels, found both",
        ),
        (
            _lost_item(),
            "results.channel_labels: expected the 3 items of results.items, found 2",
        ),
        (
            channels(ch_0=[word("a", 0, 1, channel_label="ch_1")]),
            "results.channel_labels.channels[0].items[0]: expected the label 'ch_0', "
            "as the transcript's labels say, found 'ch_1'",
        ),
        (
            _torn_speaker(),
            "results.items[0]: expected the label 'spk_1', "
            "as the transcript's labels say, found 'spk_0'",
        ),
        (
            document(items=[], transcripts=[{"transcript": "lost words"}]),
            "results.items: expected the items of the transcript's words, found none",
        ),
    ],
    ids=lambda value: value[:70] if isinstance(value, str) else "",
)
def test_anything_else_is_refused_by_name(value: object, message: str) -> None:
    with pytest.raises(TranscriptError) as refusal:
        read(value)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    "item",
    [
        _broken_item(type="noise"),
        _broken_item(alternatives=[]),
        _broken_item(alternatives=[{"confidence": "1.0"}]),
        _broken_item(alternatives=[{"content": "a", "confidence": "1.5"}]),
        plain(word("a", 0, 1, channel_label="ch_0")),
    ],
    ids=[
        "unknown type",
        "no alternative",
        "no content",
        "confidence above 1",
        "channel label without channels",
    ],
)
def test_an_item_that_could_be_misread_is_refused_with_its_place(item: dict[str, Any]) -> None:
    with pytest.raises(TranscriptError) as refusal:
        read(item)
    assert refusal.value.path.startswith("results.items[0]")


def test_the_processed_output_of_another_product_is_refused(load: Callable[[str], bytes]) -> None:
    with pytest.raises(TranscriptError) as refusal:
        read_transcript(load("pca-output.json.gz"), ANY)
    assert str(refusal.value) == (
        _A_TRANSCRIPT + "the processed output that Post Call Analytics makes of a transcript; "
        "use the file that Transcribe wrote"
    )


# --- Call Analytics of a call that was transcribed while it was going on -------------------------


def _streamed(*segments: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"JobStatus": "COMPLETED", "SessionId": "s-1", "Transcript": list(segments), **fields}


def _turn_of(role: str, content: str | None, start: Any, end: Any, **more: Any) -> dict[str, Any]:
    times = {"BeginOffsetMillis": start, "EndOffsetMillis": end}
    return {"ParticipantRole": role, "Content": content, **times, **more}


def test_a_session_is_the_job_of_a_streamed_call() -> None:
    assert read(_streamed()).job_name == "s-1"
    assert read(_streamed(JobName="j-1")).job_name == "j-1"


def test_without_a_name_of_any_kind_a_transcript_is_refused() -> None:
    with pytest.raises(TranscriptError) as refusal:
        read({"JobStatus": "COMPLETED", "Transcript": []})
    assert str(refusal.value) == "expected the field JobName or SessionId, found neither"


def test_a_turn_without_items_is_its_content_with_its_own_times() -> None:
    call = read(
        _streamed(
            _turn_of("AGENT", "Good morning.", 0, 900, Items=[]),
            _turn_of("AGENT", "How can I help?", 1000, 2500),
            _turn_of("CUSTOMER", "My card is gone.", 3000, 4200, Items=None),
        )
    )
    assert said(call) == [
        (AGENT, "AGENT", "Good morning. How can I help?"),
        (CUSTOMER, "CUSTOMER", "My card is gone."),
    ]
    assert call.turns[0].words == (Word(0, 0.0, 0.9), Word(14, 1.0, 2.5))
    assert call.duration_seconds == 4.2
    assert call.review_reasons == []


def test_items_are_read_where_a_turn_has_them_and_say_more_than_its_content() -> None:
    item = {
        "Type": "pronunciation",
        "Content": "Hello",
        "BeginOffsetMillis": 100,
        "EndOffsetMillis": 400,
    }
    call = read(_streamed(_turn_of("AGENT", "Hello there.", 0, 900, Items=[item])))
    assert said(call) == [(AGENT, "AGENT", "Hello")]


@pytest.mark.parametrize(
    "content", [None, "", " ", "."], ids=["none", "empty", "a blank", "a mark"]
)
def test_an_agents_segment_without_a_word_is_known_and_no_turn(content: str | None) -> None:
    call = read(_streamed(_turn_of("AGENT", content, 0, 90), _turn_of("CUSTOMER", "hi", 100, 200)))
    assert said(call) == [(CUSTOMER, "CUSTOMER", "hi")]
    assert call.wordless == {AGENT}
    assert call.unknown_agent is None


def test_a_turn_without_items_may_have_an_impossible_time() -> None:
    call = read(_streamed(_turn_of("AGENT", "Hi.", 0, 90), _turn_of("AGENT", "Bye.", -1, 90)))
    assert said(call) == [(AGENT, "AGENT", "Hi. Bye.")]
    assert call.untimed_words == 1


# --- what is not told ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "audio", "why", "labels"),
    [
        (_two_channels(), Audio(), UnknownAgent.CHANNEL, ["ch_0", "ch_1"]),
        (_two_channels(), Audio(agent_channel="ch_5"), UnknownAgent.CHANNEL, ["ch_0", "ch_1"]),
        (_two_channels(), Audio(agent_channel="ch_0"), None, []),
        (_many_speakers(2), Audio(), UnknownAgent.SPEAKER, ["spk_0", "spk_1"]),
        (_many_speakers(3), Audio(), UnknownAgent.SPEAKER, ["spk_0", "spk_1", "spk_2"]),
        (_many_speakers(3), Audio(agent_speaker="spk_1"), None, ["spk_0", "spk_2"]),
        (plain(word("a", 0, 1)), Audio(), UnknownAgent.NO_LABELS, []),
        (
            channels(ch_0=[word("a", 0, 1)]),
            Audio(agent_channel="ch_0"),
            UnknownAgent.NO_LABELS,
            ["ch_0"],
        ),
        (plain(), Audio(), None, []),
        (
            channels(ch_0=[word("a", 0, 1)], ch_1=[word("b", -1, -1)]),
            Audio(),
            UnknownAgent.CHANNEL,
            ["ch_0", "ch_1"],
        ),
    ],
    ids=[
        "channels",
        "another channel is named",
        "the channel is named",
        "speakers",
        "three speakers",
        "three speakers, the agent is named",
        "nobody is told apart",
        "one channel",
        "nobody speaks",
        "a channel without any time",
    ],
)
def test_why_the_agent_is_not_known(
    call: dict[str, Any], audio: Audio, why: UnknownAgent | None, labels: list[str]
) -> None:
    conversation = read(call, audio)
    assert conversation.unknown_agent is why
    assert conversation.unknown_labels == labels


@pytest.mark.parametrize(
    ("call", "known"),
    [
        (plain(word("a", 0, 1)), False),
        (channels(ch_0=[word("a", 0, 1)]), False),
        (_two_channels(), True),
        (_many_speakers(1), True),
        (_many_speakers(3), True),
    ],
    ids=["no labels", "one channel", "two channels", "one speaker", "three speakers"],
)
def test_turns_are_known_where_speakers_are_told_apart(call: dict[str, Any], known: bool) -> None:
    assert read(call).turns_known is known
