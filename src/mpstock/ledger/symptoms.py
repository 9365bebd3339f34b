"""What the alerts are judged from, beside what other tables tell: a few rows of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.model import Order

__all__ = [
    "HeldFact",
    "Oversold",
    "RefusedFall",
    "RefusedListings",
    "SinkRun",
    "Symptoms",
    "UnknownArticle",
    "ZeroShown",
]

NAMED = 5
"""So many listings of one trouble are named."""

_WATCHED = 5_000
_LOOKED_BACK = 60
_ENDED = "finished_at IS NOT NULL AND status IN ('done', 'interrupted')"

# What it shows as far as anybody knows: read back or accepted, else reckoned from its orders, else seen last.
_SHOWS_ZERO = (
    "s.wanted > 0 AND s.stopped IS NULL "
    "AND coalesce(s.base, s.expected, s.observed) = 0 AND s.lane IS NOT NULL"
)


@frozen
class ZeroShown:
    """Listings of a sink that show nothing for long enough although something is to be shown."""

    sink: str
    count: int
    units: int
    since: datetime
    first: Sequence[str]


@frozen
class RefusedListings:
    """Listings of a sink that were refused too often in a row; `words` are the sink's, of the first."""

    sink: str
    count: int
    most: int
    first: Sequence[str]
    words: str


@frozen
class RefusedFall:
    """A listing that is to show less, and the sink has refused it."""

    sink: str
    warehouse: str
    external_id: str
    sku: str
    base: int | None
    wanted: int
    since: datetime | None
    words: str


@frozen
class HeldFact:
    """What a guard holds: so many changes of one cause in a sink warehouse, or of a reading (`*`)."""

    guard: str
    sink: str
    warehouse: str
    source: str
    count: int
    units: int


@frozen
class UnknownArticle:
    """Open orders of an offer that is no product here, in the sink's units."""

    sink: str
    external_id: str
    units: int


@frozen
class Oversold:
    """What a sink says it sold, or had to cancel, although there was no stock."""

    sink: str
    orders: int
    units: int
    last: datetime
    first: Sequence[str]


@frozen
class SinkRun:
    """How one run found a sink: `tried` if anything was asked of it, `error` and its kind if that failed."""

    sink: str
    run: int
    started_at: datetime
    tried: bool
    error: str
    kind: str


class Symptoms:
    """The facts that only the alerts want."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._sink_runs: dict[int, tuple[SinkRun, ...]] = {}

    # ------------------------------------------------------------------ listings

    def watch_zeros(self, now: datetime) -> None:
        """Keep since when listings show nothing although something is to be shown; in a transaction."""
        self._db.execute(
            "DELETE FROM shown_zeros WHERE NOT EXISTS (SELECT 1 FROM marketplace_stocks AS s "
            f"WHERE s.id = shown_zeros.state_id AND {_SHOWS_ZERO})"
        )
        self._db.execute(
            "INSERT INTO shown_zeros (state_id, since) SELECT s.id, ? FROM marketplace_stocks AS s "
            f"WHERE {_SHOWS_ZERO} LIMIT ? ON CONFLICT DO NOTHING",
            (as_text(now), _WATCHED),
        )

    def zeros(self, before: datetime) -> list[ZeroShown]:
        """Return by sink what has shown nothing since `before` or longer."""
        # The cross joins bind the order: from what is watched to its listings, never over a whole sink.
        found = []
        for sink, count, units, since in self._db.query(
            "SELECT s.marketplace, count(*), sum(s.wanted), min(z.since) FROM shown_zeros AS z "
            "CROSS JOIN marketplace_stocks AS s WHERE s.id = z.state_id AND z.since <= ? "
            "GROUP BY 1 ORDER BY 1",
            (as_text(before),),
        ):
            first = [
                f"{sku} ({code}): 0 → {wanted}"
                for sku, code, wanted in self._db.query(
                    "SELECT p.sku, s.warehouse_code, s.wanted FROM shown_zeros AS z "
                    "CROSS JOIN marketplace_stocks AS s CROSS JOIN products AS p "
                    "WHERE s.id = z.state_id AND p.id = s.product_id "
                    "AND z.since <= ? AND s.marketplace = ? ORDER BY z.since, z.state_id LIMIT ?",
                    (as_text(before), sink, NAMED),
                )
            ]
            found.append(ZeroShown(sink, count, units, _moment(since), first))
        return found

    def refused(self, sinks: Sequence[str], in_a_row: int) -> list[RefusedListings]:
        """Return by sink what was refused so often in a row, or more often."""
        found = []
        for sink, count, most in self._db.query(
            "SELECT marketplace, count(*), max(failures) FROM marketplace_stocks "
            "WHERE marketplace IN texts(?) AND failures > 0 AND failures >= ? GROUP BY 1 ORDER BY 1",
            (ids(sinks), in_a_row),
        ):
            rows = self._db.query(
                "SELECT p.sku, s.warehouse_code, s.failures, "
                "trim(coalesce(s.error_code, '') || ' ' || coalesce(s.error_message, '')) "
                "FROM marketplace_stocks AS s JOIN products AS p ON p.id = s.product_id "
                "WHERE s.marketplace = ? AND s.failures > 0 AND s.failures >= ? ORDER BY s.id LIMIT ?",
                (sink, in_a_row, NAMED),
            )
            first = [f"{sku} ({code}) × {failures}" for sku, code, failures, _ in rows]
            found.append(RefusedListings(sink, count, most, first, rows[0][3]))
        return found

    def refused_falls(self, sinks: Sequence[str], limit: int) -> list[RefusedFall]:
        """Return what is to show less, and was refused at the last attempt."""
        return [
            RefusedFall(row[0], row[1], row[2], row[3], row[4], row[5], as_datetime(row[6]), row[7])
            for sink in sinks
            for row in self._db.query(
                "SELECT s.marketplace, s.warehouse_code, l.external_id, p.sku, s.base, s.wanted, "
                "s.lowered_at, trim(coalesce(s.error_code, '') || ' ' || coalesce(s.error_message, '')) "
                "FROM marketplace_stocks AS s JOIN products AS p ON p.id = s.product_id "
                "JOIN listings AS l ON l.id = s.listing_id WHERE s.marketplace = ? AND s.failures > 0 "
                "AND s.lane < 2 AND s.held IS NULL AND s.stopped IS NULL ORDER BY s.lane, s.id LIMIT ?",
                (sink, limit),
            )
        ]

    def held(self) -> list[HeldFact]:
        """Return what guards hold among the changes that wait."""
        return [
            HeldFact(guard, sink, code, cause, count, units or 0)
            for guard, sink, code, cause, count, units in self._db.query(
                "SELECT held, marketplace, warehouse_code, cause, count(*), sum(base) "
                "FROM marketplace_stocks WHERE lane IS NOT NULL AND held IS NOT NULL "
                "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
            )
        ]

    # ------------------------------------------------------------------ orders

    def unknown_articles(self) -> list[UnknownArticle]:
        """Return what was ordered and is no product here."""
        return [
            UnknownArticle(*row)
            for row in self._db.query(
                "SELECT marketplace, external_id, sum(quantity) FROM orders WHERE product_id IS NULL "
                "AND settled = 0 AND stage IN ('placed', 'assembled') GROUP BY 1, 2 ORDER BY 1, 2"
            )
        ]

    def note_oversold(self, sink: str, orders: Sequence[Order], as_of: datetime) -> None:
        """Keep what the sink says it sold without stock; each order once. Inside a transaction."""
        self._db.executemany(
            "INSERT INTO oversold_orders (marketplace, key, external_id, quantity, note, at) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [
                (
                    sink, one.key, one.external_id, one.quantity, one.note,
                    as_text(min(one.stage_at or one.placed_at, as_of)),
                )
                for one in orders
                if one.oversold
            ],
        )  # fmt: skip

    def oversold(self, since: datetime) -> list[Oversold]:
        """Return by sink what it sold without stock since then."""
        found = []
        for sink, orders, units, last in self._db.query(
            "SELECT marketplace, count(*), sum(quantity), max(at) FROM oversold_orders WHERE at >= ? "
            "GROUP BY 1 ORDER BY 1",
            (as_text(since),),
        ):
            first = [
                f"{external_id} × {quantity}"
                for external_id, quantity in self._db.query(
                    "SELECT external_id, quantity FROM oversold_orders WHERE marketplace = ? AND at >= ? "
                    "ORDER BY at DESC, key LIMIT ?",
                    (sink, as_text(since), NAMED),
                )
            ]
            found.append(Oversold(sink, orders, units, _moment(last), first))
        return found

    def oversold_days(self, since: datetime) -> Mapping[str, Mapping[str, int]]:
        """Return by sink and day (UTC) the units that were sold without stock since then."""
        days: dict[str, dict[str, int]] = {}
        for sink, day, units in self._db.query(
            "SELECT marketplace, substr(at, 1, 10), sum(quantity) FROM oversold_orders WHERE at >= ? "
            "GROUP BY 1, 2 ORDER BY 1, 2",
            (as_text(since),),
        ):
            days.setdefault(sink, {})[day] = units
        return days

    # ------------------------------------------------------------------ runs

    def held_readings(self) -> list[HeldFact]:
        """Return what was suspicious about the readings of the last run that read the sources."""
        row = self._db.scalar(
            f"SELECT field(summary, 'held') FROM runs WHERE {_ENDED} "
            "AND field(summary, 'sources') <> '{}' ORDER BY id DESC LIMIT 1"
        )
        return [
            HeldFact(one["guard"], one["sink"], one["warehouse"], one["source"], one["count"], one["units"])
            for one in json.loads(row or "[]")
            if one["sink"] == "*"
        ]

    def sink_runs(self) -> list[SinkRun]:
        """Return how the last runs found each sink, the newest first."""
        ended = [
            run
            for (run,) in self._db.query(
                f"SELECT id FROM runs WHERE {_ENDED} ORDER BY id DESC LIMIT ?", (_LOOKED_BACK,)
            )
        ]
        # What has ended does not change, and each look is at the same last ones.
        known = self._sink_runs
        unread = [run for run in ended if run not in known]
        if unread:
            for run, started, text in self._db.query(
                "SELECT id, started_at, field(summary, 'sinks') FROM runs WHERE id IN ids(?)", (ids(unread),)
            ):
                known[run] = _sink_runs_of(run, _moment(started), text or "{}")
        self._sink_runs = {run: known[run] for run in ended}
        return [one for run in ended for one in self._sink_runs[run]]

    def last_failure(self) -> tuple[int, datetime, str] | None:
        """Return (run, when, error) of the last run if it has broken off."""
        row = self._db.one(
            "SELECT id, finished_at, status, field(summary, 'error') FROM runs "
            "WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1"
        )
        if row is None or row[2] != "failed":
            return None
        return row[0], _moment(row[1]), row[3] or ""


def _sink_runs_of(run: int, started: datetime, summary: str) -> tuple[SinkRun, ...]:
    """Return how a run found each sink, as its summary tells."""
    sinks: dict[str, Any] = json.loads(summary)
    # A verification has other figures than a sync.
    return tuple(
        SinkRun(
            name,
            run,
            started,
            bool(one.get("error") or one.get("requests") or one.get("observed")),
            one.get("error", ""),
            one.get("error_kind", ""),
        )
        for name, one in sinks.items()
    )


def _moment(text: str) -> datetime:
    found = as_datetime(text)
    assert found is not None
    return found
