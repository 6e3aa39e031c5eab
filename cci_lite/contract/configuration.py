"""A tenant's items in the configuration store: its settings, its forms, which form is active.

Keys are the guide's: `TENANT#<id>` with `META#v1`, `QA_TEMPLATE#…`, and `QA_ACTIVE#<queue>` beside
them. An item may carry its keys as `pk` and `sk`, as DynamoDB's do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from cci_lite.contract.document import UtcTime
from cci_lite.contract.form import (
    Form,
    is_form_name,
    parse_sort_key,
    parse_version,
    sort_key,
    whole_numbers,
)
from cci_lite.contract.form_reading import form_of_item
from cci_lite.contract.parsing import convert
from cci_lite.contract.tenant import Tenant, parse_tenant
from cci_lite.errors import ContractError, FormError, TenantError, show_value
from cci_lite.tenancy import check_tenant_id

ACTIVE_SORT_PREFIX = "QA_ACTIVE#"
EVERY_QUEUE = "*"
# The field of an item that is there and cannot be read; it says what was found in its place.
UNREADABLE = "unreadable"
_PARTITION_PREFIX = "TENANT#"


def partition_key(tenant_id: str) -> str:
    """Where a tenant's items are; raises TenantIdError."""
    return _PARTITION_PREFIX + check_tenant_id(tenant_id)


def tenant_ids_of(partition_keys: Iterable[str]) -> list[str]:
    """The tenant ids in these partition keys, sorted; keys that name no tenant are skipped."""
    ids = []
    for key in partition_keys:
        try:
            if key.startswith(_PARTITION_PREFIX):
                ids.append(check_tenant_id(key.removeprefix(_PARTITION_PREFIX)))
        except ContractError:
            continue
    return sorted(ids)


def tenant_of_item(tenant_id: str, item: Mapping[str, Any]) -> Tenant:
    """The settings stored for a tenant; raises TenantError.

    An item without any setting counts as broken: otherwise every setting would silently get its
    default.
    """
    found = item.get(UNREADABLE)
    if found is not None or item.keys() <= {"pk", "sk", "tenant_id"}:
        raise TenantError(
            "",
            "readable settings",
            f"{found or 'none'}; put them back from a backup (cci-lite restore), or enter them "
            f"again: cci-lite tenants add {tenant_id} --time-zone … --agent-channel … …",
        )
    tenant = parse_tenant({**item, "pk": partition_key(tenant_id)})
    if tenant.tenant_id != tenant_id:
        raise TenantError("tenant_id", f"'{tenant_id}'", "another tenant's")
    return tenant


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """The form by which the calls of a queue are judged; queue `*` stands for all others."""

    queue: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: str
    version: Annotated[int, msgspec.Meta(ge=1, le=999_999)]
    activated_at: UtcTime

    @property
    def label(self) -> str:
        """The form as people write it: `default v1`."""
        return f"{self.name} v{self.version}"


def activation_key(queue: str) -> str:
    """The stored key of a queue's activation."""
    return f"{ACTIVE_SORT_PREFIX}{queue}"


def new_activation(queue: str, form: Form, at: dt.datetime) -> Activation:
    """The activation of a form; raises FormError for what cannot be a queue."""
    if not queue.strip() or not queue.isprintable() or len(queue) > 200:
        raise FormError("queue", "1 to 200 characters", show_value(queue))
    return Activation(queue=queue, name=form.name, version=form.version, activated_at=at)


def item_of_activation(activation: Activation) -> dict[str, Any]:
    """An activation as it is stored, without its keys."""
    item: dict[str, Any] = msgspec.to_builtins(activation)
    return item


@dataclass(frozen=True)
class BrokenItem:
    """A stored form (`name`, `version`) or activation (`queue`) that cannot be used, and why."""

    key: str
    problem: FormError
    name: str | None = None
    version: int | None = None
    queue: str | None = None

    @property
    def label(self) -> str:
        """The form as people write it, or the stored key."""
        return self.key if self.version is None else f"{self.name} v{self.version}"


@dataclass(frozen=True)
class TenantForms:
    """A tenant's forms by name and version, and its activations by queue.

    A broken item does not affect the others: it is listed, and raises only when it is asked for.
    """

    versions: tuple[Form, ...]
    activations: tuple[Activation, ...] = ()
    broken: tuple[BrokenItem, ...] = ()

    def form(self, name: str, version: int) -> Form | None:
        """One version of a form; raises FormError when it is broken."""
        for item in self.broken:
            if (item.name, item.version) == (name, version):
                raise item.problem
        found = (form for form in self.versions if (form.name, form.version) == (name, version))
        return next(found, None)

    def active(self, queue: str | None, form_key: str) -> Form | None:
        """The form by which calls of a queue are judged.

        The activation of exactly this queue counts, then that of `*`, then `form_key`; None
        when that form is not there. Raises FormError when what counts is broken or gone: no
        other form takes its place, because its scores would not be comparable.
        """
        for wanted in (queue, EVERY_QUEUE):
            for item in self.broken:
                if item.queue is not None and item.queue == wanted:
                    raise item.problem
            for activation in self.activations:
                if activation.queue == wanted:
                    form = self.form(activation.name, activation.version)
                    if form is None:
                        raise FormError("activation", activation.label, "no such form")
                    return form
        return self.form(*parse_sort_key(form_key))


def read_forms(
    items: Sequence[Mapping[str, Any]], activations: Sequence[Mapping[str, Any]] = ()
) -> TenantForms:
    """The forms and activations in these items, ordered by name, version and queue.

    Two items can hold the same version of a form (the guide's `QA_TEMPLATE#v1` and ours). With the
    same content they are one form; with different contents the version is broken, because nobody
    can tell by which of the two calls were judged.
    """
    versions, broken = _read_versions(items)
    active: list[Activation] = []
    for item in activations:
        queue = item.get("queue") or (_key_of(item) or "").removeprefix(ACTIVE_SORT_PREFIX)
        try:
            _check_readable(item, "an activation")
            active.append(convert(whole_numbers({**item, "queue": queue}), Activation, FormError))
        except FormError as problem:
            key = _key_of(item) or activation_key(str(queue))
            broken.append(BrokenItem(key, problem, queue=str(queue)))
    return TenantForms(
        versions=tuple(versions),
        activations=tuple(sorted(active, key=lambda each: each.queue)),
        broken=tuple(sorted(broken, key=lambda each: each.key)),
    )


def _read_versions(items: Sequence[Mapping[str, Any]]) -> tuple[list[Form], list[BrokenItem]]:
    """The versions of forms in these items, ordered, and the broken ones.

    One broken item must not hide the tenant's other forms: it is collected, and raises on use.
    """
    # The form of each name and version, with the key of the first item that held it.
    forms: dict[tuple[str, int], tuple[str, Form]] = {}
    broken: dict[tuple[str, int] | str, BrokenItem] = {}
    for item in items:
        try:
            _check_readable(item, "a form")
            form = form_of_item(item)
        except FormError as problem:
            name, version = _said_by(item)
            key = _key_of(item) or (sort_key(name, version) if name and version else "?")
            broken[(name, version) if name and version else key] = BrokenItem(
                key, problem, name=name, version=version
            )
            continue
        place = (form.name, form.version)
        key = _key_of(item) or sort_key(*place)
        first, known = forms.setdefault(place, (key, form))
        if known.content_hash != form.content_hash:
            two = FormError(
                form.label, "the same content wherever it is stored", f"two: {first} and {key}"
            )
            broken[place] = BrokenItem(key, two, name=form.name, version=form.version)
    sound = [form for place, (_, form) in sorted(forms.items()) if place not in broken]
    return sound, list(broken.values())


def _check_readable(item: Mapping[str, Any], what: str) -> None:
    if (found := item.get(UNREADABLE)) is not None:
        raise FormError("", what, f"{found}; put it back from a backup (cci-lite restore)")


def _key_of(item: Mapping[str, Any]) -> str | None:
    key = item.get("sk")
    return key if isinstance(key, str) else None


def _said_by(item: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """Name and version of a broken item, as far as its key or its fields give them."""
    name = item.get("name")
    try:
        said = item.get("version")
        version = None if said is None else parse_version(str(said))
        if (key := _key_of(item)) is not None:
            return parse_sort_key(key, version)
    except FormError:
        return None, None
    return (name, version) if isinstance(name, str) and is_form_name(name) else (None, None)
