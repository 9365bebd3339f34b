"""Two processes on one ledger: started at once, or one stopped for longer than its lease meanwhile."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.byhand import by_hand
from tests.crash.forks import Forks, Process
from tests.crash.trials import every, shuffled
from tests.crash.world import World, world

SPEED = 200.0
LEASE = 180.0 / SPEED
"""Real seconds of a lease on the scaled clock."""


def late(found: World) -> int:
    """How many answers came to a process that had lost its lease."""
    with by_hand(found.play.ledger) as ledger:
        (count,) = ledger.execute("SELECT count(*) FROM stock_sync_log WHERE error_code = 'late'").fetchone()
    return int(count)


def stop_at(program: Forks, found: World, folder: Path, kind: str, nth: int = 1) -> Process | None:
    """Start a run that stops itself at a boundary; None if it came to its end without it."""
    process = program.start("sync", folder=folder, at=kind, nth=nth, how=signal.SIGSTOP)
    code = process.wait()
    if code is not None:
        assert code in (0, 1), process.said
        return None
    found.quiet()
    return process


def go_on(process: Process) -> int:
    """Let a stopped run go on to its end."""
    process.kill(signal.SIGCONT)
    code = process.wait()
    assert code is not None
    return code


def sleeps(program: Forks, found: World, folder: Path, kind: str, nth: int = 1) -> bool:
    """Stop a run for longer than its lease, let another work meanwhile, and wake it; False if not stopped."""
    found.trade(4)
    found.move(len(found.stock) * 8 // 10)
    first = stop_at(program, found, folder, kind, nth)
    if first is None:
        return False
    found.move_back()
    found.trade(4)
    time.sleep(LEASE * 1.1)
    second = program.run("sync", folder=folder)
    found.check(f"stopped at {kind} number {nth}: {second.said}")
    taken = {name: counts.copy() for name, counts in found.accepted.items()}
    code = go_on(first)
    found.quiet()
    # What was sent before it was stopped had arrived. What it still does changes no number.
    assert found.accepted == taken, f"{kind} number {nth}: sent after its lease was lost: {first.said}"
    found.check(f"woken at {kind} number {nth}: {first.said}")
    if re.search(r"compose|stocks/N|products/stocks", kind):
        assert code == 1, f"{kind}: {code}: {first.said}"
    again = program.run("sync", folder=folder)
    found.check(f"after {kind} number {nth}: {again.said}")
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        # It has the quantities, and was about to send them.
        "commit:after pushing.compose",
        # The connection stands.
        "request:sending PUT /api/v3/stocks/N",
    ],
)
def test_a_process_that_slept_longer_than_its_lease_sends_nothing(
    tmp_path: Path, program: Forks, kind: str
) -> None:
    """SIGSTOP, another process sells what was there, SIGCONT: the old numbers stay where they are."""
    with world(tmp_path, 12, speed=SPEED) as found:
        program.run("sync", folder=tmp_path)
        assert sleeps(program, found, tmp_path, kind)


@pytest.mark.slow
def test_a_late_answer_confirms_nothing(tmp_path: Path, program: Forks) -> None:
    """Stopped with its request on the wire: the answer is logged as late, and the listings are read again."""
    with world(tmp_path, 12, speed=SPEED) as found:
        program.run("sync", folder=tmp_path)
        kind = "request:sent POST /v2/products/stocks"
        assert sleeps(program, found, tmp_path, kind)
        assert late(found) > 0


@pytest.mark.slow
def test_sleeping_at_every_boundary(
    tmp_path: Path, program: Forks, capsys: pytest.CaptureFixture[str]
) -> None:
    """At each step of each request, and after each commit: before one it holds the ledger itself."""
    with world(tmp_path, 130, speed=SPEED) as found:
        program.run("sync", folder=tmp_path)
        found.move(100)
        boundaries = program.run("sync", folder=tmp_path).boundaries
        kinds: Counter[str] = Counter()
        began = time.monotonic()
        chosen = [one for one in every(boundaries) if not one[0].startswith("commit:before")]
        for kind, nth in shuffled(chosen, 5):
            if "pace" in kind and kinds[kind] >= 5:
                continue
            kinds[kind] += sleeps(program, found, tmp_path, kind, nth)
    with capsys.disabled():
        print(
            f"\n{sum(kinds.values())} runs that slept at {len(kinds)} kinds of boundary, {late(found)} late "
            f"answers, {found.requests} writing requests judged, {time.monotonic() - began:.0f} s"
        )
        for kind, count in sorted(kinds.items()):
            print(f"  {count:4} {kind}")


def test_the_second_of_two_runs_says_who_is_writing(tmp_path: Path, program: Forks) -> None:
    """While one is in the middle of its push, another one ends with 1 and names it; each number goes once."""
    # Time runs so slowly here that the first one's lease does not run out meanwhile.
    with world(tmp_path, 12, speed=5.0) as found:
        first = stop_at(program, found, tmp_path, "commit:after pushing.compose")
        assert first is not None
        second = program.start("sync", folder=tmp_path)
        assert second.wait() == 1
        assert f"mpstock sync, process {first.id} on " in second.said
        status = program.run("status", folder=tmp_path)
        assert f"now written by mpstock sync, process {first.id} on " in status.said
        assert go_on(first) == 0
        found.check(first.said)
        for counts in found.accepted.values():
            assert set(counts.values()) == {1}


@pytest.mark.slow
def test_two_runs_that_start_at_once(tmp_path: Path, program: Forks) -> None:
    """Whoever is first: nothing is sent twice, and together they have sent all."""
    with world(tmp_path, 200, speed=5.0) as found:
        codes: Counter[tuple[int | None, ...]] = Counter()
        program.run("sync", folder=tmp_path)
        skus = sorted(found.stock)
        for number in range(8):
            for counts in found.accepted.values():
                counts.clear()
            chosen = skus[number * 25 : number * 25 + 25]
            found.set({sku: found.stock[sku] + 7 for sku in chosen})
            both = [program.start("sync", folder=tmp_path) for _ in range(2)]
            codes[tuple(sorted(process.wait() or 0 for process in both))] += 1
            found.check(" ".join(process.said for process in both))
            for counts in found.accepted.values():
                assert set(counts.values()) == {1}
                assert len(counts) == 25
        assert set(codes) <= {(0, 1), (0, 0)}
        assert codes[0, 1] >= 4
