from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mpstock import Context, Finding, Secret, SystemClock
from mpstock.errors import AdapterError, AuthenticationError, TransientError, UnexpectedResponseError
from mpstock.pacing import MemoryPaceStore, Pacer
from mpstock.simulation import serve
from mpstock.testing import VirtualClock, adapter_context, build_adapter, run_virtual
from mpstock.transport import HttpTransport, TransportSettings
from mpstock_files.settings import Columns, FilesSettings
from mpstock_files.simulator import SupplierSimulator, Writing
from tests.files.supplier import SPEC, START, Supplier
from tests.reading import Read, walk

LEVELS: dict[tuple[str, str], int | str | Decimal] = {
    ("MUG-1", "main"): 1234,
    ("MUG-1", "msk"): 3,
    ("Кружка; «2»", "main"): "7.5",
    ("LID", "main"): 0,
}
EXPECTED = {("MUG-1", "main"): 1234, ("MUG-1", "msk"): 3, ("Кружка; «2»", "main"): 7, ("LID", "main"): 0}


def settings_of(base: SupplierSimulator, url: str, **changed: Any) -> FilesSettings:
    told = base.settings(url)
    told.pop("plugin")
    told["columns"] = Columns(**told["columns"])
    if "password" in told:
        told["password"] = Secret(told["password"])
    return FilesSettings(**{**told, **changed})


class World:
    """A double of a supplier and a source that reads it."""

    def __init__(self, **writing: Any) -> None:
        self.clock = VirtualClock()
        self.base = SupplierSimulator(LEVELS, clock=self.clock, writing=Writing(**writing))
        settings = settings_of(self.base, "http://supplier.example")
        self.source = build_adapter(SPEC, settings, adapter_context(self.base, "supplier", self.clock))

    def read(self, cursor: str | None = None) -> Read:
        return walk(self.source, cursor)


@pytest.mark.parametrize(
    "writing",
    [
        {},
        {"encoding": "cp1251", "separator": "\t"},
        {"encoding": "utf-8", "comma": False},
        {"format": "xlsx"},
        {"format": "yml"},
        {"format": "yml", "encoding": "windows-1251"},
        {"format": "csv.gz"},
        {"format": "csv.zip"},
        {"etag": False, "last_modified": False},
    ],
)
def test_every_format_reads_the_same(writing: dict[str, Any]) -> None:
    """However the supplier writes his list, the levels are the same."""
    found = World(**writing).read()
    assert found.by_key == EXPECTED
    assert (found.last.complete, found.last.absent) == (True, "zero")


@pytest.mark.parametrize(("etag", "last_modified"), [(True, True), (True, False), (False, True)])
def test_list_is_got_when_it_has_changed(etag: bool, last_modified: bool) -> None:
    """304 until something moves, then the whole list; what is gone is missing from it."""
    world = World(etag=etag, last_modified=last_modified)
    cursor = world.read().cursor
    world.clock.advance(600)
    nothing = world.read(cursor)
    assert nothing.levels == []
    assert world.base.requests[-1].status == 304
    world.base.set_level("LID", 4)
    world.base.remove("MUG-1", "msk")
    found = world.read(nothing.cursor)
    assert found.by_key == {
        **{key: EXPECTED[key] for key in EXPECTED if key != ("MUG-1", "msk")},
        ("LID", "main"): 4,
    }
    assert found.last.complete


def test_server_without_validators_is_read_each_time() -> None:
    """A script that makes the list anew cannot say that it is the same."""
    world = World(etag=False, last_modified=False)
    assert world.read(world.read().cursor).by_key == EXPECTED


@pytest.mark.parametrize(
    ("trouble", "error", "says"),
    [
        ("login", UnexpectedResponseError, "Вход для партнёров"),
        ("redirect", UnexpectedResponseError, r"new\.supplier\.example"),
        ("empty", UnexpectedResponseError, "it is empty"),
        ("gone", UnexpectedResponseError, "ask for the new one"),
        ("error", TransientError, "503"),
    ],
)
def test_every_trouble_is_a_clear_error(trouble: Any, error: type[AdapterError], says: str) -> None:
    """Whatever the server does instead, it is no empty stock."""
    world = World()
    world.base.fail(trouble)
    with pytest.raises(error, match=says):
        world.read()


@pytest.mark.parametrize("written", ["csv", "xlsx", "yml", "csv.gz", "csv.zip"])
def test_cut_list_is_refused_in_every_format(written: Any) -> None:
    """Half a list with a right length of its own: nothing of it is used."""
    world = World(format=written)
    for number in range(100):
        world.base.set_level(f"Товар {number}", number, "Склад")
    world.base.fail("cut")
    with pytest.raises(UnexpectedResponseError, match="Nothing of it is used"):
        world.read()
    world.base.recover()
    assert len(world.read().levels) == 104


def test_list_of_nothing_zeroes_nothing() -> None:
    """Heads alone are told, and what is absent is unknown."""
    world = World()
    world.base.fail("no_rows")
    found = world.read()
    assert (found.levels, found.last.absent) == ([], "unknown")


def test_trouble_that_passes_is_waited_for() -> None:
    """A server that is being serviced for a moment is asked again."""
    world = World()
    world.base.fail("error", times=2)
    assert world.read().by_key == EXPECTED


def test_slow_server_is_waited_for_and_given_up_in_time() -> None:
    """A list that takes its time is read; one that does not come in `timeout` is an error that may pass."""
    clock = VirtualClock()
    base = SupplierSimulator({("A", "main"): 1}, clock=clock)
    source = build_adapter(
        SPEC, settings_of(base, "http://s.example"), adapter_context(base, "supplier", clock)
    )

    async def read_it() -> Read:
        base.delay = 50.0
        found = Read([reading async for reading in source.read(None)])
        assert (clock.monotonic(), found.last.as_of) == (50.0, START)
        base.delay = 70.0
        with pytest.raises(TransientError, match="no whole answer"):
            _ = [reading async for reading in source.read(None)]
        return found

    assert run_virtual(read_it, clock=clock).quantities == {"A": 1}


def test_over_real_http() -> None:
    """The whole way over loopback: compressed, conditional, refused, cut."""
    base = SupplierSimulator(
        {(f"SKU-{number}", "main"): number for number in range(500)}, user="Магазин", password="пароль"
    )

    async def both() -> tuple[Read, Read]:
        with serve(base) as (url,):
            clock = SystemClock()
            transport = HttpTransport(
                "supplier", pacer=Pacer(MemoryPaceStore(), clock), clock=clock, settings=TransportSettings()
            )
            context = Context("supplier", transport, clock, logging.getLogger("mpstock.test"))
            source = build_adapter(SPEC, settings_of(base, url), context)
            first = Read([reading async for reading in source.read(None)])
            second = Read([reading async for reading in source.read(first.cursor)])
            wrong = build_adapter(SPEC, settings_of(base, url, password=Secret("nein")), context)
            with pytest.raises(AuthenticationError) as caught:
                _ = [reading async for reading in wrong.read(None)]
            assert "nein" not in str(caught.value)
            await transport.aclose()
            return first, second

    first, second = asyncio.run(both())
    assert first.quantities == {f"SKU-{number}": number for number in range(500)}
    assert second.levels == []
    assert [one.status for one in base.requests] == [200, 304, 401]


def check(supplier: Supplier, content: str) -> list[Finding]:
    supplier.put(content)
    return supplier.check()


def test_check_tells_what_was_found(tmp_path: Path) -> None:
    """Every kind of doubtful row has its finding and its mend; nothing is changed."""
    content = "Артикул;Остаток\nA;5\nA;6\nB;?\nC;\nD;-1\n;7\n"
    findings = check(Supplier(tmp_path), content)
    assert [(finding.level, finding.subject) for finding in findings] == [
        ("ok", "list"),
        ("warning", "quantities"),
        ("warning", "silent rows"),
        ("warning", "products"),
        ("warning", "duplicates"),
        ("warning", "negative numbers"),
    ]
    assert "CSV in utf-8-sig, divided by ';'" in findings[0].message


@pytest.mark.parametrize(
    ("trouble", "subject"), [("error", "list"), ("gone", "list"), ("no_rows", "list"), (None, "credentials")]
)
def test_check_of_a_server_in_trouble(trouble: Any, subject: str) -> None:
    """What fails is one finding with its mend."""
    clock = VirtualClock()
    base = SupplierSimulator({("A", "main"): 1}, clock=clock, user="a", password="b")
    settings = settings_of(base, "http://s.example", **({} if trouble else {"password": Secret("c")}))
    source = build_adapter(SPEC, settings, adapter_context(base, "supplier", clock))
    if trouble:
        base.fail(trouble)

    async def findings() -> list[Finding]:
        return [finding async for finding in source.check()]

    (finding,) = asyncio.run(findings())
    assert finding.subject == subject
    assert finding.level == ("warning" if trouble == "no_rows" else "error")


def test_program_tells_how_to_use_it() -> None:
    """The double runs alone."""
    done = subprocess.run(
        [sys.executable, "-m", "mpstock_files.simulator", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--format" in done.stdout


def test_reserve_in_the_list_is_told_to_the_core() -> None:
    """With a column of reserves the quantity cannot be free already."""
    assert SPEC.tells_reserved is not None
    assert SPEC.tells_reserved(FilesSettings(path=Path("a"), columns=Columns(reserved="Резерв")))
    assert not SPEC.tells_reserved(FilesSettings(path=Path("a")))
