"""Error texts, which never quote what somebody said."""

from __future__ import annotations

import pytest

from cci_lite import errors
from cci_lite.errors import (
    CciLiteError,
    ContractError,
    FormError,
    SqlError,
    TenantIdError,
    TranscriptError,
    describe_value,
)


@pytest.mark.parametrize(
    ("value", "phrase"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-12345, "-12345"),
        (123456, "123456"),
        (1234567, "a number of 7 characters"),
        pytest.param(10**5000, "a huge number", id="10**5000"),
        pytest.param(-(10**5000), "a huge number", id="-10**5000"),
        (1.5, "1.5"),
        (71.0, "71"),
        (1e300, "1e+300"),
        (3.14159265, "a number of 7 characters"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("", "empty text"),
        ("n/a", "'n/a'"),
        ("greet_01", "'greet_01'"),
        ("x" * 23 + "1", f"'{'x' * 23}1'"),
        ("Schmidt", "text of 7 characters"),
        ("anna", "text of 4 characters"),
        ("Anna1", "text of 5 characters"),
        ("x" * 25, "text of 25 characters"),
        ("two words", "text of 9 characters"),
        ("2025-11-05", "text of 10 characters"),
        ("0170123456", "text of 10 characters"),
        ("kim@example.org", "text of 15 characters"),
        ("größe", "text of 5 characters"),
        ("a\nb", "text of 3 characters"),
        ("...", "text of 3 characters"),
        ([], "a list of 0"),
        ([1, 2], "a list of 2"),
        ((1,), "a list of 1"),
        ({"name": "Kim"}, "an object with 1 field"),
        (b"Kim", "a value of type bytes"),
    ],
)
def test_a_value_is_shown_when_it_is_short_and_described_otherwise(
    value: object, phrase: str
) -> None:
    assert describe_value(value) == phrase


@pytest.mark.parametrize("kind", [ContractError, TenantIdError, FormError, TranscriptError])
def test_a_contract_error_says_where_expected_and_found(kind: type[ContractError]) -> None:
    error = kind("qa_evaluation.criteria[3].score", "a number", "'n/a'")
    assert str(error) == "qa_evaluation.criteria[3].score: expected a number, found 'n/a'"
    assert isinstance(error, ContractError)
    assert (error.path, error.expected, error.found) == (
        "qa_evaluation.criteria[3].score",
        "a number",
        "'n/a'",
    )


def test_a_contract_error_about_the_whole_value_names_no_path() -> None:
    assert str(ContractError("", "an object", "a list of 0")) == (
        "expected an object, found a list of 0"
    )


def test_an_sql_error_starts_with_line_and_column_where_they_are_known() -> None:
    assert str(SqlError("unknown column", line=3, column=9)) == "line 3, column 9: unknown column"
    assert str(SqlError("unknown column")) == "unknown column"


def test_every_error_is_one_of_ours_and_drawn_in_the_tree() -> None:
    ours = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert all(issubclass(error, CciLiteError) for error in ours)
    assert errors.__doc__ is not None
    assert [error.__name__ for error in ours if error.__name__ not in errors.__doc__] == []
