"""The settings of a shop that is being set up: what is known so far, and the files that it comes to."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from mpstock.config import LedgerSettings
from mpstock.config.files import Substitution, environment
from mpstock.config.loading import from_tables
from mpstock.errors import ConfigurationError
from mpstock.setup.questions import hidden_keys
from mpstock.setup.writing import (
    assigned,
    env_name,
    env_text,
    products_text,
    toml_key,
    toml_value,
    write_whole,
)

if TYPE_CHECKING:
    from mpstock.config import Configuration
    from mpstock.interfaces import SinkSpec, SourceSpec
    from mpstock.model import AccountWarehouse
    from mpstock.plugins import PluginRegistry
    from mpstock.setup.matching import NearMatch

__all__ = ["ENV", "LEDGER", "PRODUCTS", "Draft", "literal"]

ENV, LEDGER, PRODUCTS = ".env", "mpstock.db", "products.csv"

_HEAD = """\
# Written by `mpstock init`. What else may stand here is on the page "Settings" of the documentation.
# Keys and passwords are in .env beside this file, which nobody but you can read: never put them here.
"""

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")

_BUFFER = """\
# What is kept back from sale; left out it is 2 of each product. On the page "buffers" there is more.
# [sinks.{name}.buffer]
# absolute = 2
"""


@define
class Draft:
    """What mpstock.toml is going to say.

    `path` is where it is to be. `sources` and `sinks` are tables by name, as they will stand in the file, but
    with what is secret in them too: `plugin`, the plugin's keys, for sinks `warehouses`. `others` are the
    tables that are no adapter's. `known` are the accounts' warehouses by sink, `mapped` what the products
    file is to map.
    """

    path: Path
    plugins: PluginRegistry
    environ: Mapping[str, str] | None = None
    sources: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]], repr=False)
    sinks: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]], repr=False)
    others: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]])
    known: dict[str, Sequence[AccountWarehouse]] = field(factory=dict[str, "Sequence[AccountWarehouse]"])
    mapped: dict[str, list[NearMatch]] = field(factory=dict[str, "list[NearMatch]"])

    @property
    def folder(self) -> Path:
        """Where the files are to be."""
        return self.path.absolute().parent

    def free_name(self, wanted: str) -> str:
        """Return a name for one more source or sink: the plugin's, with a number from the second on."""
        taken, number, name = {*self.sources, *self.sinks}, 2, wanted
        while name in taken:
            name, number = f"{wanted}-{number}", number + 1
        return name

    def spec(self, name: str) -> SourceSpec | SinkSpec:
        """Return the descriptor of a source or sink.

        Raises:
            ConfigurationError: its table names no plugin.
            PluginError: the plugin is not installed, or broken.
        """
        kind, table = ("sources", self.sources) if name in self.sources else ("sinks", self.sinks)
        plugin = table[name].get("plugin")
        if not isinstance(plugin, str):
            raise ConfigurationError("is missing; write the name of one", place=f"[{kind}.{name}] plugin")
        return self.plugins.source(plugin) if kind == "sources" else self.plugins.sink(plugin)

    def configuration(self, ledger: Path, only: Collection[str] | None = None) -> Configuration:
        """Return the settings with the ledger of the set-up; of a part of the adapters, if `only` says so.

        A sink that has no warehouse so far is one without.

        Raises:
            ConfigurationError: something is wrong; all of it is named.
        """
        chosen = {*self.sources, *self.sinks} if only is None else set(only)
        bare = [name for name in self.sinks if name in chosen and not self.sinks[name].get("warehouses")]
        sinks: dict[str, Any] = {
            name: {**table, "warehouses": [{"code": "1"}]} if name in bare else table
            for name, table in self.sinks.items()
            if name in chosen
        }
        sources = {name: table for name, table in self.sources.items() if name in chosen}
        found = from_tables(
            {**self.others, "sources": sources, "sinks": sinks},
            self.path,
            plugins=self.plugins,
            environ=self.environ,
        )
        without = {name: evolve(found.sinks[name], warehouses=()) for name in bare}
        return evolve(
            found,
            ledger=LedgerSettings(f"sqlite:///{ledger.as_posix()}"),
            sinks={**found.sinks, **without},
        )

    # ------------------------------------------------------------------ the files

    def variables(self) -> dict[str, str]:
        """Return what belongs into `.env`: a value that is only a `${NAME}` is there already."""
        substitution = Substitution(environment(self.folder, self.environ))
        return {
            env_name(name, key): str(substitution.fill(table[key]))
            for name, table in {**self.sources, **self.sinks}.items()
            for key in hidden_keys(self.spec(name).settings, table)
            if not _refers(table[key])
        }

    def shadowed(self) -> list[str]:
        """Return the variables that the environment has with another value: it goes before `.env`."""
        outer = os.environ if self.environ is None else self.environ
        return [name for name, value in self.variables().items() if outer.get(name, value) != value]

    def refuse_to_overwrite(self) -> None:
        """Raise `ConfigurationError` if a file is there that would be another one afterwards."""
        if self.path.exists():
            raise ConfigurationError(f"{self.path} is there already; --force writes it anew")
        if self.mapped and (self.folder / PRODUCTS).exists():
            raise ConfigurationError(f"{self.folder / PRODUCTS} is there already; --force writes it anew")
        there = assigned(self._env_before())
        if found := sorted(there & set(self.variables())):
            raise ConfigurationError(
                f"{self.folder / ENV} sets {', '.join(found)} already; --force writes these anew"
            )

    def write(self, ledger: Path, *, force: bool = False) -> list[str]:
        """Write the files and return their names; `ledger` has what was read while it was set up.

        Raises:
            ConfigurationError: one is there already, and there is no `force`; the folder cannot be written.
        """
        if not force:
            self.refuse_to_overwrite()
        variables = self.variables()
        written = []
        with write_whole(self.folder) as files:
            if variables:
                files.add(ENV, env_text(self._env_before(), variables), secret=True)
                written.append(ENV)
            if self.mapped:
                files.add(PRODUCTS, self._products())
                written.append(PRODUCTS)
            if not (self.folder / LEDGER).exists() and ledger.is_file():
                # How much of the limits has been used is in it, and what need not be read again.
                files.add(LEDGER, ledger.read_bytes())
                written.append(LEDGER)
            # Last: with it the folder is a shop.
            files.add(self.path.name, self.text())
            written.append(self.path.name)
        return written

    def _env_before(self) -> str:
        try:
            return (self.folder / ENV).read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{self.folder / ENV} cannot be read: {error}") from None

    def _products(self) -> str:
        columns = ["sku"]
        rows: dict[str, dict[str, str]] = {}
        for sink, matches in self.mapped.items():
            for match in matches:
                column = f"{sink}.{match.key}"
                if column not in columns:
                    columns.append(column)
                rows.setdefault(match.sku, {"sku": match.sku})[column] = match.value
        return products_text(columns, rows.values())

    def text(self) -> str:
        """Return the text of mpstock.toml."""
        parts = [_HEAD]
        parts += ["\n".join(self._table("sources", name)) + "\n" for name in self.sources]
        for name, table in self.sinks.items():
            lines = [*self._table("sinks", name), *self._warehouses(name)]
            parts.append("\n".join(lines) + "\n" + ("" if "buffer" in table else _BUFFER.format(name=name)))
        for name, table in self.others.items():
            lines = [f"{toml_key(key)} = {toml_value(value)}" for key, value in table.items()]
            parts.append("\n".join([f"[{name}]", *lines]) + "\n")
        if self.mapped:
            parts.append(
                "# Whose article is written differently on the marketplace; packs and kits go here too.\n"
                f'[products]\nfile = "{PRODUCTS}"\n'
            )
        return "\n".join(parts)

    def _table(self, kind: str, name: str) -> Iterator[str]:
        spec, table = self.spec(name), {**self.sources, **self.sinks}[name]
        hidden = hidden_keys(spec.settings, table)
        yield from textwrap.wrap(spec.summary, 100, initial_indent="# ", subsequent_indent="# ")
        yield f"[{kind}.{toml_key(name)}]"
        for key, value in table.items():
            if key == "warehouses":
                continue
            if key in hidden and not _refers(value):
                yield f'{toml_key(key)} = "${{{env_name(name, key)}}}"'
            else:
                yield f"{toml_key(key)} = {toml_value(value)}"

    def _warehouses(self, sink: str) -> Iterator[str]:
        names = {one.code: one for one in self.known.get(sink, ())}
        for warehouse in self.sinks[sink].get("warehouses", ()):
            code = str(warehouse["code"])
            yield f"[[sinks.{toml_key(sink)}.warehouses]]"
            known = names.get(code)
            told = "" if known is None else ", ".join(part for part in (known.name, known.note) if part)
            yield f"code = {toml_value(code)}" + (f"  # {' '.join(told.split())}" if told else "")
            for key, value in warehouse.items():
                if key != "code":
                    yield f"{toml_key(key)} = {toml_value(value)}"


def literal(text: str) -> str:
    """Return a text that was typed so that the settings take it as it stands, a `${` in it too."""
    return text.replace("${", "$${")


def _refers(value: object) -> bool:
    """Whether a value is nothing but the name of a variable."""
    return isinstance(value, str) and _VARIABLE.fullmatch(value) is not None
