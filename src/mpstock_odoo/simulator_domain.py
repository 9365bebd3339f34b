"""Odoo's search domains, evaluated over the double's records (ORM reference, "Search domains")."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from mpstock_odoo.simulator_errors import OdooError

__all__ = ["compiled", "conjuncts"]

Predicate = Callable[[Any], bool]
Value = Callable[[Any, str], Any]

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_LIKE = {"like": False, "ilike": True, "not like": False, "not ilike": True, "=like": False, "=ilike": True}


def conjuncts(domain: Sequence[Any]) -> list[tuple[str, str, Any]]:
    """Return the leaves that every match fulfils: those of a plain domain, which has no `|` and no `!`."""
    if any(item in ("|", "!") for item in domain if isinstance(item, str)):
        return []
    return [(item[0], item[1], item[2]) for item in domain if not isinstance(item, str) and len(item) == 3]


def compiled(domain: Sequence[Any], value: Value) -> Predicate:
    """Return the test that a record has to pass. `value(record, path)` is what a field holds.

    Raises:
        OdooError: the domain is malformed, or uses what the double does not have.
    """
    if not isinstance(domain, (list, tuple)):
        raise _wrong(
            f"Domains to normalize must have a 'domain' form: a list or tuple of domain components, "
            f"not {domain!r}"
        )
    stack: list[Predicate] = []
    for item in reversed(list(domain)):
        if item == "!":
            stack.append(_negated(_pop(stack, domain)))
        elif item in ("&", "|"):
            stack.append(_joined(item, _pop(stack, domain), _pop(stack, domain)))
        else:
            stack.append(_leaf(item, value))
    if not stack:
        return lambda record: True
    return lambda record: all(test(record) for test in stack)


def _pop(stack: list[Predicate], domain: Sequence[Any]) -> Predicate:
    if not stack:
        raise _wrong(f"Domain {domain!r} has too few operands")
    return stack.pop()


def _negated(test: Predicate) -> Predicate:
    return lambda record: not test(record)


def _joined(word: str, one: Predicate, other: Predicate) -> Predicate:
    if word == "&":
        return lambda record: one(record) and other(record)
    return lambda record: one(record) or other(record)


def _leaf(item: Any, value: Value) -> Predicate:
    if not isinstance(item, (list, tuple)) or len(item) != 3 or not isinstance(item[0], str):
        raise _wrong(f"Invalid leaf {item!r}")
    path, word, wanted = item
    if word in ("=", "!="):
        # False stands for "not set", as in Odoo.
        nothing = None if wanted is False else _moment(wanted)

        def equal(record: Any) -> bool:
            found = value(record, path)
            return bool(found == nothing or (wanted is False and found is False))

        return equal if word == "=" else _negated(equal)
    if word in ("in", "not in"):
        if not isinstance(wanted, (list, tuple)):
            raise _wrong(f"Invalid leaf {item!r}: the right side of {word!r} is a list")
        chosen = {None if one is False else one for one in wanted}
        if False in wanted:
            chosen.add(False)
        test: Predicate = lambda record: value(record, path) in chosen  # noqa: E731  (one of several tests)
        return test if word == "in" else _negated(test)
    if word in _ORDERED:
        compare, bound = _ORDERED[word], _moment(wanted)

        def ordered(record: Any) -> bool:
            found = value(record, path)
            return found is not None and compare(found, bound)

        return ordered
    if word in _LIKE:
        pattern = _pattern(str(wanted), whole=word.startswith("="))
        matcher = re.compile(pattern, re.DOTALL | (re.IGNORECASE if _LIKE[word] else 0))

        def like(record: Any) -> bool:
            return matcher.fullmatch(str(value(record, path) or "")) is not None

        return _negated(like) if word.startswith("not") else like
    raise _wrong(f"Invalid operator {word!r} in domain term {item!r}")


def _pattern(text: str, *, whole: bool) -> str:
    parts = (".*" if mark == "%" else "." if mark == "_" else re.escape(mark) for mark in text)
    inner = "".join(parts)
    return inner if whole else f".*{inner}.*"


def _moment(wanted: Any) -> Any:
    """A datetime is compared as a datetime; Odoo takes UTC text without a zone, and no other text."""
    if isinstance(wanted, str) and re.match(r"\d{4}-\d\d-\d\d[T ]", wanted):
        try:
            return datetime.strptime(wanted, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  (Odoo's are bare UTC)
        except ValueError:
            raise OdooError(
                "builtins.ValueError", f"time data {wanted!r} does not match format '%Y-%m-%d %H:%M:%S'"
            ) from None
    return wanted


def _wrong(message: str) -> OdooError:
    return OdooError("builtins.ValueError", message)
