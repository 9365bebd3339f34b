"""A client that calls a double inside this process, one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from mpstock.simulation import Simulator


def call(
    app: Simulator,
    method: str,
    path: str,
    *,
    json: Any = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Send one request to the double and return its answer, the request in it."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://double") as client:
            return await client.request(method, path, json=json, content=content, headers=headers)

    return asyncio.run(send())
