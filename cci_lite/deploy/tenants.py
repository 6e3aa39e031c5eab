"""Manages tenants and their forms in a configuration store: put, get, list, activate, remove."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cci_lite.contract.configuration import (
    ACTIVE_SORT_PREFIX,
    EVERY_QUEUE,
    UNREADABLE,
    Activation,
    TenantForms,
    activation_key,
    item_of_activation,
    new_activation,
    partition_key,
    read_forms,
    tenant_ids_of,
    tenant_of_item,
)
from cci_lite.contract.form import (
    FORM_SORT_PREFIX,
    META_SORT_KEY,
    Form,
    FormDraft,
    is_form_name,
    sort_key,
)
from cci_lite.contract.form_reading import item_of
from cci_lite.contract.services import Language, check_model, language_of, model_for
from cci_lite.contract.tenant import (
    Tenant,
    UnredactedPolicy,
    check_services,
    is_masked,
    item_of_tenant,
    why_not_masked,
)
from cci_lite.errors import (
    ImmutableVersionError,
    NotFoundError,
    PipelineError,
    TenantError,
    UsageError,
    show_value,
)
from cci_lite.ports import ConfigStore
from cci_lite.tenancy import (
    curated_prefix,
    quarantine_prefix,
    recording_key,
    unified_prefix,
    work_prefix,
)

# How long before a model's end of life its tenants are warned.
NOTICE_OF_END = dt.timedelta(days=90)


def put_tenant(config: ConfigStore, tenant: Tenant) -> bool:
    """Store a tenant; False when nothing changed. Raises TenantError."""
    check_services(tenant)
    key = partition_key(tenant.tenant_id)
    stored = readable(config.get(key, META_SORT_KEY)) or {}
    # Fields of a stored item that this version does not know are kept.
    item = {**stored, **item_of_tenant(tenant)}
    if item == stored:
        return False
    config.put(key, META_SORT_KEY, item)
    return True


def readable(item: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A stored item; None when there is none or it cannot be read."""
    return None if item is None or UNREADABLE in item else item


def get_tenant(config: ConfigStore, tenant_id: str) -> Tenant:
    """A tenant; raises TenantError, or NotFoundError that suggests the id with the closest name."""
    item = config.get(partition_key(tenant_id), META_SORT_KEY)
    present = [] if item is not None else tenant_ids_of(config.partition_keys())
    if item is None and tenant_id not in present:
        near = difflib.get_close_matches(tenant_id, present, n=1)
        hint = f"did you mean {near[0]}?" if near else "add it with: cci-lite tenants add"
        raise NotFoundError(f"no tenant {show_value(tenant_id)}; {hint}")
    try:
        # A tenant that has forms but no settings item has lost its settings.
        return tenant_of_item(tenant_id, item or {})
    except TenantError as problem:
        cure = f"; fix it with: cci-lite tenants add {tenant_id}" if problem.path else ""
        where = f"settings of {tenant_id}" + (f", {problem.path}" if problem.path else "")
        raise TenantError(where, problem.expected, f"{problem.found}{cure}") from None


def list_tenants(config: ConfigStore) -> list[Tenant]:
    """All tenants whose settings can be read, ordered by id."""
    return [tenant for tenant in _tenants(config).values() if isinstance(tenant, Tenant)]


def broken_tenants(config: ConfigStore) -> dict[str, TenantError]:
    """The tenants whose settings cannot be read, by id, and why."""
    found = _tenants(config).items()
    return {tenant_id: value for tenant_id, value in found if isinstance(value, TenantError)}


def _tenants(config: ConfigStore) -> dict[str, Tenant | TenantError]:
    tenants: dict[str, Tenant | TenantError] = {}
    for tenant_id in tenant_ids_of(config.partition_keys()):
        item = config.get(partition_key(tenant_id), META_SORT_KEY)
        try:
            tenants[tenant_id] = tenant_of_item(tenant_id, {} if item is None else item)
        except TenantError as problem:
            tenants[tenant_id] = problem
    return tenants


def tenant_warnings(tenant: Tenant, today: dt.date) -> list[str]:
    """What a person should know about a tenant's settings before its calls are judged."""
    warnings = []
    try:
        ends = check_model(tenant.model).end_of_life
        model_for(tenant.model, tenant.data_residency, today)
        if ends is not None and ends - today <= NOTICE_OF_END:
            warnings.append(f"model {tenant.model} ends on {ends}; give the tenant another model")
    except (TenantError, PipelineError) as problem:
        warnings.append(str(problem))
    try:
        language = language_of(tenant.language_code)
    except TenantError as problem:
        return [*warnings, str(problem)]
    code = tenant.language_code
    if not language.redaction:
        warnings.append(f"Transcribe does not redact {code}: {_what_becomes(tenant, language)}")
    elif not language.verified:
        warnings.append(f"it is not verified that Transcribe redacts {code} in every Region")
    return warnings


def _what_becomes(tenant: Tenant, language: Language) -> str:
    if is_masked(tenant, language):
        return "calls are masked after transcription"
    if tenant.unredacted is UnredactedPolicy.REFUSE:
        return "calls are refused"
    return f"calls are refused, because {why_not_masked(tenant, language)}"


@dataclass(frozen=True)
class StoredForm:
    """The result of putting a form: `is_new` is False when the same content was there already.

    `latest` is the highest version now; the content can be that of an earlier one.
    """

    form: Form
    is_new: bool
    latest: int


def put_form(config: ConfigStore, tenant_id: str, draft: FormDraft) -> StoredForm:
    """Store a version of a form; a version that is there never changes.

    Without a version the form gets the next one, unless a version has the same content: under two
    versions its calls would be reported separately. Raises ImmutableVersionError when the version
    that the file names exists with other content, FormError when that one cannot be read.
    """
    get_tenant(config, tenant_id)
    forms = tenant_forms(config, tenant_id)
    present = [form for form in forms.versions if form.name == draft.name]
    taken = [form.version for form in present]
    taken += [item.version for item in forms.broken if item.name == draft.name and item.version]
    next_version = max(taken, default=0) + 1
    alike = [form for form in present if form.content_hash == draft.content_hash]
    if draft.version is None and alike:
        return StoredForm(alike[-1], is_new=False, latest=next_version - 1)
    form = draft.as_version(draft.version or next_version)
    stored = forms.form(form.name, form.version)
    if stored is None:
        key = sort_key(form.name, form.version)
        # A conditional write: of two processes that put the next version at once, one wins, and the
        # other compares its content with the winner's.
        if config.put_new(partition_key(tenant_id), key, item_of(form)):
            return StoredForm(form, is_new=True, latest=max(next_version - 1, form.version))
        # Another process stored this version in between.
        stored = get_form(config, tenant_id, form.name, form.version)
        next_version = max(next_version, stored.version + 1)
    if stored.content_hash != form.content_hash:
        raise ImmutableVersionError(
            f"form {form.label} of {tenant_id} has other content, and a version never changes; "
            f"put this one as version {next_version}"
        )
    return StoredForm(stored, is_new=False, latest=next_version - 1)


def get_form(config: ConfigStore, tenant_id: str, name: str, version: int | None = None) -> Form:
    """One version of a form, the latest by default; raises NotFoundError.

    Raises FormError when it is there and cannot be read.
    """
    forms = tenant_forms(config, tenant_id)
    if version is None:
        broken = [item.version for item in forms.broken if item.name == name and item.version]
        versions = [form.version for form in forms.versions if form.name == name] + broken
        version = max(versions, default=None)
    form = None if version is None else forms.form(name, version)
    if form is None:
        label = name if version is None else f"{name} v{version}"
        present = ", ".join(form.label for form in forms.versions) or "none"
        shown = f"'{label}'" if is_form_name(name) else show_value(name)
        raise NotFoundError(
            f"tenant {tenant_id} has no form {shown} (it has: {present}); "
            "add it with: cci-lite forms put"
        )
    return form


def list_forms(config: ConfigStore, tenant_id: str) -> list[Form]:
    """All versions of all forms that can be read, ordered by name and version."""
    return list(tenant_forms(config, tenant_id).versions)


def tenant_forms(config: ConfigStore, tenant_id: str) -> TenantForms:
    """A tenant's forms and activations; items that cannot be read are listed beside them."""
    key = partition_key(tenant_id)
    return read_forms(config.query(key, FORM_SORT_PREFIX), config.query(key, ACTIVE_SORT_PREFIX))


@dataclass(frozen=True)
class ActivatedForm:
    """A queue's activation; `before` is the form that it replaced, if there was one."""

    activation: Activation
    before: str | None
    is_new: bool


def activate_form(
    config: ConfigStore,
    tenant_id: str,
    name: str,
    version: int | None = None,
    *,
    queue: str | None = None,
    at: dt.datetime,
) -> ActivatedForm:
    """From now on judge the calls of a queue, or of all queues without an activation, by a form.

    The latest version by default. Activating what is active changes nothing. Raises NotFoundError
    when the form is not there, and FormError for what cannot be a queue.
    """
    get_tenant(config, tenant_id)
    form = get_form(config, tenant_id, name, version)
    activation = new_activation(EVERY_QUEUE if queue is None else queue, form, at)
    present = {each.queue: each for each in list_activations(config, tenant_id)}
    before = present.get(activation.queue)
    if before is not None and before.label == activation.label:
        return ActivatedForm(before, before.label, is_new=False)
    key = activation_key(activation.queue)
    config.put(partition_key(tenant_id), key, item_of_activation(activation))
    return ActivatedForm(activation, before.label if before else None, is_new=True)


def list_activations(config: ConfigStore, tenant_id: str) -> list[Activation]:
    """A tenant's activations, ordered by queue."""
    return list(tenant_forms(config, tenant_id).activations)


def active_form(
    config: ConfigStore, tenant_id: str, queue: str | None, form_key: str
) -> Form | None:
    """The form by which calls of a queue are judged, or None; see `TenantForms.active`."""
    return tenant_forms(config, tenant_id).active(queue, form_key)


@dataclass(frozen=True)
class Removal:
    """The items to delete with a tenant, by sort key; its settings are deleted last."""

    tenant_id: str
    sort_keys: tuple[str, ...]


def plan_removal(config: ConfigStore, tenant_id: str, holds: Callable[[str], bool]) -> Removal:
    """What is deleted to remove a tenant; raises NotFoundError.

    `holds` says whether anything lies below a prefix. Raises UsageError while there is data of the
    tenant, because without its settings nobody could read or erase it.
    """
    items = config.query(partition_key(tenant_id), "")
    if not items:
        get_tenant(config, tenant_id)
    prefixes = (
        recording_key(tenant_id, ""),
        work_prefix(tenant_id),
        unified_prefix(tenant_id),
        quarantine_prefix(tenant_id),
        curated_prefix(tenant_id),
    )
    if held := [prefix for prefix in prefixes if holds(prefix)]:
        raise UsageError(
            f"tenant {tenant_id} still has data below {', '.join(held)}; to take no more calls "
            f"in: cci-lite tenants add {tenant_id} --status suspended"
        )
    # Settings last: as long as they are there, an interrupted removal can be repeated.
    keys = sorted((item["sk"] for item in items), key=lambda key: (key == META_SORT_KEY, key))
    return Removal(tenant_id, tuple(keys))


def apply_removal(config: ConfigStore, removal: Removal) -> None:
    """Delete what was planned; idempotent."""
    for key in removal.sort_keys:
        config.delete(partition_key(removal.tenant_id), key)
