"""docs/howto/test-a-plugin.md says what the kit has, and nothing that it has not."""

from __future__ import annotations

import re
from typing import Any, cast

import mpstock.simulation
import mpstock.testing
from mpstock import Rate
from mpstock.simulation import Request
from mpstock.testing import (
    FaultScript,
    SinkContract,
    SourceContract,
    VirtualClock,
    adapter_context,
    run_virtual,
)
from mpstock.testing.contract import Contract
from mpstock.testing.sink_setting import SinkSetting
from mpstock.testing.source_setting import SourceSetting
from tests.docs.markdown import DOCS, blocks

PATH = DOCS / "howto/test-a-plugin.md"
PAGE = PATH.read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(\w+)", PAGE))


def own(cls: type) -> set[str]:
    return {name for name in vars(cls) if not name.startswith("_")}


def test_each_attribute_of_the_contracts_is_on_the_page() -> None:
    """What an author may declare is told; what is the kit's own business is not."""
    inner = {"kind", "url", "make_double", "descriptor", "play", "serve", "only", "overridden", "fails"}
    told = {name for name in own(Contract) if not name.startswith("test_")} - inner
    assert told <= NAMED | {"spec"}
    for cls in (SourceSetting, SinkSetting):
        data = {name for name, value in vars(cls).items() if not callable(value)}
        assert {name for name in data if not name.startswith("_")} - inner <= NAMED
    assert {"spoil", "duplicate", "reserve", "half_shows"} <= NAMED
    assert hasattr(SourceContract, "half_shows")


def test_each_fault_of_the_script_is_on_the_page() -> None:
    """The table of faults is whole."""
    faults = own(FaultScript) - {"clock", "clear"}
    assert {name for name in faults if name not in NAMED} == set()
    assert "clear" in NAMED


def test_what_the_page_calls_public_is() -> None:
    """The classes that the page speaks of are exported."""
    public = {*mpstock.testing.__all__, *mpstock.simulation.__all__}
    spoken = {"FaultScript", "SourceContract", "SinkContract", "Bench", "Market", "Oracle", "SourceSimulator"}
    assert spoken <= public & (NAMED | set(re.findall(r"\w+", PAGE)))


def test_defaults_on_the_page_are_those_of_the_kit() -> None:
    """Numbers that the page tells are the kit's."""
    assert f"| `largest` | {SourceContract.largest} |" in PAGE
    assert f"| `rows` | {SourceContract.rows} |" in PAGE
    assert f"| `limited` | {SinkContract.limited} |" in PAGE
    assert f"| `settle` | {SourceContract.settle:g} |" in PAGE
    assert f'"{SinkContract.unknown_id}"' in PAGE


def block(mark: str) -> dict[str, object]:
    """Run the block of the page that has this text in it."""
    (text,) = [one.text for one in blocks(PATH, "python") if mark in one.text]
    names: dict[str, object] = {}
    exec(compile(text, str(PATH), "exec"), names)
    return names


def test_the_double_of_the_page_takes_what_the_page_says() -> None:
    """10,000 articles a minute, a pair that rests, and refusals in the vendor's own way."""
    made: Any = block("class StallSimulator")["StallSimulator"]
    double = made(["A", "B"], clock=VirtualClock())
    put = Request("PUT", "/stocks", body=b'{"stocks": [{"sku": "A", "count": 3}]}')

    async def play() -> list[int]:
        context = adapter_context(double, clock=double.clock)
        context.transport.declare("stall", [Rate("stocks", 600, 60.0, spacing=0.0)])
        answers = [
            await context.transport.request("PUT", "http://x/stocks", scopes=["stocks"], content=put.body)
            for _ in range(2)
        ]
        assert answers[1].json() == {"resting": ["A"]}
        return [one.status_code for one in answers]

    assert run_virtual(play, clock=double.clock) == [200, 200]
    assert double.showing("A", "1") == 3
    assert double.limits.admit(["stocks"], items=10_000).by == "items"


def test_the_double_of_the_page_is_given_a_part_of_the_path() -> None:
    """What stands in braces comes to the handler by its name, decoded."""
    double: Any = cast("Any", block("class DepotSimulator")["DepotSimulator"])(clock=VirtualClock())
    double.set_level("A", 5, "Склад 1")
    double.set_level("B", 7, "Склад 2")

    async def play() -> list[tuple[int, Any]]:
        context = adapter_context(double, clock=double.clock)
        context.transport.declare("depot", [Rate("read", 600, 60.0, spacing=0.0)])
        answers = [
            await context.transport.request("GET", f"http://x/depots/{depot}/stock", scopes=["read"])
            for depot in ("Склад%201", "%D0%A1%D0%BA%D0%BB%D0%B0%D0%B4%203")
        ]
        return [(one.status_code, one.json()) for one in answers]

    assert run_virtual(play, clock=double.clock) == [(200, {"A": 5}), (404, {"message": "no depot Склад 3"})]


def test_the_property_of_the_page_holds() -> None:
    """What is drawn of whole shops is played, and holds."""
    cast("Any", block("no_shop_shows_more")["test_no_shop_shows_more_than_it_has"])()


def test_each_strategy_and_each_fixture_is_on_the_page() -> None:
    """Nothing that can be drawn, and nothing that tests are given, is left out."""
    from mpstock import pytest_plugin
    from mpstock.testing import strategies

    assert {name for name in (*strategies.__all__, *pytest_plugin.__all__) if name not in NAMED} == set()
