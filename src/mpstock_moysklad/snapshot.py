"""Takes the reports and lists that one reading is made from, in the order in which they are safe."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import define, field

from mpstock import Context, Hold, Level, Problem
from mpstock.errors import RejectedError
from mpstock_moysklad import wire
from mpstock_moysklad.api import IDS_AT_ONCE, MoyskladApi
from mpstock_moysklad.bundles import Bundles
from mpstock_moysklad.counts import Counts
from mpstock_moysklad.goods import Goods
from mpstock_moysklad.levels import Remarks, levels
from mpstock_moysklad.stores import ALL, UNASSIGNED, Stores
from mpstock_moysklad.unassigned import Unassigned

if TYPE_CHECKING:
    from mpstock_moysklad.settings import MoyskladSettings

__all__ = ["Snapshot", "Taker"]

MOST_IDS = 1_000
"""Above so many goods the whole report, which is one request, is cheaper than asking for these."""

MOST_ROWS = 100_000
"""Changed rows are held as they came; above so many the whole report is taken, row by row."""

_ROWS_AT_A_TIME = 5_000


@define
class Snapshot:
    """What МойСклад said, ready to be told. `unknown` and `unplaced` count rows, see `Counts`.

    `doubtful`: what a full read left out may be there all the same. `remarks` is filled as `levels` is
    walked over, once.
    """

    as_of: datetime
    stock: Counts
    reserve: Counts | None
    stores: Stores
    goods: Goods
    bundles: Bundles
    holds: Sequence[Hold]
    problems: Sequence[Problem]
    doubtful: bool = False
    clouded: Collection[str] = ()
    only_bundles: set[bytes] | None = None
    remarks: Remarks = field(factory=Remarks)

    @property
    def unknown(self) -> int:
        return self.stock.unknown + (self.reserve.unknown if self.reserve else 0)

    @property
    def unplaced(self) -> int:
        return self.stock.unplaced + (self.reserve.unplaced if self.reserve else 0)

    def levels(self) -> Iterator[Level]:
        """Yield every level once."""
        feeds = self.stores.fed_by()
        yield from levels(feeds, self.stock, self.reserve, self.remarks, self.clouded)
        yield from self.bundles.levels(
            feeds, self.stock, self.reserve, self.goods, self.only_bundles, self.clouded
        )


class Taker:
    """Asks for what is needed and keeps, as long as it lives, what the ids mean."""

    def __init__(self, settings: MoyskladSettings, context: Context, api: MoyskladApi) -> None:
        self._settings = settings
        self._context = context
        self._api = api
        self.goods = Goods(settings.sku_by, settings.goods_every)
        self.stores = Stores(settings, context.name)
        self.bundles = Bundles()
        self._unassigned = Unassigned(self.goods, self.bundles)

    async def everything(self) -> Snapshot:
        """Read the whole report, and what is new in the lists.

        The report comes first, so that every good in it is known by then; and reserves come before the
        stock: what is shipped between the two is missing from one of them, never counted as free.
        """
        as_of = self._context.clock.now()
        reserve_text = await self._api.current("reserve") if self._settings.reserve else None
        stock_text = await self._api.current(self._settings.stock_type)
        await self.stores.refresh(self._api)
        await self.goods.refresh(self._api, self._context.clock)
        if self._settings.bundles:
            await self.bundles.refresh(self._api, self.goods)
        reserve = None if reserve_text is None else await self._counts("reserve", [reserve_text])
        del reserve_text
        stock = await self._counts(self._settings.stock_type, [stock_text])
        del stock_text
        problems = [*self._of_goods(stock), *self.bundles.problems(self.goods)]
        doubtful = stock.doubtful or (reserve is not None and reserve.doubtful)
        if not stock.rows:
            problems.append(_EMPTY)
            doubtful = True
        elif self._settings.report == "all":
            await self._settle_left_out(stock)
        return self._snapshot(as_of, stock, reserve, problems, doubtful=doubtful)

    async def changes(self, since: datetime) -> Snapshot | None:
        """Read what has changed since then; None where that cannot be told apart and all has to be read."""
        as_of = self._context.clock.now()
        kinds = (["reserve"] if self._settings.reserve else []) + [self._settings.stock_type]
        try:
            texts = {kind: await self._api.current(kind, since=since) for kind in kinds}
        except RejectedError as error:
            # A clock that is ahead asks for a moment to come, and there is always the whole report.
            self._context.logger.warning("what changed is not told, so everything is read: %s", error)
            return None
        if await self.goods.refresh(self._api, self._context.clock):
            return None
        changed = {kind: list(islice(self._items(text), MOST_ROWS + 1)) for kind, text in texts.items()}
        if any(len(rows) > MOST_ROWS for rows in changed.values()):
            return None
        places = _places(_all_rows(changed), by_store=self._settings.report == "bystore")
        if places is None or any(self._strange(store) for _, store in places):
            return None
        touched = {wire.uuid_key(good) for good, _ in places}
        bundles = self.bundles.touched(touched)
        needed = self.bundles.parts_of(bundles)
        if self._settings.reserve or any(len(stores) > 1 for stores in self.stores.fed_by().values()):
            # One row is not the whole number of its warehouse.
            needed |= touched
        if len(needed) > MOST_IDS:
            return None
        counts = await self._partly(kinds, changed, needed, places)
        if counts is None:
            return None
        stock = counts[self._settings.stock_type]
        # That a good has changed in some store says nothing of its orders without one.
        settled = needed | {wire.uuid_key(good) for good, store in places if store == UNASSIGNED}
        return self._snapshot(as_of, stock, counts.get("reserve"), [], settled=settled, only_bundles=bundles)

    async def _partly(
        self,
        kinds: Sequence[str],
        changed: dict[str, list[Any]],
        needed: set[bytes],
        places: set[tuple[str, str]],
    ) -> dict[str, Counts] | None:
        """Count what has changed, and all of what is needed; None where some of it is left out."""
        ids = sorted(map(wire.uuid_text, needed))
        found: dict[str, Counts] = {}
        for kind in kinds:
            texts = [
                await self._api.current(kind, ids=ids[start : start + IDS_AT_ONCE])
                for start in range(0, len(ids), IDS_AT_ONCE)
            ]
            counts = await self._counts(kind, texts)
            for row in changed[kind]:
                if wire.uuid_key(str(row["assortmentId"])) not in needed:
                    counts.put(row)
            found[kind] = counts
        if self._settings.report == "all":
            # With its zeros in it, what this report leaves out is not 0.
            return None if self._left_out(found[self._settings.stock_type], needed) else found
        for good, store in places:
            if (key := wire.uuid_key(good)) in needed:
                # It has changed, and the report leaves zeros out.
                for counts in found.values():
                    counts.fill(key, store, 0)
        return found

    def _left_out(self, stock: Counts, needed: set[bytes]) -> bool:
        told = stock.by_store.get(ALL, {})
        return any(
            key not in stock.parts if key in self.bundles.parts else (self.goods.sku(key) or None) not in told
            for key in needed
            if key in self.goods
        )

    async def _settle_left_out(self, stock: Counts) -> None:
        """Tell what the report `all` leaves out: what is reckoned anew, and what never moved.

        It knows no `withRecalculate`; the one by store does. What that does not have has no stock.
        """
        told = stock.by_store.get(ALL, {})
        ids = {key for key, sku in self.goods.live() if sku and sku not in told}
        ids |= {key for key in self.bundles.parts if key not in stock.parts}
        if not ids:
            return
        texts = sorted(map(wire.uuid_text, ids))
        parts = [texts[at : at + IDS_AT_ONCE] for at in range(0, len(texts), IDS_AT_ONCE)]
        for some in parts if len(texts) <= MOST_IDS else [()]:
            text = await self._api.current(self._settings.stock_type, report="bystore", ids=some)
            for row in self._items(text):
                good = row.get("assortmentId") if isinstance(row, dict) else None
                if isinstance(good, str) and (key := wire.uuid_key(good)) in ids:
                    stock.fill(key, ALL, None)
                    stock.unknown += 1
        for key in ids:
            stock.fill(key, ALL, 0)

    def _items(self, text: str) -> Iterator[Any]:
        try:
            yield from wire.items(text)
        except wire.MalformedError as error:
            raise self._api.unexpected(f"the report: {error}") from None

    async def _counts(self, kind: str, texts: Sequence[str]) -> Counts:
        counts = Counts(
            kind, self.goods, self.stores, self.bundles.parts, by_store=self._settings.report == "bystore"
        )
        for text in texts:
            for number, row in enumerate(self._items(text)):
                counts.put(row)
                if number % _ROWS_AT_A_TIME == _ROWS_AT_A_TIME - 1:
                    # A million rows take seconds; what else runs in this loop gets its turn.
                    await self._context.clock.sleep(0)
        return counts

    def _strange(self, store: str) -> bool:
        return store not in (ALL, UNASSIGNED) and store not in self.stores.known

    def _of_goods(self, stock: Counts) -> list[Problem]:
        field_name = self._settings.sku_by
        found = [
            Problem(
                f"article {sku}",
                field_name,
                f"{sku!r} is the {field_name} of several goods ({', '.join(ids)}): whose number is whose "
                "cannot be told, so its quantity is unknown. Give each its own, or archive what is not sold",
                sku,
            )
            for sku, ids in self.goods.twice.items()
        ]
        if stock.keyless:
            found.append(
                Problem(
                    "report",
                    field_name,
                    f"{stock.keyless} rows with stock are of goods without {field_name}; they are left out. "
                    "Fill it in where they are sold online, or choose another sku_by",
                )
            )
        return found

    def _snapshot(
        self,
        as_of: datetime,
        stock: Counts,
        reserve: Counts | None,
        problems: list[Problem],
        *,
        doubtful: bool = False,
        settled: set[bytes] | None = None,
        only_bundles: set[bytes] | None = None,
    ) -> Snapshot:
        clouded: Collection[str] = ()
        if self._settings.report == "all" or self.stores.unassigned() is not None:
            self._unassigned.clear()
        else:
            clouded = self._unassigned.take(as_of, stock, reserve, settled, only_bundles)
        for counts in (stock, reserve) if reserve else (stock,):
            problems += [*counts.problems, *counts.summary()]
        return Snapshot(
            as_of,
            stock,
            reserve,
            self.stores,
            self.goods,
            self.bundles,
            self._unassigned.holds,
            problems,
            doubtful,
            clouded,
            only_bundles,
        )


def _all_rows(changed: dict[str, list[Any]]) -> Iterator[Any]:
    """All rows of all kinds."""
    for rows in changed.values():
        yield from rows


def _places(rows: Iterator[Any], *, by_store: bool) -> set[tuple[str, str]] | None:
    """Good and store of each row; None if one of them cannot be told."""
    found: set[tuple[str, str]] = set()
    for row in rows:
        good = row.get("assortmentId") if isinstance(row, dict) else None
        store = row.get("storeId", 0) if by_store and isinstance(row, dict) else ALL
        store = UNASSIGNED if store is None else store
        if not isinstance(good, str) or not good or not isinstance(store, str):
            return None
        found.add((good, store))
    return found


_EMPTY = Problem(
    "body",
    "report",
    "the report is empty, and an empty report zeroes nothing. Is anything in stock, and may this user see "
    "goods, stores and documents?",
)
