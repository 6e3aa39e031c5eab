"""Finds the forms that a command names: in a file, or stored as NAME or NAME@VERSION."""

from __future__ import annotations

from pathlib import Path

from cci_lite.cli.aws import open_configuration
from cci_lite.cli.output import say
from cci_lite.contract.form import Form, FormDraft, parse_version
from cci_lite.contract.form_reading import file_problems, parse_draft
from cci_lite.deploy.tenants import get_form, get_tenant
from cci_lite.errors import FormError, UsageError
from cci_lite.local.inputs import line_of, read_definition
from cci_lite.settings import BucketLake

_FILE_ENDINGS = (".yaml", ".yml", ".json")


def read_form(file: Path, tenant_id: str | None = None) -> FormDraft:
    """The form in a file; says every mistake in it with its line, then raises UsageError."""
    value = read_definition(file)
    problems = file_problems(value, tenant_id=tenant_id)
    places = sorted((line_of(file, each.path) or 1, str(each)) for each in problems)
    lines = [f"{file}, line {line}: {problem}" for line, problem in places]
    if len(lines) == 1:
        raise UsageError(lines[0])
    for line in lines:
        say(line)
    if lines:
        raise UsageError(f"{file}: {len(lines)} mistakes")
    return parse_draft(value, tenant_id=tenant_id)


def form_reference(text: str) -> tuple[str, int | None]:
    """Name and version of `sales@3`, or of `sales` (no version); raises UsageError."""
    name, at, version = text.partition("@")
    try:
        return name, parse_version(version) if at else None
    except FormError as problem:
        raise UsageError(f"{text}: {problem}") from problem


def stored_form(text: str, tenant_id: str, lake: Path | BucketLake | None) -> Form:
    """The stored form of a reference; the latest version when it names none."""
    with open_configuration(lake) as opened:
        get_tenant(opened.store, tenant_id)
        return get_form(opened.store, tenant_id, *form_reference(text))


def form_in_file_or_store(
    text: str, tenant_id: str | None, lake: Path | BucketLake | None
) -> Form | FormDraft:
    """The form in a file when the text is a path, otherwise the stored one."""
    if "/" in text or text.endswith(_FILE_ENDINGS):
        return read_form(Path(text), tenant_id)
    if tenant_id is None:
        raise UsageError(f"{text}: expected --tenant for a stored form, or the path of a file")
    return stored_form(text, tenant_id, lake)
