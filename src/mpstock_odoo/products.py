"""Products with their stock, a page at a time: records of Odoo → levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field

from mpstock import Clock, Level, Problem
from mpstock.errors import UnexpectedResponseError
from mpstock_odoo.kits import Kits, KitsHiddenError
from mpstock_odoo.warehouses import Place
from mpstock_odoo.wire import Goods, Shape, goods_of, level_of, place

if TYPE_CHECKING:
    from mpstock_odoo.client import OdooClient

__all__ = ["Page", "Products"]

_BLANKS = (" ", "\t", "\n", "\u00a0")


@define
class Page:
    """What one page of products comes to.

    `last` is the highest id in it, None if it was empty. `nameless` products have no article, `untracked`
    goods are counted by nobody, `twins` share their article with another product, `hidden` may be kits or
    not. `doubtful` is set if a row may be about any product. `odd` numbers were not whole. `unknown` are the
    ids of products whose quantity is unknown for what is wrong with them or their twins. `told` are the
    articles whose levels the page has: twins get one level for each warehouse.
    """

    as_of: datetime
    rows: int = 0
    last: int | None = None
    levels: list[Level] = field(factory=list[Level])
    problems: list[Problem] = field(factory=list[Problem])
    nameless: int = 0
    untracked: int = 0
    twins: int = 0
    hidden: int = 0
    odd: int = 0
    doubtful: bool = False
    unknown: set[int] = field(factory=set[int])
    told: set[str] = field(factory=set[str])


class Products:
    """Reads products with their quantities in each warehouse.

    A page costs a request for each warehouse, one to see whether its articles are theirs alone, and one more
    where goods are among them that Odoo does not count and that may be kits.
    """

    def __init__(
        self, client: OdooClient, shape: Shape, places: Sequence[Place], kits: Kits, clock: Clock
    ) -> None:
        self._client = client
        self._settings = client.settings
        self._shape = shape
        self._places = places
        self._kits = kits
        self._clock = clock
        self._padded: Mapping[str, set[str]] | None = None

    async def after(self, last: int) -> Page:
        """Read the next products in the order of their ids, those that are on sale."""
        page = await self._read([["id", ">", last]], limit=self._settings.page_size)
        if page.last is not None and page.last <= last:
            raise UnexpectedResponseError(
                "product.product.search_read answered records that were not asked for: "
                f"id {page.last} after {last}",
                adapter=self._client.connection.name,
            )
        return page

    async def of(self, ids: Sequence[int]) -> Page:
        """Read these products, archived ones as well: they have nothing to sell any more."""
        return await self._read([["id", "in", list(ids)]], archived=True)

    async def _read(self, domain: Sequence[Any], *, limit: int | None = None, archived: bool = False) -> Page:
        settings, (first, *others) = self._settings, self._places
        page = Page(self._clock.now())
        rows = await self._client.rows(
            "product.product",
            [*domain, *self._shape.goods],
            [settings.sku_by, *self._shape.describing, *settings.fields],
            context={**first.context, "active_test": not archived},
            limit=limit,
        )
        page.rows = len(rows)
        page.last = rows[-1]["id"] if rows else None
        served = await self._served([goods_of(row, settings.sku_by) for row in rows], page)
        if not served:
            return page
        twins = await self._twins(served)
        quantities = [{row["id"]: row for row in rows}]
        ids = [goods.id for goods in served]
        for other in others:
            rows = await self._client.rows(
                "product.product",
                [["id", "in", ids]],
                list(settings.fields),
                context={**other.context, "active_test": False},
            )
            quantities.append({row["id"]: row for row in rows})
        for goods in served:
            self._tell(goods, twins.get(goods.sku or "", []), quantities, page)
        return page

    async def _served(self, found: Sequence[Goods], page: Page) -> list[Goods]:
        """Leave out what has no article and what nobody counts, and say so."""
        named: list[Goods] = []
        for goods in found:
            if goods.sku is not None:
                named.append(goods)
            elif goods.problem:
                page.doubtful = True
                name = self._settings.sku_by
                page.problems.append(Problem(place(goods.id), name, goods.problem))
            else:
                page.nameless += 1
        uncounted = [goods for goods in named if not goods.tracked]
        try:
            kits = await self._kits.among(uncounted)
        except KitsHiddenError:
            page.hidden = len(uncounted)
            return named
        page.untracked = sum(goods.id not in kits for goods in uncounted)
        return [goods for goods in named if goods.tracked or goods.id in kits]

    def _tell(
        self,
        goods: Goods,
        twins: Sequence[int],
        quantities: Sequence[Mapping[int, Mapping[str, Any]]],
        page: Page,
    ) -> None:
        sku, name = goods.sku or "", self._settings.sku_by
        if not goods.active and twins:
            # Archived, and its article was given to another product since: that one is told by itself.
            return
        told = sku in page.told
        page.told.add(sku)
        if not goods.active:
            if not told:
                page.levels += [Level(sku, one.name, 0) for one in self._places]
            return
        if len(twins) > 1:
            page.twins += 1
            page.unknown |= {goods.id, *twins}
            ids = ", ".join(map(str, twins[:5]))
            page.problems.append(
                Problem(
                    place(goods.id),
                    name,
                    f"{len(twins)} products have {goods.written!r} (ids {ids}), so its quantity is unknown; "
                    "give each its own, or archive those that are not sold",
                    sku,
                )
            )
            if told:
                return
        known = len(twins) <= 1 and (goods.tracked or not page.hidden)
        for one, rows in zip(self._places, quantities, strict=True):
            if not known:
                page.levels.append(Level(sku, one.name, None))
                continue
            level, problem = level_of(
                rows.get(goods.id),
                goods,
                one.name,
                self._settings.field,
                tell_reserved=self._settings.tell_reserved,
            )
            page.levels.append(level)
            if problem is not None:
                if level.quantity is None:
                    page.unknown.add(goods.id)
                else:
                    page.odd += 1
                page.problems.append(problem)

    async def _twins(self, served: Sequence[Goods]) -> dict[str, list[int]]:
        """Return for each article the ids of the products that have it; Odoo does not keep it unique."""
        name = self._settings.sku_by
        padded = await self._with_blanks()
        written = {goods.written for goods in served}
        for goods in served:
            written.add(goods.sku or "")
            written |= padded.get(goods.sku or "", set())
        rows = await self._client.rows(
            "product.product",
            [[name, "in", sorted(written)], *self._shape.goods],
            [name],
            context={**self._places[0].context, "active_test": True},
        )
        twins: dict[str, list[int]] = {}
        for row in rows:
            sku = str(row.get(name) or "").strip()
            twins.setdefault(sku, []).append(row["id"])
        return twins

    async def _with_blanks(self) -> Mapping[str, set[str]]:
        """Return how articles are written that have blanks at their ends; asked once for a reading."""
        if self._padded is None:
            name = self._settings.sku_by
            leaves = [[name, "=like", one] for blank in _BLANKS for one in (f"{blank}%", f"%{blank}")]
            domain = [*(["|"] * (len(leaves) - 1)), *leaves]
            found: dict[str, set[str]] = {}
            pages = self._client.pages("product.product", domain, [name], context=self._places[0].context)
            async for page in pages:
                for row in page:
                    text = str(row.get(name) or "")
                    found.setdefault(text.strip(), set()).add(text)
            self._padded = found
        return self._padded
