"""Reads view files (`sql/views/<name>/v<N>.sql`: a header and one SELECT) and orders them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlglot import exp

from cci_lite.contract.columns import PARTITION_COLUMNS, TABLES
from cci_lite.contract.rendering import athena_type
from cci_lite.contract.unified_table import UNIFIED_COLUMNS, UNIFIED_PARTITION_COLUMNS
from cci_lite.errors import NotFoundError, SqlError
from cci_lite.tenancy import UNIFIED
from cci_lite.views.analysis import CheckedQuery, parse_select
from cci_lite.views.relations import Schema
from cci_lite.views.translation import check_query, translate

_HEADER = re.compile(
    r"(?P<title>\w+): (?P<grain>.+?)\. Key: (?P<key>[\w, ]+)\. "
    r"Reads: (?P<reads>[\w, ]+)\.(?: (?P<note>.+))?"
)
_Value = TypeVar("_Value")
_VERSION = re.compile(r"v([1-9][0-9]*)\.sql")


@dataclass(frozen=True)
class View:
    """One version of a view. Fields that its header does not give are empty."""

    name: str
    version: int
    sql: str
    title: str
    grain: str
    key: tuple[str, ...]
    reads: tuple[str, ...]
    note: str

    @property
    def versioned_name(self) -> str:
        """The name of this very version: `failure_rate_v1`."""
        return f"{self.name}_v{self.version}"


def parse_view(name: str, version: int, sql: str) -> View:
    """A view from the text of its file."""
    comments = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        comments.append(line.removeprefix("--").strip())
    header = _HEADER.fullmatch(" ".join(comments))
    said = header.groupdict(default="") if header else {}
    return View(
        name,
        version,
        sql,
        said.get("title", ""),
        said.get("grain", ""),
        _split_names(said.get("key", "")),
        _split_names(said.get("reads", "")),
        said.get("note", ""),
    )


def _split_names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def read_views(folder: Path) -> tuple[View, ...]:
    """Every version of every view below `folder`; raises NotFoundError when there is none."""
    views = [
        parse_view(file.parent.name, int(match[1]), file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("*/*.sql"))
        if (match := _VERSION.fullmatch(file.name))
    ]
    if not views:
        raise NotFoundError(f"no views in {folder.name}/: expected <name>/v<N>.sql")
    return tuple(sorted(views, key=lambda view: (view.name, view.version)))


def current_views(views: Iterable[View]) -> dict[str, View]:
    """The highest version of each view: what its plain name stands for."""
    return {view.name: view for view in sorted(views, key=lambda view: view.version)}


def relations_read(sql: str) -> frozenset[str]:
    """The tables and views that a query names, without its own CTEs; raises SqlError."""
    tree = parse_select(sql)
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    return frozenset(table.name.lower() for table in tree.find_all(exp.Table)) - own


def order_views(views: Iterable[View]) -> tuple[View, ...]:
    """The views, each after those it reads; raises SqlError when two read each other."""
    # A topological sort. Views read each other by plain name, which stands for the highest version.
    waiting = {view.versioned_name: view for view in views}
    current = {name: view.versioned_name for name, view in current_views(waiting.values()).items()}
    needs = {
        name: {current.get(read, read) for read in relations_read(view.sql)} & waiting.keys()
        for name, view in waiting.items()
    }
    ordered: list[View] = []
    while waiting:
        ready = [name for name in waiting if not needs[name] & waiting.keys()]
        if not ready:
            raise SqlError(f"views read each other in a circle: {', '.join(sorted(waiting))}")
        ordered += [waiting.pop(name) for name in ready]
    return tuple(ordered)


def table_schema() -> dict[str, dict[str, str]]:
    """Columns and their types of every table: the curated ones and the raw one."""
    tables = {
        table.name: {
            column.name: athena_type(column) for column in (*PARTITION_COLUMNS, *table.columns)
        }
        for table in TABLES.values()
    }
    raw = (*UNIFIED_PARTITION_COLUMNS, *UNIFIED_COLUMNS)
    return {**tables, UNIFIED: {column.name: athena_type(column) for column in raw}}


def describe_columns(view: View, schema: Schema) -> dict[str, str]:
    """The columns that a view yields over the relations of `schema`; raises SqlError."""
    return _described(_checked(view, schema))


def view_schema(views: Iterable[View]) -> Schema:
    """Every relation that a query may read: the tables, and the views under both of their names.

    A view is analysed when it is first asked for; that raises SqlError for one that is wrong.
    """
    return _analysed(tuple(views)).schema


def duckdb_views(views: Iterable[View]) -> Mapping[str, str]:
    """The views as DuckDB's SELECTs by name, each after those it reads.

    A view is translated when it is first asked for; that raises SqlError for one that is wrong.
    """
    return _analysed(tuple(views)).selects


class _ByName(Mapping[str, _Value]):
    """What belongs to each name, made when it is first asked for."""

    def __init__(self, names: Callable[[], Iterable[str]], make: Callable[[str], _Value]) -> None:
        self._names = names
        # Raises KeyError for an unknown name.
        self._made = functools.cache(make)

    def __getitem__(self, name: str) -> _Value:
        return self._made(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(list(self._names()))


class _AnalysedViews:
    """Views under both of their names. Most queries read few of them, and analysing takes long."""

    def __init__(self, views: tuple[View, ...]) -> None:
        self._views = views
        self._current = current_views(views)
        self._by_name = {**{view.versioned_name: view for view in views}, **self._current}
        self._tables = table_schema()
        self._query = functools.cache(lambda view: _checked(view, self.schema))
        self.schema = _ByName(lambda: [*self._tables, *self._names()], self._columns)
        self.selects = _ByName(self._names, self._select)

    def _names(self) -> Iterator[str]:
        for view in order_views(self._views):
            yield view.versioned_name
            if self._current[view.name] is view:
                yield view.name

    def _columns(self, name: str) -> Mapping[str, str]:
        table = self._tables.get(name)
        return _described(self._query(self._by_name[name])) if table is None else table

    def _select(self, name: str) -> str:
        view = self._by_name[name]
        if name != view.versioned_name:
            return f"SELECT * FROM {view.versioned_name}"
        return translate(self._query(view))


# A query needs the views' columns and their SELECTs: they are analysed once for both.
_analysed = functools.cache(_AnalysedViews)


def _checked(view: View, schema: Schema) -> CheckedQuery:
    try:
        return check_query(view.sql, schema)
    except SqlError as error:
        raise SqlError(f"view {view.versioned_name}: {error}") from None


def _described(query: CheckedQuery) -> dict[str, str]:
    return {name: str(kind) for name, kind in query.columns}
