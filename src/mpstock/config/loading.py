"""mpstock.toml → `Configuration`: everything is looked at before anything is said to be wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve

from mpstock.buffers import BufferResolver
from mpstock.config.alerting import AlertSettings
from mpstock.config.files import Substitution, environment, read_toml
from mpstock.config.guards import GuardSettings
from mpstock.config.hooks import describe
from mpstock.config.pushing import PushSettings
from mpstock.config.service import ServiceSettings
from mpstock.config.settings import (
    Configuration,
    LedgerSettings,
    ProductsSettings,
    RetentionSettings,
    ScheduleSettings,
    SharingSettings,
    SinkConfig,
    SinkWarehouse,
    SourceConfig,
)
from mpstock.config.shares import problems_between_sinks, problems_within_sink
from mpstock.config.structuring import configuration_error, problem_text, structure_with_problems
from mpstock.config.tables import ClockTable, LedgerTable, SinkTable, SourceTable, WarehouseTable
from mpstock.config.taping import TapeSettings
from mpstock.config.verifying import VerifySettings
from mpstock.errors import ConfigurationError, PluginError
from mpstock.model import Problem
from mpstock.nearest import suggestion
from mpstock.plugin_checks import SINK_KEYS, SOURCE_KEYS
from mpstock.plugins import PluginRegistry

__all__ = ["from_tables", "load"]

C = TypeVar("C")
S = TypeVar("S")

_SIMPLE = {
    "sharing": SharingSettings,
    "guards": GuardSettings,
    "push": PushSettings,
    "verify": VerifySettings,
    "schedule": ScheduleSettings,
    "products": ProductsSettings,
    "retention": RetentionSettings,
    "service": ServiceSettings,
    "alerts": AlertSettings,
    "tapes": TapeSettings,
}
"""The tables that are used as they stand in the file, by the field of `Configuration` that has their name."""

_TABLES = ("ledger", "sources", "sinks", "network", "clock", *_SIMPLE)


def load(
    path: str | os.PathLike[str] = "mpstock.toml",
    *,
    plugins: PluginRegistry | None = None,
    environ: Mapping[str, str] | None = None,
    tolerant: bool = False,
) -> Configuration:
    """Read a settings file.

    `plugins` has the sources, sinks and policies that it may name (None = what is installed);
    `environ` the variables that it may use (None = the process's own; `.env` beside the file adds to
    either). With `tolerant` the adapters whose plugin is missing or broken are left out and told in
    `Configuration.broken`, so that the others can go on.

    Raises:
        ConfigurationError: the file cannot be read or something in it is wrong; all of it is named.
        UnknownPluginError: it names a plugin that is not installed, and nothing else is wrong.
        PluginLoadError: it names a plugin that is broken, and nothing else is wrong.
    """
    return from_tables(read_toml(Path(path)), path, plugins=plugins, environ=environ, tolerant=tolerant)


def from_tables(
    tables: Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    plugins: PluginRegistry | None = None,
    environ: Mapping[str, str] | None = None,
    tolerant: bool = False,
) -> Configuration:
    """As `load`, of what a settings file at `path` would say; the file itself need not be there."""
    path = Path(path)
    substitution = Substitution(environment(path.parent, environ))
    filled = substitution.fill(dict(tables))
    loader = _Loader(path, filled, substitution, plugins or PluginRegistry(environ=environ))
    configuration = loader.configuration()
    loader.raise_problems(tolerant=tolerant)
    return configuration


class _Loader:
    """Turns one file into a configuration, and gathers what is wrong with it."""

    def __init__(
        self, path: Path, tables: Mapping[str, Any], substitution: Substitution, plugins: PluginRegistry
    ) -> None:
        self._path = path
        self._folder = path.absolute().parent
        self._tables = tables
        self._plugins = plugins
        self._hidden = substitution.used
        self._problems = list(substitution.problems)
        self._failed: dict[str, PluginError] = {}
        self._other_failures: list[PluginError] = []

    def configuration(self) -> Configuration:
        """Everything that could be understood; `raise_problems` tells the rest."""
        for name, value in self._tables.items():
            if name not in _TABLES:
                found = f"[{name}]" if isinstance(value, (Mapping, list)) else name
                meant = suggestion(name, _TABLES, what="the tables are")
                self._say("", found, f"unknown table; {meant}" if found != name else f"unknown key; {meant}")
        simple: dict[str, Any] = {name: self._simple(cls, name) for name, cls in _SIMPLE.items()}
        clock = self._simple(ClockTable, "clock")
        network = self._table("network")
        self._transport(network)
        sources = {name: self._source(name, table, network) for name, table in self._named("sources")}
        sinks = {name: self._sink(name, table, network) for name, table in self._named("sinks")}
        found_sinks = {name: sink for name, sink in sinks.items() if sink is not None}
        self._problems += problems_between_sinks(simple["sharing"], found_sinks)
        configuration = Configuration(
            path=self._path,
            ledger=self._ledger(),
            sources=self._with_rules({name: found for name, found in sources.items() if found is not None}),
            sinks=found_sinks,
            clock_speed=clock.speed,
            clock_anchor=clock.anchor,
            broken=dict(self._failed),
            **simple,
        )
        # A sink that is not understood would bring the same complaint about its buffer once more.
        if not self._problems:
            self._buffers(found_sinks)
        return configuration

    def raise_problems(self, *, tolerant: bool) -> None:
        """Raise one error for all that is wrong, of the kind that fits."""
        failures = [*self._other_failures, *(() if tolerant else self._failed.values())]
        if self._problems:
            problems = [*self._problems, *(Problem("", "", str(failure)) for failure in failures)]
            raise configuration_error(problems, str(self._path))
        if len(failures) == 1:
            raise type(failures[0])(f"{self._path}: {failures[0]}")
        if failures:
            lines = "\n".join(f"  {failure}" for failure in failures)
            raise type(failures[0])(f"{self._path}: {len(failures)} problems\n{lines}")

    def _say(self, place: str, name: str, message: str) -> None:
        problem = Problem(place, name, message)
        if problem_text(problem) not in {problem_text(other) for other in self._problems}:
            self._problems.append(problem)

    def _table(self, name: str) -> Mapping[str, Any]:
        table = self._tables.get(name, {})
        if isinstance(table, Mapping):
            return table
        self._say("", name, f"must be a table [{name}], not {describe(table)}")
        return {}

    def _named(self, kind: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
        for name, table in self._table(kind).items():
            place = f"[{kind}.{name}]"
            if not isinstance(table, Mapping):
                self._say(
                    f"[{kind}]", name, f"must be a table [{kind}.NAME], not {describe(table, secret=True)}"
                )
            elif not _NAME.fullmatch(name) or name == "buffer":
                self._say(
                    place, "", 'cannot be a name: use letters, digits, _ and -, and not the word "buffer"'
                )
            else:
                yield name, table

    def _structured(
        self,
        cls: type[S],
        table: Mapping[str, Any],
        place: str,
        also_known: Iterable[str] = (),
        places: Mapping[str, str] | None = None,
    ) -> S | None:
        value, problems = structure_with_problems(
            cls,
            table,
            place,
            base=self._folder,
            places=places,
            also_known=frozenset(also_known),
            hidden=self._hidden,
        )
        said = {(problem.place, problem.name) for problem in self._problems}
        for problem in problems:
            # What was said of a key before (a variable that is not set) is why this went wrong too.
            if (problem.place, problem.name) not in said:
                self._say(problem.place, problem.name, problem.message)
        return value

    def _simple(self, cls: type[S], name: str) -> S:
        found = self._structured(cls, self._table(name), f"[{name}]")
        return found if found is not None else cls()

    def _ledger(self) -> LedgerSettings:
        table = self._simple(LedgerTable, "ledger")
        url, tenant = table.url, table.tenant
        scheme, found, rest = url.partition(":///")
        if url.partition("://")[0].partition("+")[0] in ("postgresql", "postgres"):
            return LedgerSettings(url, tenant)
        if tenant != LedgerSettings().tenant:
            self._say("[ledger]", "tenant", "is for PostgreSQL: a file is one shop's; leave it out")
        if scheme != "sqlite" or not found or not rest:
            message = (
                'must look like "sqlite:///mpstock.db" (sqlite, three slashes and the path of a file) or '
                '"postgresql://user:password@host/database"'
            )
        elif rest == ":memory:":
            return LedgerSettings(url)
        else:
            return LedgerSettings(f"sqlite:///{(self._folder / Path(rest).expanduser()).as_posix()}")
        self._say("[ledger]", "url", message)
        return LedgerSettings()

    def _plugin(self, place: str, name: str, find: Callable[[str], C]) -> C | None:
        try:
            return find(name)
        except PluginError as error:
            self._failed[place[1:-1]] = type(error)(f"{place} plugin: {error}")
            return None

    def _own_settings(
        self, spec: Any, table: Mapping[str, Any], common: frozenset[str], place: str
    ) -> Any | None:
        own = {key: value for key, value in table.items() if key not in common}
        try:
            return self._structured(spec.settings, own, place, also_known=common)
        except PluginError as error:
            self._failed[place[1:-1]] = type(error)(f"{place} plugin {spec.name}: {error}")
            return None

    def _transport(
        self, network: Mapping[str, Any], own: Mapping[str, Any] | None = None, place: str = "[network]"
    ) -> Any | None:
        """The settings of `[network]` with an adapter's own over them; None if neither says anything."""
        table = {**network, **(own or {})}
        if not table:
            return None
        from mpstock.transport import TransportSettings

        inherited = dict.fromkeys(network.keys() - (own or {}).keys(), "[network]")
        settings = self._structured(TransportSettings, table, place, places=inherited)
        if settings is not None and settings.ca_file is not None:
            return evolve(settings, ca_file=str(self._folder / Path(settings.ca_file).expanduser()))
        return settings

    def _source(self, name: str, table: Mapping[str, Any], network: Mapping[str, Any]) -> SourceConfig | None:
        place = f"[sources.{name}]"
        common = self._structured(SourceTable, _part(table, SOURCE_KEYS), place)
        plugin = table.get("plugin")
        spec = self._plugin(place, plugin, self._plugins.source) if isinstance(plugin, str) else None
        if spec is None:
            return None
        settings = self._own_settings(spec, table, SOURCE_KEYS, place)
        if common is None or settings is None:
            return None
        sinks = self._table("sinks")
        for sink in common.absorbs:
            if sink not in sinks:
                meant = suggestion(sink, sinks, what="the sinks are")
                self._say(f"[sources.{name}.absorbs]", sink, f"there is no such sink; {meant}")
        quantity = common.quantity or spec.quantity
        if quantity == "free" and spec.tells_reserved is not None and spec.tells_reserved(settings):
            self._say(
                place,
                "quantity",
                'is "free", but with these settings the rows carry a reserve of their own: it would be '
                'subtracted twice. Write quantity = "on_hand", or leave the reserve out',
            )
        return SourceConfig(
            name=name,
            spec=spec,
            settings=settings,
            quantity=quantity,
            absorbs=common.absorbs,
            max_age=common.max_age,
            incremental=common.incremental or spec.incremental,
            group=common.group,
            rule=common.rule or "sum",
            share=common.share,
            lead_time=common.lead_time,
            max_per_sku=common.max_per_sku,
            transport=self._transport(network, common.transport, f"{place[:-1]}.transport]"),
        )

    def _with_rules(self, sources: dict[str, SourceConfig]) -> dict[str, SourceConfig]:
        """Give the sources of one group the group's rule, whichever of them says it."""
        said: dict[str, tuple[str, Any]] = {}
        for name, source in sources.items():
            if "rule" not in self._table("sources")[name]:
                continue
            first, rule = said.setdefault(source.group, (name, source.rule))
            if rule != source.rule:
                self._say(
                    f"[sources.{name}]",
                    "rule",
                    f'is "{source.rule}", and "{rule}" in [sources.{first}] of the same group '
                    f'"{source.group}"; a group has one rule',
                )
        return {
            name: evolve(source, rule=said[source.group][1]) if source.group in said else source
            for name, source in sources.items()
        }

    def _sink(self, name: str, table: Mapping[str, Any], network: Mapping[str, Any]) -> SinkConfig | None:
        place = f"[sinks.{name}]"
        common = self._structured(SinkTable, _part(table, SINK_KEYS), place)
        plugin = table.get("plugin")
        spec = self._plugin(place, plugin, self._plugins.sink) if isinstance(plugin, str) else None
        warehouses = self._warehouses(name, common) if common is not None else ()
        if spec is None:
            return None
        settings = self._own_settings(spec, table, SINK_KEYS, place)
        if common is None or settings is None:
            return None
        return SinkConfig(
            name=name,
            spec=spec,
            settings=settings,
            priority=common.priority,
            share=common.share,
            max_age=common.max_age,
            shadow=common.shadow,
            warehouses=warehouses,
            buffer=common.buffer,
            transport=self._transport(network, common.transport, f"{place[:-1]}.transport]"),
        )

    def _warehouses(self, sink: str, table: SinkTable) -> tuple[SinkWarehouse, ...]:
        place = f"[[sinks.{sink}.warehouses]]"
        if not table.warehouses:
            self._say(
                f"[sinks.{sink}]",
                "warehouses",
                f'is missing; add {place} with code = "…", the marketplace\'s code of the warehouse to serve',
            )
        found: dict[str, SinkWarehouse] = {}
        for number, raw in enumerate(table.warehouses, 1):
            numbered = f"{place} number {number}"
            if not isinstance(raw, Mapping):
                self._say(numbered, "", f"must be a table, not {describe(raw)}")
                continue
            warehouse = self._structured(WarehouseTable, raw, numbered)
            if warehouse is None:
                continue
            code = str(warehouse.code)
            if code in found:
                self._say(numbered, "code", f'"{code}" stands above already; a warehouse is served once')
            foreign = set(warehouse.pick_order or ()) - set(warehouse.feeds or warehouse.pick_order or ())
            if foreign:
                self._say(
                    numbered,
                    "pick_order",
                    f"names {', '.join(sorted(foreign))}, which is not among its feeds",
                )
            found[code] = SinkWarehouse(
                code, warehouse.feeds, warehouse.share, warehouse.buffer, warehouse.pick_order
            )
        self._problems += problems_within_sink(place, list(found.values()))
        return tuple(found.values())

    def _buffers(self, sinks: Mapping[str, SinkConfig]) -> None:
        for error in BufferResolver(sinks, None, self._plugins).errors():
            if isinstance(error, ConfigurationError):
                self._say("", "", str(error))
            elif str(error) not in map(str, self._other_failures):
                self._other_failures.append(error)


def _part(table: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key in keys}


_NAME = re.compile(r"[\w-]+")
