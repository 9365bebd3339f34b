"""Nobody brings anything without a secret, and a signed request counts once."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from mpstock.errors import ConfigurationError
from mpstock.service import Service, create_app
from tests.service.webhooks.doors import BEARER, SECRET, TOKEN, play, settings, signed, told

DOOR = "/webhooks/erp/stock"
JSON = {"Content-Type": "application/json"}


def _body(quantity: int = 1, sku: str = "A") -> bytes:
    return json.dumps({"stocks": [{"sku": sku, "quantity": quantity}]}).encode()


def _basic(user: str, password: str, charset: str = "utf-8") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode(charset)).decode(), **JSON}


def test_without_a_secret_in_the_settings_nobody_comes_in(tmp_path: Path) -> None:
    """An open door would be worse than none, and the answer says how to open this one."""

    async def work(client: httpx.AsyncClient, service: Service) -> httpx.Response:
        return await client.post(DOOR, content=_body(), headers=signed(_body(), service.engine.clock.now()))

    answer = play(settings(tmp_path, ""), work)
    assert answer.status_code == 403
    assert "[service.webhooks]" in answer.json()["detail"]


def test_each_way_in_wants_the_right_secret(tmp_path: Path) -> None:
    """The right token, password or signature is let in; every other is told which ways there are."""
    secrets = f'tokens = ["{TOKEN}"]\nsecrets = ["{SECRET}"]\nusers = {{ "Обмен" = "Пароль 1" }}'
    body = _body()

    async def work(client: httpx.AsyncClient, service: Service) -> tuple[list[int], list[httpx.Response]]:
        now = service.engine.clock.now()
        right = [
            BEARER,
            _basic("Обмен", "Пароль 1"),
            _basic("Обмен", "Пароль 1", "cp1251"),
            signed(body, now),
        ]
        wrong = [
            {},
            {"Authorization": "Bearer "},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": f"Bearer {SECRET}"},
            {"Authorization": f"Token {TOKEN}"},
            {"Authorization": "Basic ???"},
            {"Authorization": "Bearer \u00e9\u00e9"},
            _basic("Обмен", ""),
            _basic("", "Пароль 1"),
            signed(body, now, "another secret"),
            signed(body + b" ", now),
            signed(body, now) | {"Mpstock-Timestamp": str(int(now.timestamp()) + 1)},
            signed(body, now) | {"Mpstock-Timestamp": "now"},
            signed(body, now) | {"Mpstock-Timestamp": "9" * 400},
            signed(body, now) | {"Mpstock-Signature": "v1=" + "0" * 64},
            signed(body, now) | {"Mpstock-Signature": "v1="},
            signed(body, now) | {"Mpstock-Signature": ""},
        ]

        async def ask(headers: dict[str, str]) -> httpx.Response:
            encoded = {name: value.encode("latin-1") for name, value in {**JSON, **headers}.items()}
            return await client.post(DOOR, content=body, headers=list(encoded.items()))  # type: ignore[arg-type]

        return [(await ask(headers)).status_code for headers in right], [
            await ask(headers) for headers in wrong
        ]

    let_in, refused = play(settings(tmp_path, secrets), work)
    assert let_in == [200] * 4
    assert [answer.status_code for answer in refused] == [401] * len(refused)
    for answer in refused:
        assert answer.headers["www-authenticate"].split(", ")[0] == "Mpstock-Signature"
        for secret in (TOKEN, SECRET, "Пароль"):
            assert secret not in answer.text


def test_a_signature_is_good_for_a_while_and_both_of_two_secrets_are(tmp_path: Path) -> None:
    """While a secret is changed the old and the new one hold, and a sender may sign with both."""
    new = "the secret that comes next"
    path = settings(tmp_path, f'secrets = ["{SECRET}", "{new}"]\nreplay_window = "5m"')

    async def work(client: httpx.AsyncClient, service: Service) -> list[int]:
        now = service.engine.clock.now()
        both = signed(_body(), now, "one that is gone already")
        both["Mpstock-Signature"] += ", " + signed(_body(), now, new)["Mpstock-Signature"]
        near = [signed(_body(), now + timedelta(minutes=away)) for away in (-4, 4)]
        far = [signed(_body(), now + timedelta(minutes=away)) for away in (-6, 6)]
        return [
            (await client.post(DOOR, content=_body(), headers=headers)).status_code
            for headers in [signed(_body(), now), signed(_body(), now, new), both, *near, *far]
        ]

    assert play(path, work) == [200, 200, 200, 200, 200, 401, 401]


def test_a_signed_request_that_comes_again_is_answered_and_not_taken_again(tmp_path: Path) -> None:
    """Who repeats what somebody else has sent changes nothing, and who lost the answer gets it."""
    path = settings(tmp_path, erp='quantity = "on_hand"')
    raising = json.dumps(
        {"stocks": [{"sku": "A", "quantity": 9, "updated_at": "2999-01-01T00:00:00Z"}]}
    ).encode()

    async def work(client: httpx.AsyncClient, service: Service) -> list[httpx.Response]:
        now = service.engine.clock.now()
        headers = signed(raising, now)
        first = await client.post(DOOR, content=raising, headers=headers)
        await client.post(DOOR, content=_body(2), headers=signed(_body(2), now))
        again = await client.post(DOOR, content=raising, headers=headers)
        elsewhere = await client.post("/webhooks/other/stock", content=raising, headers=headers)
        return [first, again, elsewhere]

    path.write_text(path.read_text() + '[sources.other]\nplugin = "memory"\n', encoding="utf-8")
    first, again, elsewhere = play(path, work)
    assert (again.status_code, again.json()) == (200, first.json())
    assert told(tmp_path)["A"] == (9, 2)
    assert elsewhere.status_code == 422


def test_a_key_makes_a_repetition_harmless_also_after_a_restart(tmp_path: Path) -> None:
    """The same key and body get the same answer from the ledger; another body under it is refused."""
    path = settings(tmp_path)

    async def work(client: httpx.AsyncClient, _: Service) -> list[httpx.Response]:
        headers = {**BEARER, "Idempotency-Key": "delivery 17"}
        return [await client.post(DOOR, content=_body(units), headers=headers) for units in (3, 3, 2)]

    first, again, other = play(path, work)
    assert (first.status_code, again.json(), other.status_code) == (200, first.json(), 422)
    assert told(tmp_path)["A"] == (5, 3)
    assert [answer.status_code for answer in play(path, work)] == [200, 200, 422]


def test_a_key_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    """It is told before anything is taken."""

    async def work(client: httpx.AsyncClient, _: Service) -> httpx.Response:
        headers = {**BEARER, "Idempotency-Key": "x" * 201}
        return await client.post(DOOR, content=_body(), headers=headers)

    assert play(settings(tmp_path), work).status_code == 400


@pytest.mark.parametrize(
    "webhooks",
    ['tokens = ["short"]', 'secrets = [""]', 'users = { shop = "" }', 'users = { "a:b" = "long enough" }'],
)
def test_a_secret_that_can_be_guessed_is_no_setting(tmp_path: Path, webhooks: str) -> None:
    """An empty variable of the environment must not open a door; the message does not repeat what it was."""
    with pytest.raises(ConfigurationError) as caught:
        create_app(settings(tmp_path, webhooks))
    assert "[service.webhooks]" in str(caught.value)
    assert "'short'" not in str(caught.value)
