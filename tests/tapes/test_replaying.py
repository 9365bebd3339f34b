"""Recorded runs, reckoned again: to the unit as they were, and as they would have been with other buffers."""

from __future__ import annotations

import tempfile
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mpstock
from mpstock import Replay
from mpstock.config import Absorption, SharingSettings, SinkWarehouse
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import REGISTRY, Account, Play, make


def again(folder: Path, **keys: Any) -> Replay:
    return mpstock.replay(folder, plugins=REGISTRY, **keys)


def keep_back(units: int) -> dict[str, Any]:
    return {"policy": "standard", "absolute": units}


STEPS = ("sell", "cancel", "ship", "fall", "rise", "unknown", "refuse", "drift", "fail", "wait")


class Day:
    """A seller of kits and packs with two sources and two sinks, to whom things happen."""

    def __init__(self, folder: Path, sharing: Any, buffer: int) -> None:
        self.clock = VirtualClock()
        items = ("A", "B", "C")
        levels = {(sku, own): 6 for sku in items for own in ("main", "msk")}
        self.erp = InMemorySource(levels, clock=self.clock)
        self.more = InMemorySource({"A": 4, "B": 2}, clock=self.clock)
        self.one = Account([*items, "K"], warehouses=("w1", "w2"), clock=self.clock)
        self.two = Account([*items], self_decrements="yes", clock=self.clock)
        sources, sinks = {"erp": self.erp, "more": self.more}, {"one": self.one, "two": self.two}
        self.play = Play(folder, sources, sinks, clock=self.clock)
        self.play.set_source("erp", absorbs={"one": Absorption("shipment")})
        kept = {"policy": "standard", "absolute": buffer}
        places = (SinkWarehouse("w1", ("main",)), SinkWarehouse("w2", ("msk",)))
        share = Decimal("0.5") if sharing == "split" else None
        self.play.set_sink("one", warehouses=places, buffer=kept, share=share)
        self.play.set_sink("two", buffer=kept, priority=2, share=share)
        self.play.sharing = SharingSettings(sharing)
        self.play.products = folder / "products.csv"
        self.play.products.write_text("sku,components,two.pack\nK,A:1 B:2,\nC,,2\n", encoding="utf-8")
        self.tapes = folder / "tapes"
        self.orders: list[tuple[InMemorySink, str]] = []

    def run(self, **keys: Any) -> None:
        self.play.sync(tape=self.tapes, **keys)

    def do(self, step: str, sku: str, units: int) -> None:
        """Let one thing happen."""
        sink: InMemorySink = self.one if units % 2 else self.two
        code = "w1" if sink is self.one else "main"
        if step == "sell" and sink.shown.get((sku, code), 0) >= 1:
            order = sink.buy(sku, min(units, sink.shown[sku, code]), code)
            self.orders.append((sink, order.key))
        elif step in ("cancel", "ship") and self.orders:
            account, key = self.orders.pop(0)
            getattr(account, step)(key)
        elif step == "fall":
            self.erp.set(sku, units, warehouse="main")
        elif step == "rise":
            self.erp.set(sku, units + 6, warehouse="msk")
        elif step == "unknown":
            self.erp.set(sku, None, warehouse="main")
        elif step == "refuse":
            sink.refuse(sku, "NO", "not today", times=1)
        elif step == "drift":
            sink.shown[sku, code] = units
        elif step == "fail":
            self.erp.fail(ConnectionError("down"))
        self.clock.advance(60.0 * units)


HAPPENS = st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from("ABC"), st.integers(1, 5)), max_size=12)
"""What happens between two runs."""


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(HAPPENS, min_size=1, max_size=3),
    st.sampled_from(("shared", "split", "exclusive")),
    st.integers(0, 2),
)
def test_what_was_recorded_comes_out_again(
    days: list[list[tuple[str, str, int]]], sharing: str, buffer: int
) -> None:
    """Whatever happens, every recorded number comes out to the unit, and the same buffers change nothing.

    Kits, packs, orders, cancels, quantities that are not known, refusals, other writers, sources that fail:
    the what-if with the buffers of then has the same sums as what was.
    """
    with tempfile.TemporaryDirectory() as name:
        day = Day(Path(name), sharing, buffer)
        day.run(full=True)
        for happens in days:
            for step in happens:
                day.do(*step)
            day.run()
        result = again(day.tapes)
        assert (result.otherwise, result.torn, result.exit_code) == (0, {}, 0)
        assert result.numbers >= result.listings > 0
        assert result.recorded == result.replayed
        same = again(day.tapes, buffer=keep_back(buffer))
        assert (same.otherwise, same.recorded, same.replayed) == (0, result.recorded, result.recorded)


# ---------------------------------------------------------------- what would have been, worked out by hand


def test_a_buffer_turns_away_the_order_that_was_oversold(tmp_path: Path) -> None:
    """3 shown; 2 are sold over the counter, then somebody orders 3: 2 are not there, or he came before.

    With 2 kept back 1 was shown: he would have found too little, and nothing would have been oversold.
    """
    play, source, account = make(tmp_path, {"A": 3}, self_decrements="yes")
    folder = tmp_path / "t"
    play.sync(tape=folder)
    play.clock.advance(299)
    account.buy("A", 3, "main")
    play.clock.advance(600)
    source.set("A", 1)
    play.sync(tape=folder)
    result = again(folder, buffer=keep_back(2))
    was, would = result.recorded, result.replayed
    assert (was.sold_units, was.oversold_units, was.oversold_surely, was.refused_units) == (3, 2, 0, 0)
    assert (would.sold_units, would.oversold_units, would.refused_units) == (0, 0, 3)
    # 3 were shown for 300 s where only 1 may have been there.
    assert (was.beyond_unit_hours, would.beyond_unit_hours) == (round(2 * 300 / 3600, 3), 0)
    assert (was.hidden_unit_hours, would.hidden_unit_hours) == (0, 0)


def test_what_is_not_sold_is_there_later(tmp_path: Path) -> None:
    """4 of 5 were ordered, shipped and booked. With 2 kept back they would not: 5 are there, 3 shown.

    Whether the order is a hold still or the source has booked it, the other world counts its units.
    """
    play, source, account = make(tmp_path, {"A": 5}, self_decrements="yes")
    play.set_source("erp", absorbs={"shop": Absorption("shipment")})
    folder = tmp_path / "t"
    play.sync(tape=folder)
    order = account.buy("A", 4, "main")
    for what in ("", "ship", "", ""):
        if what:
            account.ship(order.key)
            source.set("A", 1)
        play.clock.advance(1799)
        play.sync(tape=folder)
    assert account.shown["A", "main"] == 1
    result = again(folder, buffer=keep_back(2))
    assert (result.recorded.sold_units, result.replayed.sold_units, result.replayed.refused_units) == (
        4,
        0,
        4,
    )
    hours = (result.ended_at - result.started_at).total_seconds() / 3600
    assert result.replayed.hidden_unit_hours == round(2 * hours, 3)
    assert result.replayed.beyond_unit_hours == 0


def test_an_order_that_was_cancelled_gives_nothing_back_twice(tmp_path: Path) -> None:
    """The 4 that nobody would have sold are free again as it was, too: 5 are there in both worlds."""
    play, _, account = make(tmp_path, {"A": 5}, self_decrements="yes")
    folder = tmp_path / "t"
    play.sync(tape=folder)
    order = account.buy("A", 4, "main")
    play.clock.advance(599)
    play.sync(tape=folder)
    account.cancel(order.key)
    for _ in range(3):
        play.clock.advance(599)
        play.sync(tape=folder)
    result = again(folder, buffer=keep_back(2))
    hours = (result.ended_at - result.started_at).total_seconds() / 3600
    assert result.replayed.hidden_unit_hours == round(2 * hours, 3)
    assert result.recorded.sold_units == 4


def test_what_a_guard_held_is_held_there_too(tmp_path: Path) -> None:
    """30 of 50 go to zero at once and are held: the other buffer does not get its zeros through either."""
    names = [f"P{number}" for number in range(50)]
    play, source, _ = make(tmp_path, dict.fromkeys(names, 5))
    folder = tmp_path / "t"
    play.sync(tape=folder)
    for sku in names[:30]:
        source.set(sku, 0)
    report = play.sync(tape=folder)
    assert report.sinks["shop"].held == 30
    result = again(folder, buffer=keep_back(1))
    assert (result.recorded.changes, result.replayed.changes) == (50, 50)


def test_more_than_was_shown_is_said_to_be_judged_too_well(tmp_path: Path) -> None:
    """Who would have bought of what was not shown is on no tape: the replay says so."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.set_sink("shop", buffer=keep_back(3))
    play.sync(tape=tmp_path / "t")
    assert not [note for note in again(tmp_path / "t").notes if "least" in note]
    assert [note for note in again(tmp_path / "t", buffer="all").notes if "the least" in note]


def test_what_was_recorded_otherwise_is_named(tmp_path: Path) -> None:
    """A number on the tape that the formula does not give: it is counted, named, and the exit code is 1."""
    play, _, _ = make(tmp_path, {"A": 5, "B": 6})
    play.sync(tape=tmp_path / "t")
    (path,) = (tmp_path / "t").iterdir()
    text = zlib.decompress(path.read_bytes(), 31).decode()
    path.write_bytes(
        zlib.compress(text.replace('[["shop","main",6]]', '[["shop","main",9]]').encode(), wbits=31)
    )
    result = again(tmp_path / "t")
    (one,) = result.differences
    assert (one.sku, one.recorded, one.replayed, result.exit_code) == ("B", 9, 6, 1)
    assert "1 of 2 numbers come out otherwise" in result.verdict


def test_only_what_moved_is_said(tmp_path: Path) -> None:
    """Without a whole tape the sums are of what moved, and the replay says how to get all."""
    play, source, _ = make(tmp_path, {"A": 5, "B": 6})
    play.sync(tape=tmp_path / "t")
    source.set("A", 4)
    play.sync(tape=tmp_path / "t")
    whole, part = sorted((tmp_path / "t").iterdir())
    assert again(tmp_path / "t").notes == []
    assert "sync --full" in again(part).notes[0]
    assert again(whole).listings == 2


def test_a_replay_shows_itself_in_a_notebook(tmp_path: Path) -> None:
    """Tables of what was and would have been; what an article is called is escaped."""
    play, _, _ = make(tmp_path, {"<b>A</b>": 5})
    play.sync(tape=tmp_path / "t")
    page = again(tmp_path / "t", buffer=keep_back(2))._repr_html_()
    assert "as it would have been" in page
    assert "&lt;b&gt;A&lt;/b&gt;" in page
    assert "<b>A</b>" not in page
