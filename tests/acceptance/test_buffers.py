"""Buffers at every level, by hand-made numbers; `explain` says which setting won."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.play import OZON_CODE, OZON_SPARE, Play, shop


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Two hundred of everything, told apart by the products file alone."""
    articles = ["PLAIN", "PRODUCT", "SINK", "PLACE"]
    with shop(tmp_path, {(sku, code): 200 for sku in articles for code in ("main", "msk")}) as stage:
        yield stage


def _explained(play: Play, sku: str, sink: str, code: str) -> dict[str, Any]:
    listings = play.json("explain", sku)["listings"]
    return next(one for one in listings if one["sink"] == sink and one["warehouse"] == code)


def test_the_most_specific_setting_wins_key_by_key_and_explain_says_which(play: Play) -> None:
    """product × sink × warehouse > product × sink > product > sink warehouse > sink > default."""
    spare = f"ozon.{OZON_SPARE}.buffer.absolute"
    (play.folder / "products.csv").write_text(
        f"sku,buffer.absolute,ozon.buffer.absolute,{spare},ozon.buffer.cap\n"
        "PRODUCT,30,,,\n"
        "SINK,30,40,,\n"
        "PLACE,30,40,50,120\n",
        encoding="utf-8",
    )
    play.tables["products"] = {"file": "products.csv"}
    play.sink("ozon")["buffer"] = {"absolute": 10}
    play.sink("ozon")["warehouses"] = [
        {"code": OZON_CODE, "feeds": ["main"]},
        {"code": OZON_SPARE, "feeds": ["msk"], "buffer": {"absolute": 20, "cap": 175}},
    ]
    play.sink("wb")["warehouses"][0]["feeds"] = ["main"]
    play.write()
    play.run("sync").ok()
    assert play.shown("ozon") == {"PLAIN": 190, "PRODUCT": 170, "SINK": 160, "PLACE": 120}
    assert play.shown("ozon", OZON_SPARE) == {"PLAIN": 175, "PRODUCT": 170, "SINK": 160, "PLACE": 120}
    assert play.shown("wb") == {"PLAIN": 198, "PRODUCT": 170, "SINK": 170, "PLACE": 170}

    def won(sku: str, sink: str, code: str, key: str = "absolute") -> tuple[Any, str]:
        one = _explained(play, sku, sink, code)
        return one["buffer"][key], one["origins"][key]

    assert won("PLAIN", "wb", "1111") == (2, "default")
    assert won("PLAIN", "ozon", OZON_CODE) == (10, "[sinks.ozon.buffer]")
    value, place = won("PLAIN", "ozon", OZON_SPARE)
    assert value == 20
    assert OZON_SPARE in place or "warehouses" in place
    assert won("PRODUCT", "ozon", OZON_SPARE) == (30, "products.csv line 2")
    assert won("SINK", "ozon", OZON_SPARE) == (40, "products.csv line 3")
    assert won("PLACE", "ozon", OZON_SPARE) == (50, "products.csv line 4")
    assert won("PLACE", "ozon", OZON_SPARE, "cap") == (120, "products.csv line 4")
    text = play.run("explain", "PLACE").ok().stdout
    assert "absolute = 50 (products.csv line 4)" in text
    assert "advertise 120" in text


@pytest.mark.parametrize(
    ("buffer", "shown"),
    [
        ({}, 398),
        ({"absolute": 0}, 400),
        ({"percent": 10}, 360),
        ({"percent": 0.3}, 398),
        ({"percent": 0.6}, 397),
        ({"cap": 100}, 100),
        ({"absolute": 1000}, 0),
        ({"policy": "all"}, 400),
        ({"policy": "all", "cap": 7}, 7),
        ({"policy": "fixed_share", "percent": 33}, 132),
        ({"policy": "threshold", "minimum": 400}, 400),
        ({"policy": "threshold", "minimum": 401}, 0),
    ],
    ids=str,
)
def test_each_policy_comes_to_its_number(play: Play, buffer: dict[str, Any], shown: int) -> None:
    """400 available under each of the built-in policies."""
    play.sink("ozon")["buffer"] = buffer
    del play.tables["sinks"]["wb"]
    play.write()
    play.run("sync").ok()
    assert set(play.shown("ozon").values()) == {shown}


def test_a_changed_buffer_is_pushed_by_the_next_plain_sync(play: Play) -> None:
    """Settings are part of the formula: what they change is pushed, and nothing else."""
    play.run("sync").ok()
    play.forget_requests()
    play.sink("ozon")["buffer"] = {"absolute": 5}
    play.write()
    play.run("sync").ok()
    assert set(play.shown("ozon").values()) == {395}
    assert play.pushes("wb") == 0


def test_more_than_a_marketplace_takes_is_cut_to_its_range(tmp_path: Path) -> None:
    """Two millions in 1C are 999,999 at Ozon and 100,000 at Wildberries."""
    with shop(tmp_path, {"NUTS": 2_000_000}) as play:
        play.run("sync").ok()
        assert play.shown("ozon") == {"NUTS": 999_999}
        assert play.shown("wb") == {"NUTS": 100_000}
