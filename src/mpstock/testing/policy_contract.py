"""The promises of a buffer policy, as tests that a plugin's author subclasses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock.config.structuring import structure_settings
from mpstock.contract_versions import refusal
from mpstock.errors import ConfigurationError
from mpstock.interfaces import BufferPolicy, BufferPolicySpec
from mpstock.testing.contract import installed_plugins, kit

__all__ = ["PolicyContract"]

_MOST = 2**53
_AVAILABLE = st.integers(-100, 200) | st.integers(-_MOST, _MOST)


@kit
class PolicyContract:
    """Holds a buffer policy to `mpstock.interfaces.BufferPolicy`, for each of its `tables`.

    Subclass it as `class TestMine(PolicyContract)`, set `plugin` (or `spec`) and `tables`.
    """

    kind: ClassVar[str] = "policies"

    plugin: ClassVar[str] = ""
    """The name of the installed policy; or give `spec`."""

    spec: ClassVar[Any] = None
    """The descriptor, where the policy is not installed."""

    tables: ClassVar[Sequence[Mapping[str, Any]]] = ({},)
    """Buffer tables as they stand in mpstock.toml, without `policy`: each way to set it up."""

    bad_tables: ClassVar[Sequence[Mapping[str, Any]]] = ()
    """Tables that have to be refused."""

    def descriptor(self) -> BufferPolicySpec:
        """Return the descriptor under test."""
        if self.spec is not None:
            given_spec: BufferPolicySpec = self.spec
            return given_spec
        assert self.plugin, f"{type(self).__name__} names no plugin: set `plugin` or `spec`"
        return installed_plugins().policy(self.plugin)

    def policies(self) -> list[tuple[str, BufferPolicy]]:
        """Build a policy of each table; each comes with how it was set up."""
        return [(f"{self.plugin} {dict(table)}", self._policy(table)) for table in self.tables]

    def test_descriptor_can_be_listed(self) -> None:
        """A descriptor has a name, a sentence, an attrs class and a version of the contract that is taken."""
        spec = self.descriptor()
        assert spec.summary.strip(), "give the descriptor a summary, `mpstock plugins` shows it"
        assert attrs.has(spec.settings), f"{spec.settings} is no attrs class, and settings must be one"
        assert refusal(spec.contract) is None, refusal(spec.contract)

    def test_unknown_key_is_refused_by_its_name(self) -> None:
        """A key that the settings do not have is an error that names it; nothing is ignored silently."""
        for table in self.tables:
            with pytest.raises(ConfigurationError, match="no_such_key"):
                self._policy({**table, "no_such_key": 1})

    def test_bad_tables_are_refused(self) -> None:
        """What cannot be meant is an error of the settings, before anything is sent by it."""
        if not self.bad_tables:
            pytest.skip("the author names no table that is to be refused: set `bad_tables`")
        for table in self.bad_tables:
            with pytest.raises(ConfigurationError):
                self._policy(table)

    def test_advertised_is_between_zero_and_available(self) -> None:
        """Never more than there is to promise, never below zero, and a whole number."""
        policies = self.policies()

        @settings(deadline=None)
        @given(available=_AVAILABLE)
        def holds(available: int) -> None:
            for told, policy in policies:
                shown = policy.advertise(available)
                assert type(shown) is int, f"{told} of {available}: {shown!r} is no int"
                assert 0 <= shown <= max(available, 0), (
                    f"{told}: {available} are there, and {shown} are shown"
                )

        holds()

    def test_less_available_never_advertises_more(self) -> None:
        """What is advertised does not rise when what is available falls."""
        policies = self.policies()

        @settings(deadline=None)
        @given(available=_AVAILABLE, less=st.integers(0, 50) | st.integers(0, _MOST))
        def holds(available: int, less: int) -> None:
            for told, policy in policies:
                more, fewer = policy.advertise(available), policy.advertise(available - less)
                assert fewer <= more, (
                    f"{told}: {available} are there and {more} are shown, but {fewer} of {available - less}"
                )

        holds()

    def test_same_available_advertises_the_same(self) -> None:
        """It is pure: asked again, in another order and of another object, it says the same."""
        policies, others = self.policies(), self.policies()

        @settings(deadline=None)
        @given(numbers=st.lists(_AVAILABLE, min_size=1, max_size=8))
        def holds(numbers: list[int]) -> None:
            for (told, policy), (_, other) in zip(policies, others, strict=True):
                first = [policy.advertise(number) for number in numbers]
                again = [other.advertise(number) for number in reversed(numbers)]
                assert again[::-1] == first, (
                    f"{told}: asked twice of {numbers}, it says {first} and {again[::-1]}"
                )

        holds()

    def _settings(self, table: Mapping[str, Any]) -> Any:
        settings: Any = structure_settings(self.descriptor().settings, dict(table), "[sinks.mine.buffer]")
        return settings

    def _policy(self, table: Mapping[str, Any]) -> BufferPolicy:
        return self.descriptor().factory(self._settings(table))
