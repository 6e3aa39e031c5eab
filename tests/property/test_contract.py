"""Properties of the contract: what is written is read back; anything else is read or refused."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import typing
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.document import (
    CriterionResult,
    Evidence,
    QaEvaluation,
    UnifiedDocument,
    encode_document,
)
from cci_lite.contract.form_reading import form_of_item, item_of, parse_draft
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.tenant import parse_tenant
from cci_lite.errors import ContractError, describe_value
from cci_lite.tenancy import RESERVED_TENANT_IDS, parse_unified_key

LONGEST_DESCRIPTION = 40


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
moments = st.datetimes(
    dt.datetime(1970, 1, 2), dt.datetime(2999, 12, 30), timezones=st.just(dt.UTC)
)
tenant_ids = st.from_regex(r"[a-z0-9][a-z0-9-]{1,20}", fullmatch=True).filter(
    lambda name: name not in RESERVED_TENANT_IDS
)
call_ids = st.from_regex(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,40}", fullmatch=True)


def values_of(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Values of one of the contract's types."""
    match kind:
        case msgspec.inspect.StructType(cls=structure):
            return structs(structure)
        case msgspec.inspect.UnionType(types=types):
            return st.one_of(*map(values_of, types))
        case msgspec.inspect.Metadata(type=inner):
            return values_of(inner)
        case msgspec.inspect.ListType(item_type=item):
            return st.lists(values_of(item), max_size=3)
        case msgspec.inspect.EnumType(cls=members):
            return st.sampled_from(list(members))
        case msgspec.inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case msgspec.inspect.StrType(min_length=least):
            return st.text(
                st.characters(exclude_categories=["Cs"]), min_size=least or 0, max_size=20
            )
        case msgspec.inspect.IntType(ge=least, le=most):
            return st.integers(
                -(2**53) if least is None else least, 2**53 if most is None else most
            )
        case msgspec.inspect.FloatType(ge=least, le=most):
            return st.floats(least, most, allow_nan=False)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.DateType():
            return st.dates(dt.date(1970, 1, 1), dt.date(2999, 12, 31))
        case msgspec.inspect.DateTimeType():
            return moments
    raise AssertionError(f"no values of {kind}")


def structs(structure: type[Any], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of a structure; some fields may be given."""
    info = typing.cast("msgspec.inspect.StructType", msgspec.inspect.type_info(structure))
    fields = {field.name: values_of(field.type) for field in info.fields if field.name not in given}
    return st.builds(structure, **fields, **given)


@st.composite
def criterion_results(draw: st.DrawFn) -> CriterionResult:
    """A result whose verdict and `passed` do not contradict."""
    drawn: CriterionResult = draw(
        structs(CriterionResult, evidence=st.lists(structs(Evidence), max_size=2))
    )
    if drawn.verdict is not None:
        passed = {Verdict.PASS: True, Verdict.FAIL: False}.get(drawn.verdict)
        drawn.passed = draw(st.sampled_from([None, passed]))
    return drawn


evaluations = structs(
    QaEvaluation,
    criteria=st.lists(criterion_results(), max_size=4, unique_by=lambda result: result.id),
)
documents = structs(
    UnifiedDocument,
    schema_version=st.sampled_from(["1.2", "1.3"]),
    tenant_id=tenant_ids,
    call_id=call_ids,
    qa_evaluation=st.none() | evaluations,
)


@given(document=documents)
def test_what_is_written_is_read_again(document: UnifiedDocument) -> None:
    data = encode_document(document)
    decoded = decode_document(data)
    # A version that is text of digits comes back as the number that it says.
    assert _numbered(decoded.document) == _numbered(document)
    assert decoded.unknown_fields == 0
    assert data.count(b"\n") == 1


def _numbered(document: UnifiedDocument) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(document)
    for part, field in (
        (plain, "qa_template_version"),
        (plain.get("qa_evaluation"), "template_version"),
    ):
        if part and part.get(field) is not None:
            part[field] = str(part[field])
    return plain


@given(document=documents)
def test_writing_what_was_read_gives_the_same_bytes(document: UnifiedDocument) -> None:
    data = encode_document(document)
    once = encode_document(decode_document(data).document)
    assert encode_document(decode_document(once).document) == once


@given(document=documents, indent=st.sampled_from([0, 2]), escaped=st.booleans())
def test_the_spelling_of_the_json_does_not_matter(
    document: UnifiedDocument, indent: int, escaped: bool
) -> None:
    data = encode_document(document)
    spelled = json.dumps(json.loads(data), indent=indent, ensure_ascii=escaped).encode()
    assert decode_document(spelled, one_line=False) == decode_document(data)


@given(data=st.binary(max_size=300), one_line=st.booleans())
def test_any_bytes_are_a_document_or_refused(data: bytes, one_line: bool) -> None:
    with contextlib.suppress(ContractError):
        decode_document(data, one_line=one_line)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["pass", "fail", "nan", "1e999", "2025-11-05", "2025-11-05T00:00:00Z", ""]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
field_names = st.sampled_from(
    [field for field in UnifiedDocument.__struct_encode_fields__ if field != "tenant_id"]
)
result_fields = st.sampled_from(CriterionResult.__struct_encode_fields__)


@given(fields=st.dictionaries(field_names | st.text(max_size=8), json_values, max_size=6))
def test_any_json_is_a_document_or_refused(fields: dict[str, Any]) -> None:
    value = {"tenant_id": "demo-tenant", "call_id": "c1", "call_date": "2025-11-05", **fields}
    _read_or_refuse(value)


@given(
    results=st.lists(st.dictionaries(result_fields, json_values, max_size=5), max_size=4),
    rest=st.dictionaries(st.sampled_from(QaEvaluation.__struct_encode_fields__), json_values),
)
def test_any_evaluation_is_read_or_refused(
    results: list[dict[str, Any]], rest: dict[str, Any]
) -> None:
    _read_or_refuse(
        {
            "tenant_id": "demo-tenant",
            "call_id": "c1",
            "call_date": "2025-11-05",
            "qa_evaluation": {
                **rest,
                "criteria": [{"id": str(n)} | each for n, each in enumerate(results)],
            },
        }
    )


def _read_or_refuse(value: dict[str, Any]) -> None:
    refused = refusal_of(json.dumps(value).encode())
    assert refused is None or len(refused.found) <= 80


def refusal_of(data: bytes) -> ContractError | None:
    """Why a document is refused; None when it is read: then it can be written and read again."""
    try:
        decoded = decode_document(data)
    except ContractError as refused:
        return refused
    assert decode_document(encode_document(decoded.document)).unknown_fields == 0
    return None


@given(first=json_values, second=json_values, spaced=st.booleans(), deep=st.integers(0, 5))
def test_a_field_that_stands_twice_is_always_refused(
    first: object, second: object, spaced: bool, deep: int
) -> None:
    inner = f'{{"twice":{json.dumps(first)},"twice":{json.dumps(second)}}}'
    for _ in range(deep):
        inner = f'{{"a":[{inner}]}}'
    start = '{"tenant_id":"demo-tenant","call_id":"c1","call_date":"2025-11-05",'
    data = f'{start}{" " if spaced else ""}"x":{inner}}}'.encode()
    refused = refusal_of(data)
    assert refused is not None
    # NaN, Infinity and half a surrogate pair are no JSON at all.
    is_json = not any(sign in data for sign in (b"NaN", b"Infinity", b"\\u"))
    assert refused.expected in ("each field once", *(() if is_json else ("valid JSON",)))


@given(value=json_values)
def test_any_value_is_a_form_or_refused(value: object) -> None:
    with contextlib.suppress(ContractError):
        parse_draft(value)


form_fields = st.sampled_from(["id", "text", "weight", "required", "rule", "other"])
rule_fields = st.sampled_from(["phrases", "pattern", "said_by", "within", "must", "applies_when"])


@given(
    criteria=st.lists(
        st.dictionaries(
            form_fields, json_values | st.dictionaries(rule_fields, json_values, max_size=3)
        ),
        max_size=3,
    ),
    scoring=st.dictionaries(
        st.sampled_from(["pass_threshold", "required_policy", "notes"]), json_values
    ),
)
def test_any_criteria_are_a_form_or_refused(
    criteria: list[dict[str, Any]], scoring: dict[str, Any]
) -> None:
    usual = {"id": "greet_01", "text": "Was there a greeting?", "weight": 1}
    with contextlib.suppress(ContractError):
        form = parse_draft(
            {"criteria": [usual | each for each in criteria], "scoring": scoring}
        ).as_version(1)
        assert form_of_item(json.loads(json.dumps(item_of(form)))) == form


@given(
    weight=st.decimals("0.0001", "1000", places=4),
    threshold=st.decimals("0", "1", places=4),
    spelling=st.sampled_from([str, float, lambda number: f"{number:.4f}"]),
)
def test_the_spelling_of_numbers_does_not_make_another_form(
    weight: Any, threshold: Any, spelling: Any
) -> None:
    def form(spell: Any) -> dict[str, Any]:
        criterion = {"id": "greet_01", "text": "Was there a greeting?", "weight": spell(weight)}
        return {"criteria": [criterion], "scoring": {"pass_threshold": spell(threshold)}}

    assert parse_draft(form(spelling)).content_hash == parse_draft(form(str)).content_hash


@given(
    fields=st.dictionaries(st.sampled_from(["name", "time_zone", "audio", "status"]), json_values)
)
def test_any_item_is_a_tenant_or_refused(fields: dict[str, Any]) -> None:
    with contextlib.suppress(ContractError):
        parse_tenant({"tenant_id": "demo-tenant", **fields})


@given(key=st.text(max_size=60))
def test_any_key_says_what_it_is_or_is_refused(key: str) -> None:
    with contextlib.suppress(ContractError):
        parse_unified_key(key)


@given(value=json_values | st.integers(-(10**5000), 10**5000) | st.text(min_size=25, max_size=400))
def test_a_description_is_short_and_repeats_no_long_text(value: object) -> None:
    phrase = describe_value(value)
    assert 0 < len(phrase) <= LONGEST_DESCRIPTION
    assert phrase.isprintable()
    if isinstance(value, str) and len(value) > 24:
        assert phrase == f"text of {len(value)} characters"


@given(number=st.floats())
def test_a_number_is_shown_or_counted(number: float) -> None:
    phrase = describe_value(number)
    assert phrase == "nan" or math.isinf(number) or any(c.isdigit() for c in phrase)
