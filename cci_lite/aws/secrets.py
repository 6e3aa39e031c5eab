"""Reads the webhook secrets of tenants from Secrets Manager."""

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

# InvalidRequestException is the answer for a secret that is scheduled for deletion.
_MISSING = frozenset({"ResourceNotFoundException", "InvalidRequestException"})


@dataclass(frozen=True)
class _Known:
    keys: tuple[bytes, ...]
    until: dt.datetime


class SecretsWebhookKeys:
    """WebhookKeys: the current and the previous version of the secret `<prefix><tenant_id>`.

    A secret is plain text or JSON with `key`. It is cached for a minute. To revoke a previous
    version at once, remove the staging label AWSPREVIOUS from it.
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
        # Senders choose the tenant id, so the cache must not grow with what they ask for.
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
            # With an empty key everybody could sign.
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
    # A secret of digits is valid JSON, too, and a valid key.
    return secret
