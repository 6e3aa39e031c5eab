"""What an analyst's query may not do, reported with line and column."""

from __future__ import annotations

import pytest

from cci_lite.errors import SqlError
from cci_lite.views import check_query, table_schema, to_duckdb
from tests.engines.expression_tables import CALLS_SCHEMA, read_refused

SCHEMA = table_schema()


def complaint(sql: str) -> str:
    with pytest.raises(SqlError) as caught:
        check_query(sql, SCHEMA)
    return str(caught.value)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "line 1, column 1: expected a SELECT, found nothing"),
        ("DROP TABLE calls", "line 1, column 1: expected a SELECT, found DROP"),
        ("-- a note\n  DELETE FROM calls", "line 2, column 3: expected a SELECT, found DELETE"),
        ("SHOW TABLES", "line 1, column 1: expected a SELECT, found SHOW"),
        ("COPY calls TO 'x'", "line 1, column 1: expected a SELECT, found COPY"),
        ("ATTACH 'x.db'", "line 1, column 1: expected a SELECT, found ATTACH"),
        ("PRAGMA database_list", "line 1, column 1: expected a SELECT, found PRAGMA"),
        ("SET threads = 1", "line 1, column 1: expected a SELECT, found SET"),
        ("INSTALL httpfs", "line 1, column 1: expected a SELECT, found INSTALL"),
        ("FROM calls", "line 1, column 1: expected a SELECT, found FROM"),
        ("SELECT 1; SELECT 2", "line 1, column 1: expected one SELECT, found 2 statements"),
        (
            "SELECT call_id call_date agent FROM calls",
            "line 1, column 26: Invalid expression / Unexpected token, at 'agent'",
        ),
        ("SELECT 'open FROM calls", "cannot be read; is a quote or a comment left open?"),
    ],
    ids=lambda text: text[:24],
)
def test_only_one_select_is_a_query(sql: str, message: str) -> None:
    assert complaint(sql) == message


@pytest.mark.parametrize(
    ("relation", "message"),
    [
        ("cals", "unknown table or view 'cals', did you mean 'calls'?"),
        ("sqlite_master", "unknown table or view 'sqlite_master'"),
        (
            "information_schema.tables",
            "write 'tables' alone: every query runs in its tenant's database",
        ),
        ("other.calls", "write 'calls' alone: every query runs in its tenant's database"),
        (
            "read_parquet('x')",
            "read_parquet is a function; FROM takes tables and views",
        ),
        ("read_text('/etc/passwd')", "read_text is a function; FROM takes tables and views"),
        ("duckdb_settings()", "duckdb_settings is a function; FROM takes tables and views"),
        ("query('SELECT 1')", "query is a function; FROM takes tables and views"),
        ('"/etc/passwd"', "unknown table or view '/etc/passwd'"),
    ],
    ids=lambda text: text[:24],
)
def test_a_query_reads_known_relations_only(relation: str, message: str) -> None:
    assert complaint(f"SELECT 1 AS one FROM {relation}") == f"line 1, column 22: {message}"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("agnt_id", "unknown column 'agnt_id', did you mean 'agent_id'?"),
        ("calls.agnt_id", "unknown column 'agnt_id' in 'calls', did you mean 'agent_id'?"),
        ("nobody.agent_id", "unknown relation or column 'nobody'"),
        ("agent_id.name", "'.name' needs a row on its left, found varchar"),
        ('"$path"', "hidden column '$path' exists in Athena's tables only"),
        (
            "call_date > '2025-11-05'",
            "cannot compare date with varchar; "
            "write DATE 'YYYY-MM-DD' or TIMESTAMP 'YYYY-MM-DD HH:MM:SS'",
        ),
        ("call_date + 1", "+ expects numbers, found date"),
        ("call_date - call_date", "the difference of two times is an interval; "),
        ("tone_score * 0.5", "0.5 is a decimal and rounds what is computed with it; write 0.5e0"),
        ("avg(qa_passed)", "avg of boolean is refused by Athena; "),
        ("avg(CASE WHEN qa_passed THEN 1.0 ELSE 0.0 END)", "1.0 is a decimal and rounds "),
        ("avg(CAST(tone_score AS decimal(2, 1)))", "avg of decimal(2, 1) is rounded to its scale"),
        ("sum(agent_id)", "sum expects a number, found varchar"),
        ("lower(tone_score)", "lower expects text, found double"),
        ("agent_id || revision", "|| expects text, found bigint"),
        ("CASE WHEN needs_review THEN 1 ELSE 'no' END", "the results are integer and varchar"),
        ("coalesce(agent_id, 0)", "the results are varchar and integer; cast them to one type"),
        ("IF(revision, 1, 2)", "IF expects boolean, found bigint"),
        ("revision AND needs_review", "AND expects boolean, found bigint"),
        ("CAST(tone_score AS varchar)", "CAST(double AS varchar) differs between engines"),
        ("CAST(call_started_at AS varchar)", "CAST(timestamp(3) AS varchar) differs between "),
        ("CAST(agent_id AS date)", "CAST(varchar AS date) takes surprising text; use date_parse"),
        (
            "CAST(agent_id AS varbinary)",
            "type varbinary is not known to mean the same on every engine",
        ),
        ("DATE '2025-13'", "'2025-13' is not a date: YYYY-MM-DD"),
        ("CAST(now() AS date)", "say in which zone: CAST(… AT TIME ZONE 'UTC' AS date)"),
        ("call_started_at AT TIME ZONE 'UTC'", "AT TIME ZONE is supported in CAST("),
        ("date_trunc('hour', call_date)", "unit 'hour' of date: expected one of day, week, month"),
        ("date_trunc('week', agent_id)", "date_trunc expects a date or timestamp, found varchar"),
        ("call_date + INTERVAL '1' HOUR", "a date takes DAY, MONTH and YEAR; cast it to timestamp"),
        ("date_format(call_date, '%x')", "date_format: %"),
        ("no_such_function(1)", "no_such_function is not known to mean the same on every engine"),
        ("count(DISTINCT agent_id, queue)", "count(DISTINCT …) takes one value"),
        ("sum(revision) OVER w", "ALIAS is not understood in window"),
        ("(SELECT call_id, agent_id FROM calls)", "a subquery of one column is needed"),
        ("array_agg(agent_id)", "array_agg needs ORDER BY inside"),
        ("regexp_like(agent_id, '\\d')", "patterns with \\d, \\w, \\s, \\b or (?…) differ"),
        ("regexp_extract(agent_id, '(a)?b', 1)", "a group that may be missing is NULL on one "),
        ("substr(agent_id, 0)", "substr takes a literal start only, from 1"),
        (
            "TRY(upper(CAST(CAST(agent_id AS bigint) AS varchar)))",
            "TRY is supported directly around a cast",
        ),
    ],
    ids=lambda text: text[:32],
)
def test_an_expression_that_is_wrong_says_what_is(expression: str, message: str) -> None:
    found = complaint(f"SELECT {expression} AS x FROM calls")
    assert found.startswith("line 1, column ")
    assert found.split(": ", 1)[1].startswith(message)


# Section by section what DuckDB would accept and answer differently, or what it does not have.
@pytest.mark.parametrize(
    "expression",
    [
        "json_extract(ai_summary, '$.tone_score')",
        "json_extract(issue, '$.a')",
        "json_extract_scalar(issue, '$.a')",
        "json_parse(issue)",
        "json_format(json_parse(issue))",
        "json_query(issue, 'lax $.a')",
        "json_value(issue, 'lax $.a')",
        "json_exists(issue, 'lax $.a')",
        "json_array_get(issue, 0)",
        "CAST(json_extract(issue, '$.a') AS varchar)",
        "CAST(json_extract(issue, '$.a') AS array(row(id varchar)))",
        "approx_percentile(revision, 1, 0.5)",
        "approx_percentile(revision, 0.5)",
        "approx_distinct(call_id)",
        "format('%s-%03d', call_id, revision)",
        "format_datetime(now(), 'yyyy')",
        "parse_datetime(day, 'yyyy')",
        "at_timezone(now(), 'UTC')",
        "with_timezone(TIMESTAMP '2025-01-01 00:00:00', 'UTC')",
        "map_agg(call_id, revision)",
        "multimap_agg(call_id, revision)",
        "histogram(call_id)",
        "arrays_overlap(review.reasons, review.reasons)",
        "width_bucket(duration_seconds, 0, 10, 5)",
        "any_match(review.reasons, x -> x = 'a')",
        "all_match(review.reasons, x -> x = 'a')",
        "none_match(review.reasons, x -> x = 'a')",
        "reduce(review.reasons, 0, (s, x) -> s + 1, s -> s)",
        "zip_with(review.reasons, review.reasons, (x, y) -> x || y)",
        "map_filter(MAP(ARRAY['a'], ARRAY[1]), (k, v) -> v > 1)",
        "transform_values(MAP(ARRAY['a'], ARRAY[1]), (k, v) -> v + 1)",
        "xxhash64(to_utf8(call_id))",
        "human_readable_seconds(96)",
        '"$path"',
        "review.reasons[1]",
        "array_distinct(review.reasons)",
        "array_max(review.reasons)",
        "reverse(call_id)",
        "arbitrary(call_id)",
        "listagg(call_id, ',') WITHIN GROUP (ORDER BY call_id)",
        "random()",
        "typeof(call_id)",
        "getenv('HOME')",
        "current_setting('threads')",
        "ROW(1, 2)",
        "(call_id, day) IN (('a', 'b'))",
        "call_id ILIKE 'a'",
        "regexp_replace(call_id, 'a', '\\1')",
        "log2(duration_seconds)",
        "extract(dow FROM current_date)",
    ],
)
def test_a_construct_that_is_not_known_to_agree_is_refused(expression: str) -> None:
    with pytest.raises(SqlError) as caught:
        check_query(f"SELECT {expression} AS x FROM unified", SCHEMA)
    assert caught.value.line == 1
    assert caught.value.column is not None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM unified CROSS JOIN UNNEST(qa_evaluation.criteria) AS t(a)",
        "SELECT * FROM calls NATURAL JOIN qa_criteria",
        "SELECT * FROM calls c JOIN qa_criteria q ON c.call_id = q.call_id QUALIFY true",
        "SELECT * FROM calls TABLESAMPLE BERNOULLI (10)",
        "SELECT * FROM calls ASOF JOIN qa_criteria USING (call_id)",
        "SELECT * FROM calls SEMI JOIN qa_criteria USING (call_id)",
        "SELECT * FROM calls FULL JOIN qa_criteria USING (call_id)",
        "SELECT * FROM calls, LATERAL (SELECT 1 AS a) AS l",
        "SELECT * FROM calls LIMIT ALL",
        "SELECT * FROM calls LIMIT (SELECT 1)",
        "SELECT * FROM calls FETCH FIRST 3 ROWS ONLY",
        "SELECT DISTINCT ON (call_id) call_id FROM calls",
        "SELECT * EXCLUDE (call_id) FROM calls",
        "SELECT call_id FROM calls UNION BY NAME SELECT call_id FROM qa_criteria",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t",
        "SELECT call_id FROM calls GROUP BY ALL",
        "SELECT ? AS x",
        "SELECT call_id FROM calls, qa_criteria",
        "SELECT 1 AS a FROM calls, calls",
        "SELECT agent_id AS a FROM calls WHERE a = 'x'",
        "SELECT agent_id AS a, count(*) AS n FROM calls GROUP BY a",
        "SELECT agent_id AS a, count(*) AS n FROM calls GROUP BY 1 HAVING n > 1",
        "SELECT revision AS a, a + 1 AS b FROM calls",
        "SELECT call_id FROM calls UNION SELECT revision FROM calls",
        "SELECT call_id FROM calls UNION SELECT call_id, revision FROM calls",
        "SELECT * FROM (VALUES (1, 2), (3)) AS t(a, b)",
        "SELECT * FROM (VALUES 1, 'a') AS t(a)",
        "SELECT call_id FROM calls FOR UPDATE",
        "SELECT call_id INTO x FROM calls",
    ],
)
def test_a_clause_that_is_not_known_to_agree_is_refused(sql: str) -> None:
    with pytest.raises(SqlError):
        check_query(sql, SCHEMA)


def test_the_place_of_a_complaint_is_that_of_the_word() -> None:
    sql = "SELECT\n  qa.call_id,\n  qa.criterion\nFROM calls\nJOIN qa_criteria AS qa\n  ON true"
    assert complaint(sql).startswith("line 3, column 6: unknown column 'criterion' in 'qa'")


def test_an_unknown_field_of_a_row_is_named() -> None:
    message = complaint("SELECT ai_summary.tone_scor AS t FROM unified")
    assert message == "line 1, column 19: unknown field 'tone_scor', did you mean 'tone_score'?"


def test_a_table_that_is_unknown_is_the_only_complaint_about_it() -> None:
    assert complaint("SELECT a, b.c FROM nothing AS b").endswith("unknown table or view 'nothing'")


def test_a_checked_query_says_what_it_yields_and_reads() -> None:
    query = check_query(
        "WITH c AS (SELECT * FROM calls) SELECT call_date, count(*) FROM c GROUP BY 1", SCHEMA
    )
    assert [(name, str(kind)) for name, kind in query.columns] == [
        ("call_date", "date"),
        ("_col1", "bigint"),
    ]
    assert query.reads == {"calls"}


@pytest.mark.parametrize(("text", "message"), read_refused())
def test_words_of_other_engines_are_refused_with_athenas_own(text: str, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        check_query(text, CALLS_SCHEMA)
    assert str(caught.value).split(": ", 1)[1] == message


@pytest.mark.parametrize(
    "text",
    [
        "SELECT call_id FROM calls WHERE call_id IN ('a', 'b')",
        "SELECT call_id FROM calls ORDER BY call_id OFFSET 1 LIMIT 1",
        'SELECT call_id AS "order", agent_id AS "ä" FROM calls',
        "SELECT call_id FROM calls AS a JOIN calls AS b USING (call_id)",
        "SELECT count() AS n, sum(revision) FILTER (WHERE qa_passed) AS s FROM calls",
        "SELECT CAST(revision AS double precision) AS a FROM calls",
        "SELECT extract(year FROM call_date) AS y, position('b' IN agent_id) AS p FROM calls",
        "SELECT call_id AS first, agent_id AS last, call_date AS day FROM calls",
    ],
)
def test_athenas_own_words_pass(text: str) -> None:
    assert check_query(text, CALLS_SCHEMA).columns


def test_a_format_is_named_as_it_is_written() -> None:
    assert complaint("SELECT date_format(call_date, '%k') AS a FROM calls") == (
        "line 1, column 8: date_format: %k is not known to mean the same on every engine"
    )
    assert complaint("SELECT date_format(call_date, '%A') AS a FROM calls") == (
        "line 1, column 8: date_format: %A is not known to mean the same on every engine"
    )


def test_a_function_is_named_as_athena_names_it() -> None:
    sql = "SELECT listagg(call_id, ',') WITHIN GROUP (ORDER BY call_id) AS a FROM calls"
    assert complaint(sql).endswith(
        "listagg is not known to mean the same on every engine; "
        "write array_join(array_agg(x ORDER BY x), ',')"
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("date_parse('69-01-02', '%y-%m-%d')", "date_parse needs a year of four digits: %Y"),
        ("date_parse('10:30', '%H:%i')", "date_parse needs a year of four digits: %Y"),
        ("regexp_extract('abc', 'b', 1)", "the pattern has no group 1"),
        ("regexp_extract('abc', '(?:a)(b)', 2)", "the pattern has no group 2"),
        ("regexp_replace('5 EUR', 'EUR', '$')", "'$' names no group of the pattern; "),
        ("regexp_replace('5 EUR', 'EUR', '$1')", "'$1' names no group of the pattern; "),
        ("regexp_replace('5 EUR', 'EUR', '${n}')", "'$' names no group of the pattern; "),
        ("regexp_replace('5 EUR', 'R$', '')", "regexp_replace with $ differs where text ends "),
        ("regexp_like('é', '[[:alpha:]]')", "a class inside a class, [:name:] and && differ "),
        ("regexp_like('b', '[a-c&&b]')", "a class inside a class, [:name:] and && differ "),
        ("regexp_like('[', '[^[]')", "a class inside a class, [:name:] and && differ "),
        ("regexp_like('GROSSE', '(?i)große')", "(?i) with ß differs between engines"),
        ("regexp_like('a', 'b(?i)a')", "patterns with "),
        (
            "sequence(DATE '2025-01-03', DATE '2025-01-10', INTERVAL '3' HOUR)",
            "a sequence of dates goes by DAY, MONTH or YEAR",
        ),
        (
            "sequence(DATE '2025-01-03', DATE '2025-01-10', INTERVAL '0' DAY)",
            "the step of a sequence is not 0",
        ),
    ],
)
def test_what_engines_answer_differently_is_refused(expression: str, message: str) -> None:
    assert f": {message}" in complaint(f"SELECT {expression} AS x")


@pytest.mark.parametrize("number", [0, 2])
def test_a_number_stands_for_a_column_that_is_there(number: int) -> None:
    for clause in (f"ORDER BY {number}", f"GROUP BY {number}"):
        message = f"{clause[:8]} position {number} is not in the select list"
        with pytest.raises(SqlError, match=message):
            to_duckdb(f"SELECT call_id FROM calls {clause}", SCHEMA)
    for clause in ("ORDER BY 1", "GROUP BY 1"):
        assert to_duckdb(f"SELECT call_id FROM calls {clause}", SCHEMA)
