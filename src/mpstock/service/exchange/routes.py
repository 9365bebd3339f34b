"""The address that 1C is given as that of its site: which source, who asks, and what it is told."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import define, frozen
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mpstock.service.exchange.desk import Desk
from mpstock.service.exchange.names import parameters, safe_name
from mpstock.service.exchange.sessions import Session, fingerprint
from mpstock.service.exchange.wording import ENCODING, RefusedError, lines, refusal, xml
from mpstock.service.webhooks.clients import COST_OF_A_GUESS, Clients
from mpstock.service.webhooks.credentials import Credentials
from mpstock.service.webhooks.refusals import Refusal

if TYPE_CHECKING:
    from mpstock.service.service import Service

__all__ = ["COOKIE", "Exchange", "routes"]

COOKIE = "mpstock_exchange"
_VALID_FOR = timedelta(hours=6)
_MOST_TOKENS = 256

_logger = logging.getLogger("mpstock.service")


def routes(service: Service) -> Sequence[BaseRoute]:
    """Return what 1C may have been given: the address of a source, also with what 1C adds to it by itself."""
    exchange = Exchange(service)
    paths = ("/exchange/{source}", "/exchange/{source}/{added:path}")
    alone = ("/bitrix/admin/1c_exchange.php", "/1c_exchange.php")
    return [Route(path, exchange.answer, methods=["GET", "POST"]) for path in (*paths, *alone)]


@define
class _Issued:
    """A token that was given out for a password: whose, when, and whether an exchange has begun with it."""

    user: str
    at: datetime
    begun: bool = False


@frozen
class _Asked:
    """A request: its parameters, who has proved to be a user, and the token that it brought."""

    request: Request
    said: Mapping[str, str]
    user: str | None
    token: str | None
    desk: Desk
    source: str

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield the exchange that it belongs to, which ends with what is refused."""
        session = self.desk.session(self.token, self.user, self.said.get("sessid"))
        try:
            yield session
        except RefusedError:
            self.desk.fail(session)
            raise

    @property
    def file(self) -> str:
        return safe_name(self.said.get("filename", ""))


class Exchange:
    """Answers the exchange with a site for every source that reads files from a folder."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._credentials = Credentials(service.settings.webhooks)
        self._clients = Clients(service.settings.webhooks.rate, lambda: service.engine.clock.monotonic())
        self._desks: dict[str, Desk] | None = None
        self._tokens: dict[str, _Issued] = {}
        self._modes: Mapping[tuple[str, str], Callable[[_Asked], Awaitable[Response]]] = {
            ("catalog", "checkauth"): self._checkauth,
            ("catalog", "init"): self._init,
            ("catalog", "file"): self._file,
            ("catalog", "import"): self._import,
            ("catalog", "deactivate"): self._deactivate,
            ("catalog", "complete"): self._complete,
            ("sale", "checkauth"): self._checkauth,
            ("sale", "init"): self._sale_init,
            ("sale", "query"): self._sale_query,
            ("sale", "info"): self._sale_info,
            ("sale", "file"): self._sale_file,
            ("sale", "import"): self._sale_done,
            ("sale", "success"): self._sale_done,
            ("sale", "complete"): self._sale_done,
        }

    @property
    def desks(self) -> Mapping[str, Desk]:
        """The sources that can be fed, by name."""
        if self._desks is None:
            self._desks = {}
            for name, config in self._service.config.sources.items():
                make = None if config.spec is None else config.spec.inbox
                inbox = None if make is None else make(config.settings)
                if inbox is not None:
                    self._desks[name] = Desk(self._service, name, inbox)
        return self._desks

    async def answer(self, request: Request) -> Response:
        """Answer one request of 1C."""
        said = parameters(request.scope["query_string"])
        try:
            return await self._answer(request, said)
        except RefusedError as error:
            return self._refuse(error)
        except OSError as error:
            return self._refuse(
                RefusedError(
                    f"Сервер не может записать файлы обмена ({error.strerror or error}).",
                    f"the files cannot be kept: {error}",
                )
            )
        except ClientDisconnect:
            # Nothing of a portion that was cut off is kept; 1C sends it again.
            return lines("failure")

    def _refuse(self, error: RefusedError) -> Response:
        _logger.warning("the exchange of 1C was refused: %s", error)
        return refusal(error)

    async def _answer(self, request: Request, said: Mapping[str, str]) -> Response:
        # Portions come as fast as they can; only who guesses is slowed down.
        self._count(request, 0)
        user = self._credentials.user(request.headers)
        token = request.cookies.get(COOKIE)
        if user is None and token is None:
            self._count(request, COST_OF_A_GUESS)
            raise self._unauthorized(bool(self._service.settings.webhooks.users))
        source, desk = self._desk(request)
        kind, mode = said.get("type", "catalog"), said.get("mode", "")
        handler = self._modes.get((kind, mode))
        if handler is None:
            raise RefusedError(
                f"Неизвестная команда: type={kind}, mode={mode}.",
                f"type={kind!a}, mode={mode!a} is no command of an exchange",
            )
        return await handler(_Asked(request, said, user, token, desk, source))

    def _count(self, request: Request, cost: int) -> None:
        try:
            self._clients.count(request.client.host if request.client else "", cost)
        except Refusal as refused:
            raise RefusedError(
                "Слишком много неудачных попыток входа. Повторите позже.", refused.detail, refused.status
            ) from None

    def _desk(self, request: Request) -> tuple[str, Desk]:
        desks = self.desks
        name: str | None = request.path_params.get("source")
        if name is not None and name in desks:
            return name, desks[name]
        if len(desks) == 1:
            ((only, desk),) = desks.items()
            spec = self._service.config.sources[only].spec
            if name is None or (spec is not None and name in (spec.name, *spec.aliases)):
                return only, desk
        fed = ", ".join(desks) or "none"
        raise RefusedError(
            f"Нет источника {name or ''}, принимающего файлы обмена; есть: {fed}.",
            f"no source {name!a} takes files of an exchange; these do: {fed}",
            404,
        )

    # ------------------------------------------------------------------ the catalogue

    async def _checkauth(self, asked: _Asked) -> Response:
        if asked.user is None:
            raise self._unauthorized(known=True)
        now = self._service.engine.clock.now()
        for old in [one for one, issued in self._tokens.items() if now - issued.at > _VALID_FOR]:
            del self._tokens[old]
        while len(self._tokens) >= _MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        token = token_urlsafe(32)
        kept = fingerprint(token)
        self._tokens[kept] = _Issued(asked.user, now)
        response = lines("success", COOKIE, token, f"sessid={kept[:32]}", f"timestamp={int(now.timestamp())}")
        secure = "https" in (asked.request.url.scheme, urlsplit(self._service.settings.public_url).scheme)
        response.set_cookie(COOKIE, token, httponly=True, secure=secure, samesite="lax")
        return response

    async def _init(self, asked: _Asked) -> Response:
        session = await self._begin(asked)
        return self._limits(asked, session.check, packed=True)

    async def _begin(self, asked: _Asked) -> Session:
        user = self._who(asked)
        # A client that keeps no cookies is known by its password alone.
        token = asked.token or token_urlsafe(32)
        session = await asked.desk.begin(token, user)
        if issued := self._tokens.get(fingerprint(token)):
            issued.begun = True
        return session

    async def _file(self, asked: _Asked) -> Response:
        issued = self._tokens.get(fingerprint(asked.token)) if asked.token is not None else None
        alone = asked.token is None and asked.user is not None and asked.desk.idle
        if alone or (issued is not None and not issued.begun):
            # Some versions leave `init` out.
            await self._begin(asked)
        with asked.session() as session:
            await asked.desk.receive(session, asked.file, asked.request.stream())
        return lines("success")

    async def _import(self, asked: _Asked) -> Response:
        with asked.session() as session:
            if await asked.desk.take(session, asked.file):
                return lines("success", f"{asked.file}: принято")
        return lines("progress", f"{asked.file}: читается")

    async def _deactivate(self, asked: _Asked) -> Response:
        with asked.session():
            pass
        # What a package of everything leaves out is judged when it is read, behind the guards.
        return lines("success")

    async def _complete(self, asked: _Asked) -> Response:
        with asked.session() as session:
            await asked.desk.complete(session)
        return lines("success")

    # ------------------------------------------------------------------ orders: there are none

    async def _sale_init(self, asked: _Asked) -> Response:
        self._who(asked)
        return self._limits(asked, fingerprint(asked.token or "")[:32], packed=False)

    async def _sale_query(self, asked: _Asked) -> Response:
        self._who(asked)
        now = self._service.engine.clock.now()
        version = "3.1" if asked.said.get("version", "").startswith("3") else "2.05"
        return xml(
            f'<?xml version="1.0" encoding="{ENCODING}"?>\n<КоммерческаяИнформация ВерсияСхемы="{version}" '
            f'ДатаФормирования="{now:%Y-%m-%dT%H:%M:%S}"></КоммерческаяИнформация>\n'
        )

    async def _sale_info(self, asked: _Asked) -> Response:
        self._who(asked)
        return xml(f'<?xml version="1.0" encoding="{ENCODING}"?>\n<Справочник></Справочник>\n')

    async def _sale_file(self, asked: _Asked) -> Response:
        self._who(asked)
        async for _ in asked.request.stream():
            pass
        return lines("success")

    async def _sale_done(self, asked: _Asked) -> Response:
        self._who(asked)
        return lines("success")

    # ------------------------------------------------------------------ who asks

    def _who(self, asked: _Asked) -> str:
        """Return the user of a request, by its password or by a token that was given out for one."""
        if asked.user is not None:
            return asked.user
        issued = self._tokens.get(fingerprint(asked.token or ""))
        if issued is None or self._service.engine.clock.now() - issued.at > _VALID_FOR:
            raise self._unauthorized(known=True)
        return issued.user

    def _unauthorized(self, known: bool) -> RefusedError:
        if known:
            return RefusedError("Неверное имя пользователя или пароль.", "name or password is wrong", 401)
        return RefusedError(
            "На сервере не заданы пользователи ([service.webhooks] users).",
            "nobody may come in: [service.webhooks] users is empty",
            401,
        )

    def _limits(self, asked: _Asked, check: str, *, packed: bool) -> Response:
        settings = self._service.settings.exchange
        yes = packed and settings.zip
        said = [f"zip={'yes' if yes else 'no'}", f"file_limit={settings.file_limit}"]
        if "version" in asked.said and not packed:
            # Who names a version when it asks for orders wants one named.
            said += [f"sessid={check}", "version=2.09"]
        return lines(*said)
