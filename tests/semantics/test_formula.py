"""What may be promised (semantics §4)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mpstock import Problem, SourceSpec, hookimpl
from mpstock.config import SharingSettings, load
from mpstock.errors import ConfigurationError, TransientError
from mpstock.plugins import PluginRegistry
from tests.reconcile.shops import NoSettings, shows, source_config
from tests.semantics.stories import HOUR, MINUTE, Erp, Market, Seller, fed, seller, two_markets

DOWN = TransientError("no route to host")


def two_sources(
    folder: Path, a: int | None, b: int | None, rule: str, *, market: dict[str, Any] | None = None
) -> tuple[Seller, Erp, Erp, Market]:
    """Return a seller whose sources `erp` and `b` describe the same goods in `main`."""
    play, first, shop = seller(folder, {"A": a}, sells=["A"], **(market or {}))
    second = Erp({"A": b}, clock=play.clock)
    play.sources["b"] = source_config("b", second, rule=rule)
    play.set_source("erp", rule=rule)
    return play, first, second, shop


# ---------------------------------------------------------------- net each source, then combine


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # A is free 7 and has booked the 3; B counts 10 on hand, which are 7 without the 3.
        ("max", 7),
        ("min", 7),
        ("first", 7),
    ],
)
def test_each_source_is_netted_before_they_are_combined(tmp_path: Path, rule: str, expected: int) -> None:
    """A free = 7 that absorbs, B on hand 10, hold 3: 7, not 10."""
    play, erp, _, market = two_sources(tmp_path, 10, 10, rule)
    play.set_source("erp", quantity="free")
    play.absorbs("erp", "order", 15 * MINUTE)
    play.sync()
    market.buy("A", 3, "main")
    play.wait(HOUR)
    erp.set("A", 7)
    play.sync()
    assert shows(market) == {"A": expected}


@pytest.mark.parametrize("picks", [True, False], ids=["pick order", "worst case"])
@pytest.mark.parametrize("rule", ["max", "first"])
def test_each_source_is_netted_first_where_several_warehouses_may_lose_it(
    tmp_path: Path, rule: str, picks: bool
) -> None:
    """B on hand 10 in main and 5 in msk, A has booked the 3 and says 7 and 5: 12, not 15."""
    play, _, market = seller(tmp_path, {("A", "main"): 10, ("A", "msk"): 5})
    second = Erp({("A", "main"): 10, ("A", "msk"): 5}, clock=play.clock)
    play.sources["second"] = source_config("second", second, rule=rule)
    play.set_source("erp", rule=rule)
    # Of both only the second books orders when they come; the first is believed first.
    play.absorbs("second", "order", 15 * MINUTE)
    order = ("main", "msk") if picks else None
    play.set_sink("shop", warehouses=(fed("main", "main", "msk", pick_order=order),))
    play.sync()
    assert shows(market) == {"A": 15}
    market.buy("A", 3, "main")
    play.wait(HOUR)
    second.set("A", 7, warehouse="main")
    play.sync()
    assert shows(market) == {"A": 12}


@pytest.mark.parametrize(
    ("rule", "a", "b", "expected"),
    [
        ("sum", 4, 6, 10),
        ("first", 4, 6, 4),
        ("max", 4, 6, 6),
        ("min", 4, 6, 4),
        ("sum", -3, 5, 2),
        ("max", -3, 5, 5),
        ("min", -3, 5, 0),
        ("first", -3, 5, 0),
        ("max", -3, -1, 0),
    ],
)
def test_the_rule_of_a_group(tmp_path: Path, rule: str, a: int, b: int, expected: int) -> None:
    """Two sources of one group and warehouse are combined by the group's rule."""
    play, _, _, market = two_sources(tmp_path, a, b, rule)
    play.sync()
    assert shows(market) == {"A": expected}


def test_a_source_s_own_reserve_is_netted_first(tmp_path: Path) -> None:
    """max of (10 − 4 reserved) and 7: 7, not 10 − 4."""
    play, erp, _, market = two_sources(tmp_path, 10, 7, "max")
    erp.set("A", 10, reserved=4)
    play.sync()
    assert shows(market) == {"A": 7}


def test_groups_describe_different_goods(tmp_path: Path) -> None:
    """The group `main` takes the larger of 4 and 6, the supplier's group adds 5: 11."""
    play, _, _, market = two_sources(tmp_path, 4, 6, "max")
    play.sources["supplier"] = source_config("supplier", Erp({"A": 5}, clock=play.clock), group="supplier")
    play.sync()
    assert shows(market) == {"A": 11}


# ---------------------------------------------------------------- free and reserved


def test_free_with_a_reserve_of_its_own_is_refused(tmp_path: Path) -> None:
    """A source called free whose rows carry a reserve: said as an error, and nothing is sent from it."""
    play, erp, market = seller(tmp_path, {"A": 10}, shown={("A", "main"): 3})
    play.set_source("erp", quantity="free")
    erp.set("A", 10, reserved=4)
    report = play.sync()
    assert report.exit_code == 2
    assert "reserve" in report.sources["erp"].error
    assert shows(market) == {"A": 3}


class _Reserving:
    """A plugin whose source tells its reserve apart."""

    @hookimpl
    def mpstock_sources(self) -> list[SourceSpec]:
        return [
            SourceSpec(
                "reserving", "made by a test", NoSettings, lambda _s, _c: Erp(), tells_reserved=lambda _: True
            )
        ]


def test_free_with_a_reserve_is_said_when_the_settings_are_read(tmp_path: Path) -> None:
    """`quantity = "free"` of a source that tells its reserve apart is an error before anything is read."""
    path = tmp_path / "mpstock.toml"
    path.write_text('[sources.ms]\nplugin = "reserving"\nquantity = "free"\n', encoding="utf-8")
    plugins = PluginRegistry(entry_points=[])
    plugins.register(_Reserving(), "reserving")
    with pytest.raises(ConfigurationError, match="free"):
        load(path, plugins=plugins)


# ---------------------------------------------------------------- signs


def test_signs_are_kept_to_the_end(tmp_path: Path) -> None:
    """main −3, msk 5: 2 are shown."""
    play, _, market = seller(tmp_path, {("A", "main"): -3, ("A", "msk"): 5})
    play.sync()
    assert shows(market) == {"A": 2}


def test_only_the_final_number_is_clamped(tmp_path: Path) -> None:
    """main −7, msk 5: 0 are shown; 4 more in main are still 2 − … = 2 in all."""
    play, erp, market = seller(tmp_path, {("A", "main"): -7, ("A", "msk"): 5})
    play.sync()
    assert shows(market) == {"A": 0}
    erp.set("A", -3, warehouse="main")
    play.sync()
    assert shows(market) == {"A": 2}


def test_a_negative_reading_is_reported(tmp_path: Path) -> None:
    """`explain` tells the −3 as it was read, not as a zero."""
    play, _, _ = seller(tmp_path, {("A", "main"): -3, ("A", "msk"): 5})
    play.sync()
    with play.open() as shop:
        terms = {term.warehouse: term.quantity for term in shop.explain("A").terms}
        available = shop.explain("A").listings[0].available
    assert terms == {"main": -3, "msk": 5}
    assert available == 2


# ---------------------------------------------------------------- unknown


@pytest.mark.parametrize(
    ("msk", "shown"),
    [(6, 12), (0, 6), (2, 8), (9, 12), (-6, 0)],
)
def test_an_unknown_quantity_bounds_by_its_last_value(tmp_path: Path, msk: int, shown: int) -> None:
    """main unknown, last 6; msk 6 → 0: 12 become at most 6; a raise in msk raises nothing."""
    play, erp, market = seller(tmp_path, {("A", "main"): 6, ("A", "msk"): 6})
    play.sync()
    assert shows(market) == {"A": 12}
    erp.set("A", None, warehouse="main")
    erp.set("A", msk, warehouse="msk")
    play.sync()
    assert shows(market) == {"A": shown}


def test_unknown_alone_changes_nothing(tmp_path: Path) -> None:
    """Every number of the product is unknown: it is neither zeroed nor raised."""
    play, erp, market = seller(tmp_path, {"A": 6})
    play.sync()
    erp.set("A", None)
    play.sync()
    assert shows(market) == {"A": 6}
    assert market.written == [6]


def test_a_quantity_that_was_never_known_sends_nothing(tmp_path: Path) -> None:
    """The product is there, its number never was: the listing keeps the 4 it shows."""
    play, _, market = seller(tmp_path, {"A": None}, shown={("A", "main"): 4})
    play.sync()
    assert shows(market) == {"A": 4}
    assert market.pushes == []


def test_while_the_source_is_down_sales_elsewhere_still_get_through(tmp_path: Path) -> None:
    """The ERP is down for six hours while Ozon sells 5, one by one: Wildberries falls from 10 to 5."""
    play, erp, ozon, wb = two_markets(tmp_path, {"A": 10})
    play.sync()
    seen = []
    for _ in range(5):
        erp.fail(DOWN)
        play.wait(HOUR)
        ozon.buy("A", 1, "main")
        play.sync()
        seen.append((shows(ozon)["A"], shows(wb)["A"]))
    play.wait(HOUR)
    erp.fail(DOWN)
    play.sync()
    assert seen == [(9, 9), (8, 8), (7, 7), (6, 6), (5, 5)]
    assert (shows(ozon), shows(wb)) == ({"A": 5}, {"A": 5})


def test_while_the_source_is_down_a_cancel_raises_nothing(tmp_path: Path) -> None:
    """The ERP is down; Ozon sells 5 and they are cancelled: what was lowered stays so until it is back."""
    play, erp, ozon, wb = two_markets(tmp_path, {"A": 10})
    play.sync()
    erp.fail(DOWN)
    order = ozon.buy("A", 5, "main")
    play.sync()
    ozon.cancel(order.key)
    erp.fail(DOWN)
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 5}, {"A": 5})
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 10}, {"A": 10})


def test_a_row_that_cannot_be_read_is_told_and_unknown(tmp_path: Path) -> None:
    """A problem of one row leaves its product as it is; the others are served."""
    play, erp, market = seller(tmp_path, {"A": 6, "B": 6})
    play.sync()
    erp.set("A", None)
    erp.set("B", 3)
    erp.problems = [Problem("row 17", "quantity", "is 'много', write a whole number", "A")]
    report = play.sync()
    assert report.sources["erp"].problems == 1
    assert shows(market) == {"A": 6, "B": 3}


@pytest.mark.parametrize("absent", [False, True], ids=["unreadable", "missing"])
def test_the_last_known_value_is_as_old_as_it_is(tmp_path: Path, absent: bool) -> None:
    """6 at 10:00, 2 ordered at 10:05, and at 11:00 the row cannot be read: the 6 has not booked them. 4."""
    play, erp, market = seller(tmp_path, {"A": 6})
    erp._absent = "unknown"
    play.absorbs("erp", "order", 15 * MINUTE)
    play.sync()
    play.wait(5 * MINUTE)
    market.buy("A", 2, "main")
    play.wait(55 * MINUTE)
    if absent:
        erp.remove("A")
    else:
        erp.set("A", None)
    play.sync(full=True)
    assert shows(market) == {"A": 4}
    play.wait(HOUR)
    play.sync(full=True)
    assert shows(market) == {"A": 4}


# ---------------------------------------------------------------- freshness


def test_a_successful_read_refreshes_what_it_did_not_repeat(tmp_path: Path) -> None:
    """max_age 2 h, an incremental read every hour that repeats nothing: after a day raises still pass."""
    play, _, market = seller(tmp_path, {("A", "main"): 6, ("A", "msk"): 2})
    play.set_source("erp", max_age=timedelta(hours=2))
    play.sync()
    market.shown["A", "main"] = 1
    for _ in range(24):
        play.wait(HOUR)
        play.sync()
    play.sync(full=True)
    assert shows(market) == {"A": 8}
    assert [cursor is None for cursor in play_reads(play)] == [True] + [False] * 24 + [True]


def play_reads(play: Seller) -> list[str | None]:
    """Return the cursors by which the ERP was read."""
    spec = play.sources["erp"].spec
    assert spec is not None
    source: Any = spec.factory(None, None)  # type: ignore[arg-type]  # it is the very object of the test
    reads: list[str | None] = source.reads
    return reads


@pytest.mark.parametrize(("incremental", "raised"), [("exact", True), ("advisory", False)])
def test_where_changes_are_advisory_freshness_is_that_of_the_last_full_read(
    tmp_path: Path, incremental: str, raised: bool
) -> None:
    """max_age 2 h, the last full read 3 h ago: a row that was not repeated bounds, and raises nothing."""
    play, erp, market = seller(tmp_path, {("A", "main"): 6, ("A", "msk"): 2})
    play.set_source("erp", max_age=timedelta(hours=2), incremental=incremental)
    play.sync()
    play.wait(3 * HOUR)
    erp.set("A", 9, warehouse="msk")
    play.sync()
    assert shows(market) == {"A": 15 if raised else 8}
    erp.set("A", 1, warehouse="msk")
    play.sync()
    assert shows(market) == {"A": 7}
    play.sync(full=True)
    erp.set("A", 9, warehouse="msk")
    play.sync()
    assert shows(market) == {"A": 15}


def test_an_age_limit_that_passed_makes_it_an_upper_bound(tmp_path: Path) -> None:
    """The ERP was read 3 h ago, max_age 2 h: the supplier's raise raises nothing, its fall falls."""
    play, erp, market = seller(tmp_path, {("A", "main"): 6})
    supplier = Erp({("A", "sup"): 4}, clock=play.clock)
    play.sources["supplier"] = source_config("supplier", supplier)
    play.set_source("erp", max_age=timedelta(hours=2))
    play.sync()
    assert shows(market) == {"A": 10}
    play.wait(3 * HOUR)
    erp.fail(DOWN, times=2)
    supplier.set("A", 9, warehouse="sup")
    play.sync()
    assert shows(market) == {"A": 10}
    supplier.set("A", 1, warehouse="sup")
    play.sync()
    assert shows(market) == {"A": 7}


# ---------------------------------------------------------------- absent rows


def test_a_row_that_a_full_read_leaves_out_is_zero(tmp_path: Path) -> None:
    """Absent and present before → 0, in a full read; in an incremental one it is as it was."""
    play, erp, market = seller(tmp_path, {"A": 6, "B": 6})
    play.sync()
    erp.remove("A")
    play.sync()
    assert shows(market) == {"A": 6, "B": 6}
    play.sync(full=True)
    assert shows(market) == {"A": 0, "B": 6}


def test_a_source_that_cannot_tell_leaves_absent_rows_unknown(tmp_path: Path) -> None:
    """What an untrustworthy full read leaves out is unknown: no zero, no raise."""
    play, _, market = seller(tmp_path, {"A": 6})
    doubtful = Erp({("A", "sup"): 4, ("B", "sup"): 1}, clock=play.clock, absent="unknown")
    play.sources["supplier"] = source_config("supplier", doubtful)
    play.sync()
    assert shows(market) == {"A": 10}
    doubtful.remove("A", warehouse="sup")
    play.sync(full=True)
    assert shows(market) == {"A": 10}


# ---------------------------------------------------------------- the same unit twice


@pytest.mark.parametrize("stock", [10, 7, 1, 0, -2])
def test_two_warehouses_of_one_account_never_show_it_twice(tmp_path: Path, stock: int) -> None:
    """Two Ozon warehouses that all stock feeds: stock 10 is not shown as 20, before and after a sale."""
    play, _, market = seller(tmp_path, {"A": stock}, warehouses=("w1", "w2"))
    play.sync()
    assert sum(market.shown.values()) == max(stock, 0)
    selling = [code for code in ("w1", "w2") if market.shown["A", code]]
    if selling:
        market.buy("A", 1, selling[0])
        play.sync()
        assert sum(market.shown.values()) == max(stock - 1, 0)


@pytest.mark.parametrize(
    ("between", "expected"),
    [("shared", {20}), ("exclusive", {10}), ("split", {10})],
)
def test_across_sinks_shared_is_the_default(tmp_path: Path, between: Any, expected: set[int]) -> None:
    """Stock 10 and two sinks: shared they show 20 together, exclusive and split 10."""
    play, _, ozon, wb = two_markets(tmp_path, {"A": 10})
    if between != "shared":
        play.sharing = SharingSettings(between)
        for name in ("ozon", "wb"):
            play.set_sink(name, share=Decimal("0.5"))
    play.sync()
    play.sync()
    assert shows(ozon)["A"] + shows(wb)["A"] in expected


def test_check_says_that_sinks_share(tmp_path: Path) -> None:
    """`shared` between two sinks may sell a unit twice, and it is said."""
    play, *_ = two_markets(tmp_path, {"A": 10})
    with play.open() as shop:
        told = [finding.message for finding in shop.config.remarks()]
    assert any("ozon, wb" in message for message in told)


# ---------------------------------------------------------------- threshold → cap → clamp → range


@pytest.mark.parametrize(
    ("stock", "buffer", "maximum", "expected"),
    [
        (4, {"policy": "threshold", "minimum": 5, "cap": 3}, 1000, 0),
        (5, {"policy": "threshold", "minimum": 5, "cap": 3}, 1000, 3),
        (50, {"policy": "all", "cap": 30}, 1000, 30),
        (50, {"policy": "all"}, 40, 40),
        (50, {"policy": "all", "cap": 45}, 40, 40),
        (-5, {"policy": "all", "cap": 3}, 1000, 0),
        (1, {"policy": "standard", "absolute": 2}, 1000, 0),
        (100, {"policy": "standard", "absolute": 2, "percent": 10, "cap": 80}, 1000, 80),
        (100, {"policy": "standard", "absolute": 2, "percent": 10}, 1000, 90),
    ],
)
def test_last_come_threshold_cap_clamp_and_the_sink_s_range(
    tmp_path: Path, stock: int, buffer: dict[str, Any], maximum: int, expected: int
) -> None:
    """The threshold is held against what is available, not against what the cap leaves of it."""
    play, _, market = seller(tmp_path, {"A": stock}, maximum=maximum)
    play.set_sink("shop", buffer=buffer)
    play.sync()
    assert shows(market) == {"A": expected}


def test_the_threshold_counts_what_is_left_after_the_holds(tmp_path: Path) -> None:
    """Minimum 5: 6 in stock are shown, and with 2 of them ordered none is."""
    play, _, market = seller(tmp_path, {"A": 6})
    play.set_sink("shop", buffer={"policy": "threshold", "minimum": 5})
    play.sync()
    assert shows(market) == {"A": 6}
    market.buy("A", 2, "main")
    play.sync()
    assert shows(market) == {"A": 0}


# ---------------------------------------------------------------- a supplier's list


def test_only_a_share_of_a_supplier_s_list_counts_rounded_down(tmp_path: Path) -> None:
    """A third of 10 is 3; own stock 2: 5."""
    play, _, market = seller(tmp_path, {("A", "main"): 2})
    supplier = Erp({("A", "sup"): 10}, clock=play.clock)
    play.sources["supplier"] = source_config("supplier", supplier, share=Decimal(1) / Decimal(3))
    play.sync()
    assert shows(market) == {"A": 5}


def test_goods_that_have_to_be_fetched_feed_only_what_names_them(tmp_path: Path) -> None:
    """A lead time: w1 names no feeds and shows 2, w2 names the supplier's warehouse and shows its 10."""
    play, _, market = seller(tmp_path, {("A", "main"): 2}, warehouses=("w1", "w2"))
    supplier = Erp({("A", "sup"): 10}, clock=play.clock)
    play.sources["supplier"] = source_config("supplier", supplier, lead_time=timedelta(days=2))
    play.set_sink("shop", warehouses=(fed("w1"), fed("w2", "sup")))
    play.sync()
    play.sync()
    assert market.shown == {("A", "w1"): 2, ("A", "w2"): 10}


# ---------------------------------------------------------------- a sink that is not heard


def test_a_sink_whose_orders_cannot_be_read_raises_nothing_anywhere(tmp_path: Path) -> None:
    """What Ozon has sold is not known for an hour: a restock of 5 is not shown, a fall of 4 is."""
    play, erp, ozon, wb = two_markets(tmp_path, {"A": 10})
    play.sync()
    ozon.fail_orders(TransientError("503"), times=99)
    play.wait(HOUR)
    erp.set("A", 15)
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 10}, {"A": 10})
    erp.set("A", 6)
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 6}, {"A": 6})
    ozon._broken_orders.clear()
    erp.set("A", 15)
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 15}, {"A": 15})


def test_explain_gives_the_terms_of_the_sum(tmp_path: Path) -> None:
    """ERP 10, 1 reserved, 3 held: 6, and each of these is named."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    market.buy("A", 3, "main")
    erp.set("A", 10, reserved=1)
    play.sync()
    with play.open() as shop:
        told = shop.explain("A")
    (term,) = told.terms
    assert (term.quantity, term.reserved, term.held, term.amount) == (10, 1, 3, 6)
    (hold,) = told.holds
    assert (hold.origin, hold.quantity, hold.stage) == ("shop", 3, "taken")
    assert told.listings[0].available == told.listings[0].wanted == 6
    assert shows(market) == {"A": 6}
