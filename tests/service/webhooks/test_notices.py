"""A vendor's notifications make us look again; nothing in them is believed, and nothing is fetched."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from mpstock.service import Service
from tests.service.webhooks.doors import TOKEN

NOTIFY = "a token for the vendors alone"
SHOP = f"""
[ledger]
url = "sqlite:///ledger.db"
[sources.ms]
plugin = "moysklad"
token = "a token that goes nowhere else"
[sinks.ozon]
plugin = "ozon"
client_id = "12345"
api_key = "00000000-0000-4000-8000-000000000000"
warehouses = [{{ code = "22142605386000" }}]
[service.webhooks]
tokens = ["{TOKEN}"]
"""
CHANGED = {
    "accountId": "a",
    "stockType": "stock",
    "reportType": "all",
    "reportUrl": "https://api.moysklad.ru/api/remap/1.2/report/stock/all/current"
    "?changedSince=2026-09-24 19:14:32",
}
POSTING = {
    "message_type": "TYPE_NEW_POSTING",
    "posting_number": "24219509-0020-1",
    "products": [{"sku": 147451959, "quantity": 2}],
    "seller_id": 12345,
}


def _play(
    tmp_path: Path, *posts: tuple[str, Any], tokens: bool = True
) -> tuple[list[httpx.Response], list[str]]:
    """Return the answers, and the runs that were asked for."""
    path = tmp_path / "mpstock.toml"
    path.write_text(SHOP + (f'notify_tokens = ["{NOTIFY}"]\n' if tokens else ""), encoding="utf-8")

    async def running() -> tuple[list[httpx.Response], list[str]]:
        from mpstock.service import create_app

        app = create_app(path, schedule=False)
        service: Service = app.state.service
        asked: list[str] = []
        async with service:
            # No network here: what is asked for is noted, and not run.
            service.runner.ask = lambda job: asked.append(job.name)  # type: ignore[assignment,return-value]
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                answers = [
                    await client.post(
                        door,
                        content=body if isinstance(body, bytes) else json.dumps(body).encode(),
                        headers={},
                    )
                    for door, body in posts
                ]
        return answers, [name for name in asked if name != "heard"]

    return asyncio.run(running())


def test_moysklad_says_that_stock_has_changed(tmp_path: Path) -> None:
    """It is answered at once, the source is read, and the same notification again is answered as well."""
    door = f"/webhooks/ms/notify/{NOTIFY}?requestId=0a5e2b4e"
    answers, asked = _play(tmp_path, (door, CHANGED), (door, CHANGED))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert set(asked) == {"every"}


def test_moysklad_s_token_goes_to_no_other_host(tmp_path: Path) -> None:
    """An address that somebody else has written is refused, and not fetched in any case."""
    foreign = [
        "https://evil.example/api/remap/1.2/report/stock",
        "https://api.moysklad.ru.evil.example/",
        "https://api.moysklad.ru@evil.example/",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//[",
        7,
        None,
    ]
    door = f"/webhooks/moysklad/notify/{NOTIFY}"
    answers, asked = _play(tmp_path, *[(door, {**CHANGED, "reportUrl": url}) for url in foreign])
    assert [answer.status_code for answer in answers] == [400] * len(foreign)
    assert asked == []


def test_ozon_asks_who_is_there(tmp_path: Path) -> None:
    """It is answered as Ozon wants it, and nothing is read."""
    ping = {"message_type": "TYPE_PING", "time": "2026-03-01T12:00:00Z"}
    (answer,), asked = _play(tmp_path, (f"/webhooks/ozon/notify/{NOTIFY}", ping))
    assert set(answer.json()) == {"version", "name", "time"}
    assert asked == []


def test_ozon_tells_of_orders_and_of_stock(tmp_path: Path) -> None:
    """Each is answered, and the orders are read: what it says of them itself may be late or forged."""
    door = f"/webhooks/ozon/notify/{NOTIFY}"
    kinds = ["TYPE_NEW_POSTING", "TYPE_POSTING_CANCELLED", "TYPE_STOCKS_CHANGED", "TYPE_NEW_MESSAGE"]
    answers, asked = _play(tmp_path, *[(door, {**POSTING, "message_type": kind}) for kind in kinds])
    assert [answer.json() for answer in answers] == [{"result": True}] * 4
    # A message of a buyer moves no stock.
    assert asked == ["orders"] * 3


def test_what_is_no_notification_of_this_account_is_refused(tmp_path: Path) -> None:
    """Another seller's, another vendor's, or none at all."""
    door = f"/webhooks/ozon/notify/{NOTIFY}"
    bodies: list[Any] = [{**POSTING, "seller_id": 7}, CHANGED, [], {"message_type": 3}, b"", b"[" * 100_000]
    answers, asked = _play(tmp_path, *[(door, body) for body in bodies])
    assert [answer.status_code for answer in answers] == [400] * len(bodies)
    assert asked == []


def test_who_may_notify_may_nothing_else(tmp_path: Path) -> None:
    """The token in the address is one of its own; without one in the settings no address is open."""
    answers, _ = _play(
        tmp_path,
        ("/webhooks/ozon/notify/wrong", POSTING),
        (f"/webhooks/ozon/notify/{TOKEN}", POSTING),
        ("/webhooks/ozon/notify", POSTING),
        (f"/webhooks/nobody/notify/{NOTIFY}", POSTING),
        (f"/webhooks/ms/stock?token={NOTIFY}", {"stocks": []}),
    )
    assert [answer.status_code for answer in answers] == [401, 401, 401, 404, 401]
    assert "ozon" in answers[3].json()["detail"]
    (answer,), _ = _play(tmp_path, (f"/webhooks/ozon/notify/{NOTIFY}", POSTING), tokens=False)
    assert answer.status_code == 403
