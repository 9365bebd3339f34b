"""What a sink tells of its orders."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mpstock.model import Listing, Order, OrderStage
from mpstock.testing.bench import clean_error, walked
from mpstock.testing.contract import kit
from mpstock.testing.levels import aware
from mpstock.testing.sink_setting import SinkBench, SinkSetting

__all__ = ["SinkOrders"]


@kit
class SinkOrders(SinkSetting):
    """Orders come out of `orders` as buyers and the seller made them, by stage, each under one key."""

    def test_orders_are_told_as_declared(self) -> None:
        """A sink whose `limits.orders` is `"none"` tells no order, and no page of it is complete."""

        async def story(bench: SinkBench) -> None:
            self.only(bench.adapter.limits.orders == "none", "limits.orders is not none")
            orders, pages = await self.all_orders(bench)
            assert not orders, f"limits.orders is none, and orders are told: {orders}"
            assert not [page for page in pages if page.complete], (
                "limits.orders is none, and a page is `complete`: every order that the ledger has would end"
            )

        self.play(story)

    def test_order_is_told_under_its_key(self) -> None:
        """What a buyer orders is told as placed: its offer, its warehouse, its units in the sink's units."""

        async def story(bench: SinkBench) -> None:
            await self._each(bench)
            listing, keys = await self._bought(bench, 2)
            orders, pages = await self.all_orders(bench)
            assert {one.key for one in orders} == set(keys), f"bought {keys}, told {orders}"
            assert sum(one.quantity for one in orders) == 2, f"2 units were bought, told {orders}"
            for one in orders:
                assert one.external_id == listing.external_id, f"{one} is of another offer"
                assert one.warehouse in (listing.warehouse, None), f"{one} is of another warehouse"
                assert one.stage is OrderStage.PLACED, f"a fresh order is PLACED, not {one.stage}"
                assert type(one.quantity) is int, f"{one}: the quantity must be int"
                aware(one.placed_at)
                off = abs(bench.clock.now() - one.placed_at)
                assert off <= timedelta(seconds=2 * self.settle + 1), f"{one} was placed {off} from now"
            assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True], (
                "`complete` belongs on the last page of a reading of all open orders, and there alone"
            )
            again, _ = await self.all_orders(bench)
            assert {one.key for one in again} == set(keys), (
                "the same order has another key at the next reading"
            )

        self.play(story)

    def test_reserve_is_told_for_each_listing(self) -> None:
        """A sink of `"total"` tells what is reserved of a listing as one order, and none where nothing is."""

        async def story(bench: SinkBench) -> None:
            self.only(bench.adapter.limits.orders == "total", "limits.orders is not total")
            await self._bought(bench, 2)
            (first,), _ = await self.all_orders(bench)
            assert first.quantity == 2, f"2 units are reserved, told {first}"
            assert first.stage is OrderStage.PLACED, f"nobody knows its stage: PLACED, not {first.stage}"
            await self._bought(bench, 1)
            (second,), pages = await self.all_orders(bench)
            assert (second.key, second.quantity) == (first.key, 3), f"the same listing: {first}, {second}"
            assert pages[-1].complete, "the reserve of every listing is told: the last page is `complete`"

        self.play(story)

    def test_shown_falls_with_an_order_as_declared(self) -> None:
        """`self_decrements` says whether what `observe` tells falls by itself: a raise is judged by it."""

        async def story(bench: SinkBench) -> None:
            declared = bench.adapter.limits.self_decrements
            self.only(declared != "unknown", "limits.self_decrements is unknown")
            self.only(bench.adapter.limits.orders != "none", "limits.orders is none")
            listing, _ = await self._bought(bench, 2)
            wanted = 3 if declared == "yes" else 5
            (shown,) = await self.quantities(bench, [listing])
            assert shown == wanted, (
                f"5 were shown, 2 sold: with self_decrements={declared!r} {wanted} show, and {shown} is told"
            )

        self.play(story)

    def test_stages_follow_the_order(self) -> None:
        """Assembled, then shipped: the same key comes back in its new stage, with a time that is aware."""

        async def story(bench: SinkBench) -> None:
            await self._each(bench)
            _, keys = await self._bought(bench, 1)
            _, pages = await self.all_orders(bench)
            cursor = pages[-1].cursor
            if self.assembles:
                await self._each_key(bench, "assemble", keys)
                self._in_stage(await self.all_orders(bench, cursor), keys, OrderStage.ASSEMBLED)
            await self._each_key(bench, "ship", keys)
            await self._is_ended(bench, cursor, keys, OrderStage.SHIPPED)

        self.play(story)

    def test_cancel_before_it_is_handed_over_frees_the_units(self) -> None:
        """An order that is cancelled in the warehouse is told as CANCELLED."""

        async def story(bench: SinkBench) -> None:
            await self._each(bench)
            _, keys = await self._bought(bench, 1)
            _, pages = await self.all_orders(bench)
            await self._each_key(bench, "cancel", keys)
            await self._is_ended(bench, pages[-1].cursor, keys, OrderStage.CANCELLED)

        self.play(story)

    def test_cancel_after_it_was_handed_over_frees_nothing(self) -> None:
        """A parcel that is cancelled on its way is not in the warehouse: its stage stays SHIPPED."""

        async def story(bench: SinkBench) -> None:
            await self._each(bench)
            _, keys = await self._bought(bench, 1)
            _, pages = await self.all_orders(bench)
            for step in ("assemble", "ship", "cancel") if self.assembles else ("ship", "cancel"):
                await self._each_key(bench, step, keys)
            await self._is_ended(bench, pages[-1].cursor, keys, OrderStage.SHIPPED)

        self.play(story)

    def test_open_orders_are_told_whatever_the_cursor(self) -> None:
        """A complete reading tells every open order, also one that was placed before the cursor."""

        async def story(bench: SinkBench) -> None:
            await self._each(bench)
            _, keys = await self._bought(bench, 1)
            _, pages = await self.all_orders(bench)
            await bench.clock.sleep(6 * 3600.0)
            orders, pages = await self.all_orders(bench, pages[-1].cursor)
            if pages and pages[-1].complete:
                assert {one.key for one in orders} >= set(keys), (
                    f"{keys} are open, the reading is complete and leaves them out: the engine would end them"
                )

        self.play(story)

    @pytest.mark.parametrize("cursor", ["", "нет", "-1", '{"v": 99}', "x" * 5000])
    def test_foreign_orders_cursor_is_answered_with_all_open_orders_or_an_error(self, cursor: str) -> None:
        """A cursor that is none of the sink's own loses no order."""

        async def story(bench: SinkBench) -> None:
            await self._each(bench)
            _, keys = await self._bought(bench, 1)
            told = await walked(bench.adapter.orders(cursor))
            if told.error is not None:
                clean_error(bench, told.error, f"orders({cursor[:20]!r})")
                return
            found = {one.key for page in told.pages for one in page.orders}
            assert found >= set(keys), f"{keys} are open, told from a foreign cursor is {found}"

        self.play(story)

    def test_orders_as_of_is_when_the_request_began(self) -> None:
        """`as_of` of a page is aware, in UTC and no later than its request."""
        self.only(self.http, "it sends no requests")

        async def story(bench: SinkBench) -> None:
            self.only(bench.adapter.limits.orders != "none", "limits.orders is none")
            began = bench.clock.now()
            bench.faults.slow(7.0)
            bench.faults.date(timedelta(days=1))
            async for page in bench.adapter.orders(None):
                aware(page.as_of)
                latest = bench.clock.now() - timedelta(seconds=7)
                assert began - timedelta(seconds=1) <= page.as_of <= latest, (
                    f"as_of is {page.as_of}, the request went out by {latest}: take clock.now() before it"
                )

        self.play(story)

    # -- helpers -------------------------------------------------------------------------

    async def _each(self, bench: SinkBench) -> None:
        self.only(bench.adapter.limits.orders == "each", "limits.orders is not each")

    async def _bought(self, bench: SinkBench, quantity: int) -> tuple[Listing, list[str]]:
        listing = (await self.listings(bench))[0]
        sku, code = listing.skus[0], listing.warehouse
        bench.simulator.set_shown(sku, code, 5)
        keys = list(bench.simulator.buy(sku, code, quantity))
        assert keys, f"5 of {sku} are shown, and the double sells none: buy() must return the orders' keys"
        await bench.clock.sleep(self.settle)
        return listing, keys

    async def _each_key(self, bench: SinkBench, step: str, keys: list[str]) -> None:
        for key in keys:
            getattr(bench.simulator, step)(key)
        await bench.clock.sleep(self.settle)

    async def _is_ended(
        self, bench: SinkBench, cursor: str | None, keys: list[str], stage: OrderStage
    ) -> None:
        found, pages = await self.all_orders(bench, cursor)
        if self.ended:
            self._in_stage((found, pages), keys, stage)
            return
        still = [one for one in found if one.key in keys]
        assert not still, f"{keys} have ended, and are told: {still}"
        assert pages[-1].complete, (
            "an order that has ended is only known by its absence from a complete reading"
        )

    @staticmethod
    def _in_stage(told: tuple[list[Order], object], keys: list[str], stage: OrderStage) -> None:
        found = {one.key: one for one in told[0]}
        for key in keys:
            assert key in found, f"{key} went to {stage} since the cursor, and is not told"
            assert found[key].stage is stage, f"{key} is {stage}, told is {found[key].stage}"
            moment = found[key].stage_at
            if moment is not None:
                aware(moment)
