"""Which sinks are in shadow mode, and what they showed beside what they would have shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, ids
from mpstock.ledger.stocks import relane

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger.database import Database

__all__ = ["LONGEST_GAP", "Mode", "ModeDecision", "Point", "ShadowOrder", "Shadows", "Watch"]

Mode = Literal["live", "shadow"]

LONGEST_GAP = timedelta(hours=3)
"""When nobody has looked for longer than that, what a listing showed meanwhile is not known."""


@frozen
class ModeDecision:
    """What a person has decided of a sink's mode. It goes before the settings."""

    sink: str
    mode: Mode
    actor: str
    reason: str
    at: datetime


@frozen
class Watch:
    """A time in which a sink was looked at again and again; `until` is when it was last."""

    id: int
    sink: str
    since: datetime
    until: datetime
    looks: int


@frozen
class Point:
    """What a listing showed from a moment on, and what it would have shown.

    `held` is the guard that would have held it, `cause` what moved the latter.
    """

    product_id: int
    sku: str
    warehouse: str
    at: datetime
    shown: int
    ours: int
    held: str | None
    cause: str


@frozen
class ShadowOrder:
    """An order of a sink in shadow mode; `note` is the sink's word for its state.

    `lacking`: the sink says that there was no stock for it.
    """

    key: str
    product_id: int
    sku: str
    warehouse: str | None
    quantity: int
    placed_at: datetime
    cancelled_at: datetime | None
    note: str
    lacking: bool = False


class Shadows:
    """The modes of the sinks, and the record of those in shadow mode."""

    def __init__(self, database: Database) -> None:
        self.db = database

    # ------------------------------------------------------------------ modes

    def decisions(self) -> dict[str, ModeDecision]:
        """Return what people have decided, by sink."""
        return {
            sink: ModeDecision(sink, mode, actor, reason, at)
            for sink, mode, actor, reason, decided_at in self.db.query(
                "SELECT marketplace, mode, actor, reason, decided_at FROM sink_modes"
            )
            if (at := as_datetime(decided_at)) is not None
        }

    def is_shadow(self, sink: str, otherwise: bool) -> bool:
        """Say whether a sink is in shadow mode: as was decided, or else as the settings say (`otherwise`)."""
        return sink in self.shadowed({sink: otherwise})

    def shadowed(self, sinks: Mapping[str, bool]) -> set[str]:
        """Return those of some sinks that are in shadow mode; given with what the settings say of each."""
        decided = dict(
            self.db.query(
                "SELECT marketplace, mode FROM sink_modes WHERE marketplace IN texts(?)", (ids(sinks),)
            )
        )
        return {
            sink
            for sink, otherwise in sinks.items()
            if (decided[sink] == "shadow" if sink in decided else otherwise)
        }

    def decide(self, sink: str, mode: Mode, asked: Asked, now: datetime) -> None:
        """Keep what a person has decided; inside a transaction."""
        self.db.execute(
            "INSERT INTO sink_modes (marketplace, mode, actor, reason, decided_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (marketplace) DO UPDATE SET mode = excluded.mode, actor = excluded.actor, "
            "reason = excluded.reason, decided_at = excluded.decided_at",
            (sink, mode, asked.actor, asked.reason, as_text(now)),
        )

    def forget_shown(self, sink: str) -> int:
        """Let it be unknown what a sink's listings show, so that it is read back; inside a transaction.

        Whoever wrote there may have done so after we looked last. Returns how many listings that are.
        """
        return self.db.affected(
            f"UPDATE marketplace_stocks SET {relane('NULL')} WHERE marketplace = ? AND in_flight IS NULL",
            (sink,),
        )

    # ------------------------------------------------------------------ the record

    def note(self, sink: str, now: datetime, *, looked: bool, run: int, since: datetime) -> int:
        """Keep what has moved of what a sink shows and would show; inside a transaction.

        `looked`: everything was read back. Without, only what was planned or read back by this run, which
        began at `since`, is looked at. Returns how many points were kept.
        """
        watch = self._watch(sink, now, looked=looked)
        if watch is None:
            return 0
        narrowed = "" if looked else "AND (s.planned_by = ? OR s.observed_at >= ?) "
        return self.db.affected(
            "INSERT INTO shadow_points (watch_id, product_id, warehouse_code, at, shown, ours, held, cause) "
            "SELECT ?, s.product_id, s.warehouse_code, ?, s.base, s.wanted, s.held, s.cause "
            "FROM marketplace_stocks AS s LEFT JOIN shadow_points AS p ON p.id = ("
            "SELECT max(id) FROM shadow_points WHERE watch_id = ? AND product_id = s.product_id "
            "AND warehouse_code = s.warehouse_code) "
            f"WHERE s.marketplace = ? {narrowed}AND s.base IS NOT NULL AND s.wanted IS NOT NULL "
            "AND (p.id IS NULL OR p.shown <> s.base OR p.ours <> s.wanted OR p.held IS NOT s.held)",
            (watch, as_text(now), watch, sink, *(() if looked else (run, as_text(since)))),
        )

    def _watch(self, sink: str, now: datetime, *, looked: bool) -> int | None:
        """Return the watch that goes on now, a new one if the last has ended; None: it begins with a look."""
        found = self.db.one(
            "SELECT id FROM shadow_watches WHERE marketplace = ? AND seen_at BETWEEN ? AND ? "
            "ORDER BY id DESC LIMIT 1",
            (sink, as_text(now - LONGEST_GAP), as_text(now)),
        )
        if not looked:
            return None if found is None else int(found[0])
        if found is None:
            return self.db.insert(
                "INSERT INTO shadow_watches (marketplace, began_at, seen_at) VALUES (?, ?, ?)",
                (sink, as_text(now), as_text(now)),
            )
        self.db.execute(
            "UPDATE shadow_watches SET seen_at = ?, looks = looks + 1 WHERE id = ?", (as_text(now), found[0])
        )
        return int(found[0])

    # ------------------------------------------------------------------ reading it

    def watches(self, sink: str, since: datetime) -> list[Watch]:
        """Return the watches of a sink that went on after that, the oldest first."""
        return [
            Watch(watch, sink, _moment(began), _moment(seen), looks)
            for watch, began, seen, looks in self.db.query(
                "SELECT id, began_at, seen_at, looks FROM shadow_watches "
                "WHERE marketplace = ? AND seen_at >= ? ORDER BY id",
                (sink, as_text(since)),
            )
        ]

    def points(self, watch: int) -> Iterator[Point]:
        """Yield the points of a watch, listing by listing, each from the oldest on."""
        for product_id, sku, warehouse, at, shown, ours, held, cause in self.db.iterate(
            "SELECT p.product_id, g.sku, p.warehouse_code, p.at, p.shown, p.ours, p.held, p.cause "
            "FROM shadow_points AS p JOIN products AS g ON g.id = p.product_id WHERE p.watch_id = ? "
            "ORDER BY p.product_id, p.warehouse_code, p.id",
            (watch,),
        ):
            yield Point(product_id, sku, warehouse, _moment(at), shown, ours, held, cause)

    def orders(self, sink: str, since: datetime) -> list[ShadowOrder]:
        """Return a sink's orders of known products that were placed after that, the oldest first."""
        return [
            ShadowOrder(
                key,
                product_id,
                sku,
                warehouse,
                quantity,
                _moment(placed),
                as_datetime(cancelled),
                note,
                bool(lacking),
            )
            for key, product_id, sku, warehouse, quantity, placed, cancelled, note, lacking in self.db.query(
                "SELECT o.key, o.product_id, g.sku, o.warehouse_code, o.quantity, o.placed_at, "
                "o.cancelled_at, o.note, EXISTS (SELECT 1 FROM oversold_orders AS l "
                "WHERE l.marketplace = o.marketplace AND l.key = o.key) "
                "FROM orders AS o JOIN products AS g ON g.id = o.product_id "
                "WHERE o.marketplace = ? AND o.placed_at >= ? ORDER BY o.placed_at, o.id",
                (sink, as_text(since)),
            )
        ]

    def sales(self, since: datetime) -> list[tuple[int, str, datetime]]:
        """Return (product id, sink, when) of every order placed after that, the oldest first."""
        return [
            (product_id, sink, _moment(placed))
            for product_id, sink, placed in self.db.query(
                "SELECT product_id, marketplace, placed_at FROM orders "
                "WHERE placed_at >= ? AND product_id IS NOT NULL ORDER BY placed_at",
                (as_text(since),),
            )
        ]

    def forget(self, before: datetime, limit: int) -> int:
        """Let points of watches go that ended before that, at most so many; returns how many went."""
        gone = self.db.affected(
            "DELETE FROM shadow_points WHERE id IN (SELECT p.id FROM shadow_points AS p "
            "JOIN shadow_watches AS w ON w.id = p.watch_id WHERE w.seen_at < ? ORDER BY p.id LIMIT ?)",
            (as_text(before), limit),
        )
        if not gone:
            self.db.execute("DELETE FROM shadow_watches WHERE seen_at < ?", (as_text(before),))
        return gone


def _moment(text: str) -> datetime:
    moment = as_datetime(text)
    assert moment is not None
    return moment
