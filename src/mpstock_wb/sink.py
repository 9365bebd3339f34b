"""The Wildberries sink: pushes, reads back and lists, over the core's transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from mpstock import (
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
from mpstock.errors import (
    PluginContractError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock_wb import checks, rates, refusals, wire
from mpstock_wb.cards import Bookmark, listings_of
from mpstock_wb.settings import WbSettings, validate
from mpstock_wb.wb_token import account_of
from mpstock_wb.words import decode, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

__all__ = ["WbSink"]

_T = TypeVar("_T")


class WbSink:
    """One Wildberries account (Wildberries Marketplace and Content API)."""

    def __init__(self, settings: WbSettings, context: Context) -> None:
        validate(settings, context)
        self._settings = settings
        self._context = context
        self._marketplace = settings.marketplace_url.rstrip("/")
        self._content = settings.content_url.rstrip("/")
        sandbox = checks.is_sandbox(self._marketplace)
        self._table = rates.SANDBOX if sandbox else rates.PRODUCTION
        self._headers = {"Authorization": settings.token.reveal()}
        self._limits = Limits(
            account=account_of(settings.token.reveal(), sandbox=sandbox),
            batch=rates.BATCH,
            maximum=rates.MAXIMUM,
            rates=self._table.rates,
            push_scopes=self._table.stocks,
            by_warehouse=True,
            observe_batch=rates.BATCH,
            observe_whole=False,
            self_decrements="unknown",
        )

    @property
    def limits(self) -> Limits:
        return self._limits

    # -------------------------------------------------------------- push

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Send one PUT /api/v3/stocks/{warehouseId}.

        A change that Wildberries would refuse anyhow is refused here: an answer of 4xx costs ten
        requests and takes the whole batch with it. A refusal that names nobody is settled by a
        read-back in the same call.

        Raises (besides what the transport lets through):
            PluginContractError: more than `limits.batch` changes, or changes of several warehouses.
        """
        if not changes:
            return []
        warehouse = self._one_warehouse(changes)
        outcomes: list[Outcome | None] = [_refused_here(change) for change in changes]
        _collapse(changes, outcomes)
        sent = [index for index, outcome in enumerate(outcomes) if outcome is None]
        if sent:
            batch = [changes[index] for index in sent]
            for index, outcome in zip(sent, await self._put(warehouse, batch), strict=True):
                outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    async def _put(self, warehouse: str, batch: Sequence[Change]) -> Sequence[Outcome]:
        answer = await self._context.transport.request(
            "PUT",
            f"{self._marketplace}/api/v3/stocks/{warehouse}",
            scopes=self._table.stocks,
            push=True,
            headers=self._headers,
            json=wire.stocks_body({int(change.listing.external_id): change.new for change in batch}),
            describe=describe,
        )
        verdict = refusals.judge(answer.status_code, answer.content, batch)
        if verdict.unnamed is None:
            return verdict.outcomes
        try:
            shown = await self._stocks(warehouse, [int(change.listing.external_id) for change in batch])
        except (TransientError, RejectedError, UnexpectedResponseError) as error:
            self._context.logger.warning("the read-back after a refusal that names nobody failed: %s", error)
            return verdict.outcomes
        return refusals.settle(batch, shown, verdict.unnamed)

    def _one_warehouse(self, changes: Sequence[Change]) -> str:
        if len(changes) > rates.BATCH:
            raise PluginContractError(f"one push takes at most {rates.BATCH} changes, not {len(changes)}")
        warehouses = {change.listing.warehouse for change in changes}
        if len(warehouses) > 1:
            raise PluginContractError(f"one push serves one warehouse, not {sorted(warehouses)}")
        return warehouses.pop()

    # ---------------------------------------------------------- read back

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        """Read amounts by POST /api/v3/stocks/{warehouseId}; a size that is left out has 0.

        Wildberries tells no reserve. Ids that cannot be Wildberries' own are told as unknown.
        """
        if listings is None:
            raise PluginContractError("Wildberries shows stocks by id alone: observe needs listings")
        by_warehouse: dict[str, dict[int, Listing]] = {}
        strange: list[Observation] = []
        for listing in listings:
            chrt_id = wire.as_id(listing.external_id)
            if chrt_id is None:
                strange.append(Observation(listing.external_id, listing.warehouse, None))
            else:
                by_warehouse.setdefault(listing.warehouse, {})[chrt_id] = listing
        if strange:
            yield strange
        for warehouse, wanted in by_warehouse.items():
            ids = list(wanted)
            for start in range(0, len(ids), rates.BATCH):
                page = ids[start : start + rates.BATCH]
                shown = await self._stocks(warehouse, page)
                yield [
                    Observation(wanted[chrt_id].external_id, warehouse, shown.get(chrt_id, 0))
                    for chrt_id in page
                ]

    async def _stocks(self, warehouse: str, ids: Sequence[int]) -> dict[int, int | None]:
        answer = await self._context.transport.request(
            "POST",
            f"{self._marketplace}/api/v3/stocks/{warehouse}",
            scopes=self._table.stocks,
            headers=self._headers,
            json=wire.ids_body(ids),
            describe=describe,
        )
        return self._read(answer, f"the stocks of warehouse {warehouse}", wire.read_stocks)

    # ------------------------------------------------------------ listings

    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        """Walk over POST /content/v2/get/cards/list, from the cursor or, once a day, from the beginning.

        Oldest change first, so a card that changes during the walk is met again at its end. Cards in
        the trash are not listed at all: only a full walk notices that they are gone.
        """
        now = self._context.clock.now()
        kept = Bookmark.of(cursor)
        made_for = self._made_for()
        full = kept is None or not kept.serves(made_for, now, self._settings.full_walk)
        place = Bookmark(full_at=now, made_for=made_for) if full or kept is None else kept
        while True:
            page = await self._cards(place.updated_at, place.nm_id)
            place_before = place
            place = Bookmark(
                full_at=place.full_at,
                made_for=made_for,
                updated_at=page.updated_at or place.updated_at,
                nm_id=page.nm_id or place.nm_id,
            )
            last = page.total < rates.CARDS_PAGE
            if not last and place == place_before:
                raise UnexpectedResponseError(
                    f"the walk over the cards stands still at nmID {place.nm_id}", adapter=self._context.name
                )
            yield ListingPage(self._listings_of(page), cursor=place.text(), complete=full and last)
            if last:
                return

    def _listings_of(self, page: wire.CardPage) -> list[Listing]:
        for fault in page.faults:
            self._context.logger.debug("skipped: %s", fault)
        found: list[Listing] = []
        for card in page.cards:
            for fault in card.faults:
                self._context.logger.debug("card %r, nmID %s: %s", card.vendor_code, card.nm_id, fault)
            found += listings_of(card, self._context.warehouses, self._settings.match_by, self._context.name)
        return found

    def _made_for(self) -> str:
        """Name what listings depend on besides the cards, so that changed settings start a full walk."""
        return "|".join(
            (
                self._limits.account,
                urlsplit(self._content).netloc,
                self._settings.match_by,
                ",".join(sorted(self._context.warehouses)),
            )
        )

    async def _cards(self, updated_at: str | None, nm_id: int | None) -> wire.CardPage:
        answer = await self._context.transport.request(
            "POST",
            f"{self._content}/content/v2/get/cards/list",
            scopes=self._table.content,
            headers=self._headers,
            json=wire.cards_body(rates.CARDS_PAGE, updated_at, nm_id),
            describe=describe,
        )
        return self._read(answer, "the list of cards", wire.read_cards)

    # --------------------------------------------------- orders and checks

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        """Yield nothing: this version does not read Wildberries' orders.

        Until it does, a sold unit comes off the advertised number when the warehouse system books it.
        """
        none: tuple[OrderPage, ...] = ()
        for page in none:
            yield page

    async def check(self) -> AsyncIterator[Finding]:
        """Look at the token (without a request), the warehouses, and the first page of cards."""
        async for finding in checks.findings(
            self._settings, self._context, warehouses=self._warehouses, cards=lambda: self._cards(None, None)
        ):
            yield finding

    async def _warehouses(self) -> list[wire.WarehouseRow]:
        answer = await self._context.transport.request(
            "GET",
            f"{self._marketplace}/api/v3/warehouses",
            scopes=self._table.warehouses,
            headers=self._headers,
            describe=describe,
        )
        return self._read(answer, "the list of warehouses", wire.read_warehouses)

    def _read(self, answer: httpx.Response, what: str, reader: Callable[[Any], _T]) -> _T:
        if answer.status_code != 200:
            raise RejectedError(
                f"Wildberries refused {what} with {answer.status_code}: {describe(answer)}",
                adapter=self._context.name,
            )
        try:
            return reader(decode(answer.content))
        except ValueError as error:
            raise UnexpectedResponseError(
                f"{what} cannot be read: {error}; Wildberries answered {describe(answer)!r}",
                adapter=self._context.name,
            ) from None


def _refused_here(change: Change) -> Outcome | None:
    external_id, new = change.listing.external_id, change.new
    if wire.as_id(external_id) is None:
        return Outcome(
            OutcomeStatus.ERROR,
            code="BadChrtId",
            message=f"{external_id!r} is no chrtId, which is a number; not sent",
        )
    if not 0 <= new <= rates.MAXIMUM:
        return Outcome(
            OutcomeStatus.ERROR,
            code="BadAmount",
            message=f"Wildberries takes 0 to {rates.MAXIMUM}, not {new}; not sent",
        )
    return None


def _collapse(changes: Sequence[Change], outcomes: list[Outcome | None]) -> None:
    """Let the lowest of several numbers for one size stand: two in one body have no documented meaning."""
    lowest: dict[int, int] = {}
    for index, change in enumerate(changes):
        if outcomes[index] is not None:
            continue
        chrt_id = int(change.listing.external_id)
        other = lowest.setdefault(chrt_id, index)
        if other != index:
            loser = index
            if change.new < changes[other].new:
                lowest[chrt_id], loser = index, other
            outcomes[loser] = Outcome(
                OutcomeStatus.ERROR,
                code="DuplicateChrtId",
                message=f"chrtId {chrt_id} is twice in one push; the lowest number was sent",
            )
