"""What PostgreSQL believes of a tenant's tables: no first run takes the square of its products."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from mpstock.ledger import Ledger
from tests import postgres
from tests.ledgers import listen


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A database of these tests' own: what it believes depends on who else is in it."""
    if missing := postgres.why_missing():
        pytest.skip(missing)
    server = postgres.server()
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


def put_in(ledger: Ledger, first: int, count: int) -> None:
    with ledger.transaction():
        ledger.database.executemany(
            "INSERT INTO products (sku, first_seen_at) VALUES (?, ?)",
            [(f"SKU-{number}", "2026-01-12 09:00:00.000000") for number in range(first, first + count)],
        )


def believed(ledger: Ledger, statement: str) -> Any:
    ((told,),) = ledger.database.query(f"EXPLAIN (FORMAT JSON) {statement}")
    return json.loads(told)[0]["Plan"]


def test_of_a_tenant_that_is_new_it_does_not_believe_that_it_has_nothing(url: str) -> None:
    """Its tables were looked at before it came: its rows are found by their keys all the same."""
    with closing(Ledger(url, "old")) as old, closing(Ledger(url, "new")) as new:
        put_in(old, 0, 5_000)
        old.database.execute("ANALYZE products")
        put_in(new, 0, 900)
        few = [believed(one, "SELECT sku FROM products")["Plan Rows"] for one in (old, new)]
        assert few[0] == few[1] > 10
        found = believed(new, "SELECT sku FROM products WHERE id = 7")
        assert (found["Index Name"], "Filter" in found) == ("pk_products", False)


def test_no_table_has_figures_of_its_tenants(url: str) -> None:
    """Also none of the parts of the log, and whatever table a later version makes."""
    with closing(Ledger(url, "one")) as ledger:
        tables = dict(
            ledger.database.query(
                "SELECT c.relname, a.attstattarget FROM pg_attribute AS a "
                "JOIN pg_class AS c ON c.oid = a.attrelid "
                "WHERE a.attname = 'tenant' AND c.relkind IN ('r', 'p')"
            )
        )
        assert len(tables) > 30
        assert set(tables.values()) == {0}, tables


def test_a_table_that_has_grown_is_looked_at_once(url: str) -> None:
    """After a thousand rows, then after ten times as many; not one by one, and not inside the transaction."""
    with closing(Ledger(url, "growing")) as ledger:
        heard: list[str] = []
        listen(ledger.database, heard.append)

        def looked(first: int, count: int) -> int:
            heard.clear()
            put_in(ledger, first, count)
            found = [place for place, text in enumerate(heard) if text.startswith("ANALYZE")]
            assert all("COMMIT" in heard[:place] for place in found)
            return len(found)

        assert [looked(start, 500) for start in range(0, 3_000, 500)] == [0, 1, 0, 0, 0, 0]
        assert [looked(3_000, 6_999), looked(10_000, 1)] == [0, 1]


def test_a_table_that_is_far_larger_is_left_alone(url: str) -> None:
    """In a database of many shops one more changes little of what is known."""
    with closing(Ledger(url, "crowd")) as crowd, closing(Ledger(url, "one more")) as ledger:
        put_in(crowd, 0, 20_000)
        crowd.database.execute("ANALYZE products")
        heard: list[str] = []
        listen(ledger.database, heard.append)
        put_in(ledger, 0, 1_000)
        assert not [text for text in heard if text.startswith("ANALYZE")]


def test_a_figure_that_cannot_be_taken_costs_nothing_that_was_committed(url: str) -> None:
    """The connection breaks while the server looks: the rows are there, and the next statement goes on."""
    with closing(Ledger(url, "broken")) as ledger:
        listen(ledger.database, lambda text: send_away() if text.startswith("SELECT reltuples") else None)

        def send_away() -> None:
            with postgres.server().admin() as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s",
                    (postgres.ROLE,),
                )

        put_in(ledger, 0, 1_000)
        assert ledger.database.scalar("SELECT count(*) FROM products") == 1_000
