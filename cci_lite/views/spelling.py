"""Finds what sqlglot parses although Athena's grammar refuses it, by the tokens as written.

sqlglot accepts many dialects at once, and its tree does not show how a thing was spelled:
`a::varchar`, `a == b` and `LIMIT 1, 2` look like Athena's own spelling. Examples of each kind are
checked against a real engine (`tests/engines/refused.yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import Token, TokenType

_OPERATORS = {
    "::": "write CAST(x AS type)",
    "==": "write =",
    "<=>": "write IS NOT DISTINCT FROM",
    "!": "write NOT",
    "~~": "write LIKE",
    "~": "write regexp_like(x, 'pattern')",
    "RLIKE": "write regexp_like(x, 'pattern')",
    "REGEXP": "write regexp_like(x, 'pattern')",
    "NOTNULL": "write IS NOT NULL",
    "ISNULL": "write IS NULL",
}
_OPERATOR_TYPES = frozenset(
    {
        TokenType.DCOLON,
        TokenType.EQ,
        TokenType.NULLSAFE_EQ,
        TokenType.NOT,
        TokenType.LIKE,
        TokenType.TILDE,
        TokenType.RLIKE,
        TokenType.NOTNULL,
        TokenType.ISNULL,
    }
)
# The reserved words of Athena's SELECT; as a name each needs double quotes.
_RESERVED = re.compile(
    "ALTER|AND|AS|BETWEEN|BY|CASE|CAST|CONSTRAINT|CREATE|CROSS|CUBE|CURRENT_(CATALOG|DATE|PATH|"
    "ROLE|SCHEMA|TIME|TIMESTAMP|USER)|DEALLOCATE|DELETE|DESCRIBE|DISTINCT|DROP|ELSE|END|ESCAPE|"
    "EXCEPT|EXECUTE|EXISTS|EXTRACT|FALSE|FOR|FROM|FULL|GROUP|GROUPING|HAVING|IN|INNER|INSERT|"
    "INTERSECT|INTO|IS|JOIN|LEFT|LIKE|LISTAGG|LOCALTIME|LOCALTIMESTAMP|NATURAL|NORMALIZE|NOT|"
    "NULL|ON|OR|ORDER|OUTER|PREPARE|RECURSIVE|RIGHT|ROLLUP|SELECT|SKIP|TABLE|THEN|TRIM|TRUE|"
    "UESCAPE|UNION|UNNEST|USING|VALUES|WHEN|WHERE|WITH"
)
_TYPES = re.compile(
    "ARRAY|BIGINT|BOOLEAN|CHAR|DATE|DECIMAL|DOUBLE|INT|INTEGER|IPADDRESS|JSON|MAP|PRECISION|REAL|"
    "ROW|SMALLINT|TIME|TIMESTAMP|TINYINT|UUID|VARBINARY|VARCHAR|WITH|WITHOUT|ZONE"
)
_INSTEAD_OF_TYPES = {
    "BOOL": "boolean",
    "BYTEINT": "tinyint",
    "DATETIME": "timestamp",
    "DEC": "decimal",
    "FLOAT": "double",
    "FLOAT4": "real",
    "FLOAT64": "double",
    "FLOAT8": "double",
    "INT2": "smallint",
    "INT4": "integer",
    "INT64": "bigint",
    "INT8": "bigint",
    "LONG": "bigint",
    "NUMBER": "decimal",
    "NUMERIC": "decimal",
    "NVARCHAR": "varchar",
    "SHORT": "smallint",
    "STRING": "varchar",
    "STRUCT": "row",
    "TEXT": "varchar",
    "TIMESTAMPTZ": "timestamp(3) with time zone",
    "VARYING": "varchar",
}
_UNITS = frozenset(("YEAR", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"))
_UNIT_FIRST = frozenset(("date_add", "date_diff", "date_trunc"))
_INSTEAD_OF_CALLS = {
    "convert": "write CAST(x AS type)",
    "argmax": "write max_by",
    "arg_max": "write max_by",
    "argmin": "write min_by",
    "arg_min": "write min_by",
}
_CLOCKS = frozenset((TokenType.CURRENT_DATE, TokenType.CURRENT_TIMESTAMP))
# These cannot follow a comma, and they end a list of joins.
_CLAUSES = frozenset(
    {
        TokenType.FROM,
        TokenType.WHERE,
        TokenType.GROUP_BY,
        TokenType.HAVING,
        TokenType.ORDER_BY,
        TokenType.LIMIT,
        TokenType.OFFSET,
        TokenType.UNION,
        TokenType.INTERSECT,
        TokenType.EXCEPT,
        TokenType.END,
        TokenType.R_PAREN,
        TokenType.R_BRACKET,
        TokenType.SEMICOLON,
    }
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Misspelling:
    """Words that Athena refuses, and their offset in the text."""

    offset: int
    message: str


def misspellings(tokens: Sequence[Token]) -> list[Misspelling]:
    """Everything in a query that sqlglot accepts and Athena's grammar refuses."""
    found: list[Misspelling] = []
    types = _type_places(tokens)
    for index in range(len(tokens)):
        message = _casting(tokens, index) if index in types else _problem_at(tokens, index)
        if message:
            found.append(Misspelling(tokens[index].start, message))
    return [*found, *_unjoined(tokens)]


def arguments_of(tokens: Sequence[Token], offset: int) -> list[list[Token]]:
    """The tokens of each argument of the call whose name begins at `offset`; empty without one."""
    index = next((n for n, token in enumerate(tokens) if token.start == offset), len(tokens))
    if _kind(tokens, index + 1) is not TokenType.L_PAREN:
        return []
    groups: list[list[Token]] = [[]]
    for place in range(index + 2, _closing(tokens, index + 1)):
        token = tokens[place]
        if token.token_type is TokenType.ORDER_BY and _depth(tokens, index + 1, place) == 1:
            break  # array_agg(x ORDER BY a, b) takes one argument
        if token.token_type is TokenType.COMMA and _depth(tokens, index + 1, place) == 1:
            groups.append([])
        else:
            groups[-1].append(token)
    return groups if groups != [[]] else []


def _problem_at(tokens: Sequence[Token], index: int) -> str:
    token, kind = tokens[index], tokens[index].token_type
    after, before = _kind(tokens, index + 1), _kind(tokens, index - 1)
    text = token.text.upper()
    if kind in _OPERATOR_TYPES and text in _OPERATORS:
        return f"{token.text} is not understood by Athena; {_OPERATORS[text]}"
    if kind is TokenType.COMMA and (after is None or after in _CLAUSES):
        return "nothing follows the comma; remove it"
    if kind is TokenType.UNKNOWN and before in (TokenType.IS, TokenType.NOT):
        return "IS UNKNOWN is not understood by Athena; write IS NULL"
    if kind is TokenType.NULL and before is TokenType.NOT and not _is_after(tokens, index, "IS"):
        return "NOT NULL is not a condition; write IS NOT NULL"
    if kind is TokenType.STRING and before is TokenType.STRING:
        return "two texts stand side by side; write 'a' || 'b'"
    if kind is TokenType.STRING and before is TokenType.ALIAS:
        return f'a name stands in double quotes; write "{token.text}"'
    return _bounded(tokens, index) or _called(tokens, index) or _name_problem(tokens, index)


def _bounded(tokens: Sequence[Token], index: int) -> str:
    """What is wrong with a LIMIT, IN, INTERVAL or VALUES that begins here; empty if nothing."""
    kind, after = tokens[index].token_type, _kind(tokens, index + 1)
    if kind is TokenType.FETCH:
        return "FETCH FIRST is not supported; write LIMIT n"
    if kind is TokenType.LIMIT and _kind(tokens, index + 2) in (TokenType.COMMA, TokenType.OFFSET):
        return "OFFSET stands before LIMIT; write OFFSET m LIMIT n"
    if kind is TokenType.IN and after is TokenType.L_PAREN:
        return "IN needs a value" if _kind(tokens, index + 2) is TokenType.R_PAREN else ""
    if kind is TokenType.SELECT and (after is None or after is TokenType.R_PAREN):
        return "SELECT needs a column"
    if kind is TokenType.VALUES and _kind(tokens, index - 1) is TokenType.FROM:
        return "VALUES stands in parentheses; write FROM (VALUES …) AS t(…)"
    if kind is TokenType.INTERVAL:
        return _interval(tokens, index)
    return ""


def _interval(tokens: Sequence[Token], index: int) -> str:
    after, unit = _kind(tokens, index + 1), _token_text(tokens, index + 2)
    form = "INTERVAL takes a whole number in quotes and a unit: INTERVAL '7' DAY"
    if after is TokenType.STRING:
        return "" if unit in _UNITS else form
    return form if after in (TokenType.NUMBER, TokenType.L_PAREN) else ""


def _called(tokens: Sequence[Token], index: int) -> str:
    """What is wrong with a call whose name stands here."""
    token, name = tokens[index], tokens[index].text.lower()
    if token.token_type is TokenType.IDENTIFIER:
        return ""
    if name == "ignore" and _token_text(tokens, index + 1) == "NULLS":
        closed = _kind(tokens, index + 2) is TokenType.R_PAREN
        return "IGNORE NULLS stands after the parentheses" if closed else ""
    if _kind(tokens, index + 1) is not TokenType.L_PAREN:
        return ""
    first = _kind(tokens, index + 2)
    if token.token_type in _CLOCKS:
        return f"{name} stands without parentheses"
    if token.token_type is TokenType.ARRAY:
        return "an array is written ARRAY[a, b]"
    if name in _INSTEAD_OF_CALLS:
        return f"{name} is not a function of Athena; {_INSTEAD_OF_CALLS[name]}"
    if name in _UNIT_FIRST and first is not TokenType.STRING and first is not TokenType.R_PAREN:
        return f"the unit is text; write {name}('day', …)"
    if name == "position" and len(arguments_of(tokens, token.start)) > 1:
        return "position is written position(part IN text); or write strpos(text, part)"
    if name == "extract":
        is_word = first is not TokenType.STRING and _kind(tokens, index + 3) is TokenType.FROM
        return "" if is_word else "extract is written extract(year FROM x)"
    if token.token_type is TokenType.FILTER and _kind(tokens, index - 1) is TokenType.R_PAREN:
        return "" if first is TokenType.WHERE else "FILTER takes a condition: FILTER (WHERE …)"
    return ""


def _name_problem(tokens: Sequence[Token], index: int) -> str:
    """What is wrong with a name that stands here without quotes."""
    token = tokens[index]
    if token.token_type is TokenType.VAR and not _NAME.fullmatch(token.text):
        # Other words that are no names (placeholders of template languages) sqlglot refuses itself.
        return f'{token.text} stands in double quotes; write "{token.text}"'
    is_name = _kind(tokens, index - 1) is TokenType.ALIAS and token.text[:1].isalpha()
    if (
        is_name
        and token.token_type is not TokenType.IDENTIFIER
        and _RESERVED.fullmatch(token.text.upper())
    ):
        return f'{token.text} is a reserved word; as a name write "{token.text}"'
    return ""


def _casting(tokens: Sequence[Token], index: int) -> str:
    """What is wrong with a word of the type that a cast names."""
    token = tokens[index]
    text = token.text.upper()
    if not text[:1].isalpha() or token.token_type is TokenType.IDENTIFIER:
        return ""
    if all(_TYPES.fullmatch(word) for word in text.split()) or _is_field(tokens, index):
        return ""
    instead = _INSTEAD_OF_TYPES.get(text)
    advice = f"; write {instead}" if instead else ""
    return f"{token.text.lower()} is not a type of Athena{advice}"


def _is_field(tokens: Sequence[Token], index: int) -> bool:
    """Whether a word inside `row(…)` names a field: its type follows it."""
    begins = _kind(tokens, index - 1) in (TokenType.L_PAREN, TokenType.COMMA)
    return begins and _token_text(tokens, index + 1)[:1].isalpha()


def _type_places(tokens: Sequence[Token]) -> frozenset[int]:
    """The places of the words that name the types of casts."""
    places: set[int] = set()
    for index in range(len(tokens)):
        if _token_text(tokens, index) not in ("CAST", "TRY_CAST"):
            continue
        if _kind(tokens, index + 1) is not TokenType.L_PAREN:
            continue
        end = _closing(tokens, index + 1)
        begins = [
            place
            for place in range(index + 2, end)
            if tokens[place].token_type is TokenType.ALIAS and _depth(tokens, index + 1, place) == 1
        ]
        if begins:
            places.update(range(begins[-1] + 1, end))
    return frozenset(places)


def _unjoined(tokens: Sequence[Token]) -> Iterator[Misspelling]:
    """Joins that lack their condition, or have one where none belongs."""
    # For each level of parentheses, the joins whose ON or USING has not come yet.
    waiting: list[list[Token]] = [[]]
    for index, token in enumerate(tokens):
        kind = token.token_type
        if kind is TokenType.L_PAREN:
            waiting.append([])
        elif kind is TokenType.JOIN:
            if _kind(tokens, index - 1) is TokenType.OUTER and _kind(tokens, index - 2) not in (
                TokenType.LEFT,
                TokenType.RIGHT,
                TokenType.FULL,
            ):
                yield Misspelling(tokens[index - 1].start, "write LEFT, RIGHT or FULL OUTER JOIN")
            if _kind(tokens, index - 1) not in (TokenType.CROSS, TokenType.NATURAL):
                waiting[-1].append(token)
        elif kind in (TokenType.ON, TokenType.USING):
            if waiting[-1]:
                waiting[-1].pop()
            elif kind is TokenType.ON and _kind(tokens, index - 1) is not TokenType.DISTINCT:
                yield Misspelling(token.start, "ON belongs to a JOIN that is not a CROSS JOIN")
        elif kind in _CLAUSES or kind is TokenType.COMMA:
            yield from (Misspelling(join.start, "JOIN without ON") for join in waiting[-1])
            waiting[-1].clear()
            if kind is TokenType.R_PAREN and len(waiting) > 1:
                waiting.pop()
    yield from (Misspelling(join.start, "JOIN without ON") for join in waiting[-1])


def _kind(tokens: Sequence[Token], index: int) -> TokenType | None:
    return tokens[index].token_type if 0 <= index < len(tokens) else None


def _token_text(tokens: Sequence[Token], index: int) -> str:
    return tokens[index].text.upper() if 0 <= index < len(tokens) else ""


def _is_after(tokens: Sequence[Token], index: int, word: str) -> bool:
    """Whether `word` is the token before the previous one."""
    return _token_text(tokens, index - 2) == word


def _closing(tokens: Sequence[Token], opening: int) -> int:
    """The place of the parenthesis that closes the one at `opening`."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth += _nesting(tokens[index])
        if depth == 0:
            return index
    return len(tokens)


def _depth(tokens: Sequence[Token], opening: int, index: int) -> int:
    return sum(_nesting(token) for token in tokens[opening:index])


def _nesting(token: Token) -> int:
    if token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET):
        return 1
    return -1 if token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET) else 0
