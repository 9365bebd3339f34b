from __future__ import annotations

from pathlib import Path

import pytest

from mpstock.errors import ConfigurationError
from tests.config.shop import SOURCE, Load

ENVIRON_SOURCE = SOURCE.replace("kept-from-all-eyes", "${ERP_KEY}")


def test_a_variable_comes_from_the_environment(load_text: Load) -> None:
    """`${NAME}` is the variable's value, also within a longer text."""
    text = ENVIRON_SOURCE.replace("erp.example", "${HOST}:${PORT}")
    source = load_text(text, {"ERP_KEY": "пароль", "HOST": "erp", "PORT": "80"}).sources["erp"]
    assert source.settings.base_url == "https://erp:80"
    assert source.settings.api_key.reveal() == "пароль"


def test_dot_env_stands_in_and_the_environment_wins(load_text: Load, tmp_path: Path) -> None:
    """`.env` beside the file gives what the environment lacks, byte order mark and dollars included."""
    (tmp_path / ".env").write_text("\ufeffERP_KEY='a$b${c}'\nHOST=from-file\n", encoding="utf-8")
    text = ENVIRON_SOURCE.replace("erp.example", "${HOST}")
    settings = load_text(text, {"HOST": "from-environment"}).sources["erp"].settings
    assert settings.api_key.reveal() == "a$b${c}"
    assert settings.base_url == "https://from-environment"


def test_a_missing_variable_is_named_with_its_key_once(load_text: Load) -> None:
    """The error names table, key and variable, and what is wrong only because of it is not told."""
    with pytest.raises(ConfigurationError) as error:
        load_text(ENVIRON_SOURCE + 'batch = "${BATCH}"\n', {"ERP_KEY": "x"})
    assert "[sources.erp] batch: the environment variable BATCH is not set" in str(error.value)
    assert "problems" not in str(error.value)


def test_a_doubled_dollar_is_a_literal(load_text: Load) -> None:
    """`$${` is the text `${`, and a dollar alone stays a dollar."""
    text = SOURCE.replace("kept-from-all-eyes", "a$${b}$c$$")
    assert load_text(text).sources["erp"].settings.api_key.reveal() == "a${b}$c$$"


@pytest.mark.parametrize("broken", ["${", "${}", "${1A}", "${A B}", "${НЕТ}"])
def test_what_names_no_variable_is_an_error(load_text: Load, broken: str) -> None:
    """A `${` without a name is told, with how to write it as text."""
    with pytest.raises(ConfigurationError, match=r"\$\$\{"):
        load_text(SOURCE.replace("kept-from-all-eyes", broken))


def test_a_number_may_come_from_the_environment(load_text: Load) -> None:
    """The environment has only texts; where a number belongs, the text of a number is one."""
    config = load_text(SOURCE + 'batch = "${BATCH}"\nmax_age = "${AGE}"\n', {"BATCH": "7", "AGE": "60"})
    assert config.sources["erp"].settings.batch == 7
    assert config.sources["erp"].max_age is not None
    assert config.sources["erp"].max_age.total_seconds() == 60


def test_a_warehouse_code_from_the_environment_keeps_its_zeros(load_text: Load) -> None:
    """A code of digits stays the text it is."""
    text = '[sinks.m]\nplugin = "memory"\n[[sinks.m.warehouses]]\ncode = "${CODE}"\n'
    assert load_text(text, {"CODE": "007"}).sinks["m"].codes == ("007",)


def test_values_of_the_environment_are_in_no_message(load_text: Load) -> None:
    """What a variable holds is not shown, whatever its key expects."""
    for key in ("batch", "mode", "max_age", "names", "quantity"):
        with pytest.raises(ConfigurationError) as error:
            load_text(SOURCE + f'{key} = "${{LEAK}}"\n', {"LEAK": "kept-in-the-environment"})
        assert key in str(error.value)
        assert "kept-in" not in str(error.value)
