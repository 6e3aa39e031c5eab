"""Shapes are read from Glue's types, JSON and the contract, and compared."""

from __future__ import annotations

from typing import Any

import pytest

from cci_lite.contract.crawled_table import (
    CrawledTable,
    crawled_differences,
    is_harmless_in_a_table,
)
from cci_lite.contract.rendering import glue_type
from cci_lite.contract.shapes import (
    Kind,
    Shape,
    columns_shape,
    differences,
    document_shape,
    glue_shape,
    json_shape,
)
from cci_lite.contract.unified_table import UNIFIED_COLUMNS

LAYOUT = [(f"partition_{level}", "string") for level in range(4)]


def crawled(
    *columns: tuple[str, str],
    name: str = "crawled_unified",
    keys: list[tuple[str, str]] = LAYOUT,
) -> list[tuple[str, str, str, str, bool]]:
    """The differences of a table that has these columns beside those that must be there."""
    needed = [(each, "string") for each in ("tenant_id", "call_id", "call_date")]
    given = {column for column, _ in columns}
    table = CrawledTable(name, [*(each for each in needed if each[0] not in given), *columns], keys)
    return [
        (
            each.claim.value,
            each.path,
            str(each.expected),
            str(each.found),
            is_harmless_in_a_table(each),
        )
        for each in crawled_differences(table)
    ]


def leaf(kind: Kind) -> Shape:
    return Shape(frozenset({kind}))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("string", Kind.TEXT),
        ("varchar(20)", Kind.TEXT),
        ("int", Kind.WHOLE),
        ("BIGINT", Kind.WHOLE),
        ("double", Kind.NUMBER),
        ("decimal(10,2)", Kind.NUMBER),
        ("boolean", Kind.FLAG),
        ("uniontype<int,string>", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_a_simple_type_is_of_a_kind(text: str, kind: Kind) -> None:
    assert glue_shape(text).kinds == {kind}


def test_a_nested_type_is_read_to_its_end() -> None:
    shape = glue_shape("struct<a:decimal(10,2),b:array<struct<C:map<string,int>,d:int>>,e:string>")
    assert list(shape.fields) == ["a", "b", "e"]
    assert shape.fields["a"] == leaf(Kind.NUMBER)
    assert shape.fields["e"] == leaf(Kind.TEXT)
    element = shape.fields["b"].element
    assert element is not None
    assert list(element.fields) == ["C", "d"]
    assert element.fields["d"] == leaf(Kind.WHOLE)


@pytest.mark.parametrize("text", ["struct<", "array<struct<a:int", "struct<a", "struct<>", "map<"])
def test_a_type_that_is_cut_off_ends(text: str) -> None:
    assert glue_shape(text)


def test_the_declared_raw_table_differs_in_what_it_leaves_open_only() -> None:
    """Both are made from the contract; a version is text there, because it may be either."""
    found = columns_shape([(each.name, glue_type(each)) for each in UNIFIED_COLUMNS])
    assert {(each.claim.value, each.path) for each in differences(document_shape(), found)} == {
        ("missing field", "tenant_id"),
        ("missing field", "call_date"),
    }


def test_elements_of_a_list_are_one_shape() -> None:
    value: Any = [{"a": 1, "b": "x"}, {"a": 0.5}, "text"]
    element = json_shape(value).element
    assert element is not None
    assert element.kinds == {Kind.OBJECT, Kind.TEXT}
    assert element.fields["a"].kinds == {Kind.WHOLE, Kind.NUMBER}
    assert element.always == {"a"}
    assert json_shape([]).element is None


# --- What crawlers make of documents ------------------------------------------------------------


def test_a_table_as_the_contract_has_it_does_not_differ() -> None:
    assert crawled(("summary_raw", "string"), ("agent", "struct<agent_id:string>")) == []


CRITERIA = "struct<criteria:array<{}>>"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (
            ("qa_evaluation", CRITERIA.format("struct<id:string,score:int>")),
            (
                *("other type", "qa_evaluation.criteria[].score"),
                *("a number with decimals", "a whole number", True),
            ),
        ),
        (
            ("qa_evaluation", CRITERIA.format("string")),
            ("empty lists only", "qa_evaluation.criteria[]", "an object", "text", True),
        ),
        (
            ("qa_evaluation", CRITERIA.format("struct<id:string,severity:int>")),
            (
                *("new field", "qa_evaluation.criteria[].severity"),
                *("no such field", "a whole number", True),
            ),
        ),
        (
            ("ai_summary", "string"),
            ("other type", "ai_summary", "an object", "text", False),
        ),
        (
            ("qa_evaluation", CRITERIA.format("struct<score:double>")),
            ("missing field", "qa_evaluation.criteria[].id", "text", "nothing", False),
        ),
        (("moderation", "string"), ("new field", "moderation", "no such field", "text", True)),
        (
            ("revision", "double"),
            ("other type", "revision", "a whole number", "a number with decimals", False),
        ),
    ],
    ids=[
        "int for double",
        "empty lists",
        "mixed structs",
        "text for struct",
        "missing",
        "new",
        "double for int",
    ],
)
def test_a_crawlers_real_shapes_are_found(
    column: tuple[str, str], expected: tuple[str, str, str, str, bool]
) -> None:
    assert crawled(column) == [expected]


def test_comprehends_own_fields_are_no_difference_and_names_are_in_lower_case() -> None:
    kind = "struct<resultlist:array<struct<sentiment:string,index:int>>,errorlist:array<string>>"
    assert crawled(("sentiment", kind)) == []


def test_a_table_of_the_whole_bucket_has_one_folder_more() -> None:
    keys = [(f"partition_{level}", "string") for level in range(5)]
    [(claim, _, _, found, harmless)] = crawled(keys=keys)
    assert (claim, harmless) == ("partition keys", True)
    assert found == ", ".join(f"partition_{level} string" for level in range(5))


def test_a_partition_key_that_is_also_a_column_is_found() -> None:
    keys = [("tenant_id", "string"), ("day", "string")]
    assert [(claim, path) for claim, path, *_ in crawled(keys=keys)] == [
        ("partition keys", ""),
        ("same name twice", "tenant_id"),
    ]


def test_a_table_of_transcripts_is_another_table() -> None:
    assert crawled(("results", "struct<x:int>"), name="crawled_work") == [
        ("other table", "", "crawled_unified only", "another table", True)
    ]
