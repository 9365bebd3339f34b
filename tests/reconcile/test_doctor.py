"""`doctor` finds what is out of step in a ledger, and `repair` works out anew what can be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mpstock import LedgerFinding
from mpstock.ledger import Ledger
from tests.byhand import by_hand, tampering
from tests.reconcile.shops import Account, Play, make, shows


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Play, Account]:
    """Three products that are shown; of one, two units are on order."""
    play, source, account = make(tmp_path, {"A": 10, "B": 5, "C": 7}, self_decrements="yes")
    play.sync()
    account.buy("B", 2, "main", key="o-1")
    source.set("A", 9)
    play.sync()
    return play, account


def doctor(play: Play) -> list[LedgerFinding]:
    with play.open() as opened:
        return opened.doctor()


def codes(play: Play) -> list[str]:
    return [finding.code for finding in doctor(play) if finding.code != "no_backup"]


def spoil(play: Play, *statements: str) -> None:
    """Somebody, or a defect, writes into the ledger."""
    with by_hand(play.ledger) as hand:
        for statement in statements:
            hand.execute(statement)


@pytest.mark.sqlite("copies of its file")
def test_nothing_is_wrong_with_a_ledger_that_nobody_touched(shop: tuple[Play, Account]) -> None:
    """It is only noted that there is no backup; one later, not even that."""
    play, _ = shop
    (found,) = doctor(play)
    assert (found.code, found.severity) == ("no_backup", "note")
    with play.open() as opened:
        opened.backup(play.ledger.with_name("copy.db"))
        assert opened.doctor() == []
        result = opened.repair(apply=True)
    assert (result.repairs, result.findings) == ([], [])


WRONG = {
    "a lane against its numbers": ("states", "UPDATE marketplace_stocks SET wanted = 1 WHERE id = 1"),
    "ready without a change": ("states", "UPDATE marketplace_stocks SET ready = 1 WHERE id = 1"),
    "a status that says ok": (
        "states", "UPDATE marketplace_stocks SET wanted = 1, lane = 1, ready = 1 WHERE id = 1",
    ),
    "a fall that a guard holds": (
        "states",
        """UPDATE marketplace_stocks SET wanted = 1, lane = 1, held = 'x', sync_status = 'pending'
        WHERE id = 1""",
    ),
    "a hold that counts too little": ("holds", "UPDATE holds SET quantity = 1"),
    "a hold that is gone": ("holds", "DELETE FROM holds"),
    "a hold on another product": ("holds", "UPDATE holds SET product_id = 3"),
    "a hold without an order": (
        "lost_holds",
        """INSERT INTO holds (origin, key, product_id, quantity, taken_at)
        VALUES ('shop', 'gone', 1, 4, '2026-01-01 00:00:00.000000')""",
    ),
    "a level from the future": (
        "levels_ahead", "UPDATE stock_levels SET as_of = '2036-01-01 00:00:00.000000' WHERE id = 1",
    ),
    "a reading from the future": (
        "cursors_ahead", "UPDATE cursors SET read_at = '2036-01-01 00:00:00.000000'",
    ),
    "a run that never ended": (
        "runs",
        """INSERT INTO runs (kind, cause, started_at, status)
        VALUES ('sync', 'manual', '2020-01-01 00:00:00.000000', 'running')""",
    ),
    "a request without an answer": (
        "intents",
        """UPDATE marketplace_stocks SET in_flight = 1, sync_status = 'pending',
        attempted_at = '2020-01-01 00:00:00.000000' WHERE id = 1""",
    ),
    "a mark of nothing": (
        "marks",
        """INSERT INTO dirty (product_id, revision, cause, marked_at)
        VALUES (999, 1, 'erp', '2026-01-01 00:00:00.000000')""",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_can_be_worked_out_anew_is_planned_and_then_mended(
    shop: tuple[Play, Account], case: str
) -> None:
    """The doctor names it; a plan changes nothing; applied it is gone, recorded, and the shop is right."""
    play, account = shop
    code, statement = WRONG[case]
    spoil(play, statement)
    assert code in codes(play)
    with play.open() as opened:
        planned = opened.repair()
        assert [repair.code for repair in planned.repairs] == [code]
        assert (planned.applied, planned.repairs[0].mended) == (False, None)
    assert code in codes(play), "a plan changes nothing"
    with play.open() as opened:
        done = opened.repair(apply=True, actor="anna", reason="the doctor said so")
        action = opened.actions()[0]
    assert [repair.code for repair in done.repairs] == [code]
    assert code not in [finding.code for finding in done.findings]
    assert (action.actor, action.action, action.scope["code"]) == ("anna", "repair", code)
    play.sync()
    assert codes(play) == []
    assert shows(account) == {"A": 9, "B": 3, "C": 7}


def test_a_lost_hold_is_derived_and_not_counted(shop: tuple[Play, Account]) -> None:
    """Repaired twice, by two people: the order's two units are held once."""
    play, _ = shop
    spoil(play, "UPDATE holds SET quantity = 40")
    for _ in range(2):
        with play.open() as opened:
            opened.repair(apply=True)
    with closing(Ledger(f"sqlite:///{play.ledger}")) as ledger:
        assert ledger.database.query("SELECT key, quantity FROM holds") == [("o-1", 2)]


def _damage(play: Play) -> None:
    with closing(sqlite3.connect(play.ledger)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_stock_sync_log_run'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with play.ledger.open("rb+") as file:
        file.seek((page - 1) * size + 100)
        file.write(b"\xff" * (size - 100))


def _log(play: Play) -> None:
    with tampering(play.ledger) as connection:
        connection.execute("UPDATE stock_sync_log SET new_qty = 99 WHERE id = 1")


def _intervention(play: Play) -> None:
    spoil(
        play,
        "INSERT INTO interventions (kind, actor, revision, created_at, expires_at) VALUES "
        "('zero', 'anna', 1, '2025-01-01 00:00:00.000000', '2025-01-02 00:00:00.000000')",
    )


TOLD: dict[str, tuple[str, Callable[[Play], None]]] = {
    "damaged": ("error", _damage),
    "log_broken": ("error", _log),
    "dangling": (
        "error", lambda play: spoil(play, "UPDATE listings SET product_id = 77 WHERE id = 1"),
    ),
    "explanations": ("warning", lambda play: spoil(play, "DELETE FROM explanations")),
    "resting": (
        "warning",
        lambda play: spoil(
            play,
            "UPDATE marketplace_stocks SET failures = 5, rests_until = '2036-01-01 00:00:00.000000' "
            "WHERE id = 1",
        ),
    ),
    "expired": ("note", _intervention),
    "leases": (
        "note",
        lambda play: spoil(
            play, "UPDATE leases SET holder = 'x/1', expires_at = '2020-01-01 00:00:00.000000'"
        ),
    ),
    "copy": (
        "note",
        lambda play: spoil(
            play, "INSERT INTO meta (key, value) VALUES ('copy of', '2026-01-01 00:00:00.000000')"
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, marks=[pytest.mark.sqlite("its file")] * (code in ("damaged", "dangling")))
        for code in TOLD
    ],
)
def test_what_nobody_can_work_out_is_told_with_what_to_do(shop: tuple[Play, Account], code: str) -> None:
    """It is found, with its weight and a way out, and no repair pretends to mend it."""
    play, _ = shop
    severity, harm = TOLD[code]
    harm(play)
    found = next(finding for finding in doctor(play) if finding.code == code)
    assert (found.severity, found.repair) == (severity, False)
    assert found.what
    assert found.mend


def test_what_still_sells_and_nobody_lowers_is_told(shop: tuple[Play, Account]) -> None:
    """The sink's warehouse has left the settings."""
    play, _ = shop
    play.set_sink("shop", warehouses=())
    found = next(finding for finding in doctor(play) if finding.code == "orphans")
    assert found.count == 3
    assert "A on main shows 9" in found.first[0]


def test_the_worst_comes_first(shop: tuple[Play, Account]) -> None:
    """Errors, then warnings, then notes."""
    play, _ = shop
    _intervention(play)
    spoil(play, "DELETE FROM explanations", "DELETE FROM holds")
    found = [finding.severity for finding in doctor(play)]
    assert found[:3] == ["error", "warning", "note"]
    assert set(found[3:]) <= {"note"}
