from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from mpstock import Hold, Level, Problem, Reading
from mpstock.errors import TransientError
from mpstock.inmemory import InMemorySource


def read(source: InMemorySource, cursor: str | None = None) -> list[Reading]:
    async def collect() -> list[Reading]:
        return [reading async for reading in source.read(cursor)]

    return asyncio.run(collect())


def levels(readings: list[Reading]) -> dict[tuple[str, str], int | None]:
    return {(level.sku, level.warehouse): level.quantity for page in readings for level in page.levels}


def test_a_full_read_tells_everything_and_that_it_is_complete() -> None:
    """All rows over several pages; complete and the cursor stand on the last page alone."""
    source = InMemorySource({f"SKU-{n}": n for n in range(5)}, page=2)
    pages = read(source)
    assert [len(page.levels) for page in pages] == [2, 2, 1]
    assert [page.complete for page in pages] == [False, False, True]
    assert [page.cursor is None for page in pages] == [True, True, False]
    assert levels(pages) == {(f"SKU-{n}", "main"): n for n in range(5)}


def test_an_empty_source_still_says_that_it_was_read() -> None:
    """Nothing at all is one complete page without rows, in a full read as with a page just filled."""
    assert [(len(p.levels), p.complete) for p in read(InMemorySource())] == [(0, True)]
    assert [(len(p.levels), p.complete) for p in read(InMemorySource({"A": 1}, page=1))] == [(1, True)]


def test_an_incremental_read_tells_what_was_set_since() -> None:
    """Rows set after the cursor, and those alone; a removed row is absent from the next full read only."""
    source = InMemorySource({"A": 1, "B": 2, "C": 3})
    cursor = read(source)[-1].cursor
    source.set("B", 5)
    source.set("D", None)
    source.remove("C")
    later = read(source, cursor)
    assert levels(later) == {("B", "main"): 5, ("D", "main"): None}
    assert not any(page.complete for page in later)
    assert levels(read(source, later[-1].cursor)) == {}
    assert levels(read(source)) == {("A", "main"): 1, ("B", "main"): 5, ("D", "main"): None}


def test_what_is_set_while_pages_are_read_comes_with_the_next_read() -> None:
    """Nothing falls between two reads."""
    source = InMemorySource({"A": 1, "B": 2}, page=1)

    async def read_and_set() -> str | None:
        cursor = None
        async for page in source.read(None):
            source.set("A", 9)
            cursor = page.cursor
        return cursor

    assert levels(read(source, asyncio.run(read_and_set()))) == {("A", "main"): 9}


def test_a_foreign_cursor_is_answered_with_everything() -> None:
    """A cursor that is none of its own may not hide rows."""
    pages = read(InMemorySource({"A": 1}), "2026-01-01T00:00:00Z")
    assert levels(pages) == {("A", "main"): 1}
    assert pages[-1].complete


def test_warehouses_reserves_and_times_are_kept() -> None:
    """A level carries what it was set with, negative quantities included."""
    source = InMemorySource({("A", "msk"): -3})
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    source.set("A", 5, warehouse="spb", reserved=2, updated_at=moment)
    assert list(read(source)[0].levels) == [Level("A", "msk", -3), Level("A", "spb", 5, 2, moment)]


def test_holds_and_problems_stand_on_the_first_page() -> None:
    """They are told once a read, and a released hold no longer."""
    source = InMemorySource({"A": 1, "B": 1}, page=1)
    hold = Hold("order-1", "A", 2, datetime(2026, 1, 1, tzinfo=UTC))
    source.hold(hold)
    source.problems.append(Problem("row 3", "quantity", "is no number", "C"))
    assert [list(page.holds) for page in read(source)] == [[hold], []]
    assert [len(page.problems) for page in read(source)] == [1, 0]
    source.release("order-1")
    assert [list(page.holds) for page in read(source)] == [[], []]


@pytest.mark.parametrize("after", [0, 1, 2, 5])
def test_a_read_fails_where_it_was_told_to(after: int) -> None:
    """At the start, between two pages or after the last: the error comes, and the next read is whole."""
    source = InMemorySource({"A": 1, "B": 2}, page=1)
    source.fail(TransientError("down"), after=after)
    got: list[Any] = []

    async def collect() -> None:
        async for page in source.read(None):
            got.append(page)

    with pytest.raises(TransientError, match="down"):
        asyncio.run(collect())
    assert len(got) == min(after, 2)
    assert read(source)[-1].complete
    assert source.reads == [None, None]
