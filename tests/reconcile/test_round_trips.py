"""How often a run waits for a server of its ledger: of a small shop that is nearly all that it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mpstock import AsyncShop
from tests.reconcile.shops import REGISTRY, Account, Play, configuration, make, shows, sink_config, skus
from tests.round_trips import counted

pytestmark = pytest.mark.usefixtures("on_a_server")

MOST = {"first": 238, "one change": 167, "nothing to do": 126}
"""Round trips of a run with one source and one sink. It is no promise: who needs more has thought of it."""


def round_trips(play: Play) -> list[str]:
    """Return what a run sends to the server, whose ledger is open by then."""
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())

    async def run() -> list[str]:
        async with AsyncShop(config, plugins=REGISTRY, clock=play.clock) as shop:
            await shop._assembly.start()
            with counted() as sent:
                assert (await shop.sync()).exit_code == 0
            return sent

    return asyncio.run(run())


def test_a_run_waits_for_its_server_no_more_often_than_it_did(tmp_path: Path) -> None:
    """A first one, one with a single change, and one with nothing to do; all their numbers are right."""
    play, source, account = make(tmp_path, dict.fromkeys(skus(60), 5))

    def nothing() -> None:
        play.clock.advance(400)

    def one_change() -> None:
        nothing()
        source.set(skus(1)[0], 3)

    found: dict[str, int] = {}
    before: dict[str, Callable[[], None]] = {
        "first": nothing,
        "one change": one_change,
        "nothing to do": nothing,
    }
    for case, happens in before.items():
        happens()
        found[case] = len(round_trips(play))
    assert shows(account)[skus(1)[0]] == 3
    assert all(found[case] <= most for case, most in MOST.items()), found


def test_what_is_asked_of_all_sinks_is_asked_once(tmp_path: Path) -> None:
    """A second sink costs what is its own: less than a whole run more."""
    play, _, _ = make(tmp_path, dict.fromkeys(skus(60), 5))
    round_trips(play)
    alone = len(round_trips(play))
    account = Account(skus(60), clock=play.clock)
    play.sinks["second"] = sink_config("second", account)
    round_trips(play)
    assert len(round_trips(play)) - alone < alone / 2
