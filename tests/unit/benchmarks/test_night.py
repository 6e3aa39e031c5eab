"""Three nights of a lake of the benchmark: the first, a quiet one, and one with a late document."""

from __future__ import annotations

from pathlib import Path

from benchmarks.documents import Corpus, write_documents
from benchmarks.night import nights


def test_each_night_says_what_its_parts_took(tmp_path: Path) -> None:
    write_documents(tmp_path / "documents", Corpus(3))
    found = nights(tmp_path / "documents", tmp_path / "lake", 2)
    read = {
        name: next(part["documents"] for part in parts if part["part"] == "read")
        for name, parts in found.items()
    }
    assert read == {"first": 2, "quiet": 0, "late": 1}
