"""Coming in and going out: log in, log out, language and theme; and the static files."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, PlainTextResponse

from mpstock.passwords import hashed, is_hash, matches
from mpstock.service.dashboard.dashboard import LOGIN
from mpstock.service.dashboard.sessions import LONGEST
from mpstock.service.dashboard.texts import LANGUAGES
from mpstock.service.dashboard.visit import LANGUAGE, SESSION, STATIC, THEME, THEMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from mpstock.config import UserSettings
    from mpstock.service.dashboard.visit import Visit

__all__ = ["log_in", "log_in_form", "log_out", "look", "static"]

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_YEAR = 365 * 24 * 3600


async def log_in_form(visit: Visit) -> Response:
    """Show the form, or the overview to whoever is logged in."""
    if visit.session is not None:
        return visit.go(visit.wanted("back"))
    return _form(visit)


def _form(visit: Visit, *, status: int = 200, key: str = "", minutes: int = 0) -> Response:
    token = secrets.token_urlsafe(32)
    answer = visit.render(
        "login.html",
        status=status,
        csrf=token,
        key=key,
        minutes=minutes,
        back=visit.wanted("back"),
        user=visit.form.get("user", ""),
    )
    _set_cookie(visit, answer, LOGIN, token, 3600)
    return answer


async def log_in(visit: Visit) -> Response:
    """Let somebody in whose password is right."""
    dashboard, user = visit.dashboard, visit.form.get("user", "").strip()
    address = visit.request.client.host if visit.request.client is not None else ""
    wait = dashboard.attempts.wait(address, user)
    if wait:
        answer = _form(visit, status=429, key="login_wait", minutes=int(wait // 60) + 1)
        answer.headers["Retry-After"] = str(int(wait) + 1)
        return answer
    async with dashboard.checking:
        users = dashboard.service.settings.users
        right = await asyncio.to_thread(_right, users, user, visit.form.get("password", ""))
    if not right:
        dashboard.attempts.failed(address, user)
        return _form(visit, status=401, key="login_wrong")
    dashboard.attempts.succeeded(address)
    answer = visit.go(visit.wanted("back"))
    _set_cookie(visit, answer, SESSION, dashboard.sessions.begin(user), int(LONGEST))
    answer.delete_cookie(LOGIN, path=_path(visit))
    return answer


def _right(users: Mapping[str, UserSettings], user: str, password: str) -> bool:
    """Tell whether a password is right; a user who is not there takes as long as one who is."""
    known = users.get(user)
    kept = "" if known is None else known.password.reveal()
    if not is_hash(kept) and any(is_hash(one.password.reveal()) for one in users.values()):
        hashed(password)
    return matches(password, kept) and known is not None


async def log_out(visit: Visit) -> Response:
    """End the session."""
    visit.dashboard.sessions.end(visit.request.cookies.get(SESSION, ""))
    answer = visit.go("/login")
    answer.delete_cookie(SESSION, path=_path(visit))
    return answer


async def look(visit: Visit) -> Response:
    """Choose the language or the theme, and go back."""
    answer = visit.go(visit.wanted("back"))
    for cookie, name, there in ((LANGUAGE, "language", LANGUAGES), (THEME, "theme", ("", *THEMES))):
        chosen = visit.query(name)
        if name in visit.request.query_params and chosen in there:
            _set_cookie(visit, answer, cookie, chosen, _YEAR)
    return answer


async def static(visit: Visit) -> Response:
    """Send a file that all pages share."""
    name = visit.request.path_params["name"]
    path = STATIC / name
    if path.suffix not in _TYPES or "/" in name or not path.is_file():
        return PlainTextResponse("there is no such file\n", 404)
    # Its address has a digest of its content.
    return FileResponse(
        path,
        media_type=_TYPES[path.suffix],
        headers={"Cache-Control": f"public, max-age={_YEAR}, immutable"},
    )


def _set_cookie(visit: Visit, answer: Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path=_path(visit),
        secure=visit.dashboard.secure,
        httponly=True,
        samesite="lax",
    )


def _path(visit: Visit) -> str:
    return visit.root or "/"
