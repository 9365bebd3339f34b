"""A ledger on a server: connections that break on any round trip, a disk that is full, a restart in a run.

What a torn file and a full disk are to SQLite. These run wherever PostgreSQL is installed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mpstock.errors import LedgerError, LedgerFullError
from mpstock.ledger import Ledger
from mpstock.ledger.postgres import PostgresDatabase
from mpstock.ledger.postgres_errors import translated
from tests import ledgers, postgres
from tests.reconcile.shops import Account, Play, make, shows, skus

pytestmark = pytest.mark.usefixtures("on_a_server")

NAMES = skus(12)
BEFORE, NOW, BACK = dict.fromkeys(NAMES, 5), dict.fromkeys(NAMES, 8), dict.fromkeys(NAMES, 3)
LAST = dict.fromkeys(NAMES, 6)


class Fragile(PostgresDatabase):
    """A connection that breaks on one round trip: before the server has it, or with its answer on the way."""

    sent = 0
    at = 0
    answered = False

    def _round_trip(self, text: str, begins: bool) -> psycopg.Cursor[Any]:
        if self._tenant is None:
            return super()._round_trip(text, begins)
        Fragile.sent += 1
        if Fragile.sent != Fragile.at:
            return super()._round_trip(text, begins)
        if Fragile.answered:
            super()._round_trip(text, begins)
        self._driver.close()
        raise translated(psycopg.OperationalError("server closed the connection unexpectedly"), self.place)


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch) -> type[Fragile]:
    """Every ledger that is opened has such a connection; it holds until it is told where to break."""
    Fragile.sent = Fragile.at = 0
    monkeypatch.setattr("mpstock.ledger.postgres.PostgresDatabase", Fragile)
    return Fragile


def a_shop(folder: Path) -> tuple[Play, Any, Account]:
    play, source, account = make(folder, BEFORE, batch=4)
    play.sync(full=True)
    return play, source, account


def told(play: Play) -> dict[str, list[int]]:
    """What the log says was accepted, in its order; nothing is on its way any more."""
    with closing(Ledger(f"sqlite:///{play.ledger}")) as ledger:
        assert (
            ledger.database.scalar("SELECT count(*) FROM marketplace_stocks WHERE in_flight IS NOT NULL") == 0
        )
        for what in ("marketplace_stocks WHERE in_flight IS NOT NULL", "pushes WHERE finished_at IS NULL"):
            assert ledger.database.scalar(f"SELECT count(*) FROM {what}") == 0, what
        found: dict[str, list[int]] = {}
        for sku, quantity in ledger.database.query(
            "SELECT p.sku, g.new_qty FROM stock_sync_log AS g JOIN products AS p ON p.id = g.product_id "
            "WHERE g.status = 'ok' ORDER BY g.id"
        ):
            found.setdefault(sku, []).append(quantity)
    return found


def broken_at(folder: Path, nth: int, *, answered: bool) -> None:
    """Break a run on a round trip, let the stock move back meanwhile, and see that the next run is right."""
    folder.mkdir()
    play, source, account = a_shop(folder)
    for sku, units in NOW.items():
        source.set(sku, units)
    Fragile.sent, Fragile.at, Fragile.answered = 0, nth, answered
    what = f"round trip {nth}, {'its answer' if answered else 'itself'} lost"
    with suppress(LedgerError):
        assert play.sync().exit_code in (0, 1, 2, 3), what
    play.clock.advance(400)
    for sku, units in BACK.items():
        source.set(sku, units)
    report = play.sync()
    assert report.exit_code == 0, (what, report)
    assert shows(account) == BACK, what
    accepted: dict[str, list[int]] = {}
    for push in account.sent:
        for sku, quantity in push:
            accepted.setdefault(sku, []).append(quantity)
    assert {sku: lines[-1] for sku, lines in told(play).items()} == BACK, what
    # Nothing is sent a second time that was known to have arrived.
    assert all(len(quantities) <= 4 for quantities in accepted.values()), (what, accepted)


def round_trips(folder: Path) -> int:
    """Return how many round trips a run takes, whose connection holds."""
    folder.mkdir()
    play, source, _ = a_shop(folder)
    for sku, units in NOW.items():
        source.set(sku, units)
    Fragile.sent = 0
    play.sync()
    return Fragile.sent


def test_a_connection_that_breaks_on_any_round_trip(tmp_path: Path, fragile: type[Fragile]) -> None:
    """Before the server has it or after: the run ends well or says so, and the next one is right."""
    count = round_trips(tmp_path / "whole")
    assert count > 30
    chance = random.Random(count)
    for nth in sorted(chance.sample(range(1, count + 1), 4)):
        broken_at(tmp_path / f"{nth}", nth, answered=bool(chance.randrange(2)))


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True])
def test_a_connection_that_breaks_on_each_round_trip(
    tmp_path: Path, fragile: type[Fragile], answered: bool
) -> None:
    """Not one round trip of a run is left out."""
    for nth in range(1, round_trips(tmp_path / "whole") + 1):
        broken_at(tmp_path / f"{nth}", nth, answered=answered)


@contextmanager
def full(play: Play) -> Iterator[None]:
    """Let the server have no room for another line of this shop's log."""
    with postgres.server().admin(ledgers.shared_database()) as admin:
        ((tenant,),) = admin.execute(
            "SELECT id FROM tenants WHERE name = %s", (ledgers.tenant_of(play.ledger),)
        ).fetchall()
        admin.execute(
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; "
            "END $$"
        )
        admin.execute(
            "CREATE TRIGGER no_room BEFORE INSERT ON stock_sync_log FOR EACH ROW "
            f"WHEN (NEW.tenant = {tenant}) EXECUTE FUNCTION no_room()"
        )
        try:
            yield
        finally:
            admin.execute("DROP FUNCTION no_room CASCADE")


def test_a_server_whose_disk_is_full_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """Numbers that were sent and cannot be recorded are found out once there is room again."""
    play, source, account = a_shop(tmp_path)
    for sku, units in NOW.items():
        source.set(sku, units)
    with full(play), pytest.raises(LedgerFullError, match="make room on the server"):
        play.sync()
    assert account.sent[-1], "nothing was sent, so nothing was in doubt"
    for sku, units in BACK.items():
        source.set(sku, units)
    play.clock.advance(400)
    assert play.sync().exit_code == 0
    assert shows(account) == BACK
    assert {sku: lines[-1] for sku, lines in told(play).items()} == BACK


def test_a_connection_that_breaks_while_a_batch_is_on_the_wire_is_made_anew(tmp_path: Path) -> None:
    """Its outcome is recorded over another one, and the run goes on."""
    play, source, account = a_shop(tmp_path)
    for sku, units in NOW.items():
        source.set(sku, units)

    def send_all_away(_changes: Any) -> None:
        with postgres.server().admin() as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = %s AND usename = %s",
                (ledgers.shared_database(), postgres.ROLE),
            )

    account.hook = send_all_away
    assert play.sync().exit_code == 0
    assert shows(account) == NOW
    assert all(lines == [5, 8] for lines in told(play).values())


@pytest.mark.slow
def test_a_server_that_is_restarted_in_the_middle_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is back in time is not noticed; one that stays away is told, and nothing is lost."""
    with postgres.another() as server:
        url = server.url(server.create_database())
        monkeypatch.setattr("mpstock.ledger.open_database", lambda _url, _tenant: PostgresDatabase(url, "a"))
        play, source, account = a_shop(tmp_path)
        for sku, units in NOW.items():
            source.set(sku, units)
        account.hook = lambda _changes: server.restart() if len(account.sent) == 3 else None
        assert play.sync().exit_code == 0
        assert shows(account) == NOW
        assert all(lines == [5, 8] for lines in told(play).values())
        for sku, units in BACK.items():
            source.set(sku, units)
        account.hook = lambda _changes: server.stop()
        with pytest.raises(LedgerError, match="cannot be reached"):
            play.sync()
        account.hook = None
        with pytest.raises(LedgerError, match="cannot be reached"):
            play.sync()
        server.start()
        # What was accepted and could not be recorded moves on: of what stays the log would have no line.
        for sku, units in LAST.items():
            source.set(sku, units)
        play.clock.advance(400)
        assert play.sync().exit_code == 0
        assert shows(account) == LAST
        assert {sku: lines[-1] for sku, lines in told(play).items()} == LAST
