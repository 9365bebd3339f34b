"""The kit lets a good sink pass, and finds each sink that breaks a promise of the contract."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from attrs import evolve

from mpstock import (
    Change,
    Clock,
    Context,
    Finding,
    Listing,
    ListingPage,
    Observation,
    OrderPage,
    OrderStage,
    Outcome,
    OutcomeStatus,
    Rate,
)
from mpstock.errors import AdapterError, InDoubtError
from mpstock.testing import SinkContract
from tests.testing.toys import ToyMarket, ToySink, sink_spec

OK = Outcome(OutcomeStatus.OK)


class TestGood(SinkContract):
    """A sink that keeps every promise."""

    spec = sink_spec()

    def make_simulator(self, clock: Clock, skus: Sequence[str]) -> ToyMarket:
        return ToyMarket(clock, skus)


def contract_of(cls: type[ToySink]) -> TestGood:
    """Return the contract of a sink that is not good."""
    return type("Mutant", (TestGood,), {"spec": sink_spec(cls)})()


class Limited(ToySink):
    changed: dict[str, Any] = {}  # noqa: RUF012  (the subclasses' own)

    def __init__(self, settings: Any, context: Context) -> None:
        super().__init__(settings, context)
        self.limits = evolve(self.limits, **self.changed)


class TooFast(Limited):
    changed = {"rates": [Rate("all", requests=600, period=60.0)]}  # noqa: RUF012


class NoScopeOfPush(Limited):
    changed = {"push_scopes": ("writes",)}  # noqa: RUF012


class SecretAccount(Limited):
    changed = {"account": "toy:a-token-nobody-may-see"}  # noqa: RUF012


class NoOrders(Limited):
    changed = {"orders": "none"}  # noqa: RUF012


class FallsByItself(Limited):
    changed = {"self_decrements": "no"}  # noqa: RUF012


class FirstPage(ToySink):
    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        async for page in super().listings(cursor):
            yield evolve(page, listings=page.listings[:100])


class FirstPageOfStock(ToySink):
    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        async for page in super().observe(listings):
            yield page[:100] if listings is None else page


class FirstPageOfOrders(ToySink):
    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        async for page in super().orders(cursor):
            yield evolve(page, orders=page.orders[:100])


class RandomIds(ToySink):
    numbers = itertools.count()

    def external_id(self, row: Any) -> str:
        return f"{row['id']}-{next(self.numbers)}"


class ListsHalf(ToySink):
    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        async for page in super().listings(cursor):
            yield evolve(page, listings=page.listings[::2])


class CompleteTwice(ToySink):
    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        async for page in super().listings(cursor):
            yield evolve(page, listings=page.listings[:3])
            yield evolve(page, listings=page.listings[3:])


class SwallowsErrors(ToySink):
    async def get(self, path: str) -> Any:
        try:
            return await super().get(path)
        except AdapterError:
            return []


class LeavesUnknownOut(ToySink):
    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        async for page in super().observe(listings):
            yield [one for one in page if one.external_id.startswith("10")]


class Remembers(ToySink):
    """Tells what it sent instead of asking."""

    def __init__(self, settings: Any, context: Context) -> None:
        super().__init__(settings, context)
        self.sent: dict[tuple[str, str], int] = {}

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        self.sent |= {(one.listing.external_id, one.listing.warehouse): one.new for one in changes}
        return await super().push(changes)

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        async for page in super().observe(listings):
            yield [
                evolve(one, quantity=self.sent.get((one.external_id, one.warehouse), one.quantity))
                for one in page
            ]


class Reverses(ToySink):
    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        return list(await super().push(changes))[::-1]


class OneOutcomeForAll(ToySink):
    def told(self, answer: Any, count: int) -> list[Outcome]:
        told = super().told(answer, count)
        return (
            told if all(one == OK for one in told) else [Outcome(OutcomeStatus.ERROR, "bad", "bad")] * count
        )


class AlwaysOk(ToySink):
    def told(self, answer: Any, count: int) -> list[Outcome]:
        return [OK] * count


class ErrorWhereNobodyKnows(ToySink):
    def told(self, answer: Any, count: int) -> list[Outcome]:
        told = super().told(answer, count)
        doubt = Outcome(OutcomeStatus.ERROR, message="cannot be read")
        return [doubt if one.status is OutcomeStatus.DOUBT else one for one in told]


class FillsUpWithOk(ToySink):
    def told(self, answer: Any, count: int) -> list[Outcome]:
        if answer.status_code != 200:
            return super().told(answer, count)
        return [*map(self.outcome, answer.json()["told"]), *[OK] * count][:count]


class SendsAgain(ToySink):
    async def send(self, rows: Any) -> Any:
        try:
            return await super().send(rows)
        except InDoubtError:
            return await super().send(rows)


class SendsOneByOne(ToySink):
    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        self.refuse_misuse(changes)
        return [outcome for one in changes for outcome in await super(SendsOneByOne, self).push([one])]


class AnyBatch(ToySink):
    def refuse_misuse(self, changes: Sequence[Change]) -> None:
        pass


class WaitsWithoutEnd(ToySink):
    def outcome(self, word: str) -> Outcome:
        return evolve(super().outcome(word), retry_after=None)


class WaitIsError(ToySink):
    def outcome(self, word: str) -> Outcome:
        return OK if word == "ok" else Outcome(OutcomeStatus.ERROR, word, word)


class ChecksByWriting(ToySink):
    async def check(self) -> AsyncIterator[Finding]:
        await self.send([])
        yield Finding("ok", "account", "it can be written to")


class TellsKeyAnew(ToySink):
    numbers = itertools.count()

    def key(self, row: Any) -> str:
        return f"{row['key']}/{next(self.numbers)}"


class ReturnIsCancel(ToySink):
    def stage(self, word: str) -> OrderStage:
        return OrderStage.CANCELLED if word == "returned" else OrderStage(word)


class NeverAssembled(ToySink):
    def stage(self, word: str) -> OrderStage:
        return OrderStage.PLACED if word == "assembled" else super().stage(word)


class InUnitsOfItsOwn(ToySink):
    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        async for page in super().orders(cursor):
            yield evolve(page, orders=[evolve(one, quantity=one.quantity * 6) for one in page.orders])


class OrdersLate(ToySink):
    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        async for page in super().orders(cursor):
            yield evolve(page, as_of=self.context.clock.now() + timedelta(0))


class BadCursorIsNothing(ToySink):
    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        async for page in super().orders(cursor):
            yield evolve(page, orders=page.orders if cursor is None else [])


class FollowsRedirects(ToySink):
    async def get(self, path: str) -> Any:
        async with httpx.AsyncClient(follow_redirects=True) as client:
            answer = await client.get(f"{self.url}{path}", headers={"Client-Id": "12345"})
            if answer.url.path == path:
                return await super().get(path)
        raise AdapterError("it answered something else")


WRITE = "test_write_that_goes_wrong_says_what_is_known_and_is_not_repeated"
BROKEN: list[tuple[type[ToySink], str, tuple[Any, ...], str]] = [
    (TooFast, "test_its_own_limits_keep_it_from_429", (), "declared rates are too high"),
    (NoScopeOfPush, "test_limits_make_sense", (), "are not all in"),
    (NoScopeOfPush, "test_requests_name_their_declared_scopes", (), "push_scopes says"),
    (SecretAccount, "test_limits_make_sense", (), "stands in limits"),
    (NoOrders, "test_orders_are_told_as_declared", (), "would end"),
    (FallsByItself, "test_shown_falls_with_an_order_as_declared", (), "5 show, and 3 is told"),
    (FirstPage, "test_listings_of_several_pages_are_all_told", (), "are not listed"),
    (FirstPageOfStock, "test_observations_of_several_pages_are_all_told", (), "out that show"),
    (FirstPageOfOrders, "test_orders_of_several_pages_are_all_told", (), "are ordered, 100 orders are told"),
    (RandomIds, "test_ids_are_stable", (), "at the second"),
    (ListsHalf, "test_listings_are_told_once_and_all", (), "not listed"),
    (CompleteTwice, "test_listings_are_told_once_and_all", (), "last page"),
    (SwallowsErrors, "test_lasting_fault_of_a_read_is_an_error", ("observe", "500"), "nothing was raised"),
    (SwallowsErrors, "test_check_tells_refused_credentials", (401,), "check finds no error"),
    (LeavesUnknownOut, "test_observe_of_a_listing_that_is_not_there", (), "says nothing of them"),
    (Remembers, "test_accepted_write_that_was_not_applied_is_seen", (), "tells what was sent"),
    (Reverses, "test_refused_change_harms_no_neighbour", (), "is not there"),
    (OneOutcomeForAll, "test_refused_change_harms_no_neighbour", (), "is error, and shows 4"),
    (AlwaysOk, "test_refused_change_harms_no_neighbour", (), "that is ERROR"),
    (AlwaysOk, WRITE, ("a page for people",), "not DOUBT"),
    (AlwaysOk, WRITE, ("no text at all",), "not DOUBT"),
    (ErrorWhereNobodyKnows, "test_write_whose_answer_cannot_be_read_is_not_taken_as_refused", (), "applied"),
    (FillsUpWithOk, "test_answer_that_leaves_a_change_out_is_no_success", (), "and all are OK"),
    (SendsAgain, WRITE, ("500",), "sent again"),
    (SendsAgain, WRITE, ("connection lost after the commit",), "sent again"),
    (SendsOneByOne, "test_full_batch_is_one_request_and_more_is_an_error", (), "one request"),
    (AnyBatch, "test_full_batch_is_one_request_and_more_is_an_error", (), "DID NOT RAISE"),
    (WaitsWithoutEnd, "test_pair_that_was_written_a_moment_ago_waits", (), "retry_after is missing"),
    (WaitIsError, "test_pair_that_was_written_a_moment_ago_waits", (), "written twice"),
    (ChecksByWriting, "test_check_finds_something_and_changes_nothing", (), "request that writes"),
    (TellsKeyAnew, "test_order_is_told_under_its_key", (), "bought"),
    (ReturnIsCancel, "test_cancel_after_it_was_handed_over_frees_nothing", (), "told is cancelled"),
    (NeverAssembled, "test_stages_follow_the_order", (), "told is placed"),
    (InUnitsOfItsOwn, "test_order_is_told_under_its_key", (), "2 units were bought"),
    (OrdersLate, "test_orders_as_of_is_when_the_request_began", (), "clock.now"),
    (
        BadCursorIsNothing,
        "test_foreign_orders_cursor_is_answered_with_all_open_orders_or_an_error",
        ("",),
        "foreign cursor",
    ),
    (FollowsRedirects, "test_secrets_do_not_follow_a_redirect", (302,), "taken to the host"),
]


@pytest.mark.parametrize(("cls", "test", "arguments", "says"), BROKEN)
def test_a_broken_promise_is_found(
    cls: type[ToySink], test: str, arguments: tuple[Any, ...], says: str
) -> None:
    """Each sink that breaks one promise fails at its test, with words that lead to the mistake."""
    with pytest.raises((AssertionError, pytest.fail.Exception), match=says):
        getattr(contract_of(cls), test)(*arguments)


def test_a_sink_without_orders_may_say_nothing() -> None:
    """A sink of `"none"` that yields no page keeps its promise, and is asked for none of the others."""

    class Silent(NoOrders):
        async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
            none: list[OrderPage] = []
            for page in none:
                yield page

    contract = contract_of(Silent)
    contract.test_orders_are_told_as_declared()
    with pytest.raises(pytest.skip.Exception, match=r"limits.orders is not each"):
        contract.test_order_is_told_under_its_key()
