"""Who may come in: the host, the session, the role, and the token without which nothing is done."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qsl, urlsplit
from weakref import WeakKeyDictionary

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mpstock.errors import MpstockError
from mpstock.service.dashboard.reading import Reader, StandingKeeper
from mpstock.service.dashboard.sessions import Attempts, Sessions
from mpstock.service.dashboard.visit import SESSION, Visit

if TYPE_CHECKING:
    from starlette.requests import Request

    from mpstock.service.dashboard.sessions import Session
    from mpstock.service.dashboard.shadowing import Foresight
    from mpstock.service.service import Service

__all__ = ["Dashboard", "Handler", "keep_dashboard"]

Handler = Callable[[Visit], Awaitable[Response]]

LARGEST_FORM = 64 * 1024
"""Bytes of a form at most."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer` a browser would hide from us where a form was, too.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""What every answer says to the browser; no script or style is written into a page."""


class Dashboard:
    """The pages of one service: its users, who of them is logged in, and how they read the ledger."""

    _of: ClassVar[WeakKeyDictionary[Service, Dashboard]] = WeakKeyDictionary()

    def __init__(self, service: Service) -> None:
        self.service = service
        self.sessions = Sessions(self._monotonic)
        self.attempts = Attempts(self._monotonic)
        self.checking = asyncio.Semaphore(2)
        """Checking a hash takes memory: no flood of log-ins takes all of it."""
        self.reader = Reader(lambda: service.engine)
        # What takes longer than other pages may wait has a connection to itself.
        self.slow = Reader(lambda: service.engine)
        self.standing = StandingKeeper(self.slow)
        self.foresights: dict[str, Foresight] = {}
        """By sink, what taking it over would change, as somebody has asked last."""

    @classmethod
    def of(cls, service: Service) -> Dashboard:
        """Return the dashboard of a service."""
        found = cls._of.get(service)
        if found is None:
            found = cls._of[service] = cls(service)
        return found

    def _monotonic(self) -> float:
        return self.service.engine.clock.monotonic()

    @property
    def secure(self) -> bool:
        """Whether people come in over TLS, so that cookies go no other way."""
        return self.service.settings.public_url.startswith("https://")

    def role(self, user: str) -> str:
        """Return the role of a user, empty for one who has left the settings."""
        found = self.service.settings.users.get(user)
        return "" if found is None else found.role

    async def close(self) -> None:
        """Close the connections to the ledger."""
        await self.standing.close()
        await self.slow.close()
        await self.reader.close()

    # ------------------------------------------------------------------ routes

    def page(self, path: str, handler: Handler, *, anybody: bool = False, always: bool = False) -> Route:
        """Return the route of a page; `anybody`: one need not be logged in, `always`: nor be able to."""

        async def endpoint(request: Request) -> Response:
            return _guarded(await self._look(request, handler, anybody, always))

        return Route(path, endpoint, methods=["GET"], name=None)

    def action(self, path: str, handler: Handler, *, role: str = "operator") -> Route:
        """Return the route of a button: it needs the role, and the token of the session."""

        async def endpoint(request: Request) -> Response:
            return _guarded(await self._act(request, handler, role))

        return Route(path, endpoint, methods=["POST"], name=None)

    async def _look(self, request: Request, handler: Handler, anybody: bool, always: bool) -> Response:
        visit = Visit(self, request, self._session(request, touch="live" not in request.query_params))
        if not always and (refused := self._refused(visit)) is not None:
            return refused
        if visit.session is None and not anybody:
            if "live" in request.query_params:
                return Response(status_code=204)
            return visit.go(visit.url("/login", back=visit.here).removeprefix(visit.root))
        try:
            return await handler(visit)
        except MpstockError as error:
            return visit.render("error.html", status=503, key="error_ledger", detail=str(error))

    async def _act(self, request: Request, handler: Handler, role: str) -> Response:
        session = self._session(request)
        visit = Visit(self, request, session)
        if (refused := self._refused(visit)) is not None:
            return refused
        form = await _form(request)
        if form is None:
            return visit.render("error.html", status=413, key="error_form", detail="")
        visit.form = form
        if role and session is None:
            return visit.go("/login")
        token = session.csrf if session is not None else request.cookies.get(LOGIN, "")
        if not _same_site(request) or not token or not _equal(token, form.get("csrf", "")):
            return visit.render("error.html", status=403, key="error_csrf", detail="")
        if role == "operator" and not visit.operator:
            return visit.render("error.html", status=403, key="error_role", detail="")
        try:
            return await handler(visit)
        except MpstockError as error:
            visit.tell("bad", "notice_error", message=str(error))
            return visit.back()

    def _session(self, request: Request, *, touch: bool = True) -> Session | None:
        token = request.cookies.get(SESSION, "")
        session = self.sessions.find(token, touch=touch) if token else None
        # Whoever has left the settings is logged out.
        return session if session is not None and self.role(session.user) else None

    def _refused(self, visit: Visit) -> Response | None:
        """Return the answer to those who may not even log in."""
        settings = self.service.settings
        expected = urlsplit(settings.public_url).netloc.lower()
        if expected and visit.request.headers.get("host", "").lower() != expected:
            return PlainTextResponse(f"this is {settings.public_url}; it has no other name\n", 400)
        if not settings.users:
            return visit.render("nobody.html", status=403)
        return None


async def keep_dashboard(service: Service) -> None:
    """Count how the shop stands before anybody asks; close what pages have opened when the service ends."""
    dashboard = Dashboard.of(service)
    try:
        if service.settings.users:
            await dashboard.standing.now()
        with service.news.listen() as events:
            async for event in events:
                if event.kind == "job_finished":
                    with contextlib.suppress(MpstockError):
                        await dashboard.standing.moved()
    finally:
        await dashboard.close()


def _guarded(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _same_site(request: Request) -> bool:
    """Tell whether a form was on a page of ours, as far as the browser says."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower()


async def _form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form; None: it is too large, or none at all."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            return None
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=100))
    except ValueError:
        return None


LOGIN = "mpstock_login"
"""The cookie that a log-in form's token has to equal: nobody is logged in from another site unawares."""
