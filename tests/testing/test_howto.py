"""docs/howto/test-a-plugin.md says what the kit has, and nothing that it has not."""

from __future__ import annotations

import re
from pathlib import Path

import mpstock.simulation
import mpstock.testing
from mpstock.testing import FaultScript, SinkContract, SourceContract
from mpstock.testing.contract import Contract
from mpstock.testing.sink_setting import SinkSetting
from mpstock.testing.source_setting import SourceSetting

PAGE = (Path(__file__).resolve().parents[2] / "docs/howto/test-a-plugin.md").read_text(encoding="utf-8")
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
