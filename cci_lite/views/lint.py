"""Lints a view file without an engine: its query, its header and its columns."""

from __future__ import annotations

from cci_lite.errors import SqlError
from cci_lite.views.analysis import CheckedQuery, SqlFinding, analyse
from cci_lite.views.files import View
from cci_lite.views.relations import Schema
from cci_lite.views.types import UNKNOWN, ZONED

_HEADER_FORM = "-- <name>_v<N>: <grain>. Key: <columns>. Reads: <relations>. <note>"


def lint_view(view: View, schema: Schema) -> tuple[SqlFinding, ...]:
    """Everything that is wrong with a view over the relations of `schema`, by line and column."""
    try:
        query = analyse(view.sql, schema)
    except SqlError as error:
        message = str(error).split(": ", 1)[-1] if error.line else str(error)
        return (SqlFinding(message, error.line or 1, error.column or 1),)
    findings = [
        *query.findings,
        *(_because(finding, "list the columns") for finding in query.starred),
        *(_because(finding, "name it with AS") for finding in query.unnamed),
        *_header_findings(view, query),
        *_output_findings(view, query),
    ]
    return tuple(sorted(findings, key=lambda finding: (finding.line, finding.column)))


def _because(finding: SqlFinding, advice: str) -> SqlFinding:
    return SqlFinding(f"{finding.message}; {advice}", finding.line, finding.column)


def _header_findings(view: View, query: CheckedQuery) -> list[SqlFinding]:
    if not view.title:
        return [SqlFinding(f"the header is not written as {_HEADER_FORM}", 1, 1)]
    findings = []
    if view.title != view.versioned_name:
        findings.append(f"the header says {view.title}, the file is {view.versioned_name}")
    said, found = set(view.reads), set(query.reads)
    if said != found:
        findings.append(f"the header says it reads {_list(said)}, the query reads {_list(found)}")
    return [SqlFinding(message, 1, 1) for message in findings]


def _output_findings(view: View, query: CheckedQuery) -> list[SqlFinding]:
    names = [name for name, _ in query.columns]
    findings = [
        f"the key names '{name}', which is not a column of the view"
        for name in view.key
        if name not in names
    ]
    if "tenant_id" not in names:
        findings.append("tenant_id is not among the columns; every view carries it")
    elif view.title and "tenant_id" not in view.key:
        findings.append("the key leaves out tenant_id")
    findings += [
        f"two columns are called '{name}'" for name in dict.fromkeys(names) if names.count(name) > 1
    ]
    for name, kind in query.columns:
        if kind == UNKNOWN and not query.findings:
            findings.append(f"column '{name}' is NULL without a type; cast it")
        elif kind == ZONED:
            findings.append(
                f"column '{name}' has a time zone; views give UTC: "
                "CAST(… AT TIME ZONE 'UTC' AS timestamp(3))"
            )
    if view.sql.rstrip().endswith(";"):
        findings.append("the query ends in ';'; a view file is a bare SELECT")
    return [SqlFinding(message, 1, 1) for message in findings]


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
