"""Pages of the ledger: the same rows as looking through everything, and never by walking through all."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from mpstock.ledger import Ledger
from mpstock.ledger import log as log_module
from mpstock.ledger.database import as_text
from mpstock.ledger.log import LogRow, LogSearch

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
SKUS = [f"SKU-{number:02}" for number in range(30)]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger with 600 lines of log, of which some numbers are missing."""
    made = Ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}")
    chance = random.Random(7)
    with made.transaction():
        made.levels.ensure_products(SKUS, as_text(NOON))
        for number in range(1, 60):
            made.runs.begin("sync", "erp", NOON + timedelta(minutes=number))
            rows = [
                (
                    chance.randrange(1, 31), "main", 1, chance.randrange(9),
                    chance.choices(("erp", "order", "webhook"), (80, 15, 5))[0],
                    chance.choices(("ok", "error"), (95, 5))[0], None, None, None,
                )
                for _ in range(10)
            ]  # fmt: skip
            sink = chance.choice(("ozon", "wb"))
            made.log.add(number, number, sink, rows, NOON + timedelta(minutes=number))
            made.database.execute("UPDATE meta SET value = value WHERE key = 'x'")
    yield made
    made.close()


def _walked(ledger: Ledger, wanted: LogSearch, limit: int) -> list[LogRow]:
    rows: list[LogRow] = []
    before: int | None = None
    while True:
        page = ledger.log.search(wanted, before=before, limit=limit)
        rows += page.rows
        assert len(page.rows) <= limit
        assert page.before is None or before is None or page.before < before
        before = page.before
        if before is None:
            return rows


@pytest.mark.parametrize("searched", [7, 20_000])
def test_a_search_finds_what_is_meant_and_each_line_once(
    ledger: Ledger, searched: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is narrowed, the pages together are the lines that are meant, also where one looks at few."""
    monkeypatch.setattr(log_module, "SEARCHED", searched)
    everything = ledger.log.rows(limit=10_000)
    assert len(everything) == 590
    moments = (None, NOON + timedelta(minutes=20), NOON + timedelta(minutes=40, seconds=1))
    for sku, sink, cause, status, since, until in product(
        ((), ("SKU-03", "SKU-17")), ("", "wb"), ("", "webhook"), ("", "error"), moments, moments
    ):
        wanted = LogSearch(sku, sink, cause, status, None, since, until)
        meant = [
            row
            for row in everything
            if (not sku or row.sku in sku)
            and sink in ("", row.sink)
            and cause in ("", row.cause)
            and status in ("", row.status)
            and (since is None or row.at >= since)
            and (until is None or row.at <= until)
        ]
        assert _walked(ledger, wanted, 9) == meant


def test_a_page_of_what_is_rare_says_how_far_it_has_looked(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where little was found among the lines that one page looks through, the next goes on behind them."""
    monkeypatch.setattr(log_module, "SEARCHED", 50)
    page = ledger.log.search(LogSearch(cause="no such"), limit=10)
    assert page.rows == []
    assert page.before is not None
    assert page.searched_to == NOON + timedelta(minutes=55)


def test_a_search_by_run_finds_its_lines(ledger: Ledger) -> None:
    """The lines of one run, and of a run that is not there none."""
    assert {row.run for row in _walked(ledger, LogSearch(run=13), 3)} == {13}
    assert _walked(ledger, LogSearch(run=999), 3) == []


def test_products_follow_each_other(ledger: Ledger) -> None:
    """Page by page, all of them or those whose article has a part in it, in any case."""
    pages = ledger.pages
    walked: list[str] = []
    while found := pages.products(after=walked[-1] if walked else "", limit=7):
        walked += [one.sku for one in found]
    assert walked == SKUS
    assert [one.sku for one in pages.products(search="u-1", limit=50)] == SKUS[10:20]
    assert [one.sku for one in pages.products(search="u-1", after="SKU-17", limit=50)] == SKUS[18:20]
    assert pages.products(search="%", limit=50) == []


@pytest.mark.sqlite("what it says of its plans")
@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger: ledger.log.search(LogSearch()),
        lambda ledger: ledger.log.search(LogSearch(sink="wb", status="error", since=NOON)),
        lambda ledger: ledger.log.search(LogSearch(skus=["SKU-01"])),
        lambda ledger: ledger.log.search(LogSearch(run=3)),
        lambda ledger: ledger.log.causes(),
        lambda ledger: ledger.log.of_product(3, 100),
        lambda ledger: ledger.pages.products(after="SKU-11"),
        lambda ledger: ledger.pages.product("SKU-11"),
        lambda ledger: ledger.pages.levels([1, 2]),
        lambda ledger: ledger.pages.listings([1, 2]),
        lambda ledger: ledger.pages.failing("wb", after=3),
        lambda ledger: ledger.pages.count_failing(),
        lambda ledger: ledger.pages.held(),
        lambda ledger: ledger.pages.held_listings("wb", "main", "erp", "zeroing", after=3),
        lambda ledger: ledger.pages.facts_of(1, 10),
        lambda ledger: ledger.runs.last(before=10),
        lambda ledger: ledger.runs.find(10),
    ],
)
def test_a_page_walks_through_no_table(ledger: Ledger, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement of a page finds its rows through an index; a table's end is its index as well."""
    asked: list[tuple[str, Any]] = []
    query, one = ledger.database.query, ledger.database.one

    def note(answer: Any) -> Any:
        def noted(sql: str, parameters: Any = ()) -> Any:
            asked.append((sql, parameters))
            return answer(sql, parameters)

        return noted

    monkeypatch.setattr(ledger.database, "query", note(query))
    monkeypatch.setattr(ledger.database, "one", note(one))
    ask(ledger)
    assert asked
    for sql, parameters in asked:
        plan = [row[3] for row in query(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        walks = [
            step
            for step in plan
            if step.startswith("SCAN")
            # A partial index has only what the page is about; these tables are read in order, from their end.
            and "USING" not in step
            and "json_each" not in step
            and "CONSTANT ROW" not in step
            and not step.startswith(("SCAN names", "SCAN p VIRTUAL", "SCAN runs"))
        ]
        assert walks == [], (sql, plan)
