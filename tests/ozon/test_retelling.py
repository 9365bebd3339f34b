"""A posting that is told again as it was is not read anew; nobody can tell the difference."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.errors import UnexpectedResponseError
from mpstock_ozon.postings import LIMIT, page_of
from mpstock_ozon.retelling import MOST, Retelling
from tests.ozon.account import posting, postings

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DATES = st.sampled_from(
    [None, "", "2026-11-23T08:59:00.000Z", "2026-11-23T09:04:00.000Z", "2026-11-23T09:20:00.000Z", "soon"]
)
TOLD = st.builds(
    lambda number, status, units, placed, left: posting(
        f"0208245774-002{number}-1", status, [("A", units)], in_process_at=placed, delivering_date=left
    ),
    st.integers(0, 1),
    st.sampled_from(["awaiting_packaging", "awaiting_deliver", "delivering", "cancelled", "moon"]),
    st.sampled_from([1, 2, 2, "2", 0, None]),
    DATES,
    DATES,
)
READINGS = st.lists(st.tuples(st.integers(-600, 900), st.lists(TOLD, max_size=3)), min_size=2, max_size=6)


@given(readings=READINGS)
def test_what_is_told_again_reads_as_if_it_were_told_for_the_first_time(
    readings: list[tuple[int, list[dict[str, Any]]]],
) -> None:
    """However postings change, and dates to come pass, or the clock is set back, between readings."""
    retelling, as_of = Retelling(), NOW
    for seconds, rows in readings:
        as_of += timedelta(seconds=seconds)
        page = postings(*rows)
        for _ in range(2):
            assert retelling.page_of(json.dumps(page).encode(), as_of, LIMIT) == page_of(page, as_of)


def test_a_page_that_repeats_the_last_one_costs_a_part_of_it() -> None:
    """A thousand open postings told once more as they were, or all but one, against the first time."""
    rows = [posting(f"0208245774-{number:04d}-1") for number in range(1_000)]
    last = len(rows) - 1

    def took(retelling: Retelling, body: bytes) -> float:
        began = time.process_time()
        retelling.page_of(body, NOW, LIMIT)
        return time.process_time() - began

    def body(**moved: Any) -> bytes:
        return json.dumps(postings(*rows[:last], {**rows[last], **moved})).encode()

    known = Retelling()
    took(known, body())
    first = min(took(Retelling(), body()) for _ in range(5))
    assert min(took(known, body()) for _ in range(5)) < 0.1 * first
    assert min(took(known, body(substatus=str(n))) for n in range(5)) < 0.7 * first


def test_an_answer_that_cannot_be_read_is_an_error_each_time() -> None:
    """Only what was read is remembered."""
    retelling = Retelling()
    for _ in range(2):
        with pytest.raises(UnexpectedResponseError, match="not JSON"):
            retelling.page_of(b"<html>", NOW, LIMIT)


def test_more_postings_than_are_remembered_are_read_all_the_same() -> None:
    """What is remembered has an end, what is read has none."""
    rows = [posting(f"0208245774-{number:04d}-1") for number in range(MOST + 2)]
    retelling = Retelling()
    for since in range(2):
        body = json.dumps(postings(*rows, cursor=str(since))).encode()
        assert len(retelling.page_of(body, NOW, LIMIT).orders) == MOST + 2
