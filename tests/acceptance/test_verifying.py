"""What the marketplaces show, held against what is known, over HTTP: sales, edits, late and lost writes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.play import OZON_CODE, WB_CODE, WB_STOCKS, Play, shop, skus, standard, until

LEVELS = dict.fromkeys(skus(40), 30)
SHOWN = {sku: standard(quantity) for sku, quantity in LEVELS.items()}


def wait(play: Play, seconds: float) -> None:
    """Let time pass on the doubles' clock."""
    due = play.ozon.clock.monotonic() + seconds
    until(lambda: play.ozon.clock.monotonic() >= due)


def test_verify_tells_a_sale_from_somebody_else_s_number(tmp_path: Path) -> None:
    """A sale is explained by its order, a raised number by nobody; nothing is sent; the next run mends."""
    with shop(tmp_path, LEVELS) as play:
        play.run("sync").ok()
        wait(play, 150)
        play.ozon.buy("SKU-0001", OZON_CODE, 2)
        play.wb.buy("SKU-0002", WB_CODE, 3)
        wait(play, 150)
        play.forget_requests()
        first = play.json("verify")
        assert {name: sink["drifts"] for name, sink in first["sinks"].items()} == {
            "ozon": {"sale": 1},
            "wb": {"sale": 1},
        }
        assert (first["exit_code"], first["unexplained"]) == (0, 0)
        for sink in ("ozon", "wb"):
            play.show(sink, "SKU-0003", 99)
        result = play.run("verify", "--json")
        assert result.code == 1
        for sink in result.json["sinks"].values():
            assert sink["drifts"] == {"another_writer": 1}
            assert [(d["sku"], d["expected"], d["observed"]) for d in sink["first"]] == [("SKU-0003", 28, 99)]
        assert play.pushes("ozon") + play.pushes("wb") == 0
        assert play.run("verify", "--sink", "wb").ok().said.count("ozon") == 0
        play.run("sync").ok()
        assert play.shown("ozon")["SKU-0003"] == play.shown("wb")["SKU-0003"] == 28
        assert (play.shown("ozon")["SKU-0001"], play.shown("wb")["SKU-0002"]) == (26, 25)


def test_an_ordinary_run_finds_by_its_sample_what_was_changed(tmp_path: Path) -> None:
    """40 listings are fewer than a sample: what was raised in the cabinet is mended by the next run."""
    with shop(tmp_path, LEVELS) as play:
        play.run("sync").ok()
        for sink in ("ozon", "wb"):
            play.show(sink, "SKU-0005", 99)
        play.forget_requests()
        report = play.json("sync")
        assert [report["sinks"][sink]["drifts"] for sink in ("ozon", "wb")] == [{"another_writer": 1}] * 2
        assert play.shown("ozon") == play.shown("wb") == SHOWN
        assert Counter(sku for sku, _ in play.pushed("wb")) == {"SKU-0005": 1}


def test_writes_that_are_answered_204_and_change_nothing_are_found(tmp_path: Path) -> None:
    """Wildberries says 204 to everything and stores nothing: told, and Ozon is served as ever."""
    with shop(tmp_path, LEVELS) as play:
        play.run("sync").ok()
        play.wb.add_fault(path=WB_STOCKS, method="PUT", status=204, times=-1)
        play.set_levels(dict.fromkeys(skus(5), 7))
        play.run("sync").ok()
        wait(play, 90)
        report = play.json("sync")
        assert report["sinks"]["wb"]["drifts"] == {"lost_write": 5}
        assert report["sinks"]["ozon"]["drifts"] == {}
        assert report["sinks"]["wb"]["pushed"] == 5
        status = play.run("status")
        assert "its writes do not arrive: 5 in a row were accepted and not shown" in status.said
        play.wb.faults.clear()
        wait(play, 90)
        play.run("sync").ok()
        wait(play, 90)
        play.run("sync").ok()
        assert play.shown("wb") == {**SHOWN, **dict.fromkeys(skus(5), 5)}
        assert play.json("status")["sinks"][1]["lost_writes"] == 0


@pytest.mark.parametrize("sink", ["ozon", "wb"])
def test_a_marketplace_that_is_read_stale_is_not_taken_for_a_lost_write(tmp_path: Path, sink: str) -> None:
    """What is read is an hour old, right after a write: not visible yet, and nothing is written again."""
    with shop(tmp_path, LEVELS, speed=1.0) as play:
        lag = play.ozon.account if sink == "ozon" else play.wb.stocks
        name = "read_lag" if sink == "ozon" else "stale_reads"
        setattr(lag, name, 3600.0)
        play.run("sync").ok()
        verified = play.json("verify")
        assert verified["sinks"][sink]["drifts"] == {"not_yet_visible": 40}
        assert verified["exit_code"] == 0
        setattr(lag, name, 0.0)
        play.forget_requests()
        assert play.json("verify")["sinks"][sink]["drifts"] == {}
        play.run("sync").ok()
        assert play.pushes(sink) == 0
