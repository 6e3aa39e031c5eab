"""Renders self-contained HTML: all values escaped, one style sheet, a strict CSP."""

from __future__ import annotations

import base64
import functools
import hashlib
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cci_lite.reports import numbers
from cci_lite.reports.leaderboard import Leaderboard, form_label
from cci_lite.reports.text import one_line, visible_lines
from cci_lite.reports.wording import HOW_TO_READ, leaderboard_title, why_empty
from cci_lite.tenancy import database_name


def render_html(board: Leaderboard) -> str:
    """The leaderboard as one HTML file that makes no network request."""
    return render_template(
        "leaderboard.html",
        board=board,
        title=leaderboard_title(board),
        statements=[board.statement],
        tenant_id=board.tenant_id,
    )


def render_template(name: str, **values: Any) -> str:
    """One of the package's templates with its values, the style sheet and its policy."""
    environment = _environment()
    style = environment.loader.get_source(environment, "style.css")[0] if environment.loader else ""
    return environment.get_template(name).render(
        style=Markup(style),  # our own file, not data
        policy=_policy(style),
        database=database_name(values["tenant_id"]),
        **values,
    )


def _policy(style: str) -> str:
    """A Content-Security-Policy under which only this very style sheet has an effect."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _template_value(value: object) -> object:
    """What a template prints: text with hidden characters shown, markup and numbers unchanged."""
    return visible_lines(value) if type(value) is str else value


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cci_lite.reports"),
        autoescape=True,
        # A misspelt name in a template is an error instead of an empty place in a report.
        undefined=StrictUndefined,
        finalize=_template_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(form_label=form_label, HOW_TO_READ=HOW_TO_READ, why_empty=why_empty)
    environment.filters.update(
        call_points=numbers.call_points,
        count=numbers.count,
        day=numbers.day,
        moment=numbers.moment,
        one_line=one_line,
        percent=numbers.percent,
        plain=numbers.plain,
        points=numbers.points,
        week=numbers.week,
    )
    environment.globals.update(
        counted=numbers.counted, interval=numbers.interval, period=numbers.period
    )
    return environment
