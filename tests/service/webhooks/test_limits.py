"""What comes in is bounded: how long it is, how long it takes, how often one comes, how much waits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mpstock.model import Level
from mpstock.service import Service
from mpstock.service.webhooks import intake
from mpstock.service.webhooks.bodies import Bodies
from mpstock.service.webhooks.clients import Clients
from mpstock.service.webhooks.intake import Brought, Intake
from mpstock.service.webhooks.refusals import Refusal
from mpstock.testing.virtual import VirtualClock, run_virtual
from tests.service.webhooks.doors import BEARER, TOKEN, play, settings, told

DOOR = "/webhooks/erp/stock"


def test_a_body_that_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Neither one that says how long it is, nor one that goes on and on."""
    path = settings(tmp_path, f'tokens = ["{TOKEN}"]\nmax_body = 1000')
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 100
            yield b" " * 100

    async def work(client: httpx.AsyncClient, _: Service) -> list[int]:
        long = await client.post(DOOR, content=b" " * 1_001, headers=BEARER)
        streamed = await client.post(DOOR, content=endless(), headers=BEARER)
        right = await client.post(DOOR, content=b'{"stocks": []}'.ljust(1_000), headers=BEARER)
        return [long.status_code, streamed.status_code, right.status_code]

    assert play(path, work) == [413, 413, 200]
    assert sent <= 1_200


def test_a_body_that_does_not_come_is_not_waited_for_for_ever() -> None:
    """After half a minute of its clock the request is let go, and its room is free again."""

    async def never() -> Any:
        await asyncio.Event().wait()

    async def work() -> float:
        clock = VirtualClock()
        began = clock.monotonic()
        with pytest.raises(Refusal) as caught:
            async with Bodies(100).read({}, never, clock):
                pass
        assert caught.value.status == 408
        return float(clock.monotonic() - began)

    assert run_virtual(work) == 30.0


def test_all_bodies_together_are_bounded() -> None:
    """Where eight of the longest are under way the ninth is asked to come again, until one has gone."""

    async def body() -> Any:
        return {"type": "http.request", "body": b"x" * 100}

    async def work() -> None:
        clock = VirtualClock()
        bodies = Bodies(100)
        open_ones = [bodies.read({}, body, clock) for _ in range(8)]
        for one in open_ones:
            await one.__aenter__()
        with pytest.raises(Refusal) as caught:
            await bodies.read({}, body, clock).__aenter__()
        assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
        await open_ones.pop().__aexit__(None, None, None)
        async with bodies.read({}, body, clock) as read:
            assert len(read) == 100

    run_virtual(work)


def test_a_client_that_comes_too_often_is_told_when_to_come_again() -> None:
    """It may spend ten seconds' worth at once, then one at a time; another client is not touched by it."""
    now = 0.0
    clients = Clients(2, lambda: now)
    for _ in range(20):
        clients.count("10.0.0.1")
    with pytest.raises(Refusal) as caught:
        clients.count("10.0.0.1")
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "1"})
    clients.count("10.0.0.2")
    now = 0.5
    clients.count("10.0.0.1")
    with pytest.raises(Refusal):
        clients.count("10.0.0.1")


def test_a_house_with_many_addresses_is_one_client() -> None:
    """Of IPv6 the network counts, or the limit would be one for each of 2^64 addresses."""
    clients = Clients(1, lambda: 0.0)
    for number in range(10):
        clients.count(f"2001:db8:1:2::{number:x}")
    with pytest.raises(Refusal):
        clients.count("2001:db8:1:2:ffff::1%eth0")
    clients.count("2001:db8:1:3::1")


def test_no_more_clients_are_remembered_than_fit() -> None:
    """A million addresses take no more room than ten thousand."""
    clients = Clients(1, lambda: 0.0)
    for number in range(20_000):
        clients.count(f"client {number}")
    assert len(clients._buckets) == 10_000


def test_who_guesses_is_slow_at_it(tmp_path: Path) -> None:
    """A wrong token counts as ten requests more."""
    path = settings(tmp_path, f'tokens = ["{TOKEN}"]\nrate = 10')

    async def work(client: httpx.AsyncClient, _: Service) -> list[int]:
        headers = BEARER | {"Authorization": "Bearer a wrong one"}
        return [(await client.post(DOOR, content=b"{}", headers=headers)).status_code for _ in range(11)]

    statuses = play(path, work)
    assert statuses.count(401) in (9, 10)
    assert statuses[-1] == 429


def test_posts_that_wait_together_are_written_together(tmp_path: Path) -> None:
    """A hundred at once take a few transactions, and each is answered for itself."""

    async def work(client: httpx.AsyncClient, service: Service) -> int:
        ledger = service.engine.ledger
        count, plain = 0, ledger.transaction

        def counted(**options: Any) -> Any:
            nonlocal count
            count += 1
            return plain(**options)

        service.act = lambda: None  # type: ignore[method-assign]
        ledger.transaction = counted
        rows = [{"sku": f"S-{n}", "quantity": n, "updated_at": "2999-01-01T00:00:00Z"} for n in range(100)]
        answers = await asyncio.gather(
            *(client.post(DOOR, content=json.dumps({"stocks": [row]}), headers=BEARER) for row in rows)
        )
        assert [answer.json() for answer in answers] == [{"accepted": 1}] * 100
        return count

    # Each transaction of ours has that of the rows within.
    assert play(settings(tmp_path), work) <= 20
    assert told(tmp_path)["S-99"] == (99, None)


def test_one_that_cannot_be_written_fails_alone(tmp_path: Path) -> None:
    """Its neighbours in the same transaction are written and answered."""

    async def work(_client: httpx.AsyncClient, service: Service) -> list[Any]:
        taking = Intake(service)
        brought = [[Level("A", "main", 3)], [Level("B", "main", object())], [Level("B", "main", 6)]]  # type: ignore[arg-type]
        return await asyncio.gather(
            *(taking.take(Brought("erp", levels, str(len(levels)))) for levels in brought),
            return_exceptions=True,
        )

    first, poisoned, third = play(settings(tmp_path), work)
    assert (first, third) == ("1", "1")
    assert isinstance(poisoned, Exception)
    assert told(tmp_path) == {"A": (5, 3), "B": (7, 6)}


def test_who_comes_when_too_many_wait_is_asked_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing piles up in memory, and those who wait already are written."""
    monkeypatch.setattr(intake, "MOST_WAITING", 2)

    async def work(_client: httpx.AsyncClient, service: Service) -> list[Any]:
        taking = Intake(service)
        return await asyncio.gather(
            *(taking.take(Brought("erp", [Level("A", "main", n)], str(n))) for n in range(5)),
            return_exceptions=True,
        )

    results = play(settings(tmp_path), work)
    assert results[:2] == ["0", "1"]
    assert [error.status for error in results[2:]] == [503] * 3


def test_two_with_one_key_in_one_transaction_count_once(tmp_path: Path) -> None:
    """The second gets the first one's answer, though neither was in the ledger when both came."""

    async def work(client: httpx.AsyncClient, _: Service) -> list[httpx.Response]:
        headers = {**BEARER, "Idempotency-Key": "once"}
        bodies = [b'{"stocks": [{"sku": "A", "quantity": 3}]}'] * 2 + [b'{"stocks": []}']
        return await asyncio.gather(*(client.post(DOOR, content=body, headers=headers) for body in bodies))

    assert [answer.status_code for answer in play(settings(tmp_path), work)] == [200, 200, 422]
