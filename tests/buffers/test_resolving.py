from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import frozen

from mpstock import BufferPolicySpec, hookimpl
from mpstock.buffers import BufferResolver, Standard
from mpstock.config import SinkConfig, SinkWarehouse
from mpstock.errors import ConfigurationError, PluginContractError, PluginError, UnknownPluginError
from mpstock.plugins import PluginRegistry
from mpstock.products_file import ProductsFile, read_products


def sinks(
    ozon: Mapping[str, Any] | None = None,
    *,
    first: Mapping[str, Any] | None = None,
    second: Mapping[str, Any] | None = None,
    wb: Mapping[str, Any] | None = None,
) -> dict[str, SinkConfig]:
    """Ozon with the warehouses 1 and 2, and WB with 9, with these buffer tables."""
    ozon_warehouses = (SinkWarehouse("1", buffer=first or {}), SinkWarehouse("2", buffer=second or {}))
    return {
        "ozon": SinkConfig("ozon", warehouses=ozon_warehouses, buffer=ozon or {}),
        "wb": SinkConfig("wb", warehouses=(SinkWarehouse("9"),), buffer=wb or {}),
    }


def products(folder: Path, text: str, configured: dict[str, SinkConfig]) -> ProductsFile:
    path = folder / "products.csv"
    path.write_text(text, encoding="utf-8")
    return read_products(path, configured)


def resolver(configured: dict[str, SinkConfig], file: ProductsFile | None = None) -> BufferResolver:
    return BufferResolver(configured, file, PluginRegistry(entry_points=[]))


def policy_plugin(advertise: Any) -> PluginRegistry:
    """A registry with the policy `odd`, which answers as `advertise` does."""

    @frozen
    class Empty:
        pass

    class Plugin:
        @hookimpl
        def mpstock_buffer_policies(self) -> list[BufferPolicySpec]:
            def factory(_: object) -> Any:
                return SimpleNamespace(advertise=advertise)

            return [BufferPolicySpec("odd", "", Empty, factory)]

    registry = PluginRegistry(entry_points=[])
    registry.register(Plugin(), "odd")
    return registry


def test_without_a_word_two_units_are_kept_back() -> None:
    """The default is `standard` with 2, and says so."""
    found = resolver(sinks()).resolve("A", "ozon", "1")
    assert (found.name, found.settings, found.advertise(10)) == ("standard", Standard(), 8)
    assert found.origin == dict.fromkeys(("policy", "absolute", "percent", "cap"), "default")


def test_key_by_key_the_most_specific_wins(tmp_path: Path) -> None:
    """Six levels, one key each: every one wins over those below it, and is named as the origin."""
    configured = sinks({"absolute": 1, "percent": 10, "cap": 100}, first={"percent": 20, "cap": 90})
    file = products(
        tmp_path,
        "sku,buffer.cap,ozon.buffer.cap,ozon.1.buffer.cap,buffer.absolute\n"
        "all,80,70,60,\nsink,80,70,,\nproduct,80,,,\nabsolute,,,,5\nnothing,,,,\n",
        configured,
    )
    resolve = resolver(configured, file).resolve
    caps = {
        (sku, sink, code): (found.settings.cap, found.origin["cap"])
        for sku in ("all", "sink", "product", "absolute", "nothing", "other")
        for sink, code in (("ozon", "1"), ("ozon", "2"), ("wb", "9"))
        for found in [resolve(sku, sink, code)]
    }
    warehouse, sink = "[sinks.ozon.warehouses.buffer] of 1", "[sinks.ozon.buffer]"
    assert caps["all", "ozon", "1"] == (60, "products.csv line 2")
    assert caps["all", "ozon", "2"] == (70, "products.csv line 2")
    assert caps["all", "wb", "9"] == (80, "products.csv line 2")
    assert caps["sink", "ozon", "1"] == (70, "products.csv line 3")
    assert caps["product", "ozon", "1"] == (80, "products.csv line 4")
    for sku in ("absolute", "nothing", "other"):
        assert caps[sku, "ozon", "1"] == (90, warehouse)
        assert caps[sku, "ozon", "2"] == (100, sink)
        assert caps[sku, "wb", "9"] == (None, "default")
    mixed = resolve("absolute", "ozon", "1")
    assert mixed.settings == Standard(absolute=5, percent=20, cap=90)
    assert mixed.origin == {
        "policy": "default",
        "absolute": "products.csv line 5",
        "percent": warehouse,
        "cap": warehouse,
    }


def test_another_policy_starts_anew_but_for_the_cap() -> None:
    """`percent` of what is kept back is not taken for `percent` of what is shown; a cap is a cap."""
    configured = sinks(
        {"absolute": 5, "percent": 10, "cap": 50},
        first={"policy": "fixed_share", "percent": 40},
        second={"policy": "all"},
    )
    share = resolver(configured).resolve("A", "ozon", "1")
    assert (share.name, share.advertise(100), share.advertise(1000)) == ("fixed_share", 40, 50)
    assert share.origin["cap"] == "[sinks.ozon.buffer]"
    assert resolver(configured).resolve("A", "ozon", "2").advertise(100) == 50
    lacking = sinks({"percent": 10}, first={"policy": "fixed_share"})
    with pytest.raises(
        ConfigurationError, match=r"\[sinks.ozon.warehouses.buffer\] of 1 percent: is missing"
    ):
        resolver(lacking).resolve("A", "ozon", "1")


def test_naming_the_same_policy_again_changes_nothing() -> None:
    """A more specific level that repeats the policy keeps the less specific one's keys."""
    configured = sinks({"policy": "standard", "absolute": 7}, first={"policy": "standard", "cap": 9})
    assert resolver(configured).resolve("A", "ozon", "1").settings == Standard(absolute=7, cap=9)


def test_a_key_that_the_policy_has_not_is_an_error_where_it_was_meant(tmp_path: Path) -> None:
    """A key at or above the level that chose the policy is told with file, line, policy and sink."""
    configured = sinks({"policy": "all"})
    file = products(tmp_path, "sku,buffer.minimum\nA,3\n", configured)
    with pytest.raises(ConfigurationError) as error:
        resolver(configured, file).resolve("A", "ozon", "1")
    told = str(error.value)
    assert "products.csv line 2 minimum: unknown key of the policy all, which ozon has here" in told


def test_products_without_a_word_share_one_object() -> None:
    """A million products cost one resolution per sink warehouse."""
    found = resolver(sinks())
    assert found.resolve("A", "ozon", "1") is found.resolve("B", "ozon", "1")
    assert found.resolve("A", "ozon", "1").policy is found.resolve("A", "wb", "9").policy


def test_products_that_say_the_same_share_a_policy_and_keep_their_line(tmp_path: Path) -> None:
    """Rows alike have one policy and one memory of results; each is explained by its own line."""
    configured = sinks()
    file = products(tmp_path, "sku,buffer.absolute\nA,5\nB,5\nC,6\n", configured)
    found = resolver(configured, file)
    a, b, c = (found.resolve(sku, "ozon", "1") for sku in "ABC")
    assert a.policy is b.policy is not c.policy
    assert a.advertise is b.advertise
    assert (a.origin["absolute"], b.origin["absolute"]) == ("products.csv line 2", "products.csv line 3")


def test_a_fingerprint_changes_with_the_settings_alone(tmp_path: Path) -> None:
    """The same settings have the same fingerprint in every process; another number or policy another."""
    plain = resolver(sinks())
    assert plain.fingerprint("ozon", "1") == plain.resolve("A", "wb", "9").fingerprint
    # Written down: with another value here an upgrade would plan every listing anew.
    assert plain.fingerprint("ozon", "1") == "524e1988b5740a70"
    seen = {
        resolver(sinks(table)).fingerprint("ozon", "1")
        for table in (
            {},
            {"absolute": 3},
            {"percent": 3},
            {"cap": 3},
            {"policy": "all"},
            {"policy": "all", "cap": 3},
        )
    }
    assert len(seen) == 6
    assert resolver(sinks({"absolute": 2})).fingerprint("ozon", "1") == plain.fingerprint("ozon", "1")


@pytest.mark.parametrize("answer", [-1, 6, 2.0, True, None, "2"])
def test_a_policy_that_breaks_its_contract_is_named(answer: Any) -> None:
    """More than there is, less than nothing, or no whole number: refused before it is shown to anyone."""
    plugins = policy_plugin(lambda available: answer)
    found = BufferResolver(sinks({"policy": "odd"}), None, plugins).resolve("A", "ozon", "1")
    with pytest.raises(PluginContractError, match=r"the buffer policy odd advertises .* of 5 available"):
        found.advertise(5)


def test_a_policy_that_fails_is_named() -> None:
    """An exception in a policy says whose it is and for which number."""

    def advertise(available: int) -> int:
        raise ZeroDivisionError("на ноль")

    found = BufferResolver(sinks({"policy": "odd"}), None, policy_plugin(advertise)).resolve("A", "ozon", "1")
    with pytest.raises(PluginContractError, match="odd failed for 7 available: ZeroDivisionError: на ноль"):
        found.advertise(7)


def test_a_policy_is_asked_once_for_each_number() -> None:
    """Policies are pure, so their results are remembered."""
    asked: list[int] = []

    def advertise(available: int) -> int:
        asked.append(available)
        return 0

    found = BufferResolver(sinks({"policy": "odd"}), None, policy_plugin(advertise))
    for sku in ("A", "B", "C"):
        assert found.resolve(sku, "ozon", "1").advertise(4) == 0
        assert found.resolve(sku, "ozon", "2").advertise(4) == 0
    assert asked == [4]


def test_everything_that_is_wrong_is_found_beforehand(tmp_path: Path) -> None:
    """`validate` finds what is wrong in tables that are overridden everywhere, and in every row."""
    resolver(sinks()).validate()
    overridden = sinks({"absolut": 1}, first={"policy": "all"}, second={"policy": "all"})
    with pytest.raises(ConfigurationError, match=r"\[sinks.ozon.buffer\] absolut: unknown key.*absolute\?"):
        resolver(overridden).validate()
    configured = sinks()
    text = (
        "sku,buffer.absolute,wb.buffer.percent,ozon.2.buffer.policy\nA,x,,\nB,,101,\nC,,,nothing\nD,1,1,all\n"
    )
    with pytest.raises(ConfigurationError) as error:
        resolver(configured, products(tmp_path, text, configured)).validate()
    told = str(error.value)
    assert 'products.csv line 2 absolute: must be a whole number, not the text "x"' in told
    assert "products.csv line 3 percent: must be from 0 to 100, not 101" in told
    assert "products.csv line 4 policy: no buffer policy named nothing is installed" in told
    assert "line 5" not in told


def test_a_policy_that_is_missing_is_a_plugin_error_if_nothing_else_is_wrong() -> None:
    """The kind of the error says what to do: install, not edit."""
    with pytest.raises(UnknownPluginError, match=r"\[sinks.ozon.buffer\] policy: no buffer policy named x"):
        resolver(sinks({"policy": "x"})).validate()


def test_a_policy_that_cannot_be_built_is_named() -> None:
    """A factory that raises is told with its policy."""

    @frozen
    class Empty:
        pass

    class Plugin:
        @hookimpl
        def mpstock_buffer_policies(self) -> list[BufferPolicySpec]:
            return [BufferPolicySpec("odd", "", Empty, lambda settings: 1 // 0)]  # type: ignore[arg-type,return-value]

    registry = PluginRegistry(entry_points=[])
    registry.register(Plugin(), "odd")
    with pytest.raises(PluginError, match="the buffer policy odd could not be built: ZeroDivisionError"):
        BufferResolver(sinks({"policy": "odd"}), None, registry).validate()


def test_a_cell_is_read_as_a_spreadsheet_writes_it(tmp_path: Path) -> None:
    """Decimal commas, whole numbers with a point and spaces within are what they mean."""
    configured = sinks()
    text = "sku;buffer.absolute;buffer.percent;buffer.cap\nA;2.0;12,5;1 000\n"
    found = resolver(configured, products(tmp_path, text, configured)).resolve("A", "ozon", "1")
    assert (found.settings.absolute, str(found.settings.percent), found.settings.cap) == (2, "12.5", 1000)


@pytest.mark.parametrize("cell", ["2.5", "1e3x", "١", "1_000", "--", "nan"])
def test_a_cell_that_is_no_number_is_an_error(tmp_path: Path, cell: str) -> None:
    """What could be read as some number by chance is refused."""
    configured = sinks()
    file = products(tmp_path, f"sku,buffer.cap\nA,{cell}\n", configured)
    with pytest.raises(ConfigurationError, match=r"products\.csv line 2 cap: must be a whole number"):
        resolver(configured, file).validate()
