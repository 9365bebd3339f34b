"""Which buffer policy a listing has, with which settings, and where each of them was set.

Key by key, the most specific level wins: product × sink × warehouse, product × sink, product, sink
warehouse, sink, default. A level that names another policy starts anew: the keys of a less specific
level belong to the policy that is in force there, and only `cap`, which means the same everywhere,
goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from mpstock.buffers.policies import DEFAULT_POLICY
from mpstock.errors import ConfigurationError, PluginContractError, PluginError
from mpstock.plugin_checks import describe_exception

if TYPE_CHECKING:
    from mpstock.config import SinkConfig
    from mpstock.interfaces import BufferPolicy, BufferPolicySpec
    from mpstock.plugins import PluginRegistry
    from mpstock.products_file import ProductBuffers, ProductsFile

__all__ = ["BufferResolver", "ResolvedBuffer", "buffer_keys"]

_INHERITED = "cap"


def buffer_keys(plugins: PluginRegistry) -> set[str]:
    """Return every key that some installed policy has, `policy` itself included."""
    fields = [field for spec in plugins.policies().values() for field in attrs.fields(spec.settings)]
    return {"policy", *(field.alias or field.name for field in fields)}


@frozen(eq=False)
class _Core:
    """What listings with the same settings share."""

    name: str
    policy: BufferPolicy
    settings: Any
    origin: Mapping[str, str]
    fingerprint: str
    advertise: Callable[[int], int]
    plugin: str = ""


@frozen(eq=False, repr=False)
class ResolvedBuffer:
    """The buffer of one listing.

    `advertise(available)` asks the policy and holds it to its contract; results are remembered.
    """

    _core: _Core
    advertise: Callable[[int], int]
    _line: int = 0

    @classmethod
    def of(
        cls, name: str, policy: BufferPolicy, settings: Any, origin: Mapping[str, str], plugin: str
    ) -> ResolvedBuffer:
        """Return a buffer that is not resolved from settings but known already."""
        advertise = _checked(name, policy)
        return cls(_Core(name, policy, settings, origin, "", advertise, plugin), advertise)

    def __repr__(self) -> str:
        return f"<ResolvedBuffer {self.name}: {self.settings!r}>"

    @property
    def name(self) -> str:
        """The policy's name: `standard`."""
        return self._core.name

    @property
    def policy(self) -> BufferPolicy:
        """The policy itself, shared by all listings with the same settings."""
        return self._core.policy

    @property
    def settings(self) -> Any:
        """The policy's settings, an instance of its settings class."""
        return self._core.settings

    @property
    def values(self) -> Mapping[str, Any]:
        """The policy's settings by their keys."""
        settings = self._core.settings
        if isinstance(settings, Mapping):
            return settings
        return {a.alias or a.name: getattr(settings, a.name) for a in attrs.fields(type(settings))}

    @property
    def plugin(self) -> str:
        """The plugin that brings the policy, with its version; empty for mpstock's own."""
        return self._core.plugin

    @property
    def origin(self) -> dict[str, str]:
        """Which level set `policy` and each of the policy's keys, as text.

        `default`, `[sinks.ozon.buffer]`, `products.csv line 17`.
        """
        return {key: text.replace(_LINE, str(self._line)) for key, text in self._core.origin.items()}

    @property
    def fingerprint(self) -> str:
        """Changes when the policy or one of its settings does, and stays over restarts."""
        return self._core.fingerprint


@frozen
class _Level:
    """What one level sets, and how it is called."""

    values: Mapping[str, Any]
    place: str
    from_file: bool = False


# Stands for the line in the places of what rows with the same settings share.
_LINE = "\N{OBJECT REPLACEMENT CHARACTER}"


class BufferResolver:
    """Finds the buffer of each listing. Products without settings of their own share one object.

    `sinks` are the configured ones, `products` the products file (None = there is none), `plugins`
    brings the policies.
    """

    def __init__(
        self, sinks: Mapping[str, SinkConfig], products: ProductsFile | None, plugins: PluginRegistry
    ) -> None:
        self._sinks = sinks
        self._products = products
        self._own: Mapping[str, tuple[int, ProductBuffers]] = products.buffers if products is not None else {}
        self._plugins = plugins
        self._shared: dict[tuple[str, str], ResolvedBuffer] = {}
        self._by_row: dict[tuple[str, str, ProductBuffers], _Core] = {}
        self._policies: dict[str, tuple[BufferPolicy, Callable[[int], int]]] = {}

    def resolve(self, sku: str, sink: str, warehouse: str) -> ResolvedBuffer:
        """Return the buffer of a product in one warehouse of a sink.

        Raises:
            ConfigurationError: a setting is wrong; `validate` finds all of them beforehand.
            PluginError: no such policy, or its plugin cannot build it.
        """
        own = self._own.get(sku)
        if own is None:
            return self._of_all(sink, warehouse)
        line, row = own
        key = (sink, warehouse, row)
        of_row = self._by_row.get(key)
        if of_row is None:
            of_row = self._by_row[key] = self._core(sink, self._levels(sink, warehouse, row), line)
        return ResolvedBuffer(of_row, of_row.advertise, line)

    def fingerprint(self, sink: str, warehouse: str) -> str:
        """Return the fingerprint of the products that set nothing themselves, in one sink warehouse."""
        return self._of_all(sink, warehouse).fingerprint

    def validate(self) -> None:
        """Resolve everything once, so that whatever is wrong is told before the work starts.

        Raises:
            ConfigurationError: all that is wrong. A policy that cannot be had is a `PluginError`
                if nothing else is wrong.
        """
        errors = list(self.errors())
        if not errors:
            return
        texts = list(dict.fromkeys(str(error) for error in errors))
        if len(texts) == 1:
            raise errors[0]
        shown = [line for text in texts[:_MOST] for line in text.splitlines()]
        more = [f"… and {len(texts) - _MOST} more"] if len(texts) > _MOST else []
        kind = (
            ConfigurationError if any(isinstance(e, ConfigurationError) for e in errors) else type(errors[0])
        )
        raise kind("\n".join(["the buffers are wrong:", *(f"  {line}" for line in [*shown, *more])]))

    def errors(self) -> Iterator[ConfigurationError | PluginError]:
        """Yield what is wrong with the buffers of the settings and of the products file."""
        first: dict[ProductBuffers, tuple[str, int]] = {}
        for sku, (line, row) in self._own.items():
            first.setdefault(row, (sku, line))
        for name, sink in self._sinks.items():
            # The sink's own table is looked at by itself too: its warehouses may all override it.
            yield from _error(self._core, name, self._levels(name, "", None))
            for code in sink.codes:
                yield from _error(self._of_all, name, code)
                for sku, _ in first.values():
                    yield from _error(self.resolve, sku, name, code)

    def _of_all(self, sink: str, warehouse: str) -> ResolvedBuffer:
        found = self._shared.get((sink, warehouse))
        if found is None:
            core = self._core(sink, self._levels(sink, warehouse, None))
            found = self._shared[sink, warehouse] = ResolvedBuffer(core, core.advertise)
        return found

    def _levels(self, sink: str, warehouse: str, row: ProductBuffers | None) -> list[_Level]:
        """The levels that set something, the least specific first."""
        levels: list[_Level] = []
        config = self._sinks.get(sink)
        if config is not None:
            levels.append(_Level(config.buffer, f"[sinks.{sink}.buffer]"))
            levels += [
                _Level(served.buffer, f"[sinks.{sink}.warehouses.buffer] of {warehouse}")
                for served in config.warehouses
                if served.code == warehouse
            ]
        if row is not None and self._products is not None:
            place = f"{self._products.name} line {_LINE}"
            for values in (
                row.product,
                row.by_sink.get(sink, {}),
                row.by_warehouse.get((sink, warehouse), {}),
            ):
                levels.append(_Level(values, place, from_file=True))
        return [level for level in levels if level.values]

    def _core(self, sink: str, levels: list[_Level], line: int = 0) -> _Core:
        from mpstock.config import Cell, structure_settings

        in_force, policy, policy_place = [], DEFAULT_POLICY, ""
        for level in levels:
            if "policy" in level.values:
                policy, policy_place = level.values["policy"], level.place
            in_force.append(policy)
        spec = self._spec(policy, policy_place.replace(_LINE, str(line)))
        known = [attribute.alias or attribute.name for attribute in attrs.fields(spec.settings)]
        values: dict[str, Any] = {}
        origin = {"policy": policy_place or "default", **dict.fromkeys(known, "default")}
        for level, level_policy in zip(levels, in_force, strict=True):
            for key, value in level.values.items():
                inherited = key == _INHERITED and key in known
                if key == "policy" or (level_policy != policy and not inherited):
                    continue
                values[key] = Cell(value) if level.from_file else value
                origin[key] = level.place
        settings: Any = structure_settings(
            spec.settings,
            values,
            (policy_place or (levels[-1].place if levels else "")).replace(_LINE, str(line)),
            places={key: place.replace(_LINE, str(line)) for key, place in origin.items()},
            also_known=("policy",),
            owner=f"the policy {spec.name}, which {sink} has here",
        )
        fingerprint = self._fingerprint(spec, settings)
        built = self._policies.get(fingerprint)
        if built is None:
            built_policy = self._build(spec, settings)
            built = self._policies[fingerprint] = (built_policy, _checked(spec.name, built_policy))
        return _Core(spec.name, built[0], settings, origin, fingerprint, built[1], self._plugin(spec))

    def _spec(self, policy: object, place: str) -> BufferPolicySpec:
        if not isinstance(policy, str):
            raise ConfigurationError(
                f"must be the name of a policy in quotes, not {policy!r}", place=f"{place} policy"
            )
        try:
            return self._plugins.policy(str(policy))
        except PluginError as error:
            raise type(error)(f"{place} policy: {error}") from None

    def _build(self, spec: BufferPolicySpec, settings: Any) -> BufferPolicy:
        try:
            return spec.factory(settings)
        except Exception as error:
            raise PluginError(
                f"the buffer policy {spec.name} could not be built: {describe_exception(error)}"
            ) from error

    def _fingerprint(self, spec: BufferPolicySpec, settings: Any) -> str:
        # A plugin's policy may count otherwise in its next version; ours changes its settings then.
        plugin = self._plugins.owner(spec)
        version = "" if plugin is None or plugin.distribution == "mpstock" else plugin.version
        content = repr((spec.name, version, _plain(attrs.asdict(settings))))
        return blake2b(content.encode(), digest_size=8).hexdigest()

    def _plugin(self, spec: BufferPolicySpec) -> str:
        plugin = self._plugins.owner(spec)
        return "" if plugin is None or plugin.distribution == "mpstock" else plugin.label


_MOST = 20


def _error(attempt: Callable[..., object], *arguments: object) -> Iterator[ConfigurationError | PluginError]:
    try:
        attempt(*arguments)
    except (ConfigurationError, PluginError) as error:
        yield error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((str(key), _plain(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    # 10 and 10.0 are one setting.
    return f"{value.normalize():f}" if isinstance(value, Decimal) else repr(value)


def _checked(name: str, policy: BufferPolicy) -> Callable[[int], int]:
    """The policy's `advertise`, held to its contract; results for small stocks come up again and again."""

    @lru_cache(maxsize=8192)
    def advertise(available: int) -> int:
        try:
            shown = policy.advertise(available)
        except Exception as error:
            raise PluginContractError(
                f"the buffer policy {name} failed for {available} available: {describe_exception(error)}"
            ) from error
        if type(shown) is not int or not 0 <= shown <= max(available, 0):
            raise PluginContractError(
                f"the buffer policy {name} advertises {shown!r} of {available} available; it must be a whole "
                f"number from 0 to {max(available, 0)}"
            )
        return shown

    return advertise
