"""The double answers as the documents say."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from mpstock.testing import VirtualClock
from mpstock_moysklad.simulator import MoyskladSimulator
from tests.moysklad.account import BASE, TOKEN, URL

LEVELS: dict[tuple[str, str], int | str] = {("A", "main"): 5, ("A", "Юг"): "2.5", ("ZERO", "main"): 0}
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "gzip"}


class Caller:
    """Asks the double as any client does."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.double = MoyskladSimulator(LEVELS, token=TOKEN, clock=self.clock)
        self.double.settings(URL)

    def __call__(self, path: str, **headers: str) -> httpx.Response:
        return self.all([path], **headers)[0]

    def all(self, paths: list[str], **headers: str) -> list[httpx.Response]:
        """Ask all at once."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def ask() -> list[httpx.Response]:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.double)) as client:
                given = {**HEADERS, **named}
                return await asyncio.gather(*(client.get(BASE + path, headers=given) for path in paths))

        return asyncio.run(ask())

    def report(self, query: str = "", report: str = "bystore") -> dict[Any, Any]:
        """The short report: numbers by article and store's name."""
        account = self.double.account
        found = {}
        for row in self(f"/report/stock/{report}/current{query}").json():
            names = {"assortmentId", "storeId"}
            (number,) = [value for key, value in row.items() if key not in names]
            good = account.goods.get(row["assortmentId"])
            store = account.stores.get(row.get("storeId"))
            found[good.article if good else None, store.name if store else None] = number
        return found


@pytest.mark.parametrize("coding", ["", "identity", "br", "deflate"])
def test_no_gzip_no_answer(coding: str) -> None:
    """415, and nothing in it."""
    answer = Caller()("/entity/store", Accept_Encoding=coding)
    assert (answer.status_code, answer.content) == (415, b"")


def test_lists_of_codings_pass_unless_told_otherwise() -> None:
    """Clients that send `gzip, deflate` are in use; the documents do not speak of lists."""
    caller = Caller()
    assert caller("/entity/store", Accept_Encoding="gzip, deflate, br").status_code == 200
    caller.double.gate.gzip_alone = True
    assert caller("/entity/store", Accept_Encoding="gzip, deflate, br").status_code == 415


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/json", 200),
        ("application/json;charset=utf-8", 200),
        ("application/json; charset=UTF-8", 200),
        ("text/html", 400),
    ],
)
def test_accept_is_looked_at(accept: str, status: int) -> None:
    """Error 1062."""
    answer = Caller()("/entity/store", Accept=accept)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["errors"][0]["code"] == 1062


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", {("A", "main"): 5, ("A", "Юг"): 2.5}),
        ("?stockType=freeStock", {("A", "main"): 2, ("A", "Юг"): 2.5, ("A", None): -4}),
        ("?stockType=reserve", {("A", "main"): 3, ("A", None): 4}),
        ("?stockType=inTransit", {("A", "Юг"): 7}),
        ("?stockType=quantity", {("A", "main"): 2, ("A", "Юг"): 9.5, ("A", None): -4}),
        ("?include=zeroLines", {("A", "main"): 5, ("A", "Юг"): 2.5, ("A", None): 0, ("ZERO", "main"): 0}),
    ],
)
def test_short_report_by_store(query: str, numbers: dict[Any, Any]) -> None:
    """The key of the number is the stock type; zeros are left out unless asked for."""
    caller = Caller()
    caller.double.reserve("A", 3)
    caller.double.reserve("A", 4, None)
    caller.double.expect("A", 7, "Юг")
    assert caller.report(query) == numbers


def test_short_report_of_all_adds_up() -> None:
    """Orders without a store too."""
    caller = Caller()
    caller.double.reserve("A", 4, None)
    assert caller.report("?stockType=freeStock", "all") == {("A", None): 3.5}


def test_filter_by_ids_in_every_way_of_writing() -> None:
    """Comma, semicolon, and the parameter repeated."""
    caller = Caller()
    goods, stores = caller.double.account.goods, caller.double.account.stores
    a, zero = goods
    main, south = stores
    for query in (
        f"assortmentId={a},{zero}",
        f"assortmentId={a};assortmentId={zero}",
        f"assortmentId={a}&filter=assortmentId={zero}",
    ):
        assert len(caller.report(f"?include=zeroLines&filter={query}")) == 3
    assert caller.report(f"?filter=assortmentId={a};storeId={south}") == {("A", "Юг"): 2.5}
    assert caller.report(f"?filter=storeId={main}") == {("A", "main"): 5}


def test_changed_since_tells_current_numbers_with_zeros() -> None:
    """Not the difference; and 0 of what was archived or deleted since."""
    caller = Caller()
    caller.double.set_level("B", 1)
    caller.clock.advance(3600)
    caller.double.set_level("A", 0)
    caller.double.archive("ZERO")
    caller.double.delete("B")
    found = caller.report("?changedSince=2026-01-12 12:30:00")
    assert found == {("A", "main"): 0, ("ZERO", "main"): 0, (None, "main"): 0}


@pytest.mark.parametrize("since", ["2026-01-11 11:59:59", "2026-01-12 12:00:01", "2026-01-12T12:00:00", "x"])
def test_changed_since_has_its_bounds(since: str) -> None:
    """24 hours back at most, not in the future, in the vendor's own format, in Moscow time."""
    assert Caller()(f"/report/stock/bystore/current?changedSince={since}").status_code == 400


def test_what_is_recalculated_is_left_out_or_null() -> None:
    """Only the report by store can tell it."""
    caller = Caller()
    caller.double.recalculate("A")
    assert caller.report() == {}
    assert caller.report("?withRecalculate=true") == {("A", "main"): None, ("A", "Юг"): None}
    assert caller.report("?withRecalculate=true&include=zeroLines", "all") == {("ZERO", None): 0}


def test_archived_and_unmoved_goods_are_in_no_report() -> None:
    """Nor in the list of goods, unless asked for."""
    caller = Caller()
    caller.double.add_good("new", article="N")
    caller.double.archive("A")
    assert caller.report("?include=zeroLines") == {("ZERO", "main"): 0}
    listed = [row["article"] for row in caller("/entity/assortment").json()["rows"]]
    assert listed == ["ZERO", "N"]
    both = caller("/entity/assortment?filter=archived=false;archived=true").json()["rows"]
    assert {row["article"]: row["archived"] for row in both} == {"A": True, "ZERO": False, "N": False}


def test_assortment_with_and_without_stock() -> None:
    """By the header the fields of stock are left out, and some filters no longer work."""
    caller = Caller()
    old = caller("/entity/assortment").json()["rows"][0]
    header = {"X_Lognex_Remap_Beta_Feature": "assortmentWithoutStock"}
    new = caller("/entity/assortment", **header).json()["rows"][0]
    assert old["stock"] == 7.5
    assert set(old) - set(new) == {"stock", "reserve", "inTransit", "quantity"}
    assert caller("/entity/assortment?filter=article=A", **header).status_code == 400


def test_pages_lead_on_and_back() -> None:
    """`nextHref` keeps the filter; a page has at most a thousand rows."""
    caller = Caller()
    for number in range(5):
        caller.double.add_good(f"n{number}", article=f"N{number}")
    first = caller("/entity/assortment?limit=3&filter=updated>=2026-01-12 12:00:00").json()
    assert (first["meta"]["size"], len(first["rows"])) == (5, 3)
    second = caller(first["meta"]["nextHref"].removeprefix(BASE)).json()
    assert [row["article"] for row in second["rows"]] == ["N3", "N4"]
    assert "nextHref" not in second["meta"]
    assert "offset=0" in second["meta"]["previousHref"]
    assert caller("/entity/assortment?limit=5000").json()["meta"]["limit"] == 1000


def test_expand_works_on_small_pages_only() -> None:
    """Above a hundred rows it is left out without a word."""
    caller = Caller()
    bundle = caller.double.add_bundle("SET", {"A": 2})
    small = caller("/entity/bundle?expand=components&limit=100").json()["rows"][0]["components"]
    large = caller("/entity/bundle?expand=components&limit=101").json()["rows"][0]["components"]
    assert small["rows"][0]["quantity"] == 2
    assert "rows" not in large
    assert caller(f"/entity/bundle/{bundle}/components").json()["rows"] == small["rows"]
    assert caller("/entity/bundle/nothing/components").json()["errors"][0]["code"] == 1021


def test_limits_are_counted_in_units() -> None:
    """Eleven requests of four units in three seconds; the twelfth is told how long to wait."""
    caller = Caller()
    caller.double.gate.weight = 4
    answers = [caller("/entity/store") for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 11 + [429]
    assert answers[0].headers["x-ratelimit-limit"] == "11"
    assert answers[0].headers["x-lognex-retry-timeinterval"] == "3000"
    assert answers[10].headers["x-ratelimit-remaining"] == "0"
    assert answers[11].json()["errors"][0]["code"] == 1049
    assert 0 < int(answers[11].headers["x-lognex-retry-after"]) <= 3000
    assert "retry-after" not in answers[11].headers


@pytest.mark.parametrize(("path", "most"), [("/report/stock/all", 9), ("/report/stock/all/current", 45)])
def test_full_reports_are_dear(path: str, most: int) -> None:
    """Five units each, whoever asks; the short ones cost what all others do."""
    caller = Caller()
    caller.double.gate.weight = 1
    statuses = [caller(path).status_code for _ in range(most + 1)]
    assert statuses == [200] * most + [429]


def test_more_than_five_at_once_are_refused() -> None:
    """1073, and the headers say nothing of it."""
    caller = Caller()
    caller.double.delay = 1
    answers = caller.all(["/report/stock/all/current"] * 7)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert [answer.json()["errors"][0]["code"] for answer in refused] == [1073, 1073]
    assert not [name for name in refused[0].headers if name.startswith(("x-lognex", "x-ratelimit"))]


def test_who_goes_on_is_barred() -> None:
    """More than 200 answers of 429 in a minute end the user's access, until support restores it."""
    caller = Caller()
    caller.double.gate.weight = 45
    statuses = [caller("/entity/store").status_code for _ in range(203)]
    assert statuses[:3] == [200, 429, 429]
    assert (statuses[-2], statuses[-1]) == (429, 403)
    caller.clock.advance(600)
    assert caller("/entity/store").json()["errors"][0]["code"] == 1061
    caller.double.gate.banned = False
    assert caller("/entity/store").status_code == 200


def test_full_reports_have_pages() -> None:
    """`?expand=…` at the end of each link; every store of the account with each good."""
    caller = Caller()
    whole = caller("/report/stock/all").json()
    assert whole["rows"][0]["meta"]["href"].endswith("?expand=supplier")
    assert whole["rows"][0]["quantity"] == 7.5
    by_store = caller("/report/stock/bystore").json()["rows"][0]
    assert {one["name"]: one["stock"] for one in by_store["stockByStore"]} == {"main": 5, "Юг": 2.5}


def test_unknown_paths_and_parameters_are_told() -> None:
    """In the vendor's shape."""
    caller = Caller()
    assert caller("/entity/nothing").json()["errors"][0]["code"] == 1002
    assert caller("/report/stock/all/current?stockType=x").status_code == 400
    assert caller("/entity/store?filter=x").status_code == 400
    assert caller("/entity/store?limit=x").status_code == 400


def test_rows_that_no_account_has_can_be_injected() -> None:
    """For tests of what reads it: a number that is none, a row that comes twice."""
    caller = Caller()
    caller.double.inject("A", "нет данных", "Север")
    assert caller.report()["A", "Север"] == "нет данных"
    assert ("A", "Север") not in caller.report(report="all")


def test_levels_are_what_was_set() -> None:
    """The same number again is no change."""
    caller = Caller()
    caller.double.remove("A", "Юг")
    caller.double.set_level("A", 5)
    assert caller.double.levels == {("A", "main"): 5, ("ZERO", "main"): 0}
    assert caller.report("?changedSince=2026-01-12 11:59:00") == {}
    with pytest.raises(ValueError, match="no quantity"):
        caller.double.set_level("A", "NaN")
