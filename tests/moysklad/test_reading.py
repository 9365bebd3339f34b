"""What is asked for, in which order, and what a reading says."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mpstock import Level, Secret
from mpstock.errors import TransientError
from tests.moysklad.account import BASE, TOKEN, Told, World, good, page, row, store

LEVELS = {
    ("MUG", "main"): 12,
    ("MUG", "Юг"): 3,
    ("Кружка 2", "main"): "12345.5",
    ("LID", "main"): 0,
    ("BOX", "main"): -4,
}
HOUR = 3600


def test_first_read_tells_everything_that_is_free() -> None:
    """Free stock is what is on the shelf less what is reserved: signed, whole, by store."""
    world = World(LEVELS)
    world.double.reserve("MUG", 2)
    world.double.expect("MUG", 100)
    found = world.read()
    assert found.by_key == {
        ("MUG", "main"): 10,
        ("MUG", "Юг"): 3,
        ("Кружка 2", "main"): 12345,
        ("BOX", "main"): -4,
    }
    assert (found.last.complete, found.last.absent, found.last.holds_complete) == (True, "zero", True)


def test_report_is_asked_for_before_the_lists() -> None:
    """So every good that the report has is known by then."""
    world = World(LEVELS)
    world.read()
    assert world.asked == [
        "report/stock/bystore/current stockType=freeStock",
        "entity/store filter=archived=false;archived=true",
        "entity/assortment filter=archived=false;archived=true",
    ]


def test_requests_as_the_vendor_wants_them() -> None:
    """gzip and nothing else, Accept in full, blanks as %20, nulls for what is being recalculated."""
    told = Told([row("g1", 5)], [good("g1", "A")], [store("s1", "main")])
    cursor = told.read().cursor
    told.clock.advance(600)
    told.read(cursor)
    report, _, goods, changed, again, _ = told.requests
    for request in told.requests:
        assert request.method == "GET"
        assert request.headers["accept-encoding"] == "gzip"
        assert request.headers["accept"] == "application/json;charset=utf-8"
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert dict(report.url.params) == {"stockType": "freeStock", "withRecalculate": "true"}
    assert b"changedSince=2026-01-12%2011:55:00" in changed.url.query
    for request in (goods, again):
        assert request.headers["x-lognex-remap-beta-feature"] == "assortmentWithoutStock"
        assert request.url.params["limit"] == "1000"
    assert "article" not in again.url.params["filter"]


def test_login_and_password_are_sent_as_basic() -> None:
    """A login instead of a token; Cyrillic passwords as UTF-8."""
    told = Told([], login="admin@shop", password=Secret("Пароль: да"))
    told.read()
    kind, _, given = told.requests[0].headers["authorization"].partition(" ")
    assert (kind, base64.b64decode(given).decode()) == ("Basic", "admin@shop:Пароль: да")


def test_no_token_is_ever_asked_for() -> None:
    """`POST /security/token` revokes the user's other tokens: neither reading nor checking sends it."""
    world = World(LEVELS)
    world.double.add_bundle("SET", {"MUG": 1})
    world.read()
    world.check()
    assert {(one.method, "security" in one.path) for one in world.double.requests} == {("GET", False)}


def test_what_changed_is_asked_for_in_moscow_time_with_an_overlap() -> None:
    """09:00 UTC is 12:00 in Moscow; the overlap goes five minutes further back."""
    world = World(LEVELS)
    cursor = world.read().cursor
    world.clock.advance(600)
    world.double.set_level("MUG", 7)
    world.asked.clear()
    found = world.read(cursor)
    assert world.asked == [
        "report/stock/bystore/current stockType=freeStock changedSince=2026-01-12 11:55:00",
        "entity/assortment filter=updated>=2026-01-12 11:55:00;archived=false;archived=true",
    ]
    assert found.by_key == {("MUG", "main"): 7}
    assert not found.last.complete


def test_zero_is_among_the_changes() -> None:
    """What was sold out since is told as 0, although a full report leaves zeros out."""
    world = World(LEVELS)
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.set_level("MUG", 0, "Юг")
    assert world.read(cursor).by_key == {("MUG", "Юг"): 0}


def test_everything_is_read_again_every_hour() -> None:
    """Whether `changedSince` reacts to a reserve alone is not documented; a full read does."""
    world = World(LEVELS)
    first = world.read().cursor
    world.clock.advance(HOUR / 2)
    world.double.reserve("MUG", 5)
    second = world.read(first)
    assert (second.levels, second.last.complete) == ([], False)
    world.clock.advance(HOUR / 2)
    third = world.read(second.cursor)
    assert third.by_key["MUG", "main"] == 7
    assert third.last.complete


@pytest.mark.parametrize(("hours", "full"), [(23.8, False), (24.0, True), (30.0, True)])
def test_changes_of_more_than_a_day_are_not_asked_for(hours: float, full: bool) -> None:
    """МойСклад tells changes of 24 hours, overlap included; beyond, everything is read."""
    world = World(LEVELS, full_every=timedelta(days=7), goods_every=timedelta(days=7))
    cursor = world.read().cursor
    world.clock.advance(hours * HOUR)
    assert world.read(cursor).last.complete is full


def test_full_every_zero_reads_everything_always() -> None:
    """The setting's promise."""
    world = World(LEVELS, full_every=timedelta(0))
    assert world.read(world.read().cursor).last.complete


@pytest.mark.parametrize("cursor", ["", "yesterday", "[]", "{}", '{"as_of": 5}', "[" * 100_000])
def test_cursor_that_cannot_be_read_is_a_full_read(cursor: str) -> None:
    """A cursor of another version, or a damaged one, loses nothing."""
    assert World(LEVELS).read(cursor).last.complete


def test_another_process_reads_everything() -> None:
    """What the ids mean is kept in memory: a process that starts anew does not go on from a cursor."""
    world = World(LEVELS)
    cursor = world.read().cursor
    assert world.another().read(cursor).last.complete
    assert not world.read(cursor).last.complete


def test_older_cursor_is_a_full_read() -> None:
    """A reading whose end the ledger did not keep may have told a new article: it is told again."""
    world = World(LEVELS)
    first = world.read().cursor
    world.clock.advance(60)
    world.read(first)
    assert world.read(first).last.complete


def test_read_that_failed_is_followed_by_a_full_one() -> None:
    """What the lists said before the failure may not have been told yet."""
    world = World(LEVELS)
    cursor = world.read().cursor
    world.double.add_fault(path="/api/remap/1.2/entity/assortment", status=400, body=b"{}")
    with pytest.raises(Exception, match="refused with 400"):
        world.read(cursor)
    assert world.read(cursor).last.complete


def test_clock_that_was_set_back_is_a_full_read() -> None:
    """Changes from a moment to come are not asked for."""
    world = World(LEVELS)
    cursor = world.read().cursor
    world.clock.advance(-60)
    assert world.read(cursor).last.complete


def test_clock_that_is_ahead_reads_everything() -> None:
    """МойСклад refuses a `changedSince` of its future; the whole report is there all the same."""

    def report(request: httpx.Request) -> Any:
        if "changedSince" in request.url.params:
            return httpx.Response(400, json={"errors": [{"error": "Неверное значение", "code": 1014}]})
        return [row("g1", 5)]

    told = Told(report, [good("g1", "A")], [store("s1", "main")])
    found = told.read(told.read().cursor)
    assert (found.quantities, found.last.complete) == ({"A": 5}, True)


def test_as_of_is_when_the_first_request_began() -> None:
    """A number that was read is never newer than that; the lists may take their time."""
    world = World(LEVELS)
    world.double.delay = 30
    began = world.clock.now()
    assert world.read().last.as_of == began


def test_reading_comes_in_pages_and_the_last_one_says_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cursor, holds and completeness stand on the last page alone."""
    monkeypatch.setattr("mpstock_moysklad.source.PAGE", 50)
    world = World({(f"S-{number}", "main"): 1 for number in range(105)})
    found = world.read()
    assert [len(reading.levels) for reading in found.readings] == [50, 50, 5]
    assert [reading.complete for reading in found.readings] == [False, False, True]
    assert [reading.cursor is None for reading in found.readings] == [True, True, False]


def test_what_is_recalculated_is_unknown() -> None:
    """`null` is not 0; and until its number is there everything is read again, for nobody says when it is."""
    world = World(LEVELS)
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.recalculate("MUG")
    world.double.set_level("MUG", 99, "Юг")
    unknown = world.read(cursor)
    assert unknown.by_key == {("MUG", "Юг"): None}
    world.clock.advance(600)
    again = world.read(unknown.cursor)
    assert again.last.complete
    assert (again.by_key["MUG", "main"], again.by_key["MUG", "Юг"]) == (None, None)
    world.double.recalculate("MUG", done=True)
    world.clock.advance(600)
    known = world.read(again.cursor)
    assert known.by_key["MUG", "Юг"] == 99
    world.clock.advance(60)
    assert not world.read(known.cursor).last.complete


def test_empty_report_zeroes_nothing() -> None:
    """A user who may see nothing gets an empty array with 200."""
    found = Told([]).read()
    assert (found.levels, found.last.complete, found.last.absent) == ([], True, "unknown")
    assert "zeroes nothing" in found.problems[0].message


def test_empty_list_of_changes_is_nothing_special() -> None:
    """Most of the time nothing has changed."""
    world = World(LEVELS)
    found = world.read(world.read().cursor)
    assert (found.levels, found.problems) == ([], [])


def test_stock_and_reserve_are_two_reports() -> None:
    """Reserves are asked for first, so that what is shipped between the two is not counted as free."""
    world = World(LEVELS, stock_type="stock", reserve=True)
    world.double.reserve("MUG", "2.5")
    found = world.read()
    assert Level("MUG", "main", 12, 3) in found.levels
    assert Level("MUG", "Юг", 3) in found.levels
    assert world.asked[:2] == [
        "report/stock/bystore/current stockType=reserve",
        "report/stock/bystore/current stockType=stock",
    ]


def test_reserve_of_what_is_not_there_is_told() -> None:
    """The report of stock leaves zeros out; an order for what is sold out is below zero."""
    world = World({("MUG", "main"): 0}, stock_type="stock", reserve=True)
    world.double.reserve("MUG", 2)
    assert world.read().levels == [Level("MUG", "main", 0, 2)]


def test_changed_reserve_is_told_with_its_stock() -> None:
    """A change of either is a change of the level, and the level has both."""
    world = World(LEVELS, stock_type="stock", reserve=True)
    world.double.reserves_show = True
    cursor = world.read().cursor
    world.clock.advance(60)
    world.double.reserve("MUG", 5)
    assert Level("MUG", "main", 12, 5) in world.read(cursor).levels


def test_many_changes_are_read_as_a_whole() -> None:
    """Above a thousand goods to be asked for one by one, the whole report is the cheaper request."""
    levels: dict[Any, Any] = {(f"S-{number}", "main"): 1 for number in range(1100)}
    world = World(levels, stock_type="stock", reserve=True, unassigned_store="main")
    cursor = world.read().cursor
    world.clock.advance(60)
    for number in range(1100):
        world.double.set_level(f"S-{number}", 2)
    found = world.read(cursor)
    assert found.last.complete
    assert set(found.quantities.values()) == {2}


def test_pages_of_goods_are_followed() -> None:
    """By the vendor's own link, a thousand at a time, with the header on each page."""
    world = World({(f"S-{number}", "main"): 1 for number in range(2500)})
    assert len(world.read().levels) == 2500
    assert [one for one in world.asked if "assortment" in one] == [
        "entity/assortment filter=archived=false;archived=true",
        "entity/assortment filter=archived=false;archived=true offset=1000",
        "entity/assortment filter=archived=false;archived=true offset=2000",
    ]
    assert all(
        "assortmentWithoutStock" in r.headers.values() for r in world.double.requests if "assort" in r.path
    )


@pytest.mark.parametrize(
    "href",
    [
        "https://evil.example/api/remap/1.2/entity/assortment?offset=1",
        "http://api.moysklad.ru/api/remap/1.2/entity/assortment?offset=1",
        "https://api.moysklad.ru.evil.example/api/remap/1.2/entity/assortment",
        "https://api.moysklad.ru/api/remap/1.2/../../other",
        f"{BASE}/entity/assortment",
    ],
)
def test_next_page_elsewhere_is_not_asked_for(href: str) -> None:
    """The token goes to the API alone; and a page that leads to itself is an error, not a circle."""
    told = Told([row("g1", 5)], [], [store("s1", "main")])
    told.routes["/entity/assortment"] = page([good("g1", "A")], nextHref=href, size=2)
    with pytest.raises(Exception, match="next page"):
        told.read()
    assert {str(request.url.host) for request in told.requests} == {"api.moysklad.ru"}
    assert len([one for one in told.requests if "assortment" in one.url.path]) <= 2


def test_next_page_with_a_raw_blank_is_asked_for() -> None:
    """МойСклад writes blanks into links as they are."""
    told = Told([row("g2", 5)], [], [store("s1", "main")])
    pages = [
        page(
            [good("g1", "A")],
            nextHref=f"{BASE}/entity/assortment?filter=updated>=2026-01-01 00:00:00",
            size=2,
        ),
        page([good("g2", "B")], size=2),
    ]
    told.routes["/entity/assortment"] = lambda _: pages.pop(0)
    assert told.read().quantities == {"B": 5}
    assert b"%20" in told.requests[-1].url.query


def test_list_that_lost_rows_is_refused() -> None:
    """A good of a lost page would be taken for one that is not there."""
    told = Told([row("g1", 5)], [], [store("s1", "main")])
    told.routes["/entity/assortment"] = page([good("g1", "A")], size=3)
    with pytest.raises(Exception, match="3 rows, and only 1 came"):
        told.read()


def test_server_that_does_not_compress_is_read() -> None:
    """It happens, say the documents; what counts is Content-Encoding."""
    world = World(LEVELS)
    compressed = world.read().by_key
    world.double.compress = False
    assert world.another().read().by_key == compressed


def test_failure_in_the_middle_tells_nothing_as_complete() -> None:
    """The report came, the list of goods did not: no reading at all."""
    world = World(LEVELS)
    world.double.add_fault(path="/api/remap/1.2/entity/assortment", status=503, times=-1)
    with pytest.raises(TransientError):
        world.read()


def test_cursor_is_small_and_says_nothing_of_goods() -> None:
    """It is kept in the ledger; the map of a million goods is not."""
    data = json.loads(World(LEVELS).read().cursor)
    assert data == {"as_of": "2026-01-12T09:00:00+00:00", "full": "2026-01-12T09:00:00+00:00", "again": False}
