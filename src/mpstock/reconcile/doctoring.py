"""What is wrong with a shop's ledger, and the plan of what can be mended in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from mpstock.ledger.inspecting import LedgerFinding
from mpstock.ledger.mending import WAL, Mending
from mpstock.reconcile import orphans

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger import Ledger
    from mpstock.reconcile.engine import Engine

__all__ = ["REPAIRED", "Repair", "Repairs", "by_severity", "mend", "planned", "unattended"]

REPAIRED = "repair"
"""The action of mending something."""

_NAMED = 5
_RANKS = ("error", "warning", "note")


@frozen
class Repair:
    """One thing that is to be mended, or was: then `mended` says how many there were."""

    code: str
    what: str
    count: int
    mended: int | None = None


@frozen
class Repairs:
    """The plan of what is to be mended or, when `applied`, what was; and what is found after that."""

    applied: bool
    repairs: Sequence[Repair]
    findings: Sequence[LedgerFinding] = field(factory=list[LedgerFinding])

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        from mpstock.reconcile.report import as_data

        data: dict[str, Any] = as_data(self)
        return data


def unattended(engine: Engine) -> list[LedgerFinding]:
    """Return what still sells and nobody lowers, as a finding. Runs in the ledger's thread."""
    left = orphans.find(engine)
    if not left:
        return []
    return [
        LedgerFinding(
            "orphans", "warning", f"{len(left)} listings still sell and nobody lowers them",
            "mpstock status says of each what can be done", len(left),
            tuple(orphans.told(row) for row in left[:_NAMED]),
        )
    ]  # fmt: skip


def by_severity(findings: Sequence[LedgerFinding]) -> list[LedgerFinding]:
    """Return findings with the worst first."""
    return sorted(findings, key=lambda found: _RANKS.index(found.severity))


def planned(findings: Sequence[LedgerFinding]) -> list[Repair]:
    """Return what of these findings can be mended."""
    return [Repair(found.code, found.what, found.count) for found in findings if found.repair]


async def mend(engine: Engine, asked: Asked, findings: Sequence[LedgerFinding]) -> list[Repair]:
    """Mend what of these findings can be mended, each kind for itself, and record that it was.

    Whoever calls it holds the leases: what was on the wire to those sinks is doubtful by that alone.
    """
    done = []
    for repair in planned(findings):
        done.append(await engine.worker.run(_mend, engine.ledger, repair, asked, engine.clock.now()))
    return done


def _mend(ledger: Ledger, repair: Repair, asked: Asked, now: datetime) -> Repair:
    mending = Mending(ledger, now)
    if repair.code == WAL:
        # The one thing that is no matter of rows: it is not done inside a transaction.
        mended = mending.shrink_wal()
        ledger.actions.record(asked, REPAIRED, now, scope={"code": repair.code, "mended": mended})
        return evolve(repair, mended=mended)
    with ledger.transaction():
        mended = mending.repair(repair.code)
        ledger.actions.record(asked, REPAIRED, now, scope={"code": repair.code, "mended": mended})
    return evolve(repair, mended=mended)
