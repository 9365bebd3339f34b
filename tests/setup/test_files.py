"""What is written can be read again, whatever is in it; and it is written whole or not at all."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from mpstock.errors import ConfigurationError
from mpstock.setup.writing import (
    assigned,
    env_name,
    env_text,
    products_text,
    toml_key,
    toml_value,
    write_whole,
)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
values = st.recursive(
    st.one_of(texts, st.booleans(), st.integers(-(2**62), 2**62)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_settings_are_read_as_they_were_meant(table: dict[str, object]) -> None:
    """Any text, number, list and table comes back from TOML as it went in."""
    text = "\n".join(f"{toml_key(key)} = {toml_value(value)}" for key, value in table.items())
    assert tomllib.loads(text) == table


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1))
def test_a_secret_is_read_as_it_was_typed(secret: str) -> None:
    """Quotes, backslashes, dollars, blanks and line breaks in a password are what they are."""
    text = env_text("", {"KEY": secret})
    assert dotenv_values(stream=io.StringIO(text, newline=""), interpolate=False) == {"KEY": secret}


def test_other_variables_stay_as_they_are() -> None:
    """Comments and other lines of `.env` are left alone; ours is replaced, not added a second time."""
    before = "# mine\nOTHER='1'\nexport WB_TOKEN=old\n"
    after = env_text(before, {"WB_TOKEN": "new"})
    assert after == "# mine\nOTHER='1'\nWB_TOKEN='new'\n"
    assert assigned(after) == {"OTHER", "WB_TOKEN"}


@pytest.mark.parametrize(
    ("adapter", "key", "name"),
    [("ozon", "api_key", "OZON_API_KEY"), ("wb-2", "token", "WB_2_TOKEN"), ("1c", "pw", "MPSTOCK_1C_PW")],
)
def test_a_variable_has_a_name_that_shells_take(adapter: str, key: str, name: str) -> None:
    """It is made of the adapter's name and the key."""
    assert env_name(adapter, key) == name


def test_articles_with_commas_are_quoted() -> None:
    """The products file is a CSV that mpstock reads."""
    rows = [{"sku": "A,1", "ozon.offer_id": 'a "b"'}, {"sku": "B"}]
    assert products_text(["sku", "ozon.offer_id"], rows) == 'sku,ozon.offer_id\n"A,1","a ""b"""\nB,\n'


def test_files_come_all_together_or_not_at_all(tmp_path: Path) -> None:
    """What is interrupted between two files leaves neither, and nothing beside them."""
    (tmp_path / "first").write_text("old", encoding="utf-8")

    def interrupted() -> None:
        with write_whole(tmp_path) as files:
            files.add("first", "new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
    assert (tmp_path / "first").read_text(encoding="utf-8") == "old"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The folder may be gone by the time everything was asked."""

    def write() -> None:
        with write_whole(tmp_path / "gone") as files:
            files.add("mpstock.toml", "")

    with pytest.raises(ConfigurationError, match="nothing has changed in it"):
        write()
