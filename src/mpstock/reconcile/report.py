"""What a run tells a person: tables on a terminal, HTML in a notebook, JSON for programs."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mpstock.reconcile.safety import TimeToSafe

if TYPE_CHECKING:
    from mpstock.reconcile.plans import Plan

__all__ = [
    "EXIT_PRECEDENCE",
    "HeldSlice",
    "Report",
    "SinkReport",
    "SourceReport",
    "as_data",
    "html_table",
    "kinds_of",
]

EXIT_PRECEDENCE = (130, 2, 3, 1, 0)
"""If several exit codes apply, the first of these is given."""

_SHOWN = 10


def as_data(value: object) -> Any:
    """Return an attrs object, however deep, as what `json.dumps` takes; times as ISO 8601."""
    fields: Sequence[Any] | None = getattr(type(value), "__attrs_attrs__", None)
    if fields is not None:
        return {a.name: as_data(getattr(value, a.name)) for a in fields if a.repr}
    if isinstance(value, Mapping):
        return {str(key): as_data(item) for key, item in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Iterable):
        return [as_data(item) for item in value]
    return str(value)


def kinds_of(drifts: Mapping[str, int]) -> str:
    """Say how many differences there were of each kind: `2 sale, 1 another writer`."""
    return ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in drifts.items())


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return an HTML table; what stands in its cells is escaped."""

    def cells(tag: str, row: Sequence[object]) -> str:
        return "".join(f"<{tag}>{html.escape('—' if c is None else str(c))}</{tag}>" for c in row)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"


@frozen
class HeldSlice:
    """What a guard holds: so many changes of one source × sink × sink warehouse, and why.

    A suspicious reading is held for every sink (`*`); `count` are its rows then. `kind` says what is
    suspicious about it: `explicit zeros`, `missing rows`, `lost pages`, `changed schema`, `sudden raise` or
    `stale`. `units` are those that the listings show now.
    """

    guard: str
    sink: str
    warehouse: str
    source: str
    count: int
    reason: str
    kind: str = ""
    units: int = 0


@frozen
class SourceReport:
    """What came of reading one source. `unknown` counts rows that it left without a known quantity."""

    name: str
    rows: int = 0
    changed: int = 0
    complete: bool = False
    problems: int = 0
    first_problems: Sequence[str] = ()
    unknown: int = 0
    error: str = ""
    error_kind: str = ""


@frozen
class SinkReport:
    """What came of one sink: what it showed, and what was pushed.

    `without_product` counts the listings that nothing is pushed for; `mpstock status` names them.

    `pending` counts the changes that wait for the next run, `requests` the pushes sent. `orders` counts the
    orders that it told, `unknown_orders` those of no product that is known; `orders_error` says why they
    could not be read: nothing that it sells is raised then. `stopped` counts the changes that are not sent
    because somebody has stopped them; `stop` says who has stopped the whole sink, since when and why.
    `drifted` listings showed something else than was known; `drifts` counts them by kind (`sale`,
    `lost_write`, …).
    `time_to_safe` is how long the accepted falls took from when they were known; None where nothing fell.
    With the `mode` `"shadow"` nothing is sent, and `would_send` counts the changes that would have been.
    """

    name: str
    without_product: int = 0
    observed: int = 0
    drifted: int = 0
    pushed: int = 0
    failed: int = 0
    pending: int = 0
    held: int = 0
    requests: int = 0
    error: str = ""
    error_kind: str = ""
    orders: int = 0
    unknown_orders: int = 0
    orders_error: str = ""
    stopped: int = 0
    stop: str = ""
    drifts: Mapping[str, int] = field(factory=dict[str, int])
    time_to_safe: TimeToSafe | None = None
    mode: str = "live"
    would_send: int = 0


@frozen(repr=False)
class Report:
    """What a run did. `exit_code` is what the command line ends with; `notes` are no errors."""

    run: int
    started_at: datetime
    finished_at: datetime
    status: str
    exit_code: int
    sources: Mapping[str, SourceReport] = field(factory=dict[str, SourceReport])
    sinks: Mapping[str, SinkReport] = field(factory=dict[str, SinkReport])
    held: Sequence[HeldSlice] = ()
    errors: Sequence[str] = ()
    dry_run: bool = False
    plan: Plan | None = field(default=None, repr=False)
    notes: Sequence[str] = ()

    @property
    def pushed(self) -> int:
        """Changes that the sinks accepted."""
        return sum(sink.pushed for sink in self.sinks.values())

    @property
    def seconds(self) -> float:
        """How long the run took, on its clock."""
        return (self.finished_at - self.started_at).total_seconds()

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {**as_data(self), "pushed": self.pushed, "seconds": self.seconds}

    def __repr__(self) -> str:
        lines = [f"<Report of run {self.run}: {self.status}, {self.pushed} pushed in {self.seconds:.1f} s"]
        lines += [f"  {line}" for line in self.lines()]
        return "\n".join(lines) + ">"

    def lines(self) -> list[str]:
        """Return what there is to say, a line each."""
        told = []
        for source in self.sources.values():
            if source.error:
                told.append(f"{source.name}: {source.error}")
            else:
                kind = "everything" if source.complete else "changes"
                told.append(
                    f"{source.name}: read {kind}, {source.rows} rows, {source.changed} moved"
                    + (f", {source.problems} with problems" if source.problems else "")
                )
            told += [f"{source.name}: {problem}" for problem in source.first_problems[:_SHOWN]]
        for sink in self.sinks.values():
            told.append(
                (
                    f"{sink.name}: in shadow mode, {sink.would_send} changes would be sent"
                    if sink.mode == "shadow"
                    else f"{sink.name}: {sink.pushed} pushed in {sink.requests} requests"
                )
                + (f", {sink.failed} failed" if sink.failed else "")
                + (f", {sink.pending} pending" if sink.pending else "")
                + (f", {sink.held} held" if sink.held else "")
                + (f", {sink.stopped} stopped by hand" if sink.stopped else "")
                + (f", {sink.drifted} drifted ({kinds_of(sink.drifts)})" if sink.drifted else "")
                + (f", {sink.orders} orders read" if sink.orders else "")
                + (f", {sink.unknown_orders} orders of unknown articles" if sink.unknown_orders else "")
                + (f"; its orders could not be read: {sink.orders_error}" if sink.orders_error else "")
                + (f", slowest fall {sink.time_to_safe.longest:.1f} s" if sink.time_to_safe else "")
                + (f"; {sink.stop}" if sink.stop else "")
                + (f"; {sink.error}" if sink.error else "")
            )
        told += list(self.notes)
        told += [f"held: {held.reason}" for held in self.held]
        told += list(self.errors[:_SHOWN])
        return told

    def _repr_html_(self) -> str:
        sources = html_table(
            ("source", "rows", "moved", "complete", "problems", "error"),
            [(s.name, s.rows, s.changed, s.complete, s.problems, s.error) for s in self.sources.values()],
        )
        sinks = html_table(
            ("sink", "pushed", "requests", "failed", "pending", "held", "drifted", "error"),
            [
                (s.name, s.pushed, s.requests, s.failed, s.pending, s.held, kinds_of(s.drifts), s.error)
                for s in self.sinks.values()
            ],
        )
        held = "".join(f"<li>{html.escape(h.reason)}</li>" for h in self.held)
        return (
            f"<p><b>Run {self.run}</b>: {self.status}, {self.pushed} pushed in {self.seconds:.1f} s</p>"
            + sources
            + sinks
            + (f"<ul>{held}</ul>" if held else "")
        )
