"""What a replay tells a person: on a terminal, in a notebook, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from mpstock.reconcile.report import as_data, html_table

__all__ = ["Replay", "ReplayedNumber", "ReplayedSink", "ReplayedSums"]

_SHOWN = 10


@frozen
class ReplayedNumber:
    """A number that comes out otherwise than it was recorded: at that time, in that run."""

    at: datetime
    run: int
    sku: str
    sink: str
    warehouse: str
    recorded: int | None
    replayed: int | None


@frozen
class ReplayedSums:
    """What the recorded time comes to, in the seller's units.

    `sold_units`            units of accepted orders.
    `oversold_units`        units of them that were not there when the order was accepted, at the worst; at
                            the best it were `oversold_surely`.
    `refused_units`         units of recorded orders that would have found nothing to buy.
    `hidden_unit_hours`     units that were free and not shown (by no sink, where it is of all), times hours.
    `beyond_unit_hours`     units that were shown and not there, times hours: what could have been oversold.
    `changes`               numbers that the sinks accepted.
    """

    sold_units: int = 0
    oversold_units: int = 0
    oversold_surely: int = 0
    refused_units: int = 0
    hidden_unit_hours: float = 0.0
    beyond_unit_hours: float = 0.0
    changes: int = 0


@frozen
class ReplayedSink:
    """One sink: how many of its numbers come out otherwise, what was, and what would have been."""

    name: str
    numbers: int
    otherwise: int
    recorded: ReplayedSums
    replayed: ReplayedSums


_ROWS = (
    ("sold", "sold_units"),
    ("oversold, at the worst", "oversold_units"),
    ("oversold, surely", "oversold_surely"),
    ("turned away", "refused_units"),
    ("hidden unit-hours", "hidden_unit_hours"),
    ("unit-hours shown beyond what was there", "beyond_unit_hours"),
    ("numbers accepted", "changes"),
)


@frozen(repr=False)
class Replay:
    """Recorded runs, reckoned again.

    `buffers` says with which other buffers; empty: with those that were recorded. `numbers` is how many were
    reckoned, of `listings`, `otherwise` how many come out otherwise, of `otherwise_listings`; `differences`
    has, of the listings that differ most, the largest difference of each. `recorded` is what was, `replayed`
    what would have been. `torn` says of tapes whose end is missing why. `notes` are what a person should know
    before he believes it.
    """

    tapes: int
    first_run: int
    last_run: int
    started_at: datetime
    ended_at: datetime
    numbers: int
    listings: int
    otherwise: int
    otherwise_listings: int
    differences: Sequence[ReplayedNumber]
    recorded: ReplayedSums
    replayed: ReplayedSums
    sinks: Mapping[str, ReplayedSink]
    buffers: str = ""
    torn: Mapping[str, str] | None = None
    notes: Sequence[str] = ()

    @property
    def exit_code(self) -> int:
        """1 where what was recorded does not come out again by the same settings, else 0."""
        return 1 if self.otherwise and not self.buffers else 0

    @property
    def title(self) -> str:
        """What was replayed, in one line."""
        runs = f"run {self.first_run}"
        if self.tapes > 1:
            runs = f"{self.tapes} runs, {self.first_run} to {self.last_run}"
        span = f"{self.started_at:%Y-%m-%d %H:%M} to {self.ended_at:%Y-%m-%d %H:%M} UTC"
        return f"{runs}, {span}, {self.buffers or 'with the buffers that were recorded'}"

    @property
    def verdict(self) -> str:
        """How many numbers come out otherwise, in one line."""
        if not self.otherwise:
            return f"{self.numbers} numbers of {self.listings} listings come out as they were recorded"
        return (
            f"{self.otherwise} of {self.numbers} numbers come out otherwise, "
            f"of {self.otherwise_listings} of {self.listings} listings"
        )

    def rows(self, sink: str | None = None) -> list[tuple[str, float, float]]:
        """Return (what, as it was, as it would have been), of one sink or of all."""
        recorded, replayed = self.recorded, self.replayed
        if sink is not None:
            recorded, replayed = self.sinks[sink].recorded, self.sinks[sink].replayed
        return [(told, getattr(recorded, name), getattr(replayed, name)) for told, name in _ROWS]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        data: dict[str, Any] = as_data(self)
        return data

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"<Replay of {self.title}:"
        yield f"  {self.verdict}"
        for told, was, would in self.rows():
            yield f"  {told}: {was:g}" + (f" → {would:g}" if self.buffers else "")
        yield from (f"  {note}" for note in self.all_notes())
        yield ">"

    def all_notes(self) -> list[str]:
        """Return what a person should know, the tapes whose end is missing among it."""
        return [*(f"{tape}: {why}" for tape, why in (self.torn or {}).items()), *self.notes]

    def _repr_html_(self) -> str:
        import html

        head = ("", "as it was", "as it would have been") if self.buffers else ("", "as it was")
        tables = [html_table((name, *head[1:]), self._cells(sink)) for name, sink in self._parts()]
        shown = self.differences[:_SHOWN]
        if shown:
            tables.append(
                html_table(
                    ("sku", "sink", "warehouse", "run", "recorded", "replayed"),
                    [(d.sku, d.sink, d.warehouse, d.run, d.recorded, d.replayed) for d in shown],
                )
            )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.all_notes())
        return (
            f"<p><b>{html.escape(self.title)}</b><br>{html.escape(self.verdict)}</p>{''.join(tables)}{notes}"
        )

    def _parts(self) -> list[tuple[str, str | None]]:
        return [("all sinks", None), *((name, name) for name in self.sinks if len(self.sinks) > 1)]

    def _cells(self, sink: str | None) -> list[tuple[object, ...]]:
        return [
            (told, f"{was:g}", f"{would:g}") if self.buffers else (told, f"{was:g}")
            for told, was, would in self.rows(sink)
        ]
