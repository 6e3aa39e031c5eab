"""The report page in a real browser: its requests, console messages and layout."""

from __future__ import annotations

import html as html_text
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cci_lite.reports.html import render_html
from cci_lite.reports.leaderboard import leaderboard
from cci_lite.reports.page import report_page
from tests.unit.reports.lakes import GENERATED_AT, MONDAY, TENANT, Call, calls_of, lake_of

pytestmark = pytest.mark.browser

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LONG = "Anna-Maria-Theresia-Bartholomäa-von-und-zu-Hohenwaldeck-Schillingsfürst"

# Frames have a real viewport, however small, and the same origin lets the probe look inside.
_PROBE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<iframe src="/page.html" width="360" height="800"></iframe>
<iframe src="/page.html" width="1400" height="900"></iframe>
<pre id="found"></pre>
<script>
addEventListener("load", async () => {
  const found = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const view = frame.contentWindow, page = frame.contentDocument;
    const inScroller = (e) => e.closest(".scroll, .contents, pre") !== null;
    const wide = [...page.querySelectorAll("body *")]
      .filter((e) => !inScroller(e) && e.getBoundingClientRect().right > view.innerWidth + 0.5)
      .map((e) => e.tagName + "." + e.getAttribute("class"));
    const links = [...page.querySelectorAll("a[href]")].map((a) => a.getAttribute("href"));
    const dead = links.filter((href) => !page.getElementById(href.slice(1)));
    const closed = [];
    for (const href of new Set(links.filter((href) => href.startsWith("#sql-")))) {
      view.location.hash = href;
      await new Promise((done) => setTimeout(done, 20));
      const sql = page.querySelector(href + " pre");
      const shown = sql !== null && sql.checkVisibility({contentVisibilityAuto: true});
      if (!shown || view.scrollY === 0) closed.push(href);
    }
    found.push({
      width: view.innerWidth, scrollWidth: page.documentElement.scrollWidth, wide, dead, closed,
      links: links.length, styled: view.getComputedStyle(page.body).marginTop === "0px",
    });
  }
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"""


@dataclass(frozen=True)
class Visit:
    """What a browser made of a page at each width, what it asked for and what it logged."""

    frames: list[dict[str, Any]]
    requests: list[str]
    elsewhere: list[str]
    console: list[str]


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser's program."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(_NAMES)} is installed")
    return found


@contextmanager
def serve(files: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """A server of these files on this machine: its address, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def visit(chromium: str, folder: Path, page: str) -> Visit:
    """Open the page at both widths and follow every link to its SQL."""
    log = folder / "net.json"
    with serve({"/probe.html": _PROBE, "/page.html": page}) as (address, asked):
        done = subprocess.run(
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                f"--user-data-dir={folder / 'profile'}",
                f"--log-net-log={log}",
                "--enable-logging=stderr",
                "--virtual-time-budget=20000",
                "--dump-dom",
                f"{address}/probe.html",
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    match = re.search(r'<pre id="found">(.+?)</pre>', done.stdout, re.DOTALL)
    assert match, done.stdout[-2000:] + done.stderr[-2000:]
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    asked_for = [event["params"] for event in events if "initiator" in event.get("params", {})]
    # What the browser asks for by itself has no origin.
    urls = {each["url"] for each in asked_for if each["initiator"] != "not an origin"}
    return Visit(
        frames=json.loads(html_text.unescape(match[1])),
        requests=sorted(set(asked)),
        elsewhere=sorted(url for url in urls if not url.startswith((address, "data:"))),
        console=[line for line in done.stderr.splitlines() if "CONSOLE" in line],
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The report page and the leaderboard of a lake with long names and much of everything."""
    calls = [
        *calls_of("a1", 8, 4, name=_LONG, team=_LONG),
        *calls_of("a2", 11, 1, MONDAY, version=2, name="</script><img src=http://x.invalid/>"),
        *(call for number in range(60) for call in calls_of(f"agent-{number}", 6, 6)),
        *calls_of(None, 5, 6),
        Call(MONDAY, "a3", ("pass", "na", "unscored"), claimed={"percentage": 71}),
        Call(MONDAY, "a3", ("unscored", "na", "pass")),
    ]
    criteria = [
        {"id": f"criterion_with_a_long_name_{number:02d}", "text": f"{_LONG}? " * 3, "weight": 1}
        for number in range(3)
    ]
    with lake_of(
        tmp_path_factory.mktemp("lake"), calls, criteria=criteria, broken={"b": b"{"}
    ) as query:
        return {
            "report page": report_page(query, TENANT, tenant_name=_LONG, generated_at=GENERATED_AT),
            "leaderboard": render_html(leaderboard(query, TENANT)),
        }


@pytest.fixture(scope="module", params=["report page", "leaderboard"])
def visited(
    request: pytest.FixtureRequest,
    chromium: str,
    pages: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Visit:
    return visit(chromium, tmp_path_factory.mktemp("visit"), pages[request.param])


def test_the_page_asks_nothing_of_any_network(visited: Visit) -> None:
    assert visited.requests == ["/page.html", "/probe.html"]
    assert visited.elsewhere == []


def test_the_browser_has_nothing_to_complain_about(visited: Visit) -> None:
    assert visited.console == []
    assert all(frame["styled"] for frame in visited.frames)


def test_nothing_is_wider_than_a_phone_or_a_screen(visited: Visit) -> None:
    assert [frame["width"] for frame in visited.frames] == [360, 1400]
    for frame in visited.frames:
        assert frame["scrollWidth"] <= frame["width"]
        assert frame["wide"] == []


def test_every_link_resolves_and_opens_the_sql_that_it_names(visited: Visit) -> None:
    for frame in visited.frames:
        assert frame["links"] > 20
        assert frame["dead"] == []
        assert frame["closed"] == []


def test_the_probe_notices_what_it_looks_for(chromium: str, tmp_path: Path) -> None:
    found = visit(
        chromium,
        tmp_path,
        '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">'
        "<script>1</script><img src='/asked.png'><img src='http://elsewhere.invalid/x.png'>"
        "<div style='width:3000px'>wide</div><a href='#sql-gone'>dead</a>"
        "<a href='#sql-a'>closed</a><div id='sql-a'><details><pre>SQL</pre></details></div>",
    )
    assert "/asked.png" in found.requests
    assert any("elsewhere.invalid" in url for url in found.elsewhere)
    assert found.console
    for frame in found.frames:
        assert frame["scrollWidth"] > frame["width"]
        assert frame["dead"] == ["#sql-gone"]
        assert frame["closed"] == ["#sql-gone", "#sql-a"]
