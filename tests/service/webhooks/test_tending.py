"""Receipts are kept as long as somebody may repeat what they are for, and no longer."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from mpstock.config.loading import load
from mpstock.config.remarks import remarks
from mpstock.ledger.receipts import Receipt
from mpstock.service import Service
from mpstock.service.webhooks.tending import let_go
from tests.service.webhooks.doors import play, settings


def test_receipts_go_when_their_time_is_over(tmp_path: Path) -> None:
    """A signature is known for twice its window, a key for a day; what is younger stays."""

    async def work(_: httpx.AsyncClient, service: Service) -> list[str]:
        engine = service.engine
        ages = {"signature": (9, 11), "key": (23 * 60, 25 * 60)}

        def fill() -> None:
            with engine.ledger.transaction():
                for sender, minutes in ages.items():
                    for age in minutes:
                        then = engine.clock.now() - timedelta(minutes=age)
                        engine.ledger.receipts.keep([(Receipt(sender, f"{sender} {age}", ""), "{}")], then)

        await engine.worker.run(fill)
        await let_go(service)
        rows = await engine.worker.run(engine.ledger.database.query, "SELECT key FROM receipts ORDER BY key")
        return [key for (key,) in rows]

    assert play(settings(tmp_path), work) == ["key 1380", "signature 9"]


def test_that_nobody_may_push_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says so at the start, and `check` where the service is to be reached from outside."""
    path = settings(tmp_path, "", more='[service]\npublic_url = "https://stock.example"')

    async def work(_: httpx.AsyncClient, service: Service) -> None:
        await asyncio.sleep(0)

    play(path, work)
    assert "nobody may push stock" in caplog.text
    places = [finding.subject for finding in remarks(load(path))]
    assert "[service.webhooks]" in places
