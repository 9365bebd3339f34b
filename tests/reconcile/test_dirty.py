"""Not only events of stock make a product be looked at again (semantics §5)."""

from __future__ import annotations

from pathlib import Path

from mpstock import Listing
from mpstock.config import SinkWarehouse
from mpstock.inmemory import InMemorySource
from tests.reconcile.shops import Account, make, shows, sink_config, source_config


def test_a_changed_buffer_is_applied_without_a_change_of_stock(tmp_path: Path) -> None:
    """The settings keep two units back from now on: pushed at the next incremental run."""
    play, _, account = make(tmp_path, {"A": 10, "B": 1})
    play.sync()
    play.set_sink("shop", buffer={"absolute": 2})
    assert play.sync().pushed == 2
    assert shows(account) == {"A": 8, "B": 0}
    assert play.sync().pushed == 0


def test_a_changed_products_file_moves_its_products_alone(tmp_path: Path) -> None:
    """A row that says something else is looked at; so is one that is gone."""
    play, _, account = make(tmp_path, {"A": 10, "B": 10, "C": 10})
    play.products = tmp_path / "products.csv"
    play.products.write_text("sku,buffer.cap\nA,5\nB,6\n", encoding="utf-8")
    play.sync()
    assert shows(account) == {"A": 5, "B": 6, "C": 10}
    account.pushes.clear()
    play.products.write_text("sku,buffer.cap\nA,5\nC,7\n", encoding="utf-8")
    play.sync()
    assert [sorted(push) for push in account.sent] == [[("B", 10), ("C", 7)]]


def test_a_row_for_a_product_that_no_source_knew_yet_counts_when_it_comes(tmp_path: Path) -> None:
    """The products file was there first: the product is pushed with its own buffer at once."""
    play, source, account = make(tmp_path, {"A": 10}, sells=["A", "N"])
    play.products = tmp_path / "products.csv"
    play.products.write_text("sku,buffer.cap\nN,3\n", encoding="utf-8")
    play.sync()
    source.set("N", 9)
    play.sync()
    assert shows(account) == {"A": 10, "N": 3}


def test_a_new_listing_of_an_old_product_is_served(tmp_path: Path) -> None:
    """The product had stock before it was listed."""
    play, _, account = make(tmp_path, {"A": 10, "B": 4}, sells=["A"])
    assert play.sync().exit_code == 0
    account.sell_also("B")
    play.sync()
    assert shows(account) == {"A": 10, "B": 4}


def test_a_product_without_a_listing_is_counted_and_nothing_is_pushed(tmp_path: Path) -> None:
    """Products without a listing and listings without a product are named, and nothing is zeroed."""
    play, _, account = make(tmp_path, {"A": 10, "B": 4}, sells=["A", "X"], shown={("X", "main"): 7})
    play.sync()
    assert shows(account) == {"A": 10, "X": 7}
    with play.open() as shop:
        sink = shop.status().sinks[0]
        assert (sink.without_listing, sink.first_without_listing) == (1, ["B"])
        assert sink.without_product == 1
        assert "X" in sink.first_without_product[0]


def test_a_product_that_left_the_source_keeps_its_listing_until_a_full_read(tmp_path: Path) -> None:
    """A listing that was tied stays tied: its product is known, though its row is gone."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    source.remove("A")
    play.sync()
    assert shows(account) == {"A": 10}


def test_changed_feeds_move_what_they_feed(tmp_path: Path) -> None:
    """The sink warehouse is fed by main alone from now on."""
    play, _, account = make(tmp_path, {("A", "main"): 3, ("A", "msk"): 4})
    play.sync()
    assert shows(account) == {"A": 7}
    play.set_sink("shop", warehouses=(SinkWarehouse("main", ("main",)),))
    play.sync()
    assert shows(account) == {"A": 3}


def test_a_source_that_leaves_the_settings_no_longer_counts(tmp_path: Path) -> None:
    """What it said is in the ledger still, and is not promised any more."""
    play, _, account = make(tmp_path, {"A": 3})
    play.sources["wms"] = source_config("wms", InMemorySource({"A": 4}, warehouse="msk", clock=play.clock))
    play.sync()
    assert shows(account) == {"A": 7}
    del play.sources["wms"]
    play.sync()
    assert shows(account) == {"A": 3}


def test_a_product_whose_only_source_left_is_not_zeroed(tmp_path: Path) -> None:
    """Taking a source out of the settings is no sell-out: its listings stay as they are."""
    play, _, account = make(tmp_path, {"A": 3})
    play.sources["wms"] = source_config("wms", InMemorySource({"B": 4}, clock=play.clock))
    account.sell_also("B")
    play.sync()
    del play.sources["wms"]
    report = play.sync()
    assert (shows(account), report.pushed) == ({"A": 3, "B": 4}, 0)


def test_a_new_sink_is_filled_without_a_change_of_stock(tmp_path: Path) -> None:
    """A second account is added: it gets everything, the first one nothing."""
    play, _, account = make(tmp_path, {"A": 3, "B": 4})
    play.sync()
    other = Account(["A", "B"], clock=play.clock)
    play.sinks["other"] = sink_config("other", other)
    play.sync()
    assert shows(other) == {"A": 3, "B": 4}
    assert len(account.pushes) == 1


def test_a_listing_whose_article_changes_becomes_the_other_product(tmp_path: Path) -> None:
    """The seller renamed the article in the cabinet: the listing follows the product it is now."""
    play, _, account = make(tmp_path, {"A": 3, "B": 8}, sells=[])
    account.sell_also(Listing("offer-1", "main", ("A",)))
    play.sync()
    assert shows(account) == {"offer-1": 3}
    account.sell_also(Listing("offer-1", "main", ("B",)))
    play.sync()
    assert shows(account) == {"offer-1": 8}


def test_the_products_file_maps_a_listing_by_its_other_ids(tmp_path: Path) -> None:
    """A barcode in the products file ties a listing whose own article nobody knows."""
    play, _, account = make(tmp_path, {"A": 3}, sells=[])
    account.sell_also(Listing("77", "main", ("card-77",), {"barcode": ("4600000000017",)}))
    play.sync()
    assert account.pushes == []
    play.products = tmp_path / "products.csv"
    play.products.write_text("sku;shop.barcode\nA;4600000000017\n", encoding="utf-8")
    play.sync()
    assert shows(account) == {"77": 3}


def test_two_listings_of_one_product_in_one_warehouse_are_not_both_served(tmp_path: Path) -> None:
    """Both would promise the same units: the second one is named as not served."""
    play, _, account = make(tmp_path, {"A": 3}, sells=[])
    account.sell_also(Listing("1", "main", ("A",)))
    account.sell_also(Listing("2", "main", ("A",)))
    play.sync()
    assert shows(account) == {"1": 3}
    with play.open() as shop:
        assert "already tied to listing 1" in shop.status().sinks[0].first_without_product[0]


def test_a_listing_with_a_problem_is_not_served(tmp_path: Path) -> None:
    """A card that the adapter cannot serve is named with its reason; once mended it is served."""
    play, _, account = make(tmp_path, {"A": 3}, sells=[], shown={("1", "main"): 9})
    account.sell_also(Listing("1", "main", ("A",), problem="has several sizes"))
    play.sync()
    assert shows(account) == {"1": 9}
    account.sell_also(Listing("1", "main", ("A",)))
    play.sync()
    assert shows(account) == {"1": 3}


def test_a_listing_that_is_gone_and_comes_back_is_read_back_first(tmp_path: Path) -> None:
    """What it showed before says nothing of what it shows now."""
    play, _, account = make(tmp_path, {"A": 3, "B": 1})
    play.sync()
    account.sell_no_longer("A", "main")
    assert play.sync(full=True).exit_code == 0
    account.sell_also("A")
    account.shown["A", "main"] = 50
    play.sync()
    assert shows(account) == {"A": 3, "B": 1}


def test_the_time_of_a_settings_change_does_not_hide_a_drift(tmp_path: Path) -> None:
    """A pack of changes at once: cap, stock and a hand in the cabinet; the formula wins."""
    play, source, account = make(tmp_path, {"A": 30})
    play.sync()
    play.set_sink("shop", buffer={"policy": "all", "cap": 20})
    source.set("A", 25)
    account.shown["A", "main"] = 3
    play.sync(full=True)
    assert shows(account) == {"A": 20}
