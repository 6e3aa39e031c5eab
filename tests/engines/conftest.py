"""Real engines, started once and stopped at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.trino_lake import TrinoLake
from tests.engines.trino_server import MissingError, Trino, running_trino


@pytest.fixture(scope="session")
def trino() -> Iterator[Trino]:
    """A running Trino; skipped with the reason where it cannot be had."""
    # Unpacked it takes half a gigabyte: pytest would keep its folders of three sessions.
    with tempfile.TemporaryDirectory(prefix="cci-lite-trino-") as folder:
        try:
            with running_trino(Path(folder)) as server:
                yield server
        except MissingError as missing:
            pytest.skip(f"no Trino: {missing}")


@pytest.fixture(scope="session")
def trino_lake(trino: Trino) -> TrinoLake:
    """The S3 and Glue that Trino reads."""
    return TrinoLake(trino)
