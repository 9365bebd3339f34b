"""What is told again as it was is not compared with the ledger again; nobody can tell the difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mpstock.ledger import Ledger
from mpstock.model import Order, OrderStage
from tests import ledgers
from tests.ledger.reading import NOW
from tests.ledgers import listen


@pytest.fixture(scope="module", autouse=True)
def _ledgers_are_copied() -> Iterator[None]:
    with ledgers.copied():
        yield


class _BrokenOffError(Exception):
    """Something breaks off a transaction."""


ORDERS = st.builds(
    lambda key, quantity, stage, note: Order(key, "A", quantity, NOW, "1111", stage, note=note),
    st.sampled_from("KLM"),
    st.integers(1, 2),
    st.sampled_from([OrderStage.PLACED, OrderStage.PLACED, OrderStage.ASSEMBLED, OrderStage.SHIPPED]),
    st.sampled_from(["", "said"]),
)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["page", "page", "page", "whole", "broken", "forget"]),
        st.lists(ORDERS, max_size=3),
    ),
    max_size=10,
)


@contextmanager
def _opened(path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{path}")
    try:
        yield ledger
    finally:
        ledger.close()


def _take(ledger: Ledger, step: int, what: str, page: Sequence[Order]) -> tuple[int, int]:
    """Take in a page, and return how many orders have moved, and how many counted bases with them."""
    as_of = NOW + timedelta(minutes=step)
    reading = ledger.orders.begin_reading("wb", lowers=True)
    with suppress(_BrokenOffError), ledger.transaction():
        if what == "forget":
            ledger.orders.end_all("wb", as_of)
            return 0, 0
        reading.ingest(page, as_of, as_of)
        if what == "whole":
            reading.settle_absent(as_of, as_of)
        if what == "broken":
            # What the first page has brought is there for the second.
            reading.ingest(page, as_of, as_of)
            raise _BrokenOffError
    return reading.moved, reading.voided


def _rows(ledger: Ledger) -> list[Any]:
    return ledger.database.query(
        "SELECT key, quantity, stage, note, shipped_at IS NULL, told_at FROM orders ORDER BY key"
    )


def _order(quantity: int) -> Order:
    return Order("K", "A", quantity, NOW, "1111")


TWICE = [(0, "page", [_order(units)]) for units in (2, 2, 1, 2)]
"""Known as it is told, then told otherwise, then as at first."""

BROKEN_OFF = [(0, "broken", [_order(1)]), (0, "page", [_order(1)])]
"""Written, seen to be there, and taken back."""


@settings(max_examples=25)
@example(steps=TWICE)
@example(steps=BROKEN_OFF)
@given(steps=STEPS)
def test_two_processes_that_remember_end_where_one_does_that_forgets_all(
    steps: Sequence[tuple[int, str, Sequence[Order]]],
) -> None:
    """Pages, whole readings, transactions that break off, and a sink that is forgotten, by two in turn."""
    with TemporaryDirectory() as folder:
        mine, theirs = Path(folder) / "mine.db", Path(folder) / "theirs.db"
        with _opened(mine) as one, _opened(mine) as other, _opened(theirs) as forgetful:
            for step, (process, what, page) in enumerate(steps):
                # Whoever breaks a transaction off believes nothing that he had in mind.
                with suppress(_BrokenOffError), forgetful.transaction():
                    raise _BrokenOffError
                found = _take((one, other)[process], step, what, page)
                assert found == _take(forgetful, step, what, page)
                assert _rows(one) == _rows(forgetful)


def test_a_page_that_repeats_the_last_one_reads_no_order_from_the_ledger(ledger: Ledger, path: Path) -> None:
    """Not in the process that has taken it in; after a write of another it compares once."""
    page = [Order(f"K{number}", "A", 1, NOW, "1111") for number in range(5)]
    asked: list[str] = []
    listen(ledger.database, asked.append)

    def compared() -> bool:
        asked.clear()
        _take(ledger, 1, "page", page)
        return any("JOIN orders" in sql for sql in asked)

    assert [compared() for _ in range(4)] == [True, True, False, False]
    second = Ledger(f"sqlite:///{path}")
    second.runs.remember("something", "else")
    second.close()
    assert [compared() for _ in range(2)] == [True, False]
