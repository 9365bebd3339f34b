"""The library's front door: `mpstock.Shop`, `AsyncShop`, `open`, `aopen`."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import mpstock
from mpstock import AsyncShop, Change, Outcome, Shop, hookimpl
from mpstock.config import SinkConfig, SinkWarehouse
from mpstock.errors import ConfigurationError, Interrupted, LedgerError
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.plugins import PluginRegistry
from mpstock.testing import VirtualClock, run_virtual
from tests.reconcile.shops import make, shows, skus

TOML = """
[ledger]
url = "sqlite:///mpstock.db"
[sources.erp]
plugin = "memory"
levels = { A = 10, B = 3 }
[sinks.shop]
plugin = "memory"
skus = ["A", "B"]
[[sinks.shop.warehouses]]
code = "w"
"""


def test_six_lines_keep_a_shop_in_step() -> None:
    """Objects, no file, a ledger in memory: one call pushes what differs, the default buffer kept back."""
    sink = InMemorySink(["A", "B"])
    with Shop(sources={"erp": InMemorySource({"A": 10, "B": 1})}, sinks={"shop": sink}) as shop:
        report = shop.sync()
    assert (report.exit_code, report.pushed) == (0, 1)
    assert sink.shown == {("A", "main"): 8}


def test_the_sync_facade_works_inside_a_running_loop() -> None:
    """As in a notebook: a loop runs already, and the plain calls work all the same."""

    async def notebook() -> int:
        sink = InMemorySink(["A"])
        with Shop(sources={"erp": InMemorySource({"A": 10})}, sinks={"shop": sink}) as shop:
            shop.sync()
            return sink.shown["A", "main"] + len(shop.plan())

    assert asyncio.run(notebook()) == 8


def test_the_async_facade_is_awaited() -> None:
    """The same in async code, on the caller's own loop and clock."""

    async def service() -> dict[tuple[str, str], int]:
        clock = VirtualClock()
        sink = InMemorySink(["A"], clock=clock)
        source = InMemorySource({"A": 10}, clock=clock)
        async with AsyncShop(sources={"erp": source}, sinks={"shop": sink}, clock=clock) as shop:
            plan = await shop.plan()
            assert [(change.old, change.new) for change in plan.changes] == [(0, 8)]
            assert (await shop.sync()).pushed == 1
            assert (await shop.explain("A")).listings[0].confirmed == 8
            assert (await shop.status()).sinks[0].statuses == {"ok": 1}
            assert [line.new for line in await shop.log()] == [8]
            assert {part.worst for part in await shop.check()} <= {"ok", "warning"}
        return sink.shown

    assert run_virtual(service) == {("A", "main"): 8}


@pytest.mark.sqlite("its file")
def test_open_reads_the_settings_file(tmp_path: Path) -> None:
    """`mpstock.open` builds what the file says; the ledger lies beside the file."""
    path = tmp_path / "mpstock.toml"
    path.write_text(TOML, encoding="utf-8")
    with mpstock.open(path) as shop:
        assert shop.sync().pushed == 2
        assert shop.config.path == path
    assert (tmp_path / "mpstock.db").is_file()


def test_aopen_reads_the_settings_file(tmp_path: Path) -> None:
    """`mpstock.aopen` is the same for `async with`."""
    path = tmp_path / "mpstock.toml"
    path.write_text(TOML, encoding="utf-8")

    async def service() -> int:
        async with mpstock.aopen(path) as shop:
            return (await shop.sync()).pushed

    assert asyncio.run(service()) == 2


def test_settings_and_objects_do_not_mix(tmp_path: Path) -> None:
    """Either a file or objects; both together is an error that says so."""
    play, source, _ = make(tmp_path, {"A": 1})
    with play.open() as shop:
        config = shop.config
    with pytest.raises(ConfigurationError, match="not both"):
        Shop(config, sources={"erp": source})


def test_a_sink_in_code_may_bring_its_warehouses_and_buffer() -> None:
    """A pair of sink and settings names them; the name in the mapping counts."""
    sink = InMemorySink(["A"], warehouses=("w1", "w2"))
    config = SinkConfig("", warehouses=(SinkWarehouse("w1"), SinkWarehouse("w2")), buffer={"absolute": 5})
    with Shop(sources={"erp": InMemorySource({"A": 10})}, sinks={"shop": (sink, config)}) as shop:
        shop.sync()
    assert sum(sink.shown.values()) == 5


def test_a_sink_in_code_with_a_buffer_alone_sells_from_its_own_warehouses() -> None:
    """Who sets a buffer and names no warehouse means those that the sink has."""
    account = InMemorySink(["A"], warehouses=("w1",))
    sinks = {"shop": (account, SinkConfig("shop", buffer={"absolute": 5}))}
    with Shop(sources={"erp": InMemorySource({"A": 9})}, sinks=sinks) as shop:
        assert shop.sync().pushed == 1
    assert account.shown == {("A", "w1"): 4}


def test_two_shops_on_one_ledger_one_after_the_other(tmp_path: Path) -> None:
    """The second process goes on where the first one ended: nothing is read or written twice."""
    clock = VirtualClock()
    source, sink = InMemorySource({"A": 10}, clock=clock), InMemorySink(["A"], clock=clock)
    for number in range(2):
        with Shop(
            sources={"erp": source}, sinks={"shop": sink}, ledger=tmp_path / "l.db", clock=clock
        ) as shop:
            assert shop.sync().run == number + 1
        clock.advance(1)
    assert source.reads[0] is None
    assert source.reads[1] is not None
    assert len(sink.pushes) == 1


def test_two_threads_take_turns(tmp_path: Path) -> None:
    """One run at a time, however many ask for one."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(30), 5))
    reports: list[Any] = []
    with play.open() as shop:
        threads = [threading.Thread(target=lambda: reports.append(shop.sync())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(report.run for report in reports) == [1, 2, 3, 4]
    assert sum(report.pushed for report in reports) == 30
    assert len(account.pushes) == 1


def test_closing_twice_is_harmless_and_leaves_no_thread(tmp_path: Path) -> None:
    """A second close does nothing; the loop's and the ledger's threads have ended."""
    before = {thread.ident for thread in threading.enumerate()}
    play, _, _ = make(tmp_path, {"A": 1})
    shop = play.open()
    shop.sync()
    shop.close()
    shop.close()
    assert {thread.ident for thread in threading.enumerate()} <= before


@pytest.mark.sqlite("its file")
def test_a_shop_that_cannot_open_leaves_no_thread(tmp_path: Path) -> None:
    """The ledger is no ledger: the error comes through, and nothing stays behind."""
    before = {thread.ident for thread in threading.enumerate()}
    (tmp_path / "l.db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(LedgerError):
        Shop(ledger=tmp_path / "l.db")
    assert {thread.ident for thread in threading.enumerate()} <= before


@pytest.fixture
def sigint() -> Iterator[None]:
    """A program in the background of a shell inherits an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint")
def test_ctrl_c_records_what_was_sent_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """The batch in flight is recorded, `Interrupted` is raised, and the same shop can be used again."""
    names = skus(200)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5), batch=5)
    take = account.push
    with play.open() as shop:
        heard, real = asyncio.Event(), shop._shop.interrupt

        def interrupt() -> None:
            real()
            heard.set()

        async def pressed(changes: Sequence[Change]) -> Sequence[Outcome]:
            account.push = waiting  # type: ignore[method-assign]
            os.kill(os.getpid(), signal.SIGINT)
            return await waiting(changes)

        async def waiting(changes: Sequence[Change]) -> Sequence[Outcome]:
            # What is under way stays so until the main thread has passed it on.
            await heard.wait()
            account.push = take  # type: ignore[method-assign]
            return await take(changes)

        shop._shop.interrupt = interrupt  # type: ignore[method-assign, assignment]
        account.push = pressed  # type: ignore[method-assign]
        with pytest.raises(Interrupted):
            shop.sync()
        sent = sum(map(len, account.pushes))
        assert 0 < sent < 200
        assert len(shop.log(limit=200)) == sent
        play.clock.advance(1)
        assert shop.sync().exit_code == 0
    assert shows(account) == dict.fromkeys(names, 5)
    assert sum(map(len, account.pushes)) == 200


def test_interrupt_from_another_thread_ends_the_run(tmp_path: Path) -> None:
    """`shop.interrupt()` is for programs that have no Ctrl-C: the report says interrupted, exit 130."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(20), 5), batch=5)
    with play.open() as shop:
        account.hook = lambda changes: shop.interrupt()
        report = shop.sync()
        account.hook = None
        assert (report.status, report.exit_code) == ("interrupted", 130)
        play.clock.advance(1)
        assert shop.sync().exit_code == 0


class Listener:
    """A plugin that only listens, and breaks when it is told of a batch."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    @hookimpl
    def mpstock_planned(self, event: Any) -> None:
        self.told.append(("planned", event))

    @hookimpl
    def mpstock_pushed(self, event: Any) -> None:
        self.told.append(("pushed", event))
        raise RuntimeError("a listener breaks")

    @hookimpl
    def mpstock_run_finished(self, event: Any) -> None:
        self.told.append(("finished", event))

    @hookimpl
    def mpstock_alert(self, event: Any) -> None:
        self.told.append(("alert", event))


def test_plugins_are_told_in_order_and_a_broken_one_harms_nothing() -> None:
    """Planned before anything is sent, each batch, the end; an alert for what is held."""
    listener, plugins = Listener(), PluginRegistry(entry_points=[])
    plugins.register(listener, "listener")
    clock = VirtualClock()
    source = InMemorySource(dict.fromkeys(skus(30), 5), clock=clock)
    sink = InMemorySink(skus(30), clock=clock)
    with Shop(sources={"erp": source}, sinks={"shop": sink}, plugins=plugins, clock=clock) as shop:
        report = shop.sync()
        assert report.exit_code == 0
        assert [name for name, _ in listener.told] == ["planned", "pushed", "finished"]
        assert listener.told[0][1].changes == {"shop": 30}
        assert listener.told[1][1].counts == {"ok": 30}
        assert listener.told[2][1].report == report
        listener.told.clear()
        clock.advance(1)
        for sku in skus(30):
            source.set(sku, 0)
        shop.sync()
    assert [name for name, _ in listener.told] == ["alert", "planned", "finished"]
    alert = listener.told[0][1]
    assert (alert.severity, alert.source, alert.sink) == ("critical", "erp", "shop")
    assert listener.told[1][1].held == {"shop": 30}


def test_progress_is_told() -> None:
    """Phase, adapter, done, total: what a progress bar needs."""
    told: list[tuple[str, str, int, int | None]] = []
    sink = InMemorySink(skus(5), batch=2)
    with Shop(sources={"erp": InMemorySource(dict.fromkeys(skus(5), 5))}, sinks={"shop": sink}) as shop:
        shop.sync(progress=lambda *step: told.append(step))
    assert {phase for phase, *_ in told} == {
        "orders",
        "read",
        "listings",
        "observe",
        "plan",
        "push",
    }
    assert [done for phase, _, done, _ in told if phase == "push"][-1] == 5
    assert {total for phase, *_, total in told if phase == "push"} == {5}


def test_an_unknown_sku_is_an_error_that_names_it() -> None:
    """A misspelt article is refused, not passed over."""
    with Shop(sources={"erp": InMemorySource({"A": 1})}, sinks={"shop": InMemorySink(["A"])}) as shop:
        with pytest.raises(ConfigurationError, match="'a'"):
            shop.sync(skus=["a"])
        with pytest.raises(ConfigurationError, match="'X'"):
            shop.explain("X")
