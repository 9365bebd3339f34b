"""Ctrl-C, SIGTERM and kill -9 in the middle of a push: the next run ends where no crash would have ended."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpstock.simulation import Fault
from tests.acceptance.play import (
    OZON_WRITES,
    WB_STOCKS,
    Play,
    ended,
    interrupted,
    shop,
    skus,
    standard,
    until,
)
from tests.byhand import by_hand

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are POSIX signals")

SPEED = 25.0
"""Ozon's 80 writes a minute are one in 30 ms: a push lasts long enough to be hit."""


@pytest.fixture(autouse=True)
def _ctrl_c_reaches_children() -> Iterator[None]:
    """Children inherit an ignored SIGINT, as of a test run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _levels(count: int) -> dict[str, int]:
    return {sku: 10 + number % 60 for number, sku in enumerate(skus(count))}


def _wanted(levels: dict[str, int]) -> dict[str, int]:
    return {sku: standard(quantity) for sku, quantity in levels.items()}


def _slow(play: Play, sink: str, *, after_commit: bool = False) -> Fault:
    """Let the next write of a sink take a second; its `times` is 0 as soon as it is on its way."""
    double, path, method = (play.ozon, OZON_WRITES, "POST") if sink == "ozon" else (play.wb, WB_STOCKS, "PUT")
    return double.call(
        lambda: double.add_fault(path=path, method=method, delay=play.speed, after_commit=after_commit)
    )


@pytest.mark.parametrize(("how", "as_json"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_a_stop_finishes_the_batch_in_flight_records_it_and_ends_with_130(
    tmp_path: Path, how: signal.Signals, as_json: bool
) -> None:
    """What was on the wire is waited for and in the ledger; the next run sends the rest, each number once."""
    levels = _levels(1_600)
    with shop(tmp_path, levels, limits=True, speed=SPEED) as play:
        process = play.spawn("sync", *(["--json"] if as_json else []))
        until(lambda: play.pushes("ozon") >= 2)
        slow = _slow(play, "ozon")
        until(lambda: slow.times == 0)
        result = interrupted(process, how)
        assert result.code == 130, result.said
        assert "Traceback" not in result.said
        if as_json:
            assert result.json["exit_code"] == 130
        sent = dict(play.pushed("ozon"))
        assert 200 < len(sent) < len(levels)
        for sink in ("ozon", "wb"):
            accepted = {sku: quantity for sku, quantity in play.shown(sink).items() if quantity}
            recorded = {sku: quantity for sku, quantity in play.recorded(sink).items() if quantity}
            assert recorded == accepted
        play.run("sync").ok()
        assert play.shown("ozon") == play.shown("wb") == _wanted(levels)
        assert set(Counter(sku for sku, _ in play.pushed("ozon")).values()) == {1}
        assert play.refused() == 0


def test_a_stop_while_1c_is_slow_ends_at_once(tmp_path: Path) -> None:
    """Ctrl-C while a source takes its time does not wait for it, and loses nothing."""
    with shop(tmp_path, {"SKU-A": 10}, speed=1.0) as play:
        slow = play.onec.add_fault(path="/", delay=20.0)
        process = play.spawn("sync")
        until(lambda: slow.times == 0)
        started = time.monotonic()
        assert interrupted(process).code == 130
        assert time.monotonic() - started < 5
        play.run("sync").ok()
        assert play.shown("ozon") == {"SKU-A": 8}


@pytest.mark.parametrize("seed", range(3))
def test_kill_9_at_a_random_moment_of_a_push_ends_in_the_same_numbers(tmp_path: Path, seed: int) -> None:
    """Killed between the first write and the last: after the next run every number equals the formula."""
    chance = random.Random(seed)
    levels = _levels(1_000)
    with shop(tmp_path, levels, limits=True, speed=SPEED) as play:
        process = play.spawn("sync")
        until(lambda: play.pushes("ozon") + play.pushes("wb") >= 1)
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        assert ended(process).code == -signal.SIGKILL
        play.set_levels(dict.fromkeys(chance.sample(sorted(levels), 15), 0))
        levels = {sku: int(play.onec.levels[sku, "main"]) for sku in levels}
        play.run("sync").ok()
        assert play.shown("ozon") == play.shown("wb") == _wanted(levels)
        assert play.refused() == 0


@pytest.mark.parametrize("sink", ["ozon", "wb"])
def test_a_raise_that_was_applied_and_not_recorded_is_found_out(tmp_path: Path, sink: str) -> None:
    """Confirmed 10; the raise to 50 is applied, killed before its outcome; 1C returns to 10: 10 is shown."""
    with shop(tmp_path, {"SKU-A": 10}, limits=True, speed=SPEED) as play:
        play.sink("ozon")["buffer"] = play.sink("wb")["buffer"] = {"policy": "all"}
        play.write()
        play.run("sync").ok()
        play.set_levels({"SKU-A": 50})
        slow = _slow(play, sink, after_commit=True)
        process = play.spawn("sync")
        until(lambda: slow.times == 0 and play.shown(sink) == {"SKU-A": 50})
        process.kill()
        ended(process)
        play.set_levels({"SKU-A": 10})
        play.run("sync").ok()
        assert play.shown("ozon") == play.shown("wb") == {"SKU-A": 10}
        assert play.refused() == 0


def test_a_second_process_reads_the_ledger_during_a_push(tmp_path: Path) -> None:
    """`status`, `log`, `explain` and plain SQL work while another process pushes."""
    levels = _levels(2_000)
    with shop(tmp_path, levels, limits=True, speed=SPEED / 5) as play:
        process = play.spawn("sync")
        until(lambda: play.pushes("ozon") >= 3)
        assert "pending" in play.run("status").ok().stdout
        assert play.json("log", "--sink", "ozon")["log"]
        play.run("explain", "SKU-0001").ok()
        with by_hand(play.ledger) as reader:
            (count,) = reader.execute("SELECT count(*) FROM stock_sync_log").fetchone()
        assert count > 0
        assert process.poll() is None, "the push was over before it was looked at"
        assert ended(process).code == 0
        assert play.shown("ozon") == play.shown("wb") == _wanted(levels)


def test_a_second_run_on_one_ledger_is_told_and_sends_nothing(tmp_path: Path) -> None:
    """Two syncs at once: the second ends with 1 and names the first; each number is sent once."""
    levels = _levels(2_000)
    # Twenty requests to Ozon take the first three seconds, a second process needs one to begin.
    with shop(tmp_path, levels, limits=True, speed=SPEED / 5) as play:
        process = play.spawn("sync")
        until(lambda: play.pushes("ozon") >= 2)
        second = play.run("sync")
        assert process.poll() is None, "the first was over before the second began"
        assert second.code == 1, second.said
        assert "another process is writing to it: mpstock sync, process" in second.said
        assert ended(process).code == 0
        assert play.shown("ozon") == play.shown("wb") == _wanted(levels)
        assert set(Counter(sku for sku, _ in play.pushed("ozon")).values()) == {1}
        play.run("sync").ok()
