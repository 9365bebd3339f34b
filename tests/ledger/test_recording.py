"""What the ledger makes of readings, of outcomes, and of the limiter's state."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mpstock import Listing, Observation, Outcome, OutcomeStatus, Reading
from mpstock.ledger import Ledger
from mpstock.ledger.pace import LedgerPaceStore
from mpstock.ledger.readings import ReadSession
from mpstock.ledger.worker import Worker
from mpstock.model import Level
from tests.ledger.reading import NOW, read


def test_an_older_reading_says_nothing_against_a_newer_one(ledger: Ledger) -> None:
    """As-of decides, not the order of arrival; of a tie the lower quantity holds."""

    def say(quantity: int, seconds: int) -> int:
        as_of = NOW + timedelta(seconds=seconds)
        with ledger.transaction():
            ledger.levels.begin_read("erp").ingest(Reading([Level("A", "main", quantity)], as_of), as_of)
        return int(ledger.database.scalar("SELECT quantity FROM stock_levels"))

    assert say(5, 10) == 5
    assert say(9, 5) == 5
    assert say(7, 10) == 5
    assert say(3, 10) == 3
    assert say(8, 11) == 8


def test_a_reading_that_was_overtaken_says_nothing(ledger: Ledger) -> None:
    """A slow reading of one o'clock ends after the one of two, which saw 5 unchanged, and a new product."""
    hours = [NOW + timedelta(hours=number) for number in range(3)]

    def take(session: ReadSession, hour: int, *levels: Level, ends: bool = True) -> None:
        with ledger.transaction():
            session.ingest(Reading(levels, hours[hour]), hours[2])
            if ends:
                session.settle_absent(hours[hour], hours[2], None)
                ledger.runs.move_cursor(
                    "source:erp", None, hours[hour], settings="", rows=1, complete=True, now=hours[2]
                )

    take(ledger.levels.begin_read("erp"), 0, Level("A", "main", 5))
    slow = ledger.levels.begin_read("erp")
    take(ledger.levels.begin_read("erp"), 2, Level("A", "main", 5), Level("B", "main", 3))
    take(slow, 1, Level("A", "main", 9))
    assert ledger.database.query("SELECT quantity FROM stock_levels ORDER BY id") == [(5,), (3,)]


def test_a_product_twice_in_one_page_is_one_row(ledger: Ledger) -> None:
    """A source that repeats a row breaks nothing; the lower of the two holds."""
    read(ledger, Level("A", "main", 7), Level("A", "main", 4))
    assert ledger.database.query("SELECT quantity FROM stock_levels") == [(4,)]


# ---------------------------------------------------------------- the log, and the limiter's state


def pushed(ledger: Ledger, run: int, outcome: Outcome) -> None:
    def replan(marks: Any) -> int:
        return 0

    batch = ledger.pushes.compose(
        "shop", None, 10, NOW, run=run, cooldown=timedelta(), replan=replan, group=None
    )
    assert batch is not None
    ledger.pushes.settle(
        batch,
        [outcome] * len(batch.items),
        NOW,
        run=run,
        cooldown=timedelta(),
        causes={"erp": "1c"},
        rest=lambda _failures: None,
    )


def test_the_log_is_only_added_to(ledger: Ledger) -> None:
    """Runs, confirmations and refusals add lines; none that is there is changed or taken away."""
    read(ledger, Level("A", "main", 5))
    with ledger.transaction():
        walk = ledger.listings.begin_walk("shop")
        walk.ingest([Listing("A", "main", ("A",))])
        ledger.listings.match("shop", {}, NOW, everything=False)
        ledger.observations.begin_observing("shop", NOW).ingest([Observation("A", "main", 1)], NOW)
    seen: list[tuple[Any, ...]] = []
    for number, outcome in enumerate(
        [Outcome(OutcomeStatus.ERROR, "NO", "нет"), Outcome(OutcomeStatus.OK), Outcome(OutcomeStatus.DOUBT)]
    ):
        run = ledger.runs.begin("sync", "manual", NOW)
        with ledger.transaction():
            ledger.stocks.record_wanted([(number + 5, "erp", 1)], 1)
            ledger.stocks.reopen(NOW)
        pushed(ledger, run, outcome)
        lines = ledger.database.query("SELECT * FROM stock_sync_log ORDER BY id")
        assert lines[: len(seen)] == seen
        assert len(lines) == len(seen) + 1
        seen = lines
    assert [(line.old, line.new, line.status) for line in ledger.log.rows()] == [
        (6, 7, "doubt"),
        (1, 6, "ok"),
        (1, 5, "error"),
    ]


def test_what_never_arrived_is_not_in_the_log(ledger: Ledger) -> None:
    """Busy and unsent left everything as it was: the log tells of what may have been applied."""
    read(ledger, Level("A", "main", 5))
    with ledger.transaction():
        ledger.listings.begin_walk("shop").ingest([Listing("A", "main", ("A",))])
        ledger.listings.match("shop", {}, NOW, everything=False)
        ledger.stocks.record_wanted([(5, "erp", 1)], 1)
    for status in (OutcomeStatus.BUSY, OutcomeStatus.UNSENT):
        pushed(ledger, ledger.runs.begin("sync", "manual", NOW), Outcome(status))
    assert ledger.log.rows() == []


def test_what_is_on_the_wire_keeps_its_lane_when_it_is_planned_beside_others(ledger: Ledger) -> None:
    """In one call: A is on its way and waits for its answer, B becomes a fall that is ready at once."""
    read(ledger, Level("A", "main", 5), Level("B", "main", 5))
    with ledger.transaction():
        ledger.listings.begin_walk("shop").ingest(
            [Listing("A", "main", ("A",)), Listing("B", "main", ("B",))]
        )
        ledger.listings.match("shop", {}, NOW, everything=False)
        seen = [Observation("A", "main", 9), Observation("B", "main", 9)]
        ledger.observations.begin_observing("shop", NOW).ingest(seen, NOW)
        ledger.stocks.record_wanted([(9, "erp", 1), (9, "erp", 2)], 1)
        ledger.stocks.record_wanted([(20, "erp", 1)], 1)
    run = ledger.runs.begin("sync", "manual", NOW)
    batch = ledger.pushes.compose(
        "shop", None, 10, NOW, run=run, cooldown=timedelta(), replan=lambda _marks: 0
    )
    assert batch is not None
    assert [(item.id, item.change.new) for item in batch.items] == [(1, 20)]
    since = "2026-01-01 00:00:00.000000"
    with ledger.transaction():
        ledger.stocks.record_wanted(
            [(4, "manual", 1), (4, "erp", 2)], 2, explained={1: 7, 2: 8}, since={1: since, 2: since}
        )
    told = "SELECT wanted, lane, ready, in_flight, cause, planned_by, explanation_id, lowered_at, sync_status"
    assert ledger.database.query(f"{told} FROM marketplace_stocks ORDER BY id") == [
        (4, 2, 0, batch.id, "manual", 2, 7, None, "pending"),
        (4, 1, 1, None, "erp", 2, 8, since, "pending"),
    ]


def count(states: list[dict[str, Any] | None]) -> tuple[list[dict[str, Any]], int]:
    """Add one to a counter."""
    value = (states[0] or {"n": 0})["n"] + 1
    return [{"n": value}], value


def test_the_limiters_state_is_changed_atomically_by_two_processes(path: Path) -> None:
    """Two connections count to 2 × 100 in the same row: no step is lost."""

    async def one(url: str) -> None:
        worker = Worker()
        ledger = await worker.run(Ledger, url)
        store = LedgerPaceStore(worker, ledger.database)
        for _ in range(100):
            await store.update(["account:push"], count)
        await worker.run(ledger.close)
        worker.close()

    async def both() -> int:
        url = f"sqlite:///{path}"
        await asyncio.gather(one(url), one(url))
        worker = Worker()
        ledger = await worker.run(Ledger, url)
        value = await LedgerPaceStore(worker, ledger.database).update(["account:push"], count)
        await worker.run(ledger.close)
        worker.close()
        return value

    assert asyncio.run(both()) == 201


def test_a_step_of_the_limiter_that_fails_leaves_its_state(ledger: Ledger) -> None:
    """An exception in the middle writes nothing."""
    worker = Worker()
    store = LedgerPaceStore(worker, ledger.database)

    def broken(states: list[dict[str, Any] | None]) -> Any:
        raise ZeroDivisionError

    async def play() -> int:
        await store.update(["k"], count)
        with pytest.raises(ZeroDivisionError):
            await store.update(["k"], broken)
        return await store.update(["k"], count)

    assert asyncio.run(play()) == 2
    worker.close()
