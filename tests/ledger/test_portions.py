"""A page of a reading in portions: whatever else wants the ledger goes in between, and nothing means else."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mpstock.ledger.readings as readings
from mpstock import Hold, Level, Reading
from mpstock.ledger import Ledger
from mpstock.ledger.readings import PORTION, portions
from tests.ledger.reading import NOW

SKUS = st.sampled_from("ABCDEFGH")
LEVELS = st.lists(
    st.builds(Level, SKUS, st.sampled_from(["main", "msk", "spb"]), st.integers(0, 9)), max_size=40
)
HOLDS = st.lists(st.builds(Hold, st.uuids().map(str), SKUS, st.integers(1, 3), st.just(NOW)), max_size=3)


@given(LEVELS, HOLDS, st.integers(1, 10), st.booleans())
def test_portions_are_the_page(levels: list[Level], holds: list[Hold], size: int, last: bool) -> None:
    """All rows are in the portions once; a product and its holds come together, the page's end at the end."""
    page = Reading(levels, NOW, complete=last, cursor="7" if last else None, holds=holds, holds_complete=last)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readings, "PORTION", size)
        found = portions(page)
    assert Counter(level for one in found for level in one.levels) == Counter(levels)
    assert [hold for one in found for hold in one.holds] == holds
    for before, after in pairwise([{level.sku for level in one.levels} for one in found]):
        assert not before & after
    whole = {hold.sku for hold in holds}
    for one in found:
        assert one.holds or len(found) == 1 or not whole & {level.sku for level in one.levels}
        counts = Counter(level.sku for level in one.levels if level.sku not in whole)
        # No portion goes on once it is full, but for the rest of a product.
        assert sum(counts.values()) < size + max(counts.values(), default=0) or len(found) == 1
    *early, end = found
    assert (end.complete, end.cursor, end.holds_complete) == (page.complete, page.cursor, page.holds_complete)
    assert not any(one.complete or one.cursor or one.holds_complete for one in early)
    assert {one.as_of for one in found} == {NOW}


def test_who_dies_between_two_portions_of_what_is_missing_reads_everything_again(ledger: Ledger) -> None:
    """Rows that are missing without being believed to be gone come again with the next reading, all of them.

    The cursor is let go with the first of them: an incremental reading would not repeat the others.
    """
    levels = [Level(f"SKU-{number}", "main", 5) for number in range(PORTION + 10)]
    with ledger.transaction():
        ledger.levels.begin_read("erp").ingest(Reading(levels, NOW), NOW)
        ledger.runs.move_cursor(
            "source:erp", "7", NOW, settings="s", rows=len(levels), complete=True, now=NOW
        )
    later = NOW + timedelta(hours=1)
    session = ledger.levels.begin_read("erp")
    with ledger.transaction():
        after = session.settle_absent(later, later, "half an answer")
    assert after is not None
    unknown = "SELECT count(*) FROM stock_levels WHERE unknown_since IS NOT NULL"
    assert ledger.database.scalar(unknown) == PORTION
    kept = ledger.runs.cursor("source:erp")
    assert kept is not None
    assert kept.cursor is None
    assert kept.read_at == NOW
    while after is not None:
        with ledger.transaction():
            after = session.settle_absent(later, later, "half an answer", after)
    assert ledger.database.scalar(unknown) == len(levels)
    assert (session.doubtful, session.unknown) == (True, len(levels))


def test_what_is_left_out_is_counted_and_settled_page_by_page(ledger: Ledger) -> None:
    """Many pages of rows come to the same as one: each row that is not met is zero, no other is touched."""
    count = 5_000 + 2 * PORTION
    levels = [Level(f"SKU-{number}", "main", number % 3) for number in range(count)]
    with ledger.transaction():
        ledger.levels.begin_read("erp").ingest(Reading(levels, NOW), NOW)
    later = NOW + timedelta(hours=1)
    session = ledger.levels.begin_read("erp")
    met = [level for number, level in enumerate(levels) if number % 7]
    with ledger.transaction():
        session.ingest(Reading(met, later), later)
    looks = settled = 0
    after: int | None = 0
    while after is not None:
        after = session.count_absent(after)
        looks += 1
    gone = [level for number, level in enumerate(levels) if not number % 7 and level.quantity]
    assert (session.absent.missing, session.absent.before) == (
        len(gone),
        sum(level.quantity != 0 for level in levels),
    )
    after = 0
    while after is not None:
        with ledger.transaction():
            after = session.settle_absent(later, later, None, after)
        settled += 1
    assert looks == 1
    assert settled > 2
    assert session.changed == len(gone)
    left = ledger.database.scalar("SELECT count(*) FROM stock_levels WHERE quantity > 0")
    assert left == sum(bool(level.quantity) for level in met)
