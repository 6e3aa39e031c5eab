"""The builds that are measured: this checkout and, beside it, an earlier revision of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Usage, measure

CHECKOUT = Path(__file__).resolve().parents[1]
OURS, BEFORE = "ours", "before"


class BuildError(Exception):
    """A build cannot be made, or another one would be measured in its place."""


@dataclass(frozen=True)
class Build:
    """One state of the product, in a folder; both use the libraries of this environment."""

    name: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to import this build, and to keep its compiled modules."""
        return {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": ""}

    def command(self, *arguments: str | Path) -> list[str]:
        """The installed `cci-lite`; with the environment it is this build's."""
        script = Path(sys.executable).with_name("cci-lite")
        return [sys.executable, str(script), *map(str, arguments)]

    def python(self, *arguments: str) -> list[str]:
        """The interpreter; with the environment, in the build's folder, it imports this build."""
        return [sys.executable, *arguments]

    def run(self, command: Sequence[str]) -> str:
        """What a command prints, not measured; raises BuildError when it fails."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BuildError(f"{self.name}: {' '.join(command[1:])}: {done.stderr[-2_000:]}")
        return done.stdout

    def measure(self, command: Sequence[str], log: Path, **environment: str) -> Usage:
        """What a command takes, whose words go to `log`; raises CommandError when it fails."""
        return measure(
            command, cwd=self.folder, log=log, environment={**environment, **self.environment}
        )

    def ready(self) -> Build:
        """The build, after all of it is compiled; raises BuildError when another is imported."""
        found = self.run(self.python("-c", "import cci_lite; print(cci_lite.__file__)")).strip()
        if not Path(found).is_relative_to(self.folder):
            raise BuildError(f"{self.name}: expected {self.folder}/cci_lite, found {found}")
        self.run(self.python("-m", "compileall", "-q", "cci_lite"))
        return self


@contextmanager
def builds(before: str | None, checkout: Path = CHECKOUT) -> Iterator[list[Build]]:
    """The checkout and, when a revision is named, that one; its files are removed in the end."""
    ours = Build(OURS, checkout).ready()
    if before is None:
        yield [ours]
        return
    with tempfile.TemporaryDirectory(prefix="cci-lite-before-") as made:
        folder = Path(made).resolve() / "before"
        _git(checkout, "worktree", "add", "--detach", str(folder), before)
        try:
            yield [ours, Build(BEFORE, folder).ready()]
        finally:
            _git(checkout, "worktree", "remove", "--force", str(folder))


def _git(checkout: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["git", "-C", str(checkout), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
