"""How often a ledger on PostgreSQL waits for the server, and that nobody can tell what it does not wait for.

A round trip to a server nearby is half a millisecond, and a run of a small shop little else.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from mpstock.errors import LedgerError, LedgerLockedError
from mpstock.ledger import Ledger
from tests import postgres
from tests.ledgers import shared_database
from tests.round_trips import counted

KEPT = "INSERT INTO meta (key, value) VALUES (?, ?)"
READ = "SELECT value FROM meta WHERE key = ?"


@pytest.fixture(scope="module", autouse=True)
def _there() -> None:
    """On a machine without PostgreSQL nothing of this can be tried."""
    if missing := postgres.why_missing():
        pytest.skip(missing)


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> str:
    """A shop of this test alone."""
    return str(request.node.name)


@pytest.fixture
def url() -> str:
    """A database with the tables of a ledger."""
    return postgres.server().url(shared_database())


@pytest.fixture
def ledger(url: str, tenant: str) -> Iterator[Ledger]:
    with closing(Ledger(url, tenant)) as ledger:
        yield ledger


def test_what_nobody_waits_for_goes_with_what_somebody_does(ledger: Ledger) -> None:
    """The beginning goes with the first statement, what only writes with the next one, or with the commit."""
    db = ledger.database
    with counted() as sent:
        with ledger.transaction():
            db.execute(KEPT, ("a", "1"))
            db.executemany(KEPT, [("b", "2"), ("c", "3")])
            assert db.scalar(READ, ("c",)) == "3"
            db.execute("UPDATE meta SET value = '4' WHERE key = 'a'")
        assert len(sent) == 2
    assert [ledger.runs.recall(key) for key in "abc"] == ["4", "2", "3"]


def test_a_transaction_that_asks_for_nothing_goes_nowhere(ledger: Ledger, url: str, tenant: str) -> None:
    """Nor does what only would have read as of one moment; for nobody else has anything been written."""
    with closing(Ledger(url, tenant)) as other:
        before = other.database.version()
        with counted() as sent:
            with ledger.transaction():
                pass
            with ledger.database.snapshot():
                pass
            with pytest.raises(ZeroDivisionError), ledger.transaction():
                raise ZeroDivisionError
        assert sent == []
        assert other.database.version() == before
        with ledger.transaction():
            ledger.runs.remember("a", "1")
        assert ledger.database.version() == before


def test_what_is_read_as_of_one_moment_is_begun_by_what_is_read_first(ledger: Ledger) -> None:
    """And ended once; a table that fits is there with the first of them."""
    with counted() as sent:
        assert list(ledger.database.iterate("SELECT key FROM meta")) == []
        assert len(sent) == 2


@pytest.mark.parametrize("follows", ["SELECT 1", "UPDATE meta SET value = '2'", None])
def test_a_failure_that_nobody_waited_for_is_told_and_taken_back(ledger: Ledger, follows: str | None) -> None:
    """By what follows, or by the commit: the same error as by itself, and nothing of it is left."""
    ledger.runs.remember("there", "1")
    with pytest.raises(LedgerError) as alone:
        ledger.database.execute(KEPT, ("there", "again"))

    def broken_off() -> None:
        with ledger.transaction():
            ledger.runs.remember("new", "1")
            ledger.database.execute(KEPT, ("there", "again"))
            if follows is not None:
                ledger.database.affected(follows)

    forgotten: list[str] = []
    ledger.database.on_rollback.append(lambda: forgotten.append("what was in mind"))
    with pytest.raises(LedgerError) as told:
        broken_off()
    assert (type(told.value), str(told.value)) == (type(alone.value), str(alone.value))
    assert "duplicate key" in str(told.value)
    assert (ledger.runs.recall("new"), ledger.runs.recall("there")) == (None, "1")
    assert forgotten == ["what was in mind"]


@pytest.mark.parametrize("reads", [False, True])
def test_a_connection_that_was_lost_before_a_transaction_is_made_anew(ledger: Ledger, reads: bool) -> None:
    """Also where the transaction only writes: what is sent anew has not been committed, and is there once."""
    with counted() as sent:
        ledger.runs.recall("a")
        (pid,) = ledger.database.one("SELECT pg_backend_pid()")
        with postgres.server().admin() as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        with ledger.transaction():
            if reads:
                assert ledger.runs.recall("a") is None
            ledger.database.execute(KEPT, ("a", "1"))
    assert ledger.database.query("SELECT key, value FROM meta") == [("a", "1")]
    assert not [text for text in sent if text.startswith("BEGIN") and "COMMIT" in text]


def test_a_tenant_that_is_gone_gets_no_rows(ledger: Ledger, tenant: str) -> None:
    """Nothing would come one by one any more: it is told, also by what only writes."""
    with postgres.server().admin(shared_database()) as admin:
        admin.execute("DELETE FROM tenants WHERE name = %s", (tenant,))

    def written() -> None:
        with ledger.transaction():
            ledger.database.execute(KEPT, ("a", "1"))

    with pytest.raises(LedgerError, match="its tenant is gone"):
        written()
    assert ledger.database.query("SELECT key FROM meta") == []


def test_a_writer_waits_at_its_first_statement_or_at_once(
    ledger: Ledger, url: str, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at the clock in a transaction says so: it is to be later than what was waited for."""
    monkeypatch.setattr("mpstock.ledger.database.BUSY_TIMEOUT", 0.05)
    reached: list[str] = []
    with closing(Ledger(url, tenant)) as second, ledger.transaction():
        ledger.runs.recall("a")

        def at_once() -> None:
            with second.transaction(at_once=True):
                reached.append("at once")

        def at_its_first_statement() -> None:
            with second.transaction():
                reached.append("before its first statement")
                second.runs.recall("a")
                reached.append("after it")

        def at_once_within_another() -> None:
            with second.transaction(), second.transaction(at_once=True):
                reached.append("at once, within another")

        for waits in (at_once, at_its_first_statement, at_once_within_another):
            with pytest.raises(LedgerLockedError):
                waits()
    assert reached == ["before its first statement"]


def test_two_writers_that_only_write_lose_nothing(ledger: Ledger, url: str, tenant: str) -> None:
    """Each count goes on from the other's, also where nobody reads it."""
    up = "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS text) WHERE key = 'n'"
    ledger.runs.remember("n", "0")
    with closing(Ledger(url, tenant)) as second:

        def work(mine: Ledger) -> None:
            for _ in range(20):
                with mine.transaction(durable=False):
                    mine.database.execute(up)
                    mine.database.execute(up)

        threads = [threading.Thread(target=work, args=(one,)) for one in (ledger, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ledger.runs.recall("n") == "80"


def test_what_is_heavy_does_not_pile_up(ledger: Ledger) -> None:
    """Of a great many rows each statement goes by itself, and all of them are there."""
    with counted() as sent, ledger.transaction():
        ledger.database.executemany(KEPT, [(f"k{n}", "x" * 200) for n in range(900)])
        assert len(sent) == 1
        assert ledger.database.scalar("SELECT count(*) FROM meta") == 900
