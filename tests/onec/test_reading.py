from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest

from mpstock import Secret
from tests.onec.service import START, URL, Reader, row

DAY = 24 * 3600


def test_request_as_the_contract_says() -> None:
    """One GET to the path below the publication, asking for JSON."""
    reader = Reader([])
    reader.read()
    (request,) = reader.requests
    assert request.method == "GET"
    assert str(request.url) == "http://erp.local/trade/hs/stocks/list?format=json"
    assert request.headers["accept"] == "application/json"


def test_cyrillic_user_and_password_are_sent_as_utf8() -> None:
    """1C reads Basic credentials as UTF-8."""
    reader = Reader([])
    reader.read()
    scheme, _, encoded = reader.requests[0].headers["authorization"].partition(" ")
    assert (scheme, b64decode(encoded).decode("utf-8")) == ("Basic", "Робот:Пароль 1С")


@pytest.mark.parametrize(
    ("changed", "sent"), [({"password": None}, "Робот:"), ({"password": Secret("a:b")}, "Робот:a:b")]
)
def test_password_may_be_empty_or_have_colons(changed: dict[str, Any], sent: str) -> None:
    """Users of 1C without a password are usual."""
    reader = Reader([], **changed)
    reader.read()
    assert b64decode(reader.requests[0].headers["authorization"][6:]).decode() == sent


def test_no_user_sends_no_credentials() -> None:
    """A publication that names a user itself wants none."""
    reader = Reader([], user="", password=None)
    reader.read()
    assert "authorization" not in reader.requests[0].headers


def test_cyrillic_publication_is_percent_encoded() -> None:
    """Names of publications are Russian often enough; what is encoded already stays as it is."""
    reader = Reader([], base_url="http://erp.local/Моя торговля/%D0%A3%D0%A2/")
    reader.read()
    path = (
        b"/%D0%9C%D0%BE%D1%8F%20%D1%82%D0%BE%D1%80%D0%B3%D0%BE%D0%B2%D0%BB%D1%8F/%D0%A3%D0%A2/hs/stocks/list"
    )
    assert reader.requests[0].url.raw_path == path + b"?format=json"


def test_full_read_is_complete_and_its_cursor_goes_on_from_its_start() -> None:
    """The next read asks for what changed since this one began, less the overlap, in UTC."""
    reader = Reader([row()])
    reader.service.during = lambda: reader.clock.advance(30)
    first = reader.read()
    assert first.last.complete
    assert first.last.absent == "zero"
    assert first.last.as_of == START
    reader.read(first.cursor)
    assert reader.service.asked == [None, "2026-01-12T08:55:00Z"]
    assert b"changedAfter=2026-01-12T08%3A55%3A00Z" in reader.requests[1].url.query


def test_incremental_read_is_never_complete() -> None:
    """A service that ignores `changedAfter` and tells everything does no harm: nothing is zeroed by it."""
    reader = Reader([row(), row("B")], [row()])
    again = reader.read(reader.read().cursor)
    assert [reading.complete for reading in again.readings] == [False]
    assert again.quantities == {"A-1": 5}


def test_incremental_reads_follow_each_other() -> None:
    """Each asks from the start of the one before it."""
    reader = Reader([row()])
    cursor = reader.read().cursor
    for _ in range(3):
        reader.clock.advance(600)
        cursor = reader.read(cursor).cursor
    assert reader.service.asked == [
        None,
        "2026-01-12T08:55:00Z",
        "2026-01-12T09:05:00Z",
        "2026-01-12T09:15:00Z",
    ]


def test_overlap_is_a_setting_and_seconds_are_whole() -> None:
    """What is asked for is rounded down to the second."""
    reader = Reader([], [row()], overlap=timedelta(hours=1, milliseconds=1))
    reader.read(reader.read().cursor)
    assert reader.service.asked[1] == "2026-01-12T07:59:59Z"


def test_everything_is_read_when_the_last_full_read_is_old() -> None:
    """`changedAfter` is advisory: a day after the last full read the next one is full."""
    reader = Reader([row()])
    first = reader.read().cursor
    reader.clock.advance(DAY - 1)
    second = reader.read(first)
    assert not second.last.complete
    reader.clock.advance(1)
    third = reader.read(second.cursor)
    assert third.last.complete
    reader.clock.advance(60)
    assert not reader.read(third.cursor).last.complete
    assert [asked is None for asked in reader.service.asked] == [True, False, True, False]


def test_full_every_zero_reads_everything_always() -> None:
    """A service without `changedAfter` can be told so."""
    reader = Reader([row()], full_every=timedelta(0))
    assert reader.read(reader.read().cursor).last.complete


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "yesterday",
        "[]",
        "{}",
        '"2026"',
        '{"as_of": "2026-01-12T09:00:00+00:00"}',
        '{"as_of": 5, "full": 5, "of": ""}',
        '{"as_of": "?", "full": "?", "of": ""}',
        "[" * 100_000,
    ],
)
def test_cursor_that_cannot_be_read_is_a_full_read(cursor: str) -> None:
    """A cursor of another version, or a damaged one, loses nothing."""
    assert Reader([row()]).read(cursor).last.complete


def test_cursor_from_the_future_is_a_full_read() -> None:
    """A clock that was set back would ask for changes from a moment to come."""
    reader = Reader([row()])
    cursor = reader.read().cursor
    reader.clock.advance(-60)
    assert reader.read(cursor).last.complete


@pytest.mark.parametrize(
    "changed",
    [
        {"base_url": "http://erp.local/other"},
        {"user": "Другой"},
        {"warehouse": "spb"},
        {"path": "/hs/other/list"},
        {"trust_updated_at": True},
    ],
)
def test_cursor_of_other_settings_is_a_full_read(changed: dict[str, Any]) -> None:
    """Another infobase, other rights, another meaning of rows: what changed there says too little."""
    cursor = Reader([row()]).read().cursor
    assert not Reader([row()]).read(cursor).last.complete
    assert Reader([row()], **changed).read(cursor).last.complete


def test_cursor_holds_no_credentials() -> None:
    """The cursor lies in the ledger."""
    cursor = Reader([row()]).read().cursor
    assert "Робот" not in cursor
    assert "Пароль" not in str(json.loads(cursor))


def test_empty_list_of_everything_zeroes_nothing() -> None:
    """An empty answer to a full read is a problem, and what is absent is unknown."""
    found = Reader([]).read()
    assert found.levels == []
    assert found.last.complete
    assert found.last.absent == "unknown"
    (problem,) = found.problems
    assert "empty list zeroes nothing" in problem.message


def test_empty_list_of_changes_is_a_quiet_quarter_of_an_hour() -> None:
    """Nothing changed is no problem."""
    reader = Reader([row()], [])
    found = reader.read(reader.read().cursor)
    assert (found.levels, found.problems) == ([], [])


def test_changes_are_asked_for_again_until_their_rows_can_be_used() -> None:
    """A bad row that 1C mends without a new change is not lost: the cursor stays before it."""
    reader = Reader([row()], [row(quantity="?")], [row(quantity=7)], [])
    cursor = reader.read().cursor
    for _ in range(3):
        reader.clock.advance(600)
        found = reader.read(cursor)
        cursor = found.cursor
    assert reader.service.asked[1:] == [
        "2026-01-12T08:55:00Z",
        "2026-01-12T08:55:00Z",
        "2026-01-12T09:15:00Z",
    ]


def test_ignored_rows_without_a_sku_are_not_asked_for_again() -> None:
    """Goods that are not sold online do not hold the cursor."""
    reader = Reader([row()], [row("")], [], rows_without_sku="ignore")
    cursor = reader.read().cursor
    reader.clock.advance(600)
    reader.read(reader.read(cursor).cursor)
    assert reader.service.asked[1:] == ["2026-01-12T08:55:00Z", "2026-01-12T09:05:00Z"]


def test_levels_come_in_pages_and_the_cursor_on_the_last() -> None:
    """Twelve thousand levels are three readings; only the last is complete and has the cursor."""
    reader = Reader([row(f"S-{number}", number) for number in range(12_000)])
    found = reader.read()
    assert [len(reading.levels) for reading in found.readings] == [5_000, 5_000, 2_000]
    assert [reading.complete for reading in found.readings] == [False, False, True]
    assert [reading.cursor is not None for reading in found.readings] == [False, False, True]
    assert found.quantities == {f"S-{number}": number for number in range(12_000)}
    assert {reading.as_of for reading in found.readings} == {START}


def test_exactly_one_page_is_one_reading() -> None:
    """Five thousand levels have no empty page behind them."""
    found = Reader([row(f"S-{number}") for number in range(5_000)]).read()
    assert [(len(reading.levels), reading.complete) for reading in found.readings] == [(5_000, True)]


def test_a_long_answer_lets_others_work() -> None:
    """While twenty thousand rows are read, what else runs in the loop gets its turn."""
    reader = Reader([row(f"S-{number}") for number in range(20_000)])
    # A request alone takes some turns too, the same for one row.
    alone = asyncio.run(turns_during(Reader([row()])))
    assert asyncio.run(turns_during(reader)) >= alone + 4


async def turns_during(reader: Reader) -> int:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await anext(aiter(reader.source.read(None)))
    task.cancel()
    return turns


def test_polite_pace_is_a_setting() -> None:
    """1C has no limit of its own; `requests_per_minute` makes one."""
    assert list(Reader([]).source.rates) == []
    reader = Reader([row()], requests_per_minute=2)
    (rate,) = reader.source.rates
    assert (rate.requests, rate.period, rate.parallel) == (2, 60.0, 1)
    cursor = reader.read().cursor
    reader.read(reader.read(cursor).cursor)
    assert (reader.clock.now() - START).total_seconds() >= 60


def test_address_is_asked_as_it_is_set() -> None:
    """A slash at the end of `base_url` makes no second one."""
    reader = Reader([], base_url=f"{URL}/", path="/hs/mpstock/v1/stocks")
    reader.read()
    assert str(reader.requests[0].url) == f"{URL}/hs/mpstock/v1/stocks?format=json"
