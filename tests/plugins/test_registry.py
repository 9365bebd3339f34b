from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import frozen

from mpstock import BufferPolicySpec, SinkSpec, SourceSpec, hookimpl
from mpstock.errors import PluginContractError, PluginLoadError, UnknownPluginError
from mpstock.plugins import LOAD_PLUGINS, LoadedPlugin, PluginRegistry

HEAD = """
from attrs import frozen
from mpstock import SinkSpec, SourceSpec, hookimpl

@frozen
class Settings:
    pass

def factory(settings, context):
    raise AssertionError("nothing is built by listing")
"""
GOOD = (
    HEAD
    + """
@hookimpl
def mpstock_sinks():
    return [SinkSpec(name="{name}", summary="", settings=Settings, factory=factory)]
"""
)


@frozen
class Empty:
    """Settings without a key."""


def sink(name: str = "kiosk", **changes: Any) -> SinkSpec:
    values: dict[str, Any] = {"summary": "", "settings": Empty, "factory": lambda settings, context: None}
    return SinkSpec(name=name, **{**values, **changes})


def plugin_of(*specs: object) -> object:
    """A plugin whose hook `mpstock_sinks` returns these."""

    class Plugin:
        @hookimpl
        def mpstock_sinks(self) -> Iterable[Any]:
            return specs

    return Plugin()


class Site:
    """A folder with installed distributions, made by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, distribution: str, entry_point: str, source: str, version: str = "1.2.3") -> None:
        module = f"{distribution.replace('-', '_')}_module"
        (self.folder / f"{module}.py").write_text(source, encoding="utf-8")
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[mpstock]\n{entry_point} = {module}\n")

    def registry(self, **environ: str) -> PluginRegistry:
        return PluginRegistry(entry_points=self.found(), environ=environ)

    def found(self) -> list[EntryPoint]:
        ours = [ep for ep in entry_points(group="mpstock") if ep.value.endswith("_module")]
        return sorted(ours, key=lambda ep: ep.name)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A folder of installed distributions on the path; its modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        if name.endswith("_module"):
            del sys.modules[name]


def state(registry: PluginRegistry, name: str) -> LoadedPlugin:
    return next(plugin for plugin in registry.installed() if plugin.name == name)


def test_what_is_built_in_comes_through_the_same_hooks() -> None:
    """Nothing is known without a plugin: policies and in-memory adapters are listed as one."""
    registry = PluginRegistry(entry_points=[])
    assert [plugin.name for plugin in registry.installed()] == ["builtin"]
    assert set(registry.policies()) == {"standard", "all", "fixed_share", "threshold"}
    assert (list(registry.sources()), list(registry.sinks())) == (["carts", "memory"], ["memory"])


def test_an_entry_point_is_enough(site: Site) -> None:
    """A distribution with an entry point is found, with its name, its version and what it brings."""
    site.install("mpstock-kiosk", "kiosk", GOOD.format(name="kiosk"))
    registry = site.registry()
    assert registry.sink("kiosk").name == "kiosk"
    found = state(registry, "kiosk")
    assert (found.distribution, found.version, found.state) == ("mpstock-kiosk", "1.2.3", "ok")
    assert (found.sinks, found.hooks) == (("kiosk",), ("mpstock_sinks",))
    assert registry.owner(registry.sink("kiosk")) == found


def test_nothing_is_loaded_before_it_is_asked_for(site: Site) -> None:
    """To make a registry imports no plugin."""
    site.install("mpstock-kiosk", "kiosk", GOOD.format(name="kiosk"))
    registry = site.registry()
    assert "mpstock_kiosk_module" not in sys.modules
    registry.sinks()
    assert "mpstock_kiosk_module" in sys.modules


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_of_ours", "no_such_module_of_ours"),
        ("raise RuntimeError('сломан')", "RuntimeError: сломан"),
        ("import sys; sys.exit(3)", "SystemExit"),
        ("def broken(:", "SyntaxError"),
        (HEAD, "none of mpstock's hooks"),
        (HEAD + "@hookimpl\ndef mpstock_sink():\n    return []\n", "did you mean mpstock_sinks?"),
        (HEAD + "def mpstock_sinks():\n    return []\n", "mpstock_sinks is not marked"),
        (HEAD + "def mpstock_snks():\n    return []\n", "there is no hook mpstock_snks"),
        (HEAD + "@hookimpl\nasync def mpstock_sinks():\n    return []\n", "write `def`"),
        (HEAD + "@hookimpl\ndef mpstock_sinks(registry):\n    return []\n", "registry"),
        (HEAD + "@hookimpl(wrapper=True)\ndef mpstock_sinks():\n    return (yield)\n", "wrapper"),
        (HEAD + "@hookimpl\ndef mpstock_sinks():\n    raise KeyError('x')\n", "KeyError: 'x'"),
        (HEAD + "@hookimpl\ndef mpstock_sinks():\n    yield 5\n", "returned a int where a SinkSpec belongs"),
        (HEAD + "@hookimpl\ndef mpstock_sinks():\n    return 'kiosk'\n", "returned str, not a list of"),
        (
            HEAD + "@hookimpl\ndef mpstock_sinks():\n    return [SourceSpec('a', '', Settings, factory)]\n",
            "returned a SourceSpec where a SinkSpec belongs",
        ),
    ],
)  # fmt: skip
def test_a_broken_plugin_is_named_with_its_reason_and_the_rest_works(
    site: Site, source: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a plugin does wrong, it is listed as broken, a warning is logged, and its neighbours work."""
    site.install("mpstock-aaa", "aaa", source)
    site.install("mpstock-kiosk", "kiosk", GOOD.format(name="kiosk"))
    registry = site.registry()
    with caplog.at_level(logging.WARNING):
        assert registry.sink("kiosk").name == "kiosk"
    broken = state(registry, "aaa")
    assert broken.state == "broken"
    assert reason in broken.error
    assert broken.label == "aaa (mpstock-aaa 1.2.3)"
    assert broken.label in caplog.text
    with pytest.raises(PluginLoadError, match=r"aaa \(mpstock-aaa 1\.2\.3\) could not be loaded"):
        registry.source("aaa")


def test_the_reason_says_where_the_plugin_broke(site: Site) -> None:
    """An exception at import is told with the file and line of the plugin."""
    site.install("mpstock-aaa", "aaa", "\n\nraise RuntimeError('x')\n")
    assert "mpstock_aaa_module.py, line 3" in state(site.registry(), "aaa").error


def test_a_broken_plugin_is_found_by_the_adapter_that_it_would_bring(site: Site) -> None:
    """An entry point of another name: its adapter's name and its known distribution lead to the reason."""
    other = "@hookimpl\ndef mpstock_buffer_policies():\n    return [5]\n"
    site.install("mpstock-stall", "stall", GOOD.format(name="kiosk") + other)
    with pytest.raises(PluginLoadError, match="stall"):
        site.registry().sink("kiosk")
    site.install("mpstock-ozon", "marketplace", "import no_such_module_of_ours")
    with pytest.raises(PluginLoadError, match="no_such_module_of_ours"):
        site.registry().sink("ozon")
    old = GOOD.format(name="booth").replace("factory=factory", "factory=factory, contract='99.0'")
    site.install("mpstock-old", "old", old)
    with pytest.raises(PluginLoadError, match="upgrade mpstock"):
        site.registry().sink("booth")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (
            sink(contract="2.0"),
            r"version 2\.0 of the contract, this mpstock has version 1\.1: upgrade",
        ),
        (
            sink(contract="1.2"),
            r"version 1\.2 of the contract, this mpstock has version 1\.1: upgrade",
        ),
        (sink(contract="one"), r"'one' is no version of the contract; write it as contract="),
        (sink(contract=0), "0 is no version of the contract"),
        (sink("Kiosk Shop"), "is no name"),
        (sink(settings=dict), "must be an attrs class"),
        (sink(settings=Empty()), "must be an attrs class"),
        (sink(factory=None), "must be callable"),
        (sink(mapping_keys=("a.b",)), "cannot be a mapping key"),
        (sink(mapping_keys=("buffer",)), "cannot be a mapping key"),
    ],
)
def test_a_descriptor_that_breaks_the_contract_is_refused(spec: SinkSpec, reason: str) -> None:
    """Each field of a descriptor is looked at, and a contract of another version says who has to upgrade."""
    with pytest.raises(PluginContractError, match=reason):
        PluginRegistry(entry_points=[]).register(plugin_of(spec), "bad")


def test_settings_cannot_take_a_key_of_the_core() -> None:
    """A plugin's key `warehouses` would never be reached: it is refused by name."""

    @frozen
    class Taken:
        warehouses: int = 0

    with pytest.raises(PluginContractError, match="its settings have the key warehouses"):
        PluginRegistry(entry_points=[]).register(plugin_of(sink(settings=Taken)), "bad")


def test_one_plugin_cannot_bring_a_name_twice() -> None:
    """Twice the same name in one plugin is its own mistake."""
    with pytest.raises(PluginContractError, match="the sink kiosk twice"):
        PluginRegistry(entry_points=[]).register(plugin_of(sink(), sink()), "bad")


def test_a_name_that_two_plugins_bring_is_an_error_where_it_is_asked_for(site: Site) -> None:
    """Both are named, neither wins by chance, and other names go on working."""
    site.install("mpstock-kiosk", "kiosk", GOOD.format(name="kiosk"))
    site.install("kiosk-fork", "fork", GOOD.format(name="kiosk"), version="9")
    site.install("mpstock-stall", "stall", GOOD.format(name="stall"))
    registry = site.registry()
    with pytest.raises(PluginLoadError, match=r"kiosk-fork 9.*mpstock-kiosk 1\.2\.3.*MPSTOCK_LOAD_PLUGINS"):
        registry.sink("kiosk")
    assert "stall" in registry.sinks()
    assert "kiosk" not in registry.sinks()
    assert "the sink kiosk is brought by fork (kiosk-fork 9) too" in state(registry, "kiosk").error
    assert site.registry(**{LOAD_PLUGINS: "kiosk"}).sink("kiosk").name == "kiosk"


def test_two_distributions_may_call_their_entry_points_the_same(site: Site) -> None:
    """The entry point's name is no key: what counts is what the plugins bring."""
    site.install("mpstock-kiosk", "same", GOOD.format(name="kiosk"))
    site.install("mpstock-stall", "same", GOOD.format(name="stall"))
    assert {"kiosk", "stall"} <= set(site.registry().sinks())


def test_the_environment_says_which_plugins_are_loaded(site: Site) -> None:
    """A list loads those alone, an empty text none but what is built in, a wrong name is told."""
    site.install("mpstock-kiosk", "kiosk", GOOD.format(name="kiosk"))
    site.install("mpstock-stall", "stall", GOOD.format(name="stall"))
    assert set(site.registry(**{LOAD_PLUGINS: " stall ,"}).sinks()) == {"memory", "stall"}
    assert set(site.registry(**{LOAD_PLUGINS: ""}).sinks()) == {"memory"}
    with pytest.raises(UnknownPluginError, match="MPSTOCK_LOAD_PLUGINS leaves it out"):
        site.registry(**{LOAD_PLUGINS: "stall"}).sink("kiosk")
    typo = site.registry(**{LOAD_PLUGINS: "kisok"})
    assert state(typo, "kisok").state == "broken"
    assert "not installed" in state(typo, "kisok").error


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ozon", "pip install mpstock-ozon"),
        ("wb", "pip install mpstock-wb"),
        ("ozn", r"did you mean ozon \(pip install mpstock-ozon\)"),
        ("memroy", r"did you mean memory\?"),
        ("standard", "standard is a buffer policy"),
        ("qqqqqqq", "installed are: memory"),
    ],
)
def test_an_unknown_name_gets_a_hint(name: str, hint: str) -> None:
    """What to install, what was meant, or what there is."""
    with pytest.raises(UnknownPluginError, match=f"no sink named {name} is installed; {hint}"):
        PluginRegistry(entry_points=[]).sink(name)


def test_a_source_answers_to_its_aliases() -> None:
    """An alias finds the source; a source of that very name goes before."""
    registry = PluginRegistry(entry_points=[])

    class Plugin:
        @hookimpl
        def mpstock_sources(self) -> list[SourceSpec]:
            return [
                SourceSpec(
                    "onec", "", Empty, lambda settings, context: SimpleNamespace(), aliases=("1c", "b")
                ),
                SourceSpec("b", "", Empty, lambda settings, context: SimpleNamespace()),
            ]

    registry.register(Plugin(), "onec")
    assert registry.source("1c").name == "onec"
    assert registry.source("b").name == "b"
    assert set(registry.sources()) == {"carts", "memory", "onec", "b"}


def test_a_plugin_can_be_registered_before_and_after_the_first_question() -> None:
    """A program adds its own plugins whenever it likes; the built-in stays first."""
    registry = PluginRegistry(entry_points=[])
    registry.register(plugin_of(sink("before")), "one")
    assert set(registry.sinks()) == {"memory", "before"}
    registry.register(plugin_of(sink("after")), "two")
    assert set(registry.sinks()) == {"memory", "before", "after"}
    assert [plugin.name for plugin in registry.installed()] == ["builtin", "one", "two"]


def test_a_plugin_that_was_refused_can_be_registered_mended() -> None:
    """A refused plugin leaves nothing behind."""
    registry = PluginRegistry(entry_points=[])
    with pytest.raises(PluginContractError):
        registry.register(plugin_of(sink(contract="7.0")), "kiosk")
    registry.register(plugin_of(sink()), "kiosk")
    assert "kiosk" in registry.sinks()


def test_a_plugin_is_not_registered_twice() -> None:
    """The same object again is an error, and the first registration stands."""
    registry = PluginRegistry(entry_points=[])
    plugin = plugin_of(sink())
    registry.register(plugin, "kiosk")
    with pytest.raises(PluginLoadError, match="already registered"):
        registry.register(plugin, "kiosk")
    assert registry.sink("kiosk").name == "kiosk"


def test_every_listener_is_told_though_one_raises(caplog: pytest.LogCaptureFixture) -> None:
    """A listener that fails is logged with its name; those before and after it hear the event."""
    heard: list[object] = []

    class Loud:
        @hookimpl
        def mpstock_pushed(self, event: object) -> None:
            heard.append(event)

    class Silent:
        @hookimpl
        def mpstock_pushed(self) -> None:
            heard.append("silent")

    class Failing:
        @hookimpl
        def mpstock_pushed(self, event: object) -> None:
            raise ValueError("не могу")

    registry = PluginRegistry(entry_points=[])
    for number, plugin in enumerate([Loud(), Failing(), Silent(), Loud()]):
        registry.register(plugin, f"plugin-{number}")
    event = object()
    registry.tell("mpstock_pushed", event)
    assert heard == [event, "silent", event]
    assert "plugin-1 failed when told mpstock_pushed: ValueError: не могу" in caplog.text
    registry.tell("mpstock_alert", event)
    assert len(heard) == 3


def test_there_is_nobody_to_tell_of_a_hook_that_is_none() -> None:
    """A misspelt hook name in our own code does not go unheard."""
    with pytest.raises(ValueError, match="mpstock_pusht"):
        PluginRegistry(entry_points=[]).tell("mpstock_pusht", None)


def test_a_third_party_policy_is_found() -> None:
    """A buffer policy needs nothing but the hook."""

    class Plugin:
        @hookimpl
        def mpstock_buffer_policies(self) -> list[BufferPolicySpec]:
            return [BufferPolicySpec("halves", "", Empty, lambda settings: SimpleNamespace())]

    registry = PluginRegistry(entry_points=[])
    registry.register(Plugin(), "halves")
    assert registry.policy("halves").name == "halves"


def test_importing_the_module_is_light() -> None:
    """`import mpstock.plugins` brings in nothing that talks, stores or structures, nor the adapters."""
    code = (
        "import sys, mpstock.plugins; mpstock.plugins.PluginRegistry(entry_points=[]).installed(); "
        "heavy = ('httpx', 'sqlalchemy', 'cattrs', 'asyncio', 'mpstock.inmemory', 'mpstock.config'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
