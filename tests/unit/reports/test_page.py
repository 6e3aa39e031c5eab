from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.tenant import Tenant
from cci_lite.deploy.tenants import put_form, put_tenant
from cci_lite.errors import UsageError
from cci_lite.laptop import create_lake
from cci_lite.reports import numbers
from cci_lite.reports.page import report_page
from tests.unit.reports.lakes import (
    CRITERIA,
    FAIL,
    GENERATED_AT,
    MONDAY,
    NA,
    PASS,
    TENANT,
    UNSCORED,
    Call,
    calls_of,
    lake_of,
)
from tests.unit.reports.pages import Element, read_html

WEEK = dt.timedelta(days=7)
HOSTILE = "</script><img src=x onerror=alert(1)> & \"quoted\" 'text'"

CALLS = [
    *calls_of("a1", 8, 4, name="Ann Able", team="Red"),
    *calls_of("a2", 11, 1, name="Bob Baker", team="Blue"),
    *calls_of("a3", 1, 2, name="Cleo Cole"),
    *calls_of(None, 5, 6),
    *[Call(MONDAY - WEEK, "a1", (PASS, NA, FAIL), name="Ann Able")] * 3,
    Call(MONDAY, "a1", (UNSCORED, PASS, PASS)),
    Call(MONDAY, "a1", (NA, NA, NA)),
    Call(MONDAY, "a1", None),
    *calls_of("a1", 9, 3, MONDAY + WEEK, version=2, name="Ann Able"),
    Call(MONDAY, "a1", (FAIL, PASS, PASS), claimed={"percentage": 100}),
]
BROKEN = {"broken-1": b'{"tenant_id": ', "broken-2": b"", "broken-3": b'["a list"]'}

PageOf = Callable[..., Element]


@pytest.fixture
def page_of(tmp_path: Path) -> PageOf:
    """Reads the page of a lake with these calls."""

    def page(calls: list[Call], *, name: str = "Demo & Sons", **options: object) -> Element:
        with lake_of(tmp_path, calls, **options) as query:
            return read_html(
                report_page(query, TENANT, tenant_name=name, generated_at=GENERATED_AT)
            )

    return page


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    with lake_of(tmp_path_factory.mktemp("lake"), CALLS, broken=BROKEN) as query:
        return report_page(query, TENANT, tenant_name="Demo & Sons", generated_at=GENERATED_AT)


@pytest.fixture(scope="module")
def page(html: str) -> Element:
    return read_html(html)


def section(page: Element, name: str) -> Element:
    return page.one("section", id=name)


def tile(page: Element, title: str) -> tuple[str, str]:
    (found,) = (each for each in page.all("div", class_="tile") if title in each.one("dt").text)
    big, sub = list(found.all("dd"))
    return big.text, sub.text


def cells(row: Element) -> list[str]:
    return [cell.text for cell in row.all("td", "th")]


def rows_of(table: Element) -> list[Element]:
    return list(table.one("tbody").all("tr"))


# -- the numbers


def verdict_counts(calls: list[Call], *, version: int | None = None) -> Counter[tuple[str, str]]:
    """How often each criterion got each verdict, counted from the calls."""
    return Counter(
        (str(criterion["id"]), verdict)
        for call in calls
        if call.verdicts is not None and version in (None, call.version)
        for criterion, verdict in zip(CRITERIA, call.verdicts, strict=True)
    )


def points(calls: list[Call]) -> tuple[float, float]:
    """Points scored and attainable, counted from the calls."""
    weights = [float(str(criterion["weight"])) for criterion in CRITERIA]
    judged = [
        (weight, verdict)
        for call in calls
        for weight, verdict in zip(weights, call.verdicts or (), strict=False)
    ]
    scored = sum(weight for weight, verdict in judged if verdict == PASS)
    return scored, scored + sum(weight for weight, verdict in judged if verdict == FAIL)


def test_the_tiles_equal_what_is_counted_from_the_calls(page: Element) -> None:
    scored, attainable = points(CALLS)
    verdicts = Counter(verdict for call in CALLS for verdict in call.verdicts or ())
    evaluated = verdicts[PASS] + verdicts[FAIL]
    assert tile(page, "Weighted QA") == (
        numbers.points(100 * scored / attainable),
        f"{numbers.plain(scored)} of {numbers.plain(attainable)} points, 55 scored calls, "
        "2 form versions together",
    )
    assert tile(page, "Criteria passed") == (
        numbers.percent(verdicts[PASS] / evaluated),
        f"{verdicts[PASS]} of {evaluated} verdicts; {verdicts[NA]} not applicable, "
        f"{verdicts[UNSCORED]} unscored",
    )
    # (pass, na, fail) is 1 of 1.5 points, below the threshold of 0.7: a fail
    assert tile(page, "Calls passed") == ("34", f"{numbers.percent(34 / 54)} of 54 evaluated")
    assert tile(page, "Calls failed") == ("20", f"{numbers.percent(20 / 54)} of 54 evaluated")
    assert tile(page, "For review")[0] == "1"
    assert tile(page, "Not evaluated")[0] == "2"


@pytest.mark.parametrize("version", [1, 2])
def test_the_criteria_equal_what_is_counted_from_the_verdicts(page: Element, version: int) -> None:
    counts = verdict_counts(CALLS, version=version)
    (details,) = (
        each
        for each in section(page, "criteria").all("details")
        if each.one("h3").text == f"support v{version}"
    )
    found = {}
    for row in rows_of(details.one("table")):
        _, rate, _, failed, passed, na, unscored = cells(row)
        found[row.one("code").text] = (rate.split(" (")[0], failed, passed, na, unscored)
    assert found == {
        name: (
            numbers.percent(counts[name, FAIL] / (counts[name, FAIL] + counts[name, PASS])),
            *(str(counts[name, verdict]) for verdict in (FAIL, PASS, NA, UNSCORED)),
        )
        for name in ("greet", "verify", "close")
    }


def test_criteria_stand_worst_first_and_those_never_evaluated_last(page_of: PageOf) -> None:
    page = page_of([Call(MONDAY, "a", (NA, PASS, FAIL))])
    rows = rows_of(section(page, "criteria").one("table"))
    assert [row.one("code").text for row in rows] == ["close", "verify", "greet"]
    dash = rows[-1].one("td", class_="rate").one("span")
    assert (dash.text, dash.attributes["title"]) == ("\N{EN DASH}", "nothing was evaluated")


def test_a_bar_is_as_long_as_its_rate_and_its_whisker_as_the_interval(page_of: PageOf) -> None:
    page = page_of(calls_of("a", 3, 1))
    row = rows_of(section(page, "criteria").one("table"))[0]
    fill = row.one("rect", class_="fill")
    low, high = re.findall(r"[\d.]+", row.one("span", class_="ci").text)
    whisker = list(row.all("line", class_="whisker"))[1].attributes
    assert fill.attributes["width"] == "25.00%"
    assert f"{float(whisker['x1'][:-1]):.1f}" == low
    assert f"{float(whisker['x2'][:-1]):.1f}" == high


def test_a_cell_of_the_heat_map_shows_rate_and_n_or_only_n_when_there_are_too_few(
    page: Element,
) -> None:
    table = list(section(page, "agents").all("table"))[1]
    assert table.one("caption").text.endswith("support v1")
    rows = {next(row.one("th").all("bdi")).text: cells(row)[2:] for row in rows_of(table)}
    assert list(rows) == ["Ann Able", "Bob Baker", "Cleo Cole", "calls without an agent"]
    # 12 calls of a1, 3 of the week before (close fails), 1 unscored greeting, 1 na, 1 claimed
    assert rows["Ann Able"] == ["31.3 %n=16", "0.0 %n=14", "17.6 %n=17"]
    assert rows["Cleo Cole"] == ["n=32 failed", "n=30 failed", "n=30 failed"]
    assert rows["calls without an agent"][0] == "54.5 %n=11"


def test_the_trend_has_a_week_for_each_form_version_and_marks_the_new_version(
    page: Element,
) -> None:
    trend = section(page, "trend")
    table = trend.one("table")
    found = [(cells(row)[0], cells(row)[1], cells(row)[6]) for row in rows_of(table)]
    v1 = [call for call in CALLS if call.version == 1 and call.verdicts]
    before, after = (
        points([call for call in v1 if call.day == day]) for day in (MONDAY - WEEK, MONDAY)
    )
    assert found == [
        ("27 Oct 2025", "support v1", numbers.points(100 * before[0] / before[1])),
        ("3 Nov 2025", "support v1", numbers.points(100 * after[0] / after[1])),
        ("10 Nov 2025", "support v2", numbers.points(100 * (9 * 3.5 + 3 * 2.5) / (12 * 3.5))),
    ]
    assert "v2 from 10 Nov" in trend.text


def test_the_leaderboard_is_that_of_the_latest_week(page: Element) -> None:
    board = section(page, "leaderboard")
    assert "10 Nov 2025 to 16 Nov 2025" in board.text
    (row,) = rows_of(board.one("table"))
    assert row.one("td", class_="formname").text == "support v2"
    assert "3 of 12" in row.text


def test_the_balance_sheet_and_the_period_stand_at_the_top(page: Element) -> None:
    header = page.one("header")
    assert header.one("h1").text == "Demo & Sons"
    lead = header.one("p", class_="lead").text
    assert lead.startswith(f"{len(CALLS)} calls from 27 Oct 2025 to 10 Nov 2025. Data as of ")
    terms = [(term.one("dt").text, term.one("dd").text) for term in header.one("dl").all("div")]
    assert terms == [
        ("documents", str(len(CALLS) + 3)),
        ("calls", f"= {len(CALLS)}"),
        ("superseded", "+ 0"),
        ("quarantined", "+ 3"),
        ("discarded", "+ 0"),
        ("erased", "+ 0"),
    ]
    assert "The balance adds up" in header.text


def test_a_balance_that_does_not_add_up_is_said(tmp_path: Path) -> None:
    with lake_of(tmp_path, CALLS[:1]) as query:

        def unbalanced(sql: str) -> pa.Table:
            table = query(sql)
            if "is_balanced" not in sql:
                return table
            place = table.schema.get_field_index("is_balanced")
            return table.set_column(place, "is_balanced", pa.array([False]))

        page = read_html(
            report_page(unbalanced, TENANT, tenant_name="Demo", generated_at=GENERATED_AT)
        )
    assert "The balance does not add up" in page.one("header").text


def test_the_quarantine_shows_where_and_what_was_expected_and_never_the_content(
    page: Element, html: str
) -> None:
    quarantine = section(page, "quarantine")
    assert "3 documents broke the contract" in quarantine.text
    assert [cells(row)[3] for row in rows_of(quarantine.one("table"))] == [
        "broken-1.json",
        "broken-2.json",
        "broken-3.json",
    ]
    assert "a list" not in html


def test_calls_that_wait_for_review_are_counted_with_their_reasons(page: Element) -> None:
    review = section(page, "review")
    assert review.one("strong").text == "1 call"
    assert review.one("ul").one("li").text == "1 unscored_required:greet since 3 Nov 2025"


# -- claims


def test_the_guides_document_claimed_71_and_its_form_gives_55_56(
    tmp_path: Path, shared: Path
) -> None:
    guide = next((shared / "guide").iterdir()).read_text(encoding="utf-8")
    blocks = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    text = next(block for block in blocks if '"percentage": 71' in block)
    printed = json.loads(text)
    form = next(json.loads(block) for block in blocks if '"weight"' in block)
    lake = create_lake(tmp_path)
    put_tenant(lake.catalog, Tenant(tenant_id=TENANT, name=TENANT))
    put_form(lake.catalog, TENANT, parse_draft(form))
    lake.store.write(
        f"unified/{TENANT}/2025/11/05/{printed['call_id']}.json", json.dumps(printed).encode()
    )
    assert lake.run_etl(workers=1).succeeded
    with lake.reader(TENANT) as query:
        page = read_html(report_page(query, TENANT, tenant_name="Demo", generated_at=GENERATED_AT))
    note = page.one("aside")
    assert note.one("strong").text == "1 document claimed 71 %, its form gives 55.56 %."
    assert (
        "claimed 71 % (2.5 of 3.5 points), its form gives 55.56 % (2.5 of 4.5 points)" in note.text
    )
    assert tile(page, "Weighted QA") == ("55.6 %", "2.5 of 4.5 points, 1 scored call")
    assert tile(page, "Calls failed") == ("1", "100.0 % of 1 evaluated")


def test_several_claims_are_counted_and_the_widest_apart_come_first(page_of: PageOf) -> None:
    claims = [71, 99, 100, 80, 50, 60, 70]
    calls = [
        Call(MONDAY, "a", (PASS, PASS, PASS), claimed={"percentage": claim}) for claim in claims
    ]
    note = page_of(calls).one("aside")
    assert note.one("strong").text == "6 documents claimed another score than their form gives."
    assert "Documents with a claimed percentage: 7." in note.text
    found = [re.search(r"claimed (\d+) %", item.text) for item in note.one("ul").all("li")]
    assert [match[1] for match in found if match] == ["50", "60", "70", "71", "80"]


def test_a_claim_without_a_percentage_is_shown_by_its_points(page_of: PageOf) -> None:
    claimed = {"total_score": 3.0, "max_score": 3.5}
    note = page_of([Call(MONDAY, "a", (PASS, PASS, PASS), claimed=claimed)]).one("aside")
    assert "claimed 3 of 3.5 points, its form gives 3.5 of 3.5 points" in note.text


def test_claims_that_agree_are_not_mentioned(page_of: PageOf) -> None:
    page = page_of([Call(MONDAY, "a", (PASS, PASS, PASS), claimed={"percentage": 100})])
    assert not list(page.all("aside"))


# -- where the numbers come from


def test_every_number_is_a_link_to_its_sql(page: Element) -> None:
    shown = [
        (text, holder)
        for region in [page.one("header"), *page.all("td"), *page.all("dd"), *page.all("aside")]
        for text, holder in region.texts()
        if re.search(r"\d", text) and not holder.is_within("code")
    ]
    assert len(shown) > 150
    for text, holder in shown:
        link = holder
        while link.tag != "a" and link.parent is not None:
            link = link.parent
        is_name = holder.tag == "bdi" or "expected" in text
        assert is_name or link.attributes.get("href", "").startswith("#sql-"), text


def test_every_link_leads_to_a_place_on_the_page_and_every_statement_back(page: Element) -> None:
    places = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
    assert len(places) == len(set(places))
    targets = {link.attributes["href"] for link in page.all("a")}
    assert {target for target in targets if target.removeprefix("#") not in places} == set()
    statements = {place for place in places if place.startswith("sql-")}
    assert statements == {target[1:] for target in targets if target.startswith("#sql-")}
    for article in page.all("article"):
        (back,) = (a.attributes["href"] for a in article.all("a"))
        assert not back.startswith("#sql-")
        assert f"--tenant {TENANT}" in article.text


def test_the_sql_that_is_shown_is_the_sql_that_was_run(tmp_path: Path) -> None:
    run = []
    with lake_of(tmp_path, CALLS) as query:

        def recorded(sql: str) -> pa.Table:
            run.append(sql)
            return query(sql)

        html = report_page(recorded, TENANT, tenant_name="Demo", generated_at=GENERATED_AT)
    shown = [
        next(iter(pre.texts()))[0]
        for article in read_html(html).all("article")
        for pre in article.all("pre")
    ]
    assert sorted(shown) == sorted(set(run))


# -- what others wrote


def test_hostile_names_and_questions_are_text_and_nothing_else(page_of: PageOf) -> None:
    criteria = [{**CRITERIA[0], "text": HOSTILE}, *CRITERIA[1:]]
    calls = calls_of("x", 5, 6, name=HOSTILE, team=HOSTILE)
    page = page_of(calls, name=HOSTILE, criteria=criteria)
    assert page.one("h1").text == HOSTILE
    assert HOSTILE in section(page, "criteria").text
    assert HOSTILE in section(page, "agents").text
    assert HOSTILE in section(page, "leaderboard").text
    assert not list(page.all("script", "img", "iframe", "object", "embed", "form", "base"))
    handlers = {name for each in page.all() for name in each.attributes if name.startswith("on")}
    assert handlers == set()


def test_what_a_name_hides_is_shown_on_the_page(page_of: PageOf) -> None:
    page = page_of(calls_of("x", 1, 0, name="a\x1b[2J\u202eb"), name="n\x00\u2066m")
    assert page.one("h1").text == r"n\x00\u2066m"
    assert r"a\x1b[2J\u202eb" in page.text
    assert not re.search(r"[\x00-\x08\x1b\u202a-\u202e\u2066-\u2069]", page.text)


def test_rows_of_another_tenant_are_refused() -> None:
    def of_another_tenant(_: str) -> pa.Table:
        return pa.table({"tenant_id": ["acme"]})

    with pytest.raises(UsageError, match="found rows of tenant 'acme'"):
        report_page(of_another_tenant, TENANT, tenant_name="Demo", generated_at=GENERATED_AT)


# -- the file


def test_the_page_asks_nothing_of_a_network_and_runs_nothing(page: Element, html: str) -> None:
    assert not list(page.all("script", "img", "iframe"))
    assert {link.attributes["href"] for link in page.all("link")} == {"data:,"}
    assert not re.search(r"https?://|url\(|@import|javascript:", html)
    assert not [each for each in page.all() if "style" in each.attributes]
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_same_data_and_moment_give_the_same_bytes(tmp_path: Path) -> None:
    with lake_of(tmp_path, CALLS) as query:
        first, second = (
            report_page(query, TENANT, tenant_name="Demo", generated_at=GENERATED_AT)
            for _ in range(2)
        )
    assert first == second


def test_tables_have_captions_and_headings_follow_each_other(page: Element) -> None:
    for table in page.all("table"):
        assert table.one("caption").text
        assert all("scope" in head.attributes for head in table.all("th"))
    levels = [int(head.tag[1]) for head in page.all("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.one("html").attributes["lang"] == "en"


# -- lakes that have little or much


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ([], "There are no calls in this lake yet."),
        ([Call(MONDAY, "a", None)], "No call was judged against criteria here."),
        ([Call(MONDAY, None, (NA, NA, NA))], "No week has a scored call yet."),
    ],
    ids=["no calls", "no evaluation", "nothing applies"],
)
def test_a_lake_with_nothing_to_rate_says_so_and_shows_no_rate(
    page_of: PageOf, calls: list[Call], said: str
) -> None:
    page = page_of(calls)
    assert said in page.text
    assert tile(page, "Weighted QA") == ("\N{EN DASH}", "no call has been scored")
    assert "No week has evaluated calls yet." in section(page, "leaderboard").text
    rates = {text for text, _ in page.one("main").texts() if re.search(r"\d %", text)}
    legend = {"0.0 %", "100 %"}
    assert not {text for text in rates if re.fullmatch(r"\d+\.\d %", text.strip())} - legend


def test_the_current_version_of_a_form_is_open_and_earlier_ones_are_folded(page: Element) -> None:
    forms = section(page, "criteria").all("details")
    assert {form.one("h3").text: "open" in form.attributes for form in forms} == {
        "support v2": True,
        "support v1": False,
        "no form named": True,
    }


def test_one_call_makes_a_page(page_of: PageOf) -> None:
    page = page_of([Call(MONDAY, "a", (PASS, FAIL, PASS))])
    assert "1 call on 3 Nov 2025." in page.one("header").text
    assert "n=1" in section(page, "agents").text
    assert len(list(section(page, "trend").all("svg", class_="mark"))) == 1


def test_many_agents_and_criteria_are_cut_and_the_page_says_so(page_of: PageOf) -> None:
    criteria = [
        {"id": f"criterion_{number:03d}", "text": f"Did they do thing {number}?", "weight": 1}
        for number in range(100)
    ]
    calls = [
        Call(MONDAY, f"agent-{agent:03d}", (FAIL if agent % 3 else PASS,) * 100)
        for agent in range(300)
    ]
    page = page_of(calls, criteria=criteria)
    assert (
        "Shown: the 40 agents with the most calls, of 300; the 24 criteria that fail most, of 100."
        in section(page, "agents").text
    )
    assert len(rows_of(section(page, "agents").one("table"))) == 40
    assert len(rows_of(section(page, "criteria").one("table"))) == 100
    assert "Shown: the first 50 of 300 agents." in section(page, "leaderboard").text
    assert len(rows_of(section(page, "leaderboard").one("table"))) == 50


# -- colours


def _luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_stands_out_from_what_is_behind_it(html: str, theme: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", html, re.DOTALL)
    colours: dict[str, str] = {}
    for block in (blocks[0], blocks[theme]):
        for name, colour in re.findall(r"--([\w-]+): (#\w+);", block):
            full = colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])
            colours[name] = full
    behind_ink = ["paper", "card", "note", "h0", "h1", "h2", "h3", "h4"]
    pairs = [("ink", name) for name in behind_ink]
    pairs += [("muted", name) for name in ("paper", "card", "few", "hatch", "note")]
    pairs += [(name, place) for name in ("link", "good", "bad") for place in ("paper", "card")]
    ratios = {pair: _contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    weak = {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5}
    assert weak == {}
