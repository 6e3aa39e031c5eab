"""Ids, and the keys and names that are derived from them."""

from __future__ import annotations

import datetime as dt
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite import tenancy
from cci_lite.errors import ContractError, TenantIdError, UsageError
from cci_lite.tenancy import (
    RESERVED_TENANT_IDS,
    UnifiedKey,
    call_id_for,
    check_call_id,
    check_own_key,
    check_tenant_id,
    curated_table_prefix,
    database_name,
    generation_prefix,
    parse_unified_key,
    part_key,
    quarantine_key,
    recording_key,
    transcription_job_name,
    unified_key,
)

DAY = dt.date(2025, 11, 5)
JOB_NAME = re.compile(r"[0-9a-zA-Z._-]{1,200}")

tenant_ids = st.from_regex(r"[a-z0-9][a-z0-9-]{1,47}", fullmatch=True).filter(
    lambda name: name not in RESERVED_TENANT_IDS
)
call_ids = st.from_regex(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,199}", fullmatch=True)

HOSTILE = {
    "leads up": "../x",
    "slash": "a/b",
    "dot": ".",
    "upper case": "Demo",
    "umlaut": "größe",
    "Cyrillic that looks Latin": "dem\u043e",
    "full-width": "ｄｅｍｏ",  # noqa: RUF001
    "Arabic digits": "a\u0661",
    "underscore": "a_b",
    "space": "a b",
    "line end": "demo\n",
    "NUL": "demo\0",
    "wildcard": "demo*",
    "quote": "demo'",
    "hash": "demo#1",
    "hyphen first": "-demo",
    "one letter": "a",
    "empty": "",
    "49 letters": "a" * 49,
}


# --- tenants ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tenant_id", ["ab", "demo-tenant", "0a", "a-", "a--b", "42", "a" * 48, "sharedx", "curated-2"]
)
def test_a_tenant_id_is_returned_as_it_is(tenant_id: str) -> None:
    assert check_tenant_id(tenant_id) == tenant_id


@pytest.mark.parametrize("tenant_id", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_tenant_id_is_refused(tenant_id: str) -> None:
    with pytest.raises(TenantIdError) as caught:
        check_tenant_id(tenant_id)
    assert caught.value.path == "tenant_id"
    assert caught.value.expected == (
        "2 to 48 lower-case letters, digits and hyphens, not starting with a hyphen"
    )


@pytest.mark.parametrize("value", [None, 5, b"demo", ["demo"]], ids=["null", "5", "bytes", "list"])
def test_what_is_no_text_is_no_tenant_id(value: object) -> None:
    with pytest.raises(TenantIdError):
        check_tenant_id(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "word", ["tmp", "work", "raw", "unified", "curated", "quarantine", "athena", "shared"]
)
def test_a_reserved_word_is_no_tenant_id(word: str) -> None:
    with pytest.raises(TenantIdError) as caught:
        check_tenant_id(word)
    assert str(caught.value) == (f"tenant_id: expected a name that is not reserved, found '{word}'")


def test_the_error_shows_a_word_and_hides_what_may_be_a_person() -> None:
    with pytest.raises(TenantIdError, match=r"found 'tenant_1'$"):
        check_tenant_id("tenant_1")
    with pytest.raises(TenantIdError, match=r"found text of 21 characters$"):
        check_tenant_id("Kim Smith 0170 123456")


@pytest.mark.parametrize(
    "prefix",
    [
        tenancy.work_prefix,
        tenancy.unified_prefix,
        tenancy.quarantine_prefix,
        tenancy.curated_prefix,
        tenancy.athena_prefix,
        database_name,
        lambda tenant_id: recording_key(tenant_id, "x.wav"),
        lambda tenant_id: call_id_for(tenant_id, "x"),
        lambda tenant_id: unified_key(tenant_id, DAY, "c"),
        lambda tenant_id: part_key(tenant_id, "calls", DAY, "g", 0),
        lambda tenant_id: quarantine_key(tenant_id, "unified/x"),
    ],
)
@pytest.mark.parametrize("hostile", ["../x", "a/b", "shared", "demo\n", ""])
def test_no_key_or_name_is_derived_from_what_is_no_tenant(prefix: object, hostile: str) -> None:
    assert callable(prefix)
    with pytest.raises(TenantIdError):
        prefix(hostile)


# --- calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tenant_id", "name", "call_id"),
    [
        ("demo-tenant", "test.wav", "cci_demo-tenant_d7rksc2cueidmxczdxdx"),
        ("demo-tenant", "test_wav", "cci_demo-tenant_cuyjgsjjsakwmkabizvv"),
        ("a-b", "x.wav", "cci_a-b_7u6pk442q46jf6ostl7u"),
        ("demo-tenant", "Grüße +49 170.wav", "cci_demo-tenant_23oq22ssrdbm7ztss2ak"),
    ],
    ids=["dot", "underscore", "another tenant", "unicode"],
)
def test_the_id_of_a_call_never_changes(tenant_id: str, name: str, call_id: str) -> None:
    assert call_id_for(tenant_id, recording_key(tenant_id, name)) == call_id


def test_similar_keys_of_similar_tenants_have_different_calls() -> None:
    tenants = ["ab", "a-b", "ab-", "a--b", "ab-calls"]
    names = [
        "test.wav",
        "test_wav",
        "test-wav",
        "Test.wav",
        "test.wav ",
        "test.wa",
        "calls/test.wav",
    ]
    pairs = [*itertools.product(tenants, names)]
    made = {call_id_for(tenant, recording_key(tenant, name)) for tenant, name in pairs}
    assert len(made) == len(pairs)
    # The same key in the hands of another tenant is another call too.
    assert call_id_for("ab", "x") != call_id_for("a-b", "x")


@given(tenant_id=tenant_ids, key=st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_a_made_id_names_a_file_and_a_job_and_says_nothing_of_the_recording(
    tenant_id: str, key: str
) -> None:
    call_id = call_id_for(tenant_id, key)
    assert check_call_id(call_id) == call_id
    assert re.fullmatch(rf"cci_{tenant_id}_[a-z2-7]{{20}}", call_id)
    assert JOB_NAME.fullmatch(transcription_job_name(call_id, 1_000_000))


@pytest.mark.parametrize(
    "call_id",
    ["cci_demo-tenant_test_wav", "a", "-", "_x", "A.b-c_9", "x..y", "a" * 200],
    ids=["the guide's", "letter", "hyphen", "underscore", "all", "dots inside", "200 letters"],
)
def test_ids_made_elsewhere_are_opaque(call_id: str) -> None:
    assert check_call_id(call_id) == call_id


@pytest.mark.parametrize(
    "call_id",
    [
        "",
        ".",
        "..",
        ".hidden",
        "../x",
        "a/b",
        "a\\b",
        "a b",
        "ä",
        "a\n",
        "a\0",
        "a:b",
        "a" * 201,
        5,
    ],
)
def test_what_cannot_name_a_file_is_no_call_id(call_id: str) -> None:
    with pytest.raises(ContractError) as caught:
        check_call_id(call_id)
    assert caught.value.path == "call_id"
    assert caught.value.expected == (
        "1 to 200 letters, digits, '.', '_' and '-', not starting with '.'"
    )


# --- keys ---------------------------------------------------------------------------------------


def test_keys_are_laid_out_as_the_design_says() -> None:
    assert recording_key("demo-tenant", "a/b.wav") == "demo-tenant/calls/a/b.wav"
    assert tenancy.work_prefix("demo-tenant") == "work/demo-tenant/"
    assert unified_key("demo-tenant", DAY, "c1") == "unified/demo-tenant/2025/11/05/c1.json"
    assert tenancy.unified_day_prefix("demo-tenant", DAY) == "unified/demo-tenant/2025/11/05/"
    assert curated_table_prefix("demo-tenant", "calls") == "curated/demo-tenant/calls/"
    assert part_key("demo-tenant", "calls", DAY, "g1", 7) == (
        "curated/demo-tenant/calls/call_date=2025-11-05/g1/part-0007.parquet"
    )
    assert tenancy.athena_prefix("demo-tenant") == "athena/demo-tenant/"
    assert transcription_job_name("c1", 3) == "c1_r3"


def test_a_quarantined_copy_lies_where_the_document_lay() -> None:
    source = unified_key("demo-tenant", DAY, "c1")
    assert quarantine_key("demo-tenant", source) == "quarantine/demo-tenant/2025/11/05/c1.json"


@given(tenant_id=tenant_ids, day=st.dates(), call_id=call_ids)
def test_every_key_says_what_it_was_made_from(tenant_id: str, day: dt.date, call_id: str) -> None:
    key = unified_key(tenant_id, day, call_id)
    assert parse_unified_key(key) == UnifiedKey(tenant_id, day, call_id)


def test_the_first_years_have_four_digits_in_a_key() -> None:
    assert unified_key("ab", dt.date(7, 1, 2), "c") == "unified/ab/0007/01/02/c.json"
    assert generation_prefix("ab", "calls", dt.date(7, 1, 2), "g") == (
        "curated/ab/calls/call_date=0007-01-02/g/"
    )


@pytest.mark.parametrize(
    "key",
    [
        "",
        "c1.json",
        "unified/demo-tenant/2025/11/05/",
        "unified/demo-tenant/2025/11/05/c1.txt",
        "unified/demo-tenant/2025/11/05/c1.json.gz",
        "unified/demo-tenant/2025/11/05/c1.json\n",
        "unified/demo-tenant/2025/11/05/more/c1.json",
        "unified/demo-tenant/2025/11/5/c1.json",
        "unified/demo-tenant/2025/02/30/c1.json",
        "unified/demo-tenant/0000/01/01/c1.json",
        "unified/demo-tenant/٢٠٢٥/11/05/c1.json",
        "/unified/demo-tenant/2025/11/05/c1.json",
        "results/demo-tenant/2025/11/05/c1.json",
    ],
)
def test_a_key_of_another_form_is_refused(key: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse_unified_key(key)
    assert str(caught.value) == (
        "expected a key like unified/<tenant>/YYYY/MM/DD/<call_id>.json, "
        "found a key of another layout"
    )


def test_a_key_with_a_hostile_tenant_or_call_is_refused() -> None:
    with pytest.raises(TenantIdError):
        parse_unified_key("unified/../2025/11/05/c1.json")
    with pytest.raises(TenantIdError):
        parse_unified_key("unified/shared/2025/11/05/c1.json")
    with pytest.raises(ContractError, match=r"^call_id: "):
        parse_unified_key("unified/demo-tenant/2025/11/05/..json")


@given(first=tenant_ids, second=tenant_ids)
def test_tenants_never_share_a_database_or_a_prefix(first: str, second: str) -> None:
    if first == second:
        return
    assert database_name(first) != database_name(second)
    prefixes = [
        tenancy.work_prefix,
        tenancy.unified_prefix,
        tenancy.quarantine_prefix,
        tenancy.curated_prefix,
        tenancy.athena_prefix,
    ]
    for prefix in prefixes:
        assert not prefix(first).startswith(prefix(second))


@pytest.mark.parametrize("root", ["work", "unified", "quarantine"])
def test_a_tenants_own_keys_lie_below_its_prefixes(root: str) -> None:
    check_own_key("acme", f"{root}/acme/x")
    for other in (f"{root}/acme-2/x", f"{root}/acme", f"x/{root}/acme/x", f"{root}/globex/x"):
        with pytest.raises(UsageError, match=r"^a key outside of the tenant's prefixes$"):
            check_own_key("acme", other)


def test_what_is_read_from_curated_tables_is_no_key_of_the_pipelines() -> None:
    with pytest.raises(UsageError):
        check_own_key("acme", "curated/acme/x")


@given(tenant_id=tenant_ids)
def test_a_database_name_needs_no_quotes(tenant_id: str) -> None:
    assert re.fullmatch(r"cci_lite_[a-z0-9_]+", database_name(tenant_id))
