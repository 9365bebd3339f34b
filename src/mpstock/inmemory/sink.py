"""A marketplace account that lives in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Literal

from attrs import evolve, frozen

from mpstock.clock import Clock, SystemClock
from mpstock.errors import InDoubtError, RejectedError
from mpstock.inmemory.paging import pages_of
from mpstock.interfaces import Limits, Rate
from mpstock.model import (
    AccountWarehouse,
    Change,
    Finding,
    Listing,
    ListingPage,
    Observation,
    Order,
    OrderPage,
    OrderStage,
    Outcome,
    OutcomeStatus,
)

__all__ = ["InMemorySink"]


@frozen
class _Refusal:
    """An outcome that waits for a listing to be written."""

    outcome: Outcome
    external_id: str
    warehouse: str | None
    times: int


@frozen
class _Failure:
    """An error that waits for a push; `applied` says what becomes of the push's changes."""

    error: Exception
    applied: bool


class InMemorySink:
    """A marketplace account that is a dictionary.

    `sells` are the skus (each then its own `external_id`, in every one of `warehouses`) or the listings
    themselves. `shown` is what buyers see, by (external id, warehouse code), and may be written to, as
    someone in the cabinet would. `pushes` are the requests that came in.

    The keyword arguments after `account` are those of `Limits`. A push that breaks a limit is answered
    as a marketplace would: too many changes at once with an error for the request, a quantity out of
    range or a listing that is not there with an error for the item, a listing that was written less than
    `pair_cooldown` ago with `WAIT`.
    """

    def __init__(
        self,
        sells: Iterable[str | Listing] = (),
        *,
        warehouses: Sequence[str] = ("main",),
        shown: Mapping[tuple[str, str], int] | None = None,
        clock: Clock | None = None,
        page: int = 1000,
        account: str = "memory",
        batch: int = 100,
        maximum: int = 1_000_000,
        rates: Sequence[Rate] = (),
        push_scopes: tuple[str, ...] = (),
        pair_cooldown: float = 0.0,
        by_warehouse: bool = False,
        observe_batch: int = 1000,
        observe_whole: bool = True,
        self_decrements: Literal["yes", "no", "unknown"] = "no",
        orders: Literal["each", "total", "none"] = "each",
        visible_after: float = 0.0,
    ) -> None:
        self.clock = clock or SystemClock()
        self.lowers = self_decrements == "yes"
        """Whether the shown number really falls by itself when a buyer orders."""
        self.raises_on_cancel = False
        """Whether the shown number rises by itself when an order is cancelled."""
        self.apply_delay = 0.0
        """Seconds after which an accepted write is shown."""
        self.ignores_writes = False
        """Whether writes are accepted and change nothing, as a misspelt parameter does."""
        self._late: list[tuple[float, tuple[str, str], int]] = []
        self.shown: dict[tuple[str, str], int] = dict(shown or {})
        self.reserved: dict[tuple[str, str], int] = {}
        """The account's own reserve, by (external id, warehouse code)."""
        self.pushes: list[tuple[Change, ...]] = []
        self._limits = Limits(
            account=account,
            batch=batch,
            maximum=maximum,
            rates=rates,
            push_scopes=push_scopes,
            pair_cooldown=pair_cooldown,
            by_warehouse=by_warehouse,
            observe_batch=observe_batch,
            observe_whole=observe_whole,
            self_decrements=self_decrements,
            orders=orders,
            visible_after=visible_after,
        )
        self.warehouses = tuple(warehouses)
        self._page = page
        self._listings: dict[tuple[str, str], tuple[Listing, int]] = {}
        self._orders: dict[str, tuple[Order, int]] = {}
        self._revision = 0
        self._written: dict[tuple[str, str], float] = {}
        self._refusals: list[_Refusal] = []
        self._failures: list[_Failure] = []
        self._broken_reads: list[Exception] = []
        self._broken_orders: list[Exception] = []
        for item in sells:
            self.sell_also(item)

    @property
    def limits(self) -> Limits:
        return self._limits

    def sell_also(self, item: str | Listing) -> None:
        """Add a listing, or one of a sku in every warehouse; a changed one replaces the old."""
        listings = [item] if isinstance(item, Listing) else [self._listing(item, w) for w in self.warehouses]
        for listing in listings:
            self._revision += 1
            self._listings[listing.external_id, listing.warehouse] = (listing, self._revision)

    @staticmethod
    def _listing(sku: str, warehouse: str) -> Listing:
        return Listing(sku, warehouse, (sku,), {"external_id": (sku,)})

    def sell_no_longer(self, external_id: str, warehouse: str) -> None:
        """Take a listing away; the next whole walk is without it."""
        del self._listings[external_id, warehouse]
        self.shown.pop((external_id, warehouse), None)

    async def account_warehouses(self) -> Sequence[AccountWarehouse]:
        """Return the warehouses that it was made with."""
        return [AccountWarehouse(code) for code in self.warehouses]

    def refuse(
        self,
        external_id: str,
        code: str,
        message: str = "",
        *,
        warehouse: str | None = None,
        status: OutcomeStatus = OutcomeStatus.ERROR,
        retry_after: float | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next `times` writes of a listing with this outcome; −1 = from now on."""
        outcome = Outcome(status, code, message, retry_after)
        self._refusals.append(_Refusal(outcome, external_id, warehouse, times))

    def accept(self, external_id: str) -> None:
        """Take back what `refuse` said of a listing."""
        self._refusals = [refusal for refusal in self._refusals if refusal.external_id != external_id]

    def fail_push(self, error: Exception, *, applied: bool = False, times: int = 1) -> None:
        """Let the next `times` pushes raise `error`; `applied` = their changes are taken all the same."""
        self._failures += [_Failure(error, applied)] * times

    def doubt(self, *, applied: bool, times: int = 1) -> None:
        """Let the next `times` pushes end in doubt: applied or not, the caller is not told."""
        self.fail_push(InDoubtError("the connection was lost"), applied=applied, times=times)

    def fail_read(self, error: Exception, *, times: int = 1) -> None:
        """Let the next `times` reads (listings, observe) raise `error`."""
        self._broken_reads += [error] * times

    def fail_orders(self, error: Exception, *, times: int = 1) -> None:
        """Let the next `times` readings of the orders raise `error`."""
        self._broken_orders += [error] * times

    def buy(self, external_id: str, quantity: int, warehouse: str, *, key: str | None = None) -> Order:
        """A buyer orders: the shown number falls by itself where `lowers` is set.

        Raises:
            ValueError: buyers are not shown so many.
        """
        self.catch_up()
        pair = (external_id, warehouse)
        if not 0 < quantity <= self.shown.get(pair, 0):
            raise ValueError(f"{external_id} shows {self.shown.get(pair, 0)}: {quantity} cannot be bought")
        self._revision += 1
        order = Order(key or f"order-{self._revision}", external_id, quantity, self.clock.now(), warehouse)
        self._orders[order.key] = (order, self._revision)
        self.reserved[pair] = self.reserved.get(pair, 0) + quantity
        if self.lowers:
            self.shown[pair] -= quantity
        return order

    def assemble(self, key: str) -> None:
        """Let the seller set an order aside."""
        self._move(key, OrderStage.ASSEMBLED)

    def ship(self, key: str) -> None:
        """Hand an order over."""
        self._move(key, OrderStage.SHIPPED)

    def cancel(self, key: str) -> None:
        """Let the buyer cancel; once it is handed over that changes nothing of its stage."""
        self._move(key, OrderStage.CANCELLED)

    def forget(self, key: str) -> None:
        """Tell of an order no longer, as if it had ended nobody knows how."""
        order, _ = self._orders.pop(key)
        self._unreserve(order)

    def _move(self, key: str, stage: OrderStage) -> None:
        order = self._orders[key][0]
        if order.stage in (OrderStage.SHIPPED, OrderStage.CANCELLED):
            return
        self._revision += 1
        self._orders[key] = (evolve(order, stage=stage, stage_at=self.clock.now()), self._revision)
        if stage is OrderStage.ASSEMBLED:
            return
        self._unreserve(order)
        pair = (order.external_id, order.warehouse or self.warehouses[0])
        if stage is OrderStage.CANCELLED and self.raises_on_cancel:
            self.shown[pair] = self.shown.get(pair, 0) + order.quantity

    def _unreserve(self, order: Order) -> None:
        if order.stage in (OrderStage.PLACED, OrderStage.ASSEMBLED):
            self.reserved[order.external_id, order.warehouse or self.warehouses[0]] -= order.quantity

    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        self._read()
        revision, since = self._revision, _number(cursor)
        found = [item for item, changed in self._listings.values() if since is None or changed > since]
        pages = list(pages_of(found, self._page))
        for number, page in enumerate(pages):
            last = number == len(pages) - 1
            yield ListingPage(page, str(revision) if last else None, complete=last and since is None)

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        self._read()
        if listings is None:
            if not self._limits.observe_whole:
                raise RejectedError("this account is read by listing only", code="OBSERVE_WHOLE")
            pairs = list(self.shown)
        else:
            pairs = [(listing.external_id, listing.warehouse) for listing in listings]
        size = self._limits.observe_batch
        for page in pages_of(pairs, size) if pairs else ():
            yield [Observation(*pair, self.shown.get(pair, 0), self.reserved.get(pair, 0)) for pair in page]

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        if self._broken_orders:
            raise self._broken_orders.pop(0)
        as_of, revision, since = self.clock.now(), self._revision, _number(cursor)
        open_stages = (OrderStage.PLACED, OrderStage.ASSEMBLED)
        if self._limits.orders == "total":
            found = [
                Order(f"{external_id}@{warehouse}", external_id, units, as_of, warehouse)
                for (external_id, warehouse), units in self.reserved.items()
                if units > 0
            ]
        else:
            found = [
                order
                for order, changed in self._orders.values()
                if order.stage in open_stages or since is None or changed > since
            ]
        pages = list(pages_of(found, self._page))
        for number, page in enumerate(pages):
            last = number == len(pages) - 1
            yield OrderPage(page, as_of, str(revision) if last else None, complete=last)

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        self.pushes.append(tuple(changes))
        if not 1 <= len(changes) <= self._limits.batch:
            raise RejectedError(f"{len(changes)} changes in one request", code="BATCH")
        if self._limits.by_warehouse and len({change.listing.warehouse for change in changes}) > 1:
            raise RejectedError("changes of several warehouses in one request", code="WAREHOUSE")
        failure = self._failures.pop(0) if self._failures else None
        applied = failure is None or failure.applied
        outcomes = [self._write(change) for change in changes] if applied else []
        if failure is not None:
            raise failure.error
        return outcomes

    def catch_up(self) -> None:
        """Show the late writes whose time has come; whatever reads the account does so first."""
        now = self.clock.monotonic()
        while self._late and self._late[0][0] <= now:
            _, pair, quantity = self._late.pop(0)
            self.shown[pair] = quantity

    def _read(self) -> None:
        self.catch_up()
        if self._broken_reads:
            raise self._broken_reads.pop(0)

    def _write(self, change: Change) -> Outcome:
        pair = (change.listing.external_id, change.listing.warehouse)
        if pair not in self._listings:
            return Outcome(OutcomeStatus.ERROR, "NOT_FOUND", f"there is no listing {pair[0]} in {pair[1]}")
        if not 0 <= change.new <= self._limits.maximum:
            return Outcome(
                OutcomeStatus.ERROR, "RANGE", f"{change.new} is not from 0 to {self._limits.maximum}"
            )
        now = self.clock.monotonic()
        wait = self._limits.pair_cooldown - (now - self._written[pair]) if pair in self._written else 0.0
        if wait > 0:
            return Outcome(OutcomeStatus.WAIT, "TOO_OFTEN", "written a moment ago", retry_after=wait)
        self._written[pair] = now
        refusal = self._refusal(pair)
        if refusal is not None:
            return refusal
        if self.ignores_writes:
            return Outcome(OutcomeStatus.OK)
        self._late.append((now + self.apply_delay, pair, change.new))
        self.catch_up()
        return Outcome(OutcomeStatus.OK)

    def _refusal(self, pair: tuple[str, str]) -> Outcome | None:
        for index, refusal in enumerate(self._refusals):
            if refusal.external_id == pair[0] and refusal.warehouse in (None, pair[1]):
                if refusal.times == 1:
                    del self._refusals[index]
                elif refusal.times > 1:
                    self._refusals[index] = evolve(refusal, times=refusal.times - 1)
                return refusal.outcome
        return None

    async def check(self) -> AsyncIterator[Finding]:
        yield Finding("ok", "memory", f"{len(self._listings)} listings")


def _number(cursor: str | None) -> int | None:
    return int(cursor) if cursor is not None and cursor.isdecimal() else None
