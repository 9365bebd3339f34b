"""What the pages say, to whom, and in which language."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from mpstock.errors import TransientError
from mpstock.inmemory import InMemorySink
from mpstock.model import Change, Outcome
from mpstock.reconcile.explanation import StageExplanation
from mpstock.service.dashboard.products import STAGES
from tests.service.dashboard.shops import HOSTILE, Front, play


def test_the_overview_says_how_each_marketplace_stands(tmp_path: Path) -> None:
    """What is in step, held, refused; the sources with their freshness; the last runs."""

    async def act(front: Front) -> str:
        await front.log_in()
        front.sink.refuse("A", "NO", "never", times=-1)
        front.source.set("A", 5)
        await front.shop.sync()
        return await front.look("/")

    page = play(tmp_path, act, {"A": 10, "B": 20, "C": 30, "D": 40})
    assert "75" in page
    assert "1 listing is refused by shop" in page
    assert 'href="/failing?sink=shop"' in page
    assert "fresh" in page
    assert "Sync now" in page


def test_a_source_that_fails_is_said_at_the_top(tmp_path: Path) -> None:
    """What needs somebody is named before all else."""

    async def act(front: Front) -> str:
        await front.log_in()
        front.source.fail(TransientError("the 1C server is away"))
        await front.shop.sync()
        return await front.look("/")

    page = play(tmp_path, act)
    assert "The source erp cannot be read" in page
    assert "the 1C server is away" in page


def test_what_runs_is_shown_with_its_progress(tmp_path: Path) -> None:
    """Its phases are on the page while it is under way; a page that refreshes itself gets them alone."""
    there, go = asyncio.Event(), asyncio.Event()
    go.set()

    class SlowSink(InMemorySink):
        """Answers when it is let."""

        async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
            there.set()
            await go.wait()
            return await super().push(changes)

    async def act(front: Front) -> tuple[str, str, str]:
        csrf = await front.log_in()
        there.clear()
        go.clear()
        front.source.set("A", 3)
        await front.client.post("/sync", data={"csrf": csrf, "what": "changes"})
        await there.wait()
        page, part = await front.client.get("/"), await front.client.get("/?live=1")
        other = await front.client.get("/running?live=1")
        go.set()
        await front.settled()
        return page.text, part.text, other.text

    page, part, other = play(tmp_path, act, sink=SlowSink(["A", "B"]))
    for text in (page, part):
        assert 'class="phases' in text
        assert "planning" in text
        assert "sync · anna" in text
    assert "<html" in page
    assert "<html" not in part
    assert "Running: sync · anna" in other


def test_articles_are_text_and_nothing_else(tmp_path: Path) -> None:
    """Whatever an article looks like, no page takes it for its own HTML, and its links lead to it."""
    levels = {HOSTILE: 10, "a/b?c=d#e&f": 20, "  ": 5, "../..": 5, "«кавычки» №1": 3}

    async def act(front: Front) -> None:
        await front.log_in()
        front.sink.refuse(HOSTILE, "<u>", "<img src=x onerror=alert(1)>", times=-1)
        front.source.set(HOSTILE, 4)
        await front.shop.sync()
        await front.shop.stop(skus=[HOSTILE], reason="<script>")
        for page in ("/", "/products", "/log", "/failing", "/by-hand", "/alerts", "/runs", "/run?number=2"):
            text = (await front.client.get(page)).text
            for tag in ("<script>", "<u>", "<img src=x"):
                assert tag not in text, page
        listed = (await front.client.get("/products")).text
        links = re.findall(r'class="sku" href="(/product[^"]*)"', listed)
        assert len(links) == len(levels)
        for link in links:
            answer = await front.client.get(link.replace("&amp;", "&"))
            assert answer.status_code == 200, link
            assert "<script>alert" not in answer.text

    play(tmp_path, act, levels)


def test_a_product_s_page_says_why_and_what_was(tmp_path: Path) -> None:
    """Its listings, the explanation as a tree, the plot of what was sent, and the lines of the log."""

    async def act(front: Front) -> str:
        await front.log_in()
        for quantity in (7, 15, 9):
            front.source.set("A", quantity)
            await front.shop.sync()
        return (await front.client.get("/product?sku=A")).text

    page = play(tmp_path, act)
    assert "buffer standard" in page
    assert "sources say" in page
    assert '<details class="product" open>' in page
    assert '<path class="line line0"' in page
    assert '<path class="line stock"' in page
    assert page.count(">accepted<") == 4


def test_every_stage_of_a_number_has_a_name_for_people() -> None:
    """The stages that explanations are made of are all in the catalogue."""
    stages = set(re.findall(r"`([a-z]+)`", StageExplanation.__doc__ or "")) - {"sku"}
    assert len(stages) > 20
    assert stages == STAGES


@pytest.mark.parametrize(
    "page", ["/product?sku=NO-SUCH", "/product", "/run?number=99999", "/run?number=x", "/run"]
)
def test_what_is_not_there_is_not_found(page: str, tmp_path: Path) -> None:
    """A page about something that is not there says so."""

    async def act(front: Front) -> int:
        await front.log_in()
        return (await front.client.get(page)).status_code

    assert play(tmp_path, act) == 404


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("de, en;q=0.5, ru;q=0.4", "en"),
        ("fr", "en"),
        ("", "en"),
        ("en;q=x,ru", "ru"),
        ("ru;q=0", "en"),
    ],
)
def test_a_page_is_in_the_browser_s_language(header: str, language: str, tmp_path: Path) -> None:
    """The best of its languages that there is, English if there is none."""

    async def act(front: Front) -> str:
        return (await front.client.get("/login", headers={"accept-language": header})).text

    assert f'<html lang="{language}"' in play(tmp_path, act)


def test_language_and_theme_can_be_chosen(tmp_path: Path) -> None:
    """What was chosen counts from then on, and one is back where one was."""

    async def act(front: Front) -> tuple[str, str]:
        await front.log_in()
        answer = await front.client.get("/look?language=ru&theme=dark&back=/runs")
        await front.client.get("/look?language=xx&theme=pink")
        return answer.headers["location"], await front.look("/")

    location, page = play(tmp_path, act)
    assert location == "/runs"
    assert '<html lang="ru" data-theme="dark">' in page
    assert "Синхронизировать" in page


def test_the_log_is_searched(tmp_path: Path) -> None:
    """By article or a part of it, marketplace, cause, outcome, run and time; with a way to what is older."""

    async def act(front: Front) -> dict[str, list[str]]:
        await front.log_in()
        front.sink.refuse("TEA-2", "NO", "never", times=-1)
        for quantity in (8, 9):
            for sku in ("TEA-1", "TEA-2", "CUP-1"):
                front.source.set(sku, quantity)
            await front.shop.sync(cause="erp")
        found = {}
        for query in ("sku=TEA-1", "sku=tea", "status=error", "run=1", "sink=other", "since=2999-01-01T00:00",
                      "until=2000-01-01T00:00", "since=nonsense"):  # fmt: skip
            text = (await front.client.get(f"/log?{query}")).text
            found[query] = re.findall(r'class="sku" href="/product\?sku=([^"]+)"', text)
        return found

    found = play(tmp_path, act, {"TEA-1": 5, "TEA-2": 5, "CUP-1": 5})
    assert set(found["sku=TEA-1"]) == {"TEA-1"}
    assert set(found["sku=tea"]) == {"TEA-1", "TEA-2"}
    assert set(found["status=error"]) == {"TEA-2"}
    assert sorted(found["run=1"]) == ["CUP-1", "TEA-1", "TEA-2"]
    assert found["sink=other"] == found["since=2999-01-01T00:00"] == found["until=2000-01-01T00:00"] == []
    assert set(found["since=nonsense"]) == {"TEA-1", "TEA-2", "CUP-1"}


def test_pages_follow_each_other_to_the_end(tmp_path: Path) -> None:
    """Every product and every line of the log is on one page, and on one only."""
    levels = {f"SKU-{number:03}": 10 for number in range(120)}

    async def act(front: Front) -> tuple[list[str], list[str]]:
        await front.log_in()
        walked = []
        for path in ("/products", "/log"):
            seen: list[str] = []
            following: str | None = path
            while following is not None:
                text = (await front.client.get(following)).text
                seen += re.findall(r'class="sku" href="/product\?sku=([^"]+)"', text)
                link = re.search(r'href="([^"]+)" rel="next"', text)
                following = link[1].replace("&amp;", "&") if link else None
            walked.append(seen)
        return walked[0], walked[1]

    products, lines = play(tmp_path, act, levels)
    assert products == sorted(levels)
    assert sorted(lines) == sorted(levels)


@pytest.mark.parametrize(
    ("language", "told"), [("en", "shop does not let A be lowered"), ("ru", "не даёт уменьшить остаток A")]
)
def test_an_alert_is_shown_in_the_reader_s_language(language: str, told: str, tmp_path: Path) -> None:
    """What stands is on the page of alerts and counted at the top of the overview; what is over is below."""

    async def act(front: Front) -> tuple[str, str]:
        await front.log_in()
        await front.client.get(f"/look?language={language}")
        front.source.set("A", 2)
        front.sink.refuse("A", "NO", "never", times=-1)
        for _ in range(2):
            await front.shop.sync()
        await front.shop.alerts()
        return (await front.client.get("/alerts")).text, await front.look("/")

    page, overview = play(tmp_path, act)
    assert told in page
    assert 'action="/silence"' in page
    assert '<li class="bad"><a href="/alerts">' in overview


def test_a_long_transaction_keeps_no_page_waiting(tmp_path: Path) -> None:
    """Pages read on a connection of their own: while the ledger's thread is busy they come all the same."""
    import threading

    async def act(front: Front) -> list[int]:
        await front.log_in()
        go, there = threading.Event(), threading.Event()
        ledger = front.service.engine.ledger

        def busy() -> None:
            with ledger.transaction():
                ledger.database.execute("UPDATE products SET brand = 'x'")
                there.set()
                assert go.wait(30)

        working = asyncio.ensure_future(front.service.engine.worker.run(busy))
        await asyncio.to_thread(there.wait)
        answers = [
            (await front.client.get(page)).status_code
            for page in ("/", "/products", "/product?sku=A", "/log", "/runs", "/held", "/failing", "/by-hand")
        ]
        go.set()
        await working
        return answers

    assert play(tmp_path, act) == [200] * 8
