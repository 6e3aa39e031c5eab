"""Personal data spoken in transcripts that are not redacted, looked for in all that comes out."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cci_lite.contract.columns import TABLES
from cci_lite.laptop import shipped_views
from tests.canaries import ENGLISH, GERMAN, MAIL, NAME, PLANTED, spoils
from tests.unit.cli.programs import Done, cci

# A criterion for each kind of personal data, whose evidence is the sentence that says it.
CRITERION = """
  - id: {id}
    text: Was this said?
    weight: 1
    rule: {{said_by: anyone, phrases: [{phrases}]}}"""
PHRASES = {
    "name_01": "my name, mein name",
    "card_02": "my card, meine karte",
    "bank_03": "my account, das konto",
    "phone_04": "my phone, das telefon",
    "mail_05": "my mail, meine mail",
}
FORM = (
    "name: nosy\ncriteria:"
    + "".join(CRITERION.format(id=name, phrases=said) for name, said in PHRASES.items())
    + """
  - id: never_06
    text: Was it never said?
    weight: 1
    required: true
    rule: {said_by: anyone, phrases: [yes this is, ja das ist], must: not_say}
"""
)
SCOPE = ("--tenant", "demo-tenant")


def transcript(job_name: str, turns: Sequence[str], language: str, **fields: Any) -> dict[str, Any]:
    """What Transcribe writes of a customer who says all of it; a sentence is a turn's word."""
    items = [
        {
            "speaker_label": "spk_0",
            "start_time": str(at),
            "end_time": str(at + 0.9),
            "type": "pronunciation",
            "alternatives": [{"confidence": "0.9", "content": word}],
        }
        for at, word in enumerate(" ".join(turns).split())
    ]
    return {
        "jobName": job_name,
        "status": "COMPLETED",
        "results": {"language_code": language, "items": items},
        **fields,
    }


BROKEN = {
    "no-json": f'{{"jobName": "{PLANTED}"'.encode(),
    "no-transcript": json.dumps({PLANTED: PLANTED}).encode(),
    "no-items": json.dumps({"jobName": "x", "results": {"items": [PLANTED]}}).encode(),
    "no-times": json.dumps(
        {"jobName": "y", "results": {"items": [{"start_time": [PLANTED]}]}}
    ).encode(),
    "text": PLANTED.encode(),
}
MADE_ELSEWHERE = {
    "tenant_id": "demo-tenant",
    "call_id": "made-elsewhere",
    "call_date": "2025-11-05",
    "agent": {"agent_id": "a-1"},
    "entities": {"ResultList": [{"Entities": [{"Text": "Annegret Kanarienvogel", "Type": "PERSON"},
                                              {"Text": MAIL, "Type": "OTHER"},
                                              {"Text": "Berlin", "Type": "LOCATION"}]}]},
    "key_phrases": {"ResultList": [{"KeyPhrases": [{"Text": f"to {PLANTED}"}, {"Text": "an invoice"}]}]},
    "ai_summary": {"issue": PLANTED, "action_items": [f"Write to {MAIL}"]},
    "summary_raw": PLANTED,
    "review": {"needed": True, "reasons": [f"{PLANTED} asked for it"]},
    "qa_evaluation": {
        "template_id": "nosy",
        "template_version": 1,
        "criteria": [
            {
                "id": "card_02",
                "passed": False,
                "reason": f"{PLANTED} said so",
                "evidence": [{"quote": PLANTED}],
            }
        ],
        "failed": [{"id": "card_02", "reason": PLANTED}],
    },
    "source": {"pii_redacted": "none"},
}  # fmt: skip


class Laptop:
    """A lake, what is given to its commands, and all that they said."""

    def __init__(self, root: Path, unredacted: str) -> None:
        self.lake, self.given, self.out = root / "lake", root / "given", root / "out"
        self.said: list[Done] = []
        for folder in (self.given, self.out):
            folder.mkdir(parents=True)
        self.form = root / "nosy.yaml"
        self.form.write_text(FORM, encoding="utf-8")
        self.run("tenants", "add", "demo-tenant", "--unredacted", unredacted)
        self.run("forms", "put", self.form, *SCOPE)

    def run(self, *arguments: str | Path) -> Done:
        done = cci(*arguments, "--lake", self.lake)
        self.said.append(done)
        return done

    def give(self, name: str, value: object) -> Path:
        path = self.given / name
        path.parent.mkdir(exist_ok=True)
        data = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        path.write_bytes(data)
        return path

    def give_everything(self) -> None:
        self.give("calls/en.json", transcript("en", ENGLISH, "en-GB"))
        self.give("calls/de.json", transcript("de", GERMAN, "de-DE"))
        one = {"ParticipantRole": "CUSTOMER", "BeginOffsetMillis": 0, "EndOffsetMillis": 900}
        turns = [{**one, "Content": text, "Id": str(at)} for at, text in enumerate(ENGLISH)]
        analytics = {"JobName": "ca", "JobStatus": "COMPLETED", "LanguageCode": "en-US"}
        self.give("calls/analytics.json", {**analytics, "Transcript": turns})
        for name, data in BROKEN.items():
            self.give(f"calls/{name}.json", data)
        self.give("documents/made-elsewhere.json", MADE_ELSEWHERE)
        self.give_what_names_things_by_canaries()
        self.give("documents/broken.json", {**MADE_ELSEWHERE, "call_date": PLANTED})

    def give_what_names_things_by_canaries(self) -> None:
        """Jobs, languages and speakers that are called by personal data."""
        marks = {"isRedacted": True}
        self.give("odd/job.json", transcript(PLANTED, ENGLISH, "en-GB", **marks))
        self.give("odd/language.json", transcript("language", ENGLISH, PLANTED, **marks))
        speaker = transcript("speaker", ENGLISH, "en-GB", **marks)
        for item in speaker["results"]["items"]:
            item["speaker_label"] = NAME
        self.give("odd/speaker.json", speaker)

    def go_through_everything(self) -> None:
        """Every command that reads what was said, or what was made of it."""
        analyze = ("calls", "analyze", self.given / "calls", *SCOPE, "--form", "nosy")
        self.run(*analyze)
        self.run(*analyze, "--overwrite")
        self.run("calls", "analyze", self.given / "odd", *SCOPE, "--form", "nosy")
        self.run("calls", "ingest", self.given / "documents", *SCOPE)
        self.run("etl", "run")
        self.break_a_document()
        for step in ("plan", "run", "verify"):
            self.run("etl", step)
        for output in ("table", "json"):
            self.run("quarantine", "list", *SCOPE, "--output", output)
            trial = ("forms", "try", self.form, self.given / "calls", *SCOPE)
            self.run(*trial, "--output", output)
        self.run("quarantine", "replay", *SCOPE)
        for name in (*TABLES, *(view.name for view in shipped_views()), "unified"):
            self.ask(name, "parquet")
        for name in ("qa_criteria", "unified"):
            self.ask(name, "csv")
            self.ask(name, "json")
        for output in ("table", "json"):
            self.run("query", "SELECT * FROM qa_criteria", *SCOPE, "--output", output)
        for ending in ("md", "csv", "xlsx", "html", "json"):
            self.run("report", "leaderboard", *SCOPE, "--to", self.out / f"board.{ending}")
        self.run("report", "page", *SCOPE, "--to", self.out / "page.html")
        self.run("etl", "run", "--debug")

    def ask(self, table: str, ending: str) -> None:
        target = self.out / f"{table}.{ending}"
        self.run("query", f"SELECT * FROM {table}", *SCOPE, "--to", target)

    def break_a_document(self) -> None:
        """Cut one document off, and give another one a value that it cannot have."""
        one, other, *_ = sorted((self.lake / "unified").rglob("*.json"))
        one.write_bytes(one.read_bytes()[:-20])
        other.write_bytes(other.read_bytes().replace(b'"call_date":"', b'"call_date":"x'))

    def written(self) -> Iterator[tuple[str, str]]:
        """Everything that came out: each stream, and each file whatever is in it."""
        for number, done in enumerate(self.said):
            yield f"stdout {number}", done.data.decode(errors="replace")
            yield f"stderr {number}", done.err
        for folder in (self.lake, self.out):
            for path in sorted(folder.rglob("*")):
                yield f"name of {path.name}", str(path.relative_to(folder))
                if path.is_file():
                    for text in texts_of(path.name, path.read_bytes()):
                        yield path.name, text

    def spoiled(self) -> dict[str, list[str]]:
        return {where: found for where, text in self.written() if (found := spoils(text))}


def texts_of(name: str, data: bytes) -> Iterator[str]:
    """What a reader of the file sees, and its bytes as they are."""
    yield data.decode(errors="replace")
    if data.startswith(b"PAR1"):
        yield json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=str)
    elif data.startswith(b"SQLite format 3\0"):
        with sqlite3.connect(":memory:") as catalogue:
            catalogue.deserialize(data)
            yield "\n".join(catalogue.iterdump())
        catalogue.close()
    elif zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for each in packed.namelist():
                yield from texts_of(each, packed.read(each))


def test_the_demo_on_transcripts_of_ones_own_masks_what_is_not_redacted(laptop: Laptop) -> None:
    lake = laptop.out / "demo-lake"
    done = cci("demo", "--transcripts", laptop.given / "calls", "--lake", lake)
    laptop.said.append(done)
    assert "8 transcripts: 3 new, 5 refused" in done.err
    assert laptop.spoiled() == {}


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """A laptop whose tenant has calls masked that are not redacted."""
    made = Laptop(tmp_path, "mask")
    made.give_everything()
    return made


def documents(laptop: Laptop) -> list[dict[str, Any]]:
    paths = sorted((laptop.lake / "unified").rglob("*.json"))
    return [json.loads(path.read_bytes()) for path in paths]


def test_what_is_spoken_in_unredacted_transcripts_comes_out_nowhere(laptop: Laptop) -> None:
    laptop.go_through_everything()
    assert laptop.spoiled() == {}
    kinds = {path.suffix for path in laptop.lake.rglob("*")} | {
        path.suffix for path in laptop.out.iterdir()
    }
    assert {".json", ".parquet", ".db", ".csv", ".xlsx", ".html", ".md"} <= kinds


def test_what_was_masked_is_quoted_all_the_same_and_the_document_says_so(laptop: Laptop) -> None:
    done = laptop.run("calls", "analyze", laptop.given / "calls", *SCOPE, "--form", "nosy")
    found = {each["language_code"]: each for each in documents(laptop)}
    assert found.keys() == {"en-GB", "de-DE", "en-US"}
    for document in found.values():
        assert document["source"]["pii_redacted"] == "masked"
        text = json.dumps(document)
        assert all(mask in text for mask in ("[NAME]", "[CARD]", "[IBAN]", "[EMAIL]", "[NUMBER]"))
        verdicts = [each["verdict"] for each in document["qa_evaluation"]["criteria"]]
        assert verdicts == ["pass"] * 5 + ["fail"]
    lines = done.err.splitlines()
    assert lines[0] == "8 transcripts: 3 new, 5 refused"
    said = lines.index(
        "not redacted, and masked here (a name is found only when somebody introduces it or the "
        "metadata gives it): 3"
    )
    names = ("analytics.json", "de.json", "en.json")
    assert lines[said + 1 : said + 4] == [f"  {laptop.given / 'calls' / name}" for name in names]


def test_a_tenant_that_refuses_what_is_not_redacted_gets_no_document_and_is_told(
    tmp_path: Path,
) -> None:
    laptop = Laptop(tmp_path, "refuse")
    laptop.give_everything()
    done = laptop.run("calls", "analyze", laptop.given / "calls", *SCOPE, "--form", "nosy")
    assert done.code == 1
    lines = done.err.splitlines()
    assert lines[0] == "8 transcripts: 8 refused"
    assert (
        f"  {laptop.given}/calls/de.json: expected a redacted transcript, found one that is not, "
        "and the tenant's setting is unredacted: refuse"
    ) in lines
    assert lines[-1] == (
        "refused as not redacted: 3; to have such calls masked, where their language allows it: "
        f"cci-lite tenants add demo-tenant --lake {laptop.lake} --unredacted mask"
    )
    done = laptop.run("calls", "ingest", laptop.given / "documents", *SCOPE)
    assert "refused as not redacted: 1; " in done.err
    done = laptop.run("forms", "try", laptop.form, laptop.given / "calls", *SCOPE)
    left_out = [line for line in done.err.splitlines() if line.startswith("left out: ")]
    assert left_out == [
        "left out: 5 transcripts that cannot be read",
        "left out: 3 transcripts not redacted, and refused by calls analyze, too",
    ]
    assert documents(laptop) == []
    assert laptop.spoiled() == {}


def test_names_are_masked_that_only_the_metadata_tells(laptop: Laptop) -> None:
    for job, marks in (("a", {}), ("b", {"isRedacted": True})):
        said = ["My card was blocked, said Gerlinde from your office."]
        file = laptop.give(f"{job}.json", transcript(job, said, "en-US", **marks))
        laptop.give(f"{job}.json.meta.json", {"agent_name": "Gerlinde Zaunkönig"})
        laptop.run("calls", "analyze", file, *SCOPE, "--form", "nosy")
    for document in documents(laptop):
        [quote] = [
            evidence["quote"]
            for criterion in document["qa_evaluation"]["criteria"]
            for evidence in criterion.get("evidence", ())
        ]
        assert quote == "My card was blocked, said [NAME] from your office."
        assert document["agent"]["name"] == "Gerlinde Zaunkönig"


def test_the_search_finds_what_is_not_masked(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, elsewhere = "cci_lite.pipeline.judged_document", "cci_lite.pipeline.documents"
    for module in (judged, elsewhere):
        monkeypatch.setattr(f"{module}.masked_document", lambda document, *_: document)
    monkeypatch.setattr(f"{judged}.masked_conversation", lambda given, *_: given)
    laptop.go_through_everything()
    places = laptop.spoiled()
    for kind in ("json", "parquet", "csv", "stdout"):
        assert any(kind in place for place in places), kind
    found = {canary for canaries in places.values() for canary in canaries}
    assert {"kanarienvogel", "4539 1488", "vier fünf drei", "five five five"} <= found
