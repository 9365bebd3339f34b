"""What a number was reckoned from is kept as it is sent, and gives the very same number for ever after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from mpstock import Hold, Shop
from mpstock.config import Absorption, SharingSettings, SinkWarehouse
from mpstock.errors import LedgerVersionError, TransientError
from mpstock.inmemory import InMemorySource
from mpstock.ledger import Ledger
from mpstock.reconcile.evaluating import evaluate
from mpstock.reconcile.stored_facts import FORM, restore
from mpstock.testing import VirtualClock
from tests.reconcile.shops import NO_BUFFER, REGISTRY, Account, Play, make, shows

ROW = (
    "SELECT product_id, marketplace, warehouse_code, new_qty, explanation_id FROM stock_sync_log ORDER BY id"
)


def ledger_of(play: Play) -> Ledger:
    return Ledger(f"sqlite:///{play.ledger}")


def reckoned_again(play: Play) -> list[tuple[tuple[str, str, str], int, int | None]]:
    """Return for every line of the log its listing, what was sent, and what the kept facts give today."""
    ledger = ledger_of(play)
    try:
        lines = ledger.database.query(ROW)
        kept = ledger.explanations.read({line[4] for line in lines})
        found = []
        for _, sink, code, sent, explanation in lines:
            restored = restore(kept[explanation].settings, kept[explanation].facts, REGISTRY)
            (evaluated,) = evaluate(restored.reckoner, [restored.facts])
            numbers = {(r.sink, r.warehouse): r.wanted for r in evaluated.reckonings}
            numbers.update(restored.decided)
            found.append(((restored.facts.sku, sink, code), sent, numbers[sink, code]))
        return found
    finally:
        ledger.close()


def explanations(play: Play) -> list[tuple[Any, ...]]:
    ledger = ledger_of(play)
    try:
        return ledger.database.query(
            "SELECT id, product_id, settings_id, facts FROM explanations ORDER BY id"
        )
    finally:
        ledger.close()


numbers = st.one_of(st.integers(-3, 40), st.none())
policies: st.SearchStrategy[Mapping[str, Any]] = st.sampled_from(
    [
        NO_BUFFER,
        {"policy": "standard", "absolute": 3},
        {"policy": "fixed_share", "percent": Decimal("33.3"), "cap": 9},
        {"policy": "threshold", "minimum": 5},
    ]
)
rows = st.fixed_dictionaries({(sku, own): numbers for sku in ("A", "B", "C") for own in ("main", "msk")})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_was_sent_is_what_its_explanation_gives(tmp_path_factory: Any, data: st.DataObject) -> None:
    """Rules, kits, sharing, holds, orders, outages: every line of the log, after all has moved on."""
    draw = data.draw
    clock = VirtualClock()
    sources = {name: InMemorySource(draw(rows), clock=clock) for name in ("erp", "list")}
    sells = ["A", "B", "C", "KIT"]
    one = Account(sells, clock=clock, warehouses=("w1", "w2"), self_decrements="unknown")
    two = Account(sells, clock=clock)
    folder: Path = tmp_path_factory.mktemp("shop")
    play = Play(folder, sources, {"one": one, "two": two}, clock=clock)
    rule = draw(st.sampled_from(["sum", "first", "max", "min"]), "rule")
    for name in sources:
        play.set_source(
            name,
            rule=rule,
            group=draw(st.sampled_from(["main", name])),
            share=draw(st.sampled_from([Decimal(1), Decimal("0.5")])),
            max_age=draw(st.sampled_from([None, timedelta(seconds=90)])),
            absorbs={"one": Absorption("order")} if draw(st.booleans()) else {},
        )
    feeds: Any = draw(st.sampled_from([None, ("main",), ("msk", "main")]))
    play.set_sink(
        "one",
        share=Decimal("0.6"),
        buffer=draw(policies),
        warehouses=(SinkWarehouse("w1", feeds), SinkWarehouse("w2", buffer=draw(policies))),
    )
    play.set_sink("two", share=Decimal("0.4"), priority=2)
    sharing: Any = draw(st.sampled_from(["shared", "split", "exclusive"]), "sharing")
    play.sharing = SharingSettings(sharing)
    if draw(st.booleans(), "kits"):
        play.products = folder / "products.csv"
        play.products.write_text(
            "sku,pack,components,one.buffer.cap\nKIT,,A:1 B:2,\nB,2,,\nC,,,1\n", encoding="utf-8"
        )
    play.sync()
    for _ in range(draw(st.integers(1, 3), "rounds")):
        for name, source in sources.items():
            sku, own = draw(st.sampled_from(["A", "B", "C"])), draw(st.sampled_from(["main", "msk"]))
            source.set(sku, draw(numbers), warehouse=own, reserved=draw(st.integers(0, 3)))
            if draw(st.integers(0, 4)) == 0:
                source.fail(TransientError("down"))
                event(f"{name} is down")
        sold = [key for key, shown in one.shown.items() if shown > 0]
        if draw(st.booleans()) and sold:
            sku, code = draw(st.sampled_from(sold))
            one.buy(sku, 1, code)
        if draw(st.booleans()):
            until = clock.now() + timedelta(seconds=draw(st.sampled_from([1, 600])))
            sources["erp"].hold(
                Hold("cart", draw(st.sampled_from(["A", "B"])), 2, clock.now(), expires_at=until)
            )
        if draw(st.integers(0, 4)) == 0:
            with play.open() as shop:
                shop.pin(draw(st.integers(0, 9)), skus=["A"])
        if draw(st.integers(0, 3)) == 0:
            two.doubt(applied=draw(st.booleans()))
        clock.advance(draw(st.sampled_from([1, 60, 200])))
        play.sync()
    found = reckoned_again(play)
    event(f"lines: {min(len(found) // 10 * 10, 30)}+")
    assert [line for line in found if line[1] != line[2]] == []


def test_the_same_facts_are_kept_once(tmp_path: Path) -> None:
    """A refused item is sent again in the same run from the same facts: one explanation serves both lines."""
    play, _, account = make(tmp_path, {"A": 5, "B": 7})
    account.doubt(applied=False)
    play.sync()
    ledger = ledger_of(play)
    lines = ledger.database.query("SELECT product_id, explanation_id FROM stock_sync_log ORDER BY id")
    ledger.close()
    assert len(lines) > 2
    assert len(set(lines)) == len(explanations(play)) == 2


def test_what_does_not_change_is_not_kept(tmp_path: Path) -> None:
    """A run in which nothing moves keeps nothing, and one in which one product moves keeps that one."""
    play, source, _ = make(tmp_path, {"A": 5, "B": 7})
    play.sync()
    kept = explanations(play)
    play.sync()
    assert explanations(play) == kept
    source.set("B", 6)
    play.sync()
    assert [row[1] for row in explanations(play)[len(kept) :]] == [kept[1][1]]


def test_a_hold_that_expires_before_the_batch_leaves_is_not_in_the_number(tmp_path: Path) -> None:
    """3 of 5 are planned, two are in a cart; its time is up while the batch waits: 5 go."""
    play, _, account = make(tmp_path, {f"P{n}": 5 for n in range(2)}, batch=1)
    with play.open() as shop:
        shop.sync(dry_run=True)
        shop.hold("1", "P1", 2, expires_in=timedelta(seconds=30))

    def wait(_: Any) -> None:
        account.hook = None
        play.clock.advance(60)

    account.hook = wait
    play.sync()
    assert shows(account) == {"P0": 5, "P1": 5}
    assert [line[1:] for line in reckoned_again(play)] == [(5, 5), (5, 5)]


def test_a_saved_plan_sends_less_than_its_explanation_gives(tmp_path: Path) -> None:
    """The plan had 5, there are 8 by now: 5 are sent, and the facts say 8."""
    play, source, account = make(tmp_path, {"A": 5})
    plan = play.plan()
    source.set("A", 8)
    play.plan()
    play.apply(plan)
    assert shows(account) == {"A": 5}
    assert [line[1:] for line in reckoned_again(play)] == [(5, 8)]


def test_a_newer_form_is_refused_and_says_so(tmp_path: Path) -> None:
    """What a later version kept in another form is not guessed at."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    ledger = ledger_of(play)
    (row,) = ledger.explanations.read([1]).values()
    ledger.close()
    newer = row.facts.replace(f'"v":{FORM}', f'"v":{FORM + 1}', 1)
    with pytest.raises(LedgerVersionError, match="upgrade mpstock"):
        restore(row.settings, newer, REGISTRY)
    assert isinstance(play.open(), Shop)
