"""What the buttons do, and in whose name."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from mpstock.facade.asynchronous import AsyncShop
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.reconcile.engine import Progress
from mpstock.service.dashboard.dashboard import Dashboard
from mpstock.service.runner import Job
from tests.service.dashboard.shops import ANNA, BORIS, USERS, Front, play

MANY = {f"SKU-{number:02}": 10 for number in range(40)}


async def _hold(front: Front) -> None:
    """Let everything fall to zero at once, so that the guard holds it."""
    for sku in MANY:
        front.source.set(sku, 0)
    await front.shop.sync()


@pytest.mark.parametrize(("what", "kind"), [("changes", False), ("full", True)])
def test_sync_runs_in_the_name_of_the_user(what: str, kind: bool, tmp_path: Path) -> None:
    """The run says who pressed the button, reads the sources, and pushes."""

    async def act(front: Front) -> tuple[str, int, str, bool]:
        csrf = await front.log_in()
        front.source.set("A", 7)
        page = await front.press("/sync", csrf, what=what, back="/runs")
        run = (await front.shop.status()).runs[0]
        whole = front.source.reads[-1] is None
        return run["actor"], front.sink.shown["A", "main"], page.headers["location"], whole

    assert play(tmp_path, act) == (ANNA, 5, "/runs", kind)


def test_one_product_is_sent_without_reading_everything(tmp_path: Path) -> None:
    """The button of a product reads no source, and sends what is known of it."""

    async def act(front: Front) -> tuple[int, str]:
        csrf = await front.log_in()
        reads = len(front.source.reads)
        await front.press("/sync", csrf, what="product", sku="A")
        return len(front.source.reads) - reads, (await front.shop.status()).runs[0]["actor"]

    assert play(tmp_path, act) == (0, ANNA)


def test_a_held_slice_is_let_through_with_a_reason(tmp_path: Path) -> None:
    """What the guard held is sent by the run that was asked for; who and why are in the ledger."""

    async def act(front: Front) -> None:
        csrf = await front.log_in()
        await _hold(front)
        page = await front.look("/held")
        assert "Let 40 changes through" in page
        assert set(front.sink.shown.values()) == {8}
        await front.press("/release", csrf, guard="zeroing", reason="the shop closes", back="/held")
        assert set(front.sink.shown.values()) == {0}
        (action,) = await front.shop.actions(action="release")
        assert (action.actor, action.reason) == (ANNA, "the shop closes")
        assert "Nothing is held" in await front.look("/held")

    play(tmp_path, act, MANY)


@pytest.mark.parametrize(
    "form", [{"guard": "zeroing", "reason": "  "}, {"guard": "all", "reason": "because"}]
)
def test_nothing_is_let_through_without_a_reason_or_a_guard(form: dict[str, str], tmp_path: Path) -> None:
    """Somebody has to say why; and there is no guard that is called otherwise."""

    async def act(front: Front) -> None:
        csrf = await front.log_in()
        await _hold(front)
        answer = await front.press("/release", csrf, back="/held", **form)
        assert "Not done" in (await front.client.get(answer.headers["location"])).text
        assert set(front.sink.shown.values()) == {8}
        assert await front.shop.actions(action="release") == []

    play(tmp_path, act, MANY)


def test_what_is_refused_is_tried_again(tmp_path: Path) -> None:
    """A raise that rests after refusals goes out when somebody has mended what was wrong."""

    async def act(front: Front) -> None:
        csrf = await front.log_in()
        front.sink.refuse("A", "NO", "not now", times=-1)
        front.source.set("A", 30)
        for _ in range(8):
            await front.shop.sync()
        page = (await front.client.get("/failing")).text
        assert "NO: not now" in page
        front.sink.accept("A")
        await front.press("/retry", csrf, sku="A")
        assert front.sink.shown["A", "main"] == 28
        assert "Nothing is refused" in (await front.client.get("/failing")).text

    play(tmp_path, act)


def test_a_product_is_zeroed_by_hand_and_given_back(tmp_path: Path) -> None:
    """It shows 0 at once, the page says who decided it and why, and taking it back shows the number again."""

    async def act(front: Front) -> None:
        csrf = await front.log_in()
        await front.press("/decide", csrf, kind="zero", sku="A", reason="recall", hours="24")
        assert front.sink.shown["A", "main"] == 0
        page = (await front.client.get("/by-hand")).text
        assert "recall" in page
        (decided,) = await front.shop.interventions()
        assert decided.actor == ANNA
        assert decided.expires_at is not None
        await front.press("/resume", csrf, number=str(decided.id))
        assert await front.shop.interventions() == []
        assert front.sink.shown["A", "main"] == 8

    play(tmp_path, act)


def test_what_cannot_be_decided_is_said(tmp_path: Path) -> None:
    """An article that nobody knows, or no reason: the page says what is wrong, and nothing is decided."""

    async def act(front: Front) -> None:
        csrf = await front.log_in()
        for form, told in (
            ({"kind": "stop", "sku": "NO-SUCH", "reason": "x"}, "NO-SUCH"),
            ({"kind": "stop", "sku": "A", "reason": ""}, "say why"),
        ):
            answer = await front.press("/decide", csrf, back="/by-hand", **form)
            page = (await front.client.get(answer.headers["location"])).text
            assert told in page
            assert 'role="alert"' in page
        assert await front.shop.interventions() == []

    play(tmp_path, act)


def test_a_sink_is_put_into_shadow_mode_and_taken_over(tmp_path: Path) -> None:
    """Nothing is sent to it meanwhile; both decisions want a reason, and say who made them."""

    async def act(front: Front) -> None:
        csrf = await front.log_in()
        await front.press("/mode", csrf, sink="shop", mode="shadow", reason=" ")
        assert "in shadow mode: nothing is sent" not in (await front.client.get("/shadow")).text
        await front.press("/mode", csrf, sink="shop", mode="shadow", reason="the old robot still runs")
        page = (await front.client.get("/shadow")).text
        assert "in shadow mode: nothing is sent" in page
        assert "the old robot still runs" in page
        front.source.set("A", 5)
        await front.press("/sync", csrf)
        assert front.sink.shown["A", "main"] == 8
        assert "in shadow<" in await front.look("/")
        await front.press("/mode", csrf, sink="shop", mode="live", reason="unseen")
        page = (await front.client.get("/shadow")).text
        assert "look at a plan of the last hour first" in page
        assert "in shadow mode: nothing is sent" in page
        await front.press("/takeover-plan", csrf, sink="shop")
        page = (await front.client.get("/shadow")).text
        assert front.sink.shown["A", "main"] == 8
        assert re.search(
            r"What the first run would change.*Falls</dt><dd>1<.*>A</a>.*>8<.*>3<", page, re.DOTALL
        )
        await front.press("/mode", csrf, sink="shop", mode="live", reason="it is switched off")
        await front.press("/sync", csrf, what="full")
        assert front.sink.shown["A", "main"] == 3
        assert {action.actor for action in await front.shop.actions()} == {ANNA}

    play(tmp_path, act)


def test_an_old_plan_is_nothing_to_go_by(tmp_path: Path) -> None:
    """Who takes over has looked at a plan of the last hour; each taking over wants one of its own."""

    async def act(front: Front) -> None:
        csrf = await front.log_in()
        await front.press("/mode", csrf, sink="shop", mode="shadow", reason="a second try")
        await front.press("/takeover-plan", csrf, sink="shop")
        foresights = Dashboard.of(front.service).foresights
        found = foresights["shop"]
        foresights["shop"] = evolve(found, made_at=found.made_at - timedelta(hours=1, seconds=1))
        assert "What the first run would change" not in (await front.client.get("/shadow")).text
        await front.press("/mode", csrf, sink="shop", mode="live", reason="x")
        assert [sink.mode for sink in (await front.shop.status()).sinks] == ["shadow"]
        page = await front.press("/takeover-plan", csrf, sink="no such", back="/shadow")
        assert "there is no sink" in (await front.client.get(page.headers["location"])).text

    play(tmp_path, act)


def test_an_alert_is_silenced_and_told_again(tmp_path: Path) -> None:
    """Whoever silences it is named; the list keeps it."""

    async def act(front: Front) -> None:
        csrf = await front.log_in()
        front.source.set("A", 2)
        front.sink.refuse("A", "NO", "never", times=-1)
        await front.shop.sync()
        (told,) = await front.shop.alerts()
        await front.press("/silence", csrf, subject=told.trouble.subject, hours="24")
        (told,) = await front.shop.alerts()
        assert told.trouble.silenced_by == ANNA
        assert "silenced until" in (await front.client.get("/alerts")).text
        await front.press("/silence", csrf, subject=told.trouble.subject, hours="0")
        (told,) = await front.shop.alerts()
        assert told.trouble.silenced_until is None

    play(tmp_path, act)


@pytest.mark.parametrize(("what", "shows"), [("zero", 0), ("adopt", 8)])
def test_an_orphan_is_zeroed_or_kept(what: str, shows: int, tmp_path: Path) -> None:
    """What sells although its source has left the settings is shown, with both ways out."""
    sink = InMemorySink(["A", "B"])

    async def before() -> None:
        async with AsyncShop(
            sources={"old": InMemorySource({"A": 10})}, sinks={"shop": sink}, ledger=tmp_path / "ledger.db"
        ) as shop:
            await shop.sync()

    async def act(front: Front) -> None:
        csrf = await front.log_in()
        assert "/product?sku=A" in await front.look("/orphans")
        await front.press("/orphans", csrf, what=what, sku="A", sink="shop", warehouse="main")
        assert front.sink.shown["A", "main"] == shows
        assert "/product?sku=A" not in await front.look("/orphans")
        (decided,) = await front.shop.interventions()
        assert decided.actor == ANNA

    asyncio.run(before())
    play(tmp_path, act, {"B": 20}, sink=sink)


def test_who_presses_often_gets_one_run_and_two_people_get_two(tmp_path: Path) -> None:
    """What waits is shared by whoever asks again; each person's own run says their name."""
    users = {name: evolve(user, role="operator") for name, user in USERS.items()}

    async def act(front: Front) -> list[str]:
        go = asyncio.Event()

        async def busy(_shop: AsyncShop, _progress: Progress) -> None:
            await go.wait()

        known = len((await front.shop.status()).runs)
        front.service.runner.ask(Job("something long", busy))
        for user in (ANNA, BORIS):
            csrf = await front.log_in(user)
            for _ in range(3):
                await front.client.post("/sync", data={"csrf": csrf, "what": "changes"})
            front.client.cookies.clear()
        go.set()
        await front.settled()
        runs = (await front.shop.status()).runs
        return [run["actor"] for run in runs[: len(runs) - known]]

    assert play(tmp_path, act, users=users) == [BORIS, ANNA]


def test_a_form_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """Memory is not for whoever sends most."""

    async def act(front: Front) -> int:
        csrf = await front.log_in()
        return (await front.press("/decide", csrf, reason="x" * 100_000)).status_code

    assert play(tmp_path, act, sink=InMemorySink(["A", "B"])) == 413
