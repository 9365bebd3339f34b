"""Takes in the exchange of one source: one at a time, each file whole, and read before 1C goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mpstock.service.exchange.archives import is_archive, members
from mpstock.service.exchange.reading import SourceReading
from mpstock.service.exchange.sessions import Received, Session, fingerprint
from mpstock.service.exchange.shelf import Shelf
from mpstock.service.exchange.wording import RefusedError

if TYPE_CHECKING:
    from mpstock.interfaces import Inbox
    from mpstock.service.service import Service

__all__ = ["Desk"]

_ANSWER_WITHIN = 20.0
"""Seconds after which `import` is answered with `progress`: proxies and old versions of 1C wait thirty."""
_FORGOTTEN_AFTER = timedelta(hours=6)

_logger = logging.getLogger("mpstock.service")


class Desk:
    """Takes the exchange of one source in.

    Every method raises `RefusedError` for what 1C has to be told; its exchange ends with that.
    """

    def __init__(self, service: Service, name: str, inbox: Inbox) -> None:
        self._service = service
        self._name = name
        self._inbox = inbox
        self._settings = service.settings.exchange
        self._shelf = Shelf(inbox.folder)
        self._lock = asyncio.Lock()
        self._taking = asyncio.Lock()
        self._reading = SourceReading(service, name)
        self._checks: dict[str, asyncio.Task[None]] = {}
        self._session: Session | None = None
        self._loaded = False

    @property
    def idle(self) -> bool:
        """Whether no exchange is under way."""
        session = self._current()
        return session is None or session.ended

    async def begin(self, token: str, user: str) -> Session:
        """Begin an exchange under a token that 1C has been given; what another one left is thrown away."""
        async with self._lock:
            now = self._now()
            session = self._current()
            if session is not None and not session.has(token) and session.busy(now, self._settings.quiet_for):
                raise RefusedError(
                    f"Идёт другой обмен, начатый в {session.started_at:%H:%M} UTC. Повторите позже.",
                    f"{self._name}: another exchange is under way since {session.started_at:%H:%M} UTC",
                )
            await self._let_checks_end()
            await asyncio.to_thread(self._tidy)
            folder = self._shelf.begin(now)
            self._session = Session(fingerprint(token), user, now, now, folder)
            self._save(self._session)
            return self._session

    def session(self, token: str | None, user: str | None, check: str | None) -> Session:
        """Return the exchange under way that a request belongs to, by its token or, without one, its user."""
        session = self._current()
        if session is None:
            raise RefusedError(
                "Обмен не начат или сервер перезапущен. Начните обмен заново.",
                f"{self._name}: there is no such exchange; it has to begin with checkauth and init",
            )
        if token is None:
            if user != session.user:
                raise _unauthorized(self._name)
        elif not session.has(token):
            raise _replaced(self._name)
        elif check is not None and check != session.check:
            raise RefusedError("Неверный sessid.", f"{self._name}: the sessid is not that of the exchange")
        return session

    async def receive(self, session: Session, name: str, body: AsyncIterator[bytes]) -> None:
        """Take in one portion of a file; what the source has no use for is read and dropped."""
        if not self._inbox.use(name):
            async for _ in body:
                pass
            session.touched_at = self._now()
            return
        portion = await self._shelf.take_in(body, self._settings.max_size - session.total)
        async with self._lock:
            if session is not self._session:
                portion.path.unlink(missing_ok=True)
                raise _replaced(self._name)
            received = session.files.get(name)
            if received is None or received.state != "coming":
                # What comes after it was imported is the next file of that name.
                session.numbers += 1
                received = session.files[name] = Received(session.numbers)
            await asyncio.to_thread(self._shelf.append, received, portion)
            self._touch(session)

    async def take(self, session: Session, name: str) -> bool:
        """Check a file that has come, put it into its place and have it read; False while that goes on."""
        if not self._inbox.use(name):
            self._touch(session)
            return True
        task = self._checks.get(name)
        if task is None:
            task = self._checks[name] = asyncio.ensure_future(self._take(session, name))
            # What goes wrong is told by the next answer, if 1C asks again.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        try:
            async with self._service.engine.clock.timeout(_ANSWER_WITHIN):
                await asyncio.shield(task)
        except TimeoutError:
            self._touch(session)
            return False
        except asyncio.CancelledError:
            if task.cancelled():
                raise _replaced(self._name) from None
            raise
        finally:
            if task.done():
                self._checks.pop(name, None)
        self._touch(session)
        return True

    def fail(self, session: Session) -> None:
        """End an exchange of which something was refused: 1C stops there, and the next one need not wait."""
        session.ended = True
        self._save(session)

    async def complete(self, session: Session) -> None:
        """End an exchange: let what was not read yet be read soon, and remove what that has overtaken."""
        async with self._lock:
            for name, received in list(session.files.items()):
                self._place(session, name, received)
            session.ended = True
            self._touch(session)
        if session.unread and await asyncio.to_thread(self._has_stock):
            self._reading.soon(session.user)
        await asyncio.to_thread(self._tidy)

    # ------------------------------------------------------------------ one file

    async def _take(self, session: Session, name: str) -> None:
        # One after the other: two names may be of one archive.
        async with self._taking:
            found, received = await asyncio.to_thread(self._find, session, name)
            if received.state == "failed":
                raise RefusedError(received.said, received.logged)
            if received.state == "coming":
                await self._check(session, found, received)
            stock = self._inbox.use(name) == "stock"
            if received.state == "sound" and (stock or not is_archive(found)):
                async with self._lock:
                    self._place(session, found, received)
                    self._save(session)
            coming = [other for other, one in session.files.items() if one.state == "coming"]
            # Of a package in portions the last one has all of them read.
            if stock and session.unread and not any(self._inbox.use(one) == "stock" for one in coming):
                await self._read(session)

    def _place(self, session: Session, name: str, received: Received) -> None:
        if received.state == "sound":
            self._shelf.place(session, name, received)
            received.state, session.unread = "placed", True

    def _find(self, session: Session, name: str) -> tuple[str, Received]:
        """Return the file of that name, or the archive that it came in; 1C leaves folders out sometimes."""
        if name in session.files:
            return name, session.files[name]
        wanted = _own_name(name)
        for other, received in reversed(list(session.files.items())):
            if _own_name(other) == wanted:
                return other, received
            if is_archive(other) and received.state != "failed":
                place = self._shelf.placed if received.state == "placed" else self._shelf.path
                inside = members(place(received), other, self._settings.max_size)
                if wanted in map(_own_name, inside):
                    return other, received
        raise RefusedError(
            f"Файл {name} не передан в этом обмене.", f"{self._name}: {name} was not sent in this exchange"
        )

    async def _check(self, session: Session, name: str, received: Received) -> None:
        path = self._shelf.path(received)
        wrong = ""
        try:
            if is_archive(name):
                members(path, name, self._settings.max_size)
            wrong = await asyncio.to_thread(self._inbox.check, path, name)
            if wrong:
                raise RefusedError(
                    f"Файл не принят. {wrong}", f"{self._name}: {wrong}; nothing of it is used"
                )
        except RefusedError as error:
            received.state, received.said, received.logged = "failed", error.said, str(error)
            path.unlink(missing_ok=True)
            self._save(session)
            raise
        received.state = "sound"
        self._save(session)

    async def _read(self, session: Session) -> None:
        wrong = await self._reading.now(session.user)
        if wrong:
            raise RefusedError(
                f"Файлы приняты, но не прочитаны: {wrong}", f"{self._name}: what came was not read: {wrong}"
            )
        session.unread = False
        self._save(session)

    # ------------------------------------------------------------------ what lies there

    def _current(self) -> Session | None:
        if not self._loaded:
            self._loaded = True
            session = Session.load(self._shelf.record)
            if session is not None:
                files = session.files.values()
                lying = [one for one in files if one.state in ("coming", "sound")]
                if all(self._shelf.whole(one) for one in lying):
                    self._session = session
        session = self._session
        if session is not None and self._now() - session.touched_at > _FORGOTTEN_AFTER:
            _logger.warning("%s: an exchange of %s was never gone on with", self._name, session.started_at)
            self._shelf.clear()
            self._session = None
        return self._session

    async def _let_checks_end(self) -> None:
        for task in list(self._checks.values()):
            task.cancel()
        await asyncio.gather(*self._checks.values(), return_exceptions=True)
        self._checks.clear()

    def _tidy(self) -> None:
        """Remove what a package of everything has overtaken, unless somebody may be reading it."""
        if self._service.runner.running is not None or not self._inbox.folder.is_dir():
            return
        try:
            removed = self._shelf.remove(self._inbox.overtaken())
        except OSError as error:
            _logger.warning("%s: old files of exchanges cannot be removed: %s", self._name, error)
            return
        if removed:
            _logger.info("%s: %d files that newer ones have overtaken were removed", self._name, removed)

    def _has_stock(self) -> bool:
        folder = self._inbox.folder
        return any(self._inbox.use(path.name) == "stock" for path in folder.glob("exchange-*/**/*"))

    def _touch(self, session: Session) -> None:
        session.touched_at = self._now()
        self._save(session)

    def _save(self, session: Session) -> None:
        if session is self._session:
            session.save(self._shelf.record)

    def _now(self) -> datetime:
        return self._service.engine.clock.now()


def _own_name(path: str) -> str:
    return path.rpartition("/")[2].casefold()


def _replaced(name: str) -> RefusedError:
    return RefusedError(
        "Этот обмен сменился другим. Начните обмен заново.",
        f"{name}: this exchange was replaced by another one",
    )


def _unauthorized(name: str) -> RefusedError:
    return RefusedError("Неверное имя пользователя или пароль.", f"{name}: who asks is not known", 401)
