"""The plan: the changes that a run would make, to be looked at, kept in a file, and carried out later."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mpstock.reconcile.report import HeldSlice, SinkReport, SourceReport, as_data, html_table

if TYPE_CHECKING:
    from mpstock.frames import Frame

__all__ = ["FORMAT", "VERSION", "MovedListing", "Plan", "PlannedChange", "SkippedListing", "lane"]

FORMAT = "mpstock-plan"
VERSION = 1
"""What a plan's file calls itself. A newer version may mean something else by the same keys."""

_SHOWN = 10


def lane(old: int | None, new: int) -> str:
    """Return the lane of a change; nobody knows that a change from an unknown number is a raise."""
    if new == 0:
        return "zero"
    return "fall" if old is None or new < old else "raise"


@frozen
class PlannedChange:
    """One change that a run would make.

    `held` names the guard that holds it, or is `stop`: a person has stopped it. `reason` says why.
    """

    sku: str
    sink: str
    warehouse: str
    external_id: str
    old: int | None
    new: int
    lane: str
    cause: str
    held: str = ""
    reason: str = ""


@frozen
class SkippedListing:
    """A listing that a rollback leaves as it is, and why."""

    sku: str
    sink: str
    warehouse: str
    external_id: str
    reason: str


@frozen
class MovedListing:
    """A listing that shows something else (`now`) than the plan was made from (`old`).

    None is not known. `cause` is what moved it, as far as the ledger can tell.
    """

    sku: str
    sink: str
    warehouse: str
    external_id: str
    old: int | None
    planned: int
    now: int | None
    cause: str

    def __str__(self) -> str:
        old, now = ("unknown" if number is None else number for number in (self.old, self.now))
        return f"{self.sku} on {self.sink} {self.warehouse}: planned from {old}, shows {now} ({self.cause})"


def _tuple(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(values)


@frozen(repr=False)
class Plan:
    """The changes that a run would make, with what the guards say of them.

    `changes` are in the order in which they would be sent, the held ones among them; `sources` and
    `sinks` say how the reading went that the plan rests on. `released` are the guards that were
    let through, `skus` the products that it was narrowed to.

    `id` names the plan wherever it is kept, `ledger` the ledger that it was made from, `actor` who asked for
    it; `settings` is a digest of the settings that its numbers follow from.

    The plan of a rollback puts back what the run `rollback` replaced, and keeps it so for as long as `lasts`;
    `skipped` are that run's listings which it leaves as they are.
    """

    run: int
    created_at: datetime
    changes: Sequence[PlannedChange] = field(default=(), converter=_tuple)
    held: Sequence[HeldSlice] = field(default=(), converter=_tuple)
    sources: Mapping[str, SourceReport] = field(factory=dict[str, SourceReport])
    sinks: Mapping[str, SinkReport] = field(factory=dict[str, SinkReport])
    exit_code: int = 0
    released: Sequence[str] = field(default=(), converter=_tuple)
    id: str = ""
    ledger: str = ""
    actor: str = ""
    settings: str = ""
    skus: Sequence[str] = field(default=(), converter=_tuple)
    rollback: int | None = None
    lasts: timedelta | None = None
    skipped: Sequence[SkippedListing] = field(default=(), converter=_tuple)

    def __len__(self) -> int:
        return len(self.changes)

    def save(self, path: str | Path) -> Path:
        """Write the plan to a file, whole or not at all; returns the path.

        The file is JSON with a line for each change. A person may delete changes or lower numbers.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        from mpstock.reconcile.plan_file import save

        return save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read a plan from a file that `save` wrote, or from what `mpstock plan --json` printed.

        Raises:
            ConfigurationError: there is no such file, it is no plan or one of a newer mpstock, it is cut off,
                or something in it cannot be; the message says where and what to do.
        """
        from mpstock.reconcile.plan_file import load

        return load(Path(path))

    def head(self) -> dict[str, Any]:
        """Return what the plan says besides its changes, as plain data."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "id": self.id,
            "ledger": self.ledger,
            "run": self.run,
            "created_at": self.created_at.isoformat(),
            "actor": self.actor,
            "settings": self.settings,
            "released": list(self.released),
            "skus": list(self.skus),
            "rollback": self.rollback,
            "lasts": None if self.lasts is None else self.lasts.total_seconds(),
            "exit_code": self.exit_code,
            "held": as_data(self.held),
            "skipped": as_data(self.skipped),
            "sources": as_data(self.sources),
            "sinks": as_data(self.sinks),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, the same that its file has."""
        return {**self.head(), "changes_total": len(self.changes), "changes": as_data(self.changes)}

    def frame(self) -> Frame:
        """Return the changes as a table with typed columns, for pandas, polars and the like."""
        from mpstock.frames import Frame

        return Frame.of(self.title, PlannedChange, [self.changes])

    @property
    def title(self) -> str:
        """What it is, in a line."""
        what = f"Plan of run {self.run}" if self.rollback is None else f"Rollback of run {self.rollback}"
        return f"{what}: {len(self.changes)} changes"

    def skipped_reasons(self) -> list[tuple[str, int]]:
        """Return why listings are left as they are, with their number, the commonest reasons first."""
        return Counter(skipped.reason for skipped in self.skipped).most_common(_SHOWN)

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Return the number of changes by (sink, lane); of those that are held by (sink, `held`)."""
        return Counter((c.sink, "held" if c.held else c.lane) for c in self.changes)

    def __repr__(self) -> str:
        counts = self.counts()
        told = ", ".join(f"{sink} {lane} {count}" for (sink, lane), count in sorted(counts.items()))
        lines = [f"<{self.title}{': ' + told if told else ''}"]
        lines += [
            f"  {c.sku} → {c.sink} {c.warehouse}: {'?' if c.old is None else c.old} → {c.new} "
            f"({c.lane}, {c.cause})" + (f" held by {c.held}: {c.reason}" if c.held else "")
            for c in self.changes[:_SHOWN]
        ]
        if len(self.changes) > _SHOWN:
            lines.append(f"  … and {len(self.changes) - _SHOWN} more")
        lines += [f"  left as they are, {count}: {reason}" for reason, count in self.skipped_reasons()]
        return "\n".join(lines) + ">"

    def _repr_html_(self) -> str:
        rows = [
            (c.sku, c.sink, c.warehouse, c.old, c.new, c.lane, c.cause, c.held) for c in self.changes[:100]
        ]
        more = f"<p>… and {len(self.changes) - 100} more</p>" if len(self.changes) > 100 else ""
        told = [h.reason for h in self.held]
        told += [f"left as they are, {count}: {reason}" for reason, count in self.skipped_reasons()]
        held = "".join(f"<li>{html.escape(text)}</li>" for text in told)
        counts, kinds = self.counts(), ("zero", "fall", "raise", "held")
        sinks = sorted({sink for sink, _ in counts})
        sums = [(sink, *(counts.get((sink, kind), 0) for kind in kinds)) for sink in sinks]
        return (
            f"<p><b>{self.title}</b></p>"
            + (f"<ul>{held}</ul>" if held else "")
            + html_table(("sink", *kinds), sums)
            + html_table(("sku", "sink", "warehouse", "shows", "will show", "lane", "cause", "held by"), rows)
            + more
        )
