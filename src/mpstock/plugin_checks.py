"""What can be wrong with a plugin that imports: a misspelt hook, a descriptor that is none."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import attrs

from mpstock.contract_versions import refusal
from mpstock.errors import PluginContractError
from mpstock.interfaces import BufferPolicySpec, Limits, SinkSpec, SourceSpec
from mpstock.nearest import suggestion

if TYPE_CHECKING:
    from pluggy import HookImpl, PluginManager

    Spec = SourceSpec | SinkSpec | BufferPolicySpec

__all__ = [
    "KINDS",
    "SINK_KEYS",
    "SOURCE_KEYS",
    "check_hooks",
    "check_sink",
    "check_source",
    "describe_exception",
    "gather_descriptors",
]

SOURCE_KEYS = frozenset(
    {
        "absorbs", "group", "incremental", "lead_time", "max_age", "max_per_sku", "plugin", "quantity",
        "rule", "share", "transport",
    }
)  # fmt: skip
"""The keys of `[sources.NAME]` that are the core's: a settings class cannot have them."""

SINK_KEYS = frozenset(
    {"buffer", "max_age", "plugin", "priority", "shadow", "share", "transport", "warehouses"}
)
"""The keys of `[sinks.NAME]` that are the core's."""

_DESCRIPTORS: dict[str, tuple[type[Any], frozenset[str]]] = {
    "mpstock_sources": (SourceSpec, SOURCE_KEYS),
    "mpstock_sinks": (SinkSpec, SINK_KEYS),
    "mpstock_buffer_policies": (BufferPolicySpec, frozenset({"policy"})),
}
KINDS: dict[type[Any], str] = {SourceSpec: "source", SinkSpec: "sink", BufferPolicySpec: "buffer policy"}
"""What each kind of descriptor describes, in words."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def check_hooks(manager: PluginManager, plugin: object) -> list[tuple[HookImpl, str]]:
    """Return the hooks that a registered plugin implements, with their names.

    Raises:
        PluginContractError: one is misspelt, not marked, or not a plain function. pluggy would keep
            quiet about the first two.
    """
    impls: list[tuple[HookImpl, str]] = []
    known = _hook_names(manager)
    for caller in manager.get_hookcallers(plugin) or ():
        for impl in caller.get_hookimpls():
            if impl.plugin is not plugin:
                continue
            if not caller.has_spec():
                raise PluginContractError(f"there is no hook {caller.name}: {suggestion(caller.name, known)}")
            if impl.wrapper or impl.hookwrapper:
                raise PluginContractError(f"{caller.name} is a wrapper; mpstock's hooks have none")
            if inspect.iscoroutinefunction(impl.function):
                raise PluginContractError(f"{caller.name} is an `async def`; write `def`")
            impls.append((impl, caller.name))
    marked = {impl.function for impl, _ in impls}
    for name in dir(plugin):
        if not name.startswith("mpstock_"):
            continue
        found = getattr(plugin, name, None)
        if inspect.isroutine(found) and found not in marked:
            if name in known:
                raise PluginContractError(f"{name} is not marked: put @mpstock.hookimpl above it")
            raise PluginContractError(f"there is no hook {name}: {suggestion(name, known)}")
    if not impls:
        raise PluginContractError("it implements none of mpstock's hooks")
    return impls


def _hook_names(manager: PluginManager) -> list[str]:
    callers = vars(manager.hook).items()
    return [name for name, caller in callers if name.startswith("mpstock_") and caller.has_spec()]


def gather_descriptors(impls: Iterable[tuple[HookImpl, str]], specs: list[Spec]) -> None:
    """Add to `specs` what the hooks describe, and raise the first error when all of them were asked.

    The names that a broken plugin would bring lead those who ask for them to the reason.

    Raises:
        PluginContractError: what a hook returns is no descriptor, or not one for this mpstock.
    """
    errors: list[Exception] = []
    for impl, hook in impls:
        try:
            for spec in _read_descriptors(hook, impl):
                specs.append(spec)
                _check_descriptor(hook, spec)
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]
    seen: set[tuple[str, str]] = set()
    for spec in specs:
        key = (KINDS[type(spec)], spec.name)
        if key in seen:
            raise PluginContractError(f"it brings the {key[0]} {key[1]} twice")
        seen.add(key)


def _read_descriptors(hook: str, impl: HookImpl) -> Iterator[Spec]:
    """Yield the descriptors that one hook returns; nothing for a hook that is told things."""
    if hook not in _DESCRIPTORS:
        return
    kind = _DESCRIPTORS[hook][0]
    returned: Any = impl.function()
    if returned is None:
        return
    if not isinstance(returned, Iterable) or isinstance(returned, (str, bytes)):
        raise PluginContractError(f"{hook} returned {type(returned).__name__}, not a list of {kind.__name__}")
    for spec in returned:
        if not isinstance(spec, kind):
            raise PluginContractError(
                f"{hook} returned a {type(spec).__name__} where a {kind.__name__} belongs"
            )
        yield spec


def _check_descriptor(hook: str, spec: Spec) -> None:
    if not _NAME.fullmatch(str(spec.name)):
        raise PluginContractError(
            f"{hook}: {spec.name!r} is no name; names are short and lower: a-z, 0-9, _ and -"
        )
    refused = refusal(spec.contract)
    if refused is not None:
        raise PluginContractError(f"{spec.name}: {refused}")
    settings: object = spec.settings
    if not isinstance(settings, type) or not attrs.has(settings):
        raise PluginContractError(f"{spec.name}: settings must be an attrs class, not {settings!r}")
    for name in ("row_parser", "notified"):
        told = getattr(spec, name, None)
        if told is not None and not callable(told):
            raise PluginContractError(f"{spec.name}: {name} must be callable, not {told!r}")
    if not callable(spec.factory):
        raise PluginContractError(f"{spec.name}: factory must be callable, not {spec.factory!r}")
    keys = {field.alias or field.name for field in attrs.fields(spec.settings)}
    taken = sorted(_DESCRIPTORS[hook][1] & keys)
    if taken:
        raise PluginContractError(
            f"{spec.name}: its settings have the key {taken[0]}, which is mpstock's own there; rename it"
        )
    if isinstance(spec, SinkSpec):
        for key in spec.mapping_keys:
            if not _NAME.fullmatch(key) or key in ("buffer", "pack", "components", "pin", "share"):
                raise PluginContractError(f"{spec.name}: {key!r} cannot be a mapping key")


def check_source(source: Any) -> None:
    """Raise `PluginContractError` unless it has the shape of a `Source`."""
    _check_members(source, "Source", ("rates",), iterators=("read",), coroutines=())


def check_sink(sink: Any) -> None:
    """Raise `PluginContractError` unless it has the shape of a `Sink`."""
    _check_members(
        sink, "Sink", ("limits",), iterators=("listings", "observe", "orders"), coroutines=("push",)
    )
    if not isinstance(sink.limits, Limits):
        raise PluginContractError(f"limits is {type(sink.limits).__name__}, not mpstock.Limits")


def _check_members(
    adapter: Any, kind: str, data: Iterable[str], *, iterators: Iterable[str], coroutines: Iterable[str]
) -> None:
    lacking = [name for name in (*data, *iterators, *coroutines) if not hasattr(adapter, name)]
    if lacking:
        raise PluginContractError(f"{type(adapter).__name__} is no {kind}: it has no {', '.join(lacking)}")
    for name in iterators:
        if inspect.iscoroutinefunction(getattr(adapter, name)):
            raise PluginContractError(
                f"{type(adapter).__name__}.{name} is a coroutine; it must yield its pages, or be a plain "
                "`def` that returns an async iterator"
            )
    for name in coroutines:
        if not inspect.iscoroutinefunction(getattr(adapter, name)):
            raise PluginContractError(f"{type(adapter).__name__}.{name} must be an `async def`")


def describe_exception(error: BaseException) -> str:
    """Say what an exception is, its text, and where in the plugin it was raised."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    trace = error.__traceback__
    place = ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        # Neither the import machinery nor mpstock itself is where the plugin's author has to look.
        if not name.startswith("<") and "importlib" not in name and name != __file__:
            place = f" ({name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return text + place
