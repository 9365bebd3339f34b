"""A double of 1C's OData and a source that reads it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import httpx

from mpstock import Finding, Secret
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_onec.odata_settings import OdataSettings
from mpstock_onec.plugin import mpstock_sources
from mpstock_onec.simulator_odata import OdataSimulator
from mpstock_onec.simulator_odata_world import Configuration
from tests.reading import Read, findings, walk

SPEC = next(spec for spec in mpstock_sources() if spec.name == "onec_odata")
URL = "http://erp.local/trade"
USER, PASSWORD = "Робот", "Пароль 1С"
EMPTY_REF = "00000000-0000-0000-0000-000000000000"
NO_SUCH_REF = "deadbeef-0000-4000-8000-000000000001"


def settings(**changed: Any) -> OdataSettings:
    """Settings with defaults that work."""
    base = {"base_url": URL, "user": USER, "password": Secret(PASSWORD), "preset": "ut11"}
    return OdataSettings(**{**base, **changed})


class Source:
    """One source over one way out, on a clock that stands."""

    def __init__(self, way_out: Any, clock: VirtualClock | None = None, **changed: Any) -> None:
        self.clock = clock or VirtualClock()
        context = adapter_context(way_out, name="erp", clock=self.clock, secrets=(PASSWORD,))
        self.source = build_adapter(SPEC, settings(**changed), context)

    def read(self, cursor: str | None = None) -> Read:
        """Read to the end."""
        return walk(self.source, cursor)

    def check(self) -> list[Finding]:
        """Check to the end."""
        return findings(self.source)


class World(Source):
    """A double of 1C and a source that reads it in the same process."""

    def __init__(
        self,
        levels: dict[tuple[str, str], int | str | Decimal] | None = None,
        configuration: str | Configuration = "ut11",
        **changed: Any,
    ) -> None:
        clock = VirtualClock()
        self.base = OdataSimulator(levels, configuration=configuration, clock=clock)
        self.infobase = self.base.infobase
        preset = {"preset": configuration} if isinstance(configuration, str) else {}
        super().__init__(self.base, clock, **{**preset, **changed})

    def asked(self, part: str) -> list[str]:
        """The paths and queries of the requests with that in their paths, as 1C decodes them."""
        return [
            f"{seen.path}?{'&'.join(f'{k}={v}' for k, v in seen.query.items())}"
            for seen in self.base.requests
            if part in seen.path
        ]


class Canned:
    """A publication that answers each list as it is told; what is not told has no rows.

    `answers` are by a part of the address: a list of rows, a body, or a whole response.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.urls: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        url = unquote(str(request.url))
        self.urls.append(url)
        answer: Any = next((value for part, value in self.answers.items() if part in url), [])
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        if isinstance(answer, list):
            return httpx.Response(200, json={"odata.metadata": "x", "value": answer})
        return httpx.Response(200, content=answer, headers={"content-type": "application/json"})
