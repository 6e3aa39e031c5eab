"""Writing documents into a folder that holds strays: each refuses or replaces one call only."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cci_lite.errors import LakeError
from cci_lite.local.folder import FolderStore
from cci_lite.pipeline.document_writing import Written
from cci_lite.pipeline.documents import InputReport, analyze_transcripts, ingest_documents
from cci_lite.ports import InputFile, Transcript
from cci_lite.tenancy import call_id_for, unified_key
from tests.unit.pipeline.test_documents import FORM, TENANT, UPLOADED, spoken

DAY = dt.date(2025, 11, 5)
OTHERS = b'{"tenant_id": "other-tenant"}'


def key_of(job_name: str) -> str:
    call_id = call_id_for(TENANT.tenant_id, f"{TENANT.tenant_id}/calls/{job_name}")
    return unified_key(TENANT.tenant_id, DAY, call_id)


def analyze(store: FolderStore) -> list[InputReport]:
    transcripts = [
        Transcript(name, spoken("hello", name), UPLOADED) for name in ("call-1", "call-2")
    ]
    return list(analyze_transcripts(store, TENANT, FORM, transcripts, pipeline_version="1"))


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """A store in which another tenant has a document."""
    made = FolderStore(tmp_path / "lake")
    made.write("unified/other-tenant/2025/11/05/x.json", OTHERS)
    return made


@pytest.mark.parametrize(
    "put",
    [
        lambda place: place.symlink_to("../../../../other-tenant/2025/11/05/x.json"),
        lambda place: place.symlink_to("nowhere.json"),
        os.mkfifo,
    ],
    ids=["link to another tenant's", "link to nothing", "named pipe"],
)
def test_a_stray_in_the_place_of_a_document_is_replaced(
    store: FolderStore, put: Callable[[Path], None]
) -> None:
    place = store.path(key_of("call-1"))
    place.parent.mkdir(parents=True)
    put(place)
    assert [report.written for report in analyze(store)] == [Written.NEW, Written.NEW]
    assert [report.written for report in analyze(store)] == [Written.UNCHANGED] * 2
    assert store.read("unified/other-tenant/2025/11/05/x.json") == OTHERS
    assert not place.with_name("nowhere.json").exists()


def test_a_folder_in_the_place_of_a_document_refuses_that_call_only(store: FolderStore) -> None:
    store.path(key_of("call-1")).mkdir(parents=True)
    first, second = analyze(store)
    assert str(first.problem) == "expected a place to write the document to, found a stray"
    assert (first.written, second.written) == (Written.REFUSED, Written.NEW)
    document = InputFile("again", store.read(key_of("call-2")), UPLOADED)
    [report] = ingest_documents(store, TENANT, {(FORM.name, FORM.version): FORM}, [document])
    assert report.written is Written.UNCHANGED


def test_a_day_behind_a_link_is_not_written_to(store: FolderStore) -> None:
    day = store.path(f"unified/{TENANT.tenant_id}/2025/11/05")
    day.parent.mkdir(parents=True)
    day.symlink_to("../../../other-tenant/2025/11/05")
    assert [report.written for report in analyze(store)] == [Written.REFUSED] * 2
    assert [found.key for found in store.listing("unified/other-tenant/")] == [
        "unified/other-tenant/2025/11/05/x.json"
    ]


def test_a_document_that_cannot_be_read_is_not_taken_for_none(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze(store)
    before = store.read(key_of("call-1"))
    read = FolderStore.read

    def guarded(store: FolderStore, key: str) -> bytes:
        if key == key_of("call-1"):
            raise PermissionError(13, "Permission denied", "/Jane/Doe.json")
        return read(store, key)

    monkeypatch.setattr(FolderStore, "read", guarded)
    first, second = analyze(store)
    assert (
        str(first.problem)
        == "expected a present document that can be read, found Permission denied"
    )
    assert second.written is Written.UNCHANGED
    monkeypatch.undo()
    assert store.read(key_of("call-1")) == before


def test_nothing_is_written_while_nobody_knows_what_is_there(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze(store)
    really_open = os.open

    def guarded(path: str, *arguments: int, **options: int) -> int:
        if str(path) == "11":
            raise PermissionError(13, "Permission denied", path)
        return really_open(path, *arguments, **options)

    monkeypatch.setattr("cci_lite.local.regular.os.open", guarded)
    with pytest.raises(LakeError, match="a folder below unified/demo-tenant cannot be listed: Per"):
        analyze(store)
