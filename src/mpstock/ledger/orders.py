"""The sinks' own orders, as they were told, and the holds that follow from them.

An order's stage only goes forward, and what was handed over stays handed over: told twice, late or out of
order it ends the same. The holds are derived from the orders, by one rule (`_derive`), and never counted up
or down.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from mpstock.ledger.database import as_datetime, as_text, ids, rows_of
from mpstock.ledger.order_rows import COLUMNS, GOING, LISTED, OrderRow, merged, once, rest
from mpstock.ledger.stocks import relane
from mpstock.ledger.told_orders import ToldOrders
from mpstock.model import OrderStage

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt
    from mpstock.ledger.recipes import Recipes
    from mpstock.model import Order

__all__ = ["CAUSE", "OrderReading", "Orders", "UnknownOrder"]

CAUSE = "order"
"""What the marks and the sync log call an order as the cause of a change."""


@frozen
class UnknownOrder:
    """An order of something that is no product here: units that nothing keeps back."""

    sink: str
    key: str
    external_id: str
    quantity: int
    placed_at: datetime | None


class Orders:
    """Orders by sink and key."""

    def __init__(self, database: Database, dirt: Dirt, recipes: Recipes) -> None:
        self.db = database
        self.dirt = dirt
        self.recipes = recipes
        self.told = ToldOrders(database)

    def begin_reading(self, sink: str, *, lowers: bool) -> OrderReading:
        """Start taking in one reading of a sink's orders.

        `lowers`: the sink may show less by itself after an order.
        """
        return OrderReading(self, sink, lowers)

    def resolve(self, sink: str, now: datetime, *, everything: bool) -> int:
        """Find the products of orders whose listing is known by now, or another one; in a transaction.

        Without `everything` only orders without a product are looked at. An order whose listing is gone keeps
        its product. Returns how many have moved.
        """
        narrowed = "" if everything else "AND o.product_id IS NULL"
        moved = [
            (row, product_id)
            for *columns, product_id in self.db.query(
                f"SELECT {', '.join(f'o.{name}' for name in COLUMNS.split(', '))}, {LISTED} "
                f"FROM orders AS o WHERE o.marketplace = ? AND o.settled = 0 {narrowed}",
                (sink,),
            )
            if product_id is not None and product_id != (row := OrderRow(*columns)).product_id
        ]
        self.db.executemany(
            "UPDATE orders SET product_id = ? WHERE marketplace = ? AND key = ?",
            [(product_id, sink, row.key) for row, product_id in moved],
        )
        # It was taken for another product: what that takes does not count.
        self.db.executemany(
            "UPDATE orders SET takes = NULL WHERE marketplace = ? AND key = ?",
            [(sink, row.key) for row, _ in moved],
        )
        self.derive(sink, [evolve(row, product_id=product_id) for row, product_id in moved], now)
        return len(moved)

    def derive_again(self, product_ids: Iterable[int], now: datetime) -> None:
        """Derive the holds of these products' orders anew: their recipes have changed. In a transaction."""
        rows = self.db.query(
            f"SELECT marketplace, {COLUMNS} FROM orders WHERE settled = 0 AND product_id IN ids(?)",
            (ids(product_ids),),
        )
        for sink in {row[0] for row in rows}:
            self.derive(sink, [OrderRow(*row[1:]) for row in rows if row[0] == sink], now)

    def end_all(self, sink: str, now: datetime) -> int:
        """End the open orders of a sink that nobody will tell of again; inside a transaction.

        They count as handed over now. Returns how many.
        """
        moment = as_text(now)
        stage, note = OrderStage.SHIPPED.value, "the sink is forgotten"
        rows = [
            evolve(OrderRow(*row), stage=stage, shipped_at=moment, note=note)
            for row in self.db.query(
                f"SELECT {COLUMNS} FROM orders WHERE marketplace = ? AND settled = 0 AND {GOING}", (sink,)
            )
        ]
        self.told.forget(sink, (row.key for row in rows))
        self.db.executemany(
            "UPDATE orders SET stage = ?, shipped_at = ?, note = ? WHERE marketplace = ? AND key = ?",
            [(row.stage, row.shipped_at, row.note, sink, row.key) for row in rows],
        )
        self.derive(sink, rows, now)
        return len(rows)

    def unknown(self, sink: str | None = None) -> list[UnknownOrder]:
        """Return the orders that still take units, and of which nobody knows what was ordered."""
        narrowed, parameters = ("", ()) if sink is None else ("AND marketplace = ?", (sink,))
        return [
            UnknownOrder(name, key, external_id, quantity, as_datetime(placed_at))
            for name, key, external_id, quantity, placed_at in self.db.query(
                "SELECT marketplace, key, external_id, quantity, placed_at FROM orders "
                f"WHERE product_id IS NULL AND settled = 0 AND stage IN ('placed', 'assembled') {narrowed} "
                "ORDER BY marketplace, id",
                parameters,
            )
        ]

    def open_counts(self) -> dict[str, tuple[int, int]]:
        """Return by sink (open orders, units of these in the sink's units)."""
        return {
            sink: (count, units)
            for sink, count, units in self.db.query(
                "SELECT marketplace, count(*), sum(quantity) FROM orders "
                "WHERE settled = 0 AND stage IN ('placed', 'assembled') GROUP BY 1"
            )
        }

    def derive(self, sink: str, rows: Sequence[OrderRow], now: datetime) -> None:
        """Make the holds that follow from these orders, in base units; inside a transaction."""
        if not rows:
            return
        keys = ids(row.key for row in rows)
        before = {
            (key, product_id): (quantity, picked, reach)
            for key, product_id, quantity, picked, reach in self.db.query(
                "SELECT key, product_id, quantity, picked, reach FROM holds "
                "WHERE origin = ? AND key IN texts(?)",
                (sink, keys),
            )
        }
        self.db.execute("DELETE FROM holds WHERE origin = ? AND key IN texts(?)", (sink, keys))
        takes = self._takes(sink, rows)
        held = []
        for row in rows:
            if row.product_id is None or not row.holds or row.quantity <= 0:
                continue
            for component_id, units in takes[row.key].items():
                held_before, picked, reach = before.get((row.key, component_id), (None, None, None))
                whole = row.quantity * units
                held.append(
                    (
                        sink, row.key, component_id, row.warehouse_code, whole, row.placed_at,
                        row.assembled_at, row.shipped_at,
                        # Where it was picked from does not change while it goes its way.
                        picked if held_before == whole else None, reach,
                    )
                )  # fmt: skip
        self.db.executemany(
            "INSERT INTO holds (origin, key, product_id, sink_warehouse, quantity, taken_at, assembled_at, "
            "shipped_at, picked, reach) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            held,
        )
        dirty = {product_id for _, product_id in before} | {row[2] for row in held}
        if dirty:
            self.dirt.mark(sorted(dirty), CAUSE, now, urgent=True)

    def _takes(self, sink: str, rows: Sequence[OrderRow]) -> dict[str, dict[int, int]]:
        """Return what one of each order takes: by its recipe, and never less than by an earlier one."""
        recipes = self.recipes.components({r.product_id for r in rows if r.product_id is not None}, sink)
        kept = dict(
            self.db.query(
                "SELECT key, takes FROM orders WHERE marketplace = ? AND takes IS NOT NULL "
                "AND key IN texts(?)",
                (sink, ids(row.key for row in rows)),
            )
        )
        found: dict[str, dict[int, int]] = {}
        moved: list[tuple[str, str, str]] = []
        for row in rows:
            if row.product_id is None:
                continue
            takes = dict(recipes[row.product_id])
            before = kept.get(row.key)
            for part, units in json.loads(before).items() if before else ():
                takes[int(part)] = max(units, takes.get(int(part), 0))
            found[row.key] = takes
            text = json.dumps(takes, sort_keys=True)
            if text != before:
                moved.append((text, sink, row.key))
        self.db.executemany("UPDATE orders SET takes = ? WHERE marketplace = ? AND key = ?", moved)
        return found

    def expect_less(self, sink: str, rows: Iterable[OrderRow]) -> None:
        """Take what was ordered since the last accepted write from what its listings are expected to show.

        Where something was sent since and nobody knows whether it has arrived, that is the lower of the two.
        """
        self.db.executemany(
            "UPDATE marketplace_stocks SET expected = greatest(CASE WHEN base IS NULL AND doubtful > 0 "
            "AND sent < expected THEN sent ELSE expected END - ?, 0) "
            "WHERE expected IS NOT NULL AND last_synced_at <= ? AND listing_id = (SELECT id FROM listings "
            "WHERE marketplace = ? AND external_id = ? AND warehouse_code = ?)",
            [(r.quantity, r.placed_at, sink, r.external_id, r.warehouse_code) for r in rows if r.open],
        )

    def void_bases(self, sink: str, pairs: Iterable[tuple[str, str | None]]) -> int:
        """Forget what these listings show: an order or a cancel may have moved it.

        They are read back before anything is sent to them, so they do not become ready by this. What is on
        the wire just now will not be believed when it is answered. Inside a transaction. Returns how many.
        """
        # The cross joins bind the order: from what was told to its listings, and never over all listings.
        chosen = [
            row[0]
            for row in self.db.query(
                "SELECT s.id FROM each_row(?) AS told CROSS JOIN listings AS l "
                "CROSS JOIN marketplace_stocks AS s "
                "WHERE l.marketplace = ? AND l.external_id = item(told.value, 0) "
                "AND l.warehouse_code = coalesce(item(told.value, 1), l.warehouse_code) "
                "AND s.listing_id = l.id",
                (rows_of(pairs), sink),
            )
        ]
        if not chosen:
            return 0
        where = "id IN ids(?)"
        self.db.execute(f"UPDATE marketplace_stocks SET base = NULL WHERE {where}", (ids(chosen),))
        self.db.execute(
            f"UPDATE marketplace_stocks SET doubtful = 1 WHERE in_flight IS NOT NULL AND {where}",
            (ids(chosen),),
        )
        self.db.execute(
            f"UPDATE marketplace_stocks SET {relane(parked='TRUE')} WHERE in_flight IS NULL AND {where}",
            (ids(chosen),),
        )
        return len(chosen)


@define
class OrderReading:
    """One reading of a sink's orders on its way into the ledger, page by page.

    `told` counts the orders, `moved` those that were new or had come further; `voided` counts the listings
    whose base went with them.
    """

    orders: Orders
    sink: str
    lowers: bool
    told: int = 0
    moved: int = 0
    voided: int = 0
    _seen: set[str] = field(factory=set[str])

    def passes_over(self, page: Sequence[Order]) -> bool:
        """Whether a page tells nothing that the ledger does not have; then there is nothing to take in."""
        if self.orders.told.unknown(self.sink, page):
            return False
        self._see(page)
        return True

    def ingest(self, page: Sequence[Order], as_of: datetime, now: datetime) -> None:
        """Take in one page, as of the start of its request; inside a transaction."""
        self._see(page)
        unknown = self.orders.told.unknown(self.sink, page)
        moved = self._moved(unknown) if unknown else set[str]()
        self.orders.told.note(self.sink, [order for order in unknown if order.key not in moved])
        if not moved:
            return
        told = once([order for order in page if order.key in moved], as_text(as_of))
        stored = {row.key: (row, told_at) for row, told_at in self._stored(told)}
        new: list[OrderRow] = []
        changed: list[OrderRow] = []
        rests: list[OrderRow] = []
        voided: set[tuple[str, str | None]] = set()
        moment = as_text(as_of)
        for row in told.values():
            known, told_at = stored.get(row.key, (None, ""))
            if known is None:
                new.append(row)
                voided.add((row.external_id, row.warehouse_code))
                continue
            if told_at > moment:
                continue
            further = merged(known, row)
            if further == known:
                continue
            changed.append(further)
            if further.quantity < known.quantity and known.open and further.open:
                rests.append(rest(known, known.quantity - further.quantity, moment))
            if further.quantity != known.quantity or known.open > further.open:
                # However it has ended, as a cancel or not: the sink may have put its units back.
                voided.add((further.external_id, further.warehouse_code))
        self._write([*new, *rests], changed, moment, now)
        if self.lowers:
            self.orders.expect_less(self.sink, new)
        self.voided += self.orders.void_bases(self.sink, sorted(voided, key=str)) if voided else 0

    def settle_absent(self, as_of: datetime, now: datetime) -> int:
        """End the open orders that a complete reading has left out; inside a transaction.

        Nobody says how they have ended. They count as handed over: a source is believed to have booked them
        when it was read later than this.
        """
        moment = as_text(as_of)
        listed = self.orders.db.query(
            f"SELECT key FROM orders WHERE marketplace = ? AND settled = 0 AND {GOING} AND told_at <= ?",
            (self.sink, moment),
        )
        left_out = [key for (key,) in listed if key not in self._seen]
        if not left_out:
            return 0
        stage, rows = OrderStage.SHIPPED.value, self._stored(left_out)
        gone = [evolve(row, stage=stage, shipped_at=moment, note="no longer told") for row, _ in rows]
        self._write([], gone, moment, now)
        pairs = sorted({(row.external_id, row.warehouse_code) for row in gone}, key=str)
        self.voided += self.orders.void_bases(self.sink, pairs)
        return len(gone)

    def _see(self, page: Sequence[Order]) -> None:
        self.told += len(page)
        self._seen.update([order.key for order in page])

    def _write(
        self, new: Sequence[OrderRow], changed: Sequence[OrderRow], moment: str, now: datetime
    ) -> None:
        if not new and not changed:
            return
        db = self.orders.db
        self.orders.told.forget(self.sink, (row.key for row in (*new, *changed)))
        self.moved += len(new) + len(changed)
        db.executemany(
            f"INSERT INTO orders (marketplace, {COLUMNS}, told_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(self.sink, *row.values, moment) for row in new],
        )
        db.executemany(
            "UPDATE orders SET quantity = ?, stage = ?, assembled_at = ?, shipped_at = ?, cancelled_at = ?, "
            "note = ?, told_at = ?, settled = 0 WHERE marketplace = ? AND key = ?",
            [
                (
                    row.quantity, row.stage, row.assembled_at, row.shipped_at, row.cancelled_at, row.note,
                    moment, self.sink, row.key,
                )
                for row in changed
            ],
        )  # fmt: skip
        listed = dict(
            db.query(
                f"SELECT o.key, {LISTED} FROM orders AS o WHERE o.marketplace = ? AND o.key IN texts(?)",
                (self.sink, ids(row.key for row in new)),
            )
        )
        matched = [evolve(row, product_id=listed.get(row.key)) for row in new]
        db.executemany(
            "UPDATE orders SET product_id = ? WHERE marketplace = ? AND key = ?",
            [(row.product_id, self.sink, row.key) for row in matched if row.product_id is not None],
        )
        self.orders.derive(self.sink, [*matched, *changed], now)

    def _moved(self, page: Sequence[Order]) -> set[str]:
        """Return the keys of the orders that are not known, or not as they are told now.

        Most are told at every reading until they end, and have not moved.
        """
        told = [[order.key, order.quantity, order.stage.value, order.note] for order in page]
        return {
            row[0]
            for row in self.orders.db.query(
                "SELECT item(told.value, 0) FROM each_row(?) AS told LEFT JOIN orders AS o "
                "ON o.marketplace = ? AND o.key = item(told.value, 0) WHERE o.key IS NULL "
                "OR o.quantity <> CAST(item(told.value, 1) AS INTEGER) "
                "OR o.stage <> item(told.value, 2) OR o.note <> item(told.value, 3)",
                (rows_of(told), self.sink),
            )
        }

    def _stored(self, keys: Iterable[str]) -> list[tuple[OrderRow, str]]:
        rows: list[Any] = self.orders.db.query(
            f"SELECT {COLUMNS}, told_at FROM orders WHERE marketplace = ? AND key IN texts(?)",
            (self.sink, ids(keys)),
        )
        return [(OrderRow(*row[:-1]), row[-1]) for row in rows]
