"""Kill -9 anywhere, then `mpstock sync`: the same end as without, with the world moving in between.

Real processes, SQLite on the disk, doubles over HTTP with their limits on a scaled clock. Between kill and
restart the stock moves, also back to what it was, and buyers order. Each request that a marketplace accepts
is judged at that moment against what the warehouse has less what was ordered.
"""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest

from tests.crash.forks import Forks
from tests.crash.trials import Trials, every, positions, shuffled, told
from tests.crash.world import world


def of_a_push(kind: str) -> bool:
    """Whether a boundary is one of sending changes and recording what came of it."""
    return bool(re.search(r"compose|settle|products/stocks|PUT ", kind))


def test_kill_9_around_one_push(tmp_path: Path, program: Forks) -> None:
    """On the wire, and answered but not recorded: the next run makes it good."""
    with world(tmp_path, 12) as found:
        trials = Trials(found, program, tmp_path, moved=10, bought=2)
        trials.begin()
        for kind in (
            "request:sent PUT /api/v3/stocks/N",
            "commit:before pushes.settle",
        ):
            trials.kill_at(kind)
    assert trials.missed == 0


@pytest.mark.slow
def test_a_portion_of_the_boundaries(
    tmp_path: Path, program: Forks, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind of boundary of a push, and a dozen of the others."""
    with world(tmp_path, 130) as found:
        trials = Trials(found, program, tmp_path, moved=115)
        trials.begin()
        boundaries = trials.probe()
        kinds = list(dict.fromkeys(boundaries))
        others = shuffled([(kind, 1) for kind in kinds if not of_a_push(kind)], 1)
        began = time.monotonic()
        for kind, nth in [*((kind, 1) for kind in kinds if of_a_push(kind)), *others[:12]]:
            trials.kill_at(kind, nth)
    with capsys.disabled():
        print("\n" + told(trials, boundaries, time.monotonic() - began))
    assert {kind for kind in boundaries if of_a_push(kind)} <= set(trials.hits)
    assert trials.missed <= 3


@pytest.mark.slow
def test_every_boundary_of_a_small_shop(
    tmp_path: Path, program: Forks, capsys: pytest.CaptureFixture[str]
) -> None:
    """130 products, three requests that write: not one boundary is left out."""
    with world(tmp_path, 130) as found:
        trials = Trials(found, program, tmp_path, moved=115)
        trials.begin()
        boundaries = trials.probe()
        began = time.monotonic()
        for kind, nth in shuffled(every(boundaries), 2):
            trials.kill_at(kind, nth)
    with capsys.disabled():
        print("\n" + told(trials, boundaries, time.monotonic() - began))
    # What a run does depends a little on what came of the one before.
    assert trials.missed <= len(boundaries) // 5
    assert {kind for kind in boundaries if of_a_push(kind)} <= set(trials.hits)


@pytest.mark.slow
def test_every_kind_of_boundary_in_a_shop_of_5000(
    tmp_path: Path, program: Forks, capsys: pytest.CaptureFixture[str]
) -> None:
    """5,000 products, 1,500 of them moving each time: of each kind the first, a middle, the last."""
    with world(tmp_path, 5_000, seed=3) as found:
        trials = Trials(found, program, tmp_path, moved=1_500, bought=40)
        trials.begin()
        boundaries = trials.probe()
        began = time.monotonic()
        for kind, nth in shuffled(positions(boundaries), 3):
            trials.kill_at(kind, nth)
    with capsys.disabled():
        print("\n" + told(trials, boundaries, time.monotonic() - began))
    assert trials.missed <= len(set(boundaries)) // 5
    assert {kind for kind in boundaries if of_a_push(kind)} <= set(trials.hits)


@pytest.mark.slow
def test_200_kills_at_random_in_a_shop_of_5000(
    tmp_path: Path, program: Forks, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed whenever it pleases chance, from the first instruction to the last."""
    chance = random.Random(4)
    with world(tmp_path, 5_000, seed=4) as found:
        trials = Trials(found, program, tmp_path, moved=1_500, bought=40)
        trials.begin()
        began = time.monotonic()
        boundaries = trials.probe()
        trials.lasts = time.monotonic() - began
        while sum(trials.hits.values()) < 200:
            trials.kill_after(chance.uniform(0, trials.lasts))
            assert trials.missed < 200
    with capsys.disabled():
        print("\n" + told(trials, boundaries, time.monotonic() - began))
