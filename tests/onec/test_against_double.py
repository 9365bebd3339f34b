from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from mpstock import Level, Secret
from mpstock.errors import AdapterError, AuthenticationError, TransientError, UnexpectedResponseError
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_onec.simulator import OnecSimulator
from tests.onec.service import NBSP, SPEC, settings
from tests.reading import Read

LEVELS = {
    ("MUG-1", "main"): 1234,
    ("MUG-1", "msk-2"): 3,
    ("Кружка 2", "main"): "12345.5",
    ("LID", "main"): 0,
    ("BOX", "main"): -4,
}
EXPECTED = {
    Level("MUG-1", "main", 1234),
    Level("MUG-1", "msk-2", 3),
    Level("Кружка 2", "main", 12345),
    Level("LID", "main", 0),
    Level("BOX", "main", -4),
}


class World:
    """A double of 1C and a source that reads it."""

    def __init__(self, levels: dict[Any, Any] = LEVELS, **changed: Any) -> None:
        self.clock = VirtualClock()
        self.base = OnecSimulator(levels, clock=self.clock)
        told = self.base.settings("http://erp.local/trade")
        told.pop("plugin")
        told["password"] = Secret(told["password"])
        self.source = build_adapter(
            SPEC, settings(**{**told, **changed}), adapter_context(self.base, "erp", self.clock)
        )

    def read(self, cursor: str | None = None) -> Read:
        async def readings() -> Read:
            return Read([reading async for reading in self.source.read(cursor)])

        return asyncio.run(readings())


@pytest.mark.parametrize(
    "habits",
    [
        {},
        {"bom": True},
        {"numbers": "string"},
        *({"numbers": "grouped", "separator": blank} for blank in (NBSP, "\u202f", " ")),
        {"pad_sku": True},
        {"split_rows": 3},
        {"updated_at": "local"},
        {"updated_at": "utc"},
        {"bom": True, "numbers": "grouped", "pad_sku": True, "split_rows": 2, "updated_at": "local"},
    ],
)
def test_every_habit_of_services_reads_the_same(habits: dict[str, Any]) -> None:
    """However 1C writes its rows, the levels are the same."""
    world = World()
    world.base.write(**habits)
    found = world.read()
    assert set(found.levels) == EXPECTED
    assert found.last.complete


def test_warehouse_that_is_not_written_is_the_one_of_the_settings() -> None:
    """A service of one warehouse need not name it."""
    world = World({("MUG-1", "x"): 5}, warehouse="spb")
    world.base.write(omits_warehouse=True)
    assert world.read().levels == [Level("MUG-1", "spb", 5)]


@pytest.mark.parametrize("style", ["local", "utc"])
def test_trusted_times_are_the_doubles_own(style: str) -> None:
    """A time without a zone is in the setting `timezone`, and never after the request."""
    world = World({("MUG-1", "main"): 5}, trust_updated_at=True, timezone="Europe/Moscow")
    world.base.write(updated_at=style)
    world.clock.advance(60)
    changed_at = world.clock.now()
    world.base.set_level("MUG-1", 7)
    world.clock.advance(60)
    assert world.read().levels == [Level("MUG-1", "main", 7, 0, changed_at)]


@pytest.mark.parametrize("ignores", [False, True])
def test_changes_are_read_incrementally(ignores: bool) -> None:
    """After a full read only what changed is needed; a service that tells everything does no harm."""
    world = World()
    world.base.ignores_changed_after = ignores
    cursor = world.read().cursor
    world.clock.advance(3600)
    world.base.set_level("MUG-1", 1000)
    world.base.remove("LID")
    world.clock.advance(60)
    found = world.read(cursor)
    assert Level("MUG-1", "main", 1000) in found.levels
    assert not found.last.complete
    if not ignores:
        assert found.levels == [Level("MUG-1", "main", 1000)]


def test_change_that_was_booked_late_is_in_the_overlap() -> None:
    """What 1C writes down three minutes after its own time is still asked for."""
    world = World()
    world.base.set_level("MUG-1", 900)
    world.clock.advance(180)
    cursor = world.read().cursor
    world.clock.advance(600)
    assert [level.quantity for level in world.read(cursor).levels] == [900]


def test_reserves_of_1c_are_read() -> None:
    """What 1C keeps for its own orders comes along."""
    world = World({("MUG-1", "main"): 10})
    world.base.reserve("MUG-1", Decimal("2.5"))
    assert world.read().levels == [Level("MUG-1", "main", 10, 3)]


@pytest.mark.parametrize(
    "bad", [{"sku": "LID", "quantity": "нет"}, {"quantity": 5}, "row", {"sku": 7, "quantity": 5}]
)
def test_injected_row_spoils_no_other(bad: Any) -> None:
    """One bad row in the middle of a good answer."""
    world = World()
    world.base.inject(bad, at=2)
    found = world.read()
    assert {level for level in found.levels if level.sku != "LID"} == {
        level for level in EXPECTED if level.sku != "LID"
    }
    assert all(level.quantity in (None, 0) for level in found.levels if level.sku == "LID")
    assert found.problems[0].place == "row 3"


@pytest.mark.parametrize(
    ("trouble", "error", "says"),
    [
        ("html", UnexpectedResponseError, "a page instead of JSON"),
        ("error", TransientError, "поле не найдено"),
        ("licence", TransientError, "свободной лицензии"),
        ("unpublished", UnexpectedResponseError, "nothing is at"),
        ("empty", UnexpectedResponseError, "the body is empty"),
        ("no_stocks", UnexpectedResponseError, "Нет данных"),
        ("cut", UnexpectedResponseError, "in the middle"),
    ],
)
def test_every_trouble_is_a_clear_error(trouble: Any, error: type[AdapterError], says: str) -> None:
    """Whatever fails, it is an error in the service's words and ours, and not an empty stock."""
    world = World()
    world.base.fail(trouble)
    with pytest.raises(error, match=says):
        world.read()


def test_licence_that_comes_free_is_waited_for() -> None:
    """A server without a free licence answers 503 for a while; the read is tried again."""
    world = World()
    world.base.fail("licence", times=2)
    assert set(world.read().levels) == EXPECTED


def test_numbers_without_quotes_are_refused_as_a_whole() -> None:
    """`1 234,5` outside of quotes breaks the JSON: nothing is used, and the place is named."""
    world = World()
    world.base.write(numbers="bare")
    with pytest.raises(UnexpectedResponseError, match=r"row 1 \(stocks\[0\]\).*ЗаписатьJSON"):
        world.read()


def test_empty_list_of_everything_zeroes_nothing() -> None:
    """A user who lost the right to see goods gets no rows; nothing is zero by that."""
    world = World()
    world.base.fail("no_rows")
    found = world.read()
    assert (found.levels, found.last.absent) == ([], "unknown")


def test_wrong_password_is_refused() -> None:
    """401 is an error of credentials."""
    world = World(password=Secret("wrong"))
    with pytest.raises(AuthenticationError, match="Не авторизован"):
        world.read()


def test_published_at_the_root() -> None:
    """A publication may have no folder of its own."""
    world = World(base_url="http://erp.local")
    assert set(world.read().levels) == EXPECTED
