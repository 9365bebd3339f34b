"""How a plain value becomes a typed one: strictly, for a settings file is written by hand.

cattrs on its own would take `"5"` for 5, `"abc"` for a list of three letters and anything for a text.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from contextvars import ContextVar
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

import attrs
from cattrs import Converter
from cattrs.errors import IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn

from mpstock.config.durations import parse_duration
from mpstock.config.recurring import When
from mpstock.nearest import nearest
from mpstock.secret import Secret

__all__ = ["BASE", "Cell", "Variable", "WrongValueError", "describe", "expected", "make_converter"]

BASE: ContextVar[Path | None] = ContextVar("BASE", default=None)
"""Where the relative paths start in the settings that are being read; None: they stay as they are."""


class Cell(str):
    """A text from where everything is text: a CSV file, the environment. Numbers in it are read."""

    __slots__ = ()


class Variable(Cell):
    """A text that the environment gave. What it is nobody knows, so no message shows it."""

    __slots__ = ()


class WrongValueError(ValueError):
    """A value that cannot be taken. Its text is fit to be shown: no secret is in it."""


def describe(value: object, *, secret: bool = False) -> str:
    """Say what a value is, and show it if it is short and nothing to hide."""
    shown = not secret
    if isinstance(value, bool):
        return str(value).lower() if shown else "true or false"
    if isinstance(value, (int, float, Decimal)):
        return f"the number {value}" if shown else "a number"
    if isinstance(value, Variable):
        return "what the environment has"
    if isinstance(value, str):
        return f'the text "{value}"' if shown and len(value) <= 60 else "a text"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, (date, time)):
        return f"the time {value}" if shown else "a time"
    return type(value).__name__


_WORDS: dict[Any, str] = {
    str: "a text in quotes",
    Secret: "a text in quotes",
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    bool: "true or false",
    timedelta: 'a length of time such as "15m", "1h30m" or "2d"',
    time: 'a time of day such as "02:00"',
    datetime: "a moment with its offset such as 2026-01-31T09:00:00+03:00",
    Path: "a path in quotes",
    ZoneInfo: 'a time zone such as "Europe/Moscow"',
    When: 'a length of time such as "15m", a time of day such as "02:00", a cron line, or "never"',
}


def expected(kind: Any) -> str:
    """Say what a type wants, in the words of someone who writes TOML."""
    if kind in _WORDS:
        return _WORDS[kind]
    origin = get_origin(kind)
    if origin is Literal:
        return "one of " + ", ".join(_quoted(choice) for choice in get_args(kind))
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(expected(kind) for kind in get_args(kind) if kind is not NoneType))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "one of " + ", ".join(_quoted(member.value) for member in kind)
    if _is_sequence(kind):
        return "a list"
    if _is_mapping(kind) or attrs.has(origin or kind):
        return "a table"
    return f"a {getattr(kind, '__name__', kind)}"


def make_converter() -> Converter:
    """Return the converter of the settings; relative paths in them start at `BASE`."""
    converter = Converter(forbid_extra_keys=True, detailed_validation=True, use_alias=True)
    for kind, hook in _SIMPLE.items():
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook_func(_is_literal, _literal)
    converter.register_structure_hook_func(_is_enum, _enum)
    converter.register_structure_hook_factory(_is_sequence, _sequence_hook)
    converter.register_structure_hook_factory(_is_mapping, _mapping_hook)
    converter.register_structure_hook_factory(_is_choice_of_types, _union_hook)
    converter.register_structure_hook_factory(_is_class, _class_hook)
    return converter


def _wrong(value: object, kind: Any, why: str = "") -> WrongValueError:
    text = f"must be {expected(kind)}, not {describe(value, secret=kind is Secret)}"
    return WrongValueError(f"{text}: {why}" if why else text)


def _number(value: object, kind: Any) -> int | Decimal:
    """The number that a value is or, in a cell, says; a decimal comma is taken for what it is."""
    if isinstance(value, Cell):
        text = "".join(value.split()).replace(",", ".")
        try:
            number = Decimal(text) if text.isascii() and "_" not in text else None
        except InvalidOperation:
            number = None
        if number is None:
            raise _wrong(value, kind)
    elif isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise _wrong(value, kind)
    elif isinstance(value, int):
        return value
    else:
        number = Decimal(str(value))
    if not number.is_finite():
        raise _wrong(value, kind)
    return number


def _int(value: object, kind: Any) -> int:
    number = _number(value, kind)
    if isinstance(number, int):
        return number
    # 2.0 in a cell is what a spreadsheet makes of 2; in TOML somebody has written it.
    if isinstance(value, Cell) and number == number.to_integral_value():
        return int(number)
    raise _wrong(value, kind)


def _float(value: object, kind: Any) -> float:
    return float(_number(value, kind))


def _decimal(value: object, kind: Any) -> Decimal:
    return Decimal(_number(value, kind))


_YES, _NO = ("true", "yes", "1", "да"), ("false", "no", "0", "нет")


def _bool(value: object, kind: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, Cell) and value.strip().casefold() in _YES + _NO:
        return value.strip().casefold() in _YES
    raise _wrong(value, kind)


def _str(value: object, kind: Any) -> str:
    if isinstance(value, str):
        return str(value)
    raise _wrong(value, kind, "put it in quotes" if isinstance(value, (int, Decimal)) else "")


def _secret(value: object, kind: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(str(value))
    raise _wrong(value, kind)


def _timedelta(value: object, kind: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, Cell) and value.strip().isdecimal():
        value = int(value)
    try:
        return parse_duration(value)  # type: ignore[arg-type]  # it refuses what it cannot take
    except ValueError:
        raise _wrong(value, kind) from None


def _datetime(value: object, kind: Any) -> datetime:
    found = value
    if isinstance(value, str):
        with suppress(ValueError):
            found = datetime.fromisoformat(value.strip())
    if isinstance(found, datetime) and found.tzinfo is not None:
        return found
    raise _wrong(value, kind)


def _time(value: object, kind: Any) -> time:
    if isinstance(value, time):
        return value
    if isinstance(value, str):
        try:
            found = time.fromisoformat(value.strip())
        except ValueError:
            raise _wrong(value, kind) from None
        if found.tzinfo is None:
            return found
        raise _wrong(value, kind, "the zone is set by `timezone`")
    raise _wrong(value, kind)


def _when(value: object, kind: Any) -> When:
    if isinstance(value, bool):
        raise _wrong(value, kind)
    try:
        return When.of(value)  # type: ignore[arg-type]  # it refuses what it cannot take
    except ValueError as error:
        why = str(error)
        raise _wrong(value, kind, "" if why.startswith("write") else why) from None


def _zone(value: object, kind: Any) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    if isinstance(value, str):
        try:
            return ZoneInfo(value)
        # A missing zone is a KeyError, a malformed one a ValueError, a folder of zones an OSError.
        except (KeyError, ValueError, OSError):
            from zoneinfo import available_timezones

            meant = nearest(value, available_timezones())
            raise _wrong(value, kind, f'did you mean "{meant}"?' if meant else "") from None
    raise _wrong(value, kind)


def _path(value: object, kind: Any) -> Path:
    if not isinstance(value, (str, Path)) or not str(value):
        raise _wrong(value, kind)
    path, base = Path(value).expanduser(), BASE.get()
    return base / path if base is not None else path


_SIMPLE: dict[Any, Callable[[object, Any], Any]] = {
    int: _int,
    float: _float,
    Decimal: _decimal,
    bool: _bool,
    str: _str,
    Secret: _secret,
    Path: _path,
    timedelta: _timedelta,
    datetime: _datetime,
    time: _time,
    When: _when,
    ZoneInfo: _zone,
}


def _quoted(choice: object) -> str:
    return f'"{choice}"' if isinstance(choice, str) else str(choice)


def _is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _literal(value: object, kind: Any) -> Any:
    for choice in get_args(kind):
        # 1 == True and a Cell is a str: the type counts, as far as TOML has it.
        if value == choice and isinstance(value, bool) == isinstance(choice, bool):
            return choice
    raise _not_a_choice(value, kind, get_args(kind))


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


def _enum(value: object, kind: Any) -> Any:
    for member in kind:
        if value is member or value == member.value:
            return member
    raise _not_a_choice(value, kind, [member.value for member in kind])


def _not_a_choice(value: object, kind: Any, choices: Iterable[object]) -> WrongValueError:
    texts = [choice for choice in choices if isinstance(choice, str)]
    meant = nearest(value, texts) if isinstance(value, str) else None
    return _wrong(value, kind, f'did you mean "{meant}"?' if meant else "")


_LISTS = {list: list, Sequence: tuple, Collection: tuple, Iterable: tuple, tuple: tuple}
_SETS = {set: set, frozenset: frozenset, AbstractSet: frozenset}


def _is_sequence(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    if origin is tuple and get_args(kind) and get_args(kind)[-1] is not Ellipsis:
        return False
    return origin in _LISTS or origin in _SETS


def _sequence_hook(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    origin = get_origin(kind) or kind
    build: Callable[[list[Any]], Any] = (_LISTS | _SETS)[origin]
    member = (get_args(kind) or (Any,))[0]

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, (list, tuple, set, frozenset)):
            raise _wrong(value, kind)
        return build(_structured(converter, kind, [(i, item, member) for i, item in enumerate(value)]))

    return hook


def _is_mapping(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping) and not attrs.has(origin)


def _mapping_hook(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    key_kind, item_kind = get_args(kind) or (str, Any)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _wrong(value, kind)
        keys = _structured(converter, kind, [(str(key), key, key_kind) for key in value])
        items = _structured(converter, kind, [(str(key), item, item_kind) for key, item in value.items()])
        return dict(zip(keys, items, strict=True))

    return hook


def _structured(converter: Converter, kind: Any, parts: list[tuple[int | str, Any, Any]]) -> list[Any]:
    """Structure every part; tell all that is wrong, with its index or key, and not the first alone."""
    done: list[Any] = []
    errors: list[Exception] = []
    for index, value, part_kind in parts:
        try:
            done.append(converter.structure(value, part_kind))
        except Exception as error:
            error.add_note(IterableValidationNote(f"at {index}", index, part_kind))
            errors.append(error)
    if errors:
        # An exception group's third argument is cattrs's own.
        raise IterableValidationError("", errors, kind)  # pyright: ignore[reportCallIssue]
    return done


def _is_choice_of_types(kind: Any) -> bool:
    members = [member for member in get_args(kind) if member is not NoneType]
    return get_origin(kind) in (Union, UnionType) and len(members) > 1


def _union_hook(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    members = [member for member in get_args(kind) if member is not NoneType]

    def hook(value: Any, _: Any) -> Any:
        if value is None and NoneType in get_args(kind):
            return None
        for member in members:
            try:
                return converter.structure(value, member)
            except Exception:
                continue
        raise WrongValueError(f"must be {expected(kind)}, not {describe(value, secret=Secret in members)}")

    return hook


def _is_class(kind: Any) -> bool:
    return attrs.has(get_origin(kind) or kind)


def _class_hook(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    structure = make_dict_structure_fn(kind, converter)

    def hook(value: Any, _: Any) -> Any:
        if isinstance(value, get_origin(kind) or kind):
            return value
        if not isinstance(value, Mapping):
            raise _wrong(value, kind)
        return structure(value, kind)

    return hook
