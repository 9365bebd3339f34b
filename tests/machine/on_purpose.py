"""The machine: the world, and what happens in it on purpose, for chance would take long to bring it about."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from tests.machine.events import ALL_ROWS
from tests.machine.layout import SHARED
from tests.machine.processes import AT_COMMITS, WHILE_READING, WHILE_WRITING
from tests.machine.world import BUFFERS, ITEM_FAULTS, World, pairs, rows, rule, sinks

__all__ = ["Machine"]


units = st.integers(1, 9)


class Machine(World):
    """One seller, and whatever comes."""

    # ------------------------------------------------------------------ what a dead process leaves behind

    @rule(crash=st.sampled_from(WHILE_READING), row=rows, units=units, more=st.booleans())
    def die_while_reading(self, crash, row, units, more) -> None:
        """What was read and what was not, the next one finds out."""
        self._die((crash, 1), row, units if more else -units)

    @rule(crash=st.sampled_from(WHILE_WRITING), row=rows, units=units, more=st.booleans(), back=st.booleans())
    def die_while_writing(self, crash, row, units, more, back) -> None:
        """Whether it has arrived is found out, also where the stock is back at what it was."""
        self._die((crash, 1), row, units if more else -units, back=back)

    @rule(crash=st.sampled_from(AT_COMMITS), nth=st.integers(1, 40), row=rows, units=units)
    def die_at_a_commit(self, crash, nth, row, units) -> None:
        """What was kept is whole, and what was not is made anew."""
        self._die((crash, nth), row, units)

    def _die(self, crash, row, units, *, back=False) -> None:
        self._healthy()
        self.world.move(row, units)
        self._sync(0, full=crash[0].endswith("observe"), crash=crash, release=True)
        if back:
            self.world.move(row, -units)
        self._sync(1, full=False)

    # ------------------------------------------------------------------ what is sent

    @rule(pair=pairs, most=st.integers(1, 4))
    def a_parcel_is_refused_at_the_door(self, pair, most) -> None:
        """It is sold, handed over and cancelled before anybody has booked it: it is gone all the same."""
        self._healthy()
        self.world.delay = 1.0
        if self.world.buy(pair, most, "main"):
            sold = self.truth.sold[-1]
            self.world.ship(sold)
            self._sync(0, full=False, release=True)
            self.world.cancel_on_the_way(sold)
            self._sync(0, full=False, release=True)

    @rule(pair=pairs, status=st.sampled_from(ITEM_FAULTS))
    def sync_with_one_item_refused(self, pair, status) -> None:
        """An error on one listing changes nothing of the others; once it is gone, nothing is left of it."""
        self._heal()
        market = self.world.markets[pair[0]]
        market.refuse(pair[1], "FAULT", warehouse=pair[2], status=status, times=-1)
        self._sync(0, full=False, release=True, but=pair)
        market.heal()
        self.world.elapse(300)
        self._sync(0, full=False, release=True)

    @rule(sink=sinks, row=rows, units=st.integers(1, 5), applied=st.booleans())
    def something_is_sent_in_doubt(self, sink, row, units, applied) -> None:
        """Whether it has arrived nobody knows: what is sent next does not go by either."""
        self._healthy()
        self.world.move(row, units)
        self.world.markets[sink].doubt(applied=applied)
        self._sync(0, full=False, release=True)
        self.world.move(row, -units)
        self._sync(0, full=False, release=True)

    @rule(row=rows, units=st.integers(1, 5))
    def plan_and_apply_when_there_is_more(self, row, units) -> None:
        """What a plan has promised is not exceeded, whatever has come in since."""
        self._heal()
        self.world.move(row, -units)
        self.make_a_plan(full=False)
        self.world.move(row, 2 * units)
        self.apply_the_plan(crash=None, nth=1)

    @rule(chosen=st.sets(rows, min_size=1, max_size=6))
    def half_is_answered_to_a_full_reading(self, chosen) -> None:
        """What is missing from an answer that doubts itself is not gone."""
        self._healthy()
        for books in self.world.books.values():
            books.half = {row for row in chosen if row in books.rows}
        self._sync(0, full=True)

    @rule(row=rows, units=st.integers(1, 4), back=st.booleans())
    def a_row_is_pushed_late(self, row, units, back) -> None:
        """What was true before the last reading is not true because it comes now, moved since or not."""
        self._healthy()
        if back:
            self.world.elapse(10)
            self.world.move(row, units)
        then = self.world.clock.now()
        self.world.elapse(10)
        self.world.move(row, -units)
        self._sync(0, full=False, release=True)
        ago = (self.world.clock.now() - then).total_seconds()
        self.world.loop.drive(self.world.push_row(row, who=1, dated=True, ago=ago, twice=True))
        self._sync(0, full=False, release=True)

    @rule(pair=pairs, own=st.sampled_from(["main", "msk", "far"]), half=st.booleans())
    def what_was_booked_goes_bad(self, pair, own, half) -> bool:
        """An order that was booked is not subtracted again because the quantity is not known any more."""
        self._healthy()
        if not self.world.buy(pair, 1, own):
            return False
        sold = self.truth.sold[-1]
        self.world.ship(sold)
        self._sync(0, full=False)
        self.world.elapse(self.truth.booking[sold.sink][1].total_seconds() + 60)
        self._sync(0, full=False)
        row = (min(sold.takes), sold.own)
        if half:
            self.truth.speaks(row).half.add(row)
        else:
            self.world.spoil(row)
        self._sync(0, full=half)
        return True

    @precondition(lambda self: self.witness.guard is not None)
    @rule(units=st.integers(1, 2), many=st.integers(6, 30))
    def much_of_what_is_live_goes_to_zero(self, units, many) -> None:
        """Two of three live listings beside dead ones, few units beside many: of the live ones they count."""
        now = self.world.clock.now()
        levels = {("A", "main"): 0, ("A", "msk"): 0, ("B", "main"): units, ("D", "main"): units}
        for row, level in levels.items():
            self.world.move(row, level - self.truth.speaks(row).level(row, now))
        self.world.move(("C", "main"), many)
        self._healthy()
        for row in (("B", "main"), ("D", "main")):
            self.world.move(row, -units)
        self._sync(0, full=False)

    @rule(most=st.integers(1, 3), code=st.sampled_from(["w1", "w2"]))
    def a_capped_listing_sells(self, most, code) -> None:
        """What an order has lowered is filled up again, though the same is wanted as was confirmed."""
        self.a_buffer_is_set(sink="wb", buffer=BUFFERS[-1])
        self.world.move(("C", "main" if code == "w1" else "far"), 9)
        self._healthy()
        self.world.buy(("wb", "C", code), most, "main")
        self._sync(0, full=False, release=True)

    @rule(
        nth=st.integers(1, 4), what=st.sampled_from(["row", "row", "hold", "buy", "decide"]),
        seed=st.integers(0, 5), units=st.integers(1, 5),
    )  # fmt: skip
    def what_cannot_wait_comes_while_it_reads(self, nth, what, seed, units) -> None:
        """It is sent beside the reading, which takes a minute; what is read afterwards does not undo it."""
        self._healthy()
        row = ALL_ROWS[seed]
        self.world.move(row, -units)
        self._sync_amid([(nth, what, seed)], 20, full=True, who=0)

    @rule(nth=st.integers(1, 4), seed=st.sampled_from([1, 4, 7, 10, 13, 16]), units=units)
    def a_person_says_zero_of_what_is_about_to_rise(self, nth, seed, units) -> None:
        """What rests still when it is said does not leave any more, whichever process is told."""
        self._healthy()
        for row in ALL_ROWS:
            self.world.move(row, units)
        self._sync(0, full=False, release=True)
        for row in ALL_ROWS:
            self.world.move(row, units)
        self._sync_amid([(-nth, "decide", seed)], 0, full=False, who=0)

    @rule(units=st.integers(4, 9), status=st.sampled_from(ITEM_FAULTS))
    def a_part_goes_from_one_to_the_other(self, units, status) -> None:
        """What one listing gives up, another one shows only when it is given up."""
        first, second = SHARED
        self.a_buffer_is_set(sink="ozon", buffer=BUFFERS[-1])
        now = self.world.clock.now()
        for row, level in {("C", "main"): units, ("C", "msk"): 0}.items():
            self.world.move(row, level - self.truth.speaks(row).level(row, now))
        self._healthy()
        self.a_buffer_is_set(sink="ozon", buffer=BUFFERS[0])
        market = self.world.markets["ozon"]
        for pair in (first, second):
            if self.witness.shown(pair):
                market.refuse(pair[1], "FAULT", warehouse=pair[2], status=status, times=1)
        self._sync(0, full=False, release=True)

    @rule(row=rows, units=st.integers(1, 4), read=st.sampled_from(["orders", "nothing"]))
    def a_row_is_pushed_late_without_a_time(self, row, units, read) -> None:
        """Of what has no time nobody knows that it is not of yesterday: it raises nothing."""
        self._healthy()
        then = self.world.clock.now()
        self.world.elapse(10)
        self.world.move(row, -units)
        self._sync(0, full=False, release=True)
        ago = (self.world.clock.now() - then).total_seconds()
        self.world.loop.drive(self.world.push_row(row, who=1, dated=False, ago=ago, twice=True))
        self._sync(1, full=False, read=read)
