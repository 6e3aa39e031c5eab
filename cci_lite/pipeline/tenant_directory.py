"""Tenants and their forms as the functions see them: read from the store, kept for a minute."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cci_lite.contract.configuration import (
    ACTIVE_SORT_PREFIX,
    TenantForms,
    partition_key,
    read_forms,
    tenant_ids_of,
    tenant_of_item,
)
from cci_lite.contract.form import FORM_SORT_PREFIX, META_SORT_KEY, Form, parse_sort_key
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import FormError, PipelineError, TenantError, TenantIdError, UsageError
from cci_lite.ports import ConfigStore

LIFE = dt.timedelta(seconds=60)
LIFE_OF_ABSENCE = dt.timedelta(seconds=5)
_MOST_KEPT = 1_000

T = TypeVar("T")


@dataclass(frozen=True)
class _Kept(Generic[T]):
    value: T
    read_at: dt.datetime


class TenantDirectory:
    """Tenants and their forms, at most `life` old.

    What is not there, or cannot be used, is looked for again after five seconds. `form_key` is
    the form of tenants that have activated none, as `QA_TEMPLATE_KEY` names it; raises UsageError
    when it names none.
    """

    def __init__(
        self,
        config: ConfigStore,
        clock: Callable[[], dt.datetime],
        *,
        form_key: str,
        life: dt.timedelta = LIFE,
    ) -> None:
        try:
            parse_sort_key(form_key)
        except FormError as problem:
            raise UsageError(f"QA_TEMPLATE_KEY: {problem}") from None
        self._config = config
        self._clock = clock
        self._form_key = form_key
        self._life = life
        self._tenants: dict[str, _Kept[Tenant | TenantError | None]] = {}
        self._forms: dict[str, _Kept[TenantForms]] = {}

    def tenant(self, tenant_id: str) -> Tenant | None:
        """The tenant, or None; raises PipelineError `tenant_unreadable`."""
        kept = self._tenants.get(tenant_id)
        is_usable = kept is not None and isinstance(kept.value, Tenant)
        if kept is None or not self._is_fresh(kept, self._life if is_usable else LIFE_OF_ABSENCE):
            now = self._clock()
            kept = _Kept(self._read_tenant(tenant_id), now)
            _keep(self._tenants, tenant_id, kept)
        if isinstance(kept.value, TenantError):
            raise _unreadable("tenant", tenant_id, kept.value.path)
        return kept.value

    def form_for(self, tenant_id: str, queue: str | None) -> Form | None:
        """The form by which the calls of a queue are judged today, or None when there is none.

        Raises PipelineError `form_unreadable` when that form is broken, or activated and gone.
        """
        return self._form(tenant_id, lambda forms: forms.active(queue, self._form_key))

    def form(self, tenant_id: str, name: str, version: int) -> Form | None:
        """One version of a form, or None; raises PipelineError `form_unreadable`."""
        return self._form(tenant_id, lambda forms: forms.form(name, version))

    def tenant_ids(self) -> list[str]:
        """The ids of all tenants, ordered; of those too whose settings cannot be read."""
        return [
            tenant_id
            for tenant_id in tenant_ids_of(self._config.partition_keys())
            if self._is_there(tenant_id)
        ]

    def _is_there(self, tenant_id: str) -> bool:
        try:
            return self.tenant(tenant_id) is not None
        except PipelineError:
            return True

    def _read_tenant(self, tenant_id: str) -> Tenant | TenantError | None:
        try:
            item = self._config.get(partition_key(tenant_id), META_SORT_KEY)
            return None if item is None else tenant_of_item(tenant_id, item)
        except TenantIdError:
            return None
        except TenantError as problem:
            return problem

    def _form(self, tenant_id: str, choose: Callable[[TenantForms], Form | None]) -> Form | None:
        """What `choose` finds; when it finds none, in forms that are a few seconds old at most.

        Another container may have judged by a version that was stored since ours were read.
        """
        try:
            found = choose(self._tenant_forms(tenant_id, self._life))
        except FormError:
            found = None
        if found is not None:
            return found
        try:
            return choose(self._tenant_forms(tenant_id, LIFE_OF_ABSENCE))
        except FormError as problem:
            raise _unreadable("form", tenant_id, problem.path) from None

    def _tenant_forms(self, tenant_id: str, life: dt.timedelta) -> TenantForms:
        kept = self._forms.get(tenant_id)
        if kept is None or not self._is_fresh(kept, life):
            now, key = self._clock(), partition_key(tenant_id)
            forms = read_forms(
                self._config.query(key, FORM_SORT_PREFIX),
                self._config.query(key, ACTIVE_SORT_PREFIX),
            )
            kept = _Kept(forms, now)
            _keep(self._forms, tenant_id, kept)
        return kept.value

    def _is_fresh(self, kept: _Kept[T], life: dt.timedelta) -> bool:
        return self._clock() - kept.read_at < life


def _keep(kept: dict[str, _Kept[T]], tenant_id: str, value: _Kept[T]) -> None:
    """Keep a value; ids that anybody can make up must not fill the memory."""
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[tenant_id] = value


def _unreadable(what: str, tenant_id: str, path: str) -> PipelineError:
    """Says where the mistake is, and nothing of what stands there."""
    return PipelineError(f"{what}_unreadable", f"tenant {tenant_id}, at {path or 'the top'}")
