"""The settings file as plain tables, its `${NAME}` filled in from the environment."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import define, field

from mpstock.config.hooks import Variable
from mpstock.errors import ConfigurationError
from mpstock.model import Problem

__all__ = ["Substitution", "environment", "read_toml"]


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Its numbers with a point are `Decimal`: 12.5 stays 12.5.

    Raises:
        ConfigurationError: there is no such file, or it is no TOML; says the line and column.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no settings file {path}; make it, or name another with --config"
        ) from None
    except IsADirectoryError:
        raise ConfigurationError(f"{path} is a folder; name the settings file in it with --config") from None
    except OSError as error:
        raise ConfigurationError(f"the settings file {path} cannot be read: {error.strerror}") from error
    try:
        # Windows's Notepad puts a byte order mark in front, which TOML does not know.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{path} line {line} is not UTF-8; save the file as UTF-8") from None
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from None


def environment(folder: Path, environ: Mapping[str, str] | None) -> dict[str, str]:
    """Return the variables: those of `.env` in that folder, and over them the environment's own."""
    outer = os.environ if environ is None else environ
    file = folder / ".env"
    if not file.is_file():
        return dict(outer)
    from dotenv import dotenv_values

    # As written: a `$` in a password is a `$`.
    try:
        inner = dotenv_values(file, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {type(error).__name__}; save it as UTF-8") from None
    return {**{name: value for name, value in inner.items() if value is not None}, **outer}


@define
class Substitution:
    """Fills in `${NAME}` all over a tree of tables, and gathers what is missing.

    `used` are the values that were put in: what they are is not known, so no message may show them.
    """

    variables: Mapping[str, str] = field(repr=False)
    problems: list[Problem] = field(factory=list[Problem])
    used: set[str] = field(factory=set[str], repr=False)

    def fill(self, value: Any, tables: tuple[str, ...] = (), key: str = "") -> Any:
        """Return `value` with every text in it filled in; `$${` becomes `${`.

        A text that had a variable in it is a `Variable`: the environment has nothing but texts, and a
        number may stand there too.
        """
        if isinstance(value, dict):
            inner = (*tables, key) if key else tables
            return {name: self.fill(item, inner, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, tables, key) for item in value]
        if not isinstance(value, str) or "$" not in value:
            return value
        place = f"[{'.'.join(tables)}]" if tables else ""
        found = _VARIABLE.search(value.replace("$${", "")) is not None
        text = _VARIABLE.sub(lambda match: self._put(match, place, key), value)
        return Variable(text) if found else text

    def _put(self, match: re.Match[str], place: str, key: str) -> str:
        if match[0] == "$${":
            return "${"
        name = match["name"]
        if name is None:
            self.problems.append(
                Problem(place, key, "has a ${ that names no variable; write $${ for the text ${ itself")
            )
        elif name not in self.variables:
            self.problems.append(
                Problem(
                    place,
                    key,
                    f"the environment variable {name} is not set; set it, or put it in .env beside the file",
                )
            )
        else:
            self.used.add(self.variables[name])
            return self.variables[name]
        # Left as it is: an empty text would be wrong a second time.
        return match[0]


_VARIABLE = re.compile(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)\})?")
