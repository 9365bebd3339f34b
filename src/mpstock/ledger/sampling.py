"""Which listings a run reads back though nothing asks for it, so that each is seen in its turn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_text, ids
from mpstock.ledger.listing_rows import ObservedRow, observed_rows

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["Sample", "Samples"]

REMEMBERED = timedelta(hours=24)
"""For so long a listing that drifted is looked at more often than others."""

LATEST_LINES = 5_000
"""Lines of the sync log in which the latest writes are looked for: a bound on the work, not on the log."""

_LINES = 500
"""Lines of one look: the latest writes are nearly always in the first."""


@frozen
class Sample:
    """Listings to read back, and the place in the ledger's order at which the next turn begins.

    Of what was written up to the line `seen_to` of the sync log all had been seen.
    """

    rows: Sequence[ObservedRow] = ()
    next: int = 0
    seen_to: int = 0


class Samples:
    """Chooses the listings of a sample."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def choose(self, sink: str, warehouses: Sequence[str], size: int, now: datetime) -> Sample:
        """Return up to `size` listings of a sink's warehouses to read back.

        A quarter may be listings that drifted within a day, half of them those that were written and not
        seen since, the latest first. The rest goes round the whole account, on from where the last sample
        ended. What is not known is not among them: that is read back anyway.
        """
        chosen: dict[int, None] = {}
        usable = (
            "s.marketplace = ? AND s.base IS NOT NULL AND s.in_flight IS NULL "
            "AND s.warehouse_code IN texts(?)"
        )
        of_sink = (sink, ids(warehouses))
        drifted = self._db.query(
            "SELECT s.id FROM drifts AS d JOIN marketplace_stocks AS s ON s.product_id = d.product_id "
            "AND s.marketplace = d.marketplace AND s.warehouse_code = d.warehouse_code "
            f"WHERE d.marketplace = ? AND d.at >= ? AND d.kind <> 'sale' AND {usable} "
            "GROUP BY s.id ORDER BY max(d.id) DESC LIMIT ?",
            (sink, as_text(now - REMEMBERED), *of_sink, max(size // 4, 1)),
        )
        chosen.update((row[0], None) for row in drifted)
        written, seen_to = self._written(sink, usable, of_sink, max(size // 2, 1))
        chosen.update(dict.fromkeys(written))
        place = self._kept(_PLACE, sink)
        for after in (place, 0):
            if len(chosen) >= size:
                break
            for row in self._db.query(
                f"SELECT s.id FROM marketplace_stocks AS s WHERE s.id > ? AND {usable} ORDER BY s.id LIMIT ?",
                (after, *of_sink, size),
            ):
                if len(chosen) >= size:
                    break
                chosen[row[0]] = None
                place = row[0]
        return Sample(self._rows(list(chosen)[:size]), place, seen_to)

    def taken(self, sink: str, sample: Sample) -> None:
        """Begin the next sample after this one: it was read back."""
        self._db.executemany(
            "INSERT INTO meta (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [(_PLACE.format(sink), str(sample.next)), (_SEEN_TO.format(sink), str(sample.seen_to))],
        )

    def _written(self, sink: str, usable: str, of_sink: Sequence[Any], most: int) -> tuple[list[int], int]:
        """Return up to so many listings that were written and not seen since, the latest first.

        And the line of the sync log up to which none is left: the next look goes no further down.
        """
        seen_to = self._kept(_SEEN_TO, sink)
        found: dict[int, None] = {}
        newest, oldest = seen_to, None
        below, looked_at = 2**62, 0
        while looked_at < LATEST_LINES and len(found) < most:
            lines = self._db.query(
                "SELECT id, marketplace, product_id, warehouse_code FROM stock_sync_log "
                "WHERE id < ? AND id > ? ORDER BY id DESC LIMIT ?",
                (below, seen_to, _LINES),
            )
            if lines:
                newest = max(newest, lines[0][0])
            unseen = self._unseen([line[2] for line in lines if line[1] == sink], usable, of_sink)
            for line, _, product_id, warehouse in lines if unseen else ():
                state = unseen.get((product_id, warehouse))
                if state is not None and len(found) < most:
                    found[state] = None
                    oldest = line
            if len(lines) < _LINES:
                break
            below, looked_at = lines[-1][0], looked_at + len(lines)
        if len(found) == most:
            return list(found), seen_to
        return list(found), newest if oldest is None else oldest - 1

    def _unseen(
        self, product_ids: Sequence[int], usable: str, of_sink: Sequence[Any]
    ) -> dict[tuple[int, str], int]:
        """Return the listings of these products that were not seen since they were written."""
        if not product_ids:
            return {}
        return {
            (product_id, warehouse): state
            for state, product_id, warehouse in self._db.query(
                "SELECT s.id, s.product_id, s.warehouse_code FROM marketplace_stocks AS s "
                "WHERE s.product_id IN ids(?) "
                f"AND {usable} AND (s.observed_at IS NULL OR s.observed_at < s.last_synced_at)",
                (ids(dict.fromkeys(product_ids)), *of_sink),
            )
        }

    def _kept(self, key: str, sink: str) -> int:
        return int(self._db.scalar("SELECT value FROM meta WHERE key = ?", (key.format(sink),)) or 0)

    def _rows(self, state_ids: Sequence[int]) -> list[ObservedRow]:
        found: list[Any] = self._db.query(
            "SELECT s.id, l.external_id, l.warehouse_code, l.skus, l.keys FROM marketplace_stocks AS s "
            "JOIN listings AS l ON l.id = s.listing_id WHERE s.id IN ids(?) "
            "ORDER BY s.id",
            (ids(state_ids),),
        )
        return observed_rows(found)


_PLACE, _SEEN_TO = "sample:{}", "sample.log:{}"
"""The keys under which a sink's places are kept."""
