"""A cart over HTTP holds its units until it ends, all of them or none."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from mpstock.service import Service
from tests.byhand import by_hand
from tests.service.webhooks.doors import BEARER, play, settings, signed


def _held(folder: Path) -> dict[tuple[str, str], int]:
    with by_hand(folder / "ledger.db") as hand:
        rows = hand.execute(
            "SELECT key, sku, quantity FROM holds JOIN products ON products.id = product_id"
        ).fetchall()
    return {(key, sku): quantity for key, sku, quantity in rows}


def _cart(*items: tuple[str, int], **more: Any) -> dict[str, Any]:
    return {"items": [{"sku": sku, "quantity": quantity} for sku, quantity in items], **more}


def test_a_cart_holds_what_is_in_it_and_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """What the newer telling leaves out is free again, and two lines of one product are both in it."""

    async def work(client: httpx.AsyncClient, _: Service) -> list[httpx.Response]:
        return [
            await client.put("/carts/c-1", json=_cart(("A", 2), ("B", 1)), headers=BEARER),
            await client.put("/carts/c%2F2", json=_cart(("A", 1), ("A", 1)), headers=BEARER),
            await client.put("/carts/c-1", json=_cart(("B", 3)), headers=BEARER),
        ]

    assert [answer.json() for answer in play(settings(tmp_path), work)] == [{"held": True}] * 3
    assert _held(tmp_path) == {("c-1", "B"): 3, ("c/2", "A"): 2}


def test_a_cart_that_is_let_go_is_gone_also_a_second_time(tmp_path: Path) -> None:
    """Letting go what is not there is no error: the answer says that there was nothing."""

    async def work(client: httpx.AsyncClient, _: Service) -> list[Any]:
        await client.put("/carts/c-1", json=_cart(("A", 2)), headers=BEARER)
        return [(await client.delete("/carts/c-1", headers=BEARER)).json() for _ in range(2)]

    assert play(settings(tmp_path), work) == [{"released": True}, {"released": False}]
    assert _held(tmp_path) == {}


def test_with_too_few_left_nothing_of_a_cart_is_held(tmp_path: Path) -> None:
    """Of A there are 5: a cart that wants 6 gets none of its B either, and keeps what it had."""

    async def work(client: httpx.AsyncClient, _: Service) -> list[int]:
        carts = [_cart(("B", 7), ("A", 5)), _cart(("B", 1), ("A", 6)), _cart(("B", 7), ("A", 5))]
        return [
            (
                await client.put("/carts/c-1", json={**cart, "only_if_available": True}, headers=BEARER)
            ).status_code
            for cart in carts
        ]

    assert play(settings(tmp_path), work) == [200, 409, 200]
    assert _held(tmp_path) == {("c-1", "B"): 7, ("c-1", "A"): 5}


def test_a_cart_is_off_the_marketplace_at_once(tmp_path: Path) -> None:
    """Nobody asks for a run: three of five are left."""

    async def work(client: httpx.AsyncClient, service: Service) -> int:
        sink = next(built.sink for built in service.engine.sinks)
        with service.news.listen() as events:
            await client.put("/carts/c-1", json=_cart(("A", 2)), headers=BEARER)
            async for event in events:
                if event.kind == "pushed":
                    break
        return sink.shown["A", "main"]  # type: ignore[attr-defined]

    assert play(settings(tmp_path), work) == 3


def test_the_settings_of_the_carts_hold_for_those_over_http(tmp_path: Path) -> None:
    """They belong to the one source of carts that there is: its name, its time and its warehouse."""
    path = settings(tmp_path, more='[sources.baskets]\nplugin = "carts"\nttl = "2h"\nwarehouse = "main"')

    async def work(client: httpx.AsyncClient, _: Service) -> None:
        await client.put("/carts/c-1", json=_cart(("A", 2)), headers=BEARER)

    play(path, work)
    with by_hand(tmp_path / "ledger.db") as hand:
        ((origin, code, taken, expires),) = hand.execute(
            "SELECT origin, code, taken_at, expires_at FROM holds "
            "JOIN warehouses ON warehouses.id = warehouse_id"
        ).fetchall()
    lasts = datetime.fromisoformat(expires) - datetime.fromisoformat(taken)
    assert (origin, code, lasts) == ("baskets", "main", timedelta(hours=2))


def test_what_is_wrong_with_a_cart_is_named(tmp_path: Path) -> None:
    """Each defect with its item and its field; nothing of the cart is held."""
    wrong: list[tuple[Any, list[tuple[int | None, str]]]] = [
        ({}, [(None, "items")]),
        ({"items": []}, [(None, "items")]),
        ({"items": [7]}, [(0, "items")]),
        (_cart(("A", 0)), [(0, "quantity")]),
        (_cart(("A", 1), ("", 1)), [(1, "sku")]),
        ({"items": [{"quantity": 1}]}, [(0, "sku")]),
        ({"items": [{"sku": "A", "quantity": 1.5}]}, [(0, "quantity")]),
        ({"items": [{"sku": "A", "quantity": True}]}, [(0, "quantity")]),
        (_cart(("A", 1), expires_in=0), [(None, "expires_in")]),
        (_cart(("A", 1), expires_in="900"), [(None, "expires_in")]),
        (_cart(("A", 1), only_if_available=1), [(None, "only_if_available")]),
        (_cart(("A", 1), warehouse=3), [(None, "warehouse")]),
        (_cart(("A", 1), expire=900), [(None, "expire")]),
    ]

    async def work(client: httpx.AsyncClient, _: Service) -> list[httpx.Response]:
        return [await client.put("/carts/c-1", json=body, headers=BEARER) for body, _ in wrong]

    for answer, (_, named) in zip(play(settings(tmp_path), work), wrong, strict=True):
        assert answer.status_code == 422
        assert [(error["index"], error["field"]) for error in answer.json()["errors"]] == named
    assert _held(tmp_path) == {}


def test_what_is_no_cart_is_refused(tmp_path: Path) -> None:
    """An unknown product, no JSON, a name that stands twice, a key that nobody can type."""

    async def work(client: httpx.AsyncClient, _: Service) -> list[tuple[int, str]]:
        answers = [
            await client.put("/carts/c", json=_cart(("a", 1)), headers=BEARER),
            await client.put("/carts/c", content=b"", headers=BEARER),
            await client.put("/carts/c", content=b"[" * 100_000, headers=BEARER),
            await client.put("/carts/c", content=b'{"items": [], "items": []}', headers=BEARER),
            await client.put("/carts/c", content=b'{"items": NaN}', headers=BEARER),
            await client.put("/carts/%20", json=_cart(("A", 1)), headers=BEARER),
            await client.put(f"/carts/{'c' * 201}", json=_cart(("A", 1)), headers=BEARER),
            await client.put("/carts/c", json=_cart(("A", 1))),
        ]
        return [(answer.status_code, answer.json()["detail"]) for answer in answers]

    told = play(settings(tmp_path), work)
    assert [status for status, _ in told] == [422, 400, 400, 400, 422, 400, 400, 401]
    assert "no source knows 'a'" in told[0][1]


def test_a_signature_of_a_cart_covers_what_its_address_says(tmp_path: Path) -> None:
    """One for a cart lets no other go, and it counts once: a late repetition changes nothing."""

    async def work(client: httpx.AsyncClient, service: Service) -> list[int]:
        now = service.engine.clock.now()
        body = json.dumps(_cart(("A", 2))).encode()
        put, delete = signed(body, now, "", "PUT", "c-1"), signed(b"", now, "", "DELETE", "c-1")
        other = signed(body, now, "", "PUT", "c-2")
        return [
            (await client.put("/carts/c-1", content=body, headers=put)).status_code,
            (await client.put("/carts/c-2", content=body, headers=put)).status_code,
            (await client.put("/carts/c-2", content=body, headers=other)).status_code,
            (await client.delete("/carts/c-2", headers=delete)).status_code,
            (await client.delete("/carts/c-1", headers=delete)).status_code,
            (await client.put("/carts/c-1", content=body, headers=put)).status_code,
        ]

    assert play(settings(tmp_path), work) == [200, 401, 200, 401, 200, 200]
    assert _held(tmp_path) == {("c-2", "A"): 2}
