"""The webhook secrets of tenants in Secrets Manager."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cci_lite.aws.failures import error_code, translated
from cci_lite.tenancy import check_tenant_id

LIFE = dt.timedelta(seconds=60)

# The second is the answer for a secret that is marked for deletion.
_MISSING = frozenset({"ResourceNotFoundException", "InvalidRequestException"})


@dataclass(frozen=True)
class _Known:
    keys: tuple[bytes, ...]
    until: dt.datetime


class SecretsWebhookKeys:
    """WebhookKeys: the current and the previous version of the secret `<prefix><tenant_id>`.

    A secret is plain text or JSON with `key`. What was read holds for a minute. To withdraw a
    previous version at once, take the label AWSPREVIOUS off it.
    """

    def __init__(
        self,
        client: Any,
        prefix: str,
        clock: Callable[[], dt.datetime],
        life: dt.timedelta = LIFE,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._clock = clock
        self._life = life
        self._known: dict[str, _Known] = {}

    def keys(self, tenant_id: str) -> Sequence[bytes]:
        """The tenant's valid secrets, the current one first. Raises TenantIdError."""
        check_tenant_id(tenant_id)
        now = self._clock()
        # Senders choose the tenant they ask for: what they made us remember must not pile up.
        self._known = {name: known for name, known in self._known.items() if known.until > now}
        if tenant_id not in self._known:
            self._known[tenant_id] = _Known(tuple(self._read(tenant_id)), now + self._life)
        return self._known[tenant_id].keys

    def _read(self, tenant_id: str) -> Iterator[bytes]:
        for stage in ("AWSCURRENT", "AWSPREVIOUS"):
            with translated("secretsmanager", "GetSecretValue"):
                try:
                    answer = self._client.get_secret_value(
                        SecretId=f"{self._prefix}{tenant_id}", VersionStage=stage
                    )
                except ClientError as error:
                    if error_code(error) in _MISSING:
                        continue
                    raise
            # An empty key would let everybody sign.
            if key := _key_of(answer.get("SecretString", "")):
                yield key.encode()


def _key_of(secret: str) -> str:
    try:
        value = json.loads(secret)
    except ValueError:
        return secret
    if isinstance(value, dict):
        key = value.get("key")
        return key if isinstance(key, str) else ""
    # Digits are JSON too, and a good key.
    return secret
