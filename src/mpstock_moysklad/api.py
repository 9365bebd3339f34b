"""The methods of МойСклад that are used here: one request each, its answer decoded or refused."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mpstock import Context
from mpstock.errors import AdapterError, RejectedError, TransientError, UnexpectedResponseError
from mpstock_moysklad import refusals, wire
from mpstock_moysklad.breaker import Breaker
from mpstock_moysklad.weights import UNITS, rate_of, weight_of

if TYPE_CHECKING:
    import httpx

    from mpstock_moysklad.settings import MoyskladSettings

__all__ = ["IDS_AT_ONCE", "MoyskladApi"]

PAGE = 1000
"""Most rows of a page."""

EXPANDED_PAGE = 100
"""Most rows of a page on which `expand` works; above, МойСклад leaves it out without a word."""

IDS_AT_ONCE = 100
"""Ids in one `filter`: МойСклад takes 8 KB of address and headers, an id is about 40 bytes."""

_GZIP = {"Accept": "application/json;charset=utf-8", "Accept-Encoding": "gzip"}
# The list of goods that reckons no stock; the other one ends in 2027.
_WITHOUT_STOCK = {"X-Lognex-Remap-Beta-Feature": "assortmentWithoutStock"}
_ARCHIVED_TOO = "archived=false;archived=true"


class MoyskladApi:
    """One account's methods, through the transport. After repeated refusals it asks nothing for a while."""

    def __init__(self, settings: MoyskladSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._base = settings.base_url.rstrip("/")
        self.rates = (rate_of(settings, context.clock.now()),)
        self._breaker = Breaker()
        self._heard = False

    async def current(
        self,
        stock_type: str,
        *,
        report: str | None = None,
        since: datetime | None = None,
        ids: Collection[str] = (),
    ) -> str:
        """Read the short report as text (see `wire.items`): a bare array without pages.

        `since` asks for what has changed since then, `ids` for those goods (at most `IDS_AT_ONCE`).
        """
        report = report or self._settings.report
        params = {"stockType": stock_type}
        if report == "bystore":
            # What is being recalculated is left out otherwise, as if it were sold out.
            params["withRecalculate"] = "true"
        else:
            # This report cannot be told so; with its zeros in it, what is left out is not sold out.
            params["include"] = "zeroLines"
        if since is not None:
            params["changedSince"] = wire.moscow(since)
        if ids:
            params["filter"] = "assortmentId=" + ",".join(ids)
        return await self._get(f"{self._base}/report/stock/{report}/current", params)

    def goods(self, updated_since: datetime | None) -> AsyncIterator[Sequence[Any]]:
        """Walk over goods, archived ones too: all of them, or those changed since then."""
        words = _ARCHIVED_TOO
        if updated_since is not None:
            words = f"updated>={wire.moscow(updated_since)};{words}"
        params = {"limit": str(PAGE), "filter": words}
        return self._pages("/entity/assortment", params, _WITHOUT_STOCK)

    def stores(self) -> AsyncIterator[Sequence[Any]]:
        """Walk over stores, archived ones too."""
        return self._pages("/entity/store", {"limit": str(PAGE), "filter": _ARCHIVED_TOO})

    def bundles(self) -> AsyncIterator[Sequence[Any]]:
        """Walk over bundles with their components in `components.rows`."""
        return self._pages("/entity/bundle", {"limit": str(EXPANDED_PAGE), "expand": "components"})

    def components(self, bundle_id: str) -> AsyncIterator[Sequence[Any]]:
        """Walk over the components of one bundle."""
        return self._pages(f"/entity/bundle/{bundle_id}/components", {"limit": str(PAGE)})

    async def _pages(
        self, path: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Sequence[Any]]:
        url, query, count = self._base + path, dict(params), 0
        while True:
            text = await self._get(url, query, headers)
            try:
                page = wire.page(text)
            except wire.MalformedError as error:
                raise self.unexpected(f"{path}: {error}") from None
            count += len(page.rows)
            yield page.rows
            if page.next_href is None:
                if page.size is not None and count < page.size:
                    raise self.unexpected(
                        f"{path}: the list has {page.size} rows, and only {count} came; read it again"
                    )
                return
            following = wire.same_place(page.next_href, self._base)
            if following is None:
                raise self.unexpected(
                    f"{path}: the next page is said to be at {page.next_href[:100]!r}, which is not under "
                    f"{self._base}; the credentials are not sent there"
                )
            if following == url or not page.rows:
                raise self.unexpected(f"{path}: the next page does not lead on, {page.next_href[:100]!r}")
            url, query = following, {}

    async def _get(
        self, url: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> str:
        clock, name = self._context.clock, self._context.name
        left = self._breaker.left(clock.monotonic())
        if left > 0:
            raise TransientError(
                f"МойСклад is not asked for another {left:.0f} s: it has refused again and again, and bars "
                f"users who go on. Last: {self._breaker.reason}",
                adapter=name,
                retry_after=left,
            )
        self._heard = False
        try:
            answer = await self._context.transport.request(
                "GET",
                url,
                scopes=(UNITS,),
                headers={**_GZIP, **self._credentials(), **(headers or {})},
                params=params,
                items=weight_of(self._settings, clock.now()),
                timeout=self._settings.timeout.total_seconds(),
                describe=self._describe,
            )
            if answer.status_code != 200:
                self._heard = True
                raise self._refusal(url, answer)
            text = wire.decoded(answer.content)
        except wire.MalformedError as error:
            raise self.unexpected(f"{self._path(url)}: {error}") from None
        except AdapterError as error:
            if self._heard:
                self._breaker.failed(str(error), clock.monotonic())
            raise
        self._breaker.good()
        return text

    def _credentials(self) -> dict[str, str]:
        settings = self._settings
        if settings.token is not None:
            return {"Authorization": f"Bearer {settings.token.reveal()}"}
        pair = f"{settings.login}:{settings.password.reveal() if settings.password else ''}"
        return {"Authorization": "Basic " + b64encode(pair.encode()).decode("ascii")}

    def _describe(self, response: httpx.Response) -> str:
        # Asked for error answers alone; a connection that does not stand is nobody's refusal.
        self._heard = self._heard or response.status_code >= 400
        if response.status_code == 429:
            self._breaker.limited()
        return refusals.describe(response)

    def _refusal(self, url: str, answer: httpx.Response) -> AdapterError:
        status, path = answer.status_code, self._path(url)
        said = self._redacted(refusals.describe(answer))
        if status == 415:
            # With an empty body, says the general part, where Accept-Encoding is not gzip.
            message = (
                f"{path} answered 415{f': {said}' if said else ', without words'}. МойСклад answers so where "
                "the header Accept-Encoding: gzip is missing; mpstock sends it, so look at what stands "
                "between: a proxy that rewrites headers, another base_url than "
                "https://api.moysklad.ru/api/remap/1.2"
            )
        elif status in (404, 410):
            message = f"{path} answered {status}{f': {said}' if said else ''}. Look at base_url"
        else:
            message = f"{path} refused with {status}: {said or 'no words'}"
        codes = [one.code for one in refusals.read_refusals(answer.content) if one.code is not None]
        return RejectedError(message, adapter=self._context.name, code=str(codes[0] if codes else status))

    def _path(self, url: str) -> str:
        return url.removeprefix(self._base).partition("?")[0]

    def unexpected(self, message: str) -> UnexpectedResponseError:
        """The error for an answer that is not what the documents promise, without secrets."""
        return UnexpectedResponseError(self._redacted(message), adapter=self._context.name)

    def _redacted(self, message: str) -> str:
        # It quotes what was answered, and an answer may repeat what it was sent.
        for secret in (self._settings.token, self._settings.password):
            if secret:
                message = message.replace(secret.reveal(), "***")
        return message
