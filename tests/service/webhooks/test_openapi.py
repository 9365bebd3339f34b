"""The document says what the doors do, and the doors do what it says."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from mpstock.service import Service, create_app
from mpstock.service.webhooks import routes
from tests.service.webhooks.doors import BEARER, TOKEN, play, settings

NOTIFY = "a-token-for-the-vendors-alone"
WEBHOOKS = f'tokens = ["{TOKEN}"]\nnotify_tokens = ["{NOTIFY}"]\nrate = 0'


async def _document(client: httpx.AsyncClient, _: Service) -> dict[str, Any]:
    answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def test_the_document_is_one_of_openapi(tmp_path: Path) -> None:
    """Tools that know OpenAPI can read it, and nothing in it is a secret."""
    path = settings(tmp_path, WEBHOOKS)
    document = play(path, _document)
    validate(document)
    assert TOKEN not in str(document)
    assert document["servers"] == [{"url": "."}]


def test_every_door_is_in_the_document(tmp_path: Path) -> None:
    """No address is left out, and none is promised that is not there."""
    app = create_app(settings(tmp_path, WEBHOOKS), schedule=False)
    doors = {
        route.path.replace(":path", ""): set(route.app._handlers)  # type: ignore[attr-defined]
        for route in routes(app.state.service)
        if isinstance(route, Route)
    }
    told = {
        path: {method for method in item if method != "parameters"}
        for path, item in play(settings(tmp_path, WEBHOOKS), _document)["paths"].items()
    }
    assert told == doors


def test_the_document_is_right_under_any_path(tmp_path: Path) -> None:
    """Mounted elsewhere, its addresses are counted from where it is."""

    async def running() -> list[int]:
        app = create_app(settings(tmp_path, WEBHOOKS), schedule=False)
        host = Starlette(routes=[Mount("/stock", app)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url="http://host") as client:
            answers = [
                await client.get("/stock/openapi.json"),
                await client.post("/stock/webhooks/erp/stock", json={"stocks": []}, headers=BEARER),
            ]
        await app.state.service.stop()
        return [answer.status_code for answer in answers]

    assert asyncio.run(running()) == [200, 200]


@contextmanager
def _served(path: Path) -> Iterator[str]:
    """Serve a shop in a thread of its own, as `mpstock run` does; yield its address."""
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(
            create_app(path, schedule=False), port=0, log_config=None, access_log=False, server_header=False
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("items", ["all", "each"])
def test_schemathesis_finds_nothing(tmp_path: Path, items: str) -> None:
    """Requests right and wrong, made up from the document, are all answered as it says.

    What the document allows is taken, or refused for what no document can say (an unknown product, one that
    stands twice). It does not bound what is taken: 1C may write numbers in more ways than one.
    """
    import schemathesis
    from hypothesis import HealthCheck, Phase, assume, given
    from hypothesis import settings as hypothesis
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi.checks import negative_data_rejection

    seen: set[int] = set()
    numbers = count()
    made_up = hypothesis(
        max_examples=int(os.environ.get("MPSTOCK_EXAMPLES", "100")),
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    def check(case: Any) -> None:
        for name in ("Mpstock-Signature", "Mpstock-Timestamp", "Authorization"):
            case.headers.pop(name, None)
        if "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = f"key-{next(numbers)}"
        answer = case.call_and_validate(headers=BEARER, excluded_checks=[negative_data_rejection])
        seen.add(answer.status_code)

    def right(case: Any) -> None:
        if "source" in case.path_parameters:
            case.path_parameters["source"] = "erp"
            places = [(row["sku"], row.get("warehouse") or "main") for row in case.body["stocks"]]
            assume(len(set(places)) == len(places))
        if isinstance(case.body, dict) and "items" in case.body:
            for item in case.body["items"]:
                item["sku"] = "A"
        check(case)

    path = settings(tmp_path, f'{WEBHOOKS}\nitems = "{items}"')
    # The sources have been read once.
    play(path, _document)
    with _served(path) as url:
        for result in schemathesis.openapi.from_url(f"{url}/openapi.json").get_all_operations():
            operation: Any = result.ok()  # type: ignore[union-attr]
            made_up(given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))(right))()
            if operation.body or operation.path_parameters:
                made_up(given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))(check))()
    assert {200, 400, 404, 422} <= seen
    assert not {500, 503} & seen
