"""What one request a row costs: a session that is kept open, a body of one row, a server on this machine.

A sample; what so many rows would take is extrapolated from it, and named so. The server does nothing but say
yes, there is no TLS and no way to go, and no limit is kept to: with Ozon's 80 requests a minute a row takes
0.75 s, whatever the machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx

from mpstock.simulation import serve

__all__ = ["request_cost"]


async def says_yes(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """Read the request to its end, and answer that all is well."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


def request_cost(sample: int = 300) -> float:
    """Return the seconds of one request with one row, the mean of a sample; the server's time is in it."""
    server: Any = says_yes
    with serve(server) as (url,), httpx.Client(base_url=url) as client:
        began = time.perf_counter()
        for number in range(sample):
            row = {"offer_id": f"SKU-{number:07d}", "stock": 5, "warehouse_id": 22142605386000}
            client.post("/v2/products/stocks", content=json.dumps({"stocks": [row]})).raise_for_status()
        return (time.perf_counter() - began) / sample
