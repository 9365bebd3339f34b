from __future__ import annotations

import asyncio
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from mpstock import Level
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_onec.commerceml_settings import CommerceMLSettings
from mpstock_onec.simulator_commerceml import CommerceMLSimulator, Writing
from tests.onec_commerceml.exchange import SPEC, Exchange, offer, package, store, total
from tests.reading import Read

LEVELS: dict[tuple[str, str], int | str | Decimal] = {
    ("MUG-1", "main"): 12,
    ("MUG-1", "msk"): 3,
    ("Кружка", "main"): "7.5",
    ("LID", "main"): 0,
    ("BOX", "msk"): -4,
}
EXPECTED = {
    ("MUG-1", "main"): 12,
    ("MUG-1", "msk"): 3,
    ("Кружка", "main"): 7,
    ("LID", "main"): 0,
    ("BOX", "msk"): -4,
}


class World:
    """A double that exports, and a source that reads its folder."""

    def __init__(self, folder: Path, **writing: Any) -> None:
        self.clock = VirtualClock()
        self.base = CommerceMLSimulator(LEVELS, folder=folder, clock=self.clock, writing=Writing(**writing))
        told = self.base.settings("")
        told.pop("plugin")
        context = adapter_context(httpx.MockTransport(lambda _: httpx.Response(500)), "erp", self.clock)
        self.source = build_adapter(SPEC, CommerceMLSettings(path=Path(told["path"])), context)

    def read(self, cursor: str | None = None) -> Read:
        async def readings() -> Read:
            return Read([reading async for reading in self.source.read(cursor)])

        return asyncio.run(readings())


@pytest.mark.parametrize(
    "habits",
    [
        {},
        {"scheme": "2.04"},
        {"scheme": "2.04", "totals": True},
        {"namespace": ""},
        {"encoding": "utf-8-sig"},
        {"encoding": "windows-1251"},
        {"packed": True},
        {"packed": True, "portions": 3},
        {"portions": 2},
        {"flag": "child"},
        {"flag": "root"},
    ],
)
def test_every_habit_reads_the_same(tmp_path: Path, habits: dict[str, Any]) -> None:
    """However 1C writes its files, the levels are the same, and in the end complete."""
    world = World(tmp_path, **habits)
    found = world.read()
    assert found.by_key == EXPECTED
    again = world.read(found.cursor) if not found.last.complete else found
    assert (again.by_key, again.last.complete) == (EXPECTED, True)


def test_totals_are_of_the_one_warehouse(tmp_path: Path) -> None:
    """An exchange without stores tells one number for each product."""
    world = World(tmp_path, stores=False)
    assert world.read().quantities == {"MUG-1": 15, "Кружка": 7, "LID": 0, "BOX": -4}


@pytest.mark.parametrize("habits", [{}, {"packed": True}, {"scheme": "2.04"}])
def test_changes_follow_everything(tmp_path: Path, habits: dict[str, Any]) -> None:
    """A changed product comes alone; a removed one is missing from the next package of everything."""
    world = World(tmp_path, **habits)
    cursor = world.read().cursor
    world.clock.advance(60)
    world.base.set_level("LID", 9)
    found = world.read(cursor)
    assert (found.by_key, found.last.complete) == ({("LID", "main"): 9}, False)
    world.clock.advance(60)
    world.base.remove("LID")
    gone = world.read(found.cursor)
    assert gone.last.complete
    assert ("LID", "main") not in gone.by_key
    everything = world.read(None)
    assert everything.by_key == gone.by_key
    assert everything.last.complete


def test_level_of_a_double_in_a_folder_of_its_own() -> None:
    """Without a folder the double makes one, and removes it."""
    base = CommerceMLSimulator({("A", "main"): 1}, clock=VirtualClock())
    folder = Path(base.settings("")["path"])
    assert sorted(path.name for path in folder.rglob("*.xml")) == ["import.xml", "offers.xml", "rests.xml"]
    base.close()
    assert not folder.exists()


def test_check_tells_what_was_found(tmp_path: Path) -> None:
    """Check names the warehouses, and what an empty store that is zero by the total asks for."""
    exchange = Exchange(tmp_path)
    exchange.put(
        "offers.xml",
        package(
            offer("p1", store("s1", "") + store("s2", "2") + total("2")),
            offer("p2", store("s2", "3") + total("9"), "B"),
            offer("p3", "", "C"),
            offer("p4", total("x"), "D"),
            offer("p5", total("-1"), None),
        ),
    )
    findings = exchange.check()
    assert [(finding.level, finding.subject) for finding in findings] == [
        ("ok", "files"),
        ("warning", "quantities"),
        ("warning", "products"),
        ("warning", "empty stores"),
        ("warning", "totals"),
        ("warning", "silent offers"),
    ]
    assert 'empty = "zero"' in findings[3].mend


def test_check_without_files_says_what_to_do(tmp_path: Path) -> None:
    """An empty folder is an error with its mend."""
    (finding,) = Exchange(tmp_path).check()
    assert (finding.level, finding.subject) == ("error", "files")


def test_check_without_rests_says_what_is_missing(tmp_path: Path) -> None:
    """Offers of scheme 2.08 alone have no quantity."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", package(offer()))
    findings = exchange.check()
    assert "rests*.xml" in findings[0].mend


def test_levels_are_of_the_model(tmp_path: Path) -> None:
    """What is yielded are the core's levels, with no reserve."""
    exchange = Exchange(tmp_path)
    exchange.put("offers.xml", package(offer(inside=total("5"))))
    assert exchange.read().levels == [Level("A-1", "main", 5)]


def test_program_tells_how_to_use_it() -> None:
    """The double runs alone."""
    done = subprocess.run(
        [sys.executable, "-m", "mpstock_onec.simulator_commerceml", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--folder" in done.stdout
