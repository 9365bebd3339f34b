"""The source: levels of stock from the warehouses of one Odoo database, everything or what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock import Context, Finding, Problem, Rate, Reading
from mpstock_odoo.catalogue import read_places, read_shape
from mpstock_odoo.changes import read_changed
from mpstock_odoo.client import OdooClient, chunks
from mpstock_odoo.kits import Kits
from mpstock_odoo.position import Position, fingerprint
from mpstock_odoo.products import Page, Products
from mpstock_odoo.wire import stamp

if TYPE_CHECKING:
    from mpstock_odoo.settings import OdooSettings

__all__ = ["OdooSource"]


@define
class _Sums:
    """What a whole reading came to beside its levels."""

    rows: int = 0
    nameless: int = 0
    untracked: int = 0
    hidden: int = 0
    doubtful: bool = False
    gone: list[str] = field(factory=list[str])
    unknown: set[int] = field(factory=set[int])

    def add(self, page: Page) -> None:
        self.rows += page.rows
        self.nameless += page.nameless
        self.untracked += page.untracked
        self.hidden += page.hidden
        self.doubtful |= page.doubtful
        self.unknown |= page.unknown


class OdooSource:
    """Reads `free_qty` (or `qty_available`) of each product in each warehouse.

    The numbers are Odoo's own: kits come out right, and nothing is added up here from quants, which the
    user's rights and the kind of location would make wrong. Memory is bounded by one page, and by the ids of
    what changed.
    """

    def __init__(self, settings: OdooSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._client = OdooClient(settings, context)

    @property
    def rates(self) -> Sequence[Rate]:
        return self._client.connection.rates

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Yield what changed since `cursor`, or everything: without one, or when a full read is due.

        A warehouse that is new since then asks for a full read as well.
        """
        client, clock = self._client, self._context.clock
        as_of = clock.now()
        shape = await read_shape(client)
        began = self._began(as_of)
        places = await read_places(client)
        kits = Kits(client, shape, places)
        products = Products(client, shape, places, kits, clock)
        of, names = fingerprint(self._settings), tuple(place.name for place in places)
        before = Position.from_text(cursor)
        if before is not None and before.of != of:
            before = None
        if (
            before is None
            or not before.usable(as_of, self._settings.full_every)
            or set(names) - set(before.warehouses)
        ):
            known = before.warehouses if before else ()
            position = Position(began, as_of, of, tuple(dict.fromkeys([*names, *known])))
            sums = _Sums(gone=[name for name in known if name not in names])
            reading = self._everything(products, position, sums)
        else:
            since = stamp(before.changed_after(self._settings.overlap))
            changed, with_kits = await read_changed(client, kits, since)
            self._context.logger.debug("%d products may have changed since %s", len(changed), since)
            changed.update(before.again)
            position = Position(began, before.full, of, before.warehouses)
            reading = self._changed(products, position, changed, as_of, with_kits=with_kits)
        async for page in reading:
            yield page

    def check(self) -> AsyncIterator[Finding]:
        """Look at the connection, the rights, the warehouses and every product; change nothing."""
        from mpstock_odoo.checks import check

        return check(self._client, self._context.clock)

    def _began(self, as_of: datetime) -> datetime:
        # The server stamps changes by its own clock. Where it is behind ours, ours would ask too late.
        theirs = self._client.connection.server_time
        return as_of if theirs is None else min(as_of, theirs)

    async def _everything(
        self, products: Products, position: Position, sums: _Sums
    ) -> AsyncIterator[Reading]:
        last, ended = 0, False
        while not ended:
            page = await products.after(last)
            sums.add(page)
            ended = page.rows < self._settings.page_size
            last = page.last or last
            doubtful = sums.doubtful or bool(sums.gone) or not sums.rows
            yield Reading(
                page.levels,
                page.as_of,
                complete=ended,
                cursor=position.looking_again(sums.unknown).text() if ended else None,
                absent="unknown" if doubtful else "zero",
                problems=[*page.problems, *(_remarks(sums, self._settings.sku_by) if ended else ())],
            )

    async def _changed(
        self, products: Products, position: Position, changed: set[int], as_of: datetime, *, with_kits: bool
    ) -> AsyncIterator[Reading]:
        sums = _Sums()
        for chunk in chunks(changed, self._settings.page_size):
            page = await products.of(chunk)
            sums.add(page)
            yield Reading(page.levels, page.as_of, problems=page.problems)
        problems = [] if with_kits and not sums.hidden else [_HIDDEN]
        cursor = position.looking_again(sums.unknown).text()
        yield Reading((), as_of, cursor=cursor, problems=problems)


_HIDDEN = Problem(
    "mrp.bom",
    "type",
    "which products are kits cannot be seen, so kits are read only with everything, and goods that may be "
    "kits are unknown; let the user read bills of materials (Manufacturing / User)",
)


def _remarks(sums: _Sums, sku_by: str) -> Iterator[Problem]:
    """What is to be said of a whole reading."""
    if not sums.rows:
        yield Problem(
            "product.product",
            "id",
            "the user sees no goods at all, and that zeroes nothing; may it read products and stock?",
        )
    if sums.nameless:
        yield Problem(
            "product.product",
            sku_by,
            f"{sums.nameless:,} products have none and are left out; if they are sold online, give them one",
        )
    if sums.hidden:
        yield _HIDDEN
    for name in sums.gone:
        yield Problem(
            "stock.warehouse",
            "code",
            f"{name!r} was read before and is not seen any more, so what is missing keeps its last-known "
            "number; is it archived, or has the user lost its company? If it is gone for good, say in "
            "warehouses which are left",
        )
