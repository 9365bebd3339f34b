"""The sink: the stores of one cabinet at Yandex Market."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

from mpstock import (
    AccountWarehouse,
    Change,
    Context,
    Finding,
    Limits,
    Listing,
    ListingPage,
    Observation,
    OrderPage,
    Outcome,
    OutcomeStatus,
)
from mpstock.errors import ConfigurationError, PluginContractError, RejectedError, TransientError
from mpstock_yandex import checks, limits, refusals, wire
from mpstock_yandex.calls import Calls
from mpstock_yandex.orders import read_orders
from mpstock_yandex.settings import YandexSettings
from mpstock_yandex.stores import Stores

__all__ = ["YandexSink"]

_STORES_AGE = 3600.0
"""Seconds for which the list of warehouses is good: they are opened and grouped by hand, in the cabinet."""


class YandexSink:
    """Pushes stock to the stores of one cabinet (FBS, Express, DBS), and reads it back."""

    def __init__(self, settings: YandexSettings, context: Context) -> None:
        for code in context.warehouses:
            if not code or wire.as_code(code) != code:
                raise ConfigurationError(
                    f"the code {code!r} is no store of Yandex Market's: it is the number of the campaign "
                    "(`mpstock check` names those of the cabinet)",
                    place=f"sinks.{context.name}.warehouses",
                )
        self._settings = settings
        self._context = context
        self._calls = Calls(settings, context)
        self._stores: Stores | None = None
        self._stores_at = 0.0
        self._limits = Limits(
            account=f"yandex:{settings.business_id}",
            batch=limits.BATCH,
            maximum=limits.MAXIMUM,
            rates=limits.RATES,
            push_scopes=limits.STOCKS,
            by_warehouse=True,
            observe_batch=limits.STOCKS_ASKED,
            observe_whole=True,
            # What `observe` tells is AVAILABLE: an order moves its units to FREEZE by itself.
            self_decrements="yes",
            orders="each" if settings.orders else "none",
            visible_after=limits.VISIBLE_AFTER,
        )

    @property
    def limits(self) -> Limits:
        """2,000 SKUs a request, 100,000 a minute, four requests at once."""
        return self._limits

    # ------------------------------------------------------------------ push

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Send one PUT /v2/campaigns/{campaignId}/offers/stocks, in which each SKU stands once.

        A change that would spoil the whole request is refused here. What does not fit into a body of 512 KB
        is told as not sent.

        Raises (besides what the transport lets through):
            PluginContractError: more than `limits.batch` changes, or changes of several stores.
            NotSentError: 420, too many requests.
            RejectedError: the Market does not know the method any more.
        """
        if not changes:
            return []
        store = _one_store(changes)
        outcomes: dict[int, Outcome] = {}
        for index, change in enumerate(changes):
            refused = _refused_here(change)
            if refused is not None:
                outcomes[index] = refused
        _collapse(changes, outcomes)
        sent = [index for index in range(len(changes)) if index not in outcomes]
        rows = [(changes[index].listing.external_id, changes[index].new) for index in sent]
        room = wire.fitting(rows, limits.LONGEST_BODY)
        for index in sent[room:]:
            outcomes[index] = Outcome(
                OutcomeStatus.UNSENT, message="the request was full: 512 KB are its most"
            )
        if rows:
            batch = [changes[index] for index in sent[:room]]
            answer = await self._calls.put_stocks(store, rows[:room])
            words = self._calls.words(answer)
            if answer.status_code in refusals.NO_SUCH_METHOD:
                raise RejectedError(
                    f"the write of stocks to store {store} was refused with {answer.status_code}: {words}. "
                    "Yandex Market may have changed the method: look for a newer mpstock-yandex",
                    adapter=self._context.name,
                    code=str(answer.status_code),
                )
            judged = refusals.judge(answer.status_code, answer.content, words, batch)
            outcomes.update(zip(sent[:room], judged, strict=True))
        return [outcomes[index] for index in range(len(changes))]

    # --------------------------------------------------------------- read back

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        """Read what may be ordered now (AVAILABLE) and, apart, what is kept for orders (FREEZE).

        Only the seller's own warehouse of a store counts: the Market's warehouse of returns, which the same
        answer may tell, is none that is written to.
        """
        stores = await self._known_stores()
        if listings is None:
            for store in self._context.warehouses:
                async for shown in self._whole(store, stores):
                    yield shown
            return
        by_store: dict[str, list[Listing]] = {}
        for listing in listings:
            by_store.setdefault(listing.warehouse, []).append(listing)
        for store, wanted in by_store.items():
            usable = [one for one in wanted if wire.usable_sku(one.external_id)]
            own = stores.warehouses_of(store)
            if not own:
                usable = []
            asked = {id(one) for one in usable}
            unknown = [Observation(one.external_id, store, None) for one in wanted if id(one) not in asked]
            if unknown:
                yield unknown
            for start in range(0, len(usable), limits.STOCKS_ASKED):
                part = usable[start : start + limits.STOCKS_ASKED]
                page = await self._calls.stocks_of(
                    store, list(dict.fromkeys(one.external_id for one in part))
                )
                rows = _by_offer(page.rows, own)
                yield [_observed(one.external_id, store, rows.get(one.external_id)) for one in part]

    async def _whole(self, store: str, stores: Stores) -> AsyncIterator[Sequence[Observation]]:
        own = stores.warehouses_of(store)
        told: set[str] = set()
        async for page in self._calls.stocks(store):
            rows = {offer: row for offer, row in _by_offer(page.rows, own).items() if offer not in told}
            told.update(rows)
            yield [_observed(offer, store, row) for offer, row in rows.items()]

    # ---------------------------------------------------------------- listings

    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        """Walk over the catalogue, then its archive; yield nothing if the walk of `cursor` is young enough.

        The Market does not tell what changed, so each walk is over everything. An offer is a listing of the
        stores that it is placed in; what is hidden there is one too, so that its number is right when it is
        shown again. An archived offer is a listing with a problem.
        """
        started = self._context.clock.now()
        if not self._context.warehouses or self._is_fresh(cursor, started):
            return
        stores = await self._known_stores()
        waiting: list[Listing] | None = None
        told: set[str] = set()
        for archived in (False, True):
            async for page in self._calls.offers(archived=archived):
                if waiting is not None:
                    yield ListingPage(waiting)
                for fault in page.faults:
                    self._context.logger.debug("skipped: %s", fault)
                fresh = [offer for offer in page.offers if offer.offer_id not in told]
                told.update(offer.offer_id for offer in fresh)
                waiting = [
                    self._listing(offer, store, stores, archived or offer.archived)
                    for offer in fresh
                    for store in self._context.warehouses
                    if offer.campaigns is None or offer.campaigns & stores.sharing(store)
                ]
        yield ListingPage(waiting or [], cursor=self._cursor(started), complete=True)

    def _listing(self, offer: wire.Offer, store: str, stores: Stores, archived: bool) -> Listing:
        problem = stores.problem(store)
        if not problem and archived:
            problem = "the offer is in the archive: take it out of there to sell it"
        skus: Mapping[str, tuple[str, ...]] = {
            "offer_id": (offer.offer_id,),
            "barcode": tuple(offer.barcodes),
            "vendor_code": (offer.vendor_code,) if offer.vendor_code else (),
        }
        if not problem and not skus[self._settings.match_by]:
            problem = f"the offer has no {self._settings.match_by} to be matched by"
        return Listing(
            external_id=offer.offer_id,
            warehouse=store,
            skus=skus[self._settings.match_by],
            keys={name: list(found) for name, found in skus.items() if found},
            problem=problem,
        )

    def _cursor(self, walked_at: datetime) -> str:
        return json.dumps({"walked_at": walked_at.isoformat(), "made_for": self._made_for()})

    def _made_for(self) -> str:
        """Name what listings depend on besides the catalogue, so that changed settings start a new walk."""
        return "|".join((self._limits.account, self._settings.match_by, *sorted(self._context.warehouses)))

    def _is_fresh(self, cursor: str | None, now: datetime) -> bool:
        try:
            state = json.loads(cursor or "")
            age = now - datetime.fromisoformat(state["walked_at"])
            made_for = state["made_for"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return False
        return timedelta(0) <= age < self._settings.listings_max_age and made_for == self._made_for()

    # ------------------------------------------------------- orders and checks

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        """Read the cabinet's orders of FBS, Express and DBS; each item of an order is one `Order`.

        The Market does not say when an order came to its stage.
        """
        if not self._settings.orders:
            return
        stores = await self._known_stores()
        lookback = self._settings.orders_lookback
        async for page in read_orders(self._calls, self._context, stores, cursor, lookback):
            yield page

    async def account_warehouses(self) -> list[AccountWarehouse]:
        """Return the cabinet's stores that have a warehouse of the seller's own."""
        return checks.account_warehouses(await self._calls.warehouses())

    async def check(self) -> AsyncIterator[Finding]:
        """Look at the token and its rights, the cabinet, the configured stores, the clock, the orders."""
        async for finding in checks.findings(self._settings, self._context, self._calls):
            yield finding

    async def _known_stores(self) -> Stores:
        """Return the stores, read anew once an hour; an old list is better than none."""
        now = self._context.clock.monotonic()
        if self._stores is not None and now - self._stores_at < _STORES_AGE:
            return self._stores
        try:
            rows = await self._calls.warehouses()
        except TransientError as error:
            if self._stores is None:
                raise
            self._context.logger.warning("the list of warehouses is that of an hour ago: %s", error)
            return self._stores
        self._stores = Stores(tuple(rows), self._context.warehouses)
        self._stores_at = now
        return self._stores


def _one_store(changes: Sequence[Change]) -> str:
    if len(changes) > limits.BATCH:
        raise PluginContractError(f"one push takes at most {limits.BATCH} changes, not {len(changes)}")
    stores = {change.listing.warehouse for change in changes}
    if len(stores) > 1:
        raise PluginContractError(f"one push serves one store, not {sorted(stores)}")
    return stores.pop()


def _refused_here(change: Change) -> Outcome | None:
    if not wire.usable_sku(change.listing.external_id):
        told = f"{change.listing.external_id!r} is no SKU of Yandex Market's: 1 to 255 letters; not sent"
        return Outcome(OutcomeStatus.ERROR, "BadSku", told)
    if not 0 <= change.new <= limits.MAXIMUM:
        told = f"Yandex Market takes 0 to {limits.MAXIMUM}, not {change.new}; not sent"
        return Outcome(OutcomeStatus.ERROR, "BadCount", told)
    return None


def _collapse(changes: Sequence[Change], outcomes: dict[int, Outcome]) -> None:
    """Let the lowest of several numbers for one SKU stand: two in one request spoil it."""
    lowest: dict[str, int] = {}
    for index, change in enumerate(changes):
        if index in outcomes:
            continue
        sku = change.listing.external_id
        other = lowest.setdefault(sku, index)
        if other != index:
            loser = index
            if change.new < changes[other].new:
                lowest[sku], loser = index, other
            told = f"SKU {sku!r} is twice in one push; the lowest number was sent"
            outcomes[loser] = Outcome(OutcomeStatus.ERROR, "DuplicateSku", told)


def _by_offer(rows: Sequence[wire.StockRow], own: Sequence[int]) -> dict[str, wire.StockRow]:
    """Return one row for each offer: of the store's own warehouse, else of one that shares its stock."""
    found: dict[str, wire.StockRow] = {}
    place = {warehouse: index for index, warehouse in enumerate(own)}
    for row in rows:
        if row.warehouse not in place:
            continue
        other = found.get(row.offer_id)
        if other is None or place[row.warehouse] < place[other.warehouse]:
            found[row.offer_id] = row
    return found


def _observed(external_id: str, store: str, row: wire.StockRow | None) -> Observation:
    if row is None:
        return Observation(external_id, store, 0)
    return Observation(external_id, store, row.available, row.frozen)
