"""Tenant ids, call ids, and every key and name that is derived from them.

Nothing else in the package spells a prefix: code, policies, table locations and the laptop's folder
use these functions. Everything of a tenant is under one prefix per root.
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
import re
from dataclasses import dataclass

from cci_lite.errors import ContractError, TenantIdError, UsageError, describe_value

WORK = "work"
UNIFIED = "unified"
QUARANTINE = "quarantine"
CURATED = "curated"
ATHENA = "athena"
MANIFESTS = "manifests"  # beside the curated tables: what each generation was built from
CONFIG = "config"  # settings and forms of tenants, in a lake that is a folder

# Names of folders and prefixes of a lake, in use or kept back: a tenant is never mistaken for one.
RESERVED_TENANT_IDS = frozenset(
    {"tmp", "work", "raw", "unified", "curated", "quarantine", "athena", "shared"}
)

# re.ASCII everywhere: without it `\d` also matches the digits of other scripts.
TENANT_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,47}", re.ASCII)
CALL_ID = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,199}", re.ASCII)
_RECORDING_KEY = re.compile(r"(?P<tenant>[^/]+)/calls/(?P<name>.+)", re.DOTALL)
_JOB_NAME = re.compile(
    r"(?P<call>cci_[a-z0-9-]+_[a-z2-7]{20})_r(?P<revision>[1-9]\d{0,6})", re.ASCII
)
_UNIFIED_KEY = re.compile(
    rf"{UNIFIED}/(?P<tenant>[^/]+)/(?P<day>\d{{4}}/\d\d/\d\d)/(?P<call>[^/]+)\.json", re.ASCII
)
_CURATED_KEY = re.compile(
    r"(?P<folder>[^/]+)/call_date=(?P<day>\d{4}-\d\d-\d\d)/(?P<generation>[^/]+)/(?P<name>.+)",
    re.ASCII | re.DOTALL,
)
_PART_NAME = re.compile(r"part-\d+\.parquet", re.ASCII)


def check_tenant_id(tenant_id: str) -> str:
    """Return `tenant_id` when it is one; raise TenantIdError otherwise."""
    if not isinstance(tenant_id, str) or not TENANT_ID.fullmatch(tenant_id):
        raise TenantIdError(
            "tenant_id",
            "2 to 48 lower-case letters, digits and hyphens, not starting with a hyphen",
            describe_value(tenant_id),
        )
    if tenant_id in RESERVED_TENANT_IDS:
        raise TenantIdError("tenant_id", "a name that is not reserved", f"'{tenant_id}'")
    return tenant_id


def is_tenant_id(name: str) -> bool:
    """Whether a name can be a tenant's."""
    return TENANT_ID.fullmatch(name) is not None and name not in RESERVED_TENANT_IDS


def check_call_id(call_id: str) -> str:
    """Return `call_id` when it can name a file and a job; raise ContractError otherwise.

    Ids made elsewhere are opaque to the lake; what is required is Transcribe's own alphabet for job
    names (`[0-9a-zA-Z._-]`, at most 200) and that no id starts with a dot.
    """
    if not isinstance(call_id, str) or not CALL_ID.fullmatch(call_id):
        raise ContractError(
            "call_id",
            "1 to 200 letters, digits, '.', '_' and '-', not starting with '.'",
            describe_value(call_id),
        )
    return call_id


def recording_key(tenant_id: str, name: str) -> str:
    """The key of a recording in the input bucket: `<tenant>/calls/<name>`."""
    return f"{check_tenant_id(tenant_id)}/calls/{name}"


@dataclass(frozen=True)
class RecordingKey:
    """What the (decoded) key of an upload says."""

    tenant_id: str
    name: str


def parse_recording_key(key: str) -> RecordingKey:
    """What a recording's decoded key says; raises ContractError when it is not laid out as one.

    Only `<tenant>/calls/<name>` counts: `calls/` further down or at the start is another key.
    """
    match = _RECORDING_KEY.fullmatch(key)
    if match is None:
        raise ContractError("", "a key like <tenant>/calls/<name>", "a key of another layout")
    return RecordingKey(check_tenant_id(match["tenant"]), match["name"])


def call_id_for(tenant_id: str, key: str) -> str:
    """The id of the call recorded at `key`: the same for every upload, and without its name."""
    # NUL is in no tenant id, so no two pairs of tenant and key give the same text.
    # 20 base32 characters are 100 bits of the hash: enough that two calls never share an id.
    digest = hashlib.sha256(f"{check_tenant_id(tenant_id)}\0{key}".encode()).digest()
    return f"cci_{tenant_id}_{base64.b32encode(digest[:15]).decode('ascii')[:20].lower()}"


def transcription_job_name(call_id: str, revision: int) -> str:
    """The name of the transcription job of one upload."""
    return f"{call_id}_r{revision}"


def parse_job_name(job_name: str) -> tuple[str, int] | None:
    """Call id and revision of one of our jobs; None for the name of anybody else's.

    Whose call it is, the registry says: a name is never proof of a tenant.
    """
    match = _JOB_NAME.fullmatch(job_name)
    return (match["call"], int(match["revision"])) if match else None


def work_prefix(tenant_id: str) -> str:
    """Where Transcribe writes for a tenant."""
    return f"{WORK}/{check_tenant_id(tenant_id)}/"


def media_key(tenant_id: str, job_name: str, extension: str) -> str:
    """Where the accepted upload is copied to, so that a job reads exactly what was accepted."""
    return f"{work_prefix(tenant_id)}media/{job_name}.{extension}"


def transcript_key(tenant_id: str, job_name: str) -> str:
    """The output key of a job. Transcribe puts `redacted-` before the name of the redacted file."""
    return f"{work_prefix(tenant_id)}transcripts/{job_name}.json"


def redacted_transcript_key(tenant_id: str, job_name: str) -> str:
    """Where a job that redacts writes."""
    return f"{work_prefix(tenant_id)}transcripts/redacted-{job_name}.json"


def checkpoint_prefix(tenant_id: str, job_name: str) -> str:
    """Where a call's paid answers are kept until its document is written."""
    return f"{work_prefix(tenant_id)}checkpoints/{job_name}/"


def checkpoint_key(tenant_id: str, job_name: str, step: str) -> str:
    """Where the paid answer of one step (`evaluation`) is kept."""
    return f"{checkpoint_prefix(tenant_id, job_name)}{step}.json"


def unified_prefix(tenant_id: str) -> str:
    """Where a tenant's unified documents are."""
    return f"{UNIFIED}/{check_tenant_id(tenant_id)}/"


def unified_day_prefix(tenant_id: str, call_date: dt.date) -> str:
    """Where a tenant's unified documents of one day are."""
    # Not strftime: on some systems its %Y leaves out the leading zeros of early years.
    return f"{unified_prefix(tenant_id)}{call_date.isoformat().replace('-', '/')}/"


def unified_key(tenant_id: str, call_date: dt.date, call_id: str) -> str:
    """The key of one call's unified document."""
    return f"{unified_day_prefix(tenant_id, call_date)}{check_call_id(call_id)}.json"


@dataclass(frozen=True)
class UnifiedKey:
    """What the key of a unified document says."""

    tenant_id: str
    call_date: dt.date
    call_id: str


def parse_unified_key(key: str) -> UnifiedKey:
    """What a unified document's key says; raises ContractError when it is not laid out as one."""
    match = _UNIFIED_KEY.fullmatch(key)
    call_date = _day_of_path(match["day"]) if match else None
    if match is None or call_date is None:
        raise ContractError(
            "",
            f"a key like {UNIFIED}/<tenant>/YYYY/MM/DD/<call_id>.json",
            "a key of another layout",
        )
    return UnifiedKey(check_tenant_id(match["tenant"]), call_date, check_call_id(match["call"]))


@functools.lru_cache(maxsize=1024)
def _day_of_path(path: str) -> dt.date | None:
    """The day that `YYYY/MM/DD` or `YYYY-MM-DD` names; a listing asks for the same few often."""
    try:
        return dt.date.fromisoformat(path.replace("/", "-"))
    except ValueError:
        return None


def quarantine_prefix(tenant_id: str) -> str:
    """Where copies of a tenant's broken documents are."""
    return f"{QUARANTINE}/{check_tenant_id(tenant_id)}/"


def quarantine_key(tenant_id: str, source_key: str) -> str:
    """Where the copy of one broken document goes: the same path below the tenant's quarantine."""
    return quarantine_prefix(tenant_id) + source_key.removeprefix(unified_prefix(tenant_id))


def check_own_key(tenant_id: str, key: str) -> None:
    """Raise UsageError for a key or prefix of the results bucket that is not the tenant's."""
    own = (work_prefix(tenant_id), unified_prefix(tenant_id), quarantine_prefix(tenant_id))
    if not key.startswith(own):
        raise UsageError("a key outside of the tenant's prefixes")


def curated_prefix(tenant_id: str) -> str:
    """Where a tenant's curated tables are."""
    return f"{CURATED}/{check_tenant_id(tenant_id)}/"


def curated_table_prefix(tenant_id: str, table: str) -> str:
    """Where one curated table of a tenant is."""
    return f"{curated_prefix(tenant_id)}{table}/"


def partition_prefix(tenant_id: str, table: str, call_date: dt.date) -> str:
    """Where one day of one curated table is."""
    return f"{curated_table_prefix(tenant_id, table)}call_date={call_date.isoformat()}/"


def generation_prefix(tenant_id: str, table: str, call_date: dt.date, generation: str) -> str:
    """Where one generation of one partition is: what the catalogue's partition points at."""
    return f"{partition_prefix(tenant_id, table, call_date)}{generation}/"


def part_key(tenant_id: str, table: str, call_date: dt.date, generation: str, part: int) -> str:
    """One Parquet file of a generation."""
    return f"{generation_prefix(tenant_id, table, call_date, generation)}part-{part:04d}.parquet"


def manifest_key(tenant_id: str, call_date: dt.date, generation: str) -> str:
    """Where it says what a generation of a day was built from and which files it has."""
    return f"{generation_prefix(tenant_id, MANIFESTS, call_date, generation)}manifest.json.gz"


@dataclass(frozen=True)
class CuratedKey:
    """What the key of a file of a generation says: `folder` is its table, or MANIFESTS."""

    folder: str
    call_date: dt.date
    generation: str
    name: str

    @property
    def is_part(self) -> bool:
        """Whether it is named as the Parquet files of a table are."""
        return _PART_NAME.fullmatch(self.name) is not None


def parse_curated_key(tenant_id: str, key: str) -> CuratedKey | None:
    """What a key below a tenant's curated tables says; None where no generation has its files."""
    match = _CURATED_KEY.fullmatch(key.removeprefix(curated_prefix(tenant_id)))
    call_date = _day_of_path(match["day"]) if match else None
    if match is None or call_date is None:
        return None
    return CuratedKey(match["folder"], call_date, match["generation"], match["name"])


def athena_prefix(tenant_id: str) -> str:
    """Where a tenant's query results go."""
    return f"{ATHENA}/{check_tenant_id(tenant_id)}/"


def database_name(tenant_id: str) -> str:
    """The tenant's own database: hyphens become underscores, which tenant ids cannot contain."""
    return "cci_lite_" + check_tenant_id(tenant_id).replace("-", "_")
