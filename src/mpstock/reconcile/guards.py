"""What is suspicious is held with its reason; everything else flows."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.errors import ConfigurationError
from mpstock.ledger.orders import CAUSE as ORDER
from mpstock.ledger.slices import Counted
from mpstock.ledger.stocks import BY_HAND
from mpstock.reconcile.report import HeldSlice
from mpstock.reconcile.suspicion import SHRUNKEN

if TYPE_CHECKING:
    from mpstock.config import GuardSettings
    from mpstock.ledger import Ledger
    from mpstock.ledger.slices import Slice
    from mpstock.reconcile.recording import RunRecord

__all__ = ["GUARDS", "RAISING", "TAKEOVER", "ZEROING", "Judge", "check_names", "note_release"]

ZEROING = "zeroing"
RAISING = "raising"
TAKEOVER = "takeover"
GUARDS = (ZEROING, SHRUNKEN, RAISING, TAKEOVER)
"""The guards that a person can release, as `--release` takes them."""

_DECIDED = {ORDER, BY_HAND}
"""Causes that explain a change by themselves: it was sold, or somebody wants just this."""

_SETTINGS = "settings"
"""A cap that was lifted raises many numbers, none above what there is; a wrong one may still zero them."""

_LAST_RELEASED = "released:zeroing"
"""Under this name the ledger remembers the last run in which a person let zeros through."""

_SLACK = 4
"""So many times the listings that would do are looked at: they may show less than those that fall."""

_HELD_SINCE = "held:{}:{}:{}"
"""Under this name the ledger remembers the last whole reading of a source when its zeros were first held."""


def check_names(release: Collection[str]) -> None:
    """Raise `ConfigurationError` for a guard that is not there."""
    unknown = sorted(set(release) - set(GUARDS))
    if unknown:
        raise ConfigurationError(
            f"no guard is called {', '.join(map(repr, unknown))}; those that can be released are: "
            f"{', '.join(GUARDS)}",
            place="release",
        )


def note_release(ledger: Ledger, run: RunRecord, released: Collection[str], now: datetime) -> None:
    """Record who lets what through, and begin the guard's window anew. Runs in the ledger's thread."""
    with ledger.transaction():
        ledger.runs.remember(_LAST_RELEASED, str(run.id))
        ledger.actions.record(run.asked, "release", now, scope={"guards": sorted(released)}, run=run.id)


@define
class Judge:
    """Holds the slices of a run that are suspicious, as often as something new was planned.

    `causes` says what the log calls a cause, `released` are the guards that a person lets through. `readings`
    are the suspicious readings of this run, whose raises are held as well; `let_go` are the sources of which
    a person has said that what they left out is gone: its zeros are no surprise. `unheld` are the sinks of
    which nothing was held by the last judgement; all who judge for a run share it.
    """

    ledger: Ledger
    settings: GuardSettings
    sinks: Sequence[str]
    causes: Mapping[str, str]
    released: Collection[str] = ()
    readings: Sequence[HeldSlice] = ()
    let_go: Collection[str] = ()
    unheld: set[str] = field(factory=set[str])
    held: list[HeldSlice] = field(factory=list[HeldSlice])
    """What is held as of the last judgement."""

    def judge(self, now: datetime, writes: Collection[str], fresh: Sequence[int] | None = None) -> None:
        """Judge what is planned now for the sinks that the run may write to; runs in the ledger's thread.

        `fresh` are the products that were planned since the last judgement: raises of others that were let
        go then have nothing to do with what is suspicious now.
        """
        with self.ledger.transaction():
            for _ in self.steps(now, writes, fresh):
                pass

    def steps(
        self, now: datetime, writes: Collection[str], fresh: Sequence[int] | None = None
    ) -> Generator[str, None, None]:
        """Judge as `judge` does, sink by sink: others may have the ledger in between."""
        held = list(self.readings)
        for sink in writes:
            with self.ledger.transaction():
                found = self._judge(sink, now, fresh)
            if found or self.readings:
                self.unheld.discard(sink)
            else:
                self.unheld.add(sink)
            held += found
            yield sink
        self.held = held

    def _judge(self, sink: str, now: datetime, fresh: Sequence[int] | None) -> list[HeldSlice]:
        slices = self.ledger.slices
        zeros = self._zeros_held(sink)
        # Where nothing is held the cost follows what is fresh, and not all that waits.
        unheld = fresh is not None and sink in self.unheld
        raises = None
        if fresh is not None:
            raises = [*(() if unheld else slices.held_raises(sink)), *slices.states(sink, fresh)]
        if not unheld:
            slices.lift(sink)
        for suspicious in self.readings:
            slices.hold_raises(sink, suspicious.source, suspicious.guard, suspicious.reason)
        held = self._zeroing(sink, zeros, raises, now)
        if not unheld or slices.jumps_among(sink, fresh or (), self.settings.raising.factor):
            held += self._raising(sink)
        return held

    def _zeros_held(self, sink: str) -> dict[tuple[str, str], list[int]]:
        """Return the zeros that are held, by warehouse and cause, where a second reading can release them."""
        if not self.settings.zeroing.repeated:
            return {}
        slices = self.ledger.slices
        return {(s.warehouse, s.cause): slices.held_by(s, ZEROING) for s in slices.zeroings(sink)}

    def _zeroing(
        self,
        sink: str,
        before: Mapping[tuple[str, str], Sequence[int]],
        raises: Sequence[int] | None,
        now: datetime,
    ) -> list[HeldSlice]:
        """Hold the slices that would take too many live listings, or too many units, to zero.

        Live are the listings that show more than zero now, with those that the slice took to zero within the
        guard's window; what was sent up to the last run that a person released counts no more.
        """
        settings, slices = self.settings.zeroing, self.ledger.slices
        since = now - settings.window
        slices.credit_orders(sink, self.sinks, since)
        seen_to = int(self.ledger.runs.recall(_LAST_RELEASED) or 0)
        held = []
        for slice_ in slices.zeroings(sink):
            spared: Sequence[int] = ()
            name = _HELD_SINCE.format(sink, slice_.warehouse, slice_.cause)
            guard, whose = _of_account(slice_, ZEROING)
            if slice_.cause in _DECIDED or guard in self.released or slice_.cause in self.let_go:
                continue
            logged = self.causes.get(slice_.cause, slice_.cause)
            recent = slices.zeroed_since(sink, slice_.warehouse, logged, since, after_run=seen_to)
            count, units = slice_.count + recent.listings, slice_.units + recent.units
            if count <= settings.count:
                continue
            taken = Counted(count, units)
            if self._is_little(taken, recent, self._many(sink, slice_.warehouse, taken)):
                continue
            showing = slices.showing(sink, slice_.warehouse)
            if self._is_little(taken, recent, showing):
                continue
            live, shown = showing.listings + recent.listings, showing.units + recent.units
            if settings.repeated and guard == ZEROING:
                spared = self._repeated(name, slice_, before.get((slice_.warehouse, slice_.cause), ()))
                if len(spared) == slice_.count:
                    continue
            earlier = f" ({recent.listings} of them within the guard's window)" if recent.listings else ""
            reason = (
                f"{slice_.cause} would take {count} of {live} listings that show stock on {sink} "
                f"{slice_.warehouse}, {units} of {shown} units, to zero{earlier}{whose}. "
                f"If that is right: mpstock sync --release {guard}"
            )
            slices.hold(slice_, guard, reason, but=spared, raises=raises)
            held.append(
                HeldSlice(
                    guard, sink, slice_.warehouse, slice_.cause, slice_.count - len(spared), reason,
                    "explicit zeros", slice_.units,
                )
            )  # fmt: skip
        return held

    def _is_little(self, taken: Counted, recent: Counted, showing: Counted) -> bool:
        """Whether so much to zero is a small part of what shows something, or did within the window."""
        share = self.settings.zeroing.share
        return (
            taken.listings <= share * (showing.listings + recent.listings)
            and taken.units <= share * (showing.units + recent.units)
        )  # fmt: skip

    def _many(self, sink: str, warehouse: str, taken: Counted) -> Counted:
        """Return some of what shows something, so many that they mostly tell, and all are not counted."""
        share = self.settings.zeroing.share
        few = int(_SLACK * taken.listings / share) if share else 0
        return self.ledger.slices.showing_at_least(sink, warehouse, few)

    def _repeated(self, name: str, slice_: Slice, before: Sequence[int]) -> Sequence[int]:
        """Return the zeros that were held and that a later complete reading of the source has repeated."""
        cursor = self.ledger.runs.cursor(f"source:{slice_.cause}")
        read_at = "" if cursor is None or cursor.full_at is None else cursor.full_at.isoformat()
        if not before:
            self.ledger.runs.remember(name, read_at)
            return ()
        first = self.ledger.runs.recall(name)
        return before if first is not None and read_at > first else ()

    def _raising(self, sink: str) -> list[HeldSlice]:
        """Hold the slices that would show many times what so many listings show now."""
        settings, slices = self.settings.raising, self.ledger.slices
        held = []
        for slice_ in slices.jumps(sink, settings.factor):
            guard, whose = _of_account(slice_, RAISING)
            if slice_.cause in {*_DECIDED, _SETTINGS} or guard in self.released:
                continue
            if slice_.count <= settings.count:
                continue
            live = slices.showing(sink, slice_.warehouse).listings
            if slice_.count <= settings.share * live:
                continue
            reason = (
                f"{slice_.cause} would raise {slice_.count} of {live} listings that show stock on {sink} "
                f"{slice_.warehouse} to {settings.factor} times as much or more{whose}: a unit or a decimal "
                f"point may be wrong. If that is right: mpstock sync --release {guard}"
            )
            slices.hold_jumps(slice_, settings.factor, guard, reason)
            held.append(
                HeldSlice(
                    guard, sink, slice_.warehouse, slice_.cause, slice_.count, reason,
                    "sudden raise", slice_.units,
                )
            )  # fmt: skip
        return held


def _of_account(slice_: Slice, usual: str) -> tuple[str, str]:
    """Return the guard that a slice is held by, and what to say of an account that is being taken over."""
    if slice_.unwritten * 2 > slice_.count:
        return TAKEOVER, ", an account that mpstock has not written to yet"
    return usual, ""
