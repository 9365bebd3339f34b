"""`@mpstock.source` and `@mpstock.sink`: a plain function is an adapter, in a script and in a notebook."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mpstock
from mpstock import Change, Listing, Outcome, OutcomeStatus, Reading
from mpstock.errors import (
    ConfigurationError,
    InDoubtError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock.testing import VirtualClock, run_virtual, strategies


def read(source: Any, cursor: str | None = None) -> Reading:
    """Read a small source to its end: one page."""

    async def pages() -> list[Reading]:
        return [page async for page in source.read(cursor)]

    (page,) = asyncio.run(pages())
    return page


def quantities(source: Any) -> dict[str, int | None]:
    return {level.sku: level.quantity for level in read(source).levels}


def change(sku: str, new: int) -> Change:
    return Change(Listing(sku, "main", (sku,)), None, new, "test")


def push(sink: Any, *numbers: int) -> list[Outcome]:
    return list(asyncio.run(sink.push([change(f"A-{index}", new) for index, new in enumerate(numbers)])))


def test_ten_lines_are_a_shop() -> None:
    """A source and a sink of a few lines: what is there is sent, once, less what the buffer keeps back."""
    stock, sent = {"A-1": 9, "B-2": 1, "C-3": None}, {}

    @mpstock.source
    def shelf() -> Any:
        return stock

    @mpstock.sink(batch=100, sells=shelf)
    def kiosk(changes: list[Change]) -> None:
        sent.update({change.listing.external_id: change.new for change in changes})

    with mpstock.Shop(sources={"shelf": shelf}, sinks={"kiosk": kiosk}) as shop:
        assert shop.sync().exit_code == 0
        assert sent == {"A-1": 7, "B-2": 0}
        sent.clear()
        assert shop.sync().pushed == 0
        stock["A-1"] = 5
        assert shop.sync().pushed == 1
        assert sent == {"A-1": 3}
        assert "shelf" in str(shop.explain("A-1"))
    assert shelf() is stock


def test_a_shop_of_functions_works_inside_a_running_loop() -> None:
    """In a notebook, whose loop runs, the same lines do the same."""

    async def cell() -> int:
        @mpstock.source
        async def shelf() -> Any:
            await asyncio.sleep(0)
            return [("A-1", 5)]

        @mpstock.sink(sells=["A-1"])
        async def kiosk(changes: list[Change]) -> None:
            await asyncio.sleep(0)

        with mpstock.Shop(sources={"shelf": shelf}, sinks={"kiosk": kiosk}) as shop:
            return shop.sync().pushed

    assert asyncio.run(cell()) == 1


@pytest.mark.parametrize(
    "rows",
    [
        {"A": 5, "B": 7},
        [("A", 5), ("B", 7)],
        [("A", "main", 5), ["B", "main", 7]],
        [{"sku": "A", "quantity": 5}, {"sku": " B ", "quantity": "7", "warehouse": "main"}],
        [mpstock.Level("A", "main", 5), ("B", 7.9)],
        [("A", 5), ("B", 7), ("A", 5)],
    ],
)
def test_rows_may_come_as_people_write_them(rows: Any) -> None:
    """Quantities by article, pairs, triples, rows and levels say the same; a row that comes twice is one."""
    for function in (lambda: rows, lambda: iter(list(rows.items() if isinstance(rows, dict) else rows))):
        assert quantities(mpstock.source(function)) == {"A": 5, "B": 7}


class Number:
    """A number of another library, as numpy's are."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


@pytest.mark.parametrize(
    ("told", "quantity"),
    [
        (Number(3), 3), (2.5, 2), (-0.5, -1), (Decimal("4.99"), 4), ("12", 12), (None, None),
        (math.nan, None), (math.inf, None), ("a few", None), (True, None), (object(), None), (10**30, None),
    ],
)  # fmt: skip
def test_what_is_no_number_is_not_known_and_never_0(told: Any, quantity: int | None) -> None:
    """Numbers of every library are read exactly and rounded down; anything else is a problem, and unknown."""
    page = read(mpstock.source(lambda: [("A", told), ("B", 1)]))
    assert [level.quantity for level in page.levels] == [quantity, 1]
    missing = told is None or (isinstance(told, float) and math.isnan(told))
    assert bool(page.problems) == ((quantity is None and not missing) or (quantity or 0) < 0)
    assert page.absent == "zero"


@given(levels=st.lists(strategies.levels(), max_size=12))
def test_levels_come_out_as_they_went_in(levels: list[mpstock.Level]) -> None:
    """Levels are told once each; one that is told twice and differently is unknown."""
    page = read(mpstock.source(lambda: levels))
    told: dict[tuple[str, str], set[mpstock.Level]] = {}
    for level in levels:
        told.setdefault((level.sku, level.warehouse), set()).add(level)
    assert [(one.sku, one.warehouse) for one in page.levels] == list(told)
    for one in page.levels:
        same = told[one.sku, one.warehouse]
        assert one.quantity is None if len(same) > 1 else {one} == same


@pytest.mark.parametrize("row", [5, ("A",), {"quantity": 5}, ("", 5), (7, 5), None, ("A", "main", 5, 6)])
def test_a_row_of_no_product_zeroes_nothing(row: Any) -> None:
    """After a row that cannot be told to be about a product, what is absent is not gone."""
    page = read(mpstock.source(lambda: [("A", 1), row]))
    assert [level.sku for level in page.levels] == ["A"]
    assert page.absent == "unknown"
    assert page.problems


def nothing() -> dict[str, int]:
    return {}


def test_a_function_that_tells_nothing_zeroes_nothing() -> None:
    """Empty is a mistake until somebody says that it means sold out."""
    page = read(mpstock.source(nothing))
    assert (page.complete, page.absent) == (True, "unknown")
    assert page.problems
    page = read(mpstock.source(empty="zero")(nothing))
    assert (page.complete, page.absent, list(page.problems)) == (True, "zero", [])


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda: 1 / 0, TransientError, "ZeroDivisionError"),
        (lambda: None, UnexpectedResponseError, "returned nothing"),
        (lambda: "A-1", UnexpectedResponseError, "returned str"),
    ],
)
def test_a_function_that_fails_is_a_source_that_cannot_be_reached(
    function: Any, error: type[Exception], words: str
) -> None:
    """What it raises is told with its type; what it returns must be rows."""
    with pytest.raises(error, match=words):
        read(mpstock.source(function))


def test_a_generator_that_fails_halfway_tells_nothing() -> None:
    """Half of the rows are no reading: nothing is complete, nothing is told."""

    @mpstock.source
    def half() -> Iterator[Any]:
        yield ("A", 1)
        raise OSError("the file is gone")

    with pytest.raises(TransientError, match=r"half: OSError: the file is gone"):
        read(half)


def test_a_function_that_takes_a_moment_is_asked_for_what_changed() -> None:
    """First for everything, then since the last reading began, less the overlap."""
    asked: list[datetime | None] = []
    clock = VirtualClock()

    @mpstock.source(overlap=30.0, clock=clock)
    def changed(since: datetime | None) -> Any:
        asked.append(since)
        return {"A": 1}

    first = read(changed)
    began = clock.now()
    assert first.complete
    clock.advance(600)
    second = read(changed, first.cursor)
    assert not second.complete
    assert asked == [None, began - timedelta(seconds=30)]
    assert read(changed, "yesterday").complete


def test_what_a_sink_returns_are_outcomes() -> None:
    """None is well; texts are refusals; a mapping names the refused; outcomes stand for themselves."""
    waits = Outcome(OutcomeStatus.WAIT, retry_after=5.0)
    assert [one.status for one in push(mpstock.sink(lambda changes: None), 1, 2)] == [OutcomeStatus.OK] * 2
    told = push(mpstock.sink(lambda changes: [None, "no such article", waits]), 1, 2, 3)
    assert [one.status for one in told] == [OutcomeStatus.OK, OutcomeStatus.ERROR, OutcomeStatus.WAIT]
    assert told[1].message == "no such article"
    told = push(mpstock.sink(lambda changes: {"A-1": "archived"}), 1, 2)
    assert [one.status for one in told] == [OutcomeStatus.OK, OutcomeStatus.ERROR]
    assert told[1].message == "archived"
    assert push(mpstock.sink(lambda changes: [7]), 1)[0].status is OutcomeStatus.DOUBT


@pytest.mark.parametrize(
    "function",
    [
        lambda changes: 1 / 0,
        lambda changes: [None],
        lambda changes: "fine",
        lambda changes: 2,
        lambda changes: {"B-9": "?"},
    ],
)
def test_a_sink_that_fails_leaves_in_doubt_what_is_shown(function: Any) -> None:
    """Nobody knows what it has sent before it failed, or what an answer means that is none."""
    with pytest.raises(InDoubtError):
        push(mpstock.sink(function), 1, 2)


def test_a_sink_may_say_for_itself_what_went_wrong() -> None:
    """The errors of mpstock mean what they mean in every adapter."""

    @mpstock.sink(sells=["A-0"])
    def strict(changes: list[Change]) -> None:
        raise RejectedError("not today", code="closed")

    with pytest.raises(RejectedError, match="not today"):
        push(strict, 1)


def test_a_sink_of_which_nobody_knows_what_it_shows_is_sent_everything_once() -> None:
    """Without `shows` what is shown is unknown, not 0: a product that is sold out is sent, too."""
    sent: list[tuple[str, int]] = []

    @mpstock.sink(sells=["A-1", "B-2"])
    def blind(changes: list[Change]) -> None:
        sent.extend((one.listing.external_id, one.new) for one in changes)

    source = mpstock.source(lambda: {"A-1": 0, "B-2": 9})
    with mpstock.Shop(sources={"s": source}, sinks={"k": blind}) as shop:
        shop.sync()
    assert sorted(sent) == [("A-1", 0), ("B-2", 7)]


def test_what_a_sink_shows_is_not_sent_again() -> None:
    """With `shows` only what differs is sent; what it shows is also what it sells."""
    shown, calls = {"A-1": 7, "B-2": 0}, []

    @mpstock.sink
    def kiosk(changes: list[Change]) -> None:
        calls.append([(one.listing.external_id, one.old, one.new) for one in changes])

    @kiosk.shows
    def now() -> dict[str, int]:
        return shown

    source = mpstock.source(lambda: {"A-1": 9, "B-2": 9})
    with mpstock.Shop(sources={"s": source}, sinks={"k": kiosk}) as shop:
        shop.sync()
    assert calls == [[("B-2", 0, 7)]]


def test_a_sink_that_does_not_say_what_it_sells_is_told_how() -> None:
    """The error names both ways."""

    @mpstock.sink
    def kiosk(changes: list[Change]) -> None: ...

    async def listings() -> list[Any]:
        return [page async for page in kiosk.listings(None)]

    with pytest.raises(ConfigurationError, match=r"kiosk.*sells=.*@kiosk\.shows"):
        asyncio.run(listings())


def sold_of_ten(sink: Any, config: mpstock.SinkConfig | None = None) -> dict[tuple[str, str], int]:
    """Return what a sink of a function shows of ten units, by article and warehouse."""
    shown: dict[tuple[str, str], int] = {}

    def take(changes: list[Change]) -> None:
        shown.update({(one.listing.external_id, one.listing.warehouse): one.new for one in changes})

    made = sink(take)
    source = mpstock.source(lambda: {"A": 10})
    sinks = {"k": made if config is None else (made, config)}
    with mpstock.Shop(sources={"s": source}, sinks=sinks) as shop:
        assert shop.sync().exit_code == 0
    return shown


@pytest.mark.parametrize(
    ("options", "left"),
    [({}, 8), ({"buffer": 0}, 10), ({"buffer": 3}, 7), ({"buffer": {"percent": 50, "absolute": 0}}, 5)],
)
def test_a_sink_says_its_buffer_where_it_is_made(options: dict[str, Any], left: int) -> None:
    """Units, or the keys of a buffer table; two units where nothing is said."""
    assert sold_of_ten(SINK(sells=["A"], **options)) == {("A", "main"): left}


def test_settings_beside_a_sink_leave_it_what_they_do_not_name() -> None:
    """Its warehouses and its buffer go on counting; a buffer that is named takes the place of its own."""
    sink = SINK(sells=["A"], warehouses=["msk"], buffer=1)
    assert sold_of_ten(sink, mpstock.SinkConfig("k", priority=2)) == {("A", "msk"): 9}
    assert sold_of_ten(sink, mpstock.SinkConfig("k", buffer={"absolute": 0})) == {("A", "msk"): 10}


def test_a_buffer_that_no_policy_has_is_named() -> None:
    """What the keys may be says the policy, before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"sinks\.k\.buffer.*percentage"):
        sold_of_ten(SINK(sells=["A"], buffer={"percentage": 5}))


def test_a_printed_report_says_which_row_was_wrong() -> None:
    """With the product and what to do, and without a word of systems that have nothing to do with it."""
    source = mpstock.source(lambda: {"A": 10, "B": "много"})
    with mpstock.Shop(sources={"s": source}) as shop:
        told = str(shop.sync())
    assert "1 with problems" in told
    assert "row 2" in told
    assert "'много' and not a number that can be told safely; write it as a number, in digits" in told
    assert "1C" not in told


def test_limits_are_kept() -> None:
    """Batches are no larger than was said, and calls no more often: 3 calls at 2 a minute take a minute."""
    clock = VirtualClock()
    calls: list[tuple[float, int]] = []
    skus = [f"S-{number:03d}" for number in range(250)]

    @mpstock.source(clock=clock)
    def stock() -> Any:
        return dict.fromkeys(skus, 5)

    @mpstock.sink(batch=100, per_minute=2, sells=skus, clock=clock)
    def kiosk(changes: list[Change]) -> None:
        calls.append((clock.monotonic(), len(changes)))

    async def play() -> None:
        async with mpstock.AsyncShop(sources={"s": stock}, sinks={"k": kiosk}, clock=clock) as shop:
            await shop.sync()

    run_virtual(play, clock=clock)
    assert [count for _, count in calls] == [100, 100, 50]
    assert calls[2][0] - calls[0][0] >= 59.9


SOURCE: Any = mpstock.source
SINK: Any = mpstock.sink


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SOURCE(5), "made of a function"),
        (lambda: SOURCE(dict), "put a function around it"),
        (lambda: SOURCE(lambda since, more: {}), "wants more"),
        (lambda: SINK(lambda: None), "one argument: the list of changes"),
        (lambda: SINK(lambda changes, *, key: None), "wants more"),
        (lambda: SINK(batch=0)(lambda changes: None), "batch is 0"),
        (lambda: SINK(buffer=-1)(lambda changes: None), "buffer is -1; it has to be units, 0 or more"),
        (lambda: SINK(buffer="20%")(lambda changes: None), "buffer is '20%'"),
    ],
)
def test_a_function_of_the_wrong_shape_is_refused_where_it_is_written(make: Any, words: str) -> None:
    """Not at the first run: at the line with the decorator."""
    with pytest.raises((TypeError, ValueError), match=words):
        make()
