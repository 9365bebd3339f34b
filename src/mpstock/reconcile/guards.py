"""What is suspicious is held with its reason; everything else flows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from mpstock.reconcile.report import HeldSlice

if TYPE_CHECKING:
    from mpstock.config import ZeroingGuard
    from mpstock.ledger import Ledger
    from mpstock.ledger.levels import Absent

__all__ = ["GUARDS", "ZEROING", "judge_absent", "judge_zeroing"]

ZEROING = "zeroing"
GUARDS = (ZEROING,)
"""The guards by name, as `--release` takes them."""


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


def judge_zeroing(
    ledger: Ledger, sink: str, settings: ZeroingGuard, now: datetime, released: Collection[str]
) -> list[HeldSlice]:
    """Hold the slices of a sink that would take too many of its live listings to zero.

    Live are the listings that show more than zero now, with those that this slice took to zero within
    the guard's window. Runs in the ledger's thread.
    """
    held = []
    for slice_ in ledger.stocks.zeroings(sink):
        if ZEROING in released:
            continue
        recent = ledger.stocks.zeroed_since(sink, slice_.warehouse, slice_.cause, now - settings.window)
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
            ledger.stocks.hold_zeros(slice_, ZEROING, reason)
        held.append(HeldSlice(ZEROING, sink, slice_.warehouse, slice_.cause, slice_.count, reason))
    return held
