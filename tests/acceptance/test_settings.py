"""What is wrong with the settings is said at once, by place and name, with exit code 2 and nothing sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mpstock import ScaledClock
from tests.acceptance.play import PASSWORD, Play, command, shop

Spoil = Callable[[Play], None]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """The doubles, served once: most of these tests never reach them."""
    with shop(tmp_path_factory.mktemp("stage"), {"SKU-A": 10}) as play:
        yield play


@pytest.fixture
def play(stage: Play, tmp_path: Path) -> Play:
    """A shop with a folder and a ledger of its own."""
    stage.forget_requests()
    return Play(tmp_path, stage.onec, stage.ozon, stage.wb, stage.urls, stage.clock)


def _unknown_key(play: Play) -> None:
    play.sink("ozon")["api_kei"] = "x"


def _unknown_common_key(play: Play) -> None:
    play.erp["max_agee"] = "2h"


def _unknown_warehouse_key(play: Play) -> None:
    play.sink("wb")["warehouses"][0]["feed"] = ["main"]


def _unknown_table(play: Play) -> None:
    play.tables["guard"] = {"zeroing": {"share": 0.2}}


def _unknown_policy_key(play: Play) -> None:
    play.sink("ozon")["buffer"] = {"absolut": 3}


def _unset_variable(play: Play) -> None:
    play.sink("wb")["token"] = "${MPSTOCK_TEST_NOT_SET}"


def _wrong_type(play: Play) -> None:
    play.sink("ozon")["buffer"] = {"absolute": "three"}


def _wrong_length(play: Play) -> None:
    play.erp["max_age"] = "two hours"


def _missing_key(play: Play) -> None:
    del play.sink("ozon")["client_id"]


def _no_such_plugin(play: Play) -> None:
    play.sink("ozon")["plugin"] = "ozn"


def _plugin_not_installed(play: Play) -> None:
    play.tables["sources"]["sheet"] = {"plugin": "spreadsheets"}


def _wrong_code(play: Play) -> None:
    play.sink("wb")["warehouses"][0]["code"] = "Коледино"


def _no_warehouses(play: Play) -> None:
    del play.sink("wb")["warehouses"]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_unknown_key, ("[sinks.ozon]", "api_kei", "api_key")),
        (_unknown_common_key, ("[sources.erp]", "max_agee", "max_age")),
        (_unknown_warehouse_key, ("[[sinks.wb.warehouses]]", "feed", "feeds")),
        (_unknown_table, ("[guard]", "guards")),
        (_unknown_policy_key, ("[sinks.ozon.buffer]", "absolut", "absolute")),
        (_unset_variable, ("[sinks.wb]", "token", "MPSTOCK_TEST_NOT_SET")),
        (_wrong_type, ("[sinks.ozon.buffer]", "absolute", "three")),
        (_wrong_length, ("[sources.erp]", "max_age", "two hours")),
        (_missing_key, ("[sinks.ozon]", "client_id", "missing")),
        (_no_such_plugin, ("[sinks.ozon]", "ozn", "ozon")),
        (_plugin_not_installed, ("[sources.sheet]", "spreadsheets", "installed")),
        (_wrong_code, ("sinks.wb", "warehouses", "Коледино")),
        (_no_warehouses, ("[sinks.wb]", "warehouses", "code")),
    ],
)
@pytest.mark.parametrize("how", ["sync", "check"])
def test_a_wrong_setting_is_named_with_its_table_and_what_is_right(
    play: Play, spoil: Spoil, named: tuple[str, ...], how: str
) -> None:
    """The message names the table, the key and the nearest right one; nothing leaves the house."""
    spoil(play)
    play.write()
    result = play.run(how)
    assert result.code == 2
    for text in named:
        assert text in result.said
    assert "Traceback" not in result.said
    assert PASSWORD not in result.said
    # `check` goes on with what works; a run does not begin.
    if how == "sync":
        assert [*play.onec.requests, *play.ozon.requests, *play.wb.requests] == []
    assert play.pushes("ozon") == play.pushes("wb") == 0


def test_everything_that_is_wrong_is_told_at_once(play: Play) -> None:
    """Three mistakes in one file are three lines of one message."""
    _unknown_key(play)
    _unset_variable(play)
    _wrong_length(play)
    play.write()
    said = play.run("sync").stderr
    assert all(text in said for text in ("api_kei", "MPSTOCK_TEST_NOT_SET", "two hours"))


@pytest.mark.parametrize("arguments", [("sync",), ("check",), ("status",), ("explain", "SKU-A"), ("log",)])
def test_no_settings_file_says_which_was_looked_for(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Where there is no settings file the path that was looked for is named."""
    path = tmp_path / "nowhere.toml"
    result = command(*arguments, "--config", str(path))
    assert result.code == 2
    assert str(path) in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_broken_toml_says_where(play: Play) -> None:
    """A file that is no TOML is told with its line."""
    play.write('[ledger]\nurl = "sqlite:///mpstock.db\n')
    result = play.run("sync")
    assert result.code == 2
    assert "line 2" in result.stderr
    assert "mpstock.toml" in result.stderr


def test_secrets_come_from_env_beside_the_file(play: Play, tmp_path: Path) -> None:
    """`${NAME}` is taken from `.env` beside the settings file."""
    play.sink("ozon")["api_key"] = "${MPSTOCK_TEST_OZON_KEY}"
    play.write()
    assert play.run("sync").code == 2
    (tmp_path / ".env").write_text(f"MPSTOCK_TEST_OZON_KEY={play.ozon.api_key}\n", encoding="utf-8")
    play.run("sync").ok()
    assert play.shown("ozon") == {"SKU-A": 8}


@pytest.mark.sqlite("its file")
def test_the_settings_may_lie_elsewhere_and_their_paths_are_relative_to_them(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--config` elsewhere the ledger and the products file are found beside the settings."""
    folder = tmp_path / "etc" / "shop"
    folder.mkdir(parents=True)
    (folder / "products.csv").write_text("sku,buffer.absolute\nSKU-A,4\n", encoding="utf-8")
    play.tables["products"] = {"file": "products.csv"}
    play.tables["ledger"]["url"] = "sqlite:///state.db"
    play.write()
    play.config.rename(folder / "my.toml")
    monkeypatch.chdir(tmp_path)
    command("sync", "--config", "etc/shop/my.toml").ok()
    assert (folder / "state.db").is_file()
    assert not list(tmp_path.glob("*.db"))
    assert play.shown("ozon") == {"SKU-A": 6}


def test_an_unknown_article_or_guard_is_named(play: Play) -> None:
    """`--sku` and `--release` with names that do not exist are errors of usage."""
    play.run("sync").ok()
    unknown = play.run("sync", "--sku", "sku-a")
    assert unknown.code == 2
    assert "'sku-a'" in unknown.stderr
    guard = play.run("sync", "--release", "zeroes")
    assert guard.code == 2
    assert "zeroing" in guard.stderr


def test_free_with_a_reserve_of_its_own_is_refused(play: Play) -> None:
    """`quantity = "free"` beside rows that carry a reserve would subtract it twice: it is refused, unsent."""
    play.onec.call(play.onec.reserve, "SKU-A", 3)
    play.erp["quantity"] = "free"
    play.write()
    result = play.run("sync")
    play.onec.call(play.onec.reserve, "SKU-A", None)
    assert result.code != 0
    assert "SKU-A" in result.said
    assert "on_hand" in result.said
    assert play.pushes("ozon") == 0


def test_a_command_tells_the_time_of_the_doubles(stage: Play, tmp_path: Path) -> None:
    """With their anchor the fast time is one, also where they began an hour before the first command."""
    clock = ScaledClock(stage.speed, anchor=stage.clock.anchor - timedelta(hours=1))
    play = Play(tmp_path, stage.onec, stage.ozon, stage.wb, stage.urls, clock)
    before = play.clock.now()
    started = datetime.fromisoformat(play.json("sync")["started_at"])
    assert before <= started <= play.clock.now()
