"""What is too old goes, in small steps, and what is left can still be verified and explained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve

from mpstock.asked import Asked
from mpstock.config import RetentionSettings
from mpstock.ledger import Ledger
from mpstock.ledger.chain import verify
from mpstock.ledger.retention import LAST_RUNS, STEP, Tidied
from mpstock.model import Order
from tests import ledgers
from tests.byhand import tampering
from tests.ledger.reading import NOW

KEPT = RetentionSettings(
    log=timedelta(days=30), explanations=timedelta(days=10), drifts=timedelta(days=5), runs=timedelta(days=20)
)
LONG = KEPT.log + timedelta(hours=1)
"""Older than everything that is kept."""


@pytest.fixture(scope="module", autouse=True)
def _ledgers_are_migrated() -> Iterator[None]:
    """These are of no interest here."""
    with ledgers.copied():
        yield


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'mpstock.db'}")
    yield ledger
    ledger.close()


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def write(ledger: Ledger, at: datetime, *, rows: int = 3, explanation: int | None = None) -> int:
    """One run at that moment, with one batch of the log if it has rows; returns its number."""
    with ledger.transaction():
        run = ledger.runs.begin("sync", "manual", at, Asked("anna"))
        if rows:
            ledger.log.add(
                run, 1, "ozon", [(1, "main", 1, 2, "1c", "ok", None, None, explanation)] * rows, at
            )
        ledger.runs.finish(run, "done", 0, {}, at)
    return run


def explain(ledger: Ledger, at: datetime, settings: int = 1) -> int:
    """The inputs of one number; returns their number."""
    return ledger.database.insert(
        "INSERT INTO explanations (product_id, settings_id, at, facts) VALUES (1, ?, ?, '{}')",
        (settings, at.strftime("%Y-%m-%d %H:%M:%S.%f")),
    )


def tidy(ledger: Ledger, now: datetime = NOW, kept: RetentionSettings = KEPT) -> Tidied:
    """Everything that is too old, in one go."""
    total = Tidied()
    for step in ledger.retention.steps(kept, now):
        total = Tidied(
            total.log + step.log, total.explanations + step.explanations, total.drifts + step.drifts,
            total.runs + step.runs,
        )  # fmt: skip
    return total


def test_whole_segments_go_and_the_chain_still_holds(ledger: Ledger) -> None:
    """The rows of old batches go, their seals stay; the rest is held against them, and a noted head too."""
    write(ledger, ago(60))
    write(ledger, ago(40))
    noted = ledger.seals.head().digest
    ledger.actions.record(Asked("anna"), "stop", ago(35))
    write(ledger, ago(29))
    write(ledger, ago(1))
    assert tidy(ledger).log == 6
    found = verify(ledger.database, ledger.seals, noted=noted)
    assert found.holds, found.breaks
    assert (found.seals, found.pruned, found.rows, found.actions) == (6, 2, 6, 2)
    assert [action.action for action in ledger.actions.last()] == ["tidy", "stop"]
    assert ledger.actions.last(limit=1)[0].scope == {"seal": 2, "rows": 6}
    assert not tidy(ledger)
    assert len(ledger.actions.last()) == 2


def test_the_newest_segment_stays_however_old(ledger: Ledger) -> None:
    """A shop that slept for a year still knows what it sent last; numbers of rows are never used twice."""
    for _ in range(3):
        write(ledger, ago(400))
    assert tidy(ledger).log == 6
    write(ledger, NOW)
    found = verify(ledger.database, ledger.seals)
    assert (found.holds, found.rows, found.pruned) == (True, 6, 2)


def test_a_clock_that_went_back_takes_no_young_segment_with_it(ledger: Ledger) -> None:
    """What was sealed between two young ones stays, whatever time it was given."""
    write(ledger, ago(60))
    write(ledger, ago(1))
    write(ledger, ago(60))
    write(ledger, ago(1))
    assert tidy(ledger).log == 3
    assert verify(ledger.database, ledger.seals).holds


def test_being_stopped_between_two_steps_breaks_nothing(ledger: Ledger) -> None:
    """Killed in the middle: the chain holds, and the next time goes on."""
    for _ in range(5):
        write(ledger, ago(60), rows=STEP - 1)
    write(ledger, NOW)
    steps = ledger.retention.steps(KEPT, NOW)
    assert next(steps).log == STEP - 1
    steps.close()
    found = verify(ledger.database, ledger.seals)
    assert (found.holds, found.pruned) == (True, 1)
    assert tidy(ledger, NOW + timedelta(minutes=1)).log == 4 * (STEP - 1)
    found = verify(ledger.database, ledger.seals)
    assert (found.holds, found.pruned) == (True, 5)


def test_no_step_is_long(ledger: Ledger) -> None:
    """Each transaction removes some thousand rows at most: who waits, waits for one of them."""
    for _ in range(40):
        write(ledger, ago(60), rows=500)
    write(ledger, NOW)
    steps = [step.log for step in ledger.retention.steps(KEPT, NOW) if step.log]
    assert sum(steps) == 40 * 500
    assert max(steps) <= STEP


def test_what_is_gone_beyond_what_retention_said_is_told(ledger: Ledger, tmp_path: Path) -> None:
    """Somebody calls a segment pruned that no retention has let go."""
    for days in (60, 25, 1):
        write(ledger, ago(days))
    tidy(ledger)
    with tampering(tmp_path / "mpstock.db") as connection:
        connection.execute("UPDATE log_seals SET pruned_at = '2026-01-01' WHERE id = 2")
        connection.execute("DELETE FROM stock_sync_log WHERE id BETWEEN 4 AND 6")
    found = verify(ledger.database, ledger.seals)
    assert [place.seal for place in found.breaks] == [2]


def test_rows_from_before_the_seals_go_by_their_age(ledger: Ledger, tmp_path: Path) -> None:
    """They have no segment: each goes when it is old enough."""
    with tampering(tmp_path / "mpstock.db") as connection:
        connection.executemany(
            "INSERT INTO stock_sync_log (id, product_id, marketplace, warehouse_code, new_qty, source, "
            "run, push, status, synced_at) VALUES (?, 1, 'wb', 'main', 3, '1c', 1, 1, 'ok', ?)",
            [(n, f"{ago(days):%Y-%m-%d %H:%M:%S.%f}") for n, days in enumerate((60, 50, 10), 1)],
        )
        connection.execute(
            "INSERT INTO meta (key, value) VALUES ('log.unsealed', '3') "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        )
    write(ledger, NOW)
    assert tidy(ledger).log == 2
    found = verify(ledger.database, ledger.seals)
    assert (found.holds, found.unsealed) == (True, 1)


def test_a_run_stays_as_long_as_its_lines_of_the_log(ledger: Ledger) -> None:
    """Who asked for what was sent is part of it; quiet runs go after their own time, the last never."""
    with ledger.transaction():
        quiet = [write(ledger, ago(25), rows=0) for _ in range(3)]
        sending = write(ledger, ago(25))
        for _ in range(LAST_RUNS - 1):
            write(ledger, ago(24), rows=0)
        ledger.database.execute(
            "INSERT INTO pushes (run_id, marketplace, size, started_at) VALUES (?, 'ozon', 1, ?)",
            (quiet[0], "2026-01-01 00:00:00.000000"),
        )
        write(ledger, NOW)
    assert tidy(ledger).runs == 3
    left = {run.id for run in ledger.runs.last(100)}
    assert sending in left
    assert not left & set(quiet)
    assert len(left) == LAST_RUNS + 1
    assert ledger.database.scalar("SELECT count(*) FROM pushes") == 0
    assert verify(ledger.database, ledger.seals).holds


def test_a_plan_stays_as_long_as_a_run_that_carried_it_out(ledger: Ledger) -> None:
    """Whoever asks which plan a line of the log belongs to gets an answer."""
    plans = [ledger.plans.record(name, 1, ago(60), "d", ago(60)) for name in ("kept", "gone")]
    with ledger.transaction():
        sending = ledger.runs.begin("apply", "manual", ago(25), Asked("anna"), plans[0])
        ledger.log.add(sending, 1, "ozon", [(1, "main", 1, 2, "1c", "ok", None, None, None)], ago(25))
        ledger.runs.begin("apply", "manual", ago(25), Asked("anna"), plans[1])
        for _ in range(LAST_RUNS):
            write(ledger, NOW, rows=0)
    assert tidy(ledger).runs == 1
    assert ledger.database.query("SELECT id, plan FROM plans") == [(plans[0], "kept")]


def test_an_explanation_goes_when_nothing_that_is_kept_needs_it(ledger: Ledger) -> None:
    """By age; but what a young line of the log names stays, and what nothing names goes after a day."""
    named_lately, old, unnamed, fresh, young = (explain(ledger, ago(days)) for days in (15, 15, 3, 0.1, 5))
    write(ledger, ago(15), explanation=old)
    write(ledger, ago(15), explanation=named_lately)
    write(ledger, ago(2), explanation=named_lately)
    write(ledger, ago(5), explanation=young)
    assert tidy(ledger).explanations == 2
    left = {row[0] for row in ledger.database.query("SELECT id FROM explanations")}
    assert left == {named_lately, fresh, young}
    assert not left & {old, unnamed}


def test_what_the_next_line_of_the_log_may_name_stays(ledger: Ledger) -> None:
    """A number that waits for a week to be sent is explained when it is."""
    from mpstock.model import Level, Listing
    from tests.ledger.reading import read

    read(ledger, Level("A", "main", 5))
    waiting = explain(ledger, ago(60))
    with ledger.transaction():
        ledger.listings.begin_walk("shop").ingest([Listing("A", "main", ("A",))])
        ledger.listings.match("shop", {}, NOW, everything=False)
        ledger.database.execute("UPDATE marketplace_stocks SET explanation_id = ?", (waiting,))
    assert tidy(ledger).explanations == 0


def test_settings_that_no_explanation_names_go_with_the_last(ledger: Ledger) -> None:
    """The newest stay: they are in force, and the next explanation names them."""
    for digest in ("a", "b", "c"):
        ledger.database.execute("INSERT INTO explanation_settings (digest, body) VALUES (?, '{}')", (digest,))
    explain(ledger, ago(60), settings=1)
    write(ledger, NOW, explanation=explain(ledger, ago(1), settings=2))
    tidy(ledger)
    assert ledger.database.query("SELECT digest FROM explanation_settings") == [("b",), ("c",)]


def test_sold_without_stock_goes_by_its_age(ledger: Ledger) -> None:
    """An order that was sold without stock is told of for as long as what was found out of step."""
    for key, days in (("old", 6), ("young", 4)):
        order = Order(key, "A", 1, ago(days), oversold=True)
        with ledger.transaction():
            ledger.symptoms.note_oversold("ozon", [order], NOW)
    tidy(ledger)
    assert [one.orders for one in ledger.symptoms.oversold(ago(30))] == [1]


def test_drifts_go_by_their_age(ledger: Ledger) -> None:
    """What was out of step long ago is mended, or told again."""
    for days in (6, 5.5, 4):
        ledger.database.execute(
            "INSERT INTO drifts (product_id, marketplace, warehouse_code, observed, run_id, at, since, "
            "written, voided) VALUES (1, 'ozon', 'main', 3, 1, ?, ?, 0, 0)",
            (f"{ago(days):%Y-%m-%d %H:%M:%S.%f}",) * 2,
        )
    assert tidy(ledger) == Tidied(drifts=2)


def test_it_is_due_once_a_day_whatever_the_clock_does(ledger: Ledger) -> None:
    """And at once when the last time lies in the future."""
    assert ledger.retention.due(NOW)
    ledger.retention.done(NOW)
    assert not ledger.retention.due(NOW)
    assert not ledger.retention.due(NOW + timedelta(hours=23))
    assert ledger.retention.due(NOW + timedelta(hours=24))
    assert ledger.retention.due(NOW - timedelta(hours=1))


def test_the_defaults_keep_a_year_of_the_log(ledger: Ledger) -> None:
    """Nobody who set nothing loses last month's log."""
    write(ledger, ago(364))
    write(ledger, NOW)
    assert not tidy(ledger, kept=RetentionSettings())
    assert evolve(RetentionSettings()).log == timedelta(days=365)
