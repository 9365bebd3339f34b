"""What a double counts: requests, items and requests at once by scope, and pairs that rest after a write."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock import Rate
from mpstock.simulation import Answer, Cooldown, Limiter, RateModel, Refused, Request, Simulator
from mpstock.testing import VirtualClock, run_virtual

each_model = pytest.mark.parametrize("model", ["fixed", "sliding", "leaky"])
READ, PUSH = Rate("read", 4, 60.0, burst=2), Rate("push", 2, 60.0, items=50)


@each_model
def test_requests_are_counted_by_scope(model: RateModel) -> None:
    """What is over is refused with how long to wait; who waits so long is let in; other scopes go on."""
    clock = VirtualClock()
    limiter = Limiter(clock, [READ, PUSH], model)
    admitted = 0
    while (refused := limiter.admit(["read"])) is None:
        admitted += 1
    assert admitted == (2 if model == "leaky" else 4)
    assert (refused.scope, refused.by) == ("read", "requests")
    assert limiter.admit(["push"]) is None
    clock.advance(refused.wait)
    assert limiter.admit(["read"]) is None


def test_a_request_counts_in_all_its_scopes_or_in_none() -> None:
    """One scope that is full lets the request use up nothing of the other."""
    limiter = Limiter(VirtualClock(), [READ, PUSH])
    assert limiter.admit(["push"]) is None
    assert limiter.admit(["push"]) is None
    refused = limiter.admit(["read", "push"])
    assert refused is not None
    assert refused.scope == "push"
    assert limiter.remaining("read") == 4


@each_model
def test_items_are_counted_too(model: RateModel) -> None:
    """50 items in a minute: two halves go, one more does not; more than there ever are waits for ever."""
    clock = VirtualClock()
    limiter = Limiter(clock, [Rate("push", 100, 60.0, burst=100, items=50)], model)
    assert limiter.admit(["push"], items=25) is None
    assert limiter.admit(["push"], items=25) is None
    refused = limiter.admit(["push"], items=1)
    assert refused is not None
    assert refused.by == "items"
    clock.advance(refused.wait)
    assert limiter.admit(["push"], items=1) is None
    assert limiter.admit(["push"], items=51) == Refused("push", "items", math.inf)


@given(cost=st.integers(2, 10), status=st.integers(200, 599))
def test_an_error_costs_more(cost: int, status: int) -> None:
    """An answer of 4xx counts as `error_cost` requests, any other as one."""
    limiter = Limiter(VirtualClock(), [Rate("read", 20, 60.0, error_cost=cost)])
    assert limiter.admit(["read"]) is None
    limiter.answered(["read"], status)
    assert limiter.remaining("read") == 20 - (cost if 400 <= status < 500 else 1)


def test_what_is_refused_counts_where_that_is_said() -> None:
    """With `count_refused` who hammers waits longer."""
    clock = VirtualClock()
    patient, strict = (Limiter(clock, [READ], count_refused=counted) for counted in (False, True))
    for limiter in (patient, strict):
        for _ in range(4):
            limiter.admit(["read"])
    clock.advance(30)
    assert all(limiter.admit(["read"]) is not None for limiter in (patient, strict))
    clock.advance(30)
    assert patient.remaining("read") == 4
    assert strict.remaining("read") == 3


def test_limits_can_be_off_and_have_names() -> None:
    """`off` counts nothing; a scope that is not there, or twice, is a mistake of who writes the double."""
    limiter = Limiter(VirtualClock(), [READ])
    limiter.off = True
    assert all(limiter.admit(["read"]) is None for _ in range(100))
    limiter.off = False
    with pytest.raises(ValueError, match="no limit has the scope 'raed'; there are read"):
        limiter.admit(["raed"])
    with pytest.raises(ValueError, match="there are several for read"):
        Limiter(VirtualClock(), [READ, READ])


@pytest.mark.parametrize(("counted_from", "waits"), [("accepted", 0.0), ("attempt", 20.0)])
def test_a_pair_rests_after_a_write(counted_from: Any, waits: float) -> None:
    """A refused attempt prolongs the wait where attempts count, and else not."""
    clock = VirtualClock()
    cooldown = Cooldown(clock, 30.0, counted_from)
    assert cooldown.write("a") == 0.0
    assert cooldown.write("b") == 0.0
    clock.advance(20)
    assert cooldown.write("a") == pytest.approx(10)
    clock.advance(10)
    assert cooldown.write("a") == pytest.approx(waits)
    assert Cooldown(clock, 0.0).write("a") == 0.0


def rows_of(request: Request) -> int:
    return len(request.json()["rows"])


class Double(Simulator):
    """Two routes: one that takes a while and lets two in at once, one that counts items."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock=clock)
        self.limits = Limiter(clock, [Rate("slow", 100, 60.0, parallel=2), Rate("push", 9, 60.0, items=10)])
        self.route("GET", "/slow/{name}", self._slow, scopes=["slow"])
        self.route("PUT", "/push", self._push, scopes=["push"], items=rows_of)
        self.route("GET", "/free", self._push)

    # A name of the base class's own would have been met here before.
    async def _answer(self) -> None:
        raise AssertionError("this is ours, and nobody calls it")

    async def _slow(self, request: Request, name: str) -> Answer:
        await self.clock.sleep(5.0)
        return Answer.json({"name": name})

    async def _push(self, request: Request) -> Answer:
        return Answer.json({})

    def too_many(self, request: Request, refused: Refused) -> Answer:
        answer = super().too_many(request, refused)
        return Answer(420, answer.body, answer.headers)


def test_routes_name_what_requests_count_in() -> None:
    """Requests at once, items and no limit at all; the double says how its vendor refuses."""
    clock = VirtualClock()
    double = Double(clock)

    async def play() -> list[int]:
        transport = httpx.ASGITransport(double)
        async with httpx.AsyncClient(transport=transport, base_url="http://vendor.test") as client:
            three = await asyncio.gather(*(client.get(f"/slow/{number}") for number in range(3)))
            again = await client.get("/slow/4")
            rows = {"rows": list(range(10))}
            pushes = [await client.put("/push", json=rows), await client.put("/push", json=rows)]
            broken = await client.put("/push", content=b"none")
            free = [await client.get("/free") for _ in range(20)]
            assert int(pushes[1].headers["retry-after"]) >= 1
            assert "retry-after" not in three[2].headers
            return [one.status_code for one in (*three, again, *pushes, broken, *free[-1:])]

    assert run_virtual(play, clock=clock) == [200, 200, 420, 200, 200, 420, 200, 200]
    assert double.under_way == 0
    assert double.count("GET", "/slow", 420) == 1


def test_a_slow_fault_keeps_its_place_among_those_under_way() -> None:
    """Who waits in a fault is under way: a third one beside two of them is one too many."""
    clock = VirtualClock()
    double = Double(clock)
    double.add_fault(path="/slow", delay=3.0, times=2)

    async def play() -> list[int]:
        transport = httpx.ASGITransport(double)
        async with httpx.AsyncClient(transport=transport, base_url="http://vendor.test") as client:
            told = await asyncio.gather(*(client.get(f"/slow/{number}") for number in range(3)))
            return [one.status_code for one in told]

    assert sorted(run_virtual(play, clock=clock)) == [200, 200, 420]
