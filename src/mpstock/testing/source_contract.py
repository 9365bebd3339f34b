"""The promises of a source, as tests that a plugin's author subclasses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from mpstock.interfaces import SourceSpec
from mpstock.model import Reading
from mpstock.testing.bench import Told, clean_error, walked
from mpstock.testing.contract import kit
from mpstock.testing.levels import Place, aware, but, levels_of, problems_of, same
from mpstock.testing.source_faults import SourceFaults
from mpstock.testing.source_setting import SourceBench
from mpstock.testing.virtual import VirtualClock

__all__ = ["SourceContract"]

_OLD = 40 * 24 * 3600.0


@kit
class SourceContract(SourceFaults):
    """Holds a source to `mpstock.interfaces`, over its vendor's double.

    Subclass it as `class TestMine(SourceContract)`, set `plugin` (or `spec`) and write `make_simulator`. What
    does not apply is said by the attributes, and the hooks `spoil`, `duplicate` and `reserve` let the
    double do what no `SourceSimulator` has a common word for.
    """

    # -- a full read ---------------------------------------------------------------------

    def test_full_read_tells_every_level_once(self) -> None:
        """`read(None)` yields every level, once, and its last page alone is `complete`."""

        async def story(bench: SourceBench) -> None:
            readings = await self.read(bench)
            same(levels_of(readings), self.stock())
            assert [reading.complete for reading in readings] == [False] * (len(readings) - 1) + [True], (
                "`complete` belongs on the last page of a full read, and there alone"
            )
            assert not problems_of(readings), f"problems where all is well: {problems_of(readings)}"

        self.play(story)

    def test_quantities_are_whole_and_sku_and_warehouse_are_plain_text(self) -> None:
        """Levels are made of str and int; nothing of the vendor's own types gets out."""

        async def story(bench: SourceBench) -> None:
            for level in (one for reading in await self.read(bench) for one in reading.levels):
                assert type(level.sku) is str, f"an empty or strange sku: {level!r}"
                assert level.sku, f"an empty sku: {level!r}"
                assert type(level.warehouse) is str, f"an empty or strange warehouse: {level!r}"
                assert type(level.quantity) in (int, type(None)), f"{level!r}: quantity must be int or None"
                assert type(level.reserved) is int, f"{level!r}: reserved must be int"
                assert level.reserved >= 0, f"{level!r}: reserved must be 0 or more"

        self.play(story)

    def test_as_of_is_when_the_request_began(self) -> None:
        """`as_of` is aware, in UTC and no later than its request; the server's clock is not asked."""
        delay = 7.0 if self.http else 0.0

        async def story(bench: SourceBench) -> None:
            began = bench.clock.now()
            if self.http:
                bench.faults.slow(delay)
                bench.faults.date(timedelta(days=1))
            yielded: list[tuple[Reading, datetime]] = []
            async for reading in bench.adapter.read(None):
                yielded.append((reading, bench.clock.now()))
            for reading, at in yielded:
                aware(reading.as_of)
                assert began - timedelta(seconds=1) <= reading.as_of <= at - timedelta(seconds=delay), (
                    f"as_of is {reading.as_of}; the read began at {began}, the page came at {at} and took "
                    f"{delay:g} s. Take context.clock.now() before the request"
                )

        self.play(story)

    def test_negative_quantities_stay_negative(self) -> None:
        """A warehouse system may be below zero, and that is told as it is."""
        self.only(self.negative, "the vendor is never below zero")
        self._tells(-3, -3)

    @pytest.mark.parametrize(("quantity", "told"), [(12.5, 12), (-0.5, -1), (0.25, 0)])
    def test_fractions_are_rounded_down(self, quantity: float, told: int) -> None:
        """What is not whole is rounded down, below zero too: half a unit cannot be promised."""
        self.only(self.fractions, "the vendor's quantities are whole")
        self.only(self.negative or quantity >= 0, "the vendor is never below zero")
        self._tells(quantity, told)

    def test_large_numbers_are_read_to_the_unit(self) -> None:
        """A large quantity loses no digit."""
        self._tells(self.largest, self.largest)

    def test_blanks_around_an_article_are_stripped(self) -> None:
        """An article with blanks around it is the article without them."""
        self.only(self.pads, "the vendor keeps no such blanks")

        async def story(bench: SourceBench) -> None:
            bench.simulator.set_level("  PAD 1 ", 5, self.warehouses[0])
            await bench.clock.sleep(self.settle)
            told = levels_of(await self.read(bench))
            assert told.get(("PAD 1", self.warehouses[0])) == 5, (
                f"'  PAD 1 ' has 5, told is {[key for key in told if 'PAD' in key[0]]}: strip articles"
            )

        self.play(story)

    # -- what is not known ---------------------------------------------------------------

    def test_bad_row_is_a_problem_and_unknown(self) -> None:
        """A row that cannot be read is a `Problem` that names its product, and unknown, never 0."""
        self.only(self.overridden("spoil"), "the author says no way to spoil a row: override `spoil`")
        sku, warehouse = self.skus[0], self.warehouses[0]

        async def story(bench: SourceBench) -> None:
            self.spoil(bench.simulator, sku, warehouse)
            await bench.clock.sleep(self.settle)
            readings = await self.read(bench)
            told = levels_of(readings)
            assert (sku, warehouse) in told or readings[-1].absent == "unknown", (
                f"{sku} is left out of a complete read, which makes it 0: tell it with None, or say "
                'absent="unknown"'
            )
            assert told.get((sku, warehouse)) is None, f"{sku} is told as {told[sku, warehouse]}, not None"
            named = [problem for problem in problems_of(readings) if problem.sku in (sku, None)]
            assert named, f"no Problem speaks of {sku}; there are: {problems_of(readings)}"
            for problem in named:
                assert problem.place, f"the problem names no place: {problem}"
                assert problem.message, f"the problem has no words: {problem}"
            same(but(told, sku), but(self.stock(), sku))

        self.play(story)

    def test_duplicate_rows_are_told_once(self) -> None:
        """A product that the vendor tells twice is one level."""
        self.only(
            self.overridden("duplicate"), "the author says no way to double a row: override `duplicate`"
        )
        sku, warehouse = self.skus[0], self.warehouses[0]

        async def story(bench: SourceBench) -> None:
            self.duplicate(bench.simulator, sku, warehouse)
            await bench.clock.sleep(self.settle)
            same(but(levels_of(await self.read(bench)), sku), but(self.stock(), sku))

        self.play(story)

    def test_empty_answer_zeroes_nothing(self) -> None:
        """A read without a single row does not say that everything is gone."""
        self.only(self.empty == "unknown", "the source is its own truth: empty is empty")

        async def story(bench: SourceBench) -> None:
            told = await walked(bench.adapter.read(None))
            if told.error is not None:
                clean_error(bench, told.error, "an answer without rows")
                return
            last = told.pages[-1]
            assert not levels_of(told.pages), "there is nothing to tell, and something is told"
            assert not last.complete or last.absent == "unknown", (
                "an answer without rows was told as complete, which zeroes the whole shop; a user who lost a "
                'right, or a wrong filter, gives the same. Say absent="unknown", and a Problem'
            )

        self.play(story, self.make_simulator(VirtualClock()))

    def test_reserves_are_told_as_declared(self) -> None:
        """`tells_reserved` of the descriptor is right: reserves are told, or every `reserved` is 0."""
        spec = self.descriptor()
        assert isinstance(spec, SourceSpec)
        sku, warehouse = self.skus[0], self.warehouses[0]

        async def story(bench: SourceBench) -> None:
            declared = spec.tells_reserved is not None and spec.tells_reserved(bench.settings)
            if self.overridden("reserve"):
                self.reserve(bench.simulator, sku, warehouse, 4)
                await bench.clock.sleep(self.settle)
            levels = [one for reading in await self.read(bench) for one in reading.levels]
            kept = {(one.sku, one.warehouse): one.reserved for one in levels if one.reserved}
            if not self.overridden("reserve"):
                assert not kept, f"reserves are told ({kept}): override `reserve`, so that they are tested"
            elif declared or kept:
                assert kept == {(sku, warehouse): 4}, f"4 of {sku} are reserved, told is {kept}"
            if kept and spec.tells_reserved is not None:
                assert declared, "tells_reserved says no, and the levels carry a reserve"

        self.play(story)

    # -- cursors -------------------------------------------------------------------------

    def test_cursor_is_accepted_back(self) -> None:
        """The cursor of a read is text, and the next read goes on from it and is told what changed."""
        self._changes(1000, 60.0)

    def test_fall_to_zero_is_told(self) -> None:
        """A product that fell to zero since the cursor is told with 0, or is absent from a complete read."""
        self._changes(0, 60.0)

    def test_old_cursor_is_good(self) -> None:
        """A cursor of long ago brings everything that changed since, or everything."""
        self._changes(1000, _OLD)

    def test_incremental_read_leaves_out_what_is_as_it_was(self) -> None:
        """A source that can tell what changed does not tell the rest."""
        self.only(self.incremental, "each read tells everything")

        async def story(bench: SourceBench) -> None:
            # What was written a moment before the cursor may be in its overlap.
            await bench.clock.sleep(3600.0)
            cursor = (await self.read(bench))[-1].cursor
            assert cursor is not None, "the last page of a full read has no cursor; say `incremental = False`"
            await bench.clock.sleep(self.settle)
            readings = await self.read(bench, cursor)
            assert len(levels_of(readings)) < len(self.stock()), "nothing changed, and everything is told"
            assert not readings[-1].complete, "an incremental read is not complete"

        self.play(story)

    @pytest.mark.parametrize("cursor", ["", "нет", "0", '{"v": 99}', "x" * 5000])
    def test_foreign_cursor_is_answered_with_everything_or_an_error(self, cursor: str) -> None:
        """A cursor that is none of the source's own never loses a change: everything, or a clean error."""

        async def story(bench: SourceBench) -> None:
            told: Told[Reading] = await walked(bench.adapter.read(cursor))
            if told.error is not None:
                clean_error(bench, told.error, f"read({cursor[:20]!r})")
            else:
                same(levels_of(told.pages), self.stock())

        self.play(story)

    def test_removed_row_is_told_by_its_absence(self) -> None:
        """What the vendor knows no longer is absent from the next complete read, or 0 in it."""
        sku, warehouse = self.skus[1], self.warehouses[0]

        async def story(bench: SourceBench) -> None:
            await self.read(bench)
            bench.simulator.remove(sku, warehouse)
            await bench.clock.sleep(self.settle)
            readings = await self.read(bench)
            assert readings[-1].complete, "a read without a cursor is complete"
            assert not levels_of(readings).get((sku, warehouse)), f"{sku} was removed, and is told"

        self.play(story)

    # -- requests ------------------------------------------------------------------------

    def test_requests_name_their_declared_scopes(self) -> None:
        """Every request counts in scopes that `rates` declares, and none of them writes."""

        async def story(bench: SourceBench) -> None:
            await self.read(bench)
            declared = {rate.scope for rate in bench.adapter.rates}
            for request in bench.requests:
                assert not request.push, f"reading has sent a push: {request.method}"
                assert set(request.scopes) <= declared, f"scopes {request.scopes} are not in rates {declared}"
                assert request.scopes or not declared, f"{request.method} names no scope of {declared}"

        self.play(story)

    def test_read_that_is_given_up_can_be_begun_again(self) -> None:
        """Who stops after the first page leaves nothing behind."""

        async def story(bench: SourceBench) -> None:
            pages: Any = bench.adapter.read(None)
            async for _ in pages:
                break
            await pages.aclose()
            same(levels_of(await self.read(bench)), self.stock())

        self.play(story)

    def test_two_reads_side_by_side_do_not_meet(self) -> None:
        """Two adapters of one loop, and two reads of one adapter, tell the same as one."""

        async def story(bench: SourceBench) -> None:
            other = self.make_bench(bench.simulator, bench.clock, self.url)
            for readings in await asyncio.gather(self.read(bench), self.read(bench), self.read(other)):
                same(levels_of(readings), self.stock())

        self.play(story)

    # -- the stories that several tests tell ---------------------------------------------

    def _tells(self, quantity: float, told: int) -> None:
        sku, warehouse = self.skus[0], self.warehouses[0]

        async def story(bench: SourceBench) -> None:
            bench.simulator.set_level(sku, quantity, warehouse)
            await bench.clock.sleep(self.settle)
            readings = await self.read(bench)
            found = levels_of(readings).get((sku, warehouse), 0 if readings[-1].complete else None)
            assert found == told, f"the vendor has {quantity} of {sku}, told is {found}, not {told}"

        self.play(story)

    def _changes(self, quantity: int, age: float) -> None:
        sku, warehouse = self.skus[0], self.warehouses[0]

        async def story(bench: SourceBench) -> None:
            cursor = (await self.read(bench))[-1].cursor
            assert cursor is None or type(cursor) is str, f"a cursor is text or None, not {cursor!r}"
            await bench.clock.sleep(age)
            bench.simulator.set_level(sku, quantity, warehouse)
            await bench.clock.sleep(self.settle)
            readings = await self.read(bench, cursor)
            told = levels_of(readings)
            missing = 0 if readings[-1].complete else "nothing"
            found = told.get((sku, warehouse), missing)
            assert found == quantity, f"{sku} went to {quantity} since the cursor, told is {found}"
            stock: Mapping[Place, int | None] = self.stock()
            wrong = {key: number for key, number in but(told, sku).items() if number != stock.get(key, 0)}
            assert not wrong, f"told besides the change, and wrong: {wrong}"

        self.play(story)
