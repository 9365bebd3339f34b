"""Settings classes from plain tables, and errors that name the key, its table and the nearest right one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import attrs
from attrs import field, frozen
from cattrs import Converter
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

from mpstock.config.hooks import BASE, Cell, WrongValueError, expected, make_converter
from mpstock.errors import ConfigurationError, PluginContractError
from mpstock.model import Problem
from mpstock.nearest import suggestion
from mpstock.redaction import Redactor
from mpstock.secret import Secret

__all__ = ["Cell", "configuration_error", "problem_text", "structure_settings", "structure_with_problems"]

T = TypeVar("T")


def structure_settings(
    cls: type[T],
    mapping: Mapping[str, Any],
    place: str,
    *,
    base: Path | None = None,
    places: Mapping[str, str] | None = None,
    also_known: Collection[str] = (),
    hidden: Collection[str] = (),
    owner: str = "",
) -> T:
    """Return an instance of the attrs class `cls` with the values of `mapping`.

    `place` names the table (`[sinks.ozon]`); `places` gives single keys another place (a line of the
    products file). `base` is where relative paths start. `also_known` are keys that are right in this
    table and not the class's own: they are suggested like its own. `hidden` are texts that no
    message may show. `owner` says whose the keys are, where the place does not.

    Raises:
        ConfigurationError: all that is wrong, each with its key, its place and how to mend it.
        PluginContractError: `cls` cannot be used as a settings class.
    """
    value, problems = structure_with_problems(
        cls, mapping, place, base=base, places=places, also_known=also_known, hidden=hidden, owner=owner
    )
    if value is None:
        raise configuration_error(problems)
    return value


def structure_with_problems(
    cls: type[T],
    mapping: Mapping[str, Any],
    place: str,
    *,
    base: Path | None = None,
    places: Mapping[str, str] | None = None,
    also_known: Collection[str] = (),
    hidden: Collection[str] = (),
    owner: str = "",
) -> tuple[T | None, list[Problem]]:
    """As `structure_settings`, but return what is wrong instead of raising: None and the problems."""
    check_settings_class(cls)
    before = BASE.set(base)
    try:
        return _converter().structure(dict(mapping), cls), []
    except Exception as error:
        # Settings classes are the plugins' own: their validators and converters may raise anything.
        table = _Table(place, places or {}, also_known, owner)
        redact = Redactor([*hidden, *_secret_texts(cls, mapping)])
        problems = [
            Problem(found.place, found.name, redact(found.message))
            for found in _problems(error, cls, table, "", mapping)
        ]
        return None, problems
    finally:
        BASE.reset(before)


def check_settings_class(cls: type) -> None:
    """Raise `PluginContractError` unless `cls` is an attrs class whose annotations can be read."""
    if not attrs.has(cls):
        raise PluginContractError(f"{cls!r} is no attrs class, and settings must be one")
    try:
        attrs.resolve_types(cls)
    except Exception as error:
        raise PluginContractError(
            f"the annotations of {cls.__module__}.{cls.__qualname__} cannot be read ({error}): import what "
            "they name at run time, not under TYPE_CHECKING alone"
        ) from error


@cache
def _converter() -> Converter:
    # One for every folder: what it makes of a settings class costs more than all that it then reads.
    return make_converter()


def configuration_error(problems: Collection[Problem], where: str = "") -> ConfigurationError:
    """One error that tells all of the problems, a line each."""
    lines = list(dict.fromkeys(problem_text(problem) for problem in problems))
    prefix = f"{where}: " if where else ""
    if len(lines) == 1:
        error = ConfigurationError(f"{prefix}{lines[0]}")
    else:
        error = ConfigurationError(
            f"{prefix}{len(lines)} problems\n" + "\n".join(f"  {line}" for line in lines)
        )
    first = next(iter(problems))
    error.place = f"{first.place} {first.name}".strip()
    return error


def problem_text(problem: Problem) -> str:
    """The problem as one line: its place, its key, what is wrong."""
    head = f"{problem.place} {problem.name}".strip()
    return f"{head}: {problem.message}" if head else problem.message


def _secret_texts(cls: type, mapping: Mapping[str, Any]) -> Iterator[str]:
    for attribute in attrs.fields(cls):
        value = mapping.get(attribute.alias or attribute.name)
        if isinstance(value, Secret):
            yield value.reveal()
        elif isinstance(value, str) and "Secret" in str(attribute.type):
            yield str(value)
        elif isinstance(value, Mapping) and attribute.type is not None and attrs.has(attribute.type):
            yield from _secret_texts(attribute.type, value)


@frozen
class _Table:
    """The table that a value stands in. All but the place belongs to the outermost one alone."""

    place: str
    places: Mapping[str, str] = field(factory=dict[str, str])
    also_known: Collection[str] = ()
    owner: str = ""

    def of(self, key: str) -> str:
        """Where a key of the table stands."""
        return self.places.get(key, self.place)


def _problems(error: Exception, cls: type, table: _Table, name: str, value: Any) -> Iterator[Problem]:
    """What is wrong, found in cattrs's tree of exceptions. `name` is the key that is being looked at."""
    if isinstance(error, ClassValidationError):
        yield from _problems_of_class(error, table if not name else _Table(_below(table.place, name)), value)
    elif isinstance(error, IterableValidationError):
        parts, plain = error.group_exceptions()
        for part, note in parts:
            if isinstance(note.index, str):
                inner = value.get(note.index) if isinstance(value, Mapping) else None
                yield from _problems(part, cls, _Table(_below(table.place, name)), note.index, inner)
            else:
                inner = value[note.index] if isinstance(value, (list, tuple)) else None
                yield from _problems(part, cls, _Table(table.place), f"{name}[{note.index + 1}]", inner)
        for part in plain:
            yield Problem(table.place, name, _message(part))
    else:
        yield Problem(table.place, name, _message(error))


def _problems_of_class(error: ClassValidationError, table: _Table, value: Any) -> Iterator[Problem]:
    parts, plain = error.group_exceptions()
    for part, note in parts:
        key = _alias(error.cl, note.name)
        if isinstance(part, KeyError) and isinstance(value, Mapping) and key not in value:
            yield Problem(table.place, key, _missing(key, note.type))
        else:
            inner = value.get(key) if isinstance(value, Mapping) else None
            yield from _problems(part, error.cl, _Table(table.of(key)), key, inner)
    for part in plain:
        if isinstance(part, ForbiddenExtraKeysError):
            known = {*_keys(part.cl), *table.also_known}
            owner = f" of {table.owner}" if table.owner else ""
            for key in sorted(part.extra_fields):
                meant = suggestion(key, known, what="the keys are")
                yield Problem(table.of(key), key, f"unknown key{owner}; {meant}")
        else:
            yield _refused(part, error.cl, table)


def _below(place: str, name: str) -> str:
    """`[guards]` and `zeroing` → `[guards.zeroing]`: an inline table and a table are the same."""
    return f"{place[:-1]}.{name}]" if place.endswith("]") else f"{place} {name}".strip()


def _keys(cls: type) -> list[str]:
    return [attribute.alias or attribute.name for attribute in attrs.fields(cls) if attribute.init]


def _alias(cls: type, name: str) -> str:
    return next((a.alias or name for a in attrs.fields(cls) if a.name == name), name)


def _missing(key: str, kind: Any) -> str:
    example = f'; write {key} = "${{{key.upper()}}}" and set that variable' if kind is Secret else ""
    return f"is missing; it must be {expected(kind)}{example}"


def _refused(error: Exception, cls: type, table: _Table) -> Problem:
    """What a validator or converter of the class said; attrs's own give the attribute along."""
    message = _message(error)
    named = next((arg.name for arg in error.args if isinstance(arg, attrs.Attribute)), None)
    if named is None:
        words = message.replace("'", " ").replace('"', " ").replace("`", " ").split()
        named = next((word for word in words[:1] if word in _keys(cls)), None)
    key = _alias(cls, named) if named else ""
    for quote in ("'", '"', "`", ""):
        message = message.removeprefix(f"{quote}{key}{quote} ") if key else message
    return Problem(table.of(key), key, message)


def _message(error: BaseException) -> str:
    if isinstance(error, WrongValueError):
        return str(error)
    # attrs's validators put the attribute, the limits and the value beside their sentence.
    text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return text if isinstance(error, (ValueError, TypeError)) and text else f"{type(error).__name__}: {text}"
