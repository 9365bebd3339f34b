"""One request to the HTTP service of 1C, and what its answer comes to."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from mpstock import Context, Rate
from mpstock.errors import RejectedError, UnexpectedResponseError
from mpstock.rows import MalformedError, decoded, rows, words
from mpstock_onec.settings import row_parser
from mpstock_onec.tally import Tally

if TYPE_CHECKING:
    import httpx

    from mpstock_onec.settings import OnecSettings

__all__ = ["OnecClient"]

_SCOPE = "requests"
_ROWS_AT_A_TIME = 5_000


class OnecClient:
    """Asks `GET {base_url}{path}?format=json[&changedAfter=…]` and adds the rows up."""

    def __init__(self, settings: OnecSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._parse = row_parser(settings)
        per_minute = settings.requests_per_minute
        self.rates = () if per_minute is None else (Rate(_SCOPE, per_minute, 60.0, parallel=1),)

    async def ask(self, since: datetime | None) -> tuple[datetime, Tally]:
        """Read what changed since that moment, or everything; return when the request began, and the sums.

        Raises:
            AuthenticationError: 401 or 403.
            TransientError: no connection, no answer in time, or 5xx, until the transport gave up.
            RejectedError: the service refused the question.
            UnexpectedResponseError: it answered something that is not stock. Nothing of it is used.
        """
        context, settings = self._context, self._settings
        as_of = context.clock.now()
        answer = await context.transport.request(
            "GET",
            self._url(since),
            scopes=(_SCOPE,) if self.rates else (),
            headers=self._headers(),
            timeout=settings.timeout.total_seconds(),
            describe=_describe,
        )
        self._refuse(answer)
        try:
            text = decoded(answer.content, answer.headers.get("content-type", ""))
            del answer
            tally = await self._sums(text)
        except MalformedError as error:
            raise UnexpectedResponseError(self._redacted(str(error)), adapter=context.name) from None
        context.logger.debug("%d rows, %d bad, changed after %s", tally.rows, tally.bad, since or "ever")
        return as_of, tally

    async def _sums(self, text: str) -> Tally:
        tally = Tally()
        for index, data in enumerate(rows(text)):
            tally.add(self._parse(data, index))
            if index % _ROWS_AT_A_TIME == _ROWS_AT_A_TIME - 1:
                # A million rows take seconds; what else runs in this loop gets its turn.
                await self._context.clock.sleep(0)
        return tally

    def _url(self, since: datetime | None) -> str:
        # Built by hand: what builds queries for forms writes a plus sign for a blank, which 1C refuses.
        parts = urlsplit(self._settings.url)
        url = urlunsplit(parts._replace(path=quote(parts.path, safe="/:@%!$&'()*+,;=~")))
        if since is None:
            return f"{url}?format=json"
        moment = since.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
        return f"{url}?format=json&changedAfter={quote(moment, safe='')}"

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        user, password = self._settings.user, self._settings.password
        if user:
            # 1C reads names and passwords as UTF-8, Cyrillic ones too.
            pair = f"{user}:{password.reveal() if password else ''}"
            headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode("ascii")
        return headers

    def _refuse(self, answer: httpx.Response) -> None:
        status, name = answer.status_code, self._context.name
        if status == 200:
            return
        said = _describe(answer)
        told = f": {said}" if said else ""
        if status in (404, 410):
            message = (
                f"answered {status}, nothing is at {self._settings.url}{told}. Is the infobase published "
                "with its HTTP services, is this service among them, and are base_url and path right?"
            )
        elif status in (400, 405, 406, 422):
            message = f"answered {status}{told or ', without words'}"
            raise RejectedError(self._redacted(message), adapter=name, code=str(status))
        else:
            message = f"answered {status} instead of a list of stocks{told}"
        raise UnexpectedResponseError(self._redacted(message), adapter=name)

    def _redacted(self, message: str) -> str:
        # It quotes what was answered, and a page may repeat what it was sent.
        password = self._settings.password
        return message.replace(password.reveal(), "***") if password else message


def _describe(response: httpx.Response) -> str:
    """What an error answer says, in its own words: those of 1C, or of the web server before it."""
    if response.status_code == 200:
        # Asked for every answer, it would read a million rows twice.
        return ""
    try:
        text = decoded(response.content, response.headers.get("content-type", ""))
    except MalformedError:
        # The Russian error pages of web servers on Windows often name no charset.
        text = response.content.decode("windows-1251", errors="replace")
    return words(text)
