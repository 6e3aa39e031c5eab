"""DuckDB with the product's checks: what breaks the contract is listed, the rest is flattened.

One bad document stops nothing. Refused are: bytes that are no UTF-8 or no JSON, a key twice in one
object (anywhere, also escaped or in another case), a value of the wrong kind, another tenant, id or
day than the file's, an unknown form or criterion, a criterion twice, a verdict that there is not.
What is left is scored again from the form, claimed scores are compared, and no key of a table may
have two rows.

`json_keys` with `$..*` gives the keys of every object in one parse, `json_structure` the names and
kinds of all values; structures are few, so each is compared with the contract once, and only
documents of another structure are looked at value by value.

Beyond DuckDB, and therefore taken by it and refused by the product: a comma too many and NaN, which
its parser allows; more than one line; null in a list beside other values; numbers out of bounds;
words that the contract does not know, other than verdicts. Version 1.2 of the document is refused.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
from msgspec import inspect

from benchmarks.contenders.duckdb import (
    CALLS,
    NESTED_TABLES,
    SHARED_COLUMNS,
    structure_of,
    write_tables,
)
from benchmarks.contenders.shapes import DOCUMENT
from benchmarks.documents import FORMS
from cci_lite.contract.columns import TABLES
from cci_lite.contract.document import UnifiedDocument
from cci_lite.contract.form import RequiredPolicy
from cci_lite.contract.form_reading import parse_draft

_PREPARE = """
CREATE TEMP TABLE contract (path VARCHAR, kind VARCHAR, optional BOOLEAN);
CREATE TEMP TABLE forms (
    template_id VARCHAR, template_version BIGINT, template_hash VARCHAR, threshold BIGINT,
    required_fails BOOLEAN
);
CREATE TEMP TABLE form_criteria (
    template_id VARCHAR, template_version BIGINT, criterion_id VARCHAR, position BIGINT,
    question VARCHAR, weight BIGINT, required BOOLEAN
);
-- Where a value stands: places in lists do not matter.
CREATE TEMP MACRO place(fullkey) AS regexp_replace(fullkey, '\\[\\d+\\]', '[*]', 'g');
-- Which kind of value a type in JSON is; an empty object has no structure of its own.
CREATE TEMP MACRO kind_of(type) AS CASE
    WHEN type IN ('UBIGINT', 'BIGINT', 'HUGEINT') THEN 'whole' WHEN type = 'DOUBLE' THEN 'number'
    WHEN type = 'VARCHAR' THEN 'text' WHEN type = 'BOOLEAN' THEN 'flag'
    WHEN type = 'NULL' THEN 'null' WHEN type = 'ARRAY' THEN 'list' ELSE 'object' END;
-- The keys of each kind of object, the outermost in a list that makes it one of the inner ones.
CREATE TEMP MACRO repeats_key(content) AS len(list_filter(
    list_distinct(list_filter(
        json_keys('[' || content || ']', '$..*'), lambda keys: len(keys) > 1
    )),
    lambda keys: list_unique(list_transform(keys, lambda key: lower(key))) < len(keys)
)) > 0;
-- A share rounded half up to whole numbers.
CREATE TEMP MACRO half_up(part, whole) AS (2 * part + whole) // (2 * whole);
-- Whether a figure (part / whole), rounded as coarsely as the claim is written, is the claim.
CREATE TEMP MACRO coarseness(claim) AS CASE
    WHEN claim % 10000 = 0 THEN 10000 WHEN claim % 1000 = 0 THEN 1000
    WHEN claim % 100 = 0 THEN 100 WHEN claim % 10 = 0 THEN 10 ELSE 1 END;
CREATE TEMP MACRO differs(claim, part, whole) AS CASE
    WHEN claim IS NULL THEN false WHEN whole = 0 THEN true
    ELSE half_up(part * 10000, whole * coarseness((claim * 10000)::BIGINT))
        * coarseness((claim * 10000)::BIGINT) <> (claim * 10000)::BIGINT END;
"""

_READ = """
CREATE TEMP TABLE read AS
SELECT filename[{prefix} + 2:] AS source_key, TRY(json_structure(content)) AS structure,
    TRY(repeats_key(content)) AS repeats, TRY(from_json(content, '{structure}')) AS document
FROM (
    SELECT filename, TRY(decode(content)) AS content
    FROM read_blob('{lake}/unified/*/*/*/*/*.json')
)
"""

# A structure names the keys of all objects and the types of all values, merged over lists.
_UNUSUAL = """
CREATE TEMP TABLE unusual AS
WITH structures AS (SELECT DISTINCT structure FROM read WHERE structure IS NOT NULL),
parts AS (
    SELECT structure, place(fullkey) AS path, tree.type AS type, tree.atom->>'$' AS leaf
    FROM structures, json_tree(structures.structure) AS tree
),
typed AS (SELECT structure, path, kind_of(coalesce(leaf, type)) AS kind, leaf FROM parts)
SELECT DISTINCT typed.structure
FROM typed LEFT JOIN contract USING (path)
WHERE contract.path IS NULL
    OR NOT (typed.kind = contract.kind OR typed.kind = 'whole' AND contract.kind = 'number'
        OR typed.kind = 'null' AND contract.optional)
    -- In a list this may also be values of different kinds.
    OR typed.leaf = 'JSON' AND contains(typed.path, '[')
"""

_UNUSUAL_FILES = "SELECT '{lake}/' || source_key FROM read SEMI JOIN unusual USING (structure)"

_NO_VALUES = """
CREATE TEMP TABLE looked_at (
    source_key VARCHAR, path VARCHAR, unknown BOOLEAN, wrong BOOLEAN, counts BOOLEAN
)
"""

_VALUES = """
CREATE TEMP TABLE looked_at AS
WITH looked AS (
    SELECT filename[{prefix} + 2:] AS source_key, place(tree.fullkey) AS path,
        place(tree.path) AS inside, kind_of(tree.type) AS kind, tree.atom->>'$' AS value
    FROM read_text({files}) AS file, json_tree(file.content) AS tree
)
SELECT source_key, path,
    contract.path IS NULL AS unknown,
    NOT (looked.kind = contract.kind OR looked.kind = 'whole' AND contract.kind = 'number'
        OR looked.kind = 'null' AND contract.optional
        OR looked.kind = 'text' AND contract.kind = 'number'
            AND coalesce(isfinite(TRY_CAST(value AS DOUBLE)), false)
        OR looked.kind = 'text' AND contract.kind = 'whole'
            AND TRY_CAST(value AS BIGINT) IS NOT NULL
        OR looked.kind = 'text' AND contract.kind = 'flag'
            AND lower(value) IN ('true', 'false', '0', '1')
        OR looked.kind = 'whole' AND contract.kind = 'flag' AND value IN ('0', '1')
    ) AS wrong,
    -- Fields in Comprehend's lists are AWS's and do not count.
    contract.path IS NULL AND NOT contains(inside, 'ResultList')
        AND inside IN (SELECT path FROM contract WHERE kind = 'object') AS counts
FROM looked LEFT JOIN contract USING (path)
WHERE contract.path IS NULL OR wrong
"""

_SAID = """
CREATE TEMP TABLE said AS
SELECT number, template_id, template_version, c.id AS criterion_id, c.passed AS passed,
    coalesce(c.verdict,
        CASE c.passed WHEN true THEN 'pass' WHEN false THEN 'fail' ELSE 'unscored' END) AS verdict,
    c.reason AS reason, c.evidence[1].quote AS evidence,
    c.evidence[1].start_seconds AS evidence_at_seconds, c.confidence AS confidence,
    c.evaluator AS evaluator
FROM (
    SELECT rowid AS number, document.qa_evaluation.template_id AS template_id,
        document.qa_evaluation.template_version AS template_version,
        unnest(document.qa_evaluation.criteria) AS c
    FROM read
)
"""

# The first reason for which each document is refused.
_REFUSED = """
CREATE TEMP TABLE refused AS
WITH of_documents AS (
    SELECT read.rowid AS number,
        string_split(replace(source_key, '.json', ''), '/') AS key,
        CASE
            WHEN structure IS NULL OR document IS NULL THEN 'expected one object of valid JSON'
            WHEN repeats THEN 'expected each field once'
            WHEN wrong.path IS NOT NULL THEN wrong.path || ': another kind of value'
            WHEN document.schema_version IS DISTINCT FROM '1.3' THEN 'schema_version: expected 1.3'
            WHEN document.tenant_id IS DISTINCT FROM key[2] THEN 'tenant_id: another tenant'
            WHEN document.call_date IS DISTINCT FROM array_to_string(key[3:5], '-')
                THEN 'call_date: another day than in the key'
            WHEN document.call_id IS DISTINCT FROM key[6] THEN 'call_id: another id'
            WHEN document.qa_evaluation IS NULL THEN NULL
            WHEN forms.template_id IS NULL THEN 'qa_evaluation.template_id: no form of this tenant'
            WHEN document.qa_evaluation.template_hash <> forms.template_hash
                THEN 'qa_evaluation.template_hash: another hash'
        END AS reason
    FROM read
    LEFT JOIN (
        SELECT source_key, min(path) AS path FROM looked_at WHERE wrong GROUP BY ALL
    ) AS wrong USING (source_key)
    LEFT JOIN forms ON forms.template_id = document.qa_evaluation.template_id
        AND forms.template_version = document.qa_evaluation.template_version
),
of_criteria AS (
    SELECT number, 'qa_evaluation.criteria: no criterion of the form' AS reason
    FROM said ANTI JOIN form_criteria USING (template_id, template_version, criterion_id)
    UNION ALL
    SELECT number, 'qa_evaluation.criteria: no verdict, or not what passed says' FROM said
    WHERE verdict NOT IN ('pass', 'fail', 'na', 'unscored')
        OR passed <> (verdict = 'pass') OR passed AND verdict <> 'pass'
        OR passed IS NOT NULL AND verdict IN ('na', 'unscored')
    UNION ALL
    SELECT number, 'qa_evaluation.criteria: the same criterion twice' FROM said
    GROUP BY number, criterion_id HAVING count(*) > 1
)
SELECT number, min(reason) AS reason
FROM (
    SELECT number, reason FROM of_documents WHERE reason IS NOT NULL
    UNION ALL SELECT * FROM of_criteria
)
GROUP BY number
"""

_JUDGED = """
CREATE TEMP TABLE judged AS
SELECT asked.number AS number, form.*, coalesce(said.verdict, 'unscored') AS verdict,
    said.reason AS reason, said.evidence AS evidence,
    said.evidence_at_seconds AS evidence_at_seconds, said.confidence AS confidence,
    said.evaluator AS evaluator
FROM (
    SELECT rowid AS number, document.qa_evaluation.template_id AS template_id,
        document.qa_evaluation.template_version AS template_version
    FROM read WHERE rowid NOT IN (SELECT number FROM refused)
) AS asked
JOIN form_criteria AS form USING (template_id, template_version)
LEFT JOIN said ON said.number = asked.number AND said.criterion_id = form.criterion_id
"""

_SCORES = """
CREATE TEMP TABLE scores AS
WITH counted AS (
    SELECT number, template_id, template_version, count(*) AS qa_criteria,
        count(*) FILTER (verdict = 'pass') AS qa_criteria_passed,
        count(*) FILTER (verdict = 'fail') AS qa_criteria_failed,
        count(*) FILTER (verdict = 'na') AS qa_criteria_na,
        count(*) FILTER (verdict = 'unscored') AS qa_criteria_unscored,
        coalesce(sum(weight) FILTER (verdict = 'pass'), 0)::BIGINT AS total,
        coalesce(sum(weight) FILTER (verdict IN ('pass', 'fail')), 0)::BIGINT AS attainable,
        string_agg(criterion_id, ',' ORDER BY position) FILTER (required AND verdict = 'fail')
            AS qa_failed_required,
        list('unscored_required:' || criterion_id ORDER BY position)
            FILTER (required AND verdict = 'unscored') AS unscored_required
    FROM judged GROUP BY number, template_id, template_version
),
rounded AS (
    SELECT *, CASE WHEN attainable > 0 THEN half_up(10000 * total, attainable) END AS hundredths
    FROM counted
)
SELECT rounded.*, forms.template_hash AS template_hash,
    CASE
        WHEN unscored_required IS NOT NULL THEN 'review'
        WHEN attainable = 0 THEN 'none'
        WHEN required_fails AND qa_failed_required IS NOT NULL THEN 'fail'
        WHEN hundredths >= threshold THEN 'pass'
        ELSE 'fail'
    END AS outcome
FROM rounded JOIN forms USING (template_id, template_version)
"""

# As the plain contender's table, so that the same queries read it; with the scores beside it.
_DOCUMENTS = f"""
CREATE TEMP VIEW documents AS
WITH kept AS (
    SELECT rowid AS number, source_key, unnest(document) FROM read
    WHERE rowid NOT IN (SELECT number FROM refused)
)
SELECT kept.* EXCLUDE (call_started_at, call_date, agent), {SHARED_COLUMNS},
    scores.* EXCLUDE (number), coalesce(fields.unknown, 0) AS unknown_fields
FROM kept LEFT JOIN scores USING (number)
LEFT JOIN (
    SELECT source_key, count(*) AS unknown FROM looked_at WHERE counts GROUP BY ALL
) AS fields USING (source_key)
"""

_FIGURES = """
    template_id, template_version, template_hash, coalesce(outcome, 'none') AS qa_outcome,
    CASE outcome WHEN 'pass' THEN true WHEN 'fail' THEN false END AS qa_passed,
    total / 10000 AS qa_total_score, attainable / 10000 AS qa_max_score,
    hundredths / 100 AS qa_percentage, qa_failed_required,
    coalesce(qa_criteria, 0) AS qa_criteria, coalesce(qa_criteria_passed, 0) AS qa_criteria_passed,
    coalesce(qa_criteria_failed, 0) AS qa_criteria_failed,
    coalesce(qa_criteria_na, 0) AS qa_criteria_na,
    coalesce(qa_criteria_unscored, 0) AS qa_criteria_unscored,
    qa_evaluation.reported IS NULL AND (
        coalesce(qa_evaluation.total_score, qa_evaluation.max_score, qa_evaluation.percentage)
            IS NULL
        OR qa_evaluation.template_hash IS NOT NULL
        AND qa_evaluation.total_score IS NOT DISTINCT FROM qa_total_score
        AND qa_evaluation.max_score IS NOT DISTINCT FROM qa_max_score
        AND qa_evaluation.percentage IS NOT DISTINCT FROM qa_percentage
    ) AS claims_nothing,
    CASE WHEN qa_evaluation.reported IS NOT NULL THEN qa_evaluation.reported.total_score
        WHEN NOT claims_nothing THEN qa_evaluation.total_score END AS qa_reported_total_score,
    CASE WHEN qa_evaluation.reported IS NOT NULL THEN qa_evaluation.reported.max_score
        WHEN NOT claims_nothing THEN qa_evaluation.max_score END AS qa_reported_max_score,
    CASE WHEN qa_evaluation.reported IS NOT NULL THEN qa_evaluation.reported.percentage
        WHEN NOT claims_nothing THEN qa_evaluation.percentage END AS qa_reported_percentage,
    CASE WHEN outcome IS NOT NULL AND NOT claims_nothing THEN
        differs(qa_reported_total_score, total, 10000)
        OR differs(qa_reported_max_score, attainable, 10000)
        OR differs(qa_reported_percentage, 100 * total, attainable)
    END AS qa_reported_differs, unknown_fields
"""

_REVIEW = """
    coalesce(review.needed, false) OR coalesce(outcome = 'review', false) AS needs_review,
    nullif(array_to_string(list_concat(
        coalesce(review.reasons, []),
        list_filter(
            coalesce(unscored_required, []),
            lambda reason: NOT list_contains(coalesce(review.reasons, []), reason)
        )
    ), ','), '') AS review_reasons
"""

_QA_CRITERIA = """
SELECT call_id, criterion_id, position, question, verdict,
    CASE verdict WHEN 'pass' THEN true WHEN 'fail' THEN false END AS passed,
    (verdict = 'pass')::BIGINT AS is_passed, (verdict = 'fail')::BIGINT AS is_failed,
    (verdict IN ('pass', 'fail'))::BIGINT AS is_evaluated,
    CASE verdict WHEN 'pass' THEN weight / 10000 WHEN 'fail' THEN 0.0 END::DOUBLE AS score,
    weight / 10000 AS weight, required, reason, evidence, evidence_at_seconds, confidence,
    evaluator, judged.template_id AS template_id, judged.template_version AS template_version,
    template_hash, outcome AS qa_outcome, call_started_at, agent_id, agent_name, agent_team, queue,
    direction, channel, language_code, source_key
FROM judged JOIN documents USING (number)
"""

_QUARANTINED = """
SELECT source_key, reason FROM refused JOIN read ON read.rowid = refused.number
"""

_CALLS = CALLS.format(judged=_FIGURES, review=_REVIEW)
_TABLES = {
    "calls": f"SELECT * EXCLUDE claims_nothing FROM ({_CALLS})",
    "qa_criteria": _QA_CRITERIA,
    **NESTED_TABLES,
}

# The plain contender's shape, and what only the checks look at.
_SHAPE = copy.deepcopy(DOCUMENT)
_SHAPE["qa_evaluation"]["criteria"][0]["passed"] = "flag"


def flatten(lake: Path, rows: Path, workers: int) -> None:
    """One file per table; raises ValueError when two rows of a table have the same key."""
    place = {
        "lake": lake,
        "prefix": len(str(lake)),
        "structure": json.dumps(structure_of(_SHAPE)),
    }
    with duckdb.connect(config={"threads": workers, "preserve_insertion_order": False}) as db:
        db.execute(_PREPARE)
        db.executemany("INSERT INTO contract VALUES (?, ?, ?)", _contract())
        _put_forms(db)
        db.execute(_READ.format(**place))
        db.execute(_UNUSUAL)
        files = [file for (file,) in db.execute(_UNUSUAL_FILES.format(**place)).fetchall()]
        db.execute((_VALUES if files else _NO_VALUES).format(**place, files=files))
        for statement in (_SAID, _REFUSED, _JUDGED, _SCORES, _DOCUMENTS):
            db.execute(statement)
        write_tables(db, rows, {**_TABLES, "quarantined_documents": _QUARANTINED})
        for table_name in _TABLES:
            _check_keys(db, rows, table_name)


def _check_keys(db: duckdb.DuckDBPyConnection, rows: Path, table_name: str) -> None:
    written = f"'{rows}/{table_name}/part.parquet'"
    key = ", ".join(TABLES[table_name].key)
    (more,) = db.execute(
        f"SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT {key} FROM {written})) "
        f"FROM {written}"
    ).fetchone()
    if more:
        raise ValueError(f"rows in {table_name}: expected one per key, found {more} more")


def _contract() -> list[tuple[str, str, bool]]:
    """Path, kind and whether null may stand there, of every value in a document."""
    return [*_parts(inspect.type_info(UnifiedDocument), "$")]


def _parts(declared: inspect.Type, path: str) -> Iterator[tuple[str, str, bool]]:
    members = declared.types if isinstance(declared, inspect.UnionType) else (declared,)
    optional = any(isinstance(member, inspect.NoneType) for member in members)
    kind = next(member for member in members if not isinstance(member, inspect.NoneType))
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    yield path, _KINDS.get(type(kind), "text"), optional
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from _parts(field.type, f"{path}.{field.encode_name}")
    elif isinstance(kind, inspect.ListType):
        yield from _parts(kind.item_type, f"{path}[*]")


_KINDS = {
    inspect.StructType: "object",
    inspect.ListType: "list",
    inspect.IntType: "whole",
    inspect.FloatType: "number",
    inspect.BoolType: "flag",
}


def _put_forms(db: duckdb.DuckDBPyConnection) -> None:
    for form in (parse_draft(form).as_version(1) for form in FORMS):
        # Shares and weights have at most four decimals: as whole numbers their sums are exact.
        threshold = int(form.scoring.pass_threshold * 10_000)
        fails = form.scoring.required_policy is RequiredPolicy.FAIL_CALL
        db.execute(
            "INSERT INTO forms VALUES (?, ?, ?, ?, ?)",
            [form.name, form.version, form.content_hash, threshold, fails],
        )
        db.executemany(
            "INSERT INTO form_criteria VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                [form.name, form.version, each.id, position, each.question,
                 int(each.weight * 10_000), each.required]
                for position, each in enumerate(form.criteria, start=1)
            ],
        )  # fmt: skip
