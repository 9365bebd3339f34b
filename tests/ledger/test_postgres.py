"""What only a ledger on PostgreSQL has: tenants, their walls, and a server that may be gone."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock.asked import Asked
from mpstock.errors import ConfigurationError, LedgerError, LedgerLockedError
from mpstock.ledger import Ledger, many
from mpstock.ledger import postgres as postgres_module
from mpstock.ledger.chain import verify
from mpstock.ledger.database import BUSY_TIMEOUT, Database, ids, rows_of
from mpstock.ledger.opening import open_database
from mpstock.model import Level
from tests import postgres
from tests.ledger.reading import NOW, read
from tests.ledgers import shared_database


@pytest.fixture(scope="module", autouse=True)
def _there() -> Iterator[None]:
    """On a machine without PostgreSQL nothing of this can be tried."""
    if missing := postgres.why_missing():
        pytest.skip(missing)
    yield
    _both.cache_clear()
    while _KEPT:
        _KEPT.pop().close()


@pytest.fixture
def url() -> str:
    """A database with the tables of a ledger."""
    return postgres.server().url(shared_database())


@pytest.fixture
def pair(url: str, request: pytest.FixtureRequest) -> Iterator[tuple[Ledger, Ledger]]:
    """Two tenants of one database."""
    with (
        closing(Ledger(url, f"{request.node.name} 1")) as one,
        closing(Ledger(url, f"{request.node.name} 2")) as other,
    ):
        yield one, other


TABLES = (
    "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace "
    "AND c.relkind IN ('r', 'p') AND c.relname NOT IN ('alembic_version', 'tenants')"
)


def test_tenants_see_nothing_of_each_other(pair: tuple[Ledger, Ledger]) -> None:
    """The same articles, each with its own numbers from 1 on; what one writes the other does not find."""
    one, other = pair
    read(one, Level("A", "main", 5), Level("B", "main", 7))
    read(other, Level("B", "main", 1))
    assert one.levels.product_ids(["A", "B"]) == {"A": 1, "B": 2}
    assert other.levels.product_ids(["A", "B"]) == {"B": 1}
    assert other.database.affected("UPDATE stock_levels SET quantity = 0") == 1
    assert one.database.query("SELECT quantity FROM stock_levels ORDER BY id") == [(5,), (7,)]
    assert [one.runs.begin("sync", "erp", NOW), other.runs.begin("sync", "erp", NOW)] == [1, 1]


def test_every_table_has_a_tenant_and_walls_that_hold_for_its_owner(pair: tuple[Ledger, Ledger]) -> None:
    """A table without them would show one shop's rows to another; a partition of the log is a table too."""
    with postgres.server().admin(shared_database()) as admin:
        named = {row[0] for row in admin.execute(TABLES).fetchall()}
        walled = {
            row[0]
            for row in admin.execute(
                f"{TABLES} AND c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT 1 "
                "FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum = 1 AND a.attname = 'tenant' "
                "AND a.attnotnull) AND EXISTS (SELECT 1 FROM pg_policy AS p WHERE p.polrelid = c.oid)"
            ).fetchall()
        }
    assert named == walled
    from mpstock.ledger.schema import metadata

    assert set(metadata.tables) <= named


def test_the_tables_have_the_columns_of_the_schema_in_its_order(pair: tuple[Ledger, Ledger]) -> None:
    """The same chain of migrations makes the same tables, with the tenant before all others."""
    from mpstock.ledger.schema import metadata

    with postgres.server().admin(shared_database()) as admin:
        for name, table in metadata.tables.items():
            rows = admin.execute(
                "SELECT attname, attnotnull, attcollation = (SELECT oid FROM pg_collation "
                "WHERE collname = 'C'), atttypid = 'text'::regtype FROM pg_attribute "
                "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                (name,),
            ).fetchall()
            assert sorted(row[0] for row in rows[1:]) == sorted(table.columns.keys()), name
            assert [row[0] for row in rows[:1]] == ["tenant"]
            assert all(not table.columns[row[0]].nullable for row in rows[1:] if row[1]), name
            # Texts sort and compare as SQLite's do.
            assert all(row[2] for row in rows if row[3]), name


def test_without_a_tenant_nothing_is_seen_at_all(pair: tuple[Ledger, Ledger], url: str) -> None:
    """Whoever forgets to say whose rows he means gets an error and no rows, the owner of the tables too."""
    import psycopg

    read(pair[0], Level("A", "main", 5))
    with psycopg.connect(url, autocommit=True) as connection:
        with pytest.raises(psycopg.Error, match=r"mpstock\.tenant|invalid input syntax"):
            connection.execute("SELECT * FROM products")
        connection.execute("SET mpstock.tenant = '1'")
        with pytest.raises(psycopg.Error, match=r"row-level security"):
            connection.execute("INSERT INTO warehouses (tenant, code) VALUES (2, 'main')")


def test_walls_keep_nobody_from_an_index(pair: tuple[Ledger, Ledger]) -> None:
    """A comparison that might leak would be looked at row by row, after the wall: those of ours may not."""
    ledger = pair[0]
    for asked in (
        "SELECT id FROM products WHERE sku > 'A' ORDER BY sku LIMIT 50",
        "SELECT id FROM products WHERE sku = 'A'",
        "SELECT id FROM stock_levels WHERE product_id = 7 AND source = 'erp'",
        "SELECT id FROM marketplace_stocks WHERE marketplace = 'ozon' AND ready = 1 AND lane >= 1",
    ):
        with ledger.database.snapshot():
            # Over so few rows other ways are as short.
            for other in ("seqscan", "bitmapscan", "sort"):
                ledger.database.query(f"SELECT set_config('enable_{other}', 'off', true)")
            plan = " ".join(row[0] for row in ledger.database.query(f"EXPLAIN {asked}"))
        column = asked.partition("WHERE ")[2].split()[0]
        assert re.search(rf"Index Cond: \(\(tenant = .*{column}", plan), plan


def test_a_role_that_walls_do_not_hold_for_is_refused() -> None:
    """A superuser would see every shop's rows: the error says how to make another role."""
    url = postgres.server().url(shared_database(), "postgres")
    with pytest.raises(
        ConfigurationError, match=r"'postgres' sees the rows of every tenant.*CREATE ROLE"
    ) as told:
        Ledger(url)
    assert "[ledger] url" in str(told.value)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://mpstock:kept-secretly@/nowhere?host={folder}", "nowhere"),
        ("postgresql://mpstock:kept%secretly@host/db", "no URL of PostgreSQL"),
        ("postgresql://stranger:kept-secretly@/postgres?host={folder}", "stranger"),
    ],
)
def test_what_cannot_be_opened_names_its_setting_and_no_password(url: str, told: str) -> None:
    """A wrong database, user or URL is the settings' mistake."""
    with pytest.raises(ConfigurationError, match=told) as error:
        open_database(url.format(folder=postgres.server().folder))
    assert "[ledger] url" in str(error.value)
    assert "secretly" not in f"{error.value!r} {error.value.__cause__!r}"


def test_a_server_that_is_not_there_is_told() -> None:
    """That may pass: it is no mistake of the settings."""
    with pytest.raises(LedgerError, match="cannot be reached"):
        open_database("postgresql://mpstock:kept-secretly@/db?host=/no/such/folder")


def test_writers_of_one_tenant_come_one_by_one_and_those_of_two_at_once(
    pair: tuple[Ledger, Ledger], url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second writer waits, and is told after a while; another tenant is not kept waiting."""
    monkeypatch.setattr("mpstock.ledger.database.BUSY_TIMEOUT", 0.05)
    one, other = pair
    with closing(Ledger(url, f"{request.node.name} 1")) as second, one.transaction(at_once=True):
        read(other, Level("A", "main", 1))
        with pytest.raises(LedgerLockedError, match="another process"):
            read(second, Level("A", "main", 1))
        assert second.levels.product_ids(["A"]) == {}
    assert other.levels.product_ids(["A"]) == {"A": 1}


def test_another_connection_that_writes_moves_the_version(
    pair: tuple[Ledger, Ledger], url: str, request: pytest.FixtureRequest
) -> None:
    """Not what this one writes, nor what is taken back, nor what another tenant does."""
    one, other = pair
    with closing(Ledger(url, f"{request.node.name} 1")) as second:
        before = one.database.version()
        one.runs.remember("a", "1")
        with one.transaction():
            one.runs.remember("a", "2")
            assert one.database.version() == before
        with pytest.raises(ZeroDivisionError), second.transaction():
            raise ZeroDivisionError
        other.runs.remember("a", "1")
        assert one.database.version() == before
        second.runs.remember("b", "1")
        assert one.database.version() != before
        with one.transaction():
            assert one.database.version() != before


def test_a_connection_that_was_lost_is_made_anew(pair: tuple[Ledger, Ledger]) -> None:
    """Between two transactions nobody notices; within one it is told, and nothing of it is left."""
    ledger = pair[0]

    def lose() -> None:
        (pid,) = ledger.database.one("SELECT pg_backend_pid()")
        with postgres.server().admin() as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    read(ledger, Level("A", "main", 5))
    lose()
    assert ledger.levels.product_ids(["A"]) == {"A": 1}
    lose()
    with ledger.transaction():
        ledger.runs.remember("a", "1")

    def broken_off() -> None:
        with ledger.transaction():
            ledger.runs.remember("a", "2")
            lose()
            ledger.runs.remember("a", "3")

    with pytest.raises(LedgerError, match="connection was lost"):
        broken_off()
    assert ledger.runs.recall("a") == "1"


def test_a_writer_that_says_nothing_any_more_is_not_waited_for(
    pair: tuple[Ledger, Ledger], url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is gone in the middle of a transaction leaves it to the server, which takes it back."""
    assert postgres_module._SILENT < BUSY_TIMEOUT
    monkeypatch.setattr(postgres_module, "_SILENT", 0.2)
    gone = pair[0]
    with closing(Ledger(url, f"{request.node.name} 1")) as next_one:

        def broken_off() -> None:
            with gone.transaction():
                gone.runs.remember("a", "lost")
                with next_one.transaction():
                    next_one.runs.remember("b", "1")
                gone.runs.remember("a", "later")

        with pytest.raises(LedgerError, match="connection was lost"):
            broken_off()
        assert next_one.runs.recall("a") is None
        assert gone.runs.recall("b") == "1"


def test_two_processes_that_open_a_new_database_make_its_tables_once() -> None:
    """Both find them made; none fails, and none waits for ever."""
    server = postgres.server()
    name = server.create_database()
    failed: list[BaseException] = []

    def opened(tenant: str) -> None:
        try:
            Ledger(server.url(name), tenant).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=opened, args=(f"shop-{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with closing(Ledger(server.url(name), "shop-1")) as ledger:
        assert ledger.database.scalar("SELECT count(*) FROM tenants") == 3
    server.drop_database(name)


def test_the_log_of_a_tenant_holds_while_others_write(pair: tuple[Ledger, Ledger]) -> None:
    """Its rows and seals have no gaps: each tenant counts for itself."""
    row = (1, "main", None, 3, "1c", "ok", None, "a'b\0 ж", None)
    for number in range(4):
        for ledger in pair:
            run = ledger.runs.begin("sync", "manual", NOW, Asked("anna"))
            with ledger.transaction():
                ledger.log.add(
                    run, number + 1, "ozon", [row] * (number + 1), NOW + timedelta(days=40 * number)
                )
    for ledger in pair:
        found = verify(ledger.database, ledger.seals)
        assert (found.holds, found.rows, found.seals) == (True, 10, 4)


def test_what_is_read_row_by_row_is_as_of_one_moment(
    pair: tuple[Ledger, Ledger], url: str, request: pytest.FixtureRequest
) -> None:
    """Also over several round trips, while another connection writes."""
    one = pair[0]
    with one.transaction():
        one.levels.ensure_products([f"P{number:05}" for number in range(4_500)], "2026-01-12")
    rows = one.levels.all_skus()
    first = next(rows)
    with closing(Ledger(url, f"{request.node.name} 1")) as second:
        read(second, Level("Q", "main", 1))
    assert [first, *rows] == [f"P{number:05}" for number in range(4_500)]
    assert one.levels.product_ids(["Q"]) == {"Q": 4_501}


VALUES = st.one_of(
    st.none(),
    st.integers(-(2**62), 2**62),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.sampled_from(
        ["'", "\\", "''", "\\'", "%s", "?", '"', "{}", "NULL", "--", "/*", "$1", "'; DROP TABLE x; --"]
    ),
)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(VALUES, min_size=1, max_size=5))
def test_values_come_back_as_they_went(values: list[Any]) -> None:
    """Whatever is in a text, it is that text, in a statement, in a list and in rows."""
    _, database = _both()
    texts = [value for value in values if isinstance(value, str)]
    assert database.query("SELECT CAST(? AS text)", (texts[0] if texts else None,)) == [
        (texts[0] if texts else None,)
    ]
    found = database.query("SELECT t.value FROM each_row(?) AS t", (rows_of([texts]),))
    assert [json.loads(row[0]) for row in found] == [texts]
    for text in texts:
        assert database.scalar("SELECT count(*) FROM (SELECT CAST(? AS text) AS x) AS y WHERE x IN texts(?)",
                               (text, ids([*texts, "other"]))) == 1  # fmt: skip
    numbers = [value for value in values if isinstance(value, int)]
    assert database.query("SELECT t.value FROM each_id(?) AS t ORDER BY 1", (ids(numbers),)) == [
        (number,) for number in sorted(numbers)
    ]


_KEPT: list[Database] = []


def _parts() -> list[str]:
    with postgres.server().admin(shared_database()) as admin:
        found = admin.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'stock_sync_log'::regclass ORDER BY 1"
        ).fetchall()
    return [row[0] for row in found]


def test_the_log_lies_in_months_that_are_made_ahead_and_go_when_they_are_empty(
    pair: tuple[Ledger, Ledger],
) -> None:
    """A month goes when the last tenant has let its rows go, not before; the chain holds all the while."""
    day = datetime(2031, 1, 31, 12, tzinfo=UTC)
    row = (1, "main", None, 3, "1c", "ok", None, None, None)
    for ledger in pair:
        ledger.database.tend(day, day - timedelta(days=40))
        for moment in (day, day + timedelta(days=30)):
            with ledger.transaction():
                ledger.log.add(ledger.runs.begin("sync", "1c", moment), 1, "ozon", [row], moment)
    ahead = [f"stock_sync_log_2031_0{month}" for month in range(1, 5)]
    assert [part for part in _parts() if "2031" in part] == ahead
    later = day + timedelta(days=75)
    for ledger, left in zip(pair, (ahead, ahead[1:]), strict=True):
        assert sum(step.log for step in ledger.retention.steps(_Kept(), later)) == 1
        # Looked for at the beginning of each day's work.
        ledger.database.tend(later, later - timedelta(days=50))
        assert [part for part in _parts() if "2031" in part and part <= ahead[-1]] == left
        assert verify(ledger.database, ledger.seals).holds


@frozen
class _Kept:
    log: timedelta = timedelta(days=50)
    explanations: timedelta = timedelta(days=50)
    drifts: timedelta = timedelta(days=50)
    runs: timedelta = timedelta(days=50)


def test_a_month_that_has_begun_in_the_rest_stays_there(pair: tuple[Ledger, Ledger]) -> None:
    """Its part cannot be made any more; what follows is."""
    day = datetime(2033, 5, 20, tzinfo=UTC)
    row = (1, "main", None, 3, "1c", "ok", None, None, None)
    with pair[0].transaction():
        pair[0].log.add(pair[0].runs.begin("sync", "1c", day), 1, "ozon", [row], day)
    pair[0].database.tend(day, day - timedelta(days=400))
    assert [part[-7:] for part in _parts() if "2033" in part] == ["2033_06", "2033_07", "2033_08"]


ROWS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(-5, 5)), st.integers(0, 3), st.integers(1, 12)), max_size=30
)
STATEMENTS: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "UPDATE stock_levels SET quantity = ?, reserved = ? WHERE id = ?": lambda row: row,
    "UPDATE stock_levels SET quantity = ?, heard = NULL, dated = 1 WHERE reserved = ? AND id = ?": (
        lambda row: row
    ),
    "UPDATE stock_levels SET unknown_why = ?, heard = reserved + 1 WHERE id = ? AND quantity IS NOT NULL": (
        lambda row: (f"why '{row[0]}'", row[2])
    ),
    "UPDATE stock_levels SET heard = coalesce(quantity, ?) WHERE id = ?": lambda row: (row[1], row[2]),
    "DELETE FROM stock_levels WHERE source = ? AND id = ?": lambda row: ("erp", row[2]),
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value": (
        lambda row: (f"k{row[2]}", str(row[1]))
    ),
    "INSERT INTO warehouses (code) VALUES (?) ON CONFLICT DO NOTHING": lambda row: (f"w{row[1]}",),
}


@cache
def _both() -> tuple[Database, Database]:
    """The same few rows on SQLite and on PostgreSQL."""
    there = (open_database("sqlite://"), open_database(postgres.server().url(shared_database()), "both"))
    for database in there:
        database.migrate()
        _KEPT.append(database)
        database.executemany(
            "INSERT INTO products (sku, first_seen_at) VALUES (?, '')", [(f"P{n}",) for n in range(12)]
        )
        database.execute("INSERT INTO warehouses (code) VALUES ('main')")
        database.executemany(
            "INSERT INTO stock_levels (source, product_id, warehouse_id, quantity, updated_at, as_of) "
            "VALUES (?, ?, 1, ?, '', '')",
            [("erp" if n % 3 else "csv", n, n if n % 4 else None) for n in range(1, 13)],
        )
    return there


@settings(max_examples=80, deadline=None)
@given(rows=ROWS, sql=st.sampled_from(list(STATEMENTS)), copied=st.booleans())
def test_many_rows_end_as_one_after_the_other_would(rows: list[Any], sql: str, copied: bool) -> None:
    """In one statement, in a table of them, copied, or prepared: it ends as on SQLite."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "COPIED", 1 if copied else 1_000)
        _end_alike(rows, sql)


def _end_alike(rows: list[Any], sql: str) -> None:
    ended: list[Any] = []

    def taken_back(database: Database) -> None:
        with database.transaction():
            database.executemany(sql, [STATEMENTS[sql](row) for row in rows])
            for asked in (
                "SELECT id, quantity, reserved, heard, unknown_why, dated FROM stock_levels ORDER BY id",
                "SELECT key, value FROM meta WHERE key <> 'log.unsealed' ORDER BY key",
                "SELECT id, code FROM warehouses ORDER BY code",
            ):
                ended.append(database.query(asked))
            raise ZeroDivisionError

    for database in _both():
        with pytest.raises(ZeroDivisionError):
            taken_back(database)
    assert ended[:3] == ended[3:]
