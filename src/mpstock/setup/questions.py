"""What a plugin's settings class makes one ask: its keys, which of them are secret, and their help."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin
from urllib.parse import urlsplit

import attrs
from attrs import frozen

from mpstock.config.hooks import expected
from mpstock.errors import PluginContractError
from mpstock.secret import Secret

if TYPE_CHECKING:
    from mpstock.interfaces import SinkSpec, SourceSpec

__all__ = ["Question", "choices_of", "help_of", "hidden_keys", "questions", "secret_keys"]

_ENTRY = re.compile(r"^((?:`[^`]+`(?:, | … )?)+) +(.*)$")
_NAMES = re.compile(r"`([^`]+)`")


@frozen
class Question:
    """One key of an adapter's settings that is asked for.

    `help` is what its settings class says of it, `wants` what it must be, `choices` what it may be, where
    these are few. What is not `required` may be left out.
    """

    key: str
    help: str = ""
    wants: str = ""
    required: bool = True
    secret: bool = False
    choices: tuple[str, ...] = ()


def questions(spec: SourceSpec | SinkSpec) -> list[Question]:
    """Return what has to be asked for a source or sink: keys without a default, and those it `asks` for.

    Raises:
        PluginContractError: it asks for a key that its settings do not have.
    """
    settings = spec.settings
    attributes = {a.alias or a.name: a for a in _fields(settings)}
    unknown = [key for key in spec.asks if key not in attributes]
    if unknown:
        raise PluginContractError(f"{spec.name} asks for {unknown[0]!r}, which its settings do not have")
    helps, secrets = help_of(settings), secret_keys(settings)
    return [
        Question(
            key,
            helps.get(key, ""),
            expected(attribute.type),
            attribute.default is attrs.NOTHING,
            key in secrets,
            choices_of(settings, key),
        )
        for key, attribute in attributes.items()
        if attribute.init and (attribute.default is attrs.NOTHING or key in spec.asks)
    ]


def secret_keys(settings: type) -> frozenset[str]:
    """Return the keys whose values nobody may see."""
    return frozenset(a.alias or a.name for a in _fields(settings) if Secret in _members(a.type))


def choices_of(settings: type, key: str) -> tuple[str, ...]:
    """Return the texts that a key may have, where it may have a few only."""
    for attribute in _fields(settings):
        if (attribute.alias or attribute.name) == key:
            literals = [kind for kind in _members(attribute.type) if get_origin(kind) is Literal]
            return tuple(str(choice) for kind in literals for choice in get_args(kind))
    return ()


def help_of(settings: type) -> dict[str, str]:
    """Return what the docstring of a settings class says of its keys.

    An entry begins a line with one or more keys in backquotes; lines that are further in go on with it.
    """
    told: dict[str, str] = {}
    names: list[str] = []
    for line in (inspect.getdoc(settings) or "").splitlines():
        if found := _ENTRY.match(line):
            names = _NAMES.findall(found[1])
            told.update(dict.fromkeys(names, found[2].strip()))
        elif line.startswith(" ") and names:
            told.update({name: f"{told[name]} {line.strip()}" for name in names})
        else:
            names = []
    return told


def _carries_a_key(value: object) -> bool:
    """Whether a text is an address with a query: suppliers put keys into these."""
    return isinstance(value, str) and "://" in value and bool(urlsplit(value).query)


def hidden_keys(settings: type, values: Mapping[str, Any]) -> list[str]:
    """Return those keys of these settings whose values belong into `.env`, and not into the settings."""
    secrets = secret_keys(settings)
    return [key for key, value in values.items() if key in secrets or _carries_a_key(value)]


def _fields(settings: type) -> Iterable[attrs.Attribute[Any]]:
    found: Iterable[attrs.Attribute[Any]] = attrs.fields(attrs.resolve_types(settings))
    return found


def _members(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) in (Union, UnionType):
        return tuple(member for member in get_args(kind) if member is not NoneType)
    return (kind,)
