"""The sink: one Ozon seller account."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from mpstock import (
    AccountWarehouse,
    Change,
    Context,
    Credential,
    Finding,
    Limits,
    Listing,
    ListingPage,
    Observation,
    OrderPage,
    Outcome,
    OutcomeStatus,
    Rate,
)
from mpstock.errors import (
    ConfigurationError,
    NotSentError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock_ozon import answers, checks, codes, orders, wire
from mpstock_ozon.api import ACCOUNT, WRITES, OzonApi, RowsRejectedError
from mpstock_ozon.settings import OzonSettings

__all__ = ["OzonSink"]

_LARGEST_ID = 2**63 - 1
_TOLD: Mapping[str, Literal["each", "total", "none"]] = {
    "postings": "each",
    "reserved": "total",
    "none": "none",
}


class OzonSink:
    """Pushes stock to the warehouses of one Ozon seller account, and reads it back."""

    def __init__(self, settings: OzonSettings, context: Context) -> None:
        self.settings = settings
        self.context = context
        self.warehouses = tuple(_warehouse_id(code, context.name) for code in context.warehouses)
        self.api = OzonApi(settings, context)
        self._limits = Limits(
            account=f"ozon:{settings.client_id}",
            batch=wire.BATCH,
            maximum=wire.MAXIMUM,
            rates=(
                Rate(ACCOUNT, requests=50, period=1.0),
                Rate(WRITES, requests=settings.writes_per_minute, period=60.0),
            ),
            push_scopes=(ACCOUNT, WRITES),
            pair_cooldown=codes.COOLDOWN,
            observe_batch=wire.LIST_LIMIT,
            observe_whole=True,
            # What `observe` tells is `free_stock`, "available for sale" and apart from what is reserved: an
            # order moves its units from the one to the other (Ozon Seller API, methods of reading stock).
            self_decrements="yes",
            orders=_TOLD[settings.orders],
            visible_after=codes.VISIBLE_AFTER,
        )

    @property
    def limits(self) -> Limits:
        """100 pairs a request, 80 requests a minute, 50 a second, the same pair once in 30 s."""
        return self._limits

    async def credentials(self) -> Sequence[Credential]:
        """Ask Ozon until when the key is good (POST /v1/roles)."""
        return [Credential("API key", (await self.api.key()).expires_at)]

    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        """Walk over the account's products; yield nothing if the walk of `cursor` is young enough.

        Ozon does not tell what changed, so each walk is over everything. An archived product is a
        listing with a problem.
        """
        started = self.context.clock.now()
        if not self.warehouses or self._is_fresh(cursor, started):
            return
        last_id = ""
        while True:
            products, rows, next_id = await self.api.products(last_id)
            stuck = bool(next_id) and next_id == last_id
            if stuck and rows >= wire.LIST_LIMIT:
                raise UnexpectedResponseError(
                    f"{wire.PRODUCTS} does not lead on from last_id {last_id!r}", adapter=self.context.name
                )
            if stuck:
                products = []
            # A short page is no proof of the end: the server may have lowered its limit. The price is
            # one request a walk. `total` is being renamed and proves nothing either.
            ended = stuck or not rows or not next_id
            yield ListingPage(
                [_listing(product, code) for product in products for code in self.warehouses],
                cursor=self._cursor(started) if ended else None,
                complete=ended,
            )
            if ended:
                return
            last_id = next_id

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        """Read what buyers may buy now (`free_stock`) and, apart, what Ozon keeps for its orders."""
        if listings is None:
            for warehouse in self.warehouses:
                async for page in self.api.stocks_of_warehouse(warehouse):
                    yield [
                        Observation(row.offer_id, str(warehouse), row.free, row.reserved or 0)
                        for row in page
                        if row.warehouse_id == warehouse
                    ]
            return
        for start in range(0, len(listings), wire.LIST_LIMIT):
            part = listings[start : start + wire.LIST_LIMIT]
            rows = await self.api.stocks(listing.external_id for listing in part)
            observations: list[Observation] = []
            for listing in part:
                row = rows.get((listing.external_id, _number(listing.warehouse)))
                quantity, reserved = (row.free, row.reserved or 0) if row is not None else (0, 0)
                observations.append(Observation(listing.external_id, listing.warehouse, quantity, reserved))
            yield observations

    def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        """Read what the setting `orders` says: the account's postings, Ozon's reserve, or nothing.

        Raises:
            AuthenticationError: the key may not; reading postings takes a role of its own.
            UnexpectedResponseError: the pages do not lead on, or hold no list.
        """
        if self.settings.orders == "postings":
            return orders.postings(self.api, self.context, cursor)
        if self.settings.orders == "reserved":
            return orders.reserves(self.api, self.context, self.warehouses)
        return _nothing()

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Send the changes as one request and match its answer to them.

        With `reserve = "include"` what Ozon keeps of these offers is read first and added to each number.

        Raises:
            ValueError: more than `limits.batch` changes, or two of the same listing.
            RejectedError: Ozon does not know the method any more.
            AuthenticationError, NotSentError, InDoubtError: as the transport says.
        """
        _refuse_misuse(changes)
        outcomes = {
            index: outcome for index, change in enumerate(changes) if (outcome := _unsendable(change))
        }
        sent = [index for index in range(len(changes)) if index not in outcomes]
        rows = [
            (changes[i].listing.external_id, _number(changes[i].listing.warehouse), changes[i].new)
            for i in sent
        ]
        if rows:
            try:
                if self.settings.reserve == "include":
                    rows = await self._with_reserve(rows)
                answered = await self._write(rows)
            except RowsRejectedError as error:
                answered = _refused(error, len(rows))
            outcomes.update(zip(sent, answered, strict=True))
        return [outcomes[index] for index in range(len(changes))]

    async def account_warehouses(self) -> list[AccountWarehouse]:
        """Return the account's warehouses of FBS and rFBS."""
        return checks.account_warehouses(await self.api.warehouses())

    def check(self) -> AsyncIterator[Finding]:
        """Look at the key, its rights and its expiry, and at the configured warehouses."""
        return checks.check(self.api, self.settings, self.context)

    def write_test(self, listing: Listing, quantity: int) -> AsyncIterator[Finding]:
        """Find out by one write whether the number that is sent excludes Ozon's reserve."""
        return checks.write_test(self.api, self.settings, self.context, listing, quantity)

    async def _with_reserve(self, rows: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
        try:
            stored = await self.api.stocks(offer for offer, _, _ in rows)
        except (UnexpectedResponseError, TransientError) as error:
            # Only the reading failed, so it would be wrong to doubt what the listings show.
            raise NotSentError(
                f"the reserve could not be read before the write: {error}",
                retry_after=getattr(error, "retry_after", None),
            ) from error
        return [
            (offer, warehouse, min(stock + (row.reserved or 0), wire.MAXIMUM) if row is not None else stock)
            for offer, warehouse, stock in rows
            for row in [stored.get((offer, warehouse))]
        ]

    async def _write(self, rows: Sequence[tuple[str, int, int]]) -> list[Outcome]:
        response = await self.api.write(rows)
        try:
            outcomes = answers.match(
                wire.body_of(response.content), [(offer, warehouse) for offer, warehouse, _ in rows]
            )
            said = "Ozon's answer has no list `result`"
        except UnexpectedResponseError as error:
            outcomes, said = None, str(error)
        if outcomes is None:
            doubt = Outcome(OutcomeStatus.DOUBT, message=f"{said}; whether it wrote anything is not known")
            return [doubt] * len(rows)
        return outcomes

    def _cursor(self, walked_at: datetime) -> str:
        return json.dumps({"walked_at": walked_at.isoformat(), "warehouses": self._warehouse_key()})

    def _warehouse_key(self) -> list[int]:
        return sorted(self.warehouses)

    def _is_fresh(self, cursor: str | None, now: datetime) -> bool:
        try:
            state = json.loads(cursor or "")
            walked_at, warehouses = datetime.fromisoformat(state["walked_at"]), state["warehouses"]
            age = now - walked_at
        except (ValueError, TypeError, KeyError):
            return False
        # A walk knows nothing of a warehouse that was configured after it.
        return timedelta(0) <= age < self.settings.listings_max_age and warehouses == self._warehouse_key()


async def _nothing() -> AsyncIterator[OrderPage]:
    pages: tuple[OrderPage, ...] = ()
    for page in pages:
        yield page


def _listing(product: wire.Product, warehouse: int) -> Listing:
    keys: dict[str, Sequence[str]] = {"offer_id": [product.offer_id]}
    if product.product_id is not None:
        keys["product_id"] = [str(product.product_id)]
    return Listing(
        external_id=product.offer_id,
        warehouse=str(warehouse),
        skus=(product.offer_id,),
        keys=keys,
        problem="the product is in Ozon's archive: restore it to sell it" if product.archived else "",
    )


def _warehouse_id(code: str, name: str) -> int:
    number = _number(code)
    if number < 0:
        raise ConfigurationError(
            f"{code!r} is no Ozon warehouse; its code is a whole number such as 22142605386000 "
            "(`mpstock check` names those of the account)",
            place=f"sinks.{name}.warehouses",
        )
    return number


def _number(code: str) -> int:
    """Return the warehouse_id that a code means; -1 if it is none, or not in its one way of writing."""
    if code.isascii() and code.isdigit() and code[0] != "0" and int(code) <= _LARGEST_ID:
        return int(code)
    return -1


def _refuse_misuse(changes: Sequence[Change]) -> None:
    if len(changes) > wire.BATCH:
        raise ValueError(f"Ozon takes {wire.BATCH} changes in one push, not {len(changes)}")
    seen: set[tuple[str, str]] = set()
    for change in changes:
        pair = (change.listing.external_id, change.listing.warehouse)
        if pair in seen:
            raise ValueError(
                f"two changes of one listing in one push: offer_id {pair[0]!r}, warehouse {pair[1]}"
            )
        seen.add(pair)


def _unsendable(change: Change) -> Outcome | None:
    """Say why a change must not go on the wire, where it would spoil the whole request."""
    listing = change.listing
    if not listing.external_id:
        reason = "the listing has no offer_id"
    elif _number(listing.warehouse) < 0:
        reason = f"{listing.warehouse!r} is no Ozon warehouse: its code is a whole number"
    elif not 0 <= change.new <= wire.MAXIMUM:
        reason = f"Ozon takes a stock from 0 to {wire.MAXIMUM}, not {change.new}"
    else:
        return None
    return Outcome(OutcomeStatus.ERROR, message=f"{reason}; it was not sent")


def _refused(error: RowsRejectedError, count: int) -> list[Outcome]:
    culprits = answers.culprits(error.words, count) or ((0,) if count == 1 else ())
    if not culprits:
        return [Outcome(OutcomeStatus.WHOLE, error.code, error.words)] * count
    unsent = Outcome(OutcomeStatus.UNSENT, error.code, f"another row spoiled the request: {error.words}")
    refused = Outcome(OutcomeStatus.ERROR, error.code, error.words)
    return [refused if index in culprits else unsent for index in range(count)]
