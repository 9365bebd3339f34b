"""What the contract tests of a sink are told by the plugin's author, and how they ask it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from attrs import evolve

from mpstock.clock import Clock
from mpstock.interfaces import Limits, Sink
from mpstock.model import Change, Listing, ListingPage, Observation, Order, OrderPage, Outcome
from mpstock.simulation import Request, SinkSimulator
from mpstock.testing.bench import Bench, walked
from mpstock.testing.contract import Contract, kit
from mpstock.testing.virtual import VirtualClock

__all__ = ["Pair", "SinkBench", "SinkSetting", "articles", "changes_of", "matching", "pair"]

SinkBench = Bench[SinkSimulator, Sink]

Pair = tuple[str, str]
"""The sink's id of an offer and the code of a sink warehouse."""


@kit
class SinkSetting(Contract):
    """What an author says of a sink and its double."""

    kind: ClassVar[str] = "sinks"

    skus: ClassVar[tuple[str, ...]] = ("A-1", "Кружка «синяя» 0,5 л", "00123", "Ёж-ß-中", "a.b_c")
    """Articles that the marketplace can have: five at least."""

    rows: ClassVar[int] = 250
    """How many articles make lists of several pages: more than one answer of the marketplace holds."""

    unknown_id: ClassVar[str] = "999999999"
    """An id of the sink's own kind that the account does not have; one of digits is counted on from."""

    assembles: ClassVar[bool] = True
    """False: the marketplace knows no stage between ordered and handed over."""

    ended: ClassVar[bool] = True
    """False: the marketplace does not tell orders that were shipped or cancelled."""

    limited: ClassVar[int] = 30
    """How many full pushes are sent back to back to see that the double refuses none of them for haste."""

    # -- what the author writes ----------------------------------------------------------

    def make_simulator(self, clock: Clock, skus: Sequence[str]) -> SinkSimulator:
        """Return the double on this clock; it sells these articles and shows nothing of them."""
        raise NotImplementedError(f"{type(self).__name__} needs make_simulator(self, clock, skus)")

    # -- helpers -------------------------------------------------------------------------

    def make_double(self, clock: Clock) -> SinkSimulator:
        """Return the double as a test finds it."""
        return self.make_simulator(clock, self.skus)

    def declared(self) -> Limits:
        """Return what the sink says of itself, without a bench to play on."""
        clock = VirtualClock()
        limits: Limits = self.make_bench(self.make_double(clock), clock, self.url).adapter.limits
        assert isinstance(limits.batch, int), f"limits.batch must be int, not {limits.batch!r}"
        return limits

    async def listings(self, bench: SinkBench) -> list[Listing]:
        """Return the listings that can be served."""
        told = await walked(bench.adapter.listings(None))
        assert told.error is None, f"listings raised {told.error!r} from a double that works"
        return [one for page in told.pages for one in page.listings if not one.problem]

    async def of_one_warehouse(self, bench: SinkBench) -> list[Listing]:
        """Return the listings of the first warehouse: one push serves one, where `by_warehouse` is set."""
        found = await self.listings(bench)
        return [one for one in found if one.warehouse == found[0].warehouse]

    async def observe(self, bench: SinkBench, listings: Sequence[Listing] | None) -> dict[Pair, Observation]:
        """Return what the sink shows; fail where a listing is told twice."""
        told = await walked(bench.adapter.observe(listings))
        assert told.error is None, f"observe raised {told.error!r} from a double that works"
        shown: dict[Pair, Observation] = {}
        for one in (one for page in told.pages for one in page):
            assert isinstance(one, Observation), f"{one!r} is no mpstock.Observation"
            key = (one.external_id, one.warehouse)
            assert key not in shown, f"{key} is told twice in one observe"
            shown[key] = one
        return shown

    async def quantities(self, bench: SinkBench, listings: Sequence[Listing]) -> list[int | None]:
        """Return what the sink shows for these listings, in their order."""
        shown = await self.observe(bench, listings)
        lacking = [pair(one) for one in listings if pair(one) not in shown]
        assert not lacking, f"observe was asked for {lacking} and says nothing of them"
        return [shown[pair(one)].quantity for one in listings]

    async def push(self, bench: SinkBench, *numbers: tuple[Listing, int]) -> list[Outcome]:
        """Push, and fail unless there is one outcome for each change."""
        changes = changes_of(numbers)
        outcomes = list(await bench.adapter.push(changes))
        assert len(outcomes) == len(changes), f"{len(changes)} changes, and {len(outcomes)} outcomes"
        for outcome in outcomes:
            assert isinstance(outcome, Outcome), f"{outcome!r} is no mpstock.Outcome"
        return outcomes

    async def rest(self, bench: SinkBench) -> None:
        """Wait until every pair may be written again."""
        await bench.clock.sleep(max(bench.adapter.limits.pair_cooldown, self.settle) + 1.0)

    async def all_orders(
        self, bench: SinkBench, cursor: str | None = None
    ) -> tuple[list[Order], list[OrderPage]]:
        """Read the orders, each once; fail if that fails, or one is told twice and differently."""
        told = await walked(bench.adapter.orders(cursor))
        assert told.error is None, f"orders({cursor!r}) raised {told.error!r} from a double that works"
        orders: dict[str, Order] = {}
        for one in (one for page in told.pages for one in page.orders):
            assert isinstance(one, Order), f"{one!r} is no mpstock.Order"
            assert one.key, f"an order without a key: {one}"
            before = orders.setdefault(one.key, one)
            assert (before.stage, before.quantity) == (one.stage, one.quantity), (
                f"told twice in one reading, while nothing moved, and not the same: {before}, {one}"
            )
        return list(orders.values()), told.pages

    async def walk(self, bench: SinkBench, cursor: str | None = None) -> list[ListingPage]:
        """Walk over the listings to the end."""
        told = await walked(bench.adapter.listings(cursor))
        assert told.error is None, f"listings({cursor!r}) raised {told.error!r} from a double that works"
        return told.pages

    def unknown(self, like: Listing, number: int = 0) -> Listing:
        """Return a listing that the account does not have."""
        digits = self.unknown_id.isdecimal()
        text = str(int(self.unknown_id) + number) if digits else f"{self.unknown_id}{number or ''}"
        return evolve(like, external_id=text, skus=(text,), keys={})

    async def write_of(self, bench: SinkBench) -> tuple[str, str]:
        """Return method and path of the request that writes, learnt from one push of what is shown anyhow."""
        from urllib.parse import unquote, urlsplit

        listing = (await self.of_one_warehouse(bench))[0]
        await self.push(bench, (listing, 0))
        await self.rest(bench)
        writes = [one for one in bench.requests if one.push]
        assert writes, "push sent nothing that is marked push=True; without it a write may be sent twice"
        return writes[-1].method, unquote(urlsplit(writes[-1].url).path)

    @staticmethod
    def arrived(bench: SinkBench, write: tuple[str, str]) -> int:
        """Return how many writes have come to the double."""
        return sum((one.method, one.path) == write for one in bench.simulator.requests)


def articles(count: int) -> list[str]:
    """Return the articles of a shop of that size."""
    return [f"SKU-{number:05d}" for number in range(count)]


def pair(listing: Listing) -> Pair:
    """Return what a listing is known by."""
    return listing.external_id, listing.warehouse


def changes_of(numbers: Iterable[tuple[Listing, int]]) -> list[Change]:
    """Return the changes that set these quantities."""
    return [Change(listing, None, number, "test") for listing, number in numbers]


def matching(write: tuple[str, str]) -> Any:
    """Return a match for the requests that write."""

    def matches(request: Request) -> bool:
        return (request.method, request.path) == write

    return matches
