"""What holds of the declared columns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cci_lite.contract.columns import TABLES, Column, ColumnType, tables_digest

# The columns of the first release that are never NULL. One that is added later can be NULL: the
# rows of documents that are gone have no value for it.
_WHO_AND_SOURCE = "agent_id source_key source_etag etl_run_id"
_NESTED = "call_id segment position source_key source_etag etl_run_id"
NEVER_NULL = {
    "calls": "call_id revision schema_version call_date_source qa_outcome qa_criteria "
    "qa_criteria_passed qa_criteria_failed qa_criteria_na qa_criteria_unscored needs_review "
    f"unknown_fields {_WHO_AND_SOURCE}",
    "qa_criteria": "call_id criterion_id position verdict is_passed is_failed is_evaluated "
    f"required qa_outcome {_WHO_AND_SOURCE}",
    "entities": _NESTED,
    "key_phrases": _NESTED,
    "sentiment_segments": _NESTED.replace(" position", ""),
    "action_items": _NESTED.replace(" segment", ""),
    "quarantined_documents": "source_key source_etag source_bytes expected found quarantine_key "
    "etl_run_id",
    "etl_runs": "etl_run_id generation sources calls superseded quarantined erased documents_read "
    "pipeline_version",
}


@pytest.mark.parametrize("table_name", TABLES)
def test_a_column_that_was_added_can_be_null(table_name: str) -> None:
    declared = {column.name for column in TABLES[table_name].columns if not column.nullable}
    assert declared == set(NEVER_NULL[table_name].split())


@pytest.mark.parametrize("name", TABLES)
def test_a_column_of_what_documents_give_changes_the_digest(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tables_digest()
    table = TABLES[name]
    added = Column("novelty", ColumnType.BIGINT, "Something new.")
    monkeypatch.setitem(TABLES, name, replace(table, columns=(*table.columns, added)))
    assert (tables_digest() != before) == (name not in ("quarantined_documents", "etl_runs"))


def test_another_type_changes_the_digest_and_another_meaning_or_order_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = tables_digest()
    table = TABLES["calls"]
    first, *others = table.columns
    reworded = replace(first, meaning="Said in other words.")
    monkeypatch.setitem(TABLES, "calls", replace(table, columns=(*others, reworded)))
    assert tables_digest() == before
    retyped = replace(first, type=ColumnType.BIGINT)
    monkeypatch.setitem(TABLES, "calls", replace(table, columns=(retyped, *others)))
    assert tables_digest() != before
