from __future__ import annotations

import warnings
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mpstock
from mpstock import SinkSpec, hookimpl
from mpstock.contract_versions import (
    DEPRECATIONS,
    FIRST,
    ContractVersion,
    Deprecation,
    deprecated_uses,
    refusal,
)
from mpstock.plugins import ContractDeprecationWarning, PluginRegistry

GONE = (
    Deprecation("a", "`Sink.show`", "1.3", "2.0", "write `observe`"),
    Deprecation("b", "`Sink.sell`", "2.1", "3.0", "write `push`"),
    Deprecation("c", "`Sink.more`", "3.1", "4.0", "nothing is needed"),
)
READMES = sorted((Path(__file__).resolve().parents[2] / "src").glob("mpstock_*/README.md"))
versions = st.builds(ContractVersion, st.integers(1, 9), st.integers(0, 12))


@attrs.frozen
class Nothing:
    """Settings without a key."""


def plugin(**fields: object) -> object:
    spec = SinkSpec("kiosk", "a kiosk", Nothing, lambda settings, context: None, **fields)  # type: ignore[arg-type, return-value]

    class Plugin:
        @hookimpl
        def mpstock_sinks(self) -> list[SinkSpec]:
            return [spec]

    return Plugin()


@given(theirs=versions, ours=versions)
def test_the_same_major_version_and_no_newer_minor_one_works(
    theirs: ContractVersion, ours: ContractVersion
) -> None:
    """A plugin of the same major version that is not newer works; any other is told what to do."""
    said = refusal(str(theirs), current=str(ours), deprecations=GONE)
    if theirs.major == ours.major and theirs.minor <= ours.minor:
        assert said is None
        return
    assert said is not None
    assert f"version {theirs} of the contract" in said
    assert f"version {ours}" in said
    assert ("upgrade mpstock" in said) == (theirs > ours)
    assert ("upgrade the plugin" in said) == (theirs < ours)


def test_an_older_plugin_is_told_all_that_it_has_to_change() -> None:
    """From version 1 to 3 two things have gone: both are said, what goes later is not."""
    said = refusal("1.2", current="3.0", deprecations=GONE)
    assert said is not None
    assert "`Sink.show`: write `observe`" in said
    assert "`Sink.sell`: write `push`" in said
    assert "Sink.more" not in said
    assert 'contract="3.0"' in said
    between = refusal("2.4", current="3.0", deprecations=GONE)
    assert between is not None
    assert "Sink.show" not in between


@pytest.mark.parametrize("stated", ["", "1", "1.x", "1.1.0", "01.1", " 1.1", "1.1\n", None, True, 1.1, 0, -1])
def test_what_is_no_version_is_refused_with_how_to_write_one(stated: object) -> None:
    """Nothing is guessed: a version is two numbers with a dot between them."""
    said = refusal(stated)
    assert said is not None
    assert f'contract="{mpstock.CONTRACT}"' in said


def test_a_descriptor_that_states_nothing_is_of_the_first_version() -> None:
    """What does not say for which version it was written does not become newer with mpstock."""
    registry = PluginRegistry(entry_points=[])
    assert registry.register(plugin(), "kiosk").contract == (FIRST,)


def test_a_whole_number_works_and_is_warned_of() -> None:
    """The old way of writing it works through version 1, and says when it ends and what to write."""
    registry = PluginRegistry(entry_points=[])
    with pytest.warns(ContractDeprecationWarning, match=r"kiosk: .* ends with version 2\.0.*contract="):
        loaded = registry.register(plugin(contract=1), "kiosk")
    assert registry.sink("kiosk").name == "kiosk"
    assert loaded.state == "ok"
    assert loaded.deprecated == deprecated_uses(1, "kiosk")
    assert len(loaded.deprecated) == 1


def test_where_warnings_are_errors_the_plugin_is_still_no_broken_one() -> None:
    """A strict program stops at the warning; the registry has the plugin all the same."""
    registry = PluginRegistry(entry_points=[])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ContractDeprecationWarning):
            registry.register(plugin(contract=1), "kiosk")
    assert registry.sink("kiosk").contract == 1  # type: ignore[comparison-overlap]


@pytest.mark.parametrize("one", DEPRECATIONS, ids=lambda one: one.key)
def test_what_ends_is_announced_a_minor_version_ahead(one: Deprecation) -> None:
    """Only a major version takes away, and a minor version of the one before it has said so."""
    since, ends = ContractVersion.of(one.since), ContractVersion.of(one.ends)
    assert ends.minor == 0
    assert since.major == ends.major - 1
    assert since.minor >= 1
    assert since <= ContractVersion.of(mpstock.CONTRACT)
    assert one.instead


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.parent.name)
def test_each_readme_says_which_version_its_plugin_meets(page: Path) -> None:
    """The line names the contract of today, and the command that shows it."""
    text = page.read_text(encoding="utf-8")
    name = page.parent.name.removeprefix("mpstock_")
    assert (
        f"Meets version {mpstock.CONTRACT} of mpstock's contract, as `mpstock certify {name}` shows." in text
    )
    assert (page.parent / "contract.py").exists()


def test_all_that_mpstock_brings_states_the_version_that_it_has() -> None:
    """Its own plugins are written for the contract of today, and use nothing that ends."""
    for one in PluginRegistry().installed():
        if one.distribution.startswith("mpstock"):
            assert one.contract == (mpstock.CONTRACT,), one.name
            assert one.deprecated == ()
