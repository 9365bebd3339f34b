"""Inside one account the same unit is never promised twice (semantics §4)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpstock import Change, Listing, OutcomeStatus, Shop
from mpstock.config import SinkWarehouse
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile import reference
from tests.reconcile.reference import Member, Row
from tests.reconcile.shops import (
    REGISTRY,
    Account,
    Play,
    configuration,
    make,
    shows,
    sink_config,
    source_config,
)


def two_warehouses(
    folder: Path, levels: dict[tuple[str, str], int | None]
) -> tuple[Play, InMemorySource, Account]:
    return make(folder, levels, warehouses=("w1", "w2"))


def total(account: Account) -> int:
    return sum(account.shown.values())


def test_two_warehouses_fed_by_all_do_not_show_it_twice(tmp_path: Path) -> None:
    """Stock 10, two warehouses of one account fed by all of it: 10 are shown, not 20."""
    play, source, account = two_warehouses(tmp_path, {("A", "main"): 10})
    for stock in (10, 20, 3, 0, 7):
        source.set("A", stock)
        play.sync()
        assert total(account) == stock


def test_the_second_warehouse_gets_what_the_first_is_not_to_show(tmp_path: Path) -> None:
    """A cap of 4 on the first of them leaves 6 of 10 to the second."""
    play, _, account = two_warehouses(tmp_path, {("A", "main"): 10})
    play.set_sink("shop", warehouses=(SinkWarehouse("w1", buffer={"cap": 4}), SinkWarehouse("w2")))
    play.sync()
    assert account.shown == {("A", "w1"): 4, ("A", "w2"): 6}


def test_what_goes_to_the_other_waits_while_nobody_knows_what_either_shows(tmp_path: Path) -> None:
    """4 and 3 of 10, now 10 and 0; both writes end in doubt: the 10 is sent when the 0 has surely landed."""
    play, _, account = make(tmp_path, {("A", "main"): 10}, warehouses=("w1", "w2"), pair_cooldown=30)
    second = SinkWarehouse("w2", buffer={"cap": 3})
    play.set_sink("shop", warehouses=(SinkWarehouse("w1", buffer={"cap": 4}), second))
    play.sync()
    assert account.shown == {("A", "w1"): 4, ("A", "w2"): 3}
    play.set_sink("shop", warehouses=(SinkWarehouse("w1"), second))
    play.clock.advance(60)
    for code in ("w1", "w2"):
        account.refuse("A", "LOST", warehouse=code, status=OutcomeStatus.DOUBT)
    most: list[int] = []

    def judge(changes: Sequence[Change]) -> None:
        after = account.shown | {("A", c.listing.warehouse): c.new for c in changes if c.new}
        most.append(sum(after.values()))

    account.hook = judge
    play.sync()
    assert account.shown == {("A", "w1"): 10, ("A", "w2"): 0}
    assert max(most) == 10


def test_nothing_rises_beside_one_of_which_nothing_can_be_said(tmp_path: Path) -> None:
    """9 on the first, of 4 and 5; the 5 go bad, the run that sends less dies: who knows what it shows?"""
    play, source, account = make(
        tmp_path, {("A", "main"): 4, ("A", "msk"): 5}, shown={("A", "w1"): 0, ("A", "w2"): 0},
        warehouses=("w1", "w2"), pair_cooldown=30,
    )  # fmt: skip
    play.set_sink("shop", warehouses=(SinkWarehouse("w1"), SinkWarehouse("w2", ("main",))))
    play.sync()
    assert account.shown == {("A", "w1"): 9, ("A", "w2"): 0}
    play.clock.advance(60)
    source.set("A", None, warehouse="msk")
    source.set("A", -5, warehouse="main")
    account.kill(applied=False)
    play.dies()
    source.set("A", 4, warehouse="main")
    play.sync()
    assert account.shown == {("A", "w1"): 9, ("A", "w2"): 0}
    play.clock.advance(60)
    play.sync()
    assert account.shown == {("A", "w1"): 9, ("A", "w2"): 0}


def test_a_listing_that_is_not_there_takes_nothing(tmp_path: Path) -> None:
    """The product is sold from the second warehouse only: it gets all of it."""
    play, _, account = make(tmp_path, {("A", "main"): 10}, warehouses=("w1", "w2"), sells=[])
    account.sell_also(Listing("A", "w2", ("A",)))
    play.sync()
    assert account.shown == {("A", "w2"): 10}


def test_shares_divide_the_pool(tmp_path: Path) -> None:
    """Shares of a half: 11 are divided without a unit twice; a shortage is shown nowhere."""
    play, source, account = two_warehouses(tmp_path, {("A", "main"): 10})
    half = Decimal("0.5")
    play.set_sink("shop", warehouses=(SinkWarehouse("w1", share=half), SinkWarehouse("w2", share=half)))
    play.sync()
    assert set(account.shown.values()) == {5}
    source.set("A", 11)
    play.sync()
    assert sorted(account.shown.values()) == [5, 6]
    source.set("A", -3)
    play.sync()
    assert set(account.shown.values()) == {0}


def test_two_accounts_share_by_default(tmp_path: Path) -> None:
    """Between accounts `shared` is the default: both show the 10."""
    play, _, account = make(tmp_path, {"A": 10})
    other = Account(["A"], clock=play.clock)
    play.sinks["other"] = sink_config("other", other)
    play.sync()
    assert (shows(account), shows(other)) == ({"A": 10}, {"A": 10})


def test_an_unknown_pool_is_not_promised_twice_either(tmp_path: Path) -> None:
    """10 are shown in the first warehouse; unknown now, and 8 in msk: the second one shows these at most."""
    play, source, account = two_warehouses(tmp_path, {("A", "main"): 10, ("A", "msk"): 8})
    play.sync()
    source.set("A", None, warehouse="main")
    play.sync()
    assert total(account) <= 18
    source.set("A", 2, warehouse="msk")
    play.sync()
    assert total(account) <= 12


OWN = ("main", "msk")
levels = st.fixed_dictionaries(
    {(source, own): st.none() | st.integers(-5, 12) for source in ("erp", "wms") for own in OWN}
)
feeds = st.none() | st.sampled_from([("main",), ("msk",), ("main", "msk")])


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    rule=st.sampled_from(["sum", "first", "max", "min"]),
    fed=st.lists(feeds, min_size=1, max_size=3),
    shown=st.lists(st.integers(0, 15), min_size=3, max_size=3),
    days=st.lists(levels, min_size=1, max_size=3),
)
def test_every_listing_shows_the_reference(
    rule: str,
    fed: list[tuple[str, ...] | None],
    shown: list[int],
    days: list[dict[tuple[str, str], int | None]],
) -> None:
    """Day after day, through the whole engine: the slow formula's number, and never a unit twice."""
    clock = VirtualClock()
    codes = [f"w{number}" for number in range(len(fed))]
    sources = {name: InMemorySource(clock=clock) for name in ("erp", "wms")}
    before = {("A", code): quantity for code, quantity in zip(codes, shown, strict=False)}
    account = Account(["A"], warehouses=codes, shown=before, clock=clock)
    config = configuration(
        "sqlite://",
        [source_config(name, source, rule=rule) for name, source in sources.items()],
        [sink_config("shop", account, warehouses=tuple(map(SinkWarehouse, codes, fed)))],
    )
    members = {"erp": Member("main", rule, 0), "wms": Member("main", rule, 1)}
    last: dict[tuple[str, str], int] = {}
    with Shop(config, plugins=REGISTRY, clock=clock) as shop:
        for day in days:
            for (name, own), quantity in day.items():
                sources[name].set("A", quantity, warehouse=own)
                if quantity is not None:
                    last[name, own] = quantity
            clock.advance(60)
            assert shop.sync().exit_code == 0
            rows = [
                Row(name, own, last.get((name, own)), known=quantity is not None)
                for (name, own), quantity in day.items()
            ]
            _holds(rows, members, fed, codes, account, before)
            before = dict(account.shown)
            clock.advance(60)


def _holds(
    rows: Sequence[Row],
    members: dict[str, Member],
    fed: Sequence[tuple[str, ...] | None],
    codes: Sequence[str],
    account: Account,
    before: dict[tuple[str, str], int],
) -> None:
    sets = [set(OWN if names is None else names) for names in fed]
    now = [account.shown["A", code] for code in codes]
    stock = {}
    certain = True
    for own in OWN:
        amount, known = reference.of_warehouse([row for row in rows if row.warehouse == own], members)
        stock[own] = 10**9 if amount is None else amount
        certain = certain and known
    for names, code, quantity in zip(sets, codes, now, strict=True):
        amount, known = reference.of_listing(rows, members, sorted(names))
        most = reference.advertised(amount, known, before["A", code])
        assert quantity <= most
        # Whoever is served first takes all that it may; alone it is simply the formula.
        if code == codes[0]:
            assert quantity == most
    if certain:
        assert not reference.promised_twice(now, sets, stock)
