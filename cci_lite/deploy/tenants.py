"""Tenants and their forms in a configuration store."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from cci_lite.contract.template import (
    META_SORT_KEY,
    TEMPLATE_SORT_PREFIX,
    QaTemplate,
    TemplateDraft,
    is_template_name,
    item_of,
    sort_key,
    template_of_item,
)
from cci_lite.contract.tenant import Tenant, check_services, item_of_tenant, parse_tenant
from cci_lite.errors import ImmutableVersionError, NotFoundError, show_value
from cci_lite.ports import ConfigStore
from cci_lite.tenancy import check_tenant_id

_PARTITION_PREFIX = "TENANT#"


def put_tenant(config: ConfigStore, tenant: Tenant) -> bool:
    """Store a tenant; False when it was stored so already. Raises TenantError."""
    check_services(tenant)
    key = _partition_key(tenant.tenant_id)
    stored = config.get(key, META_SORT_KEY) or {}
    item = {**stored, **item_of_tenant(tenant)}
    if item == stored:
        return False
    config.put(key, META_SORT_KEY, item)
    return True


def get_tenant(config: ConfigStore, tenant_id: str) -> Tenant:
    """A tenant; raises NotFoundError, naming the nearest, when there is none of that id."""
    key = _partition_key(tenant_id)
    item = config.get(key, META_SORT_KEY)
    if item is None:
        present = [tenant.tenant_id for tenant in list_tenants(config)]
        near = difflib.get_close_matches(tenant_id, present, n=1)
        hint = f"did you mean {near[0]}?" if near else "add it with: cci-lite tenants add"
        raise NotFoundError(f"no tenant {show_value(tenant_id)}; {hint}")
    return parse_tenant({"pk": key, **item})


def list_tenants(config: ConfigStore) -> list[Tenant]:
    """All tenants, ordered by id."""
    tenants = []
    for key in config.partition_keys():
        if key.startswith(_PARTITION_PREFIX) and (item := config.get(key, META_SORT_KEY)):
            tenants.append(parse_tenant({"pk": key, **item}))
    return tenants


@dataclass(frozen=True)
class StoredForm:
    """A form after it was put: `is_new` is False when the same content was there already."""

    template: QaTemplate
    is_new: bool


def put_form(config: ConfigStore, tenant_id: str, draft: TemplateDraft) -> StoredForm:
    """Store a version of a form; a version that is there never changes.

    Without a version the form gets the next one, unless its content is that of the latest. Raises
    ImmutableVersionError when the version that the file names is there with other content.
    """
    get_tenant(config, tenant_id)
    present = [form for form in list_forms(config, tenant_id) if form.name == draft.name]
    if draft.version is None:
        latest = present[-1] if present else None
        if latest is not None and latest.content_hash == draft.content_hash:
            return StoredForm(latest, is_new=False)
        template = draft.as_version(latest.version + 1 if latest else 1)
    else:
        template = draft.as_version(draft.version)
    key = sort_key(template.name, template.version)
    if config.put_new(_partition_key(tenant_id), key, item_of(template)):
        return StoredForm(template, is_new=True)
    stored = get_form(config, tenant_id, template.name, template.version)
    if stored.content_hash != template.content_hash:
        next_version = max(form.version for form in present) + 1 if present else stored.version + 1
        raise ImmutableVersionError(
            f"form {template.label} of {tenant_id} is there with other content and never changes; "
            f"put this one as version {next_version}"
        )
    return StoredForm(stored, is_new=False)


def get_form(
    config: ConfigStore, tenant_id: str, name: str, version: int | None = None
) -> QaTemplate:
    """One version of a form, the latest by default; raises NotFoundError."""
    forms = [form for form in list_forms(config, tenant_id) if form.name == name]
    if version is not None:
        forms = [form for form in forms if form.version == version]
    if not forms:
        label = name if version is None else f"{name} v{version}"
        present = ", ".join(form.label for form in list_forms(config, tenant_id)) or "none"
        shown = f"'{label}'" if is_template_name(name) else show_value(name)
        raise NotFoundError(
            f"tenant {tenant_id} has no form {shown} (it has: {present}); "
            "add it with: cci-lite forms put"
        )
    return forms[-1]


def list_forms(config: ConfigStore, tenant_id: str) -> list[QaTemplate]:
    """All versions of all forms of a tenant, ordered by name and version."""
    items = config.query(_partition_key(tenant_id), TEMPLATE_SORT_PREFIX)
    return [template_of_item(item) for item in items]


def _partition_key(tenant_id: str) -> str:
    return _PARTITION_PREFIX + check_tenant_id(tenant_id)
