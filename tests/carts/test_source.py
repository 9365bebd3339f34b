"""The source `carts`: all open carts from an address, as holds."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mpstock import Reading, Secret
from mpstock.carts import CartsSettings, CartsSource
from mpstock.config.structuring import structure_settings
from mpstock.errors import ConfigurationError, RejectedError, UnexpectedResponseError
from mpstock.testing import VirtualClock, adapter_context

CLOCK = VirtualClock()
NOW = CLOCK.now()


def read(answer: Any, *, status: int = 200, **settings: Any) -> tuple[list[Reading], list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        content = answer if isinstance(answer, bytes) else json.dumps(answer, ensure_ascii=False).encode()
        return httpx.Response(status, content=content)

    async def work() -> list[Reading]:
        context = adapter_context(httpx.MockTransport(handle), "carts", CLOCK)
        source = CartsSource(CartsSettings(url="https://shop.example/carts", **settings), context)
        return [page async for page in source.read(None)]

    return asyncio.run(work()), seen


def test_every_cart_is_a_hold_and_what_is_not_told_has_ended() -> None:
    """Key, sku, quantity, warehouse and expiry are taken over; Russian articles pass unharmed."""
    until = (NOW + timedelta(minutes=3)).isoformat()
    pages, seen = read(
        {"carts": [{"key": "1", "sku": " Чай ", "quantity": 2, "warehouse": "main", "expires_at": until}]},
        token=Secret("s3cret"),
    )
    (page,) = pages
    (hold,) = page.holds
    assert (hold.key, hold.sku, hold.quantity, hold.warehouse) == ("1", "Чай", 2, "main")
    assert hold.expires_at == NOW + timedelta(minutes=3)
    assert page.holds_complete
    assert not page.complete
    assert seen[0].headers["authorization"] == "Bearer s3cret"


def test_a_cart_without_an_end_holds_for_the_ttl() -> None:
    """From when it was filled, if it says so; a time to come counts as now."""
    filled = NOW - timedelta(minutes=4)
    rows = [
        {"key": "1", "sku": "A", "quantity": 1},
        {"key": "2", "sku": "A", "quantity": 1, "taken_at": filled.isoformat()},
        {"key": "3", "sku": "A", "quantity": 1, "taken_at": (NOW + timedelta(days=1)).isoformat()},
    ]
    ((page,), _) = read({"carts": rows}, ttl=timedelta(minutes=10), warehouse="msk")
    assert [hold.taken_at for hold in page.holds] == [NOW, filled, NOW]
    assert page.holds[1].expires_at == filled + timedelta(minutes=10)
    assert {hold.warehouse for hold in page.holds} == {"msk"}


def test_two_lines_of_one_cart_add_up() -> None:
    """The same product twice in a cart is one hold of both."""
    line = {"key": "1", "sku": "A", "quantity": 2}
    ((page,), _) = read({"carts": [line, line, {**line, "sku": "B"}]})
    assert [(hold.sku, hold.quantity) for hold in page.holds] == [("A", 4), ("B", 2)]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("x", ""),
        ({"sku": "A", "quantity": 1}, "key"),
        ({"key": "1", "sku": "", "quantity": 1}, "sku"),
        ({"key": "1", "sku": "A", "quantity": 1.5}, "quantity"),
        ({"key": "1", "sku": "A", "quantity": True}, "quantity"),
        ({"key": "1", "sku": "A", "quantity": -1}, "quantity"),
        ({"key": "1", "sku": "A", "quantity": 1, "expires_at": "soon"}, "expires_at"),
        ({"key": "1", "sku": "A", "quantity": 1, "taken_at": "2026-01-12T10:00:00"}, "taken_at"),
        ({"key": "1", "sku": "A", "quantity": 1, "warehouse": 5}, "warehouse"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_ends_nobody_else(row: Any, name: str) -> None:
    """Its neighbours are read; which cart it was is not known, so none is ended by being left out."""
    ((page,), _) = read({"carts": [row, {"key": "9", "sku": "B", "quantity": 1}]})
    assert [hold.key for hold in page.holds] == ["9"]
    assert [(problem.place, problem.name) for problem in page.problems] == [("row 1", name)]
    assert not page.holds_complete


@pytest.mark.parametrize("answer", [b"<html>login</html>", b"[]", b'{"carts": {}}', b"\xff", b""])
def test_what_is_no_list_of_carts_is_refused_whole(answer: bytes) -> None:
    """Nothing of it is used, and nothing ends."""
    with pytest.raises(UnexpectedResponseError, match="carts"):
        read(answer)


def test_an_error_answer_is_told() -> None:
    """404 is no empty list."""
    with pytest.raises(RejectedError, match="404"):
        read({"carts": []}, status=404)


def test_without_an_address_nothing_is_asked_and_nothing_ended() -> None:
    """Carts that were put in by the program stay."""

    async def work() -> list[Reading]:
        source = CartsSource(
            CartsSettings(), adapter_context(httpx.MockTransport(lambda r: httpx.Response(500)))
        )
        return [page async for page in source.read(None)]

    (page,) = asyncio.run(work())
    assert (page.holds, page.holds_complete, page.as_of.tzinfo) == ((), False, UTC)
    assert isinstance(page.as_of, datetime)


@pytest.mark.parametrize(("key", "value"), [("url", "shop.example"), ("ttl", "0s"), ("timeout", "-1s")])
def test_wrong_settings_are_named(key: str, value: str) -> None:
    """The key is told, and what it should be."""
    with pytest.raises(ConfigurationError, match=key):
        structure_settings(CartsSettings, {key: value}, "[sources.carts]")


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    """It would stand in logs and errors; the token is the place for it."""
    with pytest.raises(ConfigurationError, match="token") as caught:
        structure_settings(CartsSettings, {"url": "https://me:hidden@shop.example/carts"}, "[sources.carts]")
    assert "hidden" not in str(caught.value)
