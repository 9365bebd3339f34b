"""Whatever buyers, sellers and couriers do, the open orders that are told are the open orders there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock import OrderStage
from mpstock_wb.simulator import WbSimulator
from tests.wb.orders_kit import OPEN, Reader, played

FBS = ("1111", "7777")
KINDS = {"1111": 1, "7777": 1, "2222": 2, "3333": 3, "5555": 5, "6666": 6}

which = st.integers(0, 30)
steps = st.one_of(
    st.tuples(
        st.just("buy"), st.sampled_from(["MUG", "CUP"]), st.sampled_from(list(KINDS)), st.integers(1, 3)
    ),
    st.tuples(st.just("assemble"), which),
    st.tuples(st.just("prepare"), which),
    st.tuples(st.just("ship"), which),
    st.tuples(st.just("receive"), which),
    st.tuples(
        st.just("cancel"), which, st.sampled_from(["client", "seller", "carrier", "missed_call", "defect"])
    ),
    st.tuples(st.just("wait"), st.integers(1, 200_000)),
    st.tuples(st.just("read")),
)


class World:
    """Plays steps, and holds each reading against what there is."""

    def __init__(self, double: WbSimulator, read: Reader) -> None:
        self.double = double
        self.read = read
        self.keys: list[str] = []
        self.visible: set[str] = set()
        self.told_open: set[str] = set()
        self.told_ended: set[str] = set()

    async def step(self, step: Sequence[Any]) -> None:
        name, *rest = step
        if name == "buy":
            self.keys += self.double.buy(*rest)
        elif name == "wait":
            await self.double.clock.sleep(rest[0])
        elif name == "read":
            await self.hold()
        elif self.keys:
            key = self.keys[rest[0] % len(self.keys)]
            if name != "cancel":
                getattr(self.double, name)(key)
            elif not self.double.orders.find(key).shipped or rest[1] == "client":
                self.double.cancel(key, rest[1])

    async def hold(self) -> None:
        find = self.double.orders.find
        for key in self.keys:
            bought = find(key)
            # DBS, DBW and click and collect list an order while it is new, and when it has ended.
            if bought.kind == "fbs" or (bought.open and bought.supplier_status == "new"):
                self.visible.add(key)
        found = await self.read()
        told = {key for key, order in found.items() if order.stage in OPEN}
        assert told == {key for key in self.visible if find(key).open}
        for key, order in found.items():
            truth = find(key)
            assert (order.external_id, order.warehouse) == (str(truth.chrt_id), str(truth.warehouse))
            assert order.quantity == 1
            if order.stage in OPEN:
                assert (order.stage is OrderStage.PLACED) == (truth.supplier_status == "new")
            else:
                assert order.stage is (OrderStage.SHIPPED if truth.shipped else OrderStage.CANCELLED)
        ended = set(found) - told
        assert not ended & self.told_ended, "an end is told once"
        assert ended >= self.told_open - told, "an order that was told open is told to have ended"
        self.told_open, self.told_ended = told, self.told_ended | ended


@given(st.lists(steps, max_size=25))
@settings(max_examples=30)
def test_the_open_orders_told_are_the_open_orders_there_are(plan: list[Sequence[Any]]) -> None:
    """For any sequence of buys, stages and pauses; each end is told once, and an end stays one."""
    held(plan)


@pytest.mark.slow
@given(st.lists(steps, max_size=60))
@settings(max_examples=400)
def test_the_open_orders_told_are_the_open_orders_there_are_in_long_worlds(plan: list[Sequence[Any]]) -> None:
    """The same, for longer."""
    held(plan)


def held(plan: list[Sequence[Any]]) -> None:
    async def scenario(double: WbSimulator, read: Reader) -> None:
        world = World(double, read)
        await world.hold()
        for step in plan:
            await world.step(step)
        await world.hold()

    played(scenario, kinds=KINDS)


@given(st.lists(steps, max_size=30), st.booleans())
@settings(max_examples=30)
def test_a_reading_from_nothing_tells_every_open_order_of_fbs(plan: list[Sequence[Any]], lags: bool) -> None:
    """Whatever has happened before the first reading, and also where the cursor was lost."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        double.order_methods.last_next = "last" if lags else "zero"
        world = World(double, read)
        for step in plan:
            if step[0] != "read":
                await world.step(step)
        found = await read()
        assert read.complete
        told = {key for key, order in found.items() if order.stage in OPEN}
        assert told == {order.key for order in double.orders.open()}

    fbs = {code: KINDS[code] for code in FBS}
    plan = [step for step in plan if step[0] != "buy" or step[2] in FBS]
    # Two weeks back is as far as a first reading looks.
    plan = [step for step in plan if step[0] != "wait" or step[1] < 1_200_000 / 30]
    played(scenario, kinds=fbs)
