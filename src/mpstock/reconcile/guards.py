"""What is suspicious is held with its reason; everything else flows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from mpstock.errors import ConfigurationError
from mpstock.ledger.interventions import CAUSE as BY_HAND
from mpstock.ledger.orders import CAUSE as ORDER
from mpstock.reconcile.report import HeldSlice

if TYPE_CHECKING:
    from mpstock.config import ZeroingGuard
    from mpstock.ledger import Ledger
    from mpstock.ledger.readings import Absent

__all__ = [
    "GUARDS",
    "LAST_RELEASED",
    "ZEROING",
    "check_names",
    "hold_raises",
    "judge_absent",
    "judge_unreadable",
    "judge_zeroing",
]

ZEROING = "zeroing"
UNREADABLE = "unreadable"
GUARDS = (ZEROING,)
"""The guards by name, as `--release` takes them."""


LAST_RELEASED = f"released:{ZEROING}"
"""Under this name the ledger remembers the last run in which a person let the zeros through."""


def check_names(release: Collection[str]) -> None:
    """Raise `ConfigurationError` for a guard that is not there."""
    unknown = sorted(set(release) - set(GUARDS))
    if unknown:
        raise ConfigurationError(
            f"no guard is called {', '.join(map(repr, unknown))}; there are: {', '.join(GUARDS)}",
            place="release",
        )


def _too_many(count: int, of: int, settings: ZeroingGuard) -> bool:
    return count > settings.count and count > settings.share * of


def judge_absent(source: str, absent: Absent, settings: ZeroingGuard) -> HeldSlice | None:
    """Judge what a complete read left out.

    Rows that are missing from one answer in such number are a lost page or an empty answer until
    someone says otherwise: they are unknown then, not zero.
    """
    if not _too_many(absent.missing, absent.before, settings):
        return None
    return HeldSlice(
        ZEROING,
        "*",
        "*",
        source,
        absent.missing,
        f"a complete read of {source} left out {absent.missing} of {absent.before} rows that had stock: "
        "they count as unknown, not as zero. If they are really gone: "
        f"mpstock sync --full --release {ZEROING}",
    )


def judge_unreadable(source: str, absent: Absent) -> HeldSlice | None:
    """Tell of rows that are missing from an answer which the source itself does not trust.

    An empty list, or one with rows that could not be told apart: nothing releases it but a better answer.
    """
    if not absent.missing:
        return None
    return HeldSlice(
        UNREADABLE,
        "*",
        "*",
        source,
        absent.missing,
        f"{source} was read completely, but not trustworthily: {absent.missing} of {absent.before} rows "
        "that had stock are missing, and count as unknown, not as zero. Mend what the source answers: "
        "the next run reads it completely again",
    )


def hold_raises(ledger: Ledger, sink: str, suspicious: HeldSlice) -> None:
    """Hold the raises that a suspicious reading makes in a sink. Runs in the ledger's thread."""
    with ledger.transaction():
        ledger.stocks.hold_raises(sink, suspicious.source, suspicious.guard, suspicious.reason)


def judge_zeroing(
    ledger: Ledger,
    sink: str,
    settings: ZeroingGuard,
    now: datetime,
    released: Collection[str],
    causes: Mapping[str, str],
) -> list[HeldSlice]:
    """Hold the slices of a sink that would take too many of its live listings to zero, with their raises.

    Live are the listings that show more than zero now, with those that this slice took to zero within
    the guard's window; what was sent up to the last run that a person released counts no
    more. `causes` says what the log calls a cause. Runs in the ledger's thread.
    """
    held = []
    seen_to = int(ledger.runs.recall(LAST_RELEASED) or 0)
    for slice_ in ledger.stocks.zeroings(sink):
        if ZEROING in released or slice_.cause in (ORDER, BY_HAND):
            # What was sold out by orders is explained by them, and what a person zeroed by the person.
            continue
        logged = causes.get(slice_.cause, slice_.cause)
        recent = ledger.stocks.zeroed_since(
            sink, slice_.warehouse, logged, now - settings.window, after_run=seen_to
        )
        if slice_.count + recent <= settings.count:
            continue
        live = ledger.stocks.showing(sink, slice_.warehouse) + recent
        if not _too_many(slice_.count + recent, live, settings):
            continue
        earlier = f" ({recent} of them within the guard's window)" if recent else ""
        reason = (
            f"{slice_.cause} would take {slice_.count + recent} of {live} listings that show stock on {sink} "
            f"{slice_.warehouse} to zero{earlier}. If that is right: mpstock sync --release {ZEROING}"
        )
        with ledger.transaction():
            ledger.stocks.hold_slice(slice_, ZEROING, reason)
        held.append(HeldSlice(ZEROING, sink, slice_.warehouse, slice_.cause, slice_.count, reason))
    return held
