from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from mpstock import Change, Listing, Observation, OrderStage, Outcome, OutcomeStatus
from mpstock.errors import InDoubtError, NotSentError, RejectedError, TransientError
from mpstock.inmemory import InMemorySink

T = TypeVar("T")


def every(items: AsyncIterator[T]) -> list[T]:
    async def collect() -> list[T]:
        return [item async for item in items]

    return asyncio.run(collect())


def changes(sink: InMemorySink, **quantities: int) -> list[Change]:
    """Changes of these skus in the first warehouse."""
    warehouse = sink.warehouses[0]
    return [Change(Listing(sku, warehouse, (sku,)), None, new, "test") for sku, new in quantities.items()]


def push(sink: InMemorySink, **quantities: int) -> Sequence[Outcome]:
    return asyncio.run(sink.push(changes(sink, **quantities)))


def statuses(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.status.value, outcome.code) for outcome in outcomes]


class Watch:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def timeout(self, seconds: float | None) -> Any:
        return asyncio.timeout(None)


def test_what_is_pushed_is_shown() -> None:
    """Accepted changes are what buyers see, and each request is on record."""
    sink = InMemorySink(["A", "B"])
    assert statuses(push(sink, A=5, B=0)) == [("ok", ""), ("ok", "")]
    assert sink.shown == {("A", "main"): 5, ("B", "main"): 0}
    assert [[change.new for change in request] for request in sink.pushes] == [[5, 0]]


def test_listings_are_told_whole_and_then_since_the_cursor() -> None:
    """A walk over every warehouse ends complete; with its cursor only what was added since comes."""
    sink = InMemorySink(["A"], warehouses=("1", "2"), page=1)
    pages = every(sink.listings(None))
    assert [(page.listings[0].external_id, page.listings[0].warehouse) for page in pages] == [
        ("A", "1"),
        ("A", "2"),
    ]
    assert [page.complete for page in pages] == [False, True]
    sink.sell_also(Listing("B-ext", "1", ("B",)))
    later = every(sink.listings(pages[-1].cursor))
    assert [listing.external_id for page in later for listing in page.listings] == ["B-ext"]
    assert not later[-1].complete
    sink.sell_no_longer("A", "2")
    assert len(every(sink.listings(None))) == 2


def test_what_was_never_written_is_observed_as_zero() -> None:
    """A listing that is asked for is answered; a whole observation has what is stored."""
    sink = InMemorySink(["A", "B"], shown={("A", "main"): 3}, observe_batch=1)
    listings = [listing for page in every(sink.listings(None)) for listing in page.listings]
    assert every(sink.observe(listings)) == [[Observation("A", "main", 3)], [Observation("B", "main", 0)]]
    assert every(sink.observe(None)) == [[Observation("A", "main", 3)]]
    assert every(sink.observe([])) == []
    sink.reserved["A", "main"] = 2
    assert every(sink.observe(listings[:1])) == [[Observation("A", "main", 3, 2)]]


def test_a_whole_observation_has_to_be_offered() -> None:
    """Where the limits say by listing only, `None` is refused."""
    sink = InMemorySink(["A"], observe_whole=False)
    with pytest.raises(RejectedError):
        every(sink.observe(None))


def test_one_item_fails_and_its_neighbours_do_not() -> None:
    """A refusal is the item's own, as often as it was asked for, in the vendor's words."""
    sink = InMemorySink(["A", "B"])
    sink.refuse("A", "ARCHIVED", "товар в архиве", times=2)
    first = push(sink, A=1, B=1)
    assert statuses(first) == [("error", "ARCHIVED"), ("ok", "")]
    assert first[0].message == "товар в архиве"
    assert statuses(push(sink, A=1)) == [("error", "ARCHIVED")]
    assert statuses(push(sink, A=1)) == [("ok", "")]


def test_a_refusal_may_last_and_be_of_one_warehouse() -> None:
    """−1 is for ever, until it is taken back; other warehouses take the item."""
    sink = InMemorySink(["A"], warehouses=("1", "2"))
    sink.refuse("A", "WAIT_A_BIT", warehouse="1", status=OutcomeStatus.WAIT, retry_after=30.0, times=-1)
    for _ in range(3):
        (outcome,) = push(sink, A=1)
        assert (outcome.status, outcome.retry_after) == (OutcomeStatus.WAIT, 30.0)
    (other,) = asyncio.run(sink.push([Change(Listing("A", "2", ("A",)), None, 1, "test")]))
    assert other.status is OutcomeStatus.OK
    sink.accept("A")
    assert statuses(push(sink, A=1)) == [("ok", "")]


@pytest.mark.parametrize("applied", [True, False])
def test_doubt_is_told_and_may_have_been_applied(applied: bool) -> None:
    """The caller learns nothing; the account may show the new number or the old one."""
    sink = InMemorySink(["A"], shown={("A", "main"): 9})
    sink.doubt(applied=applied)
    with pytest.raises(InDoubtError):
        push(sink, A=1)
    assert sink.shown["A", "main"] == (1 if applied else 9)
    assert statuses(push(sink, A=2)) == [("ok", "")]


def test_a_push_may_fail_without_being_taken() -> None:
    """Any error can be let out of the next pushes; nothing of them is applied."""
    sink = InMemorySink(["A"])
    sink.fail_push(NotSentError("429", retry_after=3.0), times=2)
    for _ in range(2):
        with pytest.raises(NotSentError):
            push(sink, A=1)
    assert sink.shown == {}
    assert statuses(push(sink, A=1)) == [("ok", "")]


def test_reads_may_fail_too() -> None:
    """Listings and observations take the next error that waits, orders one of their own."""
    sink = InMemorySink(["A"])
    sink.fail_read(TransientError("down"), times=2)
    sink.fail_orders(TransientError("down"))
    for read in (sink.listings(None), sink.observe(None), sink.orders(None)):
        with pytest.raises(TransientError):
            every(read)
    assert every(sink.listings(None))[-1].complete


def test_what_the_account_cannot_take_is_refused_like_a_marketplace_does() -> None:
    """Out of range and unknown listings by item, too many at once and mixed warehouses by request."""
    sink = InMemorySink(["A", "B"], warehouses=("1", "2"), maximum=10, batch=2, by_warehouse=True)
    assert statuses(push(sink, A=11, B=-1)) == [("error", "RANGE"), ("error", "RANGE")]
    assert statuses(push(sink, X=1)) == [("error", "NOT_FOUND")]
    with pytest.raises(RejectedError, match="3 changes"):
        push(sink, A=1, B=1, C=1)
    mixed = [Change(Listing("A", code, ("A",)), None, 1, "test") for code in ("1", "2")]
    with pytest.raises(RejectedError, match="several warehouses"):
        asyncio.run(sink.push(mixed))
    assert sink.shown == {}


def test_a_pair_is_not_written_again_within_its_cooldown() -> None:
    """The second write waits, and is told how long; a refused write starts the cooldown too."""
    clock = Watch()
    sink = InMemorySink(["A"], clock=clock, pair_cooldown=30.0)
    sink.refuse("A", "NO")
    assert statuses(push(sink, A=1)) == [("error", "NO")]
    clock.seconds = 10.0
    (outcome,) = push(sink, A=1)
    assert (outcome.status, outcome.retry_after) == (OutcomeStatus.WAIT, 20.0)
    clock.seconds = 30.0
    assert statuses(push(sink, A=1)) == [("ok", "")]


@pytest.mark.parametrize(("self_decrements", "left"), [("yes", 3), ("no", 5), ("unknown", 5)])
def test_an_order_lowers_the_number_where_the_account_does_so(self_decrements: Any, left: int) -> None:
    """Buyers buy what is shown; only an account that decrements by itself shows less afterwards."""
    sink = InMemorySink(["A"], shown={("A", "main"): 5}, self_decrements=self_decrements)
    order = sink.buy("A", 2, "main")
    assert sink.shown["A", "main"] == left
    assert [page.orders for page in every(sink.orders(None))] == [[order]]
    with pytest.raises(ValueError, match="cannot be bought"):
        sink.buy("A", 6, "main")


def test_open_orders_are_always_told_and_cancelled_ones_since_the_cursor() -> None:
    """An order that was cancelled after the cursor says so once; an open one is told every time."""
    sink = InMemorySink(["A"], shown={("A", "main"): 5})
    first, second = sink.buy("A", 1, "main", key="one"), sink.buy("A", 1, "main", key="two")
    cursor = every(sink.orders(None))[-1].cursor
    sink.cancel("one")
    told = [order for page in every(sink.orders(cursor)) for order in page.orders]
    assert [(order.key, order.stage) for order in told] == [
        ("one", OrderStage.CANCELLED),
        ("two", OrderStage.PLACED),
    ]
    assert {first.stage, second.stage} == {OrderStage.PLACED}
    latest = every(sink.orders(cursor))[-1].cursor
    assert [order.key for page in every(sink.orders(latest)) for order in page.orders] == ["two"]
