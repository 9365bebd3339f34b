"""One request to an Odoo server: what goes out, what comes back, and what time it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mpstock import Context, Rate
from mpstock.errors import AuthenticationError
from mpstock_odoo import answers
from mpstock_odoo.answers import Said

if TYPE_CHECKING:
    import httpx

    from mpstock_odoo.settings import OdooSettings

__all__ = ["Connection"]

_SCOPE = "requests"


class Connection:
    """Posts JSON to the server. Every request of this source is a read, and goes out as one.

    `server_time` is what the server's clock said last, None before the first answer.
    """

    def __init__(self, settings: OdooSettings, context: Context) -> None:
        self.settings = settings
        self._context = context
        self.name = context.name
        self.server_time: datetime | None = None
        wanted = settings.requests_per_second
        self.rates: Sequence[Rate] = () if wanted is None else (Rate(_SCOPE, 1, 1 / wanted, parallel=1),)

    async def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Send one request and return the answer, which may be a refusal below 500 but 401, 403 and 429.

        Raises:
            AuthenticationError: 401 or 403, in Odoo's words and with what to do about it.
            TransientError: no answer, 429 or 5xx, until the transport gave up.
            UnexpectedResponseError: the server sends us elsewhere.
        """
        heard: list[tuple[int, Said | None]] = []

        def describe(response: httpx.Response) -> str:
            said = answers.refusal_of(response.content)
            heard.append((response.status_code, said))
            return said.message if said else answers.words_of_page(response.content)

        try:
            answer = await self._context.transport.request(
                "POST",
                self.settings.base_url.rstrip("/") + path,
                scopes=(_SCOPE,) if self.rates else (),
                headers={"Accept": "application/json", **(headers or {})},
                json=body,
                timeout=self.settings.timeout.total_seconds(),
                describe=describe,
            )
        except AuthenticationError as error:
            status, said = heard[-1] if heard else (401, None)
            rights = said.is_about_rights if said else status == 403
            raise self.refused(str(error), rights=rights, prefixed=True) from None
        self._look_at_the_clock(answer)
        return answer

    def refused(self, text: str, *, rights: bool, prefixed: bool = False) -> AuthenticationError:
        """Return the error for credentials that were refused, or have not the right; with the mend."""
        if rights:
            mend = "let the user of the key read stock (Inventory / User), in each company that is read"
        else:
            mend = (
                "an API key lives three months at most: make a new one in Odoo (Preferences, Account "
                "Security, New API Key) and put it into api_key; JSON-2 takes no password"
            )
        host = urlsplit(self.settings.base_url).hostname or ""
        if host.endswith(".odoo.com"):
            mend += ". On Odoo Online only the Custom plan has the external API"
        error = AuthenticationError(f"{self.hidden(text)}; {mend}", adapter="" if prefixed else self.name)
        error.adapter = self.name
        return error

    def hidden(self, text: str) -> str:
        """Return the text without the key: an answer may repeat what it was sent."""
        return text.replace(self.settings.api_key.reveal(), "***")

    def _look_at_the_clock(self, answer: httpx.Response) -> None:
        # The last of several: a server before the server may have stamped the answer as well.
        stamps = answer.headers.get_list("date")
        try:
            moment = parsedate_to_datetime(stamps[-1])
            self.server_time = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (IndexError, ValueError, TypeError, OverflowError):
            self.server_time = None
