"""`mpstock init` before the doubles, over HTTP: what it asks, what it takes, and what it leaves behind."""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mpstock.cli.commands import run  # noqa: F401  (adds every command)
from mpstock.cli.group import cli
from mpstock.config import load
from mpstock.errors import ConfigurationError
from tests.acceptance.play import (
    API_KEY,
    CLIENT_ID,
    OZON_CODE,
    PASSWORD,
    SPEED,
    WB_CODE,
    Play,
    command,
    shop,
    toml,
)
from tests.ledgers import ON_POSTGRES

LEVELS = {"SKU-A": 10, "SKU-B": 20, "АРТ-007": 30}
LEDGER = () if ON_POSTGRES else ("mpstock.db",)


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """The doubles; Ozon's seller writes one article with Latin letters and no zeros."""
    with shop(tmp_path, LEVELS, ozon=["SKU-A", "SKU-B", "APT 7", "ELSE"], wb=["SKU-A", "SKU-B"]) as stage:
        stage.config.unlink()
        yield stage


def converse(play: Play, *typed: str) -> Result:
    """Type these lines at `mpstock init`. Where the doubles are is not asked about."""
    _, ozon, wb = play.urls
    sets = [f"clock.speed={SPEED:g}", f"ozon.base_url={ozon}"]
    if typed[1:2] and " " in typed[1]:
        sets += [f"wb.marketplace_url={wb}", f"wb.content_url={wb}"]
    options = [word for one in sets for word in ("--set", one)]
    arguments = ["init", "--config", str(play.config), *options]
    return CliRunner().invoke(cli, arguments, input="".join(f"{line}\n" for line in typed))


@pytest.fixture(scope="module")
def choice(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Which plugin has which number in the lists of those that can be chosen."""
    config = tmp_path_factory.mktemp("choice") / "mpstock.toml"
    said = CliRunner().invoke(cli, ["init", "--config", str(config)], input="1\n").output
    plugins = {"1C:Enterprise: stock from an HTTP": "onec", "Ozon:": "ozon", "Wildberries:": "wb"}
    return {
        name: line.split()[0]
        for line in said.splitlines()
        for words, name in plugins.items()
        if words in line and line.split()[0].isdecimal()
    }


def erp(play: Play) -> list[str]:
    return [play.urls[0], play.onec.user, PASSWORD]


def whole(play: Play, choice: dict[str, str]) -> list[str]:
    """What is typed for one marketplace where nothing goes wrong."""
    return [choice["onec"], choice["ozon"], *erp(play), CLIENT_ID, API_KEY, "1", "y", "y"]


def files(play: Play) -> set[str]:
    return {path.name for path in play.folder.iterdir()}


def test_what_is_asked_for_becomes_a_shop(play: Play, choice: dict[str, str]) -> None:
    """Keys, warehouses and the mapping of both marketplaces; the files work; nothing was sent meanwhile.

    `.env` is its owner's alone and has every secret; no other file has one, nor the terminal. An article that
    is nearly the same (APT 7 in Latin letters for АРТ-007) is mapped, one that is like nothing is named.
    """
    *typed, mapped, written = whole(play, choice)
    typed[1] += f" {choice['wb']}"
    result = converse(play, *typed, play.sink("wb")["token"], "1", mapped, written)
    assert result.exit_code == 0, result.output
    assert files(play) == {"mpstock.toml", ".env", "products.csv", *LEDGER}
    assert play.pushes("ozon") == play.pushes("wb") == 0
    secrets = [PASSWORD, API_KEY, play.sink("wb")["token"]]
    env = play.folder / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert all(secret in env.read_text(encoding="utf-8") for secret in secrets)
    for path in play.folder.iterdir():
        if path != env:
            assert not any(secret.encode() in path.read_bytes() for secret in secrets), path
    assert not any(secret in result.output for secret in secrets)
    assert "'APT 7' there, 'АРТ-007' here" in result.output
    assert "no product: ELSE" in result.output
    rows = (play.folder / "products.csv").read_text(encoding="utf-8").splitlines()
    assert rows == ["sku,ozon.offer_id", "АРТ-007,APT 7"]
    settings = load(play.config)
    assert (settings.sinks["ozon"].codes, settings.sinks["wb"].codes) == ((OZON_CODE,), (WB_CODE,))
    play.run("sync").ok()
    assert play.shown("ozon") == {"SKU-A": 8, "SKU-B": 18, "APT 7": 28, "ELSE": 0}


def test_a_wrong_key_is_asked_for_again_with_the_vendor_s_words(play: Play, choice: dict[str, str]) -> None:
    """A refusal is shown as it stands, of 1C and of the marketplace; what was right is not typed again.

    Who says no to a likeness gets no products file.
    """
    source, sink, url, user, _, client, _, *rest = whole(play, choice)
    result = converse(
        play,
        source, sink,
        url, user, "не тот", "y", "", "", PASSWORD,
        client, "not-the-key", "y", "", API_KEY,
        *rest[:-2], "n", "y",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Не авторизован" in result.output
    assert "Invalid Api-Key, please contact support" in result.output
    assert "not-the-key" not in result.output
    assert load(play.config).sinks["ozon"].settings.api_key.reveal() == API_KEY
    assert "products.csv" not in files(play)
    assert "[products]" not in play.config.read_text(encoding="utf-8")


def test_an_answer_that_is_needed_is_asked_for_again(play: Play, choice: dict[str, str]) -> None:
    """Enter alone, or blanks, are no answer to a key without a default: it says so, and asks once more."""
    source, sink, url, user, password, client, key, *rest = whole(play, choice)
    result = converse(play, source, sink, url, user, password, "", client, "  ", key, *rest)
    assert result.exit_code == 0, result.output
    assert result.output.count("cannot be left out") == 2
    assert "client_id cannot be left out" in result.output
    assert load(play.config).sinks["ozon"].settings.api_key.reveal() == API_KEY


def test_where_stock_is_shown_already_it_offers_to_begin_in_shadow_mode(
    play: Play, choice: dict[str, str]
) -> None:
    """Somebody writes there today: a yes, which is what Enter means, writes `shadow` into the settings."""
    play.show("ozon", "SKU-A", 3)
    *typed, mapped, written = whole(play, choice)
    result = converse(play, *typed, mapped, "", written)
    assert result.exit_code == 0, result.output
    assert "ozon shows stock of 1 listings" in result.output
    play.run("sync").ok()
    assert (play.pushes("ozon"), load(play.config).sinks["ozon"].shadow) == (0, True)


@pytest.mark.parametrize("kept", [0, 4, -2])
def test_who_stops_half_way_leaves_nothing_behind(play: Play, choice: dict[str, str], kept: int) -> None:
    """Ctrl-D at any question: no file, not even a part of one."""
    result = converse(play, *whole(play, choice)[:kept])
    assert result.exit_code == 1
    assert files(play) == set()


def test_who_says_no_in_the_end_leaves_nothing_behind(play: Play, choice: dict[str, str]) -> None:
    """The last question is whether to write; no means no."""
    result = converse(play, *whole(play, choice)[:-1], "n")
    assert files(play) == set()
    assert "mpstock.toml" in result.output


def answers(play: Play, **changes: Any) -> Path:
    """A file of answers for the doubles of 1C and Ozon."""
    tables: dict[str, Any] = {
        "clock": {"speed": SPEED},
        "sources": {"erp": dict(play.erp)},
        "sinks": {
            "ozon": {**play.ozon.settings(play.urls[1]), "warehouses": [OZON_CODE]},
        },
    }
    for place, value in changes.items():
        name, key = place.split("__")
        table = tables["sources"].get(name) or tables["sinks"][name]
        if value is None:
            del table[key]
        else:
            table[key] = value
    path = play.folder.parent / f"{play.folder.name}-answers.toml"
    path.write_text(toml(tables), encoding="utf-8")
    return path


def given(play: Play, *options: str, **changes: Any) -> Any:
    return command("init", "--config", str(play.config), "--answers", str(answers(play, **changes)), *options)


def test_a_script_gives_the_answers_in_a_file(play: Play) -> None:
    """The same tables as in the settings, secrets in plain; the document says how the products match."""
    result = given(play, "--json").ok()
    assert result.json["written"] == [".env", *LEDGER, "mpstock.toml"]
    found = {sink["name"]: sink for sink in result.json["sinks"]}
    assert (found["ozon"]["matched"], found["ozon"]["listings"]) == (2, 4)
    assert [match["sku"] for match in found["ozon"]["near"]] == ["АРТ-007"]
    assert {gap["external_id"] for gap in found["ozon"]["unmatched"]} == {"APT 7", "ELSE"}
    assert found["ozon"]["without_listing"] == 1
    assert API_KEY not in result.said
    written = tomllib.loads(play.config.read_text(encoding="utf-8"))
    assert written["sinks"]["ozon"]["api_key"] == "${OZON_API_KEY}"
    assert written["sinks"]["ozon"]["warehouses"] == [{"code": OZON_CODE}]
    play.run("check").ok()


def test_a_script_maps_by_likeness_only_if_it_says_so(play: Play) -> None:
    """`--map` takes what a person would be asked about."""
    assert "products.csv" in given(play, "--json", "--map").ok().json["written"]


def test_what_the_environment_has_is_heeded(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that is a variable stays one and is in no file; a variable that goes before `.env` is told."""
    monkeypatch.setenv("SHOP_OZON", API_KEY)
    monkeypatch.setenv("ERP_PASSWORD", "another")
    result = given(play, "--json", ozon__api_key="${SHOP_OZON}").ok()
    assert result.json["shadowed"] == ["ERP_PASSWORD"]
    assert "${SHOP_OZON}" in play.config.read_text(encoding="utf-8")
    assert API_KEY not in (play.folder / ".env").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ozon__api_key": "wrong"}, "Invalid Api-Key, please contact support"),
        ({"erp__password": "wrong"}, "Не авторизован"),
        ({"ozon__warehouses": ["1"]}, "no such warehouse in this account"),
        ({"ozon__warehouses": None}, f"the account has: {OZON_CODE}"),
        ({"ozon__api_kee": "x"}, "api_key"),
        ({"erp__plugin": "onek"}, "did you mean onec"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_an_answer_that_is_wrong_ends_it_with_the_reason(
    play: Play, changes: dict[str, Any], words: str
) -> None:
    """A wrong key, warehouse or key of the settings: exit code 2, the words, and no file."""
    result = given(play, "--json", **changes)
    assert result.code == 2, result.said
    assert words in result.json["error"]
    assert files(play) == set()


def test_what_is_there_is_not_overwritten_unasked(play: Play) -> None:
    """Settings and variables in `.env` refuse; `--force` writes anew what is ours, and never the ledger."""
    env = play.folder / ".env"
    env.write_text("OTHER=1\nOZON_API_KEY=old\n", encoding="utf-8")
    refused = given(play)
    assert refused.code == 2
    assert "sets OZON_API_KEY already" in refused.said
    assert not play.config.exists()
    given(play, "--force").ok()
    text = env.read_text(encoding="utf-8")
    assert "OTHER=1\n" in text
    assert "old" not in text
    play.run("sync").ok()
    before, known = play.config.read_bytes(), play.recorded("ozon")
    assert given(play).code == 2
    given(play, "--force").ok()
    assert play.config.read_bytes() == before
    assert play.recorded("ozon") == known != {}


def test_a_setting_for_nothing_that_was_chosen_is_refused_at_once(play: Play, choice: dict[str, str]) -> None:
    """A `--set` of what was not chosen is told before the questions."""
    result = converse(play, choice["onec"], f"{choice['wb']} ")
    assert isinstance(result.exception, ConfigurationError)
    assert "ozon.base_url" in str(result.exception)


def test_json_needs_answers(play: Play) -> None:
    """A program cannot be asked."""
    result = command("init", "--json", "--config", str(play.config))
    assert result.code == 2
    assert "--answers" in json.loads(result.stdout)["error"]
