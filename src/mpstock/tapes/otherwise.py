"""The buffers of a what-if: one policy for every listing, or those that another settings file says."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpstock.errors import ConfigurationError

if TYPE_CHECKING:
    from mpstock.buffers import BufferResolver, ResolvedBuffer
    from mpstock.plugins import PluginRegistry
    from mpstock.reconcile.reckoning import Buffers

__all__ = ["buffers_of_file", "one_buffer", "value_of"]


class _OneBuffer:
    """The same buffer for every listing, whatever is set for one of them."""

    def __init__(self, resolver: BufferResolver) -> None:
        self._found = resolver.resolve("", _ANY, "")

    def resolve(self, sku: str, sink: str, warehouse: str) -> ResolvedBuffer:
        """Return it."""
        return self._found


_ANY = "any"


def one_buffer(table: Mapping[str, Any], plugins: PluginRegistry) -> Buffers:
    """Return the buffer of a table as it would stand in the settings: `{policy = "standard", absolute = 5}`.

    Raises:
        ConfigurationError: a key or a value of it is wrong.
        PluginError: there is no such policy.
    """
    from mpstock.buffers import BufferResolver
    from mpstock.config import SinkConfig

    return _OneBuffer(BufferResolver({_ANY: SinkConfig(_ANY, buffer=dict(table))}, None, plugins))


def buffers_of_file(path: Path, recorded: Collection[str], plugins: PluginRegistry) -> Buffers:
    """Return the buffers that a settings file says, those of its products file among them.

    Nothing else of it is looked at: no account, no secret, no variable of the environment. `recorded` are the
    sinks that it has to speak of.

    Raises:
        ConfigurationError: it cannot be read, or a buffer in it is wrong.
        PluginError: it names a policy that there is not.
    """
    from mpstock.buffers import BufferResolver, buffer_keys
    from mpstock.config import SinkConfig, SinkWarehouse
    from mpstock.config.files import read_toml
    from mpstock.products_file import read_products

    tables = read_toml(path)
    sinks: dict[str, SinkConfig] = {}
    for name, table in _table(tables, "sinks", path).items():
        place = f"{path} [sinks.{name}]"
        if not isinstance(table, Mapping):
            raise ConfigurationError("must be a table", place=place)
        warehouses = []
        for served in table.get("warehouses", ()):
            if not isinstance(served, Mapping) or "code" not in served:
                raise ConfigurationError('each needs code = "…"', place=f"{place} warehouses")
            warehouses.append(
                SinkWarehouse(str(served["code"]).strip(), buffer=_table(served, "buffer", path))
            )
        sinks[name] = SinkConfig(name, warehouses=tuple(warehouses), buffer=_table(table, "buffer", path))
    missing = sorted(set(recorded) - set(sinks))
    if missing:
        raise ConfigurationError(
            f"has no {', '.join(f'[sinks.{name}]' for name in missing)}, which was recorded; name each sink "
            "as mpstock.toml names it, with its buffer",
            place=str(path),
        )
    file = _table(tables, "products", path).get("file")
    products = None
    if isinstance(file, str):
        products = read_products(
            path.absolute().parent / Path(file).expanduser(), sinks, buffer_keys=buffer_keys(plugins)
        )
    resolver = BufferResolver(sinks, products, plugins)
    resolver.validate()
    return resolver


def _table(tables: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    found = tables.get(name, {})
    if not isinstance(found, Mapping):
        raise ConfigurationError(f"{name} must be a table", place=str(path))
    return found


def value_of(text: str) -> Any:
    """Return a value as TOML reads it; what is none is a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
