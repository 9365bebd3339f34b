"""Finds, loads and builds plugins, one entry point at a time; a broken one is named and set aside.

A plugin is a distribution with an entry point of the group `mpstock` that names a module (or object)
with hooks (`mpstock.hookimpl`). The built-in policies and the in-memory adapters come the same way.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from attrs import evolve, field, frozen

from mpstock.building import build_adapter
from mpstock.contract_versions import (
    CONTRACT,
    ContractDeprecationWarning,
    deprecated_uses,
    warn_deprecated,
)
from mpstock.errors import PluginError, PluginLoadError, UnknownPluginError
from mpstock.installed import GROUP, Announced, announced
from mpstock.interfaces import BufferPolicySpec, SinkSpec, SourceSpec
from mpstock.nearest import nearest
from mpstock.plugin_checks import (
    KINDS,
    check_hooks,
    check_sink,
    check_source,
    describe_exception,
    gather_descriptors,
)

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from pluggy import HookImpl

    from mpstock.config import SinkConfig, SourceConfig
    from mpstock.interfaces import Context, Sink, Source

__all__ = ["CONTRACT", "LOAD_PLUGINS", "ContractDeprecationWarning", "LoadedPlugin", "PluginRegistry"]

LOAD_PLUGINS = "MPSTOCK_LOAD_PLUGINS"
"""The environment variable with the entry points to load, separated by commas; empty = none."""

_OURS = "files moysklad odoo onec ozon wb yandex"
_DISTRIBUTIONS = {
    **{name: f"mpstock-{name}" for name in _OURS.split()},
    "1c": "mpstock-onec",
    "onec_commerceml": "mpstock-onec",
    "onec_odata": "mpstock-onec",
}
_logger = logging.getLogger(__name__)

Spec = SourceSpec | SinkSpec | BufferPolicySpec
S = TypeVar("S", bound=Spec)


@frozen
class LoadedPlugin:
    """One plugin as it was found: what it brings or, if it is broken, why it could not be loaded.

    `name` is that of its entry point. A plugin that works may have an `error` too: a name that
    another plugin brings as well. `contract` are the versions of the contract that its descriptors state, and
    `deprecated` says what it uses that ends with the next major one.
    """

    name: str
    state: Literal["ok", "broken"] = "ok"
    distribution: str = ""
    version: str = ""
    error: str = ""
    sources: tuple[str, ...] = ()
    sinks: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    contract: tuple[str, ...] = ()
    deprecated: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Its name with its distribution and version: `ozon (mpstock-ozon 0.1.0)`."""
        distribution = f"{self.distribution} {self.version}".strip()
        return f"{self.name} ({distribution})" if distribution else self.name


@frozen(eq=False)
class _Brought:
    """A descriptor with the plugin that brought it."""

    spec: Any
    plugin: LoadedPlugin = field(repr=False)


class PluginRegistry:
    """The plugins of this process. They are loaded when the first of them is asked for.

    `entry_points` are the ones to load from; None = all that are installed. `environ` is where
    `MPSTOCK_LOAD_PLUGINS` is looked up; None = the process's environment.
    """

    def __init__(
        self,
        *,
        entry_points: Iterable[EntryPoint] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._entry_points = entry_points
        self._environ = os.environ if environ is None else environ
        self._plugins: list[LoadedPlugin] = []
        self._brought: list[_Brought] = []
        self._told: list[tuple[str, LoadedPlugin, HookImpl]] = []
        self._left_out: dict[str, str] = {}
        self._manager = _manager()
        self._loaded = False

    def register(self, plugin: object, name: str | None = None) -> LoadedPlugin:
        """Add a module or object with hooks, beside what is installed: for programs and tests.

        Raises:
            PluginLoadError: it cannot be registered.
            PluginContractError: it breaks the contract.
        """
        name = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        loaded, error = self._add(plugin, LoadedPlugin(name=name))
        if error is not None:
            raise error if isinstance(error, PluginError) else PluginLoadError(f"{name}: {loaded.error}")
        self._plugins.append(loaded)
        return loaded

    def installed(self) -> tuple[LoadedPlugin, ...]:
        """Every plugin that was found, the broken ones too, the built-in first."""
        self._load()
        return tuple(
            evolve(plugin, error=self._conflicts(plugin)) if plugin.state == "ok" else plugin
            for plugin in self._plugins
        )

    def sources(self) -> dict[str, SourceSpec]:
        """The sources that can be used, by name."""
        return self._usable(SourceSpec)

    def sinks(self) -> dict[str, SinkSpec]:
        """The sinks that can be used, by name."""
        return self._usable(SinkSpec)

    def policies(self) -> dict[str, BufferPolicySpec]:
        """The buffer policies that can be used, by name."""
        return self._usable(BufferPolicySpec)

    def source(self, name: str) -> SourceSpec:
        """Return the source of that name or alias.

        Raises:
            UnknownPluginError: nothing installed brings it; says what to install.
            PluginLoadError: its plugin is broken, or two plugins bring it.
        """
        return self._one(SourceSpec, name)

    def sink(self, name: str) -> SinkSpec:
        """Return the sink of that name; raises as `source`."""
        return self._one(SinkSpec, name)

    def policy(self, name: str) -> BufferPolicySpec:
        """Return the buffer policy of that name; raises as `source`."""
        return self._one(BufferPolicySpec, name)

    def owner(self, spec: Spec) -> LoadedPlugin | None:
        """Return the plugin that brought this descriptor; None for one that was made by hand."""
        self._load()
        return next((brought.plugin for brought in self._brought if brought.spec is spec), None)

    def tell(self, hook: str, event: object) -> None:
        """Tell every plugin that listens to `hook`. One that raises is logged; the others are told."""
        self._load()
        if not hasattr(self._manager.hook, hook):
            raise ValueError(f"there is no hook {hook}")
        for name, plugin, impl in self._told:
            if name != hook:
                continue
            try:
                impl.function(*[event for _ in impl.argnames])
            except Exception as error:
                _logger.exception(
                    "the plugin %s failed when told %s: %s", plugin.label, hook, describe_exception(error)
                )

    def build_source(self, config: SourceConfig, context: Context) -> Source:
        """Build a configured source.

        Raises:
            PluginError: the plugin could not; names the adapter, the plugin and the reason.
            PluginContractError: what it built is no source.
            ConfigurationError: the plugin finds its settings unusable.
        """
        return cast("Source", build_adapter("sources", config, context, check_source, self._label(config)))

    def build_sink(self, config: SinkConfig, context: Context) -> Sink:
        """Build a configured sink; raises as `build_source`."""
        return cast("Sink", build_adapter("sinks", config, context, check_sink, self._label(config)))

    def _label(self, config: SourceConfig | SinkConfig) -> str:
        plugin = self.owner(config.spec) if config.spec is not None else None
        return plugin.label if plugin is not None else config.name

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        from mpstock import __version__, builtin

        registered, self._plugins = self._plugins, []
        loaded, error = self._add(
            builtin, LoadedPlugin(name="builtin", distribution="mpstock", version=__version__)
        )
        if error is not None:
            raise error
        self._plugins = [loaded, *registered]
        wanted = self._environ.get(LOAD_PLUGINS)
        names = None if wanted is None else {name.strip() for name in wanted.split(",") if name.strip()}
        # With nothing to load nothing is looked for: the scan of what is installed has its price.
        found = () if names == set() and self._entry_points is None else self._found()
        for one in found:
            if names is None or one.name in names:
                self._plugins.append(self._load_one(one))
            else:
                self._left_out[one.name] = one.distribution
        for name in sorted((names or set()) - {one.name for one in found}):
            self._plugins.append(
                LoadedPlugin(name, "broken", error=f"{LOAD_PLUGINS} names it, and it is not installed")
            )
        for plugin in self._plugins:
            if plugin.state == "broken":
                _logger.warning("the plugin %s is left out: %s", plugin.label, plugin.error)

    def _found(self) -> Sequence[Announced]:
        given = self._entry_points
        return announced() if given is None else [Announced.of(entry_point) for entry_point in given]

    def _load_one(self, one: Announced) -> LoadedPlugin:
        found = LoadedPlugin(one.name, distribution=one.distribution, version=one.version)
        try:
            plugin = one.entry_point.load()
        # A plugin may do anything when it is imported, leave the process included.
        except (Exception, SystemExit) as error:
            return evolve(found, state="broken", error=describe_exception(error))
        return self._add(plugin, found)[0]

    def _add(self, plugin: Any, found: LoadedPlugin) -> tuple[LoadedPlugin, Exception | None]:
        """Register one plugin; return it as it is now, and what was wrong with it."""
        specs: list[Spec] = []
        try:
            # The name is the manager's own affair: two distributions may use the same one.
            self._manager.register(plugin, name=f"{found.name} {id(plugin)}")
            impls = check_hooks(self._manager, plugin)
            gather_descriptors(impls, specs)
        except Exception as error:
            if self._manager.is_registered(plugin) and not self._is_used(plugin):
                self._manager.unregister(plugin)
            reason = str(error) if isinstance(error, PluginError) else describe_exception(error)
            return evolve(_bringing(found, specs), state="broken", error=reason), error
        loaded = evolve(_bringing(found, specs), hooks=tuple(sorted({hook for _, hook in impls})))
        self._brought.extend(_Brought(spec, loaded) for spec in specs)
        self._told.extend((hook, loaded, impl) for impl, hook in impls)
        # Where warnings are errors it is the program that stops: the plugin works.
        warn_deprecated(loaded.deprecated)
        return loaded, None

    def _is_used(self, plugin: object) -> bool:
        return any(impl.plugin is plugin for _, _, impl in self._told)

    def _of(self, kind: type[Any]) -> list[_Brought]:
        self._load()
        return [brought for brought in self._brought if isinstance(brought.spec, kind)]

    def _usable(self, kind: type[S]) -> dict[str, S]:
        brought = self._of(kind)
        names = [item.spec.name for item in brought]
        return {item.spec.name: item.spec for item in brought if names.count(item.spec.name) == 1}

    def _one(self, kind: type[S], name: str) -> S:
        brought = self._of(kind)
        found = [item for item in brought if item.spec.name == name] or [
            item for item in brought if name in getattr(item.spec, "aliases", ())
        ]
        what = KINDS[kind]
        if len(found) == 1:
            return cast("S", found[0].spec)
        if found:
            labels = " and ".join(item.plugin.label for item in found)
            raise PluginLoadError(
                f"the {what} {name} is brought by {labels}: uninstall one of them, or name the entry points "
                f"to load in {LOAD_PLUGINS}"
            )
        for plugin in (plugin for plugin in self._plugins if plugin.state == "broken"):
            claimed = (*plugin.sources, *plugin.sinks, *plugin.policies, plugin.name)
            likely = plugin.distribution and plugin.distribution == _DISTRIBUTIONS.get(name)
            if name in claimed or likely:
                raise PluginLoadError(f"the plugin {plugin.label} could not be loaded: {plugin.error}")
        raise UnknownPluginError(f"no {what} named {name} is installed; {self._hint(kind, name)}")

    def _hint(self, kind: type[Any], name: str) -> str:
        if name in self._left_out:
            return f"the plugin {name} is, but {LOAD_PLUGINS} leaves it out"
        usable = self._usable(kind)
        others = [item for item in self._brought if item.spec.name == name]
        if others:
            return f"{name} is a {KINDS[type(others[0].spec)]}"
        if name in _DISTRIBUTIONS:
            return f"pip install {_DISTRIBUTIONS[name]}"
        meant = nearest(name, [*usable, *_DISTRIBUTIONS])
        if meant is not None:
            install = "" if meant in usable else f" (pip install {_DISTRIBUTIONS[meant]})"
            return f"did you mean {meant}{install}?"
        return f"installed are: {', '.join(sorted(usable))}"

    def _conflicts(self, plugin: LoadedPlugin) -> str:
        texts: list[str] = []
        for own in (item for item in self._brought if item.plugin is plugin):
            for other in self._of(type(own.spec)):
                if other.plugin is not plugin and other.spec.name == own.spec.name:
                    kind = KINDS[type(own.spec)]
                    texts.append(f"the {kind} {own.spec.name} is brought by {other.plugin.label} too")
        return "; ".join(texts)


def _manager() -> Any:
    import pluggy

    from mpstock import hookspecs

    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    return manager


def _bringing(plugin: LoadedPlugin, specs: Iterable[Spec]) -> LoadedPlugin:
    specs = list(specs)

    def names(kind: type[Any]) -> tuple[str, ...]:
        return tuple(str(spec.name) for spec in specs if isinstance(spec, kind))

    return evolve(
        plugin,
        sources=names(SourceSpec),
        sinks=names(SinkSpec),
        policies=names(BufferPolicySpec),
        contract=tuple(sorted({str(spec.contract) for spec in specs})),
        deprecated=tuple(text for spec in specs for text in deprecated_uses(spec.contract, spec.name)),
    )
