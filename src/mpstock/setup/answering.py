"""A draft from a file of answers, for scripts: the tables of mpstock.toml, with secrets in plain or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpstock.config.files import read_toml
from mpstock.errors import ConfigurationError
from mpstock.nearest import suggestion

if TYPE_CHECKING:
    from mpstock.model import AccountWarehouse
    from mpstock.setup.drafting import Draft

__all__ = ["OTHERS", "answer", "only_warehouse", "put", "target"]

_ADAPTERS = ("sources", "sinks")

OTHERS = ("sharing", "guards", "push", "verify", "schedule", "retention", "clock")
"""Tables that are taken as they stand; none of them has a secret in it."""


def answer(draft: Draft, file: Path) -> None:
    """Fill a draft with what a file of answers says.

    Raises:
        ConfigurationError: the file cannot be read, or has what nobody asks about here.
    """
    tables = read_toml(file)
    for name in tables:
        if name not in (*_ADAPTERS, *OTHERS):
            meant = suggestion(name, (*_ADAPTERS, *OTHERS), what="it may have")
            raise ConfigurationError(
                f"has {name}, which is not asked for here; {meant}. Put it into mpstock.toml afterwards",
                place=str(file),
            )
    draft.others.update({name: tables[name] for name in OTHERS if name in tables})
    for kind in _ADAPTERS:
        found = tables.get(kind, {})
        if not isinstance(found, Mapping) or not all(isinstance(one, Mapping) for one in found.values()):
            raise ConfigurationError(f"{kind} must be tables [{kind}.NAME]", place=str(file))
        if not found:
            raise ConfigurationError(f"has no table [{kind}.NAME]", place=str(file))
        {"sources": draft.sources, "sinks": draft.sinks}[kind].update(
            {name: dict(table) for name, table in found.items()}
        )
    for table in draft.sinks.values():
        if "warehouses" in table:
            table["warehouses"] = _as_tables(table["warehouses"])


def put(draft: Draft, assignments: Sequence[str]) -> None:
    """Add settings that are not asked about: `ozon.base_url=http://127.0.0.1:8081`.

    Raises:
        ConfigurationError: one does not look so, or names no source, sink or other table.
    """
    for text in assignments:
        name, key, value = target(text)
        tables = {**draft.sources, **draft.sinks}
        if name not in tables and name in OTHERS:
            tables[name] = draft.others.setdefault(name, {})
        if name not in tables:
            meant = suggestion(name, [*tables, *OTHERS], what="there are")
            raise ConfigurationError(f"there is no source or sink {name!r}; {meant}", place="--set")
        tables[name][key] = _read(value)


def target(text: str) -> tuple[str, str, str]:
    """Return the name, the key and the value of such a setting.

    Raises:
        ConfigurationError: it does not look so.
    """
    place, equals, value = text.partition("=")
    name, _, key = place.strip().rpartition(".")
    if not equals or not name or not key:
        raise ConfigurationError(
            f"{text!r} must look like ozon.base_url=http://127.0.0.1:8081", place="--set"
        )
    return name, key, value


def only_warehouse(sink: str, found: Sequence[AccountWarehouse] | None) -> list[dict[str, Any]]:
    """Return the table of the account's only warehouse that can be served, where an answer names none.

    Raises:
        ConfigurationError: it has several, or none.
    """
    place = f"[sinks.{sink}] warehouses"
    if found is None:
        raise ConfigurationError(
            "is missing, and its plugin cannot list them; write their codes", place=place
        )
    usable = [one for one in found if one.usable]
    told = ", ".join(f"{one.code} ({one.name})" if one.name else one.code for one in found) or "none"
    if len(usable) != 1:
        raise ConfigurationError(f"say which are to be served; the account has: {told}", place=place)
    return [{"code": usable[0].code}]


def _as_tables(said: Any) -> list[Any]:
    """Take the bare codes of warehouses for tables; what is neither is left for the settings to refuse."""
    chosen = said if isinstance(said, list) else [said]
    return [{"code": str(one)} if isinstance(one, (str, int)) else one for one in chosen]


def _read(value: str) -> Any:
    """Take a typed value as TOML where it is one that is no text; else as the text that it is."""
    if value in ("true", "false"):
        return value == "true"
    return int(value) if value.isascii() and value.isdecimal() and not value.startswith("0") else value
