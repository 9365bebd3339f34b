"""What would take too much to zero is held with its reason, exit 1; the rest flows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.play import Play, shop, skus, standard

LEVELS = {sku: 10 + number % 7 for number, sku in enumerate(skus(100))}
WANTED = {sku: standard(quantity) for sku, quantity in LEVELS.items()}


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with shop(tmp_path, LEVELS) as stage:
        stage.run("sync").ok()
        stage.forget_requests()
        yield stage


def _untouched(play: Play, but: dict[str, int] | None = None) -> None:
    assert play.shown("ozon") == play.shown("wb") == {**WANTED, **(but or {})}


def test_an_empty_list_from_1c_zeroes_nothing(play: Play) -> None:
    """A complete answer without a row is held as a whole, and says so."""
    play.onec.fail("no_rows")
    result = play.run("sync", "--full")
    assert result.code == 1
    assert "held" in result.stdout
    assert "the next run reads it completely again" in result.stdout
    _untouched(play)
    assert play.pushes("ozon") == play.pushes("wb") == 0
    assert "unknown" in play.run("status").stdout
    play.onec.recover()
    play.run("sync").ok()
    _untouched(play)
    assert play.pushes("ozon") == play.pushes("wb") == 0


def test_half_an_answer_of_1c_zeroes_nothing_and_what_it_says_flows(play: Play) -> None:
    """With half of the rows missing the other half is believed: its falls flow, exit 1."""
    for sku in skus(100)[50:]:
        play.onec.call(play.onec.remove, sku)
    play.set_levels({"SKU-0001": 5, "SKU-0002": 7})
    report = play.json("sync", "--full", code=1)
    assert [held["guard"] for held in report["held"]] == ["shrunken"]
    assert "50 of 100" in report["held"][0]["reason"]
    _untouched(play, {"SKU-0001": 3, "SKU-0002": 5})


def test_zeros_of_1c_in_such_number_are_held_and_everything_else_flows(play: Play) -> None:
    """Half of the shop at zero is held for each marketplace; the falls beside it are sent."""
    zeros = skus(100)[50:]
    play.set_levels({**dict.fromkeys(zeros, 0), "SKU-0001": 5, "SKU-0002": 7})
    report = play.json("sync", code=1)
    assert {(held["sink"], held["count"]) for held in report["held"]} == {("ozon", 50), ("wb", 50)}
    assert all("50 of 100" in held["reason"] for held in report["held"])
    _untouched(play, {"SKU-0001": 3, "SKU-0002": 5})
    assert report["sinks"]["ozon"]["pushed"] == 2
    assert "held" in play.run("status").stdout
    assert "held" in play.run("explain", zeros[0]).stdout
    # It stays held until somebody decides.
    assert play.run("sync").code == 1
    _untouched(play, {"SKU-0001": 3, "SKU-0002": 5})
    play.run("sync", "--release", "zeroing").ok()
    _untouched(play, {**dict.fromkeys(zeros, 0), "SKU-0001": 3, "SKU-0002": 5})


def test_raises_of_a_suspicious_reading_are_held_with_its_zeros(play: Play) -> None:
    """An answer that is not believed in its zeros is not believed in its raises either."""
    zeros = skus(100)[50:]
    play.set_levels({**dict.fromkeys(zeros, 0), "SKU-0001": 5, "SKU-0002": 90})
    assert play.run("sync").code == 1
    _untouched(play, {"SKU-0001": 3})
    play.run("sync", "--release", "zeroing").ok()
    _untouched(play, {**dict.fromkeys(zeros, 0), "SKU-0001": 3, "SKU-0002": 88})


def test_the_first_run_does_not_empty_an_account_that_shows_stock(tmp_path: Path) -> None:
    """Half of what the account shows would be zeroed by the very first read: it is held as on any day."""
    levels = {sku: 0 if number < 50 else 10 for number, sku in enumerate(skus(100))}
    with shop(tmp_path, levels) as play:
        for sku in levels:
            play.show("ozon", sku, 8)
            play.show("wb", sku, 8)
        assert play.run("sync").code == 1
        assert play.shown("ozon") == play.shown("wb") == dict.fromkeys(levels, 8)


def test_what_is_really_gone_is_let_through_by_name(play: Play) -> None:
    """`sync --full --release shrunken` takes the rows that 1C left out as sold out."""
    for sku in skus(100)[50:]:
        play.onec.call(play.onec.remove, sku)
    assert play.run("sync", "--full").code == 1
    play.run("sync", "--full", "--release", "shrunken").ok()
    _untouched(play, dict.fromkeys(skus(100)[50:], 0))


def test_a_normal_day_is_not_held(play: Play) -> None:
    """Twenty sold out of a hundred is no more than `count`: it is sent without asking."""
    gone = skus(100)[:20]
    play.set_levels(dict.fromkeys(gone, 0))
    play.run("sync").ok()
    _untouched(play, dict.fromkeys(gone, 0))


def test_the_guard_counts_over_an_hour_of_runs(play: Play) -> None:
    """Fifteen zeros a run slip under `count` one by one, but not together within the window."""
    articles = skus(100)
    play.set_levels(dict.fromkeys(articles[:15], 0))
    play.run("sync").ok()
    play.set_levels(dict.fromkeys(articles[15:30], 0))
    assert play.run("sync").code == 1
    _untouched(play, dict.fromkeys(articles[:15], 0))


def test_the_share_is_of_what_shows_stock_and_not_of_all(tmp_path: Path) -> None:
    """Of 400 listings 60 are live: 30 zeros are half of them, not 7 %."""
    articles = skus(400)
    levels = {sku: 10 if number < 60 else 0 for number, sku in enumerate(articles)}
    with shop(tmp_path, levels) as play:
        play.run("sync").ok()
        play.set_levels(dict.fromkeys(articles[:30], 0))
        assert play.run("sync").code == 1
        assert sum(play.shown("ozon").values()) == 60 * 8


def test_the_guard_is_set_in_the_settings(play: Play) -> None:
    """`[guards] zeroing` with a higher count lets the same day through."""
    play.tables["guards"] = {"zeroing": {"share": 0.9, "count": 95, "window": "1h"}}
    play.write()
    gone = skus(100)[:80]
    play.set_levels(dict.fromkeys(gone, 0))
    play.run("sync").ok()
    _untouched(play, dict.fromkeys(gone, 0))


def test_a_plan_shows_what_is_held_and_ends_with_1(play: Play) -> None:
    """`plan` names the guard at each change that it holds, and sends nothing."""
    play.set_levels(dict.fromkeys(skus(100)[50:], 0))
    plan = play.json("plan", code=1)
    held = [change for change in plan["changes"] if change["held"]]
    assert len(held) == 100
    assert {change["held"] for change in held} == {"zeroing"}
    assert play.pushes("ozon") == play.pushes("wb") == 0
