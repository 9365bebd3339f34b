"""Mass zeroing is held with its reason, and everything else flows (semantics §7)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mpstock.config import SinkWarehouse, ZeroingGuard
from mpstock.errors import ConfigurationError
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play, make, shows, sink_config, skus, source_config


def test_the_denominator_is_what_shows_stock(tmp_path: Path) -> None:
    """5,000 listings of which 300 live: 300 zeros are 100 %, not 6 %."""
    live = skus(300)
    levels = dict.fromkeys(live, 5) | dict.fromkeys(skus(4_700, "Z"), 0)
    play, source, account = make(tmp_path, levels)
    play.sync()
    for sku in live:
        source.set(sku, 0)
    report = play.sync()
    assert (report.exit_code, report.pushed, report.sinks["shop"].held) == (1, 0, 300)
    assert all(account.shown[sku, "main"] == 5 for sku in live)
    assert "300 of 300" in report.held[0].reason
    assert "--release zeroing" in report.held[0].reason


@pytest.mark.parametrize(
    ("live", "zeros", "held"),
    [
        (100, 20, False),  # more than 10 %, but not more than 20
        (209, 21, True),
        (210, 21, False),  # exactly 10 %
        (1000, 60, False),  # more than 20, but 6 %
        (21, 21, True),
        (20, 20, False),
    ],
)
def test_both_bounds_must_be_passed(tmp_path: Path, live: int, zeros: int, held: bool) -> None:
    """More than 10 % *and* more than 20 of the listings that show stock."""
    play, source, account = make(tmp_path, dict.fromkeys(skus(live), 5))
    play.sync()
    for sku in skus(zeros):
        source.set(sku, 0)
    report = play.sync()
    assert report.sinks["shop"].held == (zeros if held else 0)
    assert sum(quantity == 0 for quantity in shows(account).values()) == (0 if held else zeros)
    assert report.exit_code == (1 if held else 0)


def test_falls_flow_while_zeros_and_raises_of_one_reading_are_held(tmp_path: Path) -> None:
    """The suspicious reading's zeros and raises wait in every run, its falls and later raises do not."""
    names = skus(100)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:50]:
        source.set(sku, 0)
    for sku in names[50:70]:
        source.set(sku, 2)
    for sku in names[70:90]:
        source.set(sku, 9)
    report = play.sync()
    assert (report.pushed, report.sinks["shop"].held, report.exit_code) == (20, 70, 1)
    assert [shows(account)[names[n]] for n in (0, 60, 80, 95)] == [5, 2, 5, 5]
    source.set(names[95], 8)
    again = play.sync()
    assert (again.pushed, again.sinks["shop"].held, again.exit_code) == (1, 70, 1)
    assert [shows(account)[names[n]] for n in (80, 95)] == [5, 8]
    released = play.sync(release=["zeroing"])
    assert (released.pushed, released.sinks["shop"].held, released.exit_code) == (70, 0, 0)


def test_a_held_zero_that_is_taken_back_is_forgotten(tmp_path: Path) -> None:
    """The warehouse system mends its mistake: nothing is held any more, nothing was sent."""
    names = skus(50)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    before = len(account.pushes)
    for quantity in (0, 5):
        for sku in names:
            source.set(sku, quantity)
        report = play.sync()
    assert (report.exit_code, report.held, len(account.pushes)) == (0, (), before)


def test_release_lets_them_through_once(tmp_path: Path) -> None:
    """A person looked at it: the zeros go, and the sell-outs of the next hour are not held for them."""
    names = skus(60)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:40]:
        source.set(sku, 0)
    assert play.sync().sinks["shop"].held == 40
    report = play.sync(release=["zeroing"])
    assert (report.exit_code, report.pushed) == (0, 40)
    source.set(names[50], 0)
    report = play.sync()
    assert (report.exit_code, shows(account)[names[50]]) == (0, 0)


def test_release_of_no_guard_is_refused(tmp_path: Path) -> None:
    """A misspelt guard is an error that names the right ones."""
    play, _, _ = make(tmp_path, {"A": 5})
    with pytest.raises(ConfigurationError, match="zeroing"):
        play.sync(release=["zeroign"])


def test_the_window_rolls_over_runs(tmp_path: Path) -> None:
    """15 zeros a run, run after run, are counted together; an hour later they are no longer."""
    names = skus(250)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:15]:
        source.set(sku, 0)
    assert play.sync().exit_code == 0
    for sku in names[15:30]:
        source.set(sku, 0)
    report = play.sync()
    assert report.sinks["shop"].held == 15
    assert "30 of 250" in report.held[0].reason
    play.clock.advance(3700)
    assert play.sync().exit_code == 0
    assert sum(quantity == 0 for quantity in shows(account).values()) == 30


def test_the_window_rolls_also_where_the_log_has_another_name_for_the_source(tmp_path: Path) -> None:
    """A source `erp` of the plugin `onec` stands in the log as `1c`: it is the same slice."""
    names = skus(100)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sources["erp"] = source_config("erp", source, aliases=("1c",))
    play.sync()
    for part in (names[:15], names[15:30]):
        for sku in part:
            source.set(sku, 0)
        report = play.sync()
    assert report.sinks["shop"].held == 15
    with play.open() as shop:
        assert {line.cause for line in shop.log(limit=15)} == {"1c"}
    assert sum(quantity == 0 for quantity in shows(account).values()) == 15


def test_two_sources_of_one_plugin_are_two_slices(tmp_path: Path) -> None:
    """Two suppliers of the plugin `files` are named in the log, and the zeros of one are not the other's."""
    clock = VirtualClock()
    one, two = skus(100, "A"), skus(100, "B")
    sources = {
        name: InMemorySource(dict.fromkeys(names, 5), warehouse=name, clock=clock)
        for name, names in (("north", one), ("south", two))
    }
    account = Account([*one, *two], clock=clock)
    play = Play(tmp_path, sources, {"shop": account}, clock=clock)
    for name, source in sources.items():
        play.sources[name] = source_config(name, source, aliases=("files",))
    play.sync()
    for name, names in (("north", one), ("south", two)):
        for sku in names[:15]:
            sources[name].set(sku, 0, warehouse=name)
        assert play.sync().sinks["shop"].held == 0
    with play.open() as shop:
        assert {(line.cause, line.sku[0]) for line in shop.log(limit=30)} == {("north", "A"), ("south", "B")}
        assert "because of south" in str(shop.explain(two[0]))


def test_a_word_that_is_another_source_s_name_is_given_to_nobody_else(tmp_path: Path) -> None:
    """`1c` of the plugin `odoo` beside `erp` of `onec`: the log calls neither by the other's name."""
    play, source, _ = make(tmp_path, {"A": 6})
    play.sources["erp"] = source_config("erp", source, aliases=("1c",))
    other = InMemorySource({"B": 6}, clock=play.clock)
    play.sources["1c"] = source_config("1c", other, aliases=("odoo",))
    play.sinks["shop"] = sink_config("shop", Account(["A", "B"], clock=play.clock))
    play.sync()
    with play.open() as shop:
        assert {(line.cause, line.sku) for line in shop.log()} == {("erp", "A"), ("odoo", "B")}


def test_each_sink_warehouse_is_judged_by_itself(tmp_path: Path) -> None:
    """One warehouse loses a tenth of its listings and flows, the other loses all of its and is held."""
    names = skus(400)
    levels = {(sku, "main"): 5 for sku in names} | {(sku, "msk"): 5 for sku in names[:40]}
    play, source, account = make(tmp_path, levels, warehouses=("w1", "w2"))
    play.set_sink("shop", warehouses=(SinkWarehouse("w1", ("main",)), SinkWarehouse("w2", ("msk",))))
    play.sync()
    for sku in names[:40]:
        source.set(sku, 0, warehouse="main")
        source.set(sku, 0, warehouse="msk")
    report = play.sync()
    assert [(held.warehouse, held.count) for held in report.held] == [("w2", 40)]
    assert {shows(account, "w1")[sku] for sku in names[:40]} == {0}
    assert {shows(account, "w2")[sku] for sku in names[:40]} == {5}


def test_the_settings_of_the_guard_count(tmp_path: Path) -> None:
    """Two zeros of ten are held where the settings say so."""
    guard = ZeroingGuard(share=Decimal("0.1"), count=1)
    play, source, _ = make(tmp_path, dict.fromkeys(skus(10), 5), zeroing=guard)
    play.sync()
    for sku in skus(2):
        source.set(sku, 0)
    assert play.sync().sinks["shop"].held == 2


def test_an_empty_answer_zeroes_nothing(tmp_path: Path) -> None:
    """A complete read of nothing: every row is unknown until someone says otherwise."""
    names = skus(50)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names:
        source.remove(sku)
    for _ in range(2):
        report = play.sync(full=True)
        assert (report.exit_code, report.pushed) == (1, 0)
        assert "50 of 50" in report.held[0].reason
    assert set(shows(account).values()) == {5}


def test_a_lost_page_is_unknown_and_the_rest_flows(tmp_path: Path) -> None:
    """30 of 100 rows are missing: held as unknown; a fall among the others is sent; their return heals it."""
    names = skus(100)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:30]:
        source.remove(sku)
    source.set(names[40], 1)
    report = play.sync(full=True)
    assert (report.exit_code, report.pushed, shows(account)[names[40]]) == (1, 1, 1)
    assert {shows(account)[sku] for sku in names[:30]} == {5}
    for sku in names[:30]:
        source.set(sku, 7)
    assert play.sync(full=True).exit_code == 0
    assert {shows(account)[sku] for sku in names[:30]} == {7}


def test_a_lost_page_is_held_though_few_of_it_are_listed(tmp_path: Path) -> None:
    """30 of 100 rows are missing and only 5 of these are sold here: they are unknown all the same."""
    names = skus(100)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5), sells=names[:5])
    play.sync()
    for sku in names[:30]:
        source.remove(sku)
    report = play.sync(full=True)
    assert (report.exit_code, shows(account)) == (1, dict.fromkeys(names[:5], 5))


def test_missing_rows_are_zero_after_a_release(tmp_path: Path) -> None:
    """A person says that they are really gone."""
    names = skus(50)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:30]:
        source.remove(sku)
    play.sync(full=True)
    report = play.sync(full=True, release=["shrunken"])
    assert (report.exit_code, report.pushed) == (0, 30)
    assert {shows(account)[sku] for sku in names[:30]} == {0}


def test_few_missing_rows_are_zero(tmp_path: Path) -> None:
    """Three of fifty products that are gone from a complete read are sold out."""
    names = skus(50)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:3]:
        source.remove(sku)
    assert play.sync(full=True).exit_code == 0
    assert [shows(account)[sku] for sku in names[:4]] == [0, 0, 0, 5]


def test_a_first_run_against_a_live_account_is_judged_too(tmp_path: Path) -> None:
    """The wrong warehouse was configured: its zeros do not take a selling account down."""
    names = skus(50)
    play, _, account = make(tmp_path, dict.fromkeys(names, 0), shown={(sku, "main"): 9 for sku in names})
    report = play.sync()
    assert (report.exit_code, account.pushes) == (1, [])


def test_a_plan_shows_what_is_held(tmp_path: Path) -> None:
    """A dry run says which changes the guard would hold and why, and exits with 1."""
    names = skus(50)
    play, source, _ = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:30]:
        source.set(sku, 0)
    source.set(names[40], 3)
    plan = play.plan()
    assert (plan.exit_code, len(plan.changes)) == (1, 31)
    assert {change.held for change in plan.changes if change.new == 0} == {"zeroing"}
    assert [change.reason for change in plan.changes if change.new == 3] == [""]


def test_the_guard_of_one_sink_leaves_the_other_alone(tmp_path: Path) -> None:
    """Two sinks of one source: a zero is held only where it is one of too many."""
    names = skus(30)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    small = Account(names[:5], clock=play.clock)
    play.sinks["small"] = sink_config("small", small)
    play.sync()
    for sku in names:
        source.set(sku, 0)
    report = play.sync()
    assert (report.sinks["shop"].held, report.sinks["small"].held) == (30, 0)
    assert set(shows(small).values()) == {0}
    assert set(shows(account).values()) == {5}
