"""The main job, as its owner sees it: both marketplaces show what 1C has, with no request too many."""

from __future__ import annotations

import random
from collections import Counter
from math import ceil
from pathlib import Path

import pytest

from tests.acceptance.play import OZON_BATCH, OZON_SPARE, WB_BATCH, WB_SPARE, shop, skus, standard


def _levels(count: int) -> dict[str, int]:
    return {sku: number * 37 % 101 for number, sku in enumerate(skus(count))}


def test_after_sync_every_number_equals_the_formula_with_the_fewest_requests(tmp_path: Path) -> None:
    """One sync makes every number equal the formula, in Σ ceil(changes / batch) requests, without one 429."""
    levels = _levels(2_345)
    with shop(tmp_path, levels, limits=True) as play:
        play.sink("ozon")["buffer"] = {"percent": 10}
        play.sink("wb")["buffer"] = {"cap": 50}
        play.write()
        report = play.json("sync")
        ozon = {sku: standard(quantity, percent=10) for sku, quantity in levels.items()}
        wb = {sku: standard(quantity, cap=50) for sku, quantity in levels.items()}
        assert play.shown("ozon") == ozon
        assert play.shown("wb") == wb
        moved = {name: sum(q > 0 for q in wanted.values()) for name, wanted in (("ozon", ozon), ("wb", wb))}
        assert {name: one["pushed"] for name, one in report["sinks"].items()} == moved
        assert play.pushes("ozon") == ceil(moved["ozon"] / OZON_BATCH)
        assert play.pushes("wb") == ceil(moved["wb"] / WB_BATCH)
        assert play.refused() == 0


def test_a_second_sync_writes_nothing(tmp_path: Path) -> None:
    """With nothing moved, neither a plain nor a full second sync sends a single write."""
    levels = _levels(150)
    with shop(tmp_path, levels, limits=True) as play:
        play.run("sync").ok()
        play.forget_requests()
        assert play.json("sync")["pushed"] == 0
        assert play.json("sync", "--full")["pushed"] == 0
        assert play.pushes("ozon") == play.pushes("wb") == 0
        assert play.refused() == 0


def test_a_hundred_changes_in_1c_are_pushed_and_no_other(tmp_path: Path) -> None:
    """After 100 changes in 1C a sync writes these, one request to each marketplace, and nothing else."""
    levels = _levels(1_200)
    with shop(tmp_path, levels, limits=True) as play:
        play.run("sync").ok()
        play.forget_requests()
        changed = {sku: levels[sku] + 7 for sku in random.Random(7).sample(sorted(levels), 100)}
        play.set_levels(changed)
        play.run("sync").ok()
        wanted = {sku: standard(quantity) for sku, quantity in changed.items()}
        assert dict(play.pushed("ozon")) == dict(play.pushed("wb")) == wanted
        assert len(play.pushed("ozon")) == len(play.pushed("wb")) == 100
        assert play.pushes("ozon") == play.pushes("wb") == 1
        expected = {sku: standard(quantity) for sku, quantity in {**levels, **changed}.items()}
        assert play.shown("ozon") == play.shown("wb") == expected
        assert play.refused() == 0


@pytest.mark.parametrize("sink", ["ozon", "wb"])
def test_what_somebody_changed_in_the_cabinet_is_mended_by_a_full_sync(tmp_path: Path, sink: str) -> None:
    """A number lowered and one raised in the cabinet come back by `sync --full`, and no other is written."""
    levels = _levels(150)
    low, high = "SKU-0020", "SKU-0030"
    with shop(tmp_path, levels) as play:
        # What a run that only samples would find is another story.
        play.tables["verify"] = {"sample": 0}
        play.write()
        play.run("sync").ok()
        play.show(sink, low, 1)
        play.show(sink, high, 900)
        play.forget_requests()
        assert play.json("sync")["pushed"] == 0
        report = play.json("sync", "--full")
        assert report["sinks"][sink]["drifted"] == 2
        assert Counter(sku for sku, _ in play.pushed(sink)) == {low: 1, high: 1}
        assert play.shown(sink) == {sku: standard(quantity) for sku, quantity in levels.items()}


def test_the_first_run_reads_an_account_that_shows_stock_once_and_pushes_only_what_differs(
    tmp_path: Path,
) -> None:
    """Where the account already shows the right numbers, the first run writes only the wrong ones."""
    levels = _levels(300)
    wrong = set(skus(300)[100:140])
    with shop(tmp_path, levels) as play:
        for sku, quantity in levels.items():
            for sink in ("ozon", "wb"):
                play.show(sink, sku, standard(quantity) + (3 if sku in wrong else 0))
        play.forget_requests()
        play.run("sync").ok()
        for sink in ("ozon", "wb"):
            assert {sku for sku, _ in play.pushed(sink)} == wrong
            assert play.shown(sink) == {sku: standard(quantity) for sku, quantity in levels.items()}
            assert play.pushes(sink) == 1
        assert play.ozon.count("POST", "/v1/product/info/warehouse/stocks") == 1
        assert play.wb.count("POST", "/api/v3/stocks") == 1


def test_zeros_go_first_then_falls_then_raises(tmp_path: Path) -> None:
    """Within a push to each marketplace zeros come before falls, and falls before raises."""
    levels = dict.fromkeys(skus(60), 20)
    with shop(tmp_path, levels) as play:
        play.run("sync").ok()
        play.forget_requests()
        raises, falls, zeros = skus(60)[:10], skus(60)[10:20], skus(60)[20:30]
        play.set_levels({**dict.fromkeys(raises, 30), **dict.fromkeys(falls, 10), **dict.fromkeys(zeros, 0)})
        play.run("sync").ok()
        for sink in ("ozon", "wb"):
            sent = [quantity for _, quantity in play.pushed(sink)]
            assert sent == [0] * 10 + [8] * 10 + [28] * 10


def test_several_warehouses_on_both_sides_show_what_feeds_them(tmp_path: Path) -> None:
    """Each sink warehouse shows what its own feeds hold; requests are summed over Wildberries' warehouses."""
    articles = skus(120)
    levels = {(sku, code): 10 + n % 9 + bonus for n, sku in enumerate(articles) for code, bonus in
              (("main", 0), ("msk-2", 30), ("spb", 60))}  # fmt: skip
    with shop(tmp_path, levels) as play:
        first, second = play.sink("ozon")["warehouses"][0]["code"], OZON_SPARE
        play.sink("ozon")["warehouses"] = [
            {"code": first, "feeds": ["main", "msk-2"]},
            {"code": second, "feeds": ["spb"], "buffer": {"absolute": 5}},
        ]
        play.sink("wb")["warehouses"] = [
            {"code": "1111", "feeds": ["main"]},
            {"code": WB_SPARE, "feeds": ["msk-2", "spb"]},
        ]
        play.write()
        play.run("sync").ok()

        def of(sku: str, *codes: str) -> int:
            return sum(levels[sku, code] for code in codes)

        assert play.shown("ozon", first) == {sku: standard(of(sku, "main", "msk-2")) for sku in articles}
        assert play.shown("ozon", second) == {sku: standard(of(sku, "spb"), absolute=5) for sku in articles}
        assert play.shown("wb", "1111") == {sku: standard(of(sku, "main")) for sku in articles}
        assert play.shown("wb", WB_SPARE) == {sku: standard(of(sku, "msk-2", "spb")) for sku in articles}
        assert play.pushes("ozon") == ceil(240 / OZON_BATCH)
        assert play.pushes("wb") == 2


def test_one_account_never_promises_the_same_unit_twice(tmp_path: Path) -> None:
    """Two warehouses of one account fed by the same stock show it once between them; `check` says so."""
    with shop(tmp_path, {"SKU-A": 10, "SKU-B": 7}) as play:
        play.sink("ozon")["warehouses"].append({"code": OZON_SPARE})
        play.sink("ozon")["buffer"] = {"policy": "all"}
        play.write()
        play.run("sync").ok()
        first, second = play.shown("ozon"), play.shown("ozon", OZON_SPARE)
        assert {sku: first[sku] + second[sku] for sku in first} == {"SKU-A": 10, "SKU-B": 7}
        assert "share" in play.run("check").stdout


def test_every_command_is_a_restart_and_restarts_get_no_429(tmp_path: Path) -> None:
    """Many short commands one after the other stay within the limits, whose state is in the ledger."""
    levels = dict.fromkeys(skus(40), 50)
    with shop(tmp_path, levels, limits=True) as play:
        for step in range(6):
            play.set_levels(dict.fromkeys(skus(40)[step * 5 : step * 5 + 5], 60 + step))
            play.run("sync").ok()
        assert play.refused() == 0
        assert play.shown("ozon") == play.shown("wb")
        assert not [row for row in play.json("log", "--limit", "500")["log"] if row["status"] != "ok"]
