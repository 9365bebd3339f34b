"""The engine against the slow reference, through the public `Shop`, and what holds whatever the numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, evolve, field, frozen
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mpstock import Order, OrderPage, OrderStage, Shop
from mpstock.config import Absorption, SharingSettings, SinkWarehouse
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import REGISTRY, configuration, sink_config, source_config
from tests.semantics import reference
from tests.semantics.reference import Ord, Row, Rule, Src, Stage
from tests.semantics.stories import NO_GUARD, Market

STAGES: tuple[Stage, ...] = ("order", "assembly", "shipment")
OWN = ("main", "msk")
SINKS = ("one", "two", "kits")
# (sink, sink warehouse, offer) → own warehouses that feed it. `two` sells by packs, `kits` a kit of both.
FEEDS: Mapping[tuple[str, str, str], tuple[str, ...]] = {
    ("one", "w", "A"): OWN,
    ("two", "w1", "A"): ("main",),
    ("two", "w2", "A"): ("msk",),
    ("kits", "w", "K"): OWN,
}
CODES = {"one": ("w",), "two": ("w1", "w2"), "kits": ("w",)}
OFFERS = {"one": "A", "two": "A", "kits": "K"}
KIT = {"A": 1, "B": 2}

LAST_ORDER = 130
"""Minutes after which every order of a story has come as far as it will."""

units = st.integers(-3, 12)
SLOW = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@frozen
class Bought:
    """An order to come: of which listing, when (minutes after the first run), and how far it gets."""

    listing: tuple[str, str, str]
    quantity: int
    minute: int
    fate: str
    after: int


@frozen
class Story:
    """A small world, what happens in it, and how long it is waited before the last run."""

    first: Mapping[tuple[str, str, str], int]
    second: Mapping[tuple[str, str, str], int | None]
    reserved: Mapping[tuple[str, str, str], int]
    rule: Rule
    absorbs: Mapping[tuple[str, str], tuple[Stage, int]]
    pack: int
    pick_order: tuple[str, ...]
    bought: tuple[Bought, ...]
    wait: int


def _rows(rule: str) -> list[tuple[str, str, str]]:
    """Which (source, sku, own warehouse) rows there are.

    Where goods add up, each source has warehouses of its own: an order is in one of them only.
    """
    rows = [("a", "A", "main"), ("a", "A", "msk"), ("a", "B", "main")]
    return rows + ([("b", "B", "msk")] if rule == "sum" else [("b", "A", "main"), ("b", "A", "msk")])


@st.composite
def stories(draw: st.DrawFn, *, holes: bool = True) -> Story:
    """Draw a story. `holes`: numbers may become unknown."""
    rule: Rule = draw(st.sampled_from(["sum", "first", "max", "min"]))
    rows = _rows(rule)
    first = {row: draw(units) for row in rows}
    # Half of the rows stay as they are, so that what an incremental read leaves out is met as well.
    second = {row: draw(units if not holes else st.none() | units) for row in rows if draw(st.booleans())}
    booking: st.SearchStrategy[tuple[Stage, int]] = st.tuples(
        st.sampled_from(STAGES), st.sampled_from([0, 10, 60])
    )
    bought = draw(
        st.lists(
            st.builds(
                Bought,
                st.sampled_from(sorted(FEEDS)),
                st.integers(1, 3),
                st.integers(1, 60),
                st.sampled_from(["placed", "assembled", "shipped", "both", "cancelled"]),
                st.integers(0, 10),
            ),
            max_size=3,
        )
    )
    absorbs: dict[tuple[str, str], tuple[Stage, int]] = {
        (source, sink): draw(booking) for source in ("a", "b") for sink in SINKS if draw(st.booleans())
    }
    return Story(
        first,
        second,
        {row: draw(st.integers(0, 2)) for row in rows},
        rule,
        absorbs,
        draw(st.sampled_from([1, 3])),
        draw(st.sampled_from([(), ("main", "msk"), ("msk",)])),
        tuple(sorted(bought, key=lambda order: order.minute)),
        draw(st.sampled_from([0, 5, 15, 60])),
    )


@define
class Played:
    """A story on its way: the world of the engine, and the same in the words of the reference."""

    story: Story
    folder: Path
    sharing: SharingSettings = field(factory=SharingSettings)
    market: type[Market] = Market
    clock: VirtualClock = field(factory=VirtualClock)
    sources: dict[str, InMemorySource] = field(init=False)
    markets: dict[str, Market] = field(init=False)
    said: dict[tuple[str, str, str], Row] = field(factory=dict)
    orders: list[Ord] = field(factory=list)
    shop: Shop = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sources = {name: InMemorySource(clock=self.clock) for name in ("a", "b")}
        self.markets = {
            name: self.market([OFFERS[name]], warehouses=CODES[name], clock=self.clock, account=name)
            for name in SINKS
        }
        products = self.folder / "products.csv"
        products.write_text(f"sku,components,two.pack\nA,,{self.story.pack}\nK,A:1 B:2,\n", encoding="utf-8")
        self.shop = Shop(
            configuration(
                "sqlite://",
                [self._source(name) for name in self.sources],
                [self._sink(name, number) for number, name in enumerate(SINKS, 1)],
                zeroing=NO_GUARD,
                products=products,
                sharing=self.sharing,
            ),
            plugins=REGISTRY,
            clock=self.clock,
        )

    def _source(self, name: str) -> Any:
        absorbs = {
            sink: Absorption(stage, timedelta(minutes=lag))
            for (source, sink), (stage, lag) in self.story.absorbs.items()
            if source == name
        }
        return source_config(name, self.sources[name], rule=self.story.rule, absorbs=absorbs)

    def _sink(self, name: str, priority: int) -> Any:
        warehouses = tuple(
            SinkWarehouse(
                code,
                FEEDS[name, code, OFFERS[name]],
                pick_order=self.story.pick_order if name == "one" and self.story.pick_order else None,
            )
            for code in CODES[name]
        )
        share = Decimal("0.5") if name == "one" else Decimal("0.25")
        return sink_config(name, self.markets[name], warehouses=warehouses, priority=priority, share=share)

    def tell(self, numbers: Mapping[tuple[str, str, str], int | None]) -> None:
        """Let the sources say these numbers from now on."""
        for (name, sku, own), quantity in numbers.items():
            reserved = self.story.reserved[name, sku, own]
            self.sources[name].set(sku, quantity, warehouse=own, reserved=reserved)

    def sync(self, *, full: bool = False, dry_run: bool = False) -> None:
        """One run; what it reads is noted as the reference sees it."""
        now = self.clock.now()
        for name, source in self.sources.items():
            for (sku, own), stored in source._rows.items():
                level, old = stored.level, self.said.get((name, sku, own))
                if level.quantity is not None:
                    # A read confirms all rows of its scope, those that it does not repeat as well.
                    self.said[name, sku, own] = Row(level.quantity, now, level.reserved)
                elif old is not None:
                    self.said[name, sku, own] = evolve(old, known=False)
                else:
                    self.said[name, sku, own] = Row(None, now, known=False)
        report = self.shop.sync(full=full, dry_run=dry_run)
        assert report.exit_code == 0, report
        self.clock.advance(0 if dry_run else 1)

    def _until(self, minute: int) -> None:
        self.clock.advance(max(60 * minute - self.clock.monotonic(), 0))

    def buy(self, bought: Bought) -> None:
        """Let a buyer order, and the order go as far as it goes."""
        sink, code, offer = bought.listing
        market = self.markets[sink]
        pair = (offer, code)
        shown = market.shown.get(pair, 0)
        market.shown[pair] = max(shown, bought.quantity)
        order = market.buy(offer, bought.quantity, code)
        market.shown[pair] = shown
        placed, moments = self.clock.now(), dict[str, datetime]()
        path = {"assembled": ["assemble"], "shipped": ["ship"], "both": ["assemble", "ship"]}
        for step in path.get(bought.fate, []):
            self.clock.advance(60 * bought.after)
            if step == "ship":
                self.sync(dry_run=True)
            getattr(market, step)(order.key)
            moments[step] = self.clock.now()
        if bought.fate == "cancelled":
            market.cancel(order.key)
            return
        self.orders.append(
            Ord(
                sink,
                {sku: each * bought.quantity for sku, each in self.takes(sink).items()},
                placed,
                moments.get("assemble"),
                moments.get("ship"),
                FEEDS[bought.listing],
                self.story.pick_order if sink == "one" else (),
            )
        )

    def picks_the_first(self) -> bool:
        """Whether the first warehouse of the pick order has lost everything, as the reference lets it.

        Where it had not so much when the order came, the engine takes the rest from the next.
        """
        first = {*self.story.pick_order[:1]}
        holds = self.shop.explain("A").holds if first else ()
        return all({*hold.warehouses} <= first for hold in holds if hold.origin == "one")

    def takes(self, sink: str) -> Mapping[str, int]:
        """What one of a sink's listings takes, in base units."""
        return {"one": {"A": 1}, "two": {"A": self.story.pack}, "kits": KIT}[sink]

    def reference_sources(self) -> list[Src]:
        """The sources in the words of the reference."""
        return [
            Src(
                name,
                {(sku, own): row for (source, sku, own), row in self.said.items() if source == name},
                self.story.rule,
                absorbs={
                    sink: (stage, timedelta(minutes=lag))
                    for (source, sink), (stage, lag) in self.story.absorbs.items()
                    if source == name
                },
            )
            for name in self.sources
        ]

    def shown(self) -> dict[tuple[str, str, str], int]:
        """What every listing shows."""
        return {
            (sink, code, offer): self.markets[sink].shown.get((offer, code), 0) for sink, code, offer in FEEDS
        }

    def play(self) -> dict[tuple[str, str, str], int]:
        """Play the story to its last run; returns what the listings showed before that."""
        self.tell(self.story.first)
        self.sync()
        for bought in self.story.bought:
            self._until(bought.minute)
            self.buy(bought)
        self._until(LAST_ORDER + self.story.wait)
        self.tell(self.story.second)
        before = self.shown()
        self.sync()
        return before


@SLOW
@given(stories())
def test_the_engine_is_the_reference(tmp_path_factory: Any, story: Story) -> None:
    """Levels, reserves, orders and their stages, absorption, groups, packs, kits, unknown: each number."""
    played = Played(story, tmp_path_factory.mktemp("story"))
    with played.shop:
        before = played.play()
        assume(played.picks_the_first())
        sources = played.reference_sources()
        expected = {
            listing: reference.wanted(
                reference.of_listing(played.takes(listing[0]), feeds, sources, played.orders), before[listing]
            )
            for listing, feeds in FEEDS.items()
        }
        shown = played.shown()
        assert all(shown[listing] <= expected[listing] for listing in FEEDS), (shown, expected)
        # Where it is open which warehouse an order hits, what is shown may be lower than it must be.
        if all(len(FEEDS[order.listing]) == 1 for order in story.bought):
            assert shown == expected


@SLOW
@given(stories(), st.data())
def test_less_stock_or_more_orders_never_advertise_more(
    tmp_path_factory: Any, story: Story, data: st.DataObject
) -> None:
    """Two worlds that differ in one number or one order: the poorer one shows nowhere more."""
    if data.draw(st.booleans(), "another order"):
        more = Bought(
            data.draw(st.sampled_from(sorted(FEEDS))), data.draw(st.integers(1, 3)), 30, "placed", 0
        )
        poorer = evolve(story, bought=(*story.bought, more))
    else:
        row = data.draw(st.sampled_from(sorted(story.first)))
        less = data.draw(st.integers(1, 5))
        now = {**story.first, **story.second}[row]
        second = {**story.second, row: None if now is None else now - less}
        poorer = evolve(story, second=second, first={**story.first, row: story.first[row] - less})
    shown = []
    for each in (story, poorer):
        played = Played(each, tmp_path_factory.mktemp("story"))
        with played.shop:
            played.play()
            shown.append(played.shown())
    assert all(shown[1][listing] <= shown[0][listing] for listing in FEEDS), shown


class Gossip(Market):
    """An account that tells each order at every reading, late and out of order, and its past once more."""

    seed = 0

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        told: list[Order] = []
        as_of = self.clock.now()
        async for page in super().orders(None):
            told += page.orders
            cursor = page.cursor or cursor
        past = [evolve(order, stage=OrderStage.PLACED, stage_at=None) for order in told]
        told += [*told, *past]
        Random(self.seed).shuffle(told)
        for order in told:
            yield OrderPage([order], as_of)
        yield OrderPage([], as_of, cursor, complete=True)


@SLOW
@given(stories(), st.integers(0, 5))
def test_orders_told_twice_late_and_out_of_order_end_the_same(
    tmp_path_factory: Any, story: Story, seed: int
) -> None:
    """An account that repeats everything, and what was before it, is shown the same numbers."""
    shown = []
    for gossip in (False, True):
        played = Played(story, tmp_path_factory.mktemp("story"), market=Gossip if gossip else Market)
        for market in played.markets.values():
            if isinstance(market, Gossip):
                market.seed = seed
        with played.shop:
            played.play()
            shown.append(played.shown())
    assert shown[0] == shown[1]


@SLOW
@given(stories())
def test_a_second_run_sends_nothing(tmp_path_factory: Any, story: Story) -> None:
    """Nothing has happened since: no request, also of a run that reads everything."""
    played = Played(story, tmp_path_factory.mktemp("story"))
    with played.shop:
        played.play()
        shown = played.shown()
        for market in played.markets.values():
            market.pushes.clear()
        for full in (False, True):
            # A lag may pass by a second: time stands still.
            played.clock.advance(-1)
            played.sync(full=full)
        assert played.shown() == shown
        assert [market.pushes for market in played.markets.values()] == [[], [], []]


@SLOW
@given(stories(holes=False), st.sampled_from(["split", "exclusive"]))
def test_no_unit_is_promised_twice_where_that_is_asked(
    tmp_path_factory: Any, story: Story, between: Any
) -> None:
    """Split or exclusive: all listings together take no more of a product than there is, in base units."""
    played = Played(story, tmp_path_factory.mktemp("story"), SharingSettings(between))
    with played.shop:
        played.play()
        # Raises wait for their neighbours' falls: they land by the next run.
        played.sync()
        assume(played.picks_the_first())
        sources, shown = played.reference_sources(), played.shown()
        for sku in ("A", "B"):
            # What one warehouse is short of is not taken from what another one has by itself.
            pools = [reference.of_component(sku, (own,), sources, played.orders) for own in OWN]
            there = sum(max(pool.amount or 0, 0) for pool in pools)
            promised = sum(shown[listing] * played.takes(listing[0]).get(sku, 0) for listing in FEEDS)
            assert promised <= there, (sku, promised, pools)


@SLOW
@given(stories())
def test_within_an_account_no_unit_is_promised_twice(tmp_path_factory: Any, story: Story) -> None:
    """Of `two`'s warehouses the one shows what is in main, the other what is in msk, and not more."""
    played = Played(evolve(story, second={}), tmp_path_factory.mktemp("story"))
    with played.shop:
        played.play()
        sources, shown = played.reference_sources(), played.shown()
        both = sum(shown["two", code, "A"] for code in CODES["two"]) * story.pack
        pools = [reference.of_component("A", (own,), sources, played.orders) for own in OWN]
        assert both <= sum(max(pool.amount or 0, 0) for pool in pools)
