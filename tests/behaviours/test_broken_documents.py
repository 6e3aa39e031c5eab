"""A corpus of broken documents: each is quarantined with its reason, corrected, and published."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cci_lite.nightly.quarantine import list_quarantined
from cci_lite.nightly.verify import verify_tenant
from tests.small_lake import DAY, EVERY_POOL, NEXT_DAY, TENANT, SmallLake, document

EVERYTHING: frozenset[str] = frozenset()
Mutation = Callable[[dict[str, Any]], None]


def changed(mutate: Mutation) -> bytes:
    value = document("broken")
    mutate(value)
    return json.dumps(value).encode()


def nested(levels: int) -> bytes:
    return b'{"x":' + b"[" * levels + b"]" * levels + b"}"


def with_text(old: bytes, new: bytes) -> bytes:
    data = json.dumps(document("broken")).encode()
    assert old in data
    return data.replace(old, new, 1)


WHOLE = json.dumps(document("broken")).encode()

# name: bytes, JSON path, expected, found
CORPUS: dict[str, tuple[bytes, str, str, str]] = {
    "empty": (b"", "", "a JSON object", "nothing"),
    "white space": (b" \n", "", "a JSON object", "only white space"),
    "truncated": (WHOLE[:200], "", "valid JSON", "input data was truncated"),
    "not JSON": (b"\x00\x01", "", "valid JSON", "invalid character (byte 0)"),
    "an array": (b"[]", "", "an object", "a list of 0"),
    "two documents": (
        WHOLE + WHOLE, "", "valid JSON", f"trailing characters (byte {len(WHOLE) + 1})",
    ),
    "pretty-printed": (
        json.dumps(document("broken"), indent=2).encode(),
        "", "JSON on one line", "a line end at byte 1",
    ),
    "byte order mark": (
        b"\xef\xbb\xbf" + WHOLE, "", "UTF-8 without a byte order mark", "a byte order mark",
    ),
    "invalid UTF-8": (
        with_text(b"Acme", b"Ac\xffe"),
        "", "UTF-8", f"an invalid byte at {WHOLE.index(b'Acme') + 2}",
    ),
    "UTF-16": (
        json.dumps(document("broken")).encode("utf-16"),
        "", "valid JSON", "invalid character (byte 0)",
    ),
    "deep nesting": (nested(50_000), "", "nesting that can be read", "too many levels"),
    "NaN": (
        with_text(b'"tone_score": 70', b'"tone_score": NaN'),
        "", "valid JSON", f"invalid character (byte {WHOLE.index(b'70')})",
    ),
    "duplicate key": (
        with_text(b'"call_id"', b'"call_id": "other", "call_id"'),
        "call_id", "each field once", "the same field twice",
    ),
    "duplicate key far inside": (
        with_text(b'"passed": false', b'"passed": false, "passed": true'),
        "qa_evaluation.criteria[1].passed", "each field once", "the same field twice",
    ),
    "score is text": (
        changed(lambda value: value["qa_evaluation"]["criteria"][1].update(score="n/a")),
        "qa_evaluation.criteria[1].score", "a number", "'n/a'",
    ),
    "list for an object": (
        changed(lambda value: value.update(ai_summary=[])),
        "ai_summary", "an object", "a list of 0",
    ),
    "wrong tenant": (
        changed(lambda value: value.update(tenant_id="other-tenant")),
        "tenant_id", "'demo-tenant', as in the key", "another tenant",
    ),
    "wrong day": (
        changed(lambda value: value.update(call_date="2025-11-06")),
        "call_date", "2025-11-05, as in the key", "2025-11-06",
    ),
    "no tenant": (
        changed(lambda value: value.pop("tenant_id")),
        "", "the field tenant_id", "an object with 8 fields",
    ),
    "criterion of another form": (
        changed(lambda value: value["qa_evaluation"]["criteria"].append({"id": "other_09"})),
        "qa_evaluation.criteria[3].id", "a criterion of default v1", "'other_09'",
    ),
    "criterion twice": (
        changed(lambda value: value["qa_evaluation"]["criteria"].append({"id": "greet_01"})),
        "qa_evaluation.criteria[3].id", "each criterion once", "the same criterion twice",
    ),
    "verdict and passed contradict": (
        changed(lambda value: value["qa_evaluation"]["criteria"][0].update(verdict="fail")),
        "qa_evaluation.criteria[0].passed", "what the verdict 'fail' says", "true",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CORPUS)
def test_a_broken_document_is_quarantined_with_path_expected_and_found(
    small_lake: SmallLake, name: str
) -> None:
    data, path, expected, found = CORPUS[name]
    small_lake.put("good")
    small_lake.put_bytes("broken", data)
    assert small_lake.run().succeeded
    [row] = small_lake.rows("quarantined_documents")
    assert (row["json_path"], row["expected"], row["found"]) == (path, expected, found)
    assert row["source_key"] == f"unified/{TENANT}/2025/11/05/broken.json"
    assert small_lake.call_ids() == ["good"]


def test_numbers_out_of_bounds_are_quarantined_at_their_path(small_lake: SmallLake) -> None:
    small_lake.put_bytes(
        "huge-1", changed(lambda value: value["ai_summary"].update(tone_score=1e300))
    )
    small_lake.put_bytes("huge-2", with_text(b'"tone_score": 70', b'"tone_score": 1e999'))
    small_lake.put_bytes(
        "nan-text", changed(lambda value: value["ai_summary"].update(tone_score="nan"))
    )
    small_lake.run()
    paths = {
        row["source_key"].rpartition("/")[2]: row["json_path"]
        for row in small_lake.rows("quarantined_documents")
    }
    assert paths["huge-1.json"] == paths["nan-text.json"] == "ai_summary.tone_score"
    assert set(paths) == {"huge-1.json", "huge-2.json", "nan-text.json"}


def test_a_document_of_50_megabytes_is_never_read(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.put("good")
    key = small_lake.put_bytes("huge", b" " * 50_000_000)
    read = type(small_lake.store).read

    def guarded(store: Any, wanted: str) -> bytes:
        assert wanted != key
        return read(store, wanted)

    monkeypatch.setattr(type(small_lake.store), "read", guarded)
    assert small_lake.run().succeeded
    [row] = small_lake.rows("quarantined_documents")
    assert (row["expected"], row["found"]) == ("at most 16777216 bytes", "50000000 bytes")
    assert small_lake.call_ids() == ["good"]


def test_no_text_of_a_broken_document_reaches_the_quarantine_table(small_lake: SmallLake) -> None:
    secret = "Jane Doe, 4111 1111 1111 1111, jane@example.org"
    small_lake.put_bytes("a", changed(lambda value: value.update(duration_seconds=secret)))
    small_lake.put_bytes("b", changed(lambda value: value.update(direction=secret)))
    small_lake.put_bytes("c", changed(lambda value: value.update(call_id=secret)))
    small_lake.put_bytes(
        "d", changed(lambda value: value["qa_evaluation"].update(template_id=secret))
    )
    small_lake.run()
    rows = small_lake.rows("quarantined_documents")
    assert len(rows) == 4
    for row in rows:
        assert not any(word in str(row) for word in ("Jane", "4111", "example"))


def correct(small_lake: SmallLake, name: str) -> None:
    """As a person does: open the copy in quarantine in an editor, save it pretty-printed."""
    copy = f"quarantine/{TENANT}/2025/11/05/{name}.json"
    small_lake.store.write(copy, json.dumps(document(name), indent=2).encode())


@EVERY_POOL
def test_a_replay_publishes_a_corrected_copy(small_lake: SmallLake) -> None:
    small_lake.put("good")
    small_lake.put_bytes("bad-1", b"{")
    small_lake.put_bytes("bad-2", b"{")
    small_lake.run()
    correct(small_lake, "bad-1")

    report = small_lake.run(replay=EVERYTHING)
    corrected = {
        each.source_key.rpartition("/")[2]: each.problem is None for each in report.replayed
    }
    assert corrected == {"bad-1.json": True, "bad-2.json": False}

    assert small_lake.call_ids() == ["bad-1", "good"]
    assert [each.source_key for each in list_quarantined(small_lake.lake, TENANT)] == [
        f"unified/{TENANT}/2025/11/05/bad-2.json"
    ]
    assert verify_tenant(small_lake.lake, TENANT).findings == ()
    assert small_lake.run().days == []


def test_a_replay_publishes_documents_whose_form_was_added_since(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    forms, small_lake.forms = small_lake.forms, []
    small_lake.run()
    assert small_lake.call_ids() == []
    small_lake.forms = forms
    small_lake.run(replay=EVERYTHING)
    assert small_lake.call_ids() == ["call-1"]
    assert small_lake.rows("quarantined_documents") == []


@EVERY_POOL
def test_a_document_corrected_to_another_day_leaves_its_old_place(small_lake: SmallLake) -> None:
    data = changed(lambda value: value.update(call_date="2025-11-06"))
    old = small_lake.put_bytes("broken", data)
    small_lake.run()
    small_lake.run(replay=EVERYTHING)
    [call] = small_lake.rows("calls")
    assert call["source_key"] == f"unified/{TENANT}/2025/11/06/broken.json"
    assert small_lake.rows("quarantined_documents") == []
    assert small_lake.catalog.sources(TENANT, DAY) == {}
    with pytest.raises(FileNotFoundError):
        small_lake.store.read(old)
    assert verify_tenant(small_lake.lake, TENANT).findings == ()


def test_a_replay_publishes_a_document_that_was_corrected_in_place(small_lake: SmallLake) -> None:
    small_lake.put_bytes("call-1", b"{")
    small_lake.run()
    small_lake.put("call-1")
    report = small_lake.run(replay=EVERYTHING)
    assert [each.problem for each in report.replayed] == [None]
    assert small_lake.call_ids() == ["call-1"]
    assert small_lake.files("quarantine") == {}


def test_a_corrected_copy_never_replaces_what_was_written_since(small_lake: SmallLake) -> None:
    small_lake.put_bytes("call-1", b"{")
    small_lake.run()
    correct(small_lake, "call-1")
    small_lake.put("call-1", revision=2)
    small_lake.run(replay=EVERYTHING)
    [call] = small_lake.rows("calls")
    assert call["revision"] == 2


def test_a_document_corrected_to_another_day_never_replaces_a_later_revision_there(
    small_lake: SmallLake,
) -> None:
    small_lake.put("broken", day=NEXT_DAY, revision=2)
    small_lake.put_bytes("broken", changed(lambda value: value.update(call_date="2025-11-06")))
    small_lake.run()
    [replayed] = small_lake.run(replay=EVERYTHING).replayed
    assert str(replayed.problem) == (
        "expected no document of this call on its day, found one of the same or a later revision"
    )
    [call] = small_lake.rows("calls")
    assert call["revision"] == 2
    assert len(small_lake.rows("quarantined_documents")) == 1
    assert verify_tenant(small_lake.lake, TENANT).findings == ()


def test_a_copy_changed_into_another_tenants_document_stays_in_quarantine(
    small_lake: SmallLake,
) -> None:
    small_lake.put_bytes("call-1", b"{")
    small_lake.run()
    stolen = document("call-1", tenant_id="other-tenant")
    copy = f"quarantine/{TENANT}/2025/11/05/call-1.json"
    small_lake.store.write(copy, json.dumps(stolen).encode())
    [replayed] = small_lake.run(replay=EVERYTHING).replayed
    assert str(replayed.problem) == "tenant_id: expected 'demo-tenant', found another tenant"
    assert small_lake.files("unified/other-tenant") == {}


@EVERY_POOL
def test_a_replay_that_was_killed_after_moving_a_document_is_finished_by_the_next_one(
    small_lake: SmallLake,
) -> None:
    moved = changed(lambda value: value.update(call_date="2025-11-06"))
    small_lake.put_bytes("broken", moved)
    small_lake.run()
    # What a replay leaves behind that was killed after its first write.
    line = json.dumps(json.loads(moved), separators=(",", ":")).encode()
    small_lake.put_bytes("broken", line, day=NEXT_DAY)
    small_lake.run()
    assert small_lake.call_ids() == ["broken"]
    small_lake.run(replay=EVERYTHING)
    assert small_lake.rows("quarantined_documents") == []
    assert small_lake.files("unified").keys() == {f"unified/{TENANT}/2025/11/06/broken.json"}
    assert verify_tenant(small_lake.lake, TENANT).findings == ()


def test_copies_of_documents_that_are_not_in_quarantine_are_deleted(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.store.write(f"quarantine/{TENANT}/2025/11/05/call-1.json", b"{")
    small_lake.put_bytes("bad", b"{")
    small_lake.run()
    small_lake.run()
    assert small_lake.files("quarantine").keys() == {f"quarantine/{TENANT}/2025/11/05/bad.json"}
