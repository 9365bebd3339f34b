"""Credentials that a vendor refuses: exit code 2, in the vendor's own words; what else can flow, flows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mpstock_wb.simulator import make_token
from tests.acceptance.play import Play, shop


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with shop(tmp_path, {"SKU-A": 10, "SKU-B": 20}) as stage:
        yield stage


def _ozon_key(play: Play) -> None:
    play.sink("ozon")["api_key"] = "not-the-key"


def _ozon_client(play: Play) -> None:
    play.sink("ozon")["client_id"] = "99999"


def _wb_foreign(play: Play) -> None:
    play.sink("wb")["token"] = make_token(datetime(2099, 1, 1, tzinfo=UTC), oid=7)


@pytest.mark.parametrize(
    ("spoil", "refused", "other", "words"),
    [
        (_ozon_key, "ozon", "wb", "Invalid Api-Key, please contact support"),
        (_ozon_client, "ozon", "wb", "Invalid Api-Key, please contact support"),
        (_wb_foreign, "wb", "ozon", "unauthorized"),
    ],
)
def test_a_sink_that_refuses_us_is_named_in_its_words_and_the_other_is_served(
    play: Play, spoil: Callable[[Play], None], refused: str, other: str, words: str
) -> None:
    """The refusing account gets no write, the other one all of its own, and the command ends with 2."""
    spoil(play)
    play.write()
    result = play.run("sync")
    assert result.code == 2
    assert words in result.stdout
    assert refused in result.stdout
    assert play.pushes(refused) == 0
    assert play.shown(other) == {"SKU-A": 8, "SKU-B": 18}
    checked = play.json("check", code=2)
    part = next(part for part in checked["parts"] if part["subject"] == f"sinks.{refused}")
    assert part["worst"] == "error"
    assert words in str(part)


def test_once_the_credentials_are_mended_the_next_run_serves_the_sink(play: Play) -> None:
    """A run after the mended settings catches up by itself."""
    good = play.sink("ozon")["api_key"]
    _ozon_key(play)
    play.write()
    assert play.run("sync").code == 2
    play.sink("ozon")["api_key"] = good
    play.write()
    play.run("sync").ok()
    assert play.shown("ozon") == {"SKU-A": 8, "SKU-B": 18}


def test_1c_that_refuses_us_is_told_in_russian_unharmed(play: Play) -> None:
    """A password that 1C refuses ends with 2; its Russian words arrive as they are; nothing is written."""
    play.erp["password"] = "не тот"
    play.write()
    result = play.run("sync")
    assert result.code == 2
    assert "Не авторизован" in result.stdout
    assert play.pushes("ozon") == play.pushes("wb") == 0
    checked = play.run("check")
    assert checked.code == 2
    assert "Не авторизован" in checked.stdout
    assert "user and password" in checked.stdout


def test_a_cyrillic_user_and_password_are_understood(play: Play) -> None:
    """The doubles' user and password are Russian, and the first run reads with them."""
    assert not play.onec.user.isascii()
    assert not play.onec.password.isascii()
    play.run("sync").ok()


def test_an_expired_token_of_wildberries_is_told_without_asking(play: Play) -> None:
    """`check` reads from the token itself when it ended, and which rights it lacks."""
    play.sink("wb")["token"] = make_token(datetime(2024, 5, 6, 7, 8, tzinfo=UTC), scopes=[1])
    play.write()
    said = play.run("check").stdout
    assert "expired at 2024-05-06 07:08" in said
    assert "lacks the category Marketplace" in said


def test_a_key_without_the_needed_role_is_named_with_the_method(play: Play) -> None:
    """`check` says which method of Ozon the key may not use, before a run finds out."""
    play.ozon.roles = {"Read": [path for path in play.ozon.roles["Admin"] if path != "/v2/products/stocks"]}
    said = play.run("check")
    assert said.code == 2
    assert "/v2/products/stocks" in said.stdout
