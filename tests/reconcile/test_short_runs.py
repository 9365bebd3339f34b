"""Runs between those that read the sources: the sinks' orders alone, or what has moved in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mpstock import Level, Report
from mpstock.errors import ConfigurationError, TransientError
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Play, make, shows


def test_a_run_of_orders_reads_no_source_and_lowers_what_was_sold(tmp_path: Path) -> None:
    """An order takes its units off at once; what the source says by now waits for a run that reads it."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    source.set("A", 50)
    account.buy("A", 2, "main")
    report = play.sync(read="orders")
    assert shows(account) == {"A": 8}
    assert not report.sources
    play.sync()
    assert shows(account) == {"A": 48}


def test_a_run_that_reads_nothing_acts_on_what_was_pushed_to_us(tmp_path: Path) -> None:
    """A webhook's fall goes out without a look at the source."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    source.set("A", 50)
    with play.open() as shop:
        shop.receive("erp", [Level("A", "main", 3)])
    play.sync(read="nothing")
    assert shows(account) == {"A": 3}


def test_a_source_that_failed_is_not_trusted_by_the_short_run_after_it(tmp_path: Path) -> None:
    """What could not be read a minute ago is still not known: nothing is raised from it."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    with play.open() as shop:
        shop.hold("cart", "A", 1)
    play.sync()
    source.fail(TransientError("no route to host"))
    play.sync()
    with play.open() as shop:
        shop.release("cart")
    play.sync(read="orders")
    assert shows(account) == {"A": 9}
    play.sync()
    assert shows(account) == {"A": 10}


@pytest.mark.parametrize(("read", "full"), [("everythin", False), ("orders", True)])
def test_what_cannot_be_read_is_refused(tmp_path: Path, read: str, full: bool) -> None:
    """A name that is none, and a full run that would not read everything, are errors of the caller."""
    play, _, _ = make(tmp_path, {"A": 10})
    with pytest.raises(ConfigurationError, match="everything"):
        play.sync(read=read, full=full)


def test_a_run_of_one_source_leaves_the_others_as_they_said_last(tmp_path: Path) -> None:
    """One source is read alone: what another has by now waits for a run that reads it."""
    clock = VirtualClock()
    main = InMemorySource({"A": 5}, clock=clock)
    msk = InMemorySource({"A": 3}, warehouse="msk", clock=clock)
    account = InMemorySink(["A"], clock=clock)
    play = Play(tmp_path, {"main": main, "msk": msk}, {"shop": account}, clock=clock)
    play.sync()
    main.set("A", 6)
    msk.set("A", 0)
    report = play.sync(sources=["main"])
    assert (list(report.sources), shows(account)) == (["main"], {"A": 9})
    play.sync()
    assert shows(account) == {"A": 6}


def test_a_source_that_failed_is_not_trusted_by_the_run_of_another(tmp_path: Path) -> None:
    """What was not read stays as unknown as its last reading has left it: nothing is raised beside it."""
    clock = VirtualClock()
    main = InMemorySource({"A": 5}, clock=clock)
    msk = InMemorySource({"A": 3}, warehouse="msk", clock=clock)
    account = InMemorySink(["A"], clock=clock)
    play = Play(tmp_path, {"main": main, "msk": msk}, {"shop": account}, clock=clock)
    play.sync()
    msk.fail(TransientError("no route to host"))
    play.sync()
    main.set("A", 9)
    play.sync(sources=["main"])
    assert shows(account) == {"A": 8}
    main.set("A", 2)
    play.sync(sources=["main"])
    assert shows(account) == {"A": 5}


def _two_sinks(folder: Path) -> tuple[Play, InMemorySource, InMemorySink, InMemorySink]:
    clock = VirtualClock()
    source = InMemorySource({"A": 5}, clock=clock)
    ozon, wb = (InMemorySink(["A"], account=name, clock=clock) for name in ("ozon", "wb"))
    return Play(folder, {"erp": source}, {"ozon": ozon, "wb": wb}, clock=clock), source, ozon, wb


def test_a_run_of_one_sink_leaves_the_others_for_another(tmp_path: Path) -> None:
    """Only the chosen sink is written to, and nothing is forgotten of what the other is to show."""
    play, source, ozon, wb = _two_sinks(tmp_path)
    play.sync()
    source.set("A", 2)
    report = play.sync(sinks=["ozon"])
    assert (list(report.sinks), report.exit_code) == (["ozon"], 0)
    assert (shows(ozon), shows(wb)) == ({"A": 2}, {"A": 5})
    play.sync(read="nothing", sinks=["wb"])
    assert (shows(ozon), shows(wb)) == ({"A": 2}, {"A": 2})


def test_two_runs_of_two_sinks_do_not_keep_each_other_from_writing(tmp_path: Path) -> None:
    """Each holds the lease of its own sink alone, whichever of them is slower."""
    play, _, ozon, wb = _two_sinks(tmp_path)
    others: list[Report] = []

    def meanwhile(phase: str, *_: object) -> None:
        if phase == "listings" and not others:
            others.append(play.sync(sinks=["wb"]))

    report = play.sync(sinks=["ozon"], progress=meanwhile)
    assert [report.exit_code, *(other.exit_code for other in others)] == [0, 0]
    play.sync(read="nothing")
    assert (shows(ozon), shows(wb)) == ({"A": 5}, {"A": 5})


@pytest.mark.parametrize(("given", "meant"), [({"sources": ["erpp"]}, "erp"), ({"sinks": ["shp"]}, "shop")])
def test_an_adapter_that_is_not_there_is_named(tmp_path: Path, given: dict[str, Any], meant: str) -> None:
    """A name that no source or sink has is an error that says the nearest one."""
    play, _, _ = make(tmp_path, {"A": 10})
    with pytest.raises(ConfigurationError, match=meant):
        play.sync(**given)
