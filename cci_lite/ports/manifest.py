"""The manifest of a generation: what a published day was built from, and its files.

It lies beside the data, so that a catalogue is an index of what the lake itself says: a lost one
can be made again, and one that is a service does not grow with the documents.
"""

from __future__ import annotations

import datetime as dt
import zlib

import msgspec

from cci_lite.errors import LakeError
from cci_lite.ports.lake import DayChange, Store
from cci_lite.tenancy import manifest_key

_VERSION = 1
_GZIP = 16 + zlib.MAX_WBITS  # the gzip format, as zlib is told
_FASTEST = 1


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

    Raises LakeError when it is damaged, of another version, or that of another generation.
    """
    key = manifest_key(tenant_id, call_date, generation)
    try:
        manifest = _decoded(store.read(key))
    except FileNotFoundError:
        return None
    except (OSError, zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as problem:
        found = problem.strerror if isinstance(problem, OSError) else None
        raise LakeError(
            f"{key}: expected a manifest, found {found or 'one that is damaged'}; put it back from "
            "a copy of the lake, or build the day anew while its documents are there: "
            "cci-lite etl rebuild"
        ) from problem
    if manifest.version != _VERSION:
        raise LakeError(
            f"{key}: expected a manifest of version {_VERSION}, found {manifest.version}; use the "
            "version of cci-lite that wrote it"
        )
    day = manifest.change.day
    if (manifest.tenant_id, day.call_date, day.generation) != (tenant_id, call_date, generation):
        raise LakeError(f"{key}: found the manifest of another generation; put its own there")
    return manifest.change


def _decoded(data: bytes) -> _Manifest:
    return msgspec.json.decode(zlib.decompress(data, wbits=_GZIP), type=_Manifest)
