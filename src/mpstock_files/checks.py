"""What `mpstock check` finds out about a supplier's list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from mpstock import Context, Finding
from mpstock.errors import AdapterError, AuthenticationError, TransientError
from mpstock_files.fetching import Found
from mpstock_files.taking import Taken

if TYPE_CHECKING:
    from mpstock_files.settings import FilesSettings
    from mpstock_files.source import FilesSource

__all__ = ["check"]


async def check(source: FilesSource, settings: FilesSettings, context: Context) -> AsyncIterator[Finding]:
    """Yield what there is to say; the list is read once, nothing is changed."""
    try:
        found, taken = await source.look(None)
    except AuthenticationError as error:
        yield Finding("error", "credentials", str(error), "look at user and password")
        return
    except TransientError as error:
        yield Finding("error", "list", str(error), "is the address or path right, and is the list there yet?")
        return
    except AdapterError as error:
        yield Finding(
            "error", "list", str(error), "open the list as a person would, and look at what is in it"
        )
        return
    assert taken is not None
    for finding in _about(found, taken, settings, context):
        yield finding


def _about(found: Found, taken: Taken, settings: FilesSettings, context: Context) -> Iterator[Finding]:
    levels = list(taken.tally.rows())
    warehouses = sorted({warehouse for _, warehouse, _, _ in levels})
    names = ", ".join(packed.name for packed in found.lists[:5])
    age = context.clock.now() - found.position.as_of
    if levels:
        yield Finding(
            "ok",
            "list",
            f"{names}: {taken.said}; rows: {taken.rows:,}, products × warehouses: {len(levels):,}, "
            f"warehouses: "
            f"{', '.join(warehouses[:20])}; {age.total_seconds() / 3600:.1f} hours old",
            data={"rows": taken.rows, "levels": len(levels), "warehouses": warehouses},
        )
    else:
        yield Finding(
            "warning",
            "list",
            f"{names}: {taken.said}, and not one product in it",
            mend="is it the right file, sheet and column?",
        )
    told = "; ".join(f"{problem.place}: {problem.message}" for problem in taken.problems[:3])
    if taken.bad:
        yield Finding(
            "warning",
            "quantities",
            f"{taken.bad:,} rows have a number that cannot be used; it is unknown, and nothing is raised or "
            f"zeroed by "
            f"it. {told}",
            mend="say what the words mean in words, or ask the supplier for numbers",
        )
    if taken.silent:
        yield Finding(
            "warning",
            "silent rows",
            f"{taken.silent:,} rows say nothing about how many there are; their products are unknown",
            mend='if an empty cell means none, set empty = "zero"; in YML ask for <count> or <outlets>: '
            "available is no number",
        )
    if taken.nameless:
        yield Finding(
            "warning",
            "products",
            f"{taken.nameless:,} rows have a number and no article; while there are such rows, a product "
            f"that is "
            f"missing from the list keeps its last-known number. {told}",
            mend='if they are totals, or goods that you do not sell, set rows_without_sku = "ignore"',
        )
    if taken.tally.repeated:
        how = "the lowest number counts" if settings.duplicates == "lowest" else "their numbers are added up"
        yield Finding(
            "warning",
            "duplicates",
            f"{taken.tally.repeated:,} rows repeat an article; {how}",
            mend="is the column of the article the right one? See the setting duplicates",
        )
    if taken.negative:
        yield Finding(
            "warning",
            "negative numbers",
            f"{taken.negative:,} numbers are below zero; they are counted as they are",
        )
