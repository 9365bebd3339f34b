"""One visit of one page: who looks, in what language, and how an answer is made for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import jinja2
from attrs import define, field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mpstock.phrases import translated
from mpstock.service.dashboard.jobs import PHASES, job_name
from mpstock.service.dashboard.sessions import Notice
from mpstock.service.dashboard.showing import Shower
from mpstock.service.dashboard.texts import EXPLAINED, LANGUAGES, language_of, text

if TYPE_CHECKING:
    from starlette.requests import Request

    from mpstock.alerts.texts import Language
    from mpstock.reconcile.engine import Engine
    from mpstock.service.dashboard.dashboard import Dashboard
    from mpstock.service.dashboard.sessions import Session

__all__ = ["LANGUAGE", "SESSION", "STATIC", "THEME", "THEMES", "Visit"]

SESSION, LANGUAGE, THEME = "mpstock_session", "mpstock_language", "mpstock_theme"
THEMES = ("light", "dark")

STATIC = Path(__file__).parent / "static"

T = TypeVar("T")


@define
class Visit:
    """A request for a page. `form` is what was posted."""

    dashboard: Dashboard
    request: Request
    session: Session | None
    form: Mapping[str, str] = field(factory=dict[str, str])

    # ------------------------------------------------------------------ who, and how

    @property
    def operator(self) -> bool:
        """Whether this user may press the buttons."""
        return self.session is not None and self.dashboard.role(self.session.user) == "operator"

    @property
    def language(self) -> Language:
        """The language that was chosen or, else, the first one of the browser's that there is."""
        chosen = language_of(self.request.cookies.get(LANGUAGE, ""))
        return chosen or _preferred(self.request.headers.get("accept-language", ""))

    @property
    def theme(self) -> str:
        """`light` or `dark` where it was chosen; else the system decides."""
        chosen = self.request.cookies.get(THEME, "")
        return chosen if chosen in THEMES else ""

    def text(self, key: str, **values: object) -> str:
        """Return a text of the catalogue in the language of the visit."""
        return text(self.language, key, **values)

    def say(self, told: object) -> str:
        """Return a sentence of the core in the language of the visit, as far as it has one."""
        return translated(told, EXPLAINED[self.language])

    def query(self, name: str) -> str:
        """Return a parameter of the address, without blanks around it."""
        return self.request.query_params.get(name, "").strip()

    def number(self, name: str) -> int | None:
        """Return a parameter of the address as a number; None: it is none."""
        told = self.query(name)
        return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else None

    # ------------------------------------------------------------------ addresses

    @property
    def root(self) -> str:
        """The path under which the application is mounted, without a slash at its end."""
        return str(self.request.scope.get("root_path", "")).rstrip("/")

    def url(self, path: str, **query: object) -> str:
        """Return the address of a page of ours, under whatever path the application is mounted."""
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return f"{self.root}{path}" + (f"?{urlencode(given)}" if given else "")

    def static(self, name: str) -> str:
        """Return the address of a static file, which is another one when its content is."""
        return self.url(f"/static/{name}", v=_version(name))

    @property
    def here(self) -> str:
        """The path and the query of this page, below the root."""
        path = str(self.request.scope["path"]).removeprefix(self.root) or "/"
        query = self.request.url.query
        return f"{path}?{query}" if query else path

    def back(self) -> RedirectResponse:
        """Send the reader back to where the form was, or to the overview."""
        return self.go(_within(self.form.get("back", "")))

    def go(self, path: str) -> RedirectResponse:
        """Send the reader to another page of ours."""
        return RedirectResponse(self.root + path, status_code=303)

    def wanted(self, name: str) -> str:
        """Return a path of ours from the address or the form; whatever leads elsewhere is the overview."""
        return _within(self.form.get(name) or self.query(name))

    # ------------------------------------------------------------------ answers

    def tell(self, kind: str, key: str, **values: object) -> None:
        """Let the next page say what came of something; `kind` is `good` or `bad`."""
        if self.session is not None:
            self.session.notices.append(Notice(kind, key, values))

    async def read(self, work: Callable[[Engine], T]) -> T:
        """Do work that only reads the ledger; all of it is of one moment."""
        return await self.dashboard.reader.read(work)

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Return a page."""
        notices: list[Notice] = []
        if self.session is not None and not template.startswith("_"):
            notices, self.session.notices = self.session.notices, []
        service = self.dashboard.service
        show = Shower(self.text, service.config.schedule.timezone, service.engine.clock.now())
        page = _environment().get_template(template)
        return HTMLResponse(
            page.render(
                visit=self, t=self.text, say=self.say, url=self.url, show=show, session=self.session,
                operator=self.operator, runner=service.runner, notices=notices, phases=PHASES,
                job_name=lambda name: job_name(self.text, name), **values,
            ),
            status_code=status,
        )  # fmt: skip


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("mpstock.service.dashboard", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def _within(path: str) -> str:
    """Return a path if it is one of ours: no address that looks like ours leads elsewhere."""
    plain = path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


def _preferred(header: str) -> Language:
    """Return the best language of an `Accept-Language` that there is."""
    wanted: list[tuple[float, int, str]] = []
    for rank, part in enumerate(header.split(",")[:20]):
        name, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        wanted.append((-quality, rank, name.strip().lower().partition("-")[0]))
    for quality, _, name in sorted(wanted):
        if quality and (found := language_of(name)) is not None:
            return found
    return LANGUAGES[0]
