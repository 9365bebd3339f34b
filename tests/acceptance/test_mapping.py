"""Which product is which listing: by vendor code, barcode, products file; what matches nothing is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import ledgers
from tests.acceptance.play import OZON_CODE, Play, shop


def _check(play: Play, subject: str, *, code: int | None = 0) -> str:
    parts = {part["subject"]: part for part in play.json("check", code=code)["parts"]}
    return "\n".join(f"{f['level']} {f['message']} {f['mend']}" for f in parts[subject]["findings"])


def test_what_has_no_counterpart_is_counted_named_and_left_alone(tmp_path: Path) -> None:
    """Products without listing and listings without product: counted, named, never pushed, never zeroed."""
    stock = {"SKU-A": 10, "ONLY-1C": 7}
    with shop(tmp_path, stock, ozon=["SKU-A", "ONLY-OZON"], wb=["SKU-A", "ONLY-WB"]) as play:
        play.show("ozon", "ONLY-OZON", 33)
        play.show("wb", "ONLY-WB", 44)
        play.run("sync").ok()
        play.run("sync", "--full").ok()
        assert play.shown("ozon") == {"SKU-A": 8, "ONLY-OZON": 33}
        assert play.shown("wb") == {"SKU-A": 8, "ONLY-WB": 44}
        assert {sku for sku, _ in [*play.pushed("ozon"), *play.pushed("wb")]} == {"SKU-A"}
        status = {sink["name"]: sink for sink in play.json("status")["sinks"]}
        for name, only in (("ozon", "ONLY-OZON"), ("wb", "ONLY-WB")):
            assert (status[name]["without_product"], status[name]["without_listing"]) == (1, 1)
            assert only in status[name]["first_without_product"][0]
            assert status[name]["first_without_listing"] == ["ONLY-1C"]
            found = _check(play, f"sinks.{name}")
            assert only in found
            assert "ONLY-1C" in found
        said = play.run("status").ok().stdout
        assert all(name in said for name in ("ONLY-OZON", "ONLY-WB", "ONLY-1C"))


def test_a_product_that_comes_to_1c_later_is_pushed_then(tmp_path: Path) -> None:
    """A listing without a product gets its number as soon as 1C knows the article."""
    with shop(tmp_path, {"SKU-A": 10}, ozon=["SKU-A", "SKU-B"], wb=["SKU-A", "SKU-B"]) as play:
        play.run("sync").ok()
        play.set_levels({"SKU-B": 20})
        play.run("sync").ok()
        assert play.shown("ozon") == play.shown("wb") == {"SKU-A": 8, "SKU-B": 18}


def test_a_card_with_several_sizes_is_explained_and_not_pushed(tmp_path: Path) -> None:
    """By vendor code nobody can say which size is meant: nothing is pushed, `check` says what to do."""
    with shop(tmp_path, {"SKU-A": 10, "SHIRT": 30}, wb=["SKU-A"]) as play:
        card = play.wb.call(
            lambda: play.wb.add_card("SHIRT", {"S": ["4600000000017"], "M": ["4600000000024"]})
        )
        play.run("sync").ok()
        assert {sku for sku, _ in play.pushed("wb")} == {"SKU-A"}
        found = _check(play, "sinks.wb")
        assert "SHIRT" in found
        assert "several sizes" in found
        assert 'match_by = "barcode"' in found
        status = next(sink for sink in play.json("status")["sinks"] if sink["name"] == "wb")
        assert status["without_product"] == len(card.sizes)
        assert "SHIRT" in str(status["first_without_product"])


def test_cards_are_matched_by_barcode(tmp_path: Path) -> None:
    """With `match_by = "barcode"` each size is a product of its own."""
    with shop(tmp_path, {"4600000000017": 10, "4600000000024": 20}, ozon=[], wb=[]) as play:
        play.wb.add_card("SHIRT", {"S": ["4600000000017"], "M": ["4600000000024", "4600000000031"]})
        play.sink("wb")["match_by"] = "barcode"
        del play.tables["sinks"]["ozon"]
        play.write()
        play.run("sync").ok()
        assert play.shown("wb") == {"4600000000017": 8, "4600000000024": 18}


def test_the_products_file_maps_what_is_called_otherwise(tmp_path: Path) -> None:
    """`ozon.offer_id`, `wb.barcode` and `wb.chrt_id` tie listings to articles of 1C."""
    with shop(tmp_path, {"A-1": 10, "A-2": 20, "A-3": 30}, ozon=["OZ/1", "A-2"], wb=["A-1"]) as play:
        card = play.wb.add_card("SHIRT", {"S": ["4600000000017"], "M": ["4600000000024"]})
        (tmp_path / "products.csv").write_text(
            "sku;ozon.offer_id;wb.barcode;wb.chrt_id\n"
            "A-1;OZ/1;;\n"
            "A-2;;4600000000017;\n"
            f"A-3;;;{card.sizes[1].chrt_id}\n",
            encoding="utf-8-sig",
        )
        play.tables["products"] = {"file": "products.csv"}
        play.write()
        play.run("sync").ok()
        assert play.shown("ozon") == {"OZ/1": 8, "A-2": 18}
        assert play.shown("wb") == {"A-1": 8, "4600000000017": 18, "4600000000024": 28}


def test_a_new_mapping_moves_the_number_without_a_full_run(tmp_path: Path) -> None:
    """An edited products file takes effect with the next plain sync."""
    with shop(tmp_path, {"A-1": 10, "A-2": 20}, ozon=["X"], wb=[]) as play:
        del play.tables["sinks"]["wb"]
        file = tmp_path / "products.csv"
        file.write_text("sku,ozon.offer_id\nA-1,X\n", encoding="utf-8")
        play.tables["products"] = {"file": "products.csv"}
        play.write()
        play.run("sync").ok()
        assert play.shown("ozon") == {"X": 8}
        file.write_text("sku,ozon.offer_id\nA-2,X\n", encoding="utf-8")
        play.run("sync").ok()
        assert play.shown("ozon") == {"X": 18}


def test_a_feed_that_no_source_has_is_an_error_of_check(tmp_path: Path) -> None:
    """`check` names a warehouse in `feeds` that nobody reports, and those there are."""
    with shop(tmp_path, {"SKU-A": 10}) as play:
        play.sink("ozon")["warehouses"][0]["feeds"] = ["mian"]
        play.write()
        play.run("sync")
        assert play.shown("ozon") == {"SKU-A": 0}
        found = _check(play, "sinks.ozon", code=2)
        assert "mian" in found
        assert "main" in found


def test_a_warehouse_that_the_account_does_not_have_is_an_error_of_check(tmp_path: Path) -> None:
    """`check` names the wrong code and lists the account's own."""
    with shop(tmp_path, {"SKU-A": 10}) as play:
        play.sink("ozon")["warehouses"] = [{"code": "22142605386999"}]
        play.sink("wb")["warehouses"] = [{"code": "9999"}]
        play.write()
        found = _check(play, "sinks.ozon", code=2)
        assert "22142605386999" in found or "no such warehouse" in found
        assert OZON_CODE in found
        found = _check(play, "sinks.wb", code=2)
        assert "no such warehouse" in found
        assert "1111" in found


def test_ozons_reserve_is_found_out_by_one_write(tmp_path: Path) -> None:
    """`check --write-test SKU` writes once, reads back, and says which `reserve` the account needs."""
    with shop(tmp_path, {"SKU-A": 10}, ozon_options={"reserve": "include"}) as play:
        play.run("sync").ok()
        assert play.ozon.reserve("SKU-A", OZON_CODE, 3) is not None
        play.forget_requests()
        found = play.run("check", "--write-test", "SKU-A").stdout
        assert play.pushes("ozon") == 1
        assert play.pushes("wb") == 0
        assert 'reserve = "include"' in found


@pytest.mark.parametrize("sku", ["SKU-Z", "ONLY-1C"])
def test_a_write_test_of_what_is_not_sold_is_refused(tmp_path: Path, sku: str) -> None:
    """`--write-test` with an article that has no listing writes nothing and says why."""
    with shop(tmp_path, {"SKU-A": 10, "ONLY-1C": 3}, ozon=["SKU-A"]) as play:
        play.run("sync").ok()
        play.forget_requests()
        result = play.run("check", "--write-test", sku)
        assert result.code == 2
        assert sku in result.stdout
        assert play.pushes("ozon") == play.pushes("wb") == 0


def test_the_products_file_goes_before_the_article_of_the_same_name(tmp_path: Path) -> None:
    """Ozon has S and X; the file says that S is X there: it is, on a fresh ledger and on an old one."""
    with shop(tmp_path, {"S": 9}, ozon=["S", "X"], wb=["S"]) as play:
        play.run("sync").ok()
        assert play.shown("ozon")["S"] == 7
        (play.folder / "products.csv").write_text("sku,ozon.offer_id\nS,X\n", encoding="utf-8")
        play.tables["products"] = {"file": "products.csv"}
        play.write()
        play.run("sync").ok()
        assert play.shown("ozon")["X"] == 7
        play.tables["ledger"] = ledgers.settings_of(play.folder / "fresh.db")
        play.write()
        play.set_levels({"S": 5})
        play.run("sync").ok()
        assert play.shown("ozon")["X"] == 3
