"""The laptop's configuration store: tenants and forms as JSON files beside the data.

One file per item, `config/<tenant>/<sort key>.json`; there is no other copy. Files are written
atomically. A file that cannot be read as written (damaged, no permission, no regular file) comes
back as an item that says why, so that it fails its own tenant only. So do settings that are missing
although the lake has data of the tenant.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from cci_lite.contract.configuration import UNREADABLE, partition_key, tenant_ids_of
from cci_lite.contract.form import META_SORT_KEY
from cci_lite.contract.limits import MAX_SETTINGS_BYTES
from cci_lite.errors import LakeError
from cci_lite.local.folder import FolderStore
from cci_lite.local.regular import (
    Scratch,
    open_regular,
    opened_folder,
    reason_of,
    scratch_file,
)
from cci_lite.tenancy import (
    CONFIG,
    CURATED,
    QUARANTINE,
    UNIFIED,
    curated_prefix,
    is_tenant_id,
    quarantine_prefix,
    unified_prefix,
)

_LONGEST_NAME = 200
_ENDING = ".json"
_GONE = "nothing, although the lake has data of it"


class SettingsFiles:
    """Implements the port ConfigStore in a lake's folder."""

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._store = FolderStore(lake)

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        """One item, or None."""
        name = _file_name(sk)
        try:
            with opened_folder(self._lake, [CONFIG, _folder_name(pk)]) as folder:
                if name in _names_in(folder):
                    return _read_item(folder, name, pk)
        except FileNotFoundError:
            pass
        except OSError as problem:
            return _unreadable_item(pk, sk, _in_the_way(problem))
        if sk == META_SORT_KEY and any(map(self._has_data, tenant_ids_of([pk]))):
            return _unreadable_item(pk, sk, _GONE)
        return None

    def put(self, pk: str, sk: str, item: Mapping[str, Any]) -> None:
        """Create or replace an item."""
        self._write(pk, sk, item, _move)

    def put_new(self, pk: str, sk: str, item: Mapping[str, Any]) -> bool:
        """Create an item; False when there is one already."""
        return self._write(pk, sk, item, _link)

    def query(self, pk: str, sk_prefix: str) -> list[dict[str, Any]]:
        """The items of a partition key whose sort key starts so, ordered by it."""
        try:
            with opened_folder(self._lake, [CONFIG, _folder_name(pk)]) as folder:
                items = [_read_item(folder, name, pk) for name in _item_names(folder)]
        except OSError:
            return []  # reading the tenant's settings reports what is wrong with the folder
        found = [item for item in items if str(item["sk"]).startswith(sk_prefix)]
        return sorted(found, key=lambda item: str(item["sk"]))

    def partition_keys(self) -> list[str]:
        """All partition keys, ordered; also of tenants that have data but no settings any more.

        Raises LakeError when the folder of settings cannot be listed.
        """
        keys = {partition_key(tenant_id) for tenant_id in self._tenants_with_data()}
        try:
            with opened_folder(self._lake, [CONFIG]) as folder:
                present = (name for name in _names_in(folder) if _is_there(folder, name))
                keys |= {_partition_key_of(name) for name in present}
        except FileNotFoundError:
            pass
        except OSError as problem:
            raise LakeError(
                f"{CONFIG}, the folder of all tenants' settings: {_in_the_way(problem)}; "
                "fix it, or put it back from a backup (cci-lite restore)"
            ) from None
        return sorted(keys)

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item if it is there."""
        with (
            contextlib.suppress(FileNotFoundError),
            opened_folder(self._lake, [CONFIG, _folder_name(pk)]) as folder,
        ):
            os.unlink(_file_name(sk), dir_fd=folder)
        with (
            contextlib.suppress(OSError),  # other items remain
            opened_folder(self._lake, [CONFIG]) as folder,
        ):
            os.rmdir(_folder_name(pk), dir_fd=folder)

    def _write(
        self,
        pk: str,
        sk: str,
        item: Mapping[str, Any],
        into_place: Callable[[Scratch, int, str], bool],
    ) -> bool:
        """Write the item to a scratch file, then bring that into its place if `into_place` may."""
        data = msgspec.json.encode({**item, "pk": pk, "sk": sk})
        try:
            with (
                scratch_file(self._lake) as scratch,
                opened_folder(self._lake, [CONFIG, _folder_name(pk)], make=True) as folder,
            ):
                with open(scratch.file, "wb", closefd=False) as opened:
                    opened.write(msgspec.json.format(data, indent=2) + b"\n")
                return into_place(scratch, folder, _file_name(sk))
        except OSError as problem:
            raise LakeError(
                f"the lake's settings cannot be written: {_in_the_way(problem)}; "
                "nothing was changed"
            ) from problem

    def _tenants_with_data(self) -> set[str]:
        named = set()
        for root in (UNIFIED, CURATED, QUARANTINE):
            with contextlib.suppress(LakeError):  # unreadable roots are reported by the run itself
                named |= {*self._store.folders(f"{root}/")}
        return {each for each in named if is_tenant_id(each) and self._has_data(each)}

    def _has_data(self, tenant_id: str) -> bool:
        for prefix in (unified_prefix, curated_prefix, quarantine_prefix):
            try:
                if self._store.holds_anything(prefix(tenant_id)):
                    return True
            except LakeError:
                return True  # it may have data
        return False


def _move(scratch: Scratch, folder: int, name: str) -> bool:
    # Raises when the present file may not be read: it could be intact, so it is not overwritten.
    with contextlib.suppress(FileNotFoundError):
        os.close(open_regular(folder, name, os.O_RDONLY))
    os.replace(scratch.name, name, src_dir_fd=scratch.folder, dst_dir_fd=folder)
    return True


def _link(scratch: Scratch, folder: int, name: str) -> bool:
    """Of two writers only one can create the hard link, and the file behind it is complete."""
    try:
        os.link(scratch.name, name, src_dir_fd=scratch.folder, dst_dir_fd=folder)
    except FileExistsError:
        return False
    return True


def _folder_name(pk: str) -> str:
    tenants = tenant_ids_of([pk])
    return tenants[0] if tenants else _name_of_key(pk)


def _file_name(sk: str) -> str:
    return f"{_name_of_key(sk)}{_ENDING}"


def _name_of_key(key: str) -> str:
    """A key as a readable file name that is unique on every file system."""
    head, mark, tail = key.partition("#")
    # Capitals are escaped: queue names are case-sensitive, some file systems are not.
    marked = "".join(
        f"%{ord(each):02X}" if each.isupper() and each.isascii() else quote(each, safe="#")
        for each in tail
    )
    name = quote(head + mark, safe="#") + marked
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}.{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return name


def _partition_key_of(folder: str) -> str:
    return partition_key(folder) if is_tenant_id(folder) else unquote(folder)


def _is_there(config: int, name: str) -> bool:
    """Whether an entry of the settings folder is a tenant's, or stands in a tenant's place."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=config, follow_symlinks=False).st_mode):
        return is_tenant_id(name)
    try:
        folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=config)
    except OSError:
        return True
    try:
        return bool(_item_names(folder))
    finally:
        os.close(folder)


def _names_in(folder: int) -> list[str]:
    return os.listdir(folder)


def _item_names(folder: int) -> list[str]:
    return sorted(name for name in _names_in(folder) if name.endswith(_ENDING))


def _read_item(folder: int, name: str, pk: str) -> dict[str, Any]:
    """The item in a file; one with UNREADABLE when the file is not as it was written."""
    sk = unquote(name.removesuffix(_ENDING))
    try:
        with open(open_regular(folder, name, os.O_RDONLY), "rb") as opened:  # noqa: PTH123
            data = opened.read(MAX_SETTINGS_BYTES + 1)
    except OSError as problem:
        return _unreadable_item(pk, sk, _in_the_way(problem))
    if len(data) > MAX_SETTINGS_BYTES:
        return _unreadable_item(pk, sk, f"more than {MAX_SETTINGS_BYTES:,} bytes")
    try:
        item = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _unreadable_item(pk, sk, "text that is no JSON" if data else "an empty file")
    if not isinstance(item, dict):
        return _unreadable_item(pk, sk, "JSON that is no object")
    if not isinstance(item.get("sk"), str):
        return _unreadable_item(pk, sk, "an object without its key 'sk'")
    return {**item, "pk": pk}


def _unreadable_item(pk: str, sk: str, why: str) -> dict[str, Any]:
    return {"pk": pk, "sk": sk, UNREADABLE: why}


def _in_the_way(problem: OSError) -> str:
    reason = reason_of(problem)
    if isinstance(problem, NotADirectoryError):
        return f"{reason} stands in the place of a folder"
    if isinstance(problem, PermissionError):
        return f"{reason} (give this program the right to read and write there)"
    return reason


SETTINGS_FILE = _file_name(META_SORT_KEY)
"""The name of the file with a tenant's own settings."""
