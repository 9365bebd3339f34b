"""The guards beside plain mass zeros: units, orders that explain, raises, a takeover, the readings."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from mpstock import Level, Listing
from mpstock.config import RaisingGuard, ZeroingGuard
from mpstock.errors import ConfigurationError
from mpstock.inmemory import InMemorySource
from tests.byhand import by_hand
from tests.reconcile.shops import Account, Play, make, shows, sink_config, skus, source_config


def held(play: Play) -> list[tuple[str, str, int]]:
    """The guard, the kind and the count of each held slice of the next run."""
    return [(one.guard, one.kind, one.count) for one in play.sync().held]


def test_few_listings_with_most_of_the_units_are_too_many(tmp_path: Path) -> None:
    """21 of 1,000 listings are 2 %, but they show half of all units: held, and said in units."""
    names = skus(1_000)
    levels = dict.fromkeys(names, 1) | dict.fromkeys(names[:21], 50)
    play, source, account = make(tmp_path, levels)
    play.sync()
    for sku in names[:21]:
        source.set(sku, 0)
    report = play.sync()
    assert (report.exit_code, report.held[0].units) == (1, 1_050)
    assert "1050 of 2029 units" in report.held[0].reason
    assert {shows(account)[sku] for sku in names[:21]} == {50}


def sold_out(folder: Path, *, orders: int) -> tuple[Play, Account, Account, list[str]]:
    """150 live listings on two accounts; of 25 last units so many are ordered, and booked at once."""
    names = skus(150)
    play, source, account = make(folder, dict.fromkeys(names, 5) | dict.fromkeys(names[:25], 1))
    other = Account(names, clock=play.clock, account="other")
    play.sinks["other"] = sink_config("other", other)
    play.sync()
    for sku in names[:orders]:
        account.buy(sku, 1, "main")
    for sku in names[:25]:
        source.set(sku, 0)
    return play, account, other, names


def test_zeros_that_orders_explain_are_a_normal_day(tmp_path: Path) -> None:
    """150 live and the 25 last units of some sold out by orders: nothing is held."""
    play, account, other, names = sold_out(tmp_path, orders=25)
    report = play.sync()
    assert (report.exit_code, report.held) == (0, ())
    assert {shows(other)[sku] for sku in names[:25]} == {0}
    assert {shows(account)[sku] for sku in names[:25]} == {0}


def test_zeros_without_an_order_behind_them_are_held_beside_those_with_one(tmp_path: Path) -> None:
    """Of 25 zeros 3 were ordered: these go, the 22 others are held."""
    play, _, other, names = sold_out(tmp_path, orders=3)
    report = play.sync()
    assert {(one.sink, one.count) for one in report.held} == {("shop", 22), ("other", 22)}
    assert [shows(other)[sku] for sku in (*names[:4], names[30])] == [0, 0, 0, 1, 5]


def test_many_small_webhooks_are_one_flood(tmp_path: Path) -> None:
    """40 webhooks of 15 zeros each are 600 zeros: the first go, the rest is held."""
    names = skus(1_000)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for start in range(0, 600, 15):
        with play.open() as shop:
            shop.receive("erp", [Level(sku, "main", 0) for sku in names[start : start + 15]])
        play.sync(read="nothing")
    zeros = sum(quantity == 0 for quantity in shows(account).values())
    assert 15 <= zeros <= 100


def test_what_is_held_stays_held_when_something_else_looks_at_it(tmp_path: Path) -> None:
    """A cart for a product whose zero is held does not let the zero through under another name."""
    names = skus(50)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names:
        source.set(sku, 0)
    play.sync()
    with play.open() as shop:
        shop.hold("cart", names[0], 1)
    report = play.sync()
    assert (report.pushed, report.sinks["shop"].held) == (0, 50)
    assert set(shows(account).values()) == {5}


def test_a_fall_of_another_source_goes_while_a_slice_is_held(tmp_path: Path) -> None:
    """The ERP's zeros are held; what a supplier's list lowers in the same products goes out."""
    names = skus(60)
    play, source, account = make(tmp_path, {})
    for sku in names:
        source.set(sku, 5)
        account.sell_also(sku)
    supplier = InMemorySource(dict.fromkeys(names[:30], 9), clock=play.clock)
    play.sources["supplier"] = source_config("supplier", supplier)
    play.sync()
    for sku in names[30:]:
        source.set(sku, 0)
    supplier.set(names[0], 1)
    report = play.sync()
    assert (report.sinks["shop"].held, shows(account)[names[0]], shows(account)[names[40]]) == (30, 6, 5)


# ---------------------------------------------------------------- raises, and a takeover


def test_a_sudden_raise_of_many_is_held(tmp_path: Path) -> None:
    """Packs were read as pieces: forty listings at ten times as much wait, a fall goes."""
    names = skus(50)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:40]:
        source.set(sku, 60)
    source.set(names[45], 2)
    report = play.sync()
    assert [(one.guard, one.kind, one.count) for one in report.held] == [("raising", "sudden raise", 40)]
    assert (report.pushed, shows(account)[names[45]], shows(account)[names[0]]) == (1, 2, 5)
    assert play.sync(release=["raising"]).exit_code == 0
    assert shows(account)[names[0]] == 60


@pytest.mark.parametrize(
    ("listings", "before", "after", "held"),
    [
        (50, 5, 49, False),  # less than ten times
        (50, 0, 500, False),  # from zero: goods have come in
        (15, 5, 500, False),  # too few
        (50, 5, 50, True),
    ],
)
def test_a_raise_is_sudden_from_a_bound_on(
    tmp_path: Path, listings: int, before: int, after: int, held: bool
) -> None:
    """Ten times as much, of what shows stock already, and of many."""
    names = skus(listings)
    play, source, _ = make(tmp_path, dict.fromkeys(names, before))
    play.sync()
    for sku in names:
        source.set(sku, after)
    assert bool(play.sync().held) is held


def test_a_takeover_holds_mass_zeros_and_sudden_raises_and_lets_the_rest_flow(tmp_path: Path) -> None:
    """An account that shows stock already, and a source that says otherwise: what is plausible is sent."""
    names = skus(120)
    levels = dict.fromkeys(names[:40], 0) | dict.fromkeys(names[40:80], 90) | dict.fromkeys(names[80:], 7)
    play, _, account = make(tmp_path, levels, shown={(sku, "main"): 9 for sku in names})
    report = play.sync()
    assert {(one.guard, one.kind, one.count) for one in report.held} == {
        ("takeover", "explicit zeros", 40),
        ("takeover", "sudden raise", 40),
    }
    assert {shows(account)[sku] for sku in names[:80]} == {9}
    assert {shows(account)[sku] for sku in names[80:]} == {7}
    assert play.sync(release=["takeover"]).exit_code == 0
    assert shows(account) == levels


def test_an_empty_account_is_filled_without_a_question(tmp_path: Path) -> None:
    """Nothing is shown yet: the first filling raises everything, however much."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(100), 500))
    assert play.sync().exit_code == 0
    assert set(shows(account).values()) == {500}


# ---------------------------------------------------------------- what a reading itself gives away


def test_a_small_shop_that_loses_half_its_list_is_not_zeroed(tmp_path: Path) -> None:
    """12 of 30 rows are missing: fewer than 20, but the list has shrunk by more than 30 %."""
    names = skus(30)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:12]:
        source.remove(sku)
    report = play.sync(full=True)
    assert [(one.guard, one.kind, one.count) for one in report.held] == [("shrunken", "missing rows", 12)]
    assert "18 rows where the last one had 30" in report.held[0].reason
    assert set(shows(account).values()) == {5}
    assert play.sync(full=True, release=["shrunken"]).exit_code == 0
    assert sum(quantity == 0 for quantity in shows(account).values()) == 12


def test_a_renamed_field_is_told_as_such(tmp_path: Path) -> None:
    """Every row is there and none has a quantity: unknown, named, and nobody can release it."""
    names = skus(50)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names:
        source.set(sku, None)
    assert held(play) == [("schema", "changed schema", 50)]
    assert set(shows(account).values()) == {5}
    with pytest.raises(ConfigurationError, match="can be released"):
        play.sync(release=["schema"])


def test_a_stale_source_is_told_and_raises_nothing(tmp_path: Path) -> None:
    """What it says is too old to be believed: an alert, exit code 1, falls go and raises wait."""
    names = skus(3)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5))
    play.set_source("erp", max_age=timedelta(hours=2))
    play.sync()
    play.clock.advance(3 * 3600)
    with play.open() as shop:
        shop.receive("erp", [Level(names[0], "main", 2), Level(names[1], "main", 9)])
    report = play.sync(read="nothing")
    assert [(one.guard, one.kind, one.source) for one in report.held] == [("stale", "stale", "erp")]
    assert "180 minutes ago, and may be 120 minutes old" in report.held[0].reason
    assert (report.exit_code, shows(account)[names[0]], shows(account)[names[1]]) == (1, 2, 5)
    assert play.sync().exit_code == 0


# ---------------------------------------------------------------- letting through


def test_zeros_that_a_second_complete_reading_repeats_let_themselves_go(tmp_path: Path) -> None:
    """By a setting, and only those that were held before: what is new is judged anew."""
    names = skus(100)
    guard = ZeroingGuard(repeated=True)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5), zeroing=guard)
    play.sync()
    for sku in names[:40]:
        source.set(sku, 0)
    assert play.sync().sinks["shop"].held == 40
    assert play.sync().sinks["shop"].held == 40, "an incremental reading repeats nothing"
    for sku in names[40:45]:
        source.set(sku, 0)
    report = play.sync(full=True)
    assert (report.sinks["shop"].held, sum(q == 0 for q in shows(account).values())) == (5, 40)


def test_missing_rows_never_let_themselves_go(tmp_path: Path) -> None:
    """The same mistake repeats itself: a second reading without the rows is no second opinion."""
    names = skus(50)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5), zeroing=ZeroingGuard(repeated=True))
    play.sync()
    for sku in names[:30]:
        source.remove(sku)
    for _ in range(3):
        assert play.sync(full=True).held[0].kind == "missing rows"
    assert set(shows(account).values()) == {5}


def test_who_let_it_through_and_why_is_kept(tmp_path: Path) -> None:
    """The release is an action in the ledger, with the run that it belongs to."""
    names = skus(40)
    play, source, _ = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names:
        source.set(sku, 0)
    play.sync()
    report = play.sync(release=["zeroing"], actor="olga", reason="сезон закончился")
    with by_hand(play.ledger) as hand:
        rows = hand.execute("SELECT actor, action, scope, reason, run_id FROM actions").fetchall()
    assert rows == [("olga", "release", '{"guards": ["zeroing"]}', "сезон закончился", report.run)]


def test_each_held_slice_is_told_once_a_run(tmp_path: Path) -> None:
    """The alert has the guard, what is held and what to do; what nobody can release says so."""
    names = skus(80)
    play, source, _ = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:50]:
        source.set(sku, 0)
    for sku in names[50:]:
        source.set(sku, None)
    ears = play.listen()
    play.sync()
    zeroing = [alert for alert in ears.alerts if alert.subject == "zeroing:shop:main:erp"]
    assert len(zeroing) == 1
    assert (zeroing[0].severity, zeroing[0].data) == (
        "critical",
        {"kind": "explicit zeros", "count": 50, "units": 250},
    )
    assert "--release zeroing" in zeroing[0].mend
    (schema,) = [alert for alert in ears.alerts if alert.subject.startswith("schema:")]
    assert "nothing else releases it" in schema.mend


def test_the_settings_of_the_raising_guard_count(tmp_path: Path) -> None:
    """Twice as much of three listings is sudden where the settings say so."""
    play, source, _ = make(tmp_path, dict.fromkeys(skus(4), 5))
    play.raising = RaisingGuard(Decimal(2), Decimal("0.5"), 2)
    play.sync()
    for sku in skus(3):
        source.set(sku, 11)
    assert held(play) == [("raising", "sudden raise", 3)]


def test_a_listing_of_six_is_explained_by_orders_of_its_units(tmp_path: Path) -> None:
    """21 packs of six at 1 each: six pieces were ordered of each elsewhere, so their zeros are explained."""
    names = skus(25)
    play, source, account = make(tmp_path, dict.fromkeys(names, 6))
    packs = Account([Listing(sku, "main", (sku,)) for sku in names], clock=play.clock, account="packs")
    play.sinks["packs"] = sink_config("packs", packs)
    play.products = tmp_path / "products.csv"
    play.products.write_text("sku,packs.pack\n" + "".join(f"{sku},6\n" for sku in names), encoding="utf-8")
    play.sync()
    assert set(shows(packs).values()) == {1}
    for sku in names:
        account.buy(sku, 6, "main")
        source.set(sku, 0)
    report = play.sync()
    assert (report.held, set(shows(packs).values())) == ((), {0})
