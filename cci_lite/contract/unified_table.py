"""The raw table `unified`: the unified documents as Athena and the laptop's engine read them.

Only fields of same-day questions are declared; a JSON table leaves out what it does not declare.
The columns `tenant_id` and `day` come from a document's place (`unified/<tenant>/YYYY/MM/DD/`),
never from its text: a document cannot place itself in another tenant.
"""

from __future__ import annotations

from dataclasses import dataclass

from cci_lite.contract.columns import ColumnType


@dataclass(frozen=True)
class Row:
    """A JSON object with the declared fields."""

    fields: tuple[tuple[str, DataType], ...]


@dataclass(frozen=True)
class Array:
    """A JSON array of one type."""

    element: DataType


DataType = ColumnType | Row | Array


@dataclass(frozen=True)
class RawColumn:
    """One column of the raw table."""

    name: str
    type: DataType


_TEXT = ColumnType.VARCHAR
_NUMBER = ColumnType.DOUBLE
_WHOLE = ColumnType.BIGINT
_FLAG = ColumnType.BOOLEAN


def _row_type(**fields: DataType) -> Row:
    return Row(tuple(fields.items()))


_CRITERION = _row_type(
    id=_TEXT,
    question=_TEXT,
    passed=_FLAG,
    verdict=_TEXT,
    score=_NUMBER,
    weight=_NUMBER,
    required=_FLAG,
    reason=_TEXT,
    confidence=_NUMBER,
    evaluator=_TEXT,
)

UNIFIED_COLUMNS: tuple[RawColumn, ...] = (
    RawColumn("schema_version", _TEXT),
    RawColumn("call_id", _TEXT),
    RawColumn("revision", _WHOLE),
    RawColumn("call_started_at", _TEXT),
    RawColumn("language_code", _TEXT),
    RawColumn("duration_seconds", _NUMBER),
    RawColumn("agent", _row_type(agent_id=_TEXT, name=_TEXT, team=_TEXT)),
    RawColumn("queue", _TEXT),
    RawColumn("direction", _TEXT),
    RawColumn("channel", _TEXT),
    RawColumn(
        "ai_summary",
        _row_type(
            issue=_TEXT,
            resolution=_TEXT,
            outcome=_TEXT,
            action_items=Array(_TEXT),
            tone_score=_NUMBER,
            sentiment_summary=_TEXT,
        ),
    ),
    RawColumn(
        "qa_evaluation",
        _row_type(
            template_id=_TEXT,
            template_version=_TEXT,
            criteria=Array(_CRITERION),
            total_score=_NUMBER,
            max_score=_NUMBER,
            percentage=_NUMBER,
            outcome=_TEXT,
            failed_required=Array(_TEXT),
        ),
    ),
    RawColumn("qa_template_version", _TEXT),
    RawColumn("review", _row_type(needed=_FLAG, reasons=Array(_TEXT))),
)

UNIFIED_PARTITION_COLUMNS: tuple[RawColumn, ...] = (
    RawColumn("tenant_id", _TEXT),
    RawColumn("day", _TEXT),
)
