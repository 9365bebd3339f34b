"""Which of what was written is read back, without a look at the whole log each time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mpstock import Listing, Observation
from mpstock.ledger import Ledger
from mpstock.ledger.database import as_text
from mpstock.ledger.sampling import Sample
from mpstock.model import Level
from tests.ledger.reading import NOW, read

SKUS = ["A", "B", "C", "D", "E", "F"]
MANY = 1_100
"""Lines of another sink: more than one look goes over."""

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, len(SKUS) - 1)),
        st.tuples(st.just("see"), st.integers(0, len(SKUS) - 1)),
        st.tuples(st.just("others"), st.sampled_from([1, MANY])),
        st.tuples(st.sampled_from(["look", "take"]), st.integers(1, 2 * len(SKUS) + 2)),
    ),
    max_size=25,
)


class Shop:
    """A sink with six listings, all seen once, in a ledger; what was written and not seen since is known."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
        self.now = NOW
        self.unseen: dict[str, None] = {}
        """The latest first."""
        read(self.ledger, *[Level(sku, "main", 5) for sku in SKUS])
        for sink in ("shop", "other"):
            with self.ledger.transaction():
                walk = self.ledger.listings.begin_walk(sink)
                walk.ingest([Listing(sku, "1", (sku,)) for sku in SKUS])
                self.ledger.listings.match(sink, {}, NOW, everything=True)
        self.see(*SKUS)

    def later(self) -> None:
        self.now += timedelta(seconds=1)

    def see(self, *skus: str) -> None:
        self.later()
        with self.ledger.transaction():
            observing = self.ledger.observations.begin_observing("shop", self.now)
            observing.ingest([Observation(sku, "1", 1) for sku in skus], self.now)
        for sku in skus:
            self.unseen.pop(sku, None)

    def write(self, sink: str, number: int, times: int = 1) -> None:
        """What a push leaves behind: lines of the log, and the moment of the write."""
        self.later()
        moment = as_text(self.now)
        product = self.ledger.levels.product_ids([SKUS[number]])[SKUS[number]]
        with self.ledger.transaction():
            row = (product, "1", 1, 1, "erp", "ok", None, None, None)
            self.ledger.log.add(1, 1, sink, [row] * times, self.now)
            self.ledger.database.execute(
                "UPDATE marketplace_stocks SET last_synced_at = ?, synced_quantity = 1 "
                "WHERE product_id = ? AND marketplace = ?",
                (moment, product, sink),
            )
        if sink == "shop":
            self.unseen = {SKUS[number]: None, **{s: None for s in self.unseen if s != SKUS[number]}}

    def look(self, size: int) -> Sample:
        return self.ledger.samples.choose("shop", ["1"], size, self.now)

    def take(self, sample: Sample) -> None:
        with self.ledger.transaction():
            self.ledger.samples.taken("shop", sample)
        self.see(*[row.listing.external_id for row in sample.rows])


@given(STEPS)
@example([("write", 0), ("take", 2), ("write", 1), ("others", MANY), ("take", 4)])
@example([("write", 0), ("write", 1), ("write", 2), ("take", 2), ("take", 2), ("take", 2)])
@settings(max_examples=40, deadline=None)
def test_what_was_written_and_not_seen_comes_first_whatever_was_looked_at_before(
    steps: list[tuple[str, int]],
) -> None:
    """Half of a sample is for it, the latest first: nothing that waits is passed over by a later look."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        for what, number in steps:
            if what == "write":
                shop.write("shop", number)
            elif what == "see":
                shop.see(SKUS[number])
            elif what == "others":
                shop.write("other", 0, number)
            else:
                sample = shop.look(number)
                rows = {row.listing.external_id for row in sample.rows}
                assert set(list(shop.unseen)[: max(number // 2, 1)]) <= rows
                assert len(rows) == min(number, len(SKUS))
                if what == "take":
                    shop.take(sample)
        shop.ledger.close()


def test_a_look_goes_no_further_down_than_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the log is: after one look at it, each costs what was written since."""
    shop = Shop(tmp_path)
    shop.write("shop", 0, MANY)
    shop.take(shop.look(len(SKUS)))
    shop.take(shop.look(len(SKUS)))
    asked: list[tuple[Any, ...]] = []
    database = shop.ledger.database
    plain = database.query

    def counted(sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        if "FROM stock_sync_log" in sql:
            asked.append((*parameters, plain(sql, parameters)))
        return plain(sql, parameters)

    monkeypatch.setattr(database, "query", counted)
    shop.look(len(SKUS))
    newest = database.scalar("SELECT max(id) FROM stock_sync_log")
    assert [(seen_to, lines) for _, seen_to, _, lines in asked] == [(newest, [])]
    shop.ledger.close()
