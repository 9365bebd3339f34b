"""A sink that takes one warehouse at a time, with many of them: what goes next, and what finding it costs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mpstock import Listing
from mpstock.inmemory import InMemorySource
from mpstock.model import Change
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play, skus, tell_ledger


def a_shop(folder: Path, warehouses: int, each: int, **limits: Any) -> tuple[Play, InMemorySource, Account]:
    """Return a seller whose listings are in one sink warehouse each, so many in each of them."""
    folder.mkdir(exist_ok=True)
    clock, names = VirtualClock(), skus(warehouses * each)
    codes = [f"w{number:03}" for number in range(warehouses)]
    source = InMemorySource(dict.fromkeys(names, 5), clock=clock)
    sells = [
        Listing(sku, codes[number % warehouses], (sku,), {"external_id": (sku,)})
        for number, sku in enumerate(names)
    ]
    account = Account(sells, warehouses=codes, clock=clock, by_warehouse=True, **limits)
    return Play(folder, {"erp": source}, {"shop": account}, clock=clock), source, account


def served(account: Account) -> list[str]:
    """Return the sink warehouse of each request."""
    return [push[0].listing.warehouse for push in account.pushes]


@pytest.mark.sqlite("the statements that it is asked")
def test_what_is_asked_of_the_ledger_follows_the_requests_and_not_the_warehouses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """80 requests to 80 warehouses ask hardly more of the ledger than 80 requests to four."""
    statements: list[str] = []
    connect = sqlite3.dbapi2.connect

    def traced(*args: Any, **keys: Any) -> sqlite3.Connection:
        connection = connect(*args, **keys)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3.dbapi2, "connect", traced)
    asked: dict[int, int] = {}
    for warehouses in (4, 80):
        play, _, account = a_shop(tmp_path / str(warehouses), warehouses, 80 // warehouses, batch=1)
        with play.open() as shop:
            statements.clear()
            shop.sync()
        assert len(account.pushes) == 80
        asked[warehouses] = len(statements)
    # Each warehouse is a place of its own in the settings: a few statements at the start of a run.
    assert asked[80] - asked[4] < 80 * 10


def test_every_warehouse_has_its_turn(tmp_path: Path) -> None:
    """Nothing is left behind, and each request is as full as its warehouse makes it."""
    play, _, account = a_shop(tmp_path, 12, 5, batch=3)
    assert play.sync().pushed == 60
    assert sorted(served(account)) == sorted(2 * [f"w{number:03}" for number in range(12)])
    assert sorted(map(len, account.pushes)) == [2] * 12 + [3] * 12


def test_a_zero_of_the_last_warehouse_goes_with_the_next_request(tmp_path: Path) -> None:
    """While raises of eleven warehouses wait, a zero of the twelfth comes up: it goes before them."""
    play, source, account = a_shop(tmp_path, 12, 10, batch=1)
    play.sync()
    account.pushes.clear()
    for sku in skus(110):
        source.set(sku, 8)

    def sold_out(changes: Sequence[Change]) -> None:
        account.hook = None
        tell_ledger(play, P00119=0)

    account.hook = sold_out
    play.sync()
    # One was being composed when it came.
    assert "w011" in served(account)[1:3]
    zero = next(push[0] for push in account.pushes if push[0].new == 0)
    assert zero.listing.warehouse == "w011"


def test_what_rests_in_one_warehouse_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    """The pairs of one warehouse are cooling down: the others go at once, and these when they may."""
    play, source, account = a_shop(tmp_path, 6, 2, batch=2, pair_cooldown=30.0)
    play.sync()
    account.pushes.clear()
    began = play.clock.monotonic()
    at: list[tuple[float, str]] = []
    account.hook = lambda changes: at.append((play.clock.monotonic() - began, changes[0].listing.warehouse))
    # Those of the first warehouse were written a moment ago, those of the others before that.
    source.set("P00000", 4)
    source.set("P00006", 4)
    play.clock.advance(40)
    play.sync()
    for sku in skus(12):
        source.set(sku, 9)
    began = play.clock.monotonic()
    at.clear()
    play.sync()
    early = [code for seconds, code in at if seconds < 20]
    late = [code for seconds, code in at if seconds >= 20]
    assert (sorted(early), late) == ([f"w{number:03}" for number in range(1, 6)], ["w000"])
