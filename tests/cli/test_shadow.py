"""Shadow mode and taking over, typed at the command line, before the doubles over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.play import Play, shop


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Both marketplaces are written to by another integration."""
    with shop(tmp_path, {"SKU-A": 10, "SKU-B": 20}) as stage:
        for name in ("ozon", "wb"):
            stage.sink(name)["shadow"] = True
        stage.write()
        stage.show("ozon", "SKU-A", 9)
        yield stage


def writes(play: Play) -> int:
    return play.pushes("ozon") + play.pushes("wb")


def test_no_request_that_writes_leaves(play: Play) -> None:
    """Whatever is typed: the doubles see readings alone, and each command ends as on a good day."""
    play.run("sync").ok()
    plan = play.folder / "plan.json"
    play.run("plan", "--out", str(plan)).ok()
    play.run("apply", str(plan)).ok()
    play.run("zero", "--sku", "SKU-B").ok()
    said = play.run("sync", "--full", "--retry", "--release", "takeover").ok().stdout
    assert "shadow" in said
    assert "in shadow mode, and nothing is written to it" in play.run("check", "--write-test", "SKU-A").said
    assert writes(play) == 0
    assert play.shown("ozon")["SKU-A"] == 9


def test_what_was_watched_is_told_and_then_taken_over(play: Play) -> None:
    """`shadow` reports, `takeover` shows the change, `--apply` decides it, `sync` sends, `--back` ends it."""
    play.run("sync").ok()
    play.run("sync").ok()
    found = {sink["name"]: sink for sink in play.json("shadow")["sinks"]}
    assert (found["ozon"]["looks"], found["ozon"]["higher"], found["ozon"]["lower"]) == (2, 1, 1)
    assert "ozon: shadow; watched" in play.run("shadow", "--sink", "ozon", "--for", "1h").ok().stdout
    plan = play.json("takeover", "ozon")
    assert {(c["sku"], c["old"], c["new"]) for c in plan["changes"]} == {("SKU-A", 9, 8), ("SKU-B", 0, 18)}
    assert writes(play) == 0
    decided = play.json("takeover", "ozon", "--apply", "--by", "olga", "--reason", "enough seen")
    assert (decided["mode"], decided["actor"], decided["reason"]) == ("live", "olga", "enough seen")
    play.run("sync").ok()
    assert play.shown("ozon") == {"SKU-A": 8, "SKU-B": 18}
    assert (play.pushes("ozon"), play.pushes("wb")) == (1, 0)
    modes = {sink["name"]: sink["mode"] for sink in play.json("status")["sinks"]}
    assert modes == {"ozon": "live", "wb": "shadow"}
    play.run("takeover", "ozon", "--back").ok()
    play.set_levels({"SKU-A": 50})
    play.run("sync").ok()
    assert play.pushes("ozon") == 1
    actions = play.json("log", "--actions")["actions"]
    assert [one["scope"]["mode"] for one in actions if one["action"] == "takeover"] == ["shadow", "live"]


def test_what_cannot_be_decided_is_told(play: Play) -> None:
    """An unknown sink, both options, a sink that is in that mode already."""
    assert "did you mean ozon" in play.run("takeover", "ozonn").said
    assert play.run("takeover", "ozon", "--apply", "--back").code == 2
    refused = play.run("takeover", "ozon", "--back")
    assert (refused.code, "in shadow mode already: the settings say so" in refused.said) == (2, True)
