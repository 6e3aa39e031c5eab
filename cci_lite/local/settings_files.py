"""Tenants and forms as files beside the data: what a lake needs to be understood again.

One file per item, `config/<tenant>/<sort key>.json`. The files are the configuration; no other copy
counts. A file is written beside the tree and moved into place, so that it is there whole or not at
all. A file that somebody damaged is an item without content: broken, and in nobody else's way.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from cci_lite.contract.configuration import partition_key, tenant_ids_of
from cci_lite.errors import ContractError, LakeError
from cci_lite.tenancy import CONFIG

_SCRATCH = ".scratch"
_LONGEST_NAME = 200


class SettingsFiles:
    """Implements the port ConfigStore in a lake's folder."""

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._root = lake / CONFIG

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        """One item, or None."""
        file = self._file(pk, sk)
        return _item(file, pk) if file.is_file() else None

    def put(self, pk: str, sk: str, item: Mapping[str, Any]) -> None:
        """Create or replace an item."""
        with self._written(pk, sk, item) as scratch:
            scratch.replace(self._file(pk, sk))

    def put_new(self, pk: str, sk: str, item: Mapping[str, Any]) -> bool:
        """Create an item; False when there is one already."""
        with self._written(pk, sk, item) as scratch:
            try:
                # A link is made by one of two writers only, and its file is whole.
                os.link(scratch, self._file(pk, sk))
            except FileExistsError:
                return False
        return True

    def query(self, pk: str, sk_prefix: str) -> list[dict[str, Any]]:
        """The items of a partition key whose sort key starts so, ordered by it."""
        items = [_item(file, pk) for file in _files_in(self._folder(pk))]
        found = [item for item in items if str(item["sk"]).startswith(sk_prefix)]
        return sorted(found, key=lambda item: str(item["sk"]))

    def partition_keys(self) -> list[str]:
        """All partition keys, ordered."""
        if not self._root.is_dir():
            return []
        folders = (folder for folder in self._root.iterdir() if _files_in(folder))
        return sorted(_partition_key_of(folder.name) for folder in folders)

    def delete(self, pk: str, sk: str) -> None:
        """Delete an item if it is there."""
        self._file(pk, sk).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder(pk).rmdir()  # when it was the last

    def _folder(self, pk: str) -> Path:
        tenants = tenant_ids_of([pk])
        return self._root / (tenants[0] if tenants else _named(pk))

    def _file(self, pk: str, sk: str) -> Path:
        return self._folder(pk) / f"{_named(sk)}.json"

    @contextlib.contextmanager
    def _written(self, pk: str, sk: str, item: Mapping[str, Any]) -> Iterator[Path]:
        """A scratch file with the item, to be moved into its place."""
        scratch = self._lake / _SCRATCH / uuid.uuid4().hex
        try:
            scratch.parent.mkdir(parents=True, exist_ok=True)
            self._folder(pk).mkdir(parents=True, exist_ok=True)
            data = msgspec.json.encode({**item, "pk": pk, "sk": sk})
            scratch.write_bytes(msgspec.json.format(data, indent=2) + b"\n")
            yield scratch
        except OSError as problem:
            raise LakeError(
                f"the lake's settings cannot be written: {problem.strerror}; nothing was changed"
            ) from problem
        finally:
            scratch.unlink(missing_ok=True)


def _named(key: str) -> str:
    """A key as a file name: readable, and another one for every key on any file system."""
    head, mark, tail = key.partition("#")
    # Some file systems do not tell upper from lower case; queues are told apart by it.
    marked = "".join(
        f"%{ord(each):02X}" if each.isupper() and each.isascii() else quote(each, safe="#")
        for each in tail
    )
    name = quote(head + mark, safe="#") + marked
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}.{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return name


def _partition_key_of(folder: str) -> str:
    try:
        return partition_key(folder)
    except ContractError:
        return unquote(folder)


def _files_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.json") if file.is_file())


def _item(file: Path, pk: str) -> dict[str, Any]:
    """The item in a file; one without content when the file cannot be read as what we wrote."""
    try:
        item = msgspec.json.decode(file.read_bytes())
        if isinstance(item, dict) and isinstance(item.get("sk"), str):
            return {**item, "pk": pk}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        pass
    return {"pk": pk, "sk": unquote(file.name.removesuffix(".json"))}
