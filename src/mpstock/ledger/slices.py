"""What the guards look at: the changes of one cause in one sink warehouse, and the holding of some."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.ledger.database import as_text, ids
from mpstock.ledger.orders import CAUSE as ORDER
from mpstock.ledger.stocks import BY_HAND, in_doubt

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["Counted", "Slice", "Slices"]

_OF_SLICE = "marketplace = ? AND warehouse_code = ? AND cause = ? AND in_flight IS NULL"


_JUMPS = "base > 0 AND wanted >= base * ?"

_SHOWING = "s.warehouse_code = ? AND (s.base IS NULL OR s.base > 0)"


@frozen
class Counted:
    """So many listings, and the units that they show or showed."""

    listings: int
    units: int


@frozen
class Slice:
    """The changes of one kind that one cause makes in one sink warehouse.

    `units` is what they show now, as far as that is known; `unwritten` counts the listings that were never
    written by us.
    """

    sink: str
    warehouse: str
    cause: str
    count: int
    units: int
    unwritten: int


class Slices:
    """The slices of what waits to be pushed."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def credit_orders(self, sink: str, sinks: Iterable[str], since: datetime) -> int:
        """Give zeros that orders explain the cause `order`; inside a transaction. Returns how many.

        A zero is explained where as many units as the listing shows were ordered since its last accepted
        write, or since then: of a pack or kit, of one of its components. `sinks` are those whose orders
        count.
        """
        origins = ids(sinks)
        ordered = (
            "(SELECT coalesce(sum(h.quantity), 0) FROM holds AS h WHERE h.product_id = {product} "
            "AND h.origin IN texts(?) "
            "AND (h.taken_at >= ? OR h.taken_at >= s.last_synced_at))"
        )
        return self.db.affected(
            "UPDATE marketplace_stocks AS s SET cause = ? WHERE marketplace = ? AND lane = 0 "
            "AND in_flight IS NULL AND base > 0 AND cause NOT IN (?, ?) AND ("
            f"{ordered.format(product='s.product_id')} >= s.base OR EXISTS (SELECT 1 FROM recipes AS r "
            "WHERE r.product_id = s.product_id AND r.marketplace IN ('', s.marketplace) "
            f"AND {ordered.format(product='r.component_id')} >= s.base * r.units))",
            (ORDER, sink, ORDER, BY_HAND, origins, as_text(since), origins, as_text(since)),
        )

    def zeroings(self, sink: str) -> list[Slice]:
        """Return the slices of a sink with the listings that would fall to zero."""
        return self._slices(sink, "lane = 0")

    def jumps(self, sink: str, factor: Decimal) -> list[Slice]:
        """Return the slices of a sink with the listings that would show `factor` times what they show now."""
        return self._slices(sink, f"lane = 2 AND {_JUMPS}", float(factor))

    def jumps_among(self, sink: str, product_ids: Collection[int], factor: Decimal) -> bool:
        """Say whether a listing of these products in a sink would; costs what they are."""
        found = self.db.scalar(
            # From the products: through the index on what waits it would walk every raise.
            "SELECT 1 FROM marketplace_stocks WHERE product_id IN ids(?) AND marketplace = ? "
            f"AND lane + 0 = 2 AND {_JUMPS} LIMIT 1",
            (ids(product_ids), sink, float(factor)),
        )
        return found is not None

    def _slices(self, sink: str, which: str, *parameters: float) -> list[Slice]:
        return [
            Slice(sink, *row)
            for row in self.db.query(
                "SELECT warehouse_code, cause, count(*), coalesce(sum(base), 0), "
                "count(CASE WHEN synced_quantity IS NULL AND last_synced_at IS NULL THEN 1 END) "
                f"FROM marketplace_stocks WHERE marketplace = ? AND {which} AND in_flight IS NULL "
                "GROUP BY warehouse_code, cause ORDER BY warehouse_code, cause",
                (sink, *parameters),
            )
        ]

    def showing(self, sink: str, warehouse: str) -> Counted:
        """Return what shows more than zero now in a sink warehouse, the unknown ones counted as showing."""
        row = self.db.one(
            "SELECT count(*), coalesce(sum(base), 0) FROM marketplace_stocks AS s "
            f"WHERE s.marketplace = ? AND {_SHOWING}",
            (sink, warehouse),
        )
        return Counted(*row)

    def showing_at_least(self, sink: str, warehouse: str, listings: int) -> Counted:
        """Return what of it the first so many listings are; costs what these are, and not what all are."""
        row = self.db.one(
            # From the sink's listings to their rows: in the order of the rows another sink's may come first.
            "SELECT count(*), coalesce(sum(base), 0) FROM (SELECT s.base FROM listings AS l "
            f"JOIN marketplace_stocks AS s ON s.listing_id = l.id WHERE l.marketplace = ? AND {_SHOWING} "
            "LIMIT ?) AS first",
            (sink, warehouse, listings),
        )
        return Counted(*row)

    def zeroed_since(
        self, sink: str, warehouse: str, cause: str, since: datetime, *, after_run: int = 0
    ) -> Counted:
        """Return what of a slice was pushed to zero since then, by runs after `after_run`."""
        row = self.db.one(
            "SELECT count(*), coalesce(sum(old), 0) FROM (SELECT max(old_qty) AS old FROM stock_sync_log "
            "WHERE marketplace = ? AND warehouse_code = ? AND new_qty = 0 AND synced_at >= ? AND source = ? "
            "AND run > ? AND status = 'ok' AND (old_qty IS NULL OR old_qty > 0) "
            "GROUP BY product_id) AS zeroed",
            (sink, warehouse, as_text(since), cause, after_run),
        )
        return Counted(*row)

    def held_by(self, slice_: Slice, guard: str) -> list[int]:
        """Return the zeros of a slice that a guard holds already."""
        rows = self.db.query(
            f"SELECT id FROM marketplace_stocks WHERE {_OF_SLICE} AND lane = 0 AND held = ?",
            (slice_.sink, slice_.warehouse, slice_.cause, guard),
        )
        return [row[0] for row in rows]

    def lift(self, sink: str) -> None:
        """Hold nothing of a sink any more: it is judged anew. What is stopped by hand stays so."""
        self.db.execute(
            "UPDATE marketplace_stocks SET held = NULL, held_reason = NULL, "
            f"ready = CASE WHEN stopped IS NULL AND NOT ({in_doubt()}) THEN 1 ELSE 0 END "
            "WHERE marketplace = ? AND held IS NOT NULL AND lane IS NOT NULL AND in_flight IS NULL",
            (sink,),
        )

    def held_raises(self, sink: str) -> list[int]:
        """Return the raises of a sink that are held."""
        rows = self.db.query(
            "SELECT id FROM marketplace_stocks WHERE marketplace = ? AND lane = 2 AND held IS NOT NULL",
            (sink,),
        )
        return [row[0] for row in rows]

    def states(self, sink: str, product_ids: Collection[int]) -> list[int]:
        """Return the listings of these products in a sink."""
        rows = self.db.query(
            "SELECT id FROM marketplace_stocks WHERE marketplace = ? AND product_id IN ids(?)",
            (sink, ids(product_ids)),
        )
        return [row[0] for row in rows]

    def hold(
        self,
        slice_: Slice,
        guard: str,
        reason: str,
        *,
        but: Collection[int] = (),
        raises: Collection[int] | None = None,
    ) -> None:
        """Hold the zeros of one slice but some, and the raises that came with them.

        What was planned by the same run came from the same reading; later readings are another matter.
        `raises` are the only ones that are not judged yet. A fall short of zero is never held: it is the
        safe direction.
        """
        key = (slice_.sink, slice_.warehouse, slice_.cause)
        spared = ids(but)
        narrowed = "" if raises is None else "AND id IN ids(?)"
        self.db.execute(
            f"UPDATE marketplace_stocks SET held = ?, held_reason = ?, ready = 0 WHERE {_OF_SLICE} "
            "AND id NOT IN ids(?) "
            "AND (lane = 0 OR (lane = 2 AND planned_by IN (SELECT planned_by FROM marketplace_stocks "
            f"WHERE {_OF_SLICE} AND lane = 0 AND id NOT IN ids(?)) {narrowed}))",
            (guard, reason, *key, spared, *key, spared, *(() if raises is None else (ids(raises),))),
        )

    def hold_jumps(self, slice_: Slice, factor: Decimal, guard: str, reason: str) -> None:
        """Hold the sudden raises of one slice."""
        self.db.execute(
            f"UPDATE marketplace_stocks SET held = ?, held_reason = ?, ready = 0 WHERE {_OF_SLICE} "
            f"AND lane = 2 AND {_JUMPS}",
            (guard, reason, slice_.sink, slice_.warehouse, slice_.cause, float(factor)),
        )

    def hold_raises(self, sink: str, cause: str, guard: str, reason: str) -> None:
        """Hold every raise that one source makes in a sink."""
        self.db.execute(
            "UPDATE marketplace_stocks SET held = ?, held_reason = ?, ready = 0 "
            "WHERE marketplace = ? AND cause = ? AND lane = 2 AND in_flight IS NULL",
            (guard, reason, sink, cause),
        )
