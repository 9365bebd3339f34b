"""Into the ledger: what waits together is one transaction, and is answered when that is on the disk."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from attrs import define, frozen

from mpstock.errors import LedgerError
from mpstock.reconcile import holding
from mpstock.service.webhooks.looking import SourceReader
from mpstock.service.webhooks.refusals import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from mpstock.ledger import Ledger
    from mpstock.ledger.receipts import Receipt
    from mpstock.model import Level
    from mpstock.service.service import Service

__all__ = ["Brought", "Intake"]

ROWS_AT_A_TIME = 2_000
"""Rows that one transaction takes: whatever else wants the ledger waits no longer than that."""

MOST_WAITING, MOST_ROWS = 2_000, 400_000
"""Posts and rows that may wait to be written; who comes then is asked to come again."""

_logger = logging.getLogger("mpstock.service.webhooks")


@frozen
class Brought:
    """What one request brings: the rows of a source, the answer, and the receipts under which it is known."""

    source: str
    levels: Sequence[Level]
    answer: str
    receipts: Sequence[Receipt] = ()


@define(eq=False)
class _Post:
    brought: Brought
    done: asyncio.Future[str]
    written: int = 0
    """Rows that are in the ledger already; a long one goes there in several transactions."""


class Intake:
    """Takes what requests bring, in the order in which it comes.

    While one transaction is being written, what comes in waits, and goes together in the next one. So one
    post alone waits for nobody, and a thousand at once cost the disk little more than one.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._waiting: deque[_Post] = deque()
        self._rows = 0
        self._writing: asyncio.Task[None] | None = None
        self._reader = SourceReader(service)
        self._advisory = frozenset(
            name for name, source in service.config.sources.items() if source.incremental == "advisory"
        )

    async def take(self, brought: Brought) -> str:
        """Return the answer to a request once what it brings is in the ledger.

        What was brought before under one of its receipts is not taken again, and answered as it was then.

        Raises:
            Refusal: too many wait (503), or a receipt is of something else (422).
            LedgerError: the ledger cannot be written.
        """
        if len(self._waiting) >= MOST_WAITING or self._rows + len(brought.levels) > max(
            MOST_ROWS, len(brought.levels)
        ):
            raise Refusal(503, "too many wait to be written; come again", headers={"Retry-After": "1"})
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Post(brought, done))
        self._rows += len(brought.levels)
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write())
        return await done

    async def _write(self) -> None:
        worker, clock = self._service.engine.worker, self._service.engine.clock
        try:
            while self._waiting:
                posts = self._together()
                try:
                    answers, waiting = await worker.run(
                        _write, self._service.engine.ledger, posts, clock.now(), self._advisory
                    )
                except BaseException as error:
                    self._fail(posts, error)
                    if not isinstance(error, Exception):
                        raise
                    continue
                for post, answer in zip(posts, answers, strict=True):
                    if answer is not None:
                        self._rows -= len(post.brought.levels)
                        _settle(post.done, answer)
                    else:
                        # The rest of a long one: its turn comes again at once, so that it ends.
                        self._waiting.appendleft(post)
                self._service.act()
                if waiting:
                    self._reader.ask()
        finally:
            self._writing = None

    def _together(self) -> list[_Post]:
        posts: list[_Post] = []
        rows = 0
        while self._waiting and (not posts or rows + self._left(self._waiting[0]) <= ROWS_AT_A_TIME):
            post = self._waiting.popleft()
            rows += self._left(post)
            posts.append(post)
        return posts

    def _left(self, post: _Post) -> int:
        return len(post.brought.levels) - post.written

    def _fail(self, posts: Sequence[_Post], error: BaseException) -> None:
        for post in posts:
            self._rows -= len(post.brought.levels)
            _settle(post.done, error)
        if not isinstance(error, Exception):
            for post in self._waiting:
                _settle(post.done, error)
            self._waiting.clear()
            self._rows = 0


def _settle(done: asyncio.Future[str], answer: str | BaseException) -> None:
    if done.done():
        return
    if isinstance(answer, asyncio.CancelledError):
        done.cancel()
    elif isinstance(answer, BaseException):
        done.set_exception(answer)
    else:
        done.set_result(answer)


_Answers = list[str | Exception | None]


def _write(
    ledger: Ledger, posts: Sequence[_Post], now: datetime, advisory: Collection[str]
) -> tuple[_Answers, int]:
    """Write posts in one transaction; return the answer of each, None for one that is not written whole.

    Returned is also how many rows wait for a reading. Where writing fails, each post is written alone, so
    that one that cannot be written fails alone.
    """
    try:
        with ledger.transaction():
            answers, ends, waiting = _write_all(ledger, posts, now, advisory)
        for post, end in ends:
            post.written = end
        return answers, waiting
    except LedgerError:
        raise
    except Exception as error:
        if len(posts) == 1:
            _logger.exception("rows of %s could not be written", posts[0].brought.source)
            return [error], 0
    alone = [_write(ledger, [post], now, advisory) for post in posts]
    return [answers[0] for answers, _ in alone], sum(waiting for _, waiting in alone)


def _write_all(
    ledger: Ledger, posts: Sequence[_Post], now: datetime, advisory: Collection[str]
) -> tuple[_Answers, list[tuple[_Post, int]], int]:
    known = dict(ledger.receipts.find([receipt for post in posts for receipt in post.brought.receipts]))
    answers: _Answers = []
    levels: dict[str, list[Level]] = {}
    kept: list[tuple[Receipt, str]] = []
    ends: list[tuple[_Post, int]] = []
    for post in posts:
        brought = post.brought
        before = None if post.written else _before(known, brought.receipts)
        if before is not None:
            answers.append(before)
            continue
        end = min(post.written + ROWS_AT_A_TIME, len(brought.levels))
        levels.setdefault(brought.source, []).extend(brought.levels[post.written : end])
        ends.append((post, end))
        if end < len(brought.levels):
            answers.append(None)
            continue
        answers.append(brought.answer)
        for receipt in brought.receipts:
            if (receipt.sender, receipt.key) not in known:
                known[receipt.sender, receipt.key] = (receipt.digest, brought.answer)
                kept.append((receipt, brought.answer))
    waiting = 0
    for source, rows in levels.items():
        waiting += holding.receive(ledger, source, rows, now, advisory=source in advisory).waiting
    ledger.receipts.keep(kept, now)
    return answers, ends, waiting


def _before(
    known: dict[tuple[str, str], tuple[str, str]], receipts: Sequence[Receipt]
) -> str | Exception | None:
    for receipt in receipts:
        found = known.get((receipt.sender, receipt.key))
        if found is not None:
            digest, answer = found
            if digest != receipt.digest:
                return Refusal(
                    422, f"the key {receipt.key[:80]!r} was used for another body; give each its own"
                )
            return answer
    return None
