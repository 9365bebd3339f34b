"""Whatever comes to a door, it is answered in the one shape, and nothing but what it says is taken."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from mpstock.config import WebhookSettings
from mpstock.errors import RejectedError
from mpstock.notifying import Notification
from mpstock.rows import RowParser
from mpstock.secret import Secret
from mpstock.service import Service
from mpstock.service.webhooks.credentials import Credentials
from mpstock.service.webhooks.refusals import Refusal
from mpstock.service.webhooks.stock import _read
from mpstock_moysklad.notices import notified as moysklad
from mpstock_moysklad.settings import MoyskladSettings
from mpstock_ozon.notices import notified as ozon
from mpstock_ozon.settings import OzonSettings
from tests.service.webhooks.doors import BEARER, SECRET, TOKEN, play, settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ROW = st.fixed_dictionaries(
    {},
    optional={
        "sku": st.text(max_size=5) | JSON,
        "quantity": st.integers() | st.floats() | st.text(alphabet="0123456789 .,-+e", max_size=9) | JSON,
        "reserved": st.integers(-5, 5) | JSON,
        "warehouse": st.text(max_size=5) | JSON,
        "updated_at": st.datetimes().map(str) | JSON,
    },
)
BODY = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({"stocks": st.lists(ROW | JSON, max_size=6)}).map(
        lambda value: json.dumps(value).encode()
    ),
)


def _taken_or_refused(body: bytes, kind: str, each: bool) -> object:
    try:
        return _read(body, kind, RowParser("main", trust_updated_at=True), False, each)
    except Refusal as refusal:
        return refusal


@given(body=BODY, kind=st.sampled_from(["", "application/json", "application/json; charset=windows-1251"]))
def test_a_body_is_levels_or_a_reason(body: bytes, kind: str) -> None:
    """Each row is taken or named; a level is a whole number of units of something with a name."""
    for each in (False, True):
        read: Any = _taken_or_refused(body, kind, each)
        if isinstance(read, Refusal):
            assert read.status in (400, 422)
            assert json.loads(read.body())["detail"]
            continue
        assert read.rows == len(read.levels)
        assert bool(read.bad) == bool(read.errors)
        assert each or not read.bad
        assert len({(level.sku, level.warehouse) for level in read.levels}) == len(read.levels)
        for level in read.levels:
            assert level.sku
            assert level.warehouse
            assert type(level.quantity) is int
            assert type(level.reserved) is int
            assert level.reserved >= 0


HEADER = st.text(st.characters(max_codepoint=255), max_size=40)


@given(
    headers=st.dictionaries(
        st.sampled_from(["authorization", "mpstock-signature", "mpstock-timestamp"]),
        HEADER
        | HEADER.map(lambda text: f"Basic {text}")
        | HEADER.map(lambda text: f"Bearer {text}")
        | HEADER.map(lambda text: f"v1={text}")
        | st.integers().map(str),
    ),
    body=st.binary(max_size=20),
)
def test_nobody_comes_in_by_chance(headers: dict[str, str], body: bytes) -> None:
    """No header that was made up without a secret opens a door, and none breaks it."""
    known = WebhookSettings(
        secrets=(Secret(SECRET),), tokens=(Secret(TOKEN),), users={"shop": Secret("a password")}
    )
    with pytest.raises(Refusal) as caught:
        Credentials(known).check(headers, [body], datetime(2026, 3, 1, tzinfo=UTC))
    assert caught.value.status == 401


@given(body=BODY, query=st.dictionaries(st.text(max_size=12), st.text(max_size=12), max_size=3))
def test_a_notification_is_understood_or_refused(body: bytes, query: dict[str, str]) -> None:
    """The plugins take what anybody may send them."""
    account = OzonSettings(client_id="12345", api_key=Secret("key"))
    source = MoyskladSettings(token=Secret("a token"))
    for understood in (
        lambda: ozon(account, Notification(body, query)),
        lambda: moysklad(source, Notification(body, query)),
    ):
        try:
            meant = understood()
        except RejectedError:
            continue
        json.dumps(dict(meant.answer))


REQUEST = st.tuples(
    st.sampled_from(["POST", "PUT", "DELETE", "GET", "PATCH"]),
    st.sampled_from(["/webhooks/erp/stock", "/webhooks/erp/notify", "/carts/c", "/webhooks/x/notify/y"])
    | st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=8).map(
        lambda text: "/carts/" + text.replace("?", "").replace("#", "")
    ),
    BODY,
    st.dictionaries(
        st.sampled_from(["Content-Type", "Idempotency-Key", "Content-Encoding", "Content-Length"]),
        HEADER.map(lambda text: text.strip().encode("latin-1")).filter(lambda text: b"\r" not in text)
        | st.just(b"application/json"),
        max_size=2,
    ),
)


@hypothesis(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests=st.lists(REQUEST, min_size=20, max_size=40))
def test_every_request_is_answered(tmp_path_factory: pytest.TempPathFactory, requests: list[Any]) -> None:
    """In the one shape, and never with an error of ours."""

    def ask(client: httpx.AsyncClient, request: Any) -> Awaitable[httpx.Response]:
        method, path, body, headers = request
        return client.request(method, path, content=body, headers={**BEARER, **headers})

    async def work(client: httpx.AsyncClient, _: Service) -> None:
        for request in requests:
            answer = await ask(client, request)
            if answer.status_code == 307:
                # To the same address without the slash too many; it has no body.
                continue
            assert answer.status_code in (200, 400, 401, 403, 404, 405, 409, 413, 415, 422), request
            if answer.status_code != 200 and not answer.headers["content-type"].startswith("text/plain"):
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["status"] == answer.status_code

    webhooks = f'tokens = ["{TOKEN}"]\nrate = 0'
    running: Callable[..., None] = play
    running(settings(tmp_path_factory.mktemp("shop"), webhooks), work)
