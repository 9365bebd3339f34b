"""Where alerts come together: hears what the engine tells, looks at the ledger, and tells people."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from mpstock.alerts.facts import CREDENTIALS
from mpstock.alerts.judging import judge
from mpstock.alerts.messages import Message, compose, notice_of
from mpstock.alerts.texts import Words
from mpstock.alerts.ways import Way, ways_of
from mpstock.errors import MpstockError
from mpstock.interfaces import TellsCredentials
from mpstock.ledger.notices import WaitingNotice
from mpstock.redaction import redacting_logger

if TYPE_CHECKING:
    from mpstock.events import Alert
    from mpstock.reconcile.adapters import Tell
    from mpstock.reconcile.engine import Engine

__all__ = ["Desk", "SentNotice"]

CLAIM = timedelta(minutes=5)
"""A process that tells notices and dies leaves them to others after so long."""

DEADLINE = 30.0
"""Seconds that one way may take for a message."""

PAUSES = (30, 60, 120, 300, 900, 1800)
"""Seconds after which a notice that was not taken is sent again; the last counts for all further ones."""

REST = timedelta(seconds=30)
"""Short runs follow one another; the next look may wait so long unless something was told."""

ASKED = timedelta(days=1)
ASKED_AGAIN = timedelta(minutes=15)
"""So often keys are asked until when they are good; those that end soon may have been replaced meanwhile."""

_HOOK = "hook"


@frozen
class SentNotice:
    """How one way took a message: `error` is "" if it did."""

    way: str
    error: str = ""


@define(eq=False)
class Desk:
    """The alerts of one shop.

    Whoever goes on for long (`background`) looks and tells by itself; else each run does it at its end.
    """

    tell: Tell
    background: bool = False
    wake: Callable[[], None] = lambda: None
    """Called when something was heard."""
    _heard: list[Alert] = field(factory=list["Alert"])
    _looked_at: datetime | None = None
    _ways: Sequence[Way] | None = None

    def hear(self, hook: str, event: object) -> None:
        """Take in what the engine tells, and hand it on to the plugins."""
        if hook == "mpstock_alert":
            self._heard.append(event)  # type: ignore[arg-type]
            self.wake()
        self.tell(hook, event)

    async def after_run(self, engine: Engine) -> None:
        """Look and tell after a run; that it fails is no failure of the run."""
        now = engine.clock.now()
        rested = self._looked_at is None or not timedelta() <= now - self._looked_at < REST
        if not rested and not self._heard:
            return
        if self.background:
            self.wake()
            return
        try:
            await self.look(engine)
            if not engine.stop.is_set():
                await self.deliver(engine)
        except MpstockError as error:
            _logger(engine).error("the alerts could not be looked after: %s", error)
        except Exception:
            # A defect here must not stop what keeps the stock right.
            _logger(engine).exception("the alerts could not be looked after: a defect, please report it")

    async def look(self, engine: Engine) -> int:
        """Judge the ledger and keep what is found; returns how many notices that makes."""
        heard, self._heard = self._heard, []
        self._looked_at = engine.clock.now()
        await self._ask_credentials(engine)
        try:
            return await engine.worker.run(judge, engine, heard)
        except BaseException:
            self._heard = [*heard, *self._heard]
            raise

    async def deliver(self, engine: Engine) -> int:
        """Tell what is due; returns how many notices every way has taken. The others are tried later."""
        now = engine.clock.now()
        quiet = engine.config.alerts.is_quiet(now, engine.config.schedule.timezone)
        waiting = await engine.worker.run(engine.ledger.notices.claim, now, CLAIM, quiet=quiet)
        if not waiting:
            return 0
        words = _words(engine)
        served = {one.id: [*one.served] for one in waiting}
        for one in waiting:
            if _HOOK not in one.served:
                self.tell("mpstock_notice", notice_of(one, words))
                served[one.id].append(_HOOK)
        ways = self._open(engine)
        for way in ways:
            todo = [one for one in waiting if way.name not in one.served]
            if todo and not (await self._send(engine, way, _compose(todo, words))).error:
                for one in todo:
                    served[one.id].append(way.name)
        wanted = {_HOOK, *(way.name for way in ways)}
        told = [one for one in waiting if wanted <= set(served[one.id])]
        later = [
            (one, served[one.id], engine.clock.now() + _pause(one.attempts))
            for one in waiting
            if not wanted <= set(served[one.id])
        ]

        def record() -> None:
            engine.ledger.notices.told(told)
            engine.ledger.notices.put_off(later)

        await engine.worker.run(record)
        return len(told)

    async def test(self, engine: Engine) -> list[SentNotice]:
        """Send a message to every way, whatever the hour; returns how each took it.

        Raises:
            ConfigurationError: Apprise is not installed.
        """
        words = _words(engine)
        text = _TEST[words.language]
        message = Message(*text, "warning")
        return [await self._send(engine, way, message) for way in ways_of(engine.config.alerts.urls)]

    def _open(self, engine: Engine) -> Sequence[Way]:
        if self._ways is None:
            try:
                self._ways = ways_of(engine.config.alerts.urls)
            except MpstockError as error:
                _logger(engine).error("%s", error)
                self._ways = ()
        return self._ways

    async def _send(self, engine: Engine, way: Way, message: Message) -> SentNotice:
        try:
            async with engine.clock.timeout(DEADLINE):
                error = await asyncio.to_thread(way.send, message)
        except TimeoutError:
            error = f"no answer within {DEADLINE:.0f} s"
        if error:
            _logger(engine).warning(
                "a notice could not be sent by %s, and is sent again: %s", way.name, error
            )
        return SentNotice(way.name, error)

    async def _ask_credentials(self, engine: Engine) -> None:
        """Ask the adapters until when their keys are good; at most once a day, and whatever they answer."""
        now = engine.clock.now()
        adapters: dict[str, tuple[Any, Any]] = {
            **{f"sources.{built.name}": (built.source, built) for built in engine.sources},
            **{f"sinks.{built.name}": (built.sink, built) for built in engine.sinks},
        }
        for name, (adapter, built) in adapters.items():
            if not isinstance(adapter, TellsCredentials):
                continue
            key = CREDENTIALS + name
            settings = built.fingerprint()
            kept: str | None = await engine.worker.run(engine.ledger.runs.recall, key)
            known = json.loads(kept or "{}")
            asked = known.get("asked_at")
            told: list[Any] = known.get("credentials", [])
            ends = [datetime.fromisoformat(expires) for _, expires in told if expires]
            soon = any(end - now <= engine.config.alerts.expires_within for end in ends)
            pause = ASKED_AGAIN if soon else ASKED
            if (
                asked
                and known.get("settings") == settings
                and timedelta() <= now - datetime.fromisoformat(asked) < pause
            ):
                continue
            try:
                async with engine.clock.timeout(DEADLINE):
                    told = [
                        [one.name, one.expires_at and one.expires_at.isoformat()]
                        for one in await adapter.credentials()
                    ]
            except Exception as error:
                # What is wrong with the account, its readings and writes tell; here it only is not known.
                _logger(engine).info("%s does not say until when its key is good: %s", name, error)
            text = json.dumps({"asked_at": now.isoformat(), "settings": settings, "credentials": told})
            await engine.worker.run(engine.ledger.runs.remember, key, text)


_TEST = {
    "en": ("mpstock: a test", "Notices of mpstock arrive here. There is nothing the matter."),
    "ru": ("mpstock: проверка", "Сюда приходят сообщения mpstock. Ничего не случилось."),
}


def _compose(waiting: Sequence[WaitingNotice], words: Words) -> Message:
    return compose([notice_of(one, words) for one in waiting], words)


def _words(engine: Engine) -> Words:
    return Words(engine.config.alerts.language, engine.config.schedule.timezone)


def _pause(attempts: int) -> timedelta:
    return timedelta(seconds=PAUSES[min(attempts, len(PAUSES)) - 1])


def _logger(engine: Engine) -> logging.Logger:
    return redacting_logger("mpstock.alerts", engine.config.secrets)
