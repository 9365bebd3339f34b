"""What is suspicious about a reading itself: rows that are missing, that cannot be told, that are old."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mpstock.reconcile.report import HeldSlice

if TYPE_CHECKING:
    from mpstock.config import GuardSettings
    from mpstock.ledger.readings import Absent
    from mpstock.reconcile.adapters import BuiltSource
    from mpstock.reconcile.availability import SourceRule

__all__ = ["SHRUNKEN", "judge_absent", "judge_blanked", "judge_stale", "judge_unreadable"]

SHRUNKEN = "shrunken"
UNREADABLE = "unreadable"
SCHEMA = "schema"
STALE = "stale"


def judge_absent(
    source: str, absent: Absent, rows: int, rows_before: int | None, settings: GuardSettings
) -> HeldSlice | None:
    """Judge what a complete read left out: `rows` of it against those of the last complete one.

    Rows that are missing from one answer in such number are a lost page or an empty answer until
    someone says otherwise: they are unknown then, not zero.
    """
    many, shrunken = settings.zeroing, settings.shrunken
    with_stock = absent.missing > many.count and absent.missing > many.share * absent.before
    fewer = max((rows_before or 0) - rows, 0)
    smaller = fewer > shrunken.count and fewer > shrunken.share * (rows_before or 0)
    if not absent.missing or not (with_stock or smaller):
        return None
    return HeldSlice(
        SHRUNKEN,
        "*",
        "*",
        source,
        absent.missing,
        f"a complete read of {source} left out {absent.missing} of {absent.before} rows that had stock"
        + (f", and has {rows} rows where the last one had {rows_before}" if smaller else "")
        + ": they count as unknown, not as zero. If they are really gone: "
        f"mpstock sync --full --release {SHRUNKEN}",
        "missing rows",
    )


def judge_unreadable(source: str, absent: Absent, problems: int, rows: int) -> HeldSlice | None:
    """Tell of rows that are missing from an answer which the source itself does not trust.

    An empty list, a lost page, or rows that could not be told apart: nothing releases it but a better answer.
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
        "changed schema" if problems * 2 > rows else "lost pages",
    )


def judge_blanked(source: str, blanked: int, rows: int, settings: GuardSettings) -> HeldSlice | None:
    """Tell of a reading in which many rows that had a quantity have none that can be read any more."""
    many = settings.zeroing
    if not (blanked > many.count and blanked > many.share * rows):
        return None
    return HeldSlice(
        SCHEMA,
        "*",
        "*",
        source,
        blanked,
        f"{blanked} of {rows} rows that {source} told have no quantity any more that can be read; they count "
        "as unknown, not as zero. Has a column or a field been renamed? Mend what the source answers, or its "
        "settings",
        "changed schema",
    )


def judge_stale(
    sources: Iterable[BuiltSource], rules: Mapping[str, SourceRule], waiting: int, now: datetime
) -> list[HeldSlice]:
    """Tell of sources that are too old to be believed: what they say is an upper bound only."""
    found = []
    for built in sources:
        rule, longest = rules.get(built.name), built.config.max_age
        if rule is None or not rule.stale or longest is None:
            continue
        read_at = rule.confirmed_at
        when = "was never read" if read_at is None else f"was last read {read_at:%Y-%m-%d %H:%M:%S}Z"
        age = "" if read_at is None else f", {(now - read_at) // timedelta(minutes=1)} minutes ago"
        reason = (
            f"{built.name} {when}{age}, and may be {longest // timedelta(minutes=1)} minutes old (max_age): "
            "nothing is raised by it. Mend it; the next good reading ends this"
        )
        found.append(HeldSlice(STALE, "*", "*", built.name, waiting, reason, "stale"))
    return found
