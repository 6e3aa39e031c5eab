"""What failed, in words that carry no data; and that one failure stops no other tenant."""

from __future__ import annotations

import re

import pytest

from cci_lite.errors import LakeError
from cci_lite.nightly.lake import each_tenant
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


def test_a_tenant_that_fails_stops_no_other() -> None:
    def action(tenant_id: str) -> int:
        if tenant_id == "b":
            raise LakeError("no such luck")
        return len(tenant_id)

    assert each_tenant(["a", "b", "ccc"], action) == ({"a": 1, "ccc": 3}, {"b": "no such luck"})
