"""What failed, in words that carry no data."""

from __future__ import annotations

import re

import pytest

from cci_lite.errors import LakeError
from cci_lite.nightly.problems import describe_problem


def caught(problem: Exception) -> Exception:
    try:
        raise problem
    except Exception as raised:
        return raised


def test_an_error_of_ours_is_told_in_its_own_words() -> None:
    assert describe_problem(LakeError("the disk is full")) == "the disk is full"


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (ValueError("Jane Doe"), r"ValueError at test_problems\.py:\d+"),
        (
            FileNotFoundError(2, "No such file or directory", "Jane Doe.json"),
            r"FileNotFoundError at test_problems\.py:\d+: No such file or directory",
        ),
        (OSError("Jane Doe"), r"OSError at test_problems\.py:\d+"),
    ],
)
def test_an_error_of_others_is_told_by_its_kind_and_place_only(
    problem: Exception, told: str
) -> None:
    assert re.fullmatch(told, describe_problem(caught(problem)))
