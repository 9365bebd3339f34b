"""What the contract tests of sources and of sinks have in common: how they are set up, and the settings."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar

import attrs
import pytest

from mpstock.clock import Clock, ScaledClock
from mpstock.contract_versions import refusal
from mpstock.errors import AuthenticationError, ConfigurationError
from mpstock.interfaces import CheckedAdapter, SinkSpec, SourceSpec
from mpstock.plugins import PluginRegistry
from mpstock.simulation import serve
from mpstock.testing.bench import (
    Bench,
    Told,
    bench_of,
    clean_error,
    hush,
    kind_of,
    listening,
    structured,
    walked,
)
from mpstock.testing.faults import FaultScript
from mpstock.testing.virtual import VirtualClock, run_virtual

__all__ = ["Contract", "installed_plugins", "kit"]

C = TypeVar("C")
T = TypeVar("T")

SPEED = 200.0
"""How fast time runs where a double is served over the network: pauses between attempts take milliseconds."""

LONG = 7 * 24 * 3600.0
"""Longer than any adapter waits for an answer."""


class Contract:
    """The common part of `SourceContract` and `SinkContract`."""

    kind: ClassVar[str]
    """`"sources"` or `"sinks"`."""

    plugin: ClassVar[str] = ""
    """The name of the installed plugin; or give `spec`."""

    spec: ClassVar[Any] = None
    """The descriptor, where the plugin is not installed or it has no name of its own."""

    options: ClassVar[Mapping[str, Any]] = {}
    """Keys of the adapter's table beside those of the double's `settings`."""

    http: ClassVar[bool] = True
    """False: the adapter sends no requests, so that nothing of a network can go wrong."""

    checks: ClassVar[bool] = True
    """False: the adapter brings no `check`."""

    settle: ClassVar[float] = 60.0
    """Seconds after a change, before it is asked for."""

    url: ClassVar[str] = "http://vendor.test"
    """Where the double is asked inside the process. Nothing is sent there."""

    def make_double(self, clock: Clock) -> Any:
        """Return the double as a test finds it; the contracts call the author's `make_simulator`."""
        raise NotImplementedError

    def make_bench(
        self, simulator: Any, clock: Clock, url: str, faults: FaultScript | None = None
    ) -> Bench[Any, Any]:
        """Build the adapter over the double, or with `faults` over a double that is served at `url`.

        An adapter that is not made from settings overrides this.
        """
        table = {**simulator.settings(url), **self.options}
        codes = simulator.warehouse_codes() if self.kind == "sinks" else ()
        name = str(table.get("plugin", self.plugin or "mine")).replace(".", "-")
        return bench_of(
            self.descriptor(), simulator, table, clock, name=name, warehouses=codes, served=faults
        )

    def descriptor(self) -> SourceSpec | SinkSpec:
        """Return the descriptor under test."""
        if self.spec is not None:
            given: SourceSpec | SinkSpec = self.spec
            return given
        assert self.plugin, f"{type(self).__name__} names no plugin: set `plugin` or `spec`"
        registry = installed_plugins()
        return registry.source(self.plugin) if self.kind == "sources" else registry.sink(self.plugin)

    # -- for the tests -------------------------------------------------------------------

    def play(self, story: Callable[[Any], Coroutine[Any, Any, T]], double: Any = None) -> T:
        """Run `story` with a bench on a clock that jumps. Whatever is logged meanwhile tells no secret."""
        clock = VirtualClock() if double is None else double.clock
        simulator = self.make_double(clock) if double is None else double
        bench = self.make_bench(simulator, clock, self.url)

        async def main() -> T:
            return await story(bench)

        with listening() as lines:
            result = run_virtual(main)
        hush(bench, lines, "the log")
        return result

    def serve(self, story: Callable[..., Coroutine[Any, Any, T]], *beside: Any) -> T:
        """As `play`, but over HTTP on loopback, where time runs fast.

        `beside` are applications that are served too; the story gets their addresses after the bench.
        """
        import asyncio

        clock = ScaledClock(SPEED)
        simulator = self.make_double(clock)
        faults = FaultScript(simulator)

        async def main(bench: Bench[Any, Any], *others: str) -> T:
            try:
                return await story(bench, *others)
            finally:
                if bench.transport is not None:
                    await bench.transport.aclose()

        # What is served need only speak ASGI.
        apps: list[Any] = [faults, *beside]
        with listening() as lines, serve(*apps) as (url, *others):
            bench = self.make_bench(simulator, clock, url, faults)
            result = asyncio.run(main(bench, *others))
        hush(bench, lines, "the log")
        return result

    def only(self, condition: bool, reason: str) -> None:
        """Skip the test where the promise does not apply, and say why."""
        if not condition:
            pytest.skip(reason)

    def overridden(self, hook: str) -> bool:
        """Tell whether the author has given this hook."""
        own = getattr(type(self), hook)
        return all(own is not getattr(base, hook, None) for base in type(self).__mro__ if base in _KIT)

    def fails(self, bench: Bench[Any, Any], told: Told[Any], what: str, *kinds: type[Exception]) -> None:
        """Fail unless the walk ended with a clean error of one of these kinds, and nothing was `complete`."""
        error = clean_error(bench, told.error, what)
        if kinds:
            kind_of(error, kinds, what)
        if AuthenticationError not in kinds:
            assert not isinstance(error, AuthenticationError), (
                f"{what}: AuthenticationError sends a person to look at credentials, which are not to blame"
            )
        half = [page for page in told.pages if getattr(page, "complete", False)]
        assert not half, f"{what}: a page was `complete` although the walk failed: yield it when all is read"

    # -- settings and descriptor ---------------------------------------------------------

    def test_descriptor_can_be_listed(self) -> None:
        """A descriptor has a name, a sentence, an attrs class and the version of the contract."""
        spec = self.descriptor()
        assert spec.name, "give the descriptor a name"
        assert spec.summary.strip(), "give the descriptor a summary, `mpstock plugins` shows it"
        assert attrs.has(spec.settings), f"{spec.settings} is no attrs class, and settings must be one"
        assert refusal(spec.contract) is None, refusal(spec.contract)

    def test_unknown_key_is_refused_by_its_name(self) -> None:
        """A key that the settings do not have is an error that names it; nothing is ignored silently."""
        spec, table = self.descriptor(), self._table()
        structured(spec, table, "mine")
        with pytest.raises(ConfigurationError, match="no_such_key"):
            structured(spec, {**table, "no_such_key": 1}, "mine")

    def test_missing_key_is_named(self) -> None:
        """A key without a default that is not there is named."""
        spec, table = self.descriptor(), self._table()
        needed = [
            one.alias or one.name
            for one in attrs.fields(spec.settings)
            if one.init and one.default is attrs.NOTHING
        ]
        for key in needed:
            with pytest.raises(ConfigurationError, match=key):
                structured(spec, {name: value for name, value in table.items() if name != key}, "mine")

    def test_settings_mask_their_secrets(self) -> None:
        """What is secret in the settings is a `Secret`; no repr of settings, adapter or context tells it."""

        async def story(bench: Bench[Any, Any]) -> None:
            hush(bench, (repr(bench.settings), str(bench.settings)), "repr(settings)")
            hush(bench, (repr(bench.adapter), repr(bench.context)), "repr(adapter)")
            named = [
                one.name
                for one in attrs.fields(type(bench.settings))
                if isinstance(getattr(bench.settings, one.name), str)
                and one.name.endswith(("password", "token", "secret", "api_key"))
            ]
            assert not named, f"the settings {named} are plain text: make them `mpstock.Secret`"

        self.only(attrs.has(self.descriptor().settings) and self.http, "nothing of the settings is secret")
        self.play(story)

    def test_bad_secret_is_not_quoted(self) -> None:
        """A secret of the wrong type is an error that does not show it."""
        spec, table = self.descriptor(), self._table()
        secret = [one for one in attrs.fields(spec.settings) if "Secret" in str(one.type)]
        for one in secret:
            key = one.alias or one.name
            with pytest.raises(ConfigurationError) as caught:
                structured(spec, {**table, key: ["hunter2-hunter2"]}, "mine")
            assert "hunter2" not in str(caught.value), f"the error quotes the value of {key}"

    def test_check_finds_something_and_changes_nothing(self) -> None:
        """`check` yields findings with a subject and words, sends nothing that writes, and is well here."""
        self.only(self.checks, "it brings no check")

        async def story(bench: Bench[Any, Any]) -> None:
            assert isinstance(bench.adapter, CheckedAdapter), (
                "the adapter has no check(); write one, or say `checks = False`"
            )
            told = await walked(bench.adapter.check())
            assert told.error is None, f"check raised {told.error!r} where all is well"
            assert told.pages, "check says nothing at all; one finding of level ok is the least"
            for finding in told.pages:
                assert finding.level in ("ok", "warning", "error"), f"{finding.level!r} is no level"
                assert finding.subject, f"a finding has no subject: {finding}"
                assert finding.message, f"a finding has no message: {finding}"
                assert finding.level != "error", f"check finds an error where all is well: {finding}"
            assert not [one for one in bench.requests if one.push], "check has sent a request that writes"

        self.play(story)

    @pytest.mark.parametrize("status", [401, 403])
    def test_check_tells_refused_credentials(self, status: int) -> None:
        """Refused credentials are an error that `check` finds, or AuthenticationError."""
        self.only(self.checks and self.http, "it brings no check of an account")

        async def story(bench: Bench[Any, Any]) -> None:
            bench.faults.answer(status, '{"message": "Доступ запрещён"}')
            told = await walked(bench.adapter.check())
            hush(bench, [str(finding) for finding in told.pages], "a finding")
            if told.error is not None:
                kind_of(
                    clean_error(bench, told.error, f"check after {status}"), (AuthenticationError,), "check"
                )
            else:
                assert [one for one in told.pages if one.level == "error"], (
                    f"every request is refused with {status}, and check finds no error"
                )

        self.play(story)

    def _table(self) -> dict[str, Any]:
        simulator = self.make_double(VirtualClock())
        return {**simulator.settings(self.url), **self.options}


@cache
def installed_plugins() -> PluginRegistry:
    """The plugins that are installed, looked for once in a process."""
    return PluginRegistry()


_KIT: set[type] = {Contract}
"""The kit's own classes: what they define is no author's."""


def kit(cls: type[C]) -> type[C]:
    """Mark a class of the kit itself."""
    _KIT.add(cls)
    return cls
