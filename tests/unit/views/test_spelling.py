"""Valid Athena SQL is never reported as a misspelling."""

from __future__ import annotations

import pytest
import sqlglot

from cci_lite.views.spelling import arguments_of, misspellings


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a.x FROM a JOIN (b JOIN c ON b.x = c.x) ON a.x = b.x",
        "SELECT a.x FROM a LEFT JOIN b USING (x, y) CROSS JOIN c, d JOIN e ON d.x = e.x WHERE a.x = 1",
        "SELECT x FROM a JOIN b ON CASE WHEN a.y THEN 1 END = 1 JOIN c ON true",
        "SELECT CAST(x AS array(row(order_id varchar(3), y timestamp(3) with time zone))) AS z FROM a",
        "SELECT CAST(concat(x, y) AS varchar) AS z, TRY_CAST(x AS decimal(3, 1)) AS w FROM a",
        "SELECT filter(x, y -> y > 1) AS z, sum(x) FILTER (WHERE x > 1) AS w FROM a",
        "SELECT x FROM a WHERE NOT x = 1 AND x != 2 AND x IS NOT NULL AND x LIKE 'a' ESCAPE 'b'",
        "SELECT ARRAY[1, 2] AS x, INTERVAL '1' DAY AS y, DATE '2025-01-01' AS z, 'it''s' AS w",
        "SELECT lag(x) IGNORE NULLS OVER (PARTITION BY y, z ORDER BY w) AS v FROM a",
        'WITH t(x, y) AS (SELECT 1, 2) SELECT x AS first, y AS "order" FROM t UNION SELECT 1, 2',
        "SELECT x FROM (VALUES (1), (2)) AS v(x) ORDER BY x OFFSET 1 ROWS LIMIT 2",
    ],
)
def test_athenas_own_words_are_not_misspelled(text: str) -> None:
    assert misspellings(sqlglot.tokenize(text, read="athena")) == []


def test_every_misspelling_is_found_at_its_place() -> None:
    text = "SELECT x::varchar, nvl(y, 1), FROM a WHERE x == 1"
    found = [(wrong.offset, wrong.message) for wrong in misspellings(sqlglot.tokenize(text))]
    assert found == [
        (8, ":: is not understood by Athena; write CAST(x AS type)"),
        (28, "nothing follows the comma; remove it"),
        (45, "== is not understood by Athena; write ="),
    ]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("f()", []),
        ("f(a, g(b, c), ARRAY[1, 2])", ["a", "g ( b , c )", "ARRAY [ 1 , 2 ]"]),
        ("f(a ORDER BY b, c)", ["a"]),
        ("f", []),
    ],
)
def test_the_arguments_of_a_call_are_those_between_its_own_commas(
    text: str, arguments: list[str]
) -> None:
    written = arguments_of(sqlglot.tokenize(text, read="athena"), 0)
    assert [" ".join(token.text for token in words) for words in written] == arguments
