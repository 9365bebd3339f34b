"""What the commands do and do not do: who reads, who sends, who narrows to what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.play import Play, command, ended, shop, skus, standard

LEVELS = {"SKU-A": 10, "SKU-B": 20, "SKU-C": 30}


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with shop(tmp_path, LEVELS) as stage:
        yield stage


def _sent(play: Play) -> int:
    return play.pushes("ozon") + play.pushes("wb")


@pytest.mark.parametrize("arguments", [("plan",), ("sync", "--dry-run"), ("plan", "--full")], ids=" ".join)
def test_a_plan_reads_and_records_and_sends_nothing(play: Play, arguments: tuple[str, ...]) -> None:
    """The plan has every change with what is shown now; levels are recorded; nothing is sent; exit 0."""
    play.show("wb", "SKU-A", 100)
    data = play.json(*arguments)
    plan = data if arguments[0] == "plan" else data["plan"]
    found = {(c["sink"], c["sku"]): (c["old"], c["new"], c["lane"]) for c in plan["changes"]}
    assert found == {
        ("ozon", "SKU-A"): (0, 8, "raise"), ("ozon", "SKU-B"): (0, 18, "raise"),
        ("ozon", "SKU-C"): (0, 28, "raise"), ("wb", "SKU-A"): (100, 8, "fall"),
        ("wb", "SKU-B"): (0, 18, "raise"), ("wb", "SKU-C"): (0, 28, "raise"),
    }  # fmt: skip
    assert _sent(play) == 0
    assert play.json("explain", "SKU-A")["terms"][0]["quantity"] == 10
    assert play.json("log")["log"] == []
    play.run("sync").ok()
    assert play.shown("wb") == {sku: standard(quantity) for sku, quantity in LEVELS.items()}


def test_sync_of_one_article_sends_no_other(play: Play) -> None:
    """`--sku` narrows what is sent, may be given twice, and leaves the rest to the next run."""
    play.run("sync").ok()
    play.forget_requests()
    play.set_levels(dict.fromkeys(LEVELS, 50))
    report = play.json("sync", "--sku", "SKU-A", "--sku", "SKU-B")
    assert report["pushed"] == 4
    assert {sku for sku, _ in [*play.pushed("ozon"), *play.pushed("wb")]} == {"SKU-A", "SKU-B"}
    assert play.shown("ozon") == {"SKU-A": 48, "SKU-B": 48, "SKU-C": 28}
    play.run("sync").ok()
    assert play.shown("ozon") == play.shown("wb") == dict.fromkeys(LEVELS, 48)


def test_a_plan_in_a_file_is_applied_later(play: Play, tmp_path: Path) -> None:
    """`plan --out` keeps it, `apply --dry-run` shows what it would send, `apply` sends it, once."""
    path = str(tmp_path / "p.json")
    told = play.run("plan", "--out", path)
    told.ok()
    assert f"mpstock apply {path}" in told.stdout
    assert len(play.json("apply", path, "--dry-run")["plan"]["changes"]) == 6
    assert _sent(play) == 0
    assert play.json("apply", path)["pushed"] == 6
    assert play.shown("wb") == {sku: standard(quantity) for sku, quantity in LEVELS.items()}
    again = play.json("apply", path)
    assert (again["pushed"], len(again["notes"])) == (0, 1)


def test_a_stale_plan_ends_with_1_and_names_what_moved(play: Play, tmp_path: Path) -> None:
    """What was planned from 0 was sent by another run: old, planned and now are on the screen and in JSON."""
    path = str(tmp_path / "p.json")
    Path(path).write_text(json.dumps(play.json("plan", "--sku", "SKU-A")), encoding="utf-8")
    play.run("sync").ok()
    done = play.run("apply", path)
    assert done.code == 1
    assert "SKU-A on ozon" in done.stderr
    done = play.run("apply", path, "--json")
    data = json.loads(done.stdout)
    assert (done.code, data["exit_code"], len(data["moved"])) == (1, 1, 2)
    assert data["moved"][0]["now"] == 8
    assert play.run("apply", str(tmp_path / "none.json")).code == 2


def test_a_run_is_taken_back_from_the_command_line(play: Play, tmp_path: Path) -> None:
    """`rollback` shows and keeps the plan, `--apply` carries it out, `resume --rollback` ends it."""
    play.run("sync").ok()
    play.set_levels({"SKU-A": 3})
    run = play.json("sync")["run"]
    play.set_levels({"SKU-A": 10})
    assert play.json("plan")["changes_total"] == 2
    path = tmp_path / "back.json"
    told = play.run("rollback", str(run), "--out", str(path))
    told.ok()
    assert "nothing was sent" in told.stdout
    assert play.shown("wb")["SKU-A"] == 1
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert {(c["sku"], c["old"], c["new"]) for c in kept["changes"]} == {("SKU-A", 1, 8)}
    report = play.json("rollback", str(run), "--apply", "--for", "2h")
    assert (report["pushed"], play.shown("wb")["SKU-A"]) == (2, 8)
    assert len(play.json("resume", "--rollback", str(run))["interventions"]) == 2
    assert play.run("rollback", "999").code == 2


def test_a_plan_of_one_article_has_no_other(play: Play) -> None:
    """`plan --sku` shows that article's changes alone."""
    plan = play.json("plan", "--sku", "SKU-B")
    assert {change["sku"] for change in plan["changes"]} == {"SKU-B"}


def test_the_log_tells_what_was_sent_and_why_newest_first(play: Play) -> None:
    """Old and new number, cause, run and outcome; narrowed by article, sink, run and count."""
    play.run("sync").ok()
    play.set_levels({"SKU-A": 5})
    play.run("sync").ok()
    newest: list[dict[str, Any]] = play.json("log", "--sku", "SKU-A", "--sink", "ozon")["log"]
    assert [(line["old"], line["new"], line["cause"], line["status"]) for line in newest] == [
        (8, 3, "1c", "ok"),
        (0, 8, "1c", "ok"),
    ]
    runs = [line["run"] for line in newest]
    assert runs[0] > runs[1]
    of_run = play.json("log", "--run", str(runs[0]))["log"]
    assert {(line["sku"], line["sink"]) for line in of_run} == {("SKU-A", "ozon"), ("SKU-A", "wb")}
    assert len(play.json("log", "--limit", "3")["log"]) == 3
    assert len(play.json("log", "--sink", "wb")["log"]) == 4
    assert play.json("log", "--sku", "NOBODY")["log"] == []


def test_a_refused_item_is_in_the_log_with_the_vendors_code(play: Play) -> None:
    """What Ozon answered for an item stands in the log, code and words."""
    play.ozon.account.offers["SKU-B"].price_sent = False
    assert play.run("sync").code == 1
    (line,) = play.json("log", "--sku", "SKU-B", "--sink", "ozon")["log"]
    assert line["status"] == "error"
    assert line["error_code"]
    assert line["error_code"] in play.run("log", "--sku", "SKU-B").stdout
    assert line["error_code"] in play.run("status").stdout


def test_status_needs_no_network(tmp_path: Path) -> None:
    """`status`, `log` and `explain` ask nobody: they work with every server gone."""
    with shop(tmp_path, LEVELS) as play:
        play.run("sync").ok()
    status = play.json("status")
    assert status["sources"][0]["rows"] == 3
    assert {sink["name"]: sink["statuses"] for sink in status["sinks"]} == {
        "ozon": {"ok": 3},
        "wb": {"ok": 3},
    }
    assert [run["exit_code"] for run in status["runs"]] == [0]
    play.run("log").ok()
    explained = play.run("explain", "SKU-A").ok().stdout
    assert "10 − 0 − 0 = 10" in explained
    assert "wanted 8, shows 8, confirmed 8" in explained


def test_explain_tells_what_it_was_and_why_it_is_not_more(play: Play, tmp_path: Path) -> None:
    """The number of a run and of a time, the stage that cuts it, and a page for the browser."""
    play.run("sync").ok()
    play.set_levels({"SKU-A": 5})
    play.run("sync").ok()
    assert {one["sent"] for one in play.json("explain", "SKU-A", "--run", "1")["listings"]} == {8}
    assert {one["sent"] for one in play.json("explain", "SKU-A", "--at", "2100-01-01")["listings"]} == {3}
    assert play.json("explain", "SKU-A", "--at", "2020-01-01T10:00")["listings"] == []
    (answer,) = play.json("explain", "SKU-A", "--why-not", "4", "--sink", "ozon")["why_not"]
    assert (answer["stage"]["name"], answer["before"], answer["after"]) == ("buffer", 5, 3)
    assert answer["sentence"] in play.run("explain", "SKU-A", "--why-not", "4").ok().stdout
    page = tmp_path / "why.html"
    assert str(page) in play.run("explain", "SKU-A", "--html", str(page)).ok().stdout
    assert "wanted 3, shows 3" in page.read_text(encoding="utf-8")


def test_commands_before_the_first_run_say_that_there_was_none(play: Play) -> None:
    """A ledger without a run is no error for `status` and `log`."""
    assert "never" in play.run("status").ok().stdout
    assert play.json("log")["log"] == []


def test_check_with_everything_well_ends_with_0_and_changes_nothing(play: Play) -> None:
    """`check` asks each account, changes nothing, and says what is well."""
    data = play.json("check")
    worst = {part["subject"]: part["worst"] for part in data["parts"]}
    assert worst["sources.erp"] == worst["sinks.ozon"] == worst["sinks.wb"] == "ok"
    assert _sent(play) == 0
    play.run("plan").ok()
    assert "3 of 3 listings have a product" in play.run("check").ok().stdout


def test_the_demo_ends_with_its_table_and_every_number_right() -> None:
    """`demo --products 300 --json`: what was pushed, what is shown, one number explained, none wrong."""
    data = command("demo", "--products", "300", "--speed", "200", "--json").ok().json
    assert data["different_from_formula"] == 0
    assert data["exit_code"] == 0
    assert list(data["runs"]) == ["first sync", "a minute later, after 100 changes", "with nothing to do"]
    assert data["runs"]["with nothing to do"]["pushed"] == 0
    for sink in ("ozon", "wb"):
        assert data["shown"][sink]["listings"] == 300
        assert data["shown"][sink]["units"] > 0
        assert data["requests"][sink]["answers of 429"] == 0
    assert {one["sink"] for one in data["explanation"]["listings"]} == {"ozon", "wb"}


def test_the_demo_for_people_says_that_time_is_scaled(tmp_path: Path) -> None:
    """The demo in a process of its own: its tables, its explanation, and no file left behind."""
    from tests.acceptance.play import spawn

    result = ended(spawn("demo", "--products", "50", "--speed", "200", cwd=tmp_path)).ok()
    assert result.plain
    for text in (
        "200 times as fast",
        "What was pushed",
        "What each marketplace now shows",
        "One number explained",
        "Every number equals the formula",
    ):
        assert text in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("products", ["0", "-5"])
def test_a_demo_of_nothing_is_refused(products: str) -> None:
    """A shop without products is an error of usage, not a crash."""
    result = command("demo", "--products", products)
    assert result.code == 2
    assert "Traceback" not in result.said


@pytest.mark.parametrize("speed", ["0", "-1"])
def test_a_demo_without_time_is_refused(speed: str) -> None:
    """Time that stands still or runs backwards is an error of usage, not a crash."""
    result = command("demo", "--products", "5", "--speed", speed)
    assert result.code == 2
    assert "Traceback" not in result.said


def test_a_thousand_changes_of_a_plan_are_not_all_printed(tmp_path: Path) -> None:
    """A plan for people shows the first and counts the rest; with `--json` all are there."""
    with shop(tmp_path, dict.fromkeys(skus(80), 10)) as play:
        said = play.run("plan").ok().stdout
        assert "160 changes" in said
        assert "110 more" in said
        assert len(play.json("plan")["changes"]) == 160
