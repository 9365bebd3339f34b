"""What Hypothesis needs to make up stock: articles, levels, listings, orders, plans, and whole shops.

What is drawn is what can be met: articles with blanks inside, leading zeros and signs; quantities below zero
and unknown ones; listings in several warehouses. Each strategy takes bounds as arguments, and shrinks to what
is plain.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from mpstock.model import (
    Change,
    Hold,
    Level,
    Listing,
    Observation,
    Order,
    OrderStage,
    Outcome,
    OutcomeStatus,
    Reading,
)
from mpstock.testing.made_up import MadeUpShop

if TYPE_CHECKING:
    from mpstock.reconcile.plans import Plan

__all__ = [
    "changes",
    "holds",
    "levels",
    "listings",
    "moments",
    "observations",
    "orders",
    "outcomes",
    "plans",
    "quantities",
    "readings",
    "shops",
    "skus",
    "warehouses",
]

_LETTERS = "ABCabcЖшё0123456789"
_SIGNS = " -_./#%+&=«»\\'\""
_LARGEST = 1_000_000


def skus() -> SearchStrategy[str]:
    """Articles: letters of two alphabets, digits with leading zeros, signs and blanks inside."""
    inner = st.text(_LETTERS + _SIGNS, max_size=10)
    return st.builds(
        lambda first, middle, last: first + middle + last,
        st.sampled_from(_LETTERS),
        inner,
        st.sampled_from(["", *_LETTERS]),
    ).map(str.strip)


def warehouses() -> SearchStrategy[str]:
    """Names of the seller's own warehouses."""
    return st.sampled_from(["main", "msk-2", "Склад № 3"])


def quantities(
    smallest: int = -5, largest: int = _LARGEST, *, unknown: bool = True
) -> SearchStrategy[int | None]:
    """Quantities of a level: mostly few, sometimes many, below zero down to `smallest`, and None."""
    few = st.integers(max(smallest, 0), min(largest, 20))
    whole: SearchStrategy[int | None] = few | st.integers(smallest, largest)
    return whole | st.none() if unknown else whole


def moments(
    earliest: datetime = datetime(2026, 1, 1, tzinfo=UTC), *, within: timedelta = timedelta(days=30)
) -> SearchStrategy[datetime]:
    """Moments in UTC, to the second."""
    seconds = int(within.total_seconds())
    return st.integers(0, seconds).map(lambda number: earliest + timedelta(seconds=number))


def levels(
    *, sku: SearchStrategy[str] | None = None, quantity: SearchStrategy[int | None] | None = None
) -> SearchStrategy[Level]:
    """Levels of one article in one warehouse."""
    return st.builds(
        Level,
        sku=sku or skus(),
        warehouse=warehouses(),
        quantity=quantity or quantities(),
        reserved=st.integers(0, 5),
        updated_at=st.none() | moments(),
    )


def holds(*, sku: SearchStrategy[str] | None = None) -> SearchStrategy[Hold]:
    """Holds: of a warehouse or of none in particular, some of which expire."""
    return st.builds(
        Hold,
        key=st.integers(1, 10**6).map(lambda number: f"hold-{number}"),
        sku=sku or skus(),
        quantity=st.integers(1, 9),
        taken_at=moments(),
        warehouse=st.none() | warehouses(),
        expires_at=st.none() | moments(datetime(2026, 2, 1, tzinfo=UTC)),
    )


@st.composite
def readings(draw: DrawFn, *, most: int = 20, pages: int = 3) -> list[Reading]:
    """The pages of one full reading: each product once, `complete` on the last page alone."""
    told = draw(st.lists(levels(), max_size=most, unique_by=lambda one: (one.sku, one.warehouse)))
    as_of = draw(moments())
    count = draw(st.integers(1, pages))
    size = -(-len(told) // count) or 1
    parts: list[Sequence[Level]] = [told[start : start + size] for start in range(0, len(told), size)] or [[]]
    last = len(parts) - 1
    return [
        Reading(part, as_of, complete=number == last, cursor="1" if number == last else None)
        for number, part in enumerate(parts)
    ]


def listings(*, warehouse: SearchStrategy[str] | None = None) -> SearchStrategy[Listing]:
    """Listings: the article is the sink's own id, as with most marketplaces, or a number."""

    def listing(sku: str, number: int | None, code: str) -> Listing:
        return Listing(sku if number is None else str(number), code, (sku,))

    codes = warehouse or st.sampled_from(["1", "2"])
    return st.builds(listing, skus(), st.none() | st.integers(1, 10**9), codes)


def changes(
    *, most: int = 10, maximum: int = _LARGEST, warehouse: SearchStrategy[str] | None = None
) -> SearchStrategy[list[Change]]:
    """What one push is given: at least one change, each listing once, within the sink's range."""
    number = st.integers(0, min(maximum, 20)) | st.integers(0, maximum)
    change = st.builds(
        Change,
        listing=listings(warehouse=warehouse),
        old=st.none() | number,
        new=number,
        cause=st.sampled_from(["1c", "webhook", "manual"]),
    )
    return st.lists(
        change,
        min_size=1,
        max_size=most,
        unique_by=lambda one: (one.listing.external_id, one.listing.warehouse),
    )


def outcomes() -> SearchStrategy[Outcome]:
    """What a sink may answer for one change."""
    return st.builds(
        Outcome,
        status=st.sampled_from(OutcomeStatus),
        code=st.sampled_from(["", "NOT_FOUND", "TOO_OFTEN"]),
        message=st.sampled_from(["", "нет такого товара"]),
        retry_after=st.none() | st.floats(0.5, 600.0),
    )


def observations() -> SearchStrategy[Observation]:
    """What a sink shows of one listing; None: it would not say."""
    return st.builds(
        Observation,
        external_id=skus(),
        warehouse=st.sampled_from(["1", "2"]),
        quantity=st.none() | st.integers(0, _LARGEST),
        reserved=st.integers(0, 5),
    )


def orders() -> SearchStrategy[Order]:
    """Orders in every stage."""
    return st.builds(
        Order,
        key=st.integers(1, 10**6).map(lambda number: f"order-{number}"),
        external_id=skus(),
        quantity=st.integers(1, 9),
        placed_at=moments(),
        warehouse=st.none() | st.sampled_from(["1", "2"]),
        stage=st.sampled_from(OrderStage),
        stage_at=st.none() | moments(datetime(2026, 2, 1, tzinfo=UTC)),
    )


@st.composite
def plans(draw: DrawFn, *, most: int = 10) -> Plan:
    """Plans, as a run makes them: the lane of each change follows from its numbers, and zeros come first."""
    from mpstock.reconcile.plans import Plan, PlannedChange, lane

    found: list[PlannedChange] = []
    for change in draw(changes(most=most)):
        held = draw(st.sampled_from(["", "", "", "zeroing", "raising"]))
        found.append(
            PlannedChange(
                change.listing.skus[0],
                draw(st.sampled_from(["ozon", "wb"])),
                change.listing.warehouse,
                change.listing.external_id,
                change.old,
                change.new,
                lane(change.old, change.new),
                change.cause,
                held,
                "more than usual" if held else "",
            )
        )
    order = ("zero", "fall", "raise")
    found.sort(key=lambda one: order.index(one.lane))
    number = draw(st.integers(1, 1000))
    return Plan(number, draw(moments()), found, id=f"plan-{number}", ledger="made-up", actor="hypothesis")


@st.composite
def shops(
    draw: DrawFn, *, products: int = 6, sinks: Sequence[str] = ("ozon", "wb"), unknown: bool = True
) -> MadeUpShop:
    """Whole shops in memory: what the warehouses have, what the marketplaces sell and show, buffers.

    Open one with `shop.open(ledger)`; at most so many products, in one or two warehouses.
    """
    articles = draw(st.lists(skus(), min_size=1, max_size=products, unique=True))
    own = draw(st.lists(warehouses(), min_size=1, max_size=2, unique=True))
    number = quantities(0, 50, unknown=unknown)
    stock = {(sku, place): draw(number) for sku in articles for place in own if draw(st.booleans())}
    shown: dict[str, dict[tuple[str, str], int]] = {}
    for sink in sinks:
        sold = draw(st.lists(st.sampled_from(articles), unique=True))
        shown[sink] = {(sku, "1"): draw(st.integers(0, 30)) for sku in sold}
    buffers: dict[str, Any] = {
        sink: draw(
            st.sampled_from(
                [
                    {"policy": "all"},
                    {"policy": "standard", "absolute": 2},
                    {"policy": "fixed_share", "percent": 50},
                ]
            )
        )
        for sink in sinks
    }
    return MadeUpShop(stock, shown, buffers)
