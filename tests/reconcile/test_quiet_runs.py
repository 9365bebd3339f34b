"""What a run costs in which little has moved: it walks over no catalogue, and plans nothing twice in vain."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest

from mpstock import AsyncShop, Level
from mpstock.errors import TransientError
from mpstock.ledger import Ledger
from tests.ledgers import listen
from tests.reconcile.shops import REGISTRY, Play, configuration, make, shows, skus

CATALOGUE = ("products", "stock_levels", "listings", "marketplace_stocks")
BOUNDED = re.compile(r"\(SELECT 1 FROM \w+ WHERE [^()]* LIMIT \d+\)")
"""A look at the first few rows that come, whatever the table holds."""


def statements(play: Play, read: str) -> list[str]:
    """Return every statement that a run gives to the ledger."""
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())
    told: list[str] = []

    async def run() -> None:
        async with AsyncShop(config, plugins=REGISTRY, clock=play.clock) as shop:
            engine = await shop._assembly.start()
            listen(engine.ledger.database, told.append)
            await shop.sync(read=read)  # type: ignore[arg-type]

    asyncio.run(run())
    return told


@pytest.mark.sqlite("what it says of its plans")
@pytest.mark.parametrize("read", ["orders", "nothing"])
def test_a_short_run_scans_no_table_of_the_catalogue(tmp_path: Path, read: str) -> None:
    """Whatever it asks of products, levels and listings has an index that leads to what has moved."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(50), 9), orders="each", self_decrements="unknown")
    play.sync()
    account.buy(skus(50)[0], 2, "main")
    with play.open() as shop:
        shop.receive("erp", [Level(skus(50)[1], "main", 3)])
    told = statements(play, read)
    assert shows(account)[skus(50)[1]] == 3
    ledger = Ledger(f"sqlite:///{play.ledger}")
    scans = set()
    for statement in told:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "INSERT", "DELETE", "WITH")):
            for *_, detail in ledger.database.query(f"EXPLAIN QUERY PLAN {statement}"):
                table = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", detail)
                # A partial index has but the rows that wait for something.
                partial = table is not None and (table[2] or "").startswith("ix_")
                if table is None or partial or BOUNDED.search(statement):
                    continue
                if _real(table[1], statement) in CATALOGUE:
                    scans.add((detail, statement[:200]))
    ledger.close()
    assert len(told) > 30
    assert not scans


def _real(alias: str, statement: str) -> str:
    """Return the table that an alias of a statement stands for."""
    found = re.search(rf"(?:FROM|JOIN) (\w+) AS {alias}\b", statement)
    return alias if found is None else found[1]


def planned(play: Play, **keys: str) -> int:
    """Return how many products a run planned."""
    seen: list[int] = []

    def progress(phase: str, _name: str, done: int, _total: int | None) -> None:
        if phase == "plan":
            seen.append(done)

    play.sync(progress=progress, **keys)
    return max(seen, default=0)


def test_what_waits_for_an_unknown_quantity_is_not_planned_by_every_run(tmp_path: Path) -> None:
    """Forty products whose rows went missing wait: once planned so, only a reading can help them."""
    levels = dict.fromkeys(skus(40), 9)
    play, source, account = make(tmp_path, levels)
    play.sync()
    for sku in skus(40):
        source.set(sku, None)
    assert planned(play) == 40
    assert planned(play, read="orders") == 0
    with play.open() as shop:
        shop.receive("erp", [Level(skus(40)[3], "main", 2)])
        shop.hold("cart", skus(40)[4], 1)
    assert planned(play, read="nothing") == 2
    assert shows(account)[skus(40)[4]] == 8
    for sku in skus(40):
        source.set(sku, 7)
    play.sync()
    assert set(shows(account).values()) == {7, 6}


def test_what_waits_is_planned_when_its_source_is_believed_again(tmp_path: Path) -> None:
    """A raise that waits for a source which cannot be read is planned by the run that reads it."""
    play, source, account = make(tmp_path, {"A": 10, "B": 10})
    play.sync()
    with play.open() as shop:
        shop.hold("cart", "A", 3)
    play.sync(read="nothing")
    source.fail(TransientError("no route to host"))
    with play.open() as shop:
        shop.release("cart")
    play.sync()
    assert planned(play, read="orders") == 0
    assert shows(account)["A"] == 7
    play.sync()
    assert shows(account)["A"] == 10


def test_a_sink_that_is_heard_again_frees_what_waited_for_its_orders(tmp_path: Path) -> None:
    """Its orders could not be read for an hour, so nothing rose; a run that reads them alone mends it."""
    play, source, account = make(tmp_path, {"A": 10}, orders="each")
    play.sync()
    play.clock.advance(3600)
    account.fail_orders(TransientError("no route to host"), times=20)
    source.set("A", 20)
    play.sync()
    assert shows(account)["A"] == 10
    assert planned(play, read="orders") == 0
    account.tell_orders_again()
    assert planned(play, read="orders") == 1
    assert shows(account)["A"] == 20


def test_a_sale_that_its_order_explains_is_not_judged_again(tmp_path: Path) -> None:
    """It showed less because it was sold: that is no news, and later runs do not look at it any more."""
    play, _, account = make(tmp_path, {"A": 10}, orders="each", self_decrements="unknown")
    play.sync()
    play.clock.advance(120)
    account.buy("A", 2, "main")
    account.shown["A", "main"] = 8
    play.sync(read="orders")
    ledger = Ledger(f"sqlite:///{play.ledger}")
    then = play.clock.now() - timedelta(days=1)
    assert ledger.drifts.open("shop", then, then) == []
    ledger.close()
