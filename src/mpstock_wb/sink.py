"""The Wildberries sink: pushes, reads back, lists, and tells of its orders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

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
)
from mpstock.errors import (
    InDoubtError,
    NotSentError,
    PluginContractError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock_wb import checks, rates, refusals, wire
from mpstock_wb.calls import Calls
from mpstock_wb.cards import Bookmark, listings_of
from mpstock_wb.orders import OrderReader
from mpstock_wb.settings import WbSettings, validate
from mpstock_wb.wb_token import account_of, read_claims

__all__ = ["WbSink"]


class WbSink:
    """One Wildberries account (Wildberries Marketplace and Content API)."""

    def __init__(self, settings: WbSettings, context: Context) -> None:
        validate(settings, context)
        self._settings = settings
        self._context = context
        sandbox = checks.is_sandbox(settings.marketplace_url)
        table = rates.SANDBOX if sandbox else rates.PRODUCTION
        self._limits = Limits(
            account=account_of(settings.token.reveal(), sandbox=sandbox),
            batch=rates.BATCH,
            maximum=rates.MAXIMUM,
            rates=table.rates,
            push_scopes=table.stocks,
            by_warehouse=True,
            observe_batch=rates.BATCH,
            observe_whole=False,
            self_decrements="unknown",
            orders="each" if settings.orders else "none",
            visible_after=rates.VISIBLE_AFTER,
        )
        self._calls = Calls(settings, context, table)
        self._orders = OrderReader(settings, context, self._calls, self._limits.account)

    @property
    def limits(self) -> Limits:
        return self._limits

    async def credentials(self) -> Sequence[Credential]:
        """Say until when the token is good, by its own word; nothing is asked."""
        claims = read_claims(self._settings.token.reveal())
        return [Credential("token", None if claims is None else claims.expires_at)]

    # -------------------------------------------------------------- push

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Send one PUT /api/v3/stocks/{warehouseId}.

        A change that Wildberries would refuse anyhow is refused here: an answer of 4xx costs ten
        requests and takes the whole batch with it. A refusal that names nobody is settled by a
        read-back in the same call. With `delete_when_refused` a zero that is refused for the cargo type is
        followed by one DELETE of those sizes, which cannot be undone.

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
            answered = await self._put(warehouse, batch)
            if self._settings.delete_when_refused:
                answered = await self._remove_refused(warehouse, batch, answered)
            for index, outcome in zip(sent, answered, strict=True):
                outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    async def _put(self, warehouse: str, batch: Sequence[Change]) -> Sequence[Outcome]:
        amounts = {int(change.listing.external_id): change.new for change in batch}
        answer = await self._calls.put_stocks(warehouse, amounts)
        verdict = refusals.judge(answer.status_code, answer.content, batch)
        if verdict.unnamed is None:
            return verdict.outcomes
        try:
            shown = await self._calls.stocks(warehouse, [int(change.listing.external_id) for change in batch])
        except (TransientError, RejectedError, UnexpectedResponseError) as error:
            self._context.logger.warning("the read-back after a refusal that names nobody failed: %s", error)
            return verdict.outcomes
        return refusals.settle(batch, shown, verdict.unnamed)

    async def _remove_refused(
        self, warehouse: str, batch: Sequence[Change], outcomes: Sequence[Outcome]
    ) -> Sequence[Outcome]:
        """Remove the records of sizes that Wildberries will not even let show 0 for their cargo type.

        Those alone, and only where 0 is wanted: what sells and cannot be lowered otherwise is oversold.
        """
        chosen = [
            index
            for index, (change, outcome) in enumerate(zip(batch, outcomes, strict=True))
            if refusals.removable(change, outcome)
        ]
        if not chosen:
            return outcomes
        ids = [int(batch[index].listing.external_id) for index in chosen]
        result = list(outcomes)
        try:
            answer = await self._calls.delete_stocks(warehouse, ids)
        except NotSentError as error:
            self._context.logger.warning("what was refused at 0 could not be removed: %s", error)
        except InDoubtError as error:
            for index in chosen:
                result[index] = Outcome(OutcomeStatus.DOUBT, outcomes[index].code, str(error))
        else:
            for index in chosen:
                result[index] = refusals.judge_removal(answer.status_code, answer.content, outcomes[index])
            status = answer.status_code
            self._context.logger.info("%d stocks removed in %s: %s", len(ids), warehouse, status)
        return result

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
                shown = await self._calls.stocks(warehouse, page)
                yield [
                    Observation(wanted[chrt_id].external_id, warehouse, shown.get(chrt_id, 0))
                    for chrt_id in page
                ]

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
            page = await self._calls.cards(place.updated_at, place.nm_id)
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
            found += listings_of(
                card,
                self._context.warehouses,
                self._settings.match_by,
                self._context.name,
                self._settings.sku_format,
            )
        return found

    def _made_for(self) -> str:
        """Name what listings depend on besides the cards, so that changed settings start a full walk."""
        settings = self._settings
        by_size = settings.match_by == "vendor_code_size"
        return "|".join(
            (
                self._limits.account,
                urlsplit(settings.content_url).netloc,
                f"{settings.match_by} {settings.sku_format}" if by_size else settings.match_by,
                ",".join(sorted(self._context.warehouses)),
            )
        )

    # --------------------------------------------------- orders and checks

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        """Read the orders of FBS, DBS, DBW and click and collect, as far as the warehouses have these.

        An order is one unit; its `external_id` is the size. Wildberries tells no times of stages.
        """
        if self._settings.orders:
            async for page in self._orders.read(cursor):
                yield page

    async def account_warehouses(self) -> list[AccountWarehouse]:
        """Return the seller's own warehouses, of every kind of delivery."""
        return checks.account_warehouses(await self._calls.warehouses())

    async def check(self) -> AsyncIterator[Finding]:
        """Look at the token (without a request), the warehouses, their orders, the first page of cards."""
        async for finding in checks.findings(self._settings, self._context, self._calls):
            yield finding


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
