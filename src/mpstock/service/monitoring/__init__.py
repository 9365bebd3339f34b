"""What machines ask that look after machines: whether it lives, whether it works, and how much of what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prometheus_client.exposition import choose_encoder
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mpstock.service.monitoring.access import Access
from mpstock.service.monitoring.gauges import Gauges
from mpstock.service.monitoring.health import alive, look, worst
from mpstock.service.webhooks.refusals import PROBLEM

if TYPE_CHECKING:
    from starlette.requests import Request

    from mpstock.service.service import Service

__all__ = ["routes"]

_UNSEEN = {"Cache-Control": "no-store"}


def routes(service: Service) -> Sequence[BaseRoute]:
    """Return the addresses of the monitoring."""
    access = Access(service.settings.monitoring)

    async def healthz(_request: Request) -> JSONResponse:
        well = await alive(service)
        return JSONResponse({"status": "ok" if well else "failing"}, 200 if well else 503, _UNSEEN)

    async def readyz(request: Request) -> JSONResponse:
        checks = await look(service)
        state = worst(checks)
        told: dict[str, object] = {"status": state}
        if access.knows(request.headers):
            told["checks"] = [
                {"name": check.name, "status": check.state, "message": check.message} for check in checks
            ]
        strict = "strict" in request.query_params
        return JSONResponse(told, 503 if state == "failing" or (strict and state != "ok") else 200, _UNSEEN)

    gauges = Gauges(service)
    service.metrics.registry.register(gauges)

    async def metrics(request: Request) -> Response:
        refusal = access.refusal(request.headers)
        if refusal is not None:
            return Response(refusal.body(), refusal.status, {**_UNSEEN, **refusal.headers}, PROBLEM)
        await gauges.look()
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(service.metrics.registry), headers={**_UNSEEN, "Content-Type": kind})

    return [
        Route("/healthz", healthz, name="healthz"),
        Route("/readyz", readyz, name="readyz"),
        Route("/metrics", metrics, name="metrics"),
    ]
