"""Limits are an account's: whichever worker and tenant uses it, the next goes on where the last one was."""

from __future__ import annotations

import asyncio

from mpstock import Rate
from mpstock.fleet.pace import FleetPaceStore
from mpstock.pacing import Pacer
from mpstock.testing import VirtualClock
from tests.fleet.fleets import Play, needs_postgresql

pytestmark = needs_postgresql


def test_two_tenants_of_one_account_share_its_limit(play: Play) -> None:
    """Two requests in ten seconds, used up by one tenant's worker, are used up for the other's too."""

    async def story() -> tuple[int, int, int]:
        async with play.open() as fleet:
            clock = VirtualClock()

            def pacer(tenant: str) -> Pacer:
                found = Pacer(FleetPaceStore(fleet.store, tenant, ["erp"]), clock)
                found.declare("ozon:1", [Rate("all", 2, 10.0, burst=2)])
                found.declare("erp", [Rate("all", 2, 10.0, burst=2)])
                return found

            one, two = pacer("one"), pacer("two")
            for account in ("ozon:1", "erp"):
                slot = await one.acquire(account, ["all"])
                await slot.finish(200)
            left = {
                (name, budget.account): budget.free
                for name, found in (("one", one), ("two", two))
                for budget in await found.budgets()
            }
            return left["two", "ozon:1"], left["one", "erp"], left["two", "erp"]

    # A source is the tenant's own: two tenants may well call theirs the same.
    assert asyncio.run(story()) == (1, 1, 2)


def test_many_workers_that_take_places_at_once_take_no_place_twice(play: Play) -> None:
    """Each place is given once, also the first one, of which there is no row to lock yet."""

    async def story() -> int:
        async with play.open() as fleet:
            store = FleetPaceStore(fleet.store, "one", [])

            async def count() -> None:
                await store.update(["a/x"], lambda found: ([{"n": (found[0] or {"n": 0})["n"] + 1}], 0))

            await asyncio.gather(*(count() for _ in range(40)))
            return await store.update(["a/x"], lambda found: ([found[0] or {}], (found[0] or {})["n"]))

    assert asyncio.run(story()) == 40
