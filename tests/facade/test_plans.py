"""Plans: what they show, and what becomes of them when they are applied later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol, runtime_checkable

import pytest

from mpstock.config import SinkWarehouse
from mpstock.errors import StalePlanError, TransientError
from tests.reconcile.shops import make, shows, skus, tell_ledger


def test_a_plan_sends_nothing_and_apply_sends_it(tmp_path: Path) -> None:
    """The plan lists the changes in the order of sending; applying it makes the listings show them."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5, "C": 5})
    play.sync()
    before = len(account.pushes)
    source.set("A", 9)
    source.set("B", 0)
    source.set("C", 2)
    plan = play.plan()
    assert [(c.sku, c.old, c.new, c.lane) for c in plan.changes] == [
        ("B", 5, 0, "zero"),
        ("C", 5, 2, "fall"),
        ("A", 5, 9, "raise"),
    ]
    assert (len(account.pushes), plan.exit_code) == (before, 0)
    report = play.apply(plan)
    assert (report.exit_code, report.pushed, shows(account)) == (0, 3, {"A": 9, "B": 0, "C": 2})


def test_apply_sends_the_smaller_of_planned_and_wanted_now(tmp_path: Path) -> None:
    """9 was planned and 7 is wanted now: 7. 2 was planned and 4 is wanted now: 2."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    source.set("A", 9)
    source.set("B", 2)
    plan = play.plan()
    source.set("A", 7)
    source.set("B", 4)
    play.plan()
    assert play.apply(plan).exit_code == 1
    assert shows(account) == {"A": 7, "B": 2}
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 7, "B": 4}


def test_apply_sends_nothing_that_is_not_in_the_plan(tmp_path: Path) -> None:
    """What has moved since belongs to the next run: it is pending."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    source.set("A", 9)
    plan = play.plan()
    source.set("B", 0)
    play.plan()
    report = play.apply(plan)
    assert (shows(account), report.sinks["shop"].pending) == ({"A": 9, "B": 5}, 1)
    play.sync()
    assert shows(account) == {"A": 9, "B": 0}


def test_what_moves_while_a_plan_is_applied_is_not_sent_with_it(tmp_path: Path) -> None:
    """A's stock for the second warehouse falls while B's request is on its way: not a part of the plan."""
    levels = {(sku, own): 5 for sku in "BA" for own in ("main", "msk")}
    play, source, account = make(tmp_path, levels, warehouses=("w1", "w2"), batch=1)
    play.set_sink("shop", warehouses=(SinkWarehouse("w1", ("main",)), SinkWarehouse("w2", ("msk",))))
    play.sync()
    source.set("B", 6)
    source.set("A", 7)
    plan = play.plan()

    def falls(changes: object) -> None:
        account.hook = None
        play.clock.advance(1)
        tell_ledger(play, "msk", A=1)

    account.hook = falls
    account.pushes.clear()
    assert play.apply(plan).exit_code == 1
    assert account.sent == [[("B", 6)], [("A", 7)]]
    assert account.shown["A", "w2"] == 5
    play.sync()
    assert account.shown["A", "w2"] == 1


def test_a_stale_plan_is_refused_as_a_whole(tmp_path: Path) -> None:
    """A listing of it shows something else by now: nothing is sent, the error names it."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    source.set("A", 9)
    source.set("B", 9)
    plan = play.plan()
    source.set("A", 6)
    play.sync(skus=["A"])
    before = len(account.pushes)
    with pytest.raises(StalePlanError, match="A on shop main: planned from 5, shows 6"):
        play.apply(plan)
    assert len(account.pushes) == before
    assert shows(account) == {"A": 6, "B": 5}


def test_what_a_guard_held_is_not_applied(tmp_path: Path) -> None:
    """Held changes are in the plan to be seen; applying it leaves them held."""
    names = skus(50)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:30]:
        source.set(sku, 0)
    source.set(names[40], 3)
    report = play.apply(play.plan())
    assert (report.exit_code, report.pushed, report.sinks["shop"].held) == (1, 1, 30)
    assert shows(account)[names[0]] == 5


def test_a_plan_of_a_failing_source_has_no_raises_when_applied(tmp_path: Path) -> None:
    """Sources are read again when it is applied: one that is still down raises nothing."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    account.shown["A", "main"] = 2
    source.fail(TransientError("down"))
    plan = play.plan(full=True)
    assert (plan.exit_code, len(plan)) == (3, 0)
    assert play.apply(plan).pushed == 0
    assert shows(account) == {"A": 2}


def test_a_plan_can_be_narrowed(tmp_path: Path) -> None:
    """Only the named products are planned."""
    play, _, _ = make(tmp_path, {"A": 5, "B": 5})
    assert [change.sku for change in play.plan(skus=["B"]).changes] == ["B"]


@runtime_checkable
class Notebook(Protocol):
    def _repr_html_(self) -> str: ...


HOSTILE = '<b onmouseover="x">&amp;</b>'


def test_nothing_that_is_shown_in_a_notebook_is_html_of_others(tmp_path: Path) -> None:
    """Articles, vendor's words and reasons are escaped in every table."""
    play, source, account = make(tmp_path, dict.fromkeys([HOSTILE, *skus(30)], 5))
    plan = play.plan()
    report = play.sync()
    account.refuse(HOSTILE, "X", "<script>alert(1)</script>", times=-1)
    for sku in [HOSTILE, *skus(30)]:
        source.set(sku, 0)
    held = play.sync()
    source.set(HOSTILE, 3)
    failed = play.sync()
    source.fail(TransientError("<script>down</script>"))
    down = play.sync()
    with play.open() as shop:
        shown = [plan, report, held, failed, down, shop.explain(HOSTILE), shop.status()]
    for value in shown:
        assert isinstance(value, Notebook)
        page = value._repr_html_()
        assert "<b onmouseover" not in page
        assert "<script>" not in page
        assert "<" in page
    assert "&lt;b onmouseover" in plan._repr_html_()


def test_a_plan_counts_itself(tmp_path: Path) -> None:
    """In a notebook the sums of each sink stand above the changes."""
    play, source, _ = make(tmp_path, {"A": 5, "B": 5, "C": 5})
    play.sync()
    source.set("A", 0)
    source.set("B", 2)
    plan = play.plan()
    assert dict(plan.counts()) == {("shop", "zero"): 1, ("shop", "fall"): 1}
    assert "<tr><td>shop</td><td>1</td><td>1</td><td>0</td><td>0</td></tr>" in plan._repr_html_()


def test_a_plan_tells_itself(tmp_path: Path) -> None:
    """The first changes in words, the number of the others; unknown is a question mark."""
    play, source, _ = make(tmp_path, dict.fromkeys(skus(15), 5))
    text = repr(play.plan())
    assert "15 changes: shop raise 15" in text
    assert "P00000 → shop main: 0 → 5 (raise, erp)" in text
    assert "… and 5 more" in text
    play.sync()
    source.set("P00003", 0)
    assert "P00003 → shop main: 5 → 0 (zero, erp)" in repr(play.plan())


def test_a_report_tells_itself(tmp_path: Path) -> None:
    """What was read, pushed, failed and why, in a few lines."""
    play, _, account = make(tmp_path, {"A": 5, "B": 5})
    account.refuse("B", "NOT_FOUND", "товар не найден")
    text = repr(play.sync())
    assert "read everything, 2 rows, 2 moved" in text
    assert "1 pushed in 1 requests, 1 failed" in text
    assert "NOT_FOUND: товар не найден" in text


def test_an_explanation_tells_the_sum(tmp_path: Path) -> None:
    """From quantity over buffer to what is shown, with the place of each setting."""
    play, source, _ = make(tmp_path, {"A": 5})
    play.set_sink("shop", buffer={"absolute": 2, "cap": 4})
    source.set("A", 9, reserved=3)
    play.sync()
    with play.open() as shop:
        text = repr(shop.explain("A"))
    assert "9 − 3 − 0 = 6" in text
    assert "absolute = 2 ([sinks.shop.buffer])" in text
    assert "percent = 0 (default)" in text
    assert "wanted 4, shows 4, confirmed 4" in text


def test_everything_is_json(tmp_path: Path) -> None:
    """Plan, report, explanation and status are plain data for programs."""
    play, _, _ = make(tmp_path, {"Ё": 5})
    plan = play.plan()
    report = play.sync()
    with play.open() as shop:
        data = [plan.as_dict(), report.as_dict(), shop.explain("Ё").as_dict(), shop.status().as_dict()]
    for value in data:
        assert json.loads(json.dumps(value))
    assert data[0]["changes_total"] == 1
    assert (data[1]["pushed"], data[1]["exit_code"]) == (1, 0)
    assert data[2]["listings"][0]["wanted"] == 5
