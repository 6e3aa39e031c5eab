"""The manifest of a generation: what a published day was built from, and its files.

It lies beside the data, so that a catalogue is an index of what the lake itself says: a lost one
can be made again, and one that is a service does not grow with the documents.
"""

from __future__ import annotations

import datetime as dt
import zlib

import msgspec

from cci_lite.errors import DamagedManifestError, LakeError
from cci_lite.ports.lake import DayChange, Store
from cci_lite.tenancy import manifest_key

_VERSION = 1
_GZIP = 16 + zlib.MAX_WBITS  # the gzip format, as zlib is told
_FASTEST = 1


class _Versioned(msgspec.Struct, frozen=True):
    version: int


class _Manifest(msgspec.Struct, frozen=True):
    version: int
    tenant_id: str
    change: DayChange


def write_manifest(store: Store, tenant_id: str, change: DayChange) -> None:
    """Write what a publication is made of beside its files."""
    # Without a time in its header: the same publication gives the same bytes.
    packer = zlib.compressobj(_FASTEST, wbits=_GZIP)
    data = packer.compress(msgspec.json.encode(_Manifest(_VERSION, tenant_id, change)))
    day = change.day
    store.write(manifest_key(tenant_id, day.call_date, day.generation), data + packer.flush())


def read_manifest(
    store: Store, tenant_id: str, call_date: dt.date, generation: str
) -> DayChange | None:
    """What a generation was published with; None when it has no manifest.

    Raises DamagedManifestError when it is damaged or that of another generation, and LakeError when
    it may not be read or is of another version.
    """
    key = manifest_key(tenant_id, call_date, generation)
    try:
        manifest = _decoded(key, store.read(key))
    except FileNotFoundError:
        return None
    except PermissionError as problem:
        raise LakeError(
            f"{key}: it may not be read; give this program the right to read it and the folders "
            "that it is in"
        ) from problem
    except (OSError, zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise DamagedManifestError(_damaged(key, "one that is damaged")) from problem
    day = manifest.change.day
    if (manifest.tenant_id, day.call_date, day.generation) != (tenant_id, call_date, generation):
        raise DamagedManifestError(_damaged(key, "that of another generation"))
    return manifest.change


def _decoded(key: str, data: bytes) -> _Manifest:
    text = zlib.decompress(data, wbits=_GZIP)
    found = msgspec.json.decode(text, type=_Versioned).version
    if found != _VERSION:
        raise LakeError(
            f"{key}: expected a manifest of version {_VERSION}, found {found}; use the version of "
            "cci-lite that wrote it"
        )
    return msgspec.json.decode(text, type=_Manifest)


def _damaged(key: str, found: str) -> str:
    return f"{key}: expected its manifest, found {found}; write it anew with: cci-lite etl repair"
