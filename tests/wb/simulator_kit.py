"""What the tests of the Wildberries double share: requests as a seller sends them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from mpstock_wb.simulator import WbSimulator
from tests.simulation.client import call

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def ask(
    app: WbSimulator,
    method: str,
    path: str,
    json: Any = None,
    *,
    content: bytes | None = None,
    token: str | None = None,
) -> httpx.Response:
    """Send one request with the account's token and return the answer."""
    headers = {"authorization": app.token if token is None else token}
    return call(app, method, path, json=json, content=content, headers=headers)


def put(
    app: WbSimulator, rows: list[Any], warehouse: int = 1111, *, token: str | None = None
) -> httpx.Response:
    """Write stocks: rows as they go on the wire."""
    return ask(app, "PUT", f"/api/v3/stocks/{warehouse}", {"stocks": rows}, token=token)


def amounts(app: WbSimulator, *chrt_ids: int, warehouse: int = 1111) -> dict[int, int]:
    """Read stocks back over the wire."""
    answer = ask(app, "POST", f"/api/v3/stocks/{warehouse}", {"chrtIds": list(chrt_ids)})
    assert answer.status_code == 200, answer.text
    return {row["chrtId"]: row["amount"] for row in answer.json()["stocks"]}


def row(app: WbSimulator, sku: str, amount: int) -> dict[str, int]:
    """One row of a stock write."""
    return {"chrtId": app.chrt_id(sku), "amount": amount}
