"""A source, a sink or the ledger that cannot be used: a clear error, and nothing is lost."""

from __future__ import annotations

import contextlib
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpstock.simulation import serve
from mpstock_onec.simulator import OnecSimulator
from tests.acceptance.play import OZON_WRITES, PASSWORD, WB_STOCKS, Play, ended, shop, skus, standard, until
from tests.byhand import by_hand, everything, held


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with shop(tmp_path, {"SKU-A": 10, "SKU-B": 20, "SKU-C": 30}) as stage:
        yield stage


def _down(play: Play, name: str, path: str = "/") -> None:
    {"ozon": play.ozon, "wb": play.wb, "onec": play.onec}[name].add_fault(path=path, drop=True, times=-1)


def _up(play: Play) -> None:
    for double in (play.onec, play.ozon, play.wb):
        double.faults.clear()


# -- a source ----------------------------------------------------------------------------


@contextlib.contextmanager
def _two_sources(folder: Path) -> Iterator[tuple[Play, OnecSimulator]]:
    with shop(folder, {"SKU-A": 6}) as play:
        second = OnecSimulator({("SKU-A", "msk"): 6}, password=PASSWORD, clock=play.onec.clock)
        with serve(second) as (url,):
            play.tables["sources"]["msk"] = second.settings(url)
            play.sink("ozon")["buffer"] = play.sink("wb")["buffer"] = {"policy": "all"}
            play.write()
            yield play, second


def test_while_one_source_is_down_the_falls_of_the_other_flow(tmp_path: Path) -> None:
    """ERP 6 is down, Moscow falls from 6 to 0: shown goes from 12 to 6, and the command ends with 3."""
    with _two_sources(tmp_path) as (play, second):
        play.run("sync").ok()
        assert play.shown("ozon") == play.shown("wb") == {"SKU-A": 12}
        _down(play, "onec")
        second.call(second.set_level, "SKU-A", 0, "msk")
        result = play.run("sync")
        assert result.code == 3
        assert "erp" in result.stdout
        assert play.shown("ozon") == play.shown("wb") == {"SKU-A": 6}


def test_while_one_source_is_down_nothing_is_raised(tmp_path: Path) -> None:
    """ERP 6 is down, Moscow rises from 6 to 50: 12 stay shown until ERP answers, then it is 56."""
    with _two_sources(tmp_path) as (play, second):
        play.run("sync").ok()
        _down(play, "onec")
        second.call(second.set_level, "SKU-A", 50, "msk")
        assert play.run("sync").code == 3
        assert play.shown("ozon") == {"SKU-A": 12}
        assert "an upper bound only" in play.run("explain", "SKU-A").ok().stdout
        _up(play)
        play.run("sync").ok()
        assert play.shown("ozon") == play.shown("wb") == {"SKU-A": 56}


def test_a_source_that_is_down_zeroes_nothing_and_raises_nothing(play: Play) -> None:
    """With the only source down, numbers stay; one lowered in the cabinet is not raised again yet."""
    play.run("sync").ok()
    _down(play, "onec")
    play.show("ozon", "SKU-A", 1)
    result = play.run("sync", "--full")
    assert result.code == 3
    assert play.shown("ozon") == {"SKU-A": 1, "SKU-B": 18, "SKU-C": 28}
    assert play.shown("wb") == {"SKU-A": 8, "SKU-B": 18, "SKU-C": 28}
    assert "failing since" in play.run("status").ok().stdout
    _up(play)
    play.run("sync", "--full").ok()
    assert play.shown("ozon") == {"SKU-A": 8, "SKU-B": 18, "SKU-C": 28}
    assert "failing since" not in play.run("status").ok().stdout


def test_a_source_that_was_never_read_shows_nothing_anew(play: Play) -> None:
    """A first run without the source leaves an account that shows stock as it is."""
    play.show("wb", "SKU-A", 5)
    _down(play, "onec")
    assert play.run("sync").code == 3
    assert play.shown("wb")["SKU-A"] == 5
    assert play.pushes("ozon") == play.pushes("wb") == 0


def test_1c_without_a_free_licence_is_told_in_its_words(play: Play) -> None:
    """503 of 1C is told in Russian, unharmed, and ends with 3."""
    play.onec.fail("licence")
    result = play.run("sync")
    assert result.code == 3
    assert "Не обнаружено свободной лицензии" in result.stdout
    checked = play.run("check")
    assert "Не обнаружено свободной лицензии" in checked.stdout


# -- a sink ------------------------------------------------------------------------------


@pytest.mark.parametrize(("down", "up"), [("ozon", "wb"), ("wb", "ozon")])
def test_what_a_sink_that_is_down_should_get_stays_pending_and_is_sent_by_the_next_run(
    play: Play, down: str, up: str
) -> None:
    """The other sink is served, the changes of this one wait, and the next run sends them."""
    play.run("sync").ok()
    _down(play, down)
    play.set_levels({"SKU-A": 5, "SKU-B": 0})
    result = play.run("sync")
    assert result.code == 3
    assert down in result.stdout
    assert play.shown(up) == {"SKU-A": 3, "SKU-B": 0, "SKU-C": 28}
    status = {one["name"]: one for one in play.json("status")["sinks"]}
    assert status[down]["statuses"].get("pending") == 2
    assert "pending" not in status[up]["statuses"]
    assert play.json("sync", code=3)["sinks"][down]["pending"] == 2
    _up(play)
    report = play.json("sync")
    assert report["sinks"][down]["pushed"] == 2
    assert report["sinks"][up]["pushed"] == 0
    assert play.shown(down) == {"SKU-A": 3, "SKU-B": 0, "SKU-C": 28}


@pytest.mark.parametrize(("sink", "path"), [("ozon", OZON_WRITES), ("wb", WB_STOCKS)])
@pytest.mark.parametrize("applied", [False, True])
def test_a_write_whose_answer_is_lost_ends_in_the_right_number(
    play: Play, sink: str, path: str, applied: bool
) -> None:
    """Whether a write arrived or not: after a 502 or a cut connection the number is right in the end."""
    play.run("sync").ok()
    double = play.ozon if sink == "ozon" else play.wb
    method = "POST" if sink == "ozon" else "PUT"
    double.add_fault(path=path, method=method, drop=True, after_commit=applied)
    double.add_fault(
        path=path, method=method, status=502, body="<html>Bad Gateway</html>", after_commit=applied
    )
    play.set_levels({"SKU-A": 55, "SKU-C": 1})
    play.run("sync")
    play.run("sync").ok()
    assert play.shown(sink) == {"SKU-A": 53, "SKU-B": 18, "SKU-C": 0}


def test_everything_down_loses_nothing(tmp_path: Path) -> None:
    """With no server at all each is named and the code is 3; once they are back all is caught up."""
    with shop(tmp_path, {"SKU-A": 10}) as play:
        play.run("sync").ok()
    result = play.run("sync")
    assert result.code == 3
    assert all(name in result.stdout for name in ("erp", "ozon", "wb"))
    assert "Traceback" not in result.said
    checked = play.run("check")
    assert checked.code == 2
    assert "Traceback" not in checked.said
    play.set_levels({"SKU-A": 12})
    ports = [int(url.rpartition(":")[2]) for url in play.urls]
    with serve(play.onec, play.ozon, play.wb, ports=ports):
        play.run("sync").ok()
        assert play.shown("ozon") == play.shown("wb") == {"SKU-A": 10}


def test_one_refused_item_does_not_disturb_its_neighbours_and_is_tried_again(play: Play) -> None:
    """An item that Ozon refuses is an error of its own; exit 1; the next run tries it again."""
    play.ozon.account.offers["SKU-B"].price_sent = False
    result = play.run("sync")
    assert result.code == 1
    assert play.shown("ozon") == {"SKU-A": 8, "SKU-B": 0, "SKU-C": 28}
    status = play.run("status").ok().stdout
    assert "SKU-B" in status
    play.ozon.account.offers["SKU-B"].price_sent = True
    # Ozon wants half a minute between two writes of a pair; a run does not wait for what was refused.
    rested = play.onec.clock.monotonic() + 30
    until(lambda: play.onec.clock.monotonic() > rested)
    play.run("sync").ok()
    assert play.shown("ozon") == {"SKU-A": 8, "SKU-B": 18, "SKU-C": 28}


def test_a_size_that_wildberries_refuses_does_not_disturb_its_neighbours(play: Play) -> None:
    """A 409 that names one size: that one fails with its code, the rest of the batch is sent again."""
    chrt_id = play.wb.chrt_id("SKU-B")
    play.wb.call(lambda: play.wb.refuse(chrt_id, "CargoWarehouseRestrictionSGT"))
    result = play.run("sync")
    assert result.code == 1
    assert "CargoWarehouseRestrictionSGT" in result.stdout
    assert play.shown("wb") == {"SKU-A": 8, "SKU-B": 0, "SKU-C": 28}
    play.wb.call(play.wb.accept, chrt_id)
    play.run("sync").ok()
    assert play.shown("wb") == {"SKU-A": 8, "SKU-B": 18, "SKU-C": 28}


# -- the ledger --------------------------------------------------------------------------


def test_a_locked_ledger_is_named_and_nothing_is_sent(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process holds the ledger a run ends with an error that names it; afterwards it works."""
    play.run("sync").ok()
    monkeypatch.setattr("mpstock.ledger.database.BUSY_TIMEOUT", 0.1)
    play.set_levels({"SKU-A": 5})
    play.forget_requests()
    with held(play.ledger):
        result = play.run("sync")
        assert result.code != 0
        assert str(play.ledger) in result.stderr
        assert "another process" in result.stderr
        assert "Traceback" not in result.said
    assert play.pushes("ozon") == play.pushes("wb") == 0
    play.run("sync").ok()
    assert play.shown("ozon")["SKU-A"] == 3


def test_a_ledger_of_a_newer_mpstock_is_not_touched(play: Play) -> None:
    """A schema that this version does not know is a clear error with its mend; it stays as it is."""
    play.run("sync").ok()
    with by_hand(play.ledger) as ledger:
        (known,) = ledger.execute("SELECT version_num FROM alembic_version").fetchone()
        ledger.execute("UPDATE alembic_version SET version_num = '0999'")
    before = everything(play.ledger)
    play.forget_requests()
    for arguments in (("sync",), ("status",), ("check",)):
        result = play.run(*arguments)
        assert result.code == 2
        assert "0999" in result.stderr
        assert "newer mpstock" in result.stderr
        assert "pip install -U mpstock" in result.stderr
    assert everything(play.ledger) == before
    assert not play.onec.requests
    # On PostgreSQL it was that of other tests too.
    with by_hand(play.ledger) as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = ?", (known,))
    play.run("status").ok()


@pytest.mark.sqlite("its file")
def test_a_file_that_is_no_ledger_is_told(play: Play) -> None:
    """A ledger that is something else is named, and not written over."""
    play.ledger.write_bytes(b"sku;quantity\n" * 500)
    result = play.run("sync")
    assert result.code == 2
    assert str(play.ledger) in result.stderr
    assert play.ledger.read_bytes() == b"sku;quantity\n" * 500


@pytest.mark.sqlite("its file; of a server's disk tests/reconcile/test_server.py tells")
@pytest.mark.skipif(sys.platform == "win32", reason="a process's file sizes are limited by POSIX")
def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """A ledger that cannot grow is a clear error; with space again everything is caught up."""
    levels = {sku: 10 + number % 50 for number, sku in enumerate(skus(1_500))}
    with shop(tmp_path, levels) as play:
        play.run("plan").ok()
        room = play.ledger.stat().st_size + 50_000

        def little_space() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

        result = ended(play.spawn("sync", preexec_fn=little_space))
        assert result.code == 2
        assert "mpstock.db" in result.stderr
        assert "space" in result.stderr
        assert "Traceback" not in result.said
        assert play.pushes("ozon") > 0
        play.run("sync").ok()
        wanted = {sku: standard(quantity) for sku, quantity in levels.items()}
        assert play.shown("ozon") == play.shown("wb") == wanted
