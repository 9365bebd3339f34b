"""Looks after the ledger: what is damaged in it, out of step with itself, stuck, or too large.

Whatever can be worked out anew is worked out anew and compared; nothing is ever counted up and down. A
finding that has a `repair` names one of `mpstock.ledger.mending`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from attrs import asdict, define, frozen

from mpstock.errors import LedgerError
from mpstock.ledger.backup import BACKED_UP
from mpstock.ledger.chain import verify
from mpstock.ledger.database import as_text
from mpstock.ledger.stocks import contradicts

if TYPE_CHECKING:
    from mpstock.ledger import Ledger

__all__ = ["WRONG_HOLDS", "LedgerFinding", "inspect"]

OVERDUE = timedelta(minutes=10)
"""A request without an answer for so long has none: no sink is given more than some minutes."""

AHEAD = timedelta(hours=1)
"""What is later than now by more than this was written while a clock was ahead."""

ABANDONED = timedelta(days=1)
"""A run that is open for so long is nobody's."""

BACKUP_EVERY = timedelta(days=30)

LARGE_WAL = 256 * 1024 * 1024

_NAMED = 5
_EXPLAINED = 10_000

# The holds of an order that is open, as they follow from it; and those that no order accounts for.
_DUE = (
    "SELECT o.marketplace AS origin, o.key, CAST(t.key AS INTEGER) AS product_id, "
    "o.quantity * CAST(t.value AS INTEGER) AS units FROM orders AS o, pairs(o.takes) AS t "
    "WHERE o.settled = 0 AND o.stage IN ('placed', 'assembled') "
    "AND o.product_id IS NOT NULL AND o.takes IS NOT NULL AND o.quantity > 0"
)
WRONG_HOLDS = (
    f"SELECT d.origin, d.key FROM ({_DUE}) AS d LEFT JOIN holds AS h ON h.origin = d.origin "
    "AND h.key = d.key AND h.product_id = d.product_id WHERE h.quantity IS NOT d.units "
    "UNION SELECT h.origin, h.key FROM holds AS h "
    "JOIN orders AS o ON o.marketplace = h.origin AND o.key = h.key "
    "WHERE o.settled = 0 AND o.stage IN ('placed', 'assembled') AND (o.takes IS NULL OR NOT EXISTS "
    "(SELECT 1 FROM pairs(o.takes) AS t WHERE CAST(t.key AS INTEGER) = h.product_id))"
)
LOST_HOLDS = (
    "SELECT h.origin, h.key FROM holds AS h WHERE h.origin IN (SELECT DISTINCT marketplace FROM listings) "
    "AND h.shipped_at IS NULL AND NOT EXISTS "
    "(SELECT 1 FROM orders AS o WHERE o.marketplace = h.origin AND o.key = h.key)"
)


@frozen
class LedgerFinding:
    """One thing that `doctor` found.

    `code` is for programs. `severity`: `note` mends itself or is only to be known; `warning` and `error` want
    somebody, who finds in `mend` what to do. `count` things are concerned, of which `first` names some.
    `repair` says that `mpstock repair --apply` mends it.
    """

    code: str
    severity: Literal["note", "warning", "error"]
    what: str
    mend: str
    count: int = 1
    first: tuple[str, ...] = ()
    repair: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def inspect(ledger: Ledger, now: datetime) -> list[LedgerFinding]:
    """Return what is wrong with a ledger, all as of one moment; nothing is changed."""
    inspector = _Inspector(ledger, now)
    found: list[LedgerFinding] = []
    with ledger.database.snapshot():
        for look in inspector.looks:
            try:
                found += look()
            except LedgerError as error:
                found.append(
                    LedgerFinding(
                        "damaged", "error", f"a part of it cannot be read: {error}",
                        "put a backup back; keep the damaged file",
                    )
                )  # fmt: skip
    return found


@define
class _Inspector:
    ledger: Ledger
    now: datetime

    @property
    def looks(self) -> tuple[Callable[[], Iterator[LedgerFinding]], ...]:
        return (
            self._file, self._log, self._copy, self._states, self._intents, self._holds, self._clock,
            self._marks, self._runs, self._explanations, self._resting, self._expired, self._backup,
            self._room,
        )  # fmt: skip

    def _rows(self, sql: str, *parameters: Any) -> list[Any]:
        return self.ledger.database.query(sql, parameters)

    def _about(
        self, code: str, severity: Literal["note", "warning", "error"], rows: list[Any], what: str, mend: str,
        *, repair: bool = False,
    ) -> Iterator[LedgerFinding]:  # fmt: skip
        """One finding about all these rows, if there are any."""
        if rows:
            first = tuple(" · ".join(str(part) for part in row) for row in rows[:_NAMED])
            yield LedgerFinding(code, severity, f"{len(rows)} {what}", mend, len(rows), first, repair)

    def _file(self) -> Iterator[LedgerFinding]:
        damage = [(text,) for text in self.ledger.database.damage(20)]
        yield from self._about(
            "damaged", "error", damage, "places of the file are damaged",
            "stop what runs on it, keep the file, and put a backup back (docs: care of the ledger)",
        )  # fmt: skip
        dangling = self.ledger.database.dangling()
        yield from self._about(
            "dangling", "error", dangling,
            "tables have rows that belong to nothing: something else wrote here",
            "put a backup back, or look at them by hand",
        )  # fmt: skip

    def _log(self) -> Iterator[LedgerFinding]:
        found = verify(self.ledger.database, self.ledger.seals, limit=_NAMED)
        if not found.holds:
            yield LedgerFinding(
                "log_broken", "error", f"the log was changed in {found.broken} places",
                "mpstock log --verify says where; nobody can mend it, a backup may show what was there",
                found.broken, tuple(str(place) for place in found.breaks),
            )  # fmt: skip
        if found.unsealed:
            yield LedgerFinding(
                "log_unsealed", "note", f"{found.unsealed} rows of the log are from before there were seals",
                "nothing: they go with their age", found.unsealed,
            )  # fmt: skip

    def _copy(self) -> Iterator[LedgerFinding]:
        made_at = self.ledger.copies.made_at()
        if made_at is not None:
            yield LedgerFinding(
                "copy", "note", f"it is a copy of {made_at:%Y-%m-%d %H:%M:%S}Z, on which nothing has run yet",
                "the first run reads everything anew; set stops and pins again before it",
            )  # fmt: skip

    def _states(self) -> Iterator[LedgerFinding]:
        yield from self._about(
            "states", "error",
            self._rows(
                "SELECT p.sku, s.marketplace, s.warehouse_code FROM marketplace_stocks AS s "
                f"JOIN products AS p ON p.id = s.product_id WHERE {contradicts()} ORDER BY s.id"
            ),
            "listings wait, or do not, against what they show and should show",
            "mpstock repair --apply works them out anew", repair=True,
        )  # fmt: skip

    def _intents(self) -> Iterator[LedgerFinding]:
        yield from self._about(
            "intents", "warning",
            self._rows(
                "SELECT p.sku, s.marketplace, s.warehouse_code, s.attempted_at FROM marketplace_stocks AS s "
                "JOIN products AS p ON p.id = s.product_id "
                "WHERE s.in_flight IS NOT NULL AND s.attempted_at < ? ORDER BY s.id",
                as_text(self.now - OVERDUE),
            ),
            "changes were sent, and nobody recorded an answer",
            "the next run of their sinks reads them back; mpstock repair --apply lets it", repair=True,
        )  # fmt: skip

    def _holds(self) -> Iterator[LedgerFinding]:
        yield from self._about(
            "holds", "error", self._rows(WRONG_HOLDS),
            "orders keep back something else than they took",
            "mpstock repair --apply works their holds out anew", repair=True,
        )  # fmt: skip
        yield from self._about(
            "lost_holds", "error", self._rows(LOST_HOLDS), "holds of marketplaces belong to no order",
            "mpstock repair --apply lets them go", repair=True,
        )  # fmt: skip

    def _clock(self) -> Iterator[LedgerFinding]:
        ahead = as_text(self.now + AHEAD)
        yield from self._about(
            "levels_ahead", "error",
            self._rows(
                "SELECT p.sku, l.source, l.as_of FROM stock_levels AS l "
                "JOIN products AS p ON p.id = l.product_id WHERE l.as_of > ? ORDER BY l.id",
                ahead,
            ),
            "levels are as of a time that has not come: newer readings do not count against them",
            "set the clock right, then mpstock repair --apply", repair=True,
        )  # fmt: skip
        yield from self._about(
            "cursors_ahead", "error",
            self._rows("SELECT name, read_at FROM cursors WHERE read_at > ? OR full_at > ?", ahead, ahead),
            "readings were made at a time that has not come",
            "set the clock right, then mpstock repair --apply", repair=True,
        )  # fmt: skip

    def _marks(self) -> Iterator[LedgerFinding]:
        yield from self._about(
            "marks", "note",
            self._rows("SELECT product_id FROM dirty WHERE product_id NOT IN (SELECT id FROM products)"),
            "marks are of products that are not there", "mpstock repair --apply takes them away", repair=True,
        )  # fmt: skip

    def _runs(self) -> Iterator[LedgerFinding]:
        yield from self._about(
            "runs", "note",
            self._rows(
                "SELECT id, started_at FROM runs WHERE finished_at IS NULL AND started_at < ? ORDER BY id",
                as_text(self.now - ABANDONED),
            ),
            "runs never came to an end: their processes were killed", "mpstock repair --apply closes them",
            repair=True,
        )  # fmt: skip

    def _explanations(self) -> Iterator[LedgerFinding]:
        # Only the newest: older ones may have been let go.
        yield from self._about(
            "explanations", "warning",
            self._rows(
                "SELECT g.id, g.explanation_id FROM (SELECT id, explanation_id FROM stock_sync_log "
                "WHERE synced_at >= ? ORDER BY id DESC LIMIT ?) AS g WHERE g.explanation_id IS NOT NULL "
                "AND NOT EXISTS (SELECT 1 FROM explanations WHERE id = g.explanation_id)",
                as_text(self.now - timedelta(days=1)), _EXPLAINED,
            ),
            "lines of the log of the last day name an explanation that is gone",
            "something else removed it: mpstock explain cannot say why those numbers were sent",
        )  # fmt: skip

    def _resting(self) -> Iterator[LedgerFinding]:
        yield from self._about(
            "resting", "warning",
            self._rows(
                "SELECT p.sku, s.marketplace, s.warehouse_code, s.failures FROM marketplace_stocks AS s "
                "JOIN products AS p ON p.id = s.product_id WHERE s.failures > 0 AND s.rests_until > ? "
                "ORDER BY s.id",
                as_text(self.now),
            ),
            "listings were refused so often that they rest", "mpstock status says with which words",
        )  # fmt: skip

    def _expired(self) -> Iterator[LedgerFinding]:
        moment = as_text(self.now)
        yield from self._about(
            "expired", "note",
            self._rows(
                "SELECT kind, actor, expires_at FROM interventions "
                "WHERE ended_at IS NULL AND expires_at <= ? ORDER BY id",
                moment,
            ),
            "stops, zeros or pins are over and still noted", "the next run ends them",
        )  # fmt: skip
        yield from self._about(
            "leases", "note",
            self._rows(
                "SELECT name, holder, expires_at FROM leases WHERE holder <> '' AND expires_at <= ?", moment
            ),
            "leases have run out without being given back", "the next run takes them over",
        )  # fmt: skip

    def _backup(self) -> Iterator[LedgerFinding]:
        last = self.ledger.actions.last(action=BACKED_UP, limit=1)
        if self.ledger.database.file is None or (last and self.now - last[0].at < BACKUP_EVERY):
            return
        when = f"since {last[0].at:%Y-%m-%d}" if last else "ever"
        yield LedgerFinding("no_backup", "note", f"no backup was made {when}", "mpstock backup FILE")

    def _room(self) -> Iterator[LedgerFinding]:
        path = self.ledger.database.file
        if path is None:
            return
        size = path.stat().st_size
        free = shutil.disk_usage(path.parent).free
        if free < max(size, 100_000_000):
            yield LedgerFinding(
                "disk", "warning", f"{free / 1e6:.0f} MB are free beside a ledger of {size / 1e6:.0f} MB",
                "free some space: without any nothing can be recorded, and so nothing is sent",
            )  # fmt: skip
        wal = path.with_name(f"{path.name}-wal")
        length = wal.stat().st_size if wal.exists() else 0
        if length > LARGE_WAL:
            yield LedgerFinding(
                "wal", "warning",
                f"{wal.name} has grown to {length / 1e6:.0f} MB: a reader has not let go of it",
                "stop what reads the file, then mpstock repair --apply", repair=True,
            )  # fmt: skip
