"""Each condition finds what needs a person, nothing just below, and nothing when it is mended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mpstock import Credential
from mpstock.alerts.facts import DriftFact
from mpstock.ledger.symptoms import (
    HeldFact,
    Oversold,
    RefusedFall,
    RefusedListings,
    SinkRun,
    UnknownArticle,
    ZeroShown,
)
from tests.alerts.facts import MINUTE, NOW, found, reading, severities


def test_nothing_is_found_where_nothing_is_the_matter() -> None:
    """A shop that was read a minute ago, and whose sinks answer, needs nobody."""
    assert found(cursors=[reading("source:erp", read=MINUTE), reading("orders:wb", read=MINUTE)]) == {}


@pytest.mark.parametrize(
    ("kind", "row", "name", "severity"),
    [
        ("zeros", ZeroShown("wb", 3, 12, NOW - 130 * MINUTE, ("A (1): 0 → 4",)), "shows_zero:wb", "warning"),
        ("refused", RefusedListings("wb", 2, 4, ("A (1) × 4",), "no such size"), "refused:wb", "warning"),
        ("falls", RefusedFall("wb", "1", "x", "A", 5, 0, NOW, "no"), "fall_refused:wb:1:x", "critical"),
        ("held", HeldFact("zeroing", "wb", "1", "erp", 30, 90), "zeroing:wb:1:erp", "critical"),
        ("held", HeldFact("shrunken", "*", "*", "erp", 30, 0), "shrunken:*:*:erp", "critical"),
        ("unknown", UnknownArticle("wb", "X", 2), "unknown_order:wb:X", "warning"),
        ("oversold", Oversold("wb", 1, 2, NOW, ("X × 2",)), "oversold:wb", "critical"),
    ],
)
def test_what_the_ledger_lists_is_found(kind: str, row: object, name: str, severity: str) -> None:
    """A row of the facts is one trouble with its subject and severity, and its text can be filled from it."""
    assert severities(**{kind: [row]}) == {name: severity}


def test_a_source_fails_from_when_it_has_failed_for_long_enough() -> None:
    """Nine minutes are a hiccup, ten a trouble, an hour is critical."""
    for minutes, expected in ((9, {}), (10, "warning"), (59, "warning"), (60, "critical")):
        row = reading("source:erp", read=70 * MINUTE, failed=minutes * MINUTE, error="down")
        wanted: dict[str, object] = {"source_failing:erp": expected} if expected else {}
        assert severities(cursors=[row]) == wanted


def test_a_source_that_has_left_the_settings_is_nobodys_trouble() -> None:
    """What is not read any more does not fail."""
    assert found(cursors=[reading("source:old", failed=timedelta(days=2), error="down")]) == {}


def test_orders_that_cannot_be_read_are_told_apart_from_the_sink() -> None:
    """The sink's catalogue may be read, and its orders not."""
    rows = [reading("orders:wb", failed=20 * MINUTE, error="403"), reading("listings:wb", read=MINUTE)]
    assert severities(cursors=rows) == {"orders_unread:wb": "warning"}


def _run(minutes: int, error: str = "", kind: str = "", *, tried: bool = True) -> SinkRun:
    return SinkRun("wb", 1, NOW - minutes * MINUTE, tried, error, kind)


def test_a_sink_fails_as_long_as_each_run_that_asked_it_did() -> None:
    """Counted back to the first failure; runs that asked nothing of it say nothing, a good one ends it."""
    assert severities(sink_runs=[_run(1, "503"), _run(9, "503")]) == {}
    assert severities(sink_runs=[_run(1, "503"), _run(11, "503")]) == {"sink_failing:wb": "warning"}
    idle = _run(5, tried=False)
    assert severities(sink_runs=[idle, _run(6, "503"), idle, _run(11, "503")]) == {
        "sink_failing:wb": "warning"
    }
    assert severities(sink_runs=[_run(1), _run(6, "503"), _run(80, "503")]) == {}
    assert severities(sink_runs=[_run(1, "503"), _run(2), _run(80, "503")]) == {}


def test_a_refused_key_is_critical_at_once() -> None:
    """Nobody but a person mends it."""
    assert severities(sink_runs=[_run(0, "401", "refused")]) == {"sink_failing:wb": "critical"}


def test_that_another_process_writes_is_no_failure_of_the_sink() -> None:
    """A run that found the lease taken says nothing of the sink, however often."""
    assert found(sink_runs=[_run(1, "host has it", "leased"), _run(90, "host has it", "leased")]) == {}


def test_a_source_is_stale_from_when_it_is_older_than_it_may_be() -> None:
    """To the minute, by the clock and not by the last run; critical after four times as long."""
    for minutes, expected in ((120, None), (121, "warning"), (480, "warning"), (481, "critical")):
        wanted = {} if expected is None else {"stale:*:*:erp": expected}
        assert severities(cursors=[reading("source:erp", read=minutes * MINUTE)]) == wanted
    # What a run has held for that reason is the same trouble.
    assert found(held=[HeldFact("stale", "*", "*", "erp", 3, 0)]) == {}
    assert found(sources={"erp": None}, cursors=[reading("source:erp", read=timedelta(days=9))]) == {}


def test_a_token_is_told_in_time() -> None:
    """Two weeks before its end, as critical three days before, and as another trouble when it has ended."""
    for left, expected in (
        (timedelta(days=14, seconds=1), {}),
        (timedelta(days=14), {"credential_ends:wb:token": "warning"}),
        (timedelta(days=3), {"credential_ends:wb:token": "critical"}),
        (timedelta(), {"credential_ended:wb:token": "critical"}),
    ):
        assert severities(credentials=[("sinks.wb", Credential("token", NOW + left))]) == expected
    assert found(credentials=[("sinks.wb", Credential("token")), ("sinks.gone", Credential("x", NOW))]) == {}


def test_another_writer_lost_writes_and_drift_are_one_trouble_each() -> None:
    """Many differences are a trouble unless it is known already what makes them."""
    assert severities(drifts=[DriftFact("wb", unexplained=19)]) == {}
    assert severities(drifts=[DriftFact("wb", unexplained=20)]) == {"drift:wb": "warning"}
    assert severities(drifts=[DriftFact("wb", 50, writer_since=NOW)]) == {"another_writer:wb": "critical"}
    assert severities(drifts=[DriftFact("wb", 50, lost=3)]) == {"lost_writes:wb": "critical"}
    assert severities(drifts=[DriftFact("wb", lost=2)]) == {}


def test_a_run_that_broke_off_is_found() -> None:
    """With the number of the run and what it died of."""
    one = found(failure=(7, NOW, "LedgerFullError: no space"))["run_failed"]
    assert (one.severity, one.data["run"], one.data["words"]) == (
        "critical",
        "7",
        "LedgerFullError: no space",
    )
