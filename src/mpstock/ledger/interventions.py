"""What people have decided by hand: stops, zeros and pins, of whatever a scope names.

A stop is written on the states that it covers (`marketplace_stocks.stopped`), so that no change of theirs
becomes ready whatever makes it; zeros and pins are part of the formula and are asked for by the planner.
Whether one has expired is judged by the clock of whoever asks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, ids
from mpstock.ledger.stocks import BY_HAND, relane
from mpstock.phrases import Phrase, joined, phrase, word

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt

__all__ = [
    "ADOPTED",
    "EXPIRED",
    "SPOKEN_OF",
    "Intervention",
    "InterventionRow",
    "Interventions",
    "Kind",
    "Wish",
]

Kind = Literal["stop", "zero", "pin"]

ADOPTED = "adopt"
"""The origin of a pin that stands in for sources which do not speak of a listing."""

SPOKEN_OF = "a source"
"""What is noted as the end of an adoption when a source speaks of the product again."""

EXPIRED = "expired"
"""What is noted as the end of an intervention whose time was over."""


@frozen
class Wish:
    """An intervention as it is asked for. What is None stands for all; a pin has a quantity."""

    kind: Kind
    sink: str | None = None
    warehouse: str | None = None
    brand: str | None = None
    product_id: int | None = None
    quantity: int | None = None


@frozen
class Intervention:
    """An intervention that is in force, or was.

    `sink`, `warehouse` (the sink's), `brand` and `sku` say of what; None = all. `quantity` is a pin's.
    `expires_at` None: until somebody takes it back.
    """

    id: int
    kind: Kind
    sink: str | None
    warehouse: str | None
    brand: str | None
    sku: str | None
    quantity: int | None
    actor: str
    reason: str
    origin: str
    created_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None = None
    ended_by: str | None = None

    @property
    def scope(self) -> str:
        """Return what it is about, as text: `ozon · 22142605386000 · SKU-1`."""
        brand = None if self.brand is None else f"brand {self.brand}"
        parts = [part for part in (self.sink, self.warehouse, brand, self.sku) if part is not None]
        return " · ".join(parts) or "everything"

    def told(self) -> Phrase:
        """Return a sentence for people: what, by whom, since when, until when, why."""
        what = word("decision", self.kind)
        if self.kind == "pin":
            what = phrase("pin {quantity}", quantity=self.quantity)
        since = phrase(
            "{what} by {actor} since {moment}", what=what, actor=self.actor, moment=_minute(self.created_at)
        )
        until = "" if self.expires_at is None else phrase(", until {moment}", moment=_minute(self.expires_at))
        origin = f" ({self.origin})" if self.origin else ""
        return joined("", [since, until, origin, f": {self.reason}" if self.reason else ""])


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"


@frozen
class InterventionRow:
    """An intervention with the product's id."""

    product_id: int | None
    shown: Intervention


_COLUMNS = (
    "i.product_id, i.id, i.kind, i.marketplace, i.warehouse_code, i.brand, p.sku, i.quantity, i.actor, "
    "i.reason, i.origin, i.created_at, i.expires_at, i.ended_at, i.ended_by"
)
_FROM = "FROM interventions AS i LEFT JOIN products AS p ON p.id = i.product_id"
_SCOPE = ("marketplace", "warehouse_code", "brand", "product_id")


class Interventions:
    """Stops, zeros and pins; each moves a revision, by which others see that something is new."""

    def __init__(self, database: Database, dirt: Dirt) -> None:
        self.db = database
        self._dirt = dirt

    # ------------------------------------------------------------------ deciding

    def put(
        self, wishes: Sequence[Wish], asked: Asked, now: datetime, *,
        expires_at: datetime | None = None, origin: str = "",
    ) -> list[int]:  # fmt: skip
        """Put interventions in force; inside a transaction. Returns their numbers.

        One of the same kind and scope is replaced. Zeros and pins mark the products concerned.
        """
        self.settle(now)
        revision = self._next_revision()
        moment, until = as_text(now), None if expires_at is None else as_text(expires_at)
        before = self._open_scopes(wishes)
        self._finish([before[key] for wish in wishes if (key := _key(wish)) in before], asked.actor, now)
        found = []
        for wish in wishes:
            found.append(
                self.db.insert(
                    "INSERT INTO interventions (kind, marketplace, warehouse_code, brand, product_id, "
                    "quantity, actor, reason, origin, created_at, expires_at, revision) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        wish.kind, wish.sink, wish.warehouse, wish.brand, wish.product_id, wish.quantity,
                        asked.actor, asked.reason, origin, moment, until, revision,
                    ),
                )
            )  # fmt: skip
        self._take_effect(found, now)
        return found

    def end(self, chosen: Collection[int], by: str, now: datetime) -> list[int]:
        """Take interventions back; inside a transaction. Returns those that were in force."""
        self.settle(now)
        open_ = [
            row[0]
            for row in self.db.query(
                "SELECT id FROM interventions WHERE ended_at IS NULL AND id IN ids(?)",
                (ids(chosen),),
            )
        ]
        if open_:
            self._finish(open_, by, now)
        return open_

    def settle(self, now: datetime) -> int:
        """End what has expired, and mark what it concerned; inside a transaction. Returns how many ended."""
        over = self.db.query(
            "SELECT id FROM interventions WHERE ended_at IS NULL AND expires_at <= ?", (as_text(now),)
        )
        if over:
            self._finish([row[0] for row in over], EXPIRED, now)
        return len(over)

    def end_adopted(
        self, served: Collection[tuple[str, str]], sources: Collection[str], now: datetime
    ) -> int:
        """End the adoption of what a source speaks of again, where it is served; inside a transaction.

        `served` are (sink, code), `sources` those that have levels. Returns how many ended.
        """
        over = [
            number
            for number, sink, code in self.db.query(
                "SELECT i.id, i.marketplace, i.warehouse_code FROM interventions AS i "
                "WHERE i.ended_at IS NULL AND i.origin = ? AND EXISTS (SELECT 1 FROM stock_levels AS l "
                "WHERE l.source IN texts(?) AND (l.product_id = i.product_id "
                "OR l.product_id IN "
                "(SELECT component_id FROM recipes AS r WHERE r.product_id = i.product_id)))",
                (ADOPTED, ids(sources)),
            )
            if (sink, code) in served
        ]
        self._finish(over, SPOKEN_OF, now)
        return len(over)

    def _finish(self, chosen: Sequence[int], by: str, now: datetime) -> None:
        if not chosen:
            return
        revision = self._next_revision()
        self.db.execute(
            "UPDATE interventions SET ended_at = CASE WHEN expires_at <= ? THEN expires_at ELSE ? END, "
            "ended_by = ?, revision = ? WHERE id IN ids(?)",
            (as_text(now), as_text(now), by, revision, ids(chosen)),
        )
        self._take_effect(chosen, now)

    def _take_effect(self, chosen: Sequence[int], now: datetime) -> None:
        """Let the states follow that these interventions cover, begun or ended ones."""
        rows = self._rows("WHERE i.id IN ids(?)", (ids(chosen),))
        concerned: set[int] = set()
        for row in rows:
            if row.shown.kind != "stop":
                concerned |= self._products(row)
            elif row.shown.ended_at is None:
                where, parameters = _covered(row)
                self.db.execute(
                    f"UPDATE marketplace_stocks SET stopped = ?, ready = 0 WHERE stopped IS NULL AND {where}",
                    (row.shown.id, *parameters),
                )
            else:
                self._restart(row.shown.id)
        if concerned:
            self._dirt.mark(sorted(concerned), BY_HAND, now, soft=True, urgent=True)

    def _restart(self, stop: int) -> None:
        """Let go what a stop held, but for what another one covers."""
        held = [
            row[0] for row in self.db.query("SELECT id FROM marketplace_stocks WHERE stopped = ?", (stop,))
        ]
        if not held:
            return
        self._stop_again("stopped = ?", (stop,))
        self.db.execute(
            f"UPDATE marketplace_stocks SET {relane()} WHERE stopped IS NULL AND in_flight IS NULL "
            "AND lane IS NOT NULL AND id IN ids(?)",
            (ids(held),),
        )

    def stop_new(self, sink: str) -> None:
        """Stop the listings that have just been tied, where a stop covers them; inside a transaction."""
        if self._any_stop():
            self._stop_again("marketplace = ? AND base IS NULL", (sink,))
            self.db.execute(
                "UPDATE marketplace_stocks SET ready = 0 "
                "WHERE marketplace = ? AND base IS NULL AND stopped IS NOT NULL",
                (sink,),
            )

    def rebrand(self, product_ids: Collection[int]) -> None:
        """Let what is in force by brand follow the products that have another one; inside a transaction."""
        if not self.db.scalar("SELECT 1 FROM interventions WHERE ended_at IS NULL AND brand IS NOT NULL"):
            return
        self._next_revision()
        chosen = "product_id IN ids(?)"
        self._stop_again(chosen, (ids(product_ids),))
        self.db.execute(
            f"UPDATE marketplace_stocks SET {relane(parked='lane IS NOT NULL AND ready = 0')} "
            f"WHERE in_flight IS NULL AND {chosen}",
            (ids(product_ids),),
        )

    def _any_stop(self) -> bool:
        found = self.db.scalar("SELECT 1 FROM interventions WHERE ended_at IS NULL AND kind = 'stop' LIMIT 1")
        return found is not None

    def _stop_again(self, where: str, parameters: Sequence[Any]) -> None:
        """Write the oldest stop that covers them on these states, or none."""
        self.db.execute(
            "UPDATE marketplace_stocks SET stopped = (SELECT min(i.id) FROM interventions AS i "
            "WHERE i.kind = 'stop' AND i.ended_at IS NULL "
            "AND (i.marketplace IS NULL OR i.marketplace = marketplace_stocks.marketplace) "
            "AND (i.warehouse_code IS NULL OR i.warehouse_code = marketplace_stocks.warehouse_code) "
            "AND (i.product_id IS NULL OR i.product_id = marketplace_stocks.product_id) "
            "AND (i.brand IS NULL OR i.brand = "
            "(SELECT brand FROM products WHERE products.id = marketplace_stocks.product_id))) "
            f"WHERE {where}",
            parameters,
        )

    # ------------------------------------------------------------------ asking

    @property
    def revision(self) -> int:
        """A number that rises with everything that is put in force or ends."""
        return self._dirt.revisions()[1]

    def in_force(
        self, now: datetime, kinds: Collection[str] = ("stop", "zero", "pin")
    ) -> list[InterventionRow]:
        """Return what is in force, the oldest first."""
        return self._rows(
            "WHERE i.ended_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > ?) "
            "AND i.kind IN texts(?) ORDER BY i.id",
            (as_text(now), ids(kinds)),
        )

    def next_expiry(self) -> datetime | None:
        """Return when the first of those in force expires, also if that has passed."""
        return as_datetime(self.db.scalar("SELECT min(expires_at) FROM interventions WHERE ended_at IS NULL"))

    def of_ids(self, chosen: Collection[int]) -> list[Intervention]:
        """Return these interventions, in the order of their numbers."""
        rows = self._rows("WHERE i.id IN ids(?) ORDER BY i.id", (ids(chosen),))
        return [row.shown for row in rows]

    def concerned(self, after: int) -> list[int]:
        """Return the products whose zeros and pins have moved since a revision, by id."""
        concerned: set[int] = set()
        for row in self._rows("WHERE i.revision > ? AND i.kind <> 'stop'", (after,)):
            concerned |= self._products(row)
        return sorted(concerned)

    def of_brand(self, brand: str) -> frozenset[int]:
        """Return the products of a brand."""
        return frozenset(row[0] for row in self.db.query("SELECT id FROM products WHERE brand = ?", (brand,)))

    def brands(self) -> list[str]:
        """Return every brand that some product has."""
        rows = self.db.query("SELECT DISTINCT brand FROM products WHERE brand <> '' ORDER BY brand")
        return [row[0] for row in rows]

    def stopped(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Return by (sink, number of the stop) how many listings it covers, and how many of them differ."""
        return {
            (sink, stop): (covered, differing)
            for sink, stop, covered, differing in self.db.query(
                "SELECT marketplace, stopped, count(*), count(lane) FROM marketplace_stocks "
                "WHERE stopped IS NOT NULL GROUP BY 1, 2"
            )
        }

    def _products(self, row: InterventionRow) -> set[int]:
        where, parameters = _covered(row)
        return {
            found[0]
            for found in self.db.query(
                f"SELECT DISTINCT product_id FROM marketplace_stocks WHERE {where}", parameters
            )
        }

    def _open_scopes(self, wishes: Sequence[Wish]) -> dict[tuple[Any, ...], int]:
        if not wishes:
            return {}
        return {
            tuple(row[1:]): row[0]
            for row in self.db.query(
                f"SELECT id, kind, {', '.join(_SCOPE)} FROM interventions WHERE ended_at IS NULL"
            )
        }

    def _rows(self, rest: str, parameters: Sequence[Any]) -> list[InterventionRow]:
        return [
            InterventionRow(
                row[0],
                Intervention(*[*row[1:11], created, as_datetime(row[12]), as_datetime(row[13]), row[14]]),
            )
            for row in self.db.query(f"SELECT {_COLUMNS} {_FROM} {rest}", parameters)
            if (created := as_datetime(row[11])) is not None
        ]

    def _next_revision(self) -> int:
        return int(
            self.db.query(
                "INSERT INTO meta (key, value) VALUES ('interventions', '1') "
                "ON CONFLICT (key) DO UPDATE SET value = CAST(meta.value AS INTEGER) + 1 RETURNING value"
            )[0][0]
        )


def _key(wish: Wish) -> tuple[Any, ...]:
    return (wish.kind, wish.sink, wish.warehouse, wish.brand, wish.product_id)


def _covered(row: InterventionRow) -> tuple[str, tuple[Any, ...]]:
    """Return the condition on `marketplace_stocks` that an intervention's scope makes."""
    shown = row.shown
    conditions, parameters = ["1 = 1"], []
    for condition, value in (
        ("marketplace = ?", shown.sink),
        ("warehouse_code = ?", shown.warehouse),
        ("product_id = ?", row.product_id),
        ("product_id IN (SELECT id FROM products WHERE brand = ?)", shown.brand),
    ):
        if value is not None:
            conditions.append(condition)
            parameters.append(value)
    return " AND ".join(conditions), tuple(parameters)
