"""Sinks, warehouses, sources and articles that come, go or change their names (semantics §9)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import evolve

from mpstock import Listing, ListingPage
from mpstock.config import SharingSettings, SinkWarehouse
from mpstock.errors import ConfigurationError
from mpstock.inmemory import InMemorySource
from mpstock.ledger import Ledger
from mpstock.reconcile.evaluating import evaluate
from mpstock.reconcile.stored_facts import restore
from mpstock.testing import VirtualClock
from tests.reconcile.shops import REGISTRY, Account, Play, make, shows, sink_config, skus, source_config


class Wide(Account):
    """An account that is asked for some of its warehouses, as the settings name them."""

    def __init__(
        self, sells: Sequence[str], codes: Sequence[str], clock: VirtualClock, **limits: object
    ) -> None:
        self.asked = tuple(codes)
        super().__init__(sells, warehouses=codes, clock=clock, **limits)  # type: ignore[arg-type]

    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        async for page in super().listings(cursor):
            yield evolve(page, listings=[one for one in page.listings if one.warehouse in self.asked])


def serve(play: Play, account: Wide, *codes: str, **keys: object) -> None:
    """Let the settings of `shop` name these warehouses from now on."""
    account.asked = codes
    play.set_sink("shop", warehouses=tuple(SinkWarehouse(code) for code in codes), **keys)


def wide(folder: Path, stock: int = 10, **limits: object) -> tuple[Play, InMemorySource, Wide]:
    """A shop of one product whose account has the warehouses 1 and 2."""
    clock = VirtualClock()
    source = InMemorySource({"A": stock}, clock=clock)
    account = Wide(["A"], ("1", "2"), clock, **limits)
    play = Play(folder, {"erp": source}, {"shop": account}, clock=clock)
    serve(play, account, "1", "2", buffer={"policy": "all", "cap": 4})
    return play, source, account


def status_of(play: Play, sink: str = "shop") -> tuple[int, list[str]]:
    """How many listings of a sink nobody speaks for, and what is said of them."""
    with play.open() as shop:
        found = next(one for one in shop.status().sinks if one.name == sink)
    return found.unattended, list(found.first_unattended)


def notes(play: Play) -> str:
    """What status says beside the adapters."""
    with play.open() as shop:
        return "\n".join(shop.status().notes)


# ---------------------------------------------------------------------- a sink warehouse


@pytest.mark.parametrize("by_warehouse", [False, True])
def test_what_a_removed_warehouse_shows_goes_on_being_promised(tmp_path: Path, by_warehouse: bool) -> None:
    """Both showed 4 of 10; one leaves, and the other may show 6 from now on, never 10."""
    play, source, account = wide(tmp_path, by_warehouse=by_warehouse)
    play.sync()
    assert (shows(account, "1"), shows(account, "2")) == ({"A": 4}, {"A": 4})
    serve(play, account, "1", buffer={"policy": "all"})
    for full in (False, True):
        assert play.sync(full=full).exit_code == 0
        assert (shows(account, "1"), shows(account, "2")) == ({"A": 6}, {"A": 4})
    source.set("A", 3)
    play.sync()
    assert (shows(account, "1"), shows(account, "2")) == ({"A": 0}, {"A": 4}), "4 are still on sale there"
    count, (told,) = status_of(play)
    assert (count, "A on 2 shows 4" in told, "mpstock zero --orphans" in told) == (1, True, True)


@pytest.mark.parametrize("by_warehouse", [False, True])
def test_an_orphan_in_a_removed_warehouse_is_zeroed_in_the_common_way(
    tmp_path: Path, by_warehouse: bool
) -> None:
    """Intent, outcome, log; then what it had promised goes to the other, in the same run."""
    play, _, account = wide(tmp_path, by_warehouse=by_warehouse)
    play.sync()
    serve(play, account, "1", buffer={"policy": "all"})
    play.sync()
    with play.open() as shop:
        (zero,) = shop.zero_orphans(actor="anna")
        assert (zero.kind, zero.sku, zero.warehouse) == ("zero", "A", "2")
    assert play.sync().exit_code == 0
    assert (shows(account, "1"), shows(account, "2")) == ({"A": 10}, {"A": 0})
    with play.open() as shop:
        (entry,) = [one for one in shop.log() if one.warehouse == "2" and one.new == 0]
        assert (entry.cause, entry.status) == ("manual", "ok")
        assert shop.orphans() == []
        with pytest.raises(ConfigurationError, match="nothing here shows stock"):
            shop.zero_orphans()


def test_an_adopted_listing_of_a_removed_warehouse_stays_and_is_named_no_more(tmp_path: Path) -> None:
    """Its 4 go on being promised there, and nobody is told of them again; put back, the pin is over."""
    play, _, account = wide(tmp_path)
    play.sync()
    serve(play, account, "1", buffer={"policy": "all"})
    play.sync()
    with play.open() as shop:
        shop.adopt()
        assert shop.orphans() == []
    play.sync()
    assert (shows(account, "1"), shows(account, "2")) == ({"A": 6}, {"A": 4})
    serve(play, account, "1", "2", buffer={"policy": "all", "cap": 5})
    play.sync()
    assert (shows(account, "1"), shows(account, "2")) == ({"A": 5}, {"A": 5})
    with play.open() as shop:
        assert shop.interventions() == []


def test_a_warehouse_that_comes_back_is_read_back_before_it_is_written(tmp_path: Path) -> None:
    """Somebody has changed it meanwhile: what was known of it says nothing."""
    play, _, account = wide(tmp_path)
    play.sync()
    serve(play, account, "1")
    play.sync()
    account.shown["A", "2"] = 1
    serve(play, account, "1", "2")
    play.sync()
    assert (shows(account, "1"), shows(account, "2")) == ({"A": 4}, {"A": 4})


def test_the_explanation_tells_of_what_has_left(tmp_path: Path) -> None:
    """Why the one shows 6 of 10, and that nobody looks after the other; now and as it was kept."""
    play, _, account = wide(tmp_path)
    play.sync()
    serve(play, account, "1", buffer={"policy": "all"})
    play.sync()
    with play.open() as shop:
        one, two = sorted(shop.explain("A").listings, key=lambda listing: listing.warehouse)
    assert any("A is divided: 6 of 10 are for this listing" in note for note in one.notes)
    assert any("has left the settings" in note for note in two.notes)
    ledger = Ledger(f"sqlite:///{play.ledger}")
    (settings, facts), *_ = ledger.database.query(
        "SELECT s.body, e.facts FROM explanations AS e JOIN explanation_settings AS s ON s.id = settings_id "
        "ORDER BY e.id DESC"
    )
    ledger.close()
    kept = restore(settings, facts, REGISTRY)
    (found,) = evaluate(kept.reckoner, [kept.facts])
    assert {reckoning.warehouse: reckoning.wanted for reckoning in found.reckonings} == {"1": 6, "2": None}


def test_a_forgotten_warehouse_is_free_for_the_others(tmp_path: Path) -> None:
    """It was closed at the marketplace: nobody can zero it, and nothing is sold there."""
    play, _, account = wide(tmp_path)
    play.sync()
    serve(play, account, "1", buffer={"policy": "all"})
    play.sync()
    with play.open() as shop:
        with pytest.raises(ConfigurationError, match="these have left: 2"):
            shop.forget_sink("shop")
        forgotten = shop.forget_sink("shop", warehouse="2")
        assert (forgotten.listings, forgotten.units) == (1, 4)
    play.sync()
    assert shows(account, "1") == {"A": 10}


# ---------------------------------------------------------------------- a sink


def sharing(play: Play, how: str, **shares: str) -> None:
    """Let the sinks of a shop share its stock in this way."""
    play.sharing = SharingSettings(how)  # type: ignore[arg-type]
    for priority, (name, share) in enumerate(shares.items()):
        play.set_sink(name, share=Decimal(share) if share else None, priority=priority)


def added(folder: Path, how: str, share: str) -> tuple[Play, Account, Account, list[tuple[str, int]]]:
    """A shop whose one sink shows all 10; a second one is added. What was sent, in its order."""
    play, _, account = make(folder, {"A": 10}, account="first")
    sharing(play, how, shop=share)
    play.sync()
    sent: list[tuple[str, int]] = []
    other = Account(["A"], shown={("A", "main"): 0}, clock=play.clock, account="second")
    play.sinks["other"] = sink_config("other", other)
    sharing(play, how, other=share, shop=share)
    account.hook = lambda changes: sent.extend(("shop", change.new) for change in changes)
    other.hook = lambda changes: sent.extend(("other", change.new) for change in changes)
    return play, account, other, sent


@pytest.mark.parametrize(
    ("how", "share", "first", "second"), [("exclusive", "", 0, 10), ("split", "0.5", 5, 5)]
)
def test_an_added_sink_gets_its_part_after_the_others_have_given_it_up(
    tmp_path: Path, how: str, share: str, first: int, second: int
) -> None:
    """The sum over both is never above what there is, at no moment."""
    play, account, other, sent = added(tmp_path, how, share)
    assert play.sync().exit_code == 0
    assert sent == [("shop", first), ("other", second)]
    assert (shows(account), shows(other)) == ({"A": first}, {"A": second})


@pytest.mark.parametrize(("how", "share", "most"), [("exclusive", "", 0), ("split", "0.5", 0)])
def test_an_added_sink_waits_while_the_fall_of_the_others_is_refused(
    tmp_path: Path, how: str, share: str, most: int
) -> None:
    """The first goes on showing 10: the second shows nothing."""
    play, account, other, _ = added(tmp_path, how, share)
    account.refuse("A", "BROKEN", times=-1)
    play.sync()
    play.sync()
    assert (shows(account), shows(other)) == ({"A": 10}, {"A": most})


def test_an_added_sink_is_read_back_before_its_first_plan_and_disturbs_nobody(tmp_path: Path) -> None:
    """What it shows already and should show is not sent; the other sink is sent nothing."""
    play, _, account = make(tmp_path, {"A": 10, "B": 5})
    play.sync()
    account.pushes.clear()
    other = Account(["A", "B"], shown={("A", "main"): 10, ("B", "main"): 7}, clock=play.clock)
    play.sinks["other"] = sink_config("other", other)
    play.sync()
    assert (other.sent, account.pushes) == ([[("B", 5)]], [])


@pytest.mark.parametrize(("how", "shares"), [("exclusive", ("", "")), ("split", ("0.5", "0.5"))])
def test_the_share_of_a_removed_sink_is_given_to_nobody_before_a_person_says_so(
    tmp_path: Path, how: str, shares: tuple[str, str]
) -> None:
    """It goes on selling its 4: the other shows 6, and 10 once the sink is forgotten."""
    play, _, account = make(tmp_path, {"A": 10}, account="first")
    other = Account(["A"], clock=play.clock, account="second")
    play.sinks["other"] = sink_config("other", other, buffer={"policy": "all", "cap": 4})
    sharing(play, how, other=shares[0], shop=shares[1])
    play.sync()
    assert shows(other) == {"A": 4}
    other.buy("A", 1, "main")
    play.sync()
    kept = play.sinks.pop("other")
    play.sync()
    before = shows(account)["A"]
    assert before <= 10 - 1 - shows(other)["A"]
    assert "the sink other has left the settings: 1 listings showed" in notes(play)
    assert "1 open orders of it go on holding 1 units" in notes(play)
    with play.open() as shop:
        assert [(one.sink, one.why) for one in shop.orphans()] == [("other", "sink")]
        with pytest.raises(ConfigurationError, match="none can be written to"):
            shop.zero_orphans()
        with pytest.raises(ConfigurationError, match="is in the settings"):
            shop.forget_sink("shop")
        shop.forget_sink("other", actor="anna")
    play.sync()
    assert shows(account) == {"A": 9}, "the open order still holds one"
    assert "other" not in notes(play)
    play.sinks["other"] = kept
    play.sync()
    assert shows(account)["A"] + shows(other)["A"] <= 9


def test_where_sinks_share_a_removed_one_takes_nothing_from_the_others(tmp_path: Path) -> None:
    """Between accounts the same unit may be shown twice: so it was, and so it stays."""
    play, _, account = make(tmp_path, {"A": 10}, account="first")
    play.sinks["other"] = sink_config("other", Account(["A"], clock=play.clock, account="second"))
    play.sync()
    del play.sinks["other"]
    account.pushes.clear()
    play.sync(full=True)
    assert (shows(account), account.pushes) == ({"A": 10}, [])


def test_a_sink_that_comes_back_is_read_back_before_it_is_written(tmp_path: Path) -> None:
    """A week without us: what it was known to show says nothing."""
    play, _, _ = make(tmp_path, {"A": 10})
    other = Account(["A"], clock=play.clock, account="second")
    config = play.sinks["other"] = sink_config("other", other)
    play.sync()
    del play.sinks["other"]
    play.sync()
    other.shown["A", "main"] = 3
    play.sinks["other"] = config
    play.sync()
    assert shows(other) == {"A": 10}


def test_a_renamed_sink_is_the_same_account_under_another_name(tmp_path: Path) -> None:
    """Nothing is sent or held twice: its listings, its open orders and what is decided of it go on."""
    play, _, account = make(tmp_path, {"A": 10}, account="the account", self_decrements="yes")
    play.sync()
    account.buy("A", 2, "main", key="order-1")
    play.sync()
    with play.open() as shop:
        shop.pin(7, sink="shop")
    play.sync()
    assert shows(account) == {"A": 7}
    account.pushes.clear()
    play.sinks["ozon"] = sink_config("ozon", account)
    del play.sinks["shop"]
    ears = play.listen()
    assert play.sync().exit_code == 0
    assert (shows(account), account.pushes) == ({"A": 7}, [])
    assert [alert.subject for alert in ears.alerts] == ["sink_renamed:shop:ozon"]
    with play.open() as shop:
        (pin,) = shop.interventions()
        assert pin.sink == "ozon"
        (hold,) = shop.explain("A").holds
        assert (hold.origin, hold.key, hold.quantity) == ("ozon", "order-1", 2)
        shop.resume(sink="ozon")
    play.sync()
    assert shows(account) == {"A": 8}
    assert "has left the settings" not in notes(play)


# ---------------------------------------------------------------------- a source


def test_what_only_a_removed_source_knew_is_unknown_and_told(tmp_path: Path) -> None:
    """All of its products keep what they show; none is zeroed, and each can be adopted or zeroed."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(5), 3))
    play.sources["supplier"] = source_config(
        "supplier", InMemorySource(dict.fromkeys(skus(30, "S"), 4), warehouse="far", clock=play.clock)
    )
    for sku in skus(30, "S"):
        account.sell_also(sku)
    play.sync()
    del play.sources["supplier"]
    assert play.sync(full=True).pushed == 0
    assert status_of(play)[0] == 30
    assert "the source supplier has left the settings: its 30 rows count no more" in notes(play)
    with play.open() as shop:
        shop.adopt(skus=["S00001"])
        shop.zero_orphans(skus=["S00002"])
    play.sync()
    assert (shows(account)["S00001"], shows(account)["S00002"], shows(account)["S00003"]) == (4, 0, 4)
    assert status_of(play)[0] == 28
    account.shown["S00001", "main"] = 9
    play.sync(full=True)
    assert shows(account)["S00001"] == 4, "adopted: never more than it was"
    account.shown["S00001", "main"] = 1
    play.sync(full=True)
    assert shows(account)["S00001"] == 1, "and nobody raises it"


def test_an_adopted_product_follows_a_source_again_as_soon_as_one_speaks_of_it(tmp_path: Path) -> None:
    """The pin was for as long as nobody knew better."""
    play, source, account = make(tmp_path, {"A": 3})
    play.sources["supplier"] = source_config("supplier", InMemorySource({"B": 4}, clock=play.clock))
    account.sell_also("B")
    play.sync()
    del play.sources["supplier"]
    play.sync()
    with play.open() as shop:
        shop.adopt()
    source.set("B", 7)
    play.sync()
    assert shows(account) == {"A": 3, "B": 7}
    with play.open() as shop:
        assert shop.interventions() == []


def test_a_listing_fed_by_warehouses_of_a_removed_source_alone_is_not_zeroed(tmp_path: Path) -> None:
    """The product is known, elsewhere: of what feeds this listing nobody speaks any more."""
    play, source, account = make(tmp_path, {("A", "main"): 3}, warehouses=("near", "far"))
    play.set_sink("shop", warehouses=(SinkWarehouse("near", ("main",)), SinkWarehouse("far", ("depot",))))
    supplier = InMemorySource({"A": 4}, warehouse="depot", clock=play.clock)
    play.sources["supplier"] = source_config("supplier", supplier)
    play.sync()
    assert (shows(account, "near"), shows(account, "far")) == ({"A": 3}, {"A": 4})
    del play.sources["supplier"]
    play.sync(full=True)
    assert (shows(account, "near"), shows(account, "far")) == ({"A": 3}, {"A": 4})
    source.set("A", 2, warehouse="depot")
    play.sync()
    assert shows(account, "far") == {"A": 2}


def test_a_renamed_source_changes_nothing(tmp_path: Path) -> None:
    """The same rows under another name: read before anything is planned."""
    play, source, account = make(tmp_path, dict.fromkeys(skus(30), 5))
    play.sync()
    account.pushes.clear()
    del play.sources["erp"]
    play.sources["1c"] = source_config("1c", source)
    assert play.sync().exit_code == 0
    assert (account.pushes, set(shows(account).values())) == ([], {5})


def test_a_renamed_source_that_cannot_be_read_raises_and_zeroes_nothing(tmp_path: Path) -> None:
    """Until it has spoken under its new name its products are unknown."""
    play, source, account = make(tmp_path, dict.fromkeys(skus(30), 5))
    play.sync()
    del play.sources["erp"]
    play.sources["1c"] = source_config("1c", source)
    source.fail(RuntimeError("down"))
    play.sync()
    assert set(shows(account).values()) == {5}


# ---------------------------------------------------------------------- an article, an offer


def test_a_renamed_article_keeps_its_offer_and_its_open_orders(tmp_path: Path) -> None:
    """The offer becomes the other product: read back, and what was ordered is held of the new one."""
    play, source, account = make(tmp_path, {"A": 10}, sells=[], self_decrements="yes")
    account.sell_also(Listing("offer-1", "main", ("A",)))
    play.sync()
    account.buy("offer-1", 2, "main")
    play.sync()
    source.remove("A")
    source.set("A-2", 10)
    account.sell_also(Listing("offer-1", "main", ("A-2",)))
    account.pushes.clear()
    play.sync(full=True)
    assert (shows(account), account.pushes) == ({"offer-1": 8}, [])
    with play.open() as shop:
        (hold,) = shop.explain("A-2").holds
        assert hold.quantity == 2
        assert shop.orphans() == []


def test_two_articles_merged_into_one_offer_are_told_and_the_offer_goes_on_being_counted(
    tmp_path: Path,
) -> None:
    """It is neither of them for sure: nothing is sent to it, what it shows is named, a mapping mends it."""
    play, _, account = make(tmp_path, {"A": 10, "B": 4}, sells=[])
    account.sell_also(Listing("1", "main", ("A",), {"external_id": ("1",)}))
    account.sell_also(Listing("2", "main", ("B",), {"external_id": ("2",)}))
    play.sync()
    account.sell_no_longer("2", "main")
    account.sell_also(Listing("1", "main", ("A", "B"), {"external_id": ("1",)}))
    account.pushes.clear()
    play.sync(full=True)
    assert (shows(account), account.pushes) == ({"1": 10}, [])
    with play.open() as shop:
        assert [(one.external_id, one.shown, one.why) for one in shop.orphans()] == [
            ("1", 10, "listing"), ("2", 4, "listing"),
        ]  # fmt: skip
    play.products = tmp_path / "products.csv"
    play.products.write_text("sku,shop.external_id\nB,1\n", encoding="utf-8")
    play.sync()
    assert shows(account) == {"1": 4}
    with play.open() as shop:
        assert [one.external_id for one in shop.orphans()] == ["2"]


def test_an_offer_with_a_new_id_is_read_back_first_and_the_old_one_is_named(tmp_path: Path) -> None:
    """The size was made anew in the cabinet: another chrtId of the same article."""
    play, _, account = make(tmp_path, {"A": 10}, sells=[])
    account.sell_also(Listing("111", "main", ("A",)))
    play.sync()
    del account._listings["111", "main"]
    account.sell_also(Listing("222", "main", ("A",)))
    account.shown["222", "main"] = 10
    account.pushes.clear()
    play.sync(full=True)
    assert account.pushes == [], "it shows what it should already"
    with play.open() as shop:
        (orphan,) = shop.orphans()
        assert (orphan.external_id, orphan.shown, orphan.why) == ("111", 10, "listing")
    count, (told,) = status_of(play)
    assert (count, "zero it in the cabinet" in told) == (1, True)
