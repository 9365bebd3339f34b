"""The harness that measures, in small: what it says of the engine is so, and its table says what it has."""

from __future__ import annotations

import asyncio
import csv
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import row_by_row, state
from benchmarks.reconciling.cases import Folder, changed, run
from benchmarks.reconciling.shop import BATCHES, KEPT_BACK
from benchmarks.table import __main__ as table
from benchmarks.table import engine, peers, postgres, pushing
from benchmarks.table.figures import Figure, lines_of, missed
from benchmarks.table.picture import svg_of
from mpstock.ledger import Ledger
from tests import postgres as servers
from tests.ledgers import ON_POSTGRES

PRODUCTS = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    url = servers.server().url(servers.server().create_database()) if ON_POSTGRES else ""
    return Folder(tmp_path_factory.mktemp("shop"), url)


@pytest.fixture(scope="module")
def measured(folder: Folder) -> dict[str, dict[str, Any]]:
    return {
        case: asyncio.run(run(folder, PRODUCTS, case, with_bare=case == "first"))
        for case in ("first", "nightly", "tiny")
    }


def test_each_case_sends_what_has_changed_and_no_more(measured: dict[str, dict[str, Any]]) -> None:
    """A product that has moved is sent to each of the three accounts once, in as few requests as can be."""
    for case, found in measured.items():
        assert found["exit_code"] == 0, case
        assert found["changes"] == len(BATCHES) * changed(case, PRODUCTS)
        assert found["requests"] == found["bound"] > 0


def test_the_parts_of_a_run_are_found(measured: dict[str, dict[str, Any]]) -> None:
    """The steps still have the names by which they are told apart: none of the measured parts is empty."""
    for case, found in measured.items():
        for part in ("ingest", "plan", "record"):
            assert found["ledger"][part] > 0, (case, part)
        assert sum(found["ledger"].values()) <= found["wall" if ON_POSTGRES else "cpu"] * 1.5
    assert measured["first"]["bare"]["plan"] > 0
    assert measured["first"]["bare"]["record"] > 0


def test_the_bare_statements_leave_the_ledger_as_it_was(folder: Folder, measured: dict[str, Any]) -> None:
    """They are rolled back: the log has what the engine has sent, a line for each change."""
    with closing(Ledger(folder.ledger)) as ledger:
        lines = ledger.database.scalar("SELECT count(*) FROM stock_sync_log")
    assert lines == sum(found["changes"] for found in measured.values())


def test_a_script_of_today_finds_the_same_changes(tmp_path: Path) -> None:
    """What is measured beside the engine does the same work: once everything, then nothing."""
    feed = tmp_path / "feed.csv"
    with feed.open("w", newline="") as file:
        csv.writer(file).writerows(
            [
                ("sku", "warehouse", "quantity"),
                ("a", "north", 3),
                ("a", "south", 4),
                ("b", "north", KEPT_BACK),
            ]
        )
    database = state.connect(tmp_path / "script.db")
    sent: list[tuple[str, str, int]] = []
    told = lambda *row: sent.append(row)  # noqa: E731
    assert row_by_row.sync(feed, database, 1, told) == len(state.MARKETPLACES)
    assert sent == [(marketplace, "a", 7 - KEPT_BACK) for marketplace in state.MARKETPLACES]
    assert row_by_row.sync(feed, database, 1, told) == 0
    database.close()


def test_a_table_says_what_is_met_and_what_is_not(measured: dict[str, dict[str, Any]]) -> None:
    """Every figure has a line, one that is promised its verdict, and the picture shows it."""
    few = {**measured["tiny"], "bare": measured["first"]["bare"]}
    shop = {**dict.fromkeys(engine.LABELS, few), **measured}
    figures = [
        *engine.figures(shop, shop),
        Figure("other", "as it should be", 1.0, "s", 2.0),
        Figure("other", "too slow", 3.0, "s", 2.0),
        Figure("other", "too little", 3.0, "%", 90.0, at_least=True),
        Figure("other", "too small to say", 3.0, "s", 2.0, counts=False),
    ]
    assert {figure.name for figure in missed(figures)} >= {"too slow", "too little"}
    assert "too small to say" not in {figure.name for figure in missed(figures)}
    text = "\n".join(lines_of(figures))
    picture = svg_of(figures, "figures")
    for figure in figures:
        assert figure.name in text
        assert not figure.goal or figure.name in picture
    assert "≥ 90 %" in text


def test_pushing_takes_what_the_limit_takes(tmp_path: Path) -> None:
    """Before Ozon's double: no request too many, none refused, and the time is that of the requests."""
    ozon = pushing.ACCOUNTS[0]
    found = pushing.measure(ozon, 3 * ozon.batch + 1, tmp_path)
    assert (found["requests"], found["least"], found["refused"]) == (4, 4, 0)
    assert 3 * ozon.seconds <= found["seconds"] < 3 * ozon.seconds + 5 * pushing.TRIP


def test_a_thousand_requests_need_no_million_rows(tmp_path: Path) -> None:
    """Before Wildberries' double in batches of ten: each request takes its place, and none is refused."""
    few = pushing.ACCOUNTS[-1]
    found = pushing.measure(few, 3 * few.batch + 1, tmp_path)
    assert (found["requests"], found["least"], found["refused"]) == (4, 4, 0)
    assert 3 * few.seconds <= found["seconds"] < 3 * few.seconds + 5 * pushing.TRIP


def test_what_cannot_be_measured_here_is_named(measured: dict[str, dict[str, Any]]) -> None:
    """Without PostgreSQL, and without pandas, the table has its lines, with the goals, and says why."""
    script = {run: {"cpu": 1.0, "wall": 1.0, "changes": 1, "products": 1, "memory_mb": {"peak": 1.0}}
              for run in peers.RUNS}  # fmt: skip
    without = {"row by row": script, peers.COMMITTING: script, "request": 0.001}
    shop = {"first": measured["first"], "nightly": measured["nightly"]}
    figures = [
        *postgres.figures({"missing": "PostgreSQL is not installed"}),
        *peers.figures(shop, without),
    ]
    unasked = [figure for figure in figures if figure.value is None]
    assert len(unasked) == 4 + 4
    assert missed(unasked) == []
    lines = [line for line in lines_of(unasked) if "not asked" in line]
    assert len(lines) == len(unasked)
    assert sum("PostgreSQL is not installed" in line for line in lines) == 4
    assert sum("pandas is not installed" in line for line in lines) == 4
    assert "≤ 1.50×" in lines[0]
    assert all(figure.name in svg_of(unasked, "figures") for figure in unasked if figure.goal)


@pytest.mark.slow
def test_every_subject_has_its_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In small, where what is promised of a large shop fails nothing."""
    subjects = [one for one in table.SUBJECTS if one not in ("engine", "peers", "pacing")]
    assert table.main(["--products", "200", "--out", str(tmp_path), "--only", *subjects]) == 0
    told = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))["figures"]
    found = {figure["subject"].partition(",")[0] for figure in told}
    expected = {"pushing", "time to safe", "webhook", "reading", "dashboard", "starting"}
    assert found == expected | (set() if servers.why_missing() else {"PostgreSQL"})
    assert "NOT MET" not in capsys.readouterr().out
