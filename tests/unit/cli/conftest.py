"""A lake with the guide's call in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.cli.programs import GUIDE_DOCUMENT, GUIDE_FORM, succeed


@pytest.fixture(scope="session")
def _walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("walk") / "lake"
    succeed("tenants", "add", "demo-tenant", "--lake", lake, "--agent-channel", "ch_0")
    succeed("forms", "put", GUIDE_FORM, "--tenant", "demo-tenant", "--lake", lake)
    succeed("calls", "ingest", GUIDE_DOCUMENT, "--tenant", "demo-tenant", "--lake", lake)
    succeed("etl", "run", "--lake", lake)
    return lake


@pytest.fixture
def lake(_walked: Path, tmp_path: Path) -> Path:
    """A lake with the tenant `demo-tenant`, the guide's form, and the guide's call, flattened."""
    return Path(shutil.copytree(_walked, tmp_path / "lake"))
