"""An action for each tenant."""

from __future__ import annotations

from cci_lite.errors import LakeError
from cci_lite.nightly.lake import each_tenant


def test_a_tenant_that_fails_stops_no_other() -> None:
    def action(tenant_id: str) -> int:
        if tenant_id == "b":
            raise LakeError("no such luck")
        return len(tenant_id)

    assert each_tenant(["a", "b", "ccc"], action) == ({"a": 1, "ccc": 3}, {"b": "no such luck"})
