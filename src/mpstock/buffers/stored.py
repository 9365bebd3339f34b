"""A buffer as plain data, and back: so that a number of yesterday can be reckoned anew by what was set then.

A policy of a plugin may be gone, or count otherwise, by the time that somebody asks. So the answer that it
gave is kept beside its settings, and stands in for it when it cannot be had any more.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from mpstock.buffers.resolving import ResolvedBuffer
from mpstock.errors import ConfigurationError, PluginContractError, PluginError
from mpstock.secret import Secret

if TYPE_CHECKING:
    from mpstock.plugins import PluginRegistry

__all__ = ["StoredBuffers", "as_stored"]

_DECIMAL, _MICROSECONDS, _SECRET = "$decimal", "$microseconds", "$secret"


def as_stored(buffer: ResolvedBuffer) -> dict[str, Any]:
    """Return a buffer as what `json.dumps` takes, with where each of its settings came from.

    Nothing secret is in it.
    """
    data: dict[str, Any] = {
        "policy": buffer.name,
        "settings": {key: _storable(value) for key, value in buffer.values.items()},
        "origin": buffer.origin,
    }
    if buffer.plugin:
        data["plugin"] = buffer.plugin
    return data


def _storable(value: object) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Secret):
        return {_SECRET: True}
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    if isinstance(value, timedelta):
        return {_MICROSECONDS: value // timedelta(microseconds=1)}
    if isinstance(value, enum.Enum):
        return _storable(value.value)
    if isinstance(value, (str, Path, time)):
        return str(value)
    kind: Any = type(value)
    if attrs.has(kind):
        return {a.alias or a.name: _storable(getattr(value, a.name)) for a in attrs.fields(kind)}
    if isinstance(value, Mapping):
        return {str(key): _storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_storable(item) for item in value]
    return str(value)


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _DECIMAL in value:
        return Decimal(value[_DECIMAL])
    if _MICROSECONDS in value:
        return timedelta(microseconds=value[_MICROSECONDS])
    return {key: _restored(item) for key, item in value.items()}


class StoredBuffers:
    """The buffers of one product's listings as they were: answers `resolve` as a `BufferResolver` does.

    `stored` are what `as_stored` returned, by (sink, sink warehouse); `answers` what policies gave, by the
    same and by what was available. `troubles` says of each listing why its policy cannot be asked any more.
    """

    def __init__(
        self,
        stored: Mapping[tuple[str, str], Mapping[str, Any]],
        answers: Mapping[tuple[str, str], Mapping[int, int]],
        plugins: PluginRegistry,
    ) -> None:
        self._stored = stored
        self._answers = answers
        self._plugins = plugins
        self._built: dict[tuple[str, str], ResolvedBuffer] = {}
        self.troubles: dict[tuple[str, str], str] = {}

    def resolve(self, sku: str, sink: str, warehouse: str) -> ResolvedBuffer:
        """Return the buffer that a listing had."""
        key = (sink, warehouse)
        if key not in self._built:
            self._built[key] = self._build(key)
        return self._built[key]

    def _build(self, key: tuple[str, str]) -> ResolvedBuffer:
        from mpstock.config import structure_settings

        data = self._stored[key]
        name, plugin = data["policy"], data.get("plugin", "")
        settings = {setting: _restored(value) for setting, value in data["settings"].items()}
        try:
            spec = self._plugins.policy(name)
            structured: Any = structure_settings(spec.settings, settings, f"the policy {name}")
            return ResolvedBuffer.of(name, spec.factory(structured), structured, data["origin"], plugin)
        except Exception as error:
            # A plugin's code may raise anything, and what it did is told without it.
            told = error if isinstance(error, (ConfigurationError, PluginError)) else repr(error)
            self.troubles[key] = str(told)
            answers = self._answers.get(key, {})
            return ResolvedBuffer.of(name, _Answers(name, answers), settings, data["origin"], plugin)


@attrs.frozen
class _Answers:
    """Stands in for a policy that is gone, as far as what it answered was kept."""

    name: str
    answers: Mapping[int, int]

    def advertise(self, available: int) -> int:
        if available not in self.answers:
            raise PluginContractError(f"the buffer policy {self.name} is not to be had any more")
        return self.answers[available]
