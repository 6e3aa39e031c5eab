"""An earlier revision beside the checkout: what is measured is what was asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

from benchmarks.builds import Build, BuildError, builds  # noqa: E402


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of two revisions, with a package of the product's name."""
    folder = tmp_path / "checkout"
    (folder / "cci_lite").mkdir(parents=True)
    _git(folder, "init", "-q")
    for words in ("earlier", "later"):
        (folder / "cci_lite" / "__init__.py").write_text(f"words = {words!r}\n")
        _git(folder, "add", ".")
        _git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", words)
    return folder


def test_each_build_imports_its_own_revision_although_another_is_installed(checkout: Path) -> None:
    with builds("HEAD~1", checkout) as (ours, before):
        assert [ours.name, before.name] == ["ours", "before"]
        assert [_words_of(ours), _words_of(before)] == ["later", "earlier"]


def test_without_a_revision_there_is_the_checkout_alone(checkout: Path) -> None:
    with builds(None, checkout) as measured:
        assert [build.folder for build in measured] == [checkout]


def test_the_earlier_revision_is_removed_in_the_end_and_after_a_failure(checkout: Path) -> None:
    with builds("HEAD~1", checkout) as (_, before):
        assert before.folder.is_dir()
    assert not before.folder.exists()
    with pytest.raises(ZeroDivisionError), builds("HEAD~1", checkout) as (_, before):
        raise ZeroDivisionError
    assert not before.folder.exists()
    assert len(_git(checkout, "worktree", "list").splitlines()) == 1


def test_a_revision_that_there_is_not_is_said(checkout: Path) -> None:
    with pytest.raises(BuildError, match="no-such-revision"), builds("no-such-revision", checkout):
        pass


def test_a_build_without_the_package_is_refused_instead_of_measuring_the_installed_one(
    tmp_path: Path,
) -> None:
    with pytest.raises(BuildError, match=f"expected {tmp_path}/cci_lite, found "):
        Build("before", tmp_path).ready()


def _words_of(build: Build) -> str:
    return build.run(build.python("-c", "import cci_lite; print(cci_lite.words)")).strip()


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
