"""Listings that showed something else than was known, each with why, as far as it can be told.

A row is written when the difference is read back; its kind is settled later, once the orders have been read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["Drift", "DriftKind", "Drifts", "OpenDrift", "OrderEvent"]


class DriftKind(StrEnum):
    """Why a listing shows something else than was known.

    `SALE`             own orders or cancels explain the difference exactly.
    `NOT_YET_VISIBLE`  it shows what it showed before our write, and the sink may still be late.
    `LOST_WRITE`       it shows what it showed before our confirmed write, and should not any more.
    `PLATFORM`         it moved without an order that is known, where the sink moves numbers by itself or
                       its orders could not be read.
    `ANOTHER_WRITER`   a number that nobody of ours put there.
    """

    SALE = "sale"
    NOT_YET_VISIBLE = "not_yet_visible"
    LOST_WRITE = "lost_write"
    PLATFORM = "platform"
    ANOTHER_WRITER = "another_writer"

    @property
    def explained(self) -> bool:
        """Whether it is as it should be: nobody need look into it."""
        return self in (DriftKind.SALE, DriftKind.NOT_YET_VISIBLE)


@frozen
class Drift:
    """One difference, as a person reads it. `kind` is None until the orders have been read."""

    sku: str
    sink: str
    warehouse: str
    kind: DriftKind | None
    expected: int | None
    observed: int
    at: datetime
    run: int


@frozen
class OpenDrift:
    """One difference whose kind is to be settled, with what it is settled from.

    `expected` is what it was known to show at `since`: what we wrote (`written`) or what was read back.
    `replaced` is what it showed before that write. `voided`: an order had made it doubtful meanwhile. `at` is
    when it was asked for.
    """

    id: int
    product_id: int
    external_id: str
    warehouse: str
    kind: DriftKind | None
    expected: int
    observed: int
    replaced: int | None
    since: datetime
    written: bool
    voided: bool
    at: datetime


@frozen
class OrderEvent:
    """What an order may have done to what its listing shows. `warehouse` None = any of the offer's."""

    external_id: str
    warehouse: str | None
    quantity: int
    placed_at: datetime
    cancelled_at: datetime | None
    told_at: datetime
    open: bool


class Drifts:
    """The differences that were read back."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def record(self, sink: str, run: int, at: str, rows: Sequence[Sequence[Any]]) -> None:
        """Keep differences whose kind is not known yet; inside the transaction of what was read back.

        Each is (product id, sink warehouse, expected, observed, replaced, since, written, voided). One that
        is there already, of the same moment and still not visible, is not kept twice.
        """
        self._db.executemany(
            "INSERT INTO drifts (product_id, marketplace, warehouse_code, expected, observed, replaced, "
            "since, written, voided, run_id, at) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? "
            "WHERE NOT EXISTS (SELECT 1 FROM drifts WHERE product_id = ? AND marketplace = ? "
            "AND warehouse_code = ? AND since = ? AND observed = ? "
            "AND (kind IS NULL OR kind = 'not_yet_visible') AND run_id = ?)",
            [
                (
                    product_id, sink, warehouse, expected, observed, replaced, since, written, voided, run,
                    at, product_id, sink, warehouse, since, observed, run,
                )
                for product_id, warehouse, expected, observed, replaced, since, written, voided in rows
            ],
        )  # fmt: skip

    def open(self, sink: str, since: datetime, doubted_since: datetime) -> list[OpenDrift]:
        """Return what has no kind yet, and what the platform is only supposed to have done.

        An order that is told late explains it after all. Each as far back as its own moment.
        """
        return [
            OpenDrift(
                row_id, product_id, external_id, warehouse, DriftKind(kind) if kind else None, expected,
                observed, replaced, _moment(anchored), bool(written), bool(voided), _moment(at),
            )
            for row_id, product_id, external_id, warehouse, kind, expected, observed, replaced, anchored,
            written, voided, at in self._db.query(
                "SELECT d.id, d.product_id, l.external_id, d.warehouse_code, d.kind, d.expected, d.observed, "
                "d.replaced, d.since, d.written, d.voided, d.at FROM drifts AS d "
                "JOIN marketplace_stocks AS s ON s.product_id = d.product_id "
                "AND s.marketplace = d.marketplace AND s.warehouse_code = d.warehouse_code "
                "JOIN listings AS l ON l.id = s.listing_id WHERE d.marketplace = ? AND d.at >= ? "
                "AND (d.kind IS NULL OR (d.kind = 'platform' AND d.at >= ?)) ORDER BY d.id",
                (sink, as_text(since), as_text(doubted_since)),
            )
        ]  # fmt: skip

    def orders_of(self, sink: str, external_ids: Collection[str]) -> list[OrderEvent]:
        """Return every order of these offers that is known, ended or not."""
        return [
            OrderEvent(
                external_id, warehouse, quantity, _moment(placed_at), as_datetime(cancelled_at),
                _moment(told_at), stage in ("placed", "assembled"),
            )
            for external_id, warehouse, quantity, placed_at, cancelled_at, told_at, stage in self._db.query(
                "SELECT external_id, warehouse_code, quantity, placed_at, cancelled_at, told_at, stage "
                "FROM orders WHERE marketplace = ? AND external_id IN texts(?)",
                (sink, ids(external_ids)),
            )
        ]  # fmt: skip

    def lately_ours(
        self, sink: str, product_ids: Iterable[int], since: datetime
    ) -> Mapping[tuple[int, str], set[int | None]]:
        """Return by (product id, sink warehouse) the numbers that we wrote or replaced since then.

        None stands for one that we replaced without knowing it.
        """
        found: dict[tuple[int, str], set[int | None]] = {}
        for product_id, warehouse, old, new in self._db.query(
            "SELECT product_id, warehouse_code, old_qty, new_qty FROM stock_sync_log "
            "WHERE product_id IN ids(?) AND marketplace = ? AND synced_at >= ? "
            "AND status <> 'error'",
            (ids(product_ids), sink, as_text(since)),
        ):
            found.setdefault((product_id, warehouse), set()).update((old, new))
        return found

    def lately_others(self, sink: str, since: datetime) -> Mapping[tuple[int, str], set[int]]:
        """Return by (product id, sink warehouse) the numbers that somebody else put there since then."""
        found: dict[tuple[int, str], set[int]] = {}
        for product_id, warehouse, observed in self._db.query(
            "SELECT product_id, warehouse_code, observed FROM drifts "
            "WHERE marketplace = ? AND at >= ? AND kind = ?",
            (sink, as_text(since), DriftKind.ANOTHER_WRITER.value),
        ):
            found.setdefault((product_id, warehouse), set()).add(observed)
        return found

    def settle(self, kinds: Iterable[tuple[int, DriftKind | None]]) -> None:
        """Give rows their kind; None takes a row away: it was no difference after all."""
        chosen = list(kinds)
        self._db.executemany(
            "UPDATE drifts SET kind = ? WHERE id = ?",
            [(kind.value, row) for row, kind in chosen if kind is not None],
        )
        self._db.executemany(
            "DELETE FROM drifts WHERE id = ?", [(row,) for row, kind in chosen if kind is None]
        )

    def counts(self, sink: str, *, run: int | None = None, since: datetime | None = None) -> dict[str, int]:
        """Return how many differences of each kind a sink had, as `counts_of` has them of several."""
        return self.counts_of([sink], run=run, since=since)[sink]

    def counts_of(
        self, sinks: Collection[str], *, run: int | None = None, since: datetime | None = None
    ) -> dict[str, dict[str, int]]:
        """Return by sink how many differences of each kind it had, in one run or since a moment.

        Those without a kind yet are not among them.
        """
        conditions = ["marketplace IN texts(?)", "kind IS NOT NULL"]
        parameters: list[object] = [ids(sinks)]
        if run is not None:
            conditions.append("run_id = ?")
            parameters.append(str(run))
        if since is not None:
            conditions.append("at >= ?")
            parameters.append(as_text(since))
        found: dict[str, dict[str, int]] = {sink: {} for sink in sinks}
        for sink, kind, count in self._db.query(
            f"SELECT marketplace, kind, count(*) FROM drifts WHERE {' AND '.join(conditions)} "
            "GROUP BY 1, 2 ORDER BY 1, 2",
            parameters,
        ):
            found[sink][kind] = count
        return found

    def rows(
        self,
        sink: str,
        *,
        run: int | None = None,
        since: datetime | None = None,
        kinds: Collection[DriftKind] = tuple(DriftKind),
        limit: int = 100,
    ) -> list[Drift]:
        """Return the newest differences of these kinds, in one run or since a moment."""
        conditions = ["d.marketplace = ?", "d.kind IN texts(?)"]
        parameters: list[Any] = [sink, ids(kind.value for kind in kinds)]
        if run is not None:
            conditions.append("d.run_id = ?")
            parameters.append(run)
        if since is not None:
            conditions.append("d.at >= ?")
            parameters.append(as_text(since))
        return [
            Drift(sku, sink, warehouse, DriftKind(kind), expected, observed, _moment(at), run_id)
            for sku, warehouse, kind, expected, observed, at, run_id in self._db.query(
                "SELECT p.sku, d.warehouse_code, d.kind, d.expected, d.observed, d.at, d.run_id "
                "FROM drifts AS d JOIN products AS p ON p.id = d.product_id "
                f"WHERE {' AND '.join(conditions)} ORDER BY d.id DESC LIMIT ?",
                (*parameters, limit),
            )
        ]


def _moment(text: str) -> datetime:
    found = as_datetime(text)
    assert found is not None
    return found
