"""Runs the program in this process: exit code, output, errors."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cci_lite.cli.app import run_program

CHECKOUT = Path(__file__).resolve().parents[3]
GUIDE_FORM = CHECKOUT / "examples" / "forms" / "default.yaml"
GUIDE_DOCUMENT = CHECKOUT / "examples" / "documents" / "guide-example.json"
STAR_FORM = CHECKOUT / "examples" / "forms" / "star.yaml"


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote to stdout and stderr."""

    code: int
    data: bytes
    err: str

    @property
    def out(self) -> str:
        return self.data.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def error(self) -> str:
        """The one line that says what is wrong and what to do; there must be no other."""
        assert self.code != 0
        assert self.data == b""
        [line] = self.err.splitlines()
        assert line.startswith("error: ")
        return line.removeprefix("error: ")


def cci(*arguments: str | Path) -> Done:
    """Run `cci-lite` with these arguments in this process."""
    with _captured() as (out, err):
        code = run_program([str(argument) for argument in arguments])
        sys.stdout.flush()
        sys.stderr.flush()
        return Done(code, out.getvalue(), err.getvalue().decode())


def succeed(*arguments: str | Path) -> Done:
    """Run `cci-lite`, which must succeed."""
    done = cci(*arguments)
    assert done.code == 0, done.err
    return done


@contextmanager
def _captured() -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    out, err = io.BytesIO(), io.BytesIO()
    kept = sys.stdout, sys.stderr
    sys.stdout = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(err, encoding="utf-8", write_through=True)
    try:
        yield out, err
    finally:
        sys.stdout, sys.stderr = kept
