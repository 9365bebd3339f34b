"""Thousands of orders: pages, batches of ids, the size of the cursor, the requests that it takes."""

from __future__ import annotations

import json
import random
import time
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from mpstock.testing import VirtualClock
from mpstock_wb.order_cursor import FlowState, Known, OrderCursor
from mpstock_wb.simulator import WbSimulator
from tests.wb.orders_kit import Reader, asked, played, stages, still_open


def test_2500_open_orders_are_three_pages_and_three_batches_of_ids() -> None:
    """The list gives 1,000 a request, the statuses take 1,000 ids; each order is told once."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        keys = double.buy("MUG", "1111", 2500)
        for key in keys[:1200]:
            double.assemble(key)
        found = await read()
        assert set(found) == set(keys)
        assert [len(page.orders) for page in read.pages] == [1000, 1000, 500]
        assert sum(stage == "assembled" for stage in stages(found).values()) == 1200
        assert [page.complete for page in read.pages] == [False, False, True]
        assert [page.cursor is not None for page in read.pages] == [False, False, True]
        assert read.pages[0].as_of < read.pages[2].as_of

    double = played(scenario, stock=5000)
    bodies = [one for one in double.requests if one.path == "/api/v3/orders/status"]
    assert [len(json.loads(one.body)["orders"]) for one in bodies] == [1000, 1000, 500]
    pages = [one for one in double.requests if one.path == "/api/v3/orders"]
    assert [one.query["limit"] for one in pages] == ["1000"] * 3
    assert pages[0].query["next"] == "0"
    assert len({one.query["next"] for one in pages}) == 3


def test_what_a_reading_costs_in_requests() -> None:
    """Two requests, and one for each thousand that are open; readings a minute apart get no 429."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        double.buy("MUG", "1111", 950)
        await double.clock.sleep(7200)
        await read()
        for _ in range(10):
            before = len(double.requests)
            await double.clock.sleep(60)
            await read()
            assert len(double.requests) - before == 2 + -(-len(double.orders.open()) // 1000)
            double.buy("MUG", "1111", 10)

    double = played(scenario, stock=5000)
    assert len(double.orders.open()) > 1000
    assert {one.status for one in double.requests} == {200}


def test_the_limit_of_click_and_collect_s_statuses_is_kept() -> None:
    """One request a second: 3,000 open orders take three of them, and none is refused."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        keys = double.buy("MUG", "5555", 3000)
        for _ in range(6):
            assert still_open(await read()) == set(keys)

    double = played(scenario, kinds={"5555": 5}, stock=5000)
    assert asked(double).count("POST /api/marketplace/v3/click-collect/orders/status/info") == 18
    assert {one.status for one in double.requests} == {200}


def test_the_requests_are_what_the_double_of_production_admits() -> None:
    """A first reading of 12 busy days (3,000 orders) under the limits: no answer of 429 or 400."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        for day in range(12):
            keys = double.buy("MUG", "1111", 250)
            for key in keys[: 20 * day]:
                double.ship(key)
            await double.clock.sleep(86_400)
        await read()
        assert still_open(await read()) == {order.key for order in double.orders.open()}

    double = played(scenario, stock=10_000)
    assert {one.status for one in double.requests} == {200}


def made(count: int, seed: int = 1) -> dict[int, Known]:
    """Return open orders as a large shop has them: numbers far apart, a hundred thousand sizes, two marks."""
    rng = random.Random(seed)
    number, placed = 3_500_000_000, 1_768_000_000
    orders = {}
    for _ in range(count):
        number += rng.randrange(1, 4000)
        placed += rng.randrange(0, 30)
        orders[number] = Known(
            number,
            rng.randrange(10**8, 10**9),
            placed,
            rng.choice((1_111_111, 2_222_222, 3_333_333)),
            assembled=rng.random() < 0.6,
            mark="B2B" if rng.random() < 0.05 else "",
        )
    return orders


def test_the_cursor_of_20000_open_orders_is_a_quarter_of_a_megabyte() -> None:
    """At most thirteen bytes an order, and a fraction of a second to write and to read."""
    state = FlowState(since=1_768_600_000, open=made(20_000), ended={})
    cursor = OrderCursor("wb:1", ("1111",), ("fbs",), 5).with_state("fbs", state)
    began = time.perf_counter()
    text = cursor.text()
    again = OrderCursor.of(text, "wb:1")
    assert time.perf_counter() - began < 2
    assert len(text) < 13 * 20_000
    assert again == cursor


def test_what_has_ended_is_remembered_no_longer_than_it_may_be_listed() -> None:
    """A shop that hands over everything within the day has a small cursor, however many orders it had."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        sizes = []
        for _ in range(10):
            for key in double.buy("MUG", "1111", 300):
                double.ship(key)
            await read()
            await double.clock.sleep(6 * 3600)
            sizes.append(len(read.cursor or ""))
        assert max(sizes) < 2 * min(sizes)
        assert max(sizes) < 2000

    played(scenario, stock=5000)


known = st.builds(
    Known,
    id=st.integers(1, 2**63),
    item=st.one_of(st.integers(1, 2**64), st.text(min_size=1).filter(lambda text: text.isprintable())),
    placed=st.integers(0, 2**33),
    warehouse=st.integers(0, 2**31),
    assembled=st.booleans(),
    mark=st.sampled_from(["", "B2B", "ordered at a stock of 0", "экспресс"]),
)


@given(
    st.lists(known, unique_by=lambda one: one.id, max_size=30),
    st.dictionaries(st.integers(1, 2**63), st.integers(0)),
)
def test_a_cursor_comes_back_as_it_was(orders: list[Known], ended: dict[int, int]) -> None:
    """Whatever the orders are; the text is JSON and ASCII-safe to store."""
    state = FlowState(since=7, open={one.id: one for one in orders}, ended=ended)
    cursor = OrderCursor("wb:1", ("1", "2"), ("fbs", "dbs"), 9, {"dbs": state})
    assert OrderCursor.of(cursor.text(), "wb:1") == cursor


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: "{}",
        lambda text: "[1]",
        lambda text: "5",
        lambda text: text[:-5],
        lambda text: text.replace('"v":1', '"v":2'),
        lambda text: text.replace("wb:", "other:"),
        lambda text: text.replace('"open":"c', '"open":"d'),
        lambda text: text.replace('"open":"', '"open":"~~"'),
        lambda text: json.dumps(
            {**json.loads(text), "states": {"fbs": {"since": 1, "open": "", "ended": "x"}}}
        ),
    ],
)
def test_a_cursor_that_cannot_be_used_starts_a_reading_from_the_beginning(spoil: object) -> None:
    """Another account's, a newer version's, a damaged one: the orders are read anew and none is lost."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [key] = double.buy("MUG", "1111")
        double.assemble(key)
        await read()
        assert callable(spoil)
        spoilt = spoil(read.cursor or "")
        assert spoilt != read.cursor
        read.cursor = spoilt
        await double.clock.sleep(7 * 86_400)
        assert stages(await read()) == {key: "assembled"}

    played(scenario)


def test_the_packed_table_has_a_bound() -> None:
    """A text that unpacks to gigabytes is not a cursor of ours."""
    state = FlowState(since=1, open={1: Known(1, "x" * 60_000_000, 0)})
    text = OrderCursor("wb:1").with_state("fbs", state).text()
    assert len(text) < 1_000_000
    assert OrderCursor.of(text, "wb:1") is None


def test_a_clock_that_was_set_back_asks_again_which_warehouses_there_are() -> None:
    """And the orders are read from where they were."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [key] = double.buy("MUG", "1111")
        await read()
        kept = OrderCursor.of(read.cursor, read.sink.limits.account)
        assert kept is not None
        ahead = evolve(kept, asked_at=kept.asked_at + 10_000)
        read.cursor = ahead.text()
        assert stages(await read()) == {key: "placed"}

    double = played(scenario)
    assert asked(double).count("GET /api/v3/warehouses") == 2
    assert isinstance(double.clock, VirtualClock)
    assert double.clock.now() - VirtualClock().now() < timedelta(minutes=1)
