from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

import mpstock
from mpstock import Frame, PlannedChange
from mpstock.errors import ConfigurationError
from mpstock.inmemory import InMemorySource
from mpstock.ledger import log
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play, make, skus

MOMENT = pa.timestamp("us", tz="UTC")
ZONES = [UTC, timezone(timedelta(hours=3))]
moments = st.builds(
    lambda us, zone: (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(zone),
    st.integers(-5 * 10**15, 7 * 10**15),
    st.sampled_from(ZONES),
)


@frozen
class Row:
    sku: str
    quantity: int
    note: str | None
    wanted: int | None
    at: datetime
    over: datetime | None


rows = st.builds(
    Row,
    st.text(),
    st.integers(-(2**63), 2**63 - 1),
    st.none() | st.text(),
    st.none() | st.integers(-(2**31), 2**31),
    moments,
    st.none() | moments,
)
NAMES = ["sku", "quantity", "note", "wanted", "at", "over"]


def table(frame: Frame) -> pa.Table:
    return pa.table(frame)


@given(st.lists(st.lists(rows, max_size=20), max_size=4))
def test_what_goes_in_comes_out_on_every_way(pages: list[list[Row]]) -> None:
    """Texts in any script, missing values and moments of any zone are the same in lists, Arrow and polars."""
    frame = Frame.of("rows", Row, pages)
    records = [record for page in pages for record in page]
    expected = {name: [getattr(record, name) for record in records] for name in NAMES}
    assert len(frame) == len(records)
    assert frame.as_dict() == expected
    assert table(frame).to_pydict() == expected
    assert pl.DataFrame(frame).to_dict(as_series=False) == expected
    assert list(frame) == [{name: getattr(record, name) for name in NAMES} for record in records]
    assert Frame.of("rows", Row, [page[::-1] for page in pages[::-1]], backwards=True).as_dict() == expected


@pytest.mark.parametrize("pages", [[], [[]], [[Row("ё", 1, None, None, datetime.now(UTC), None)]]])
def test_the_types_are_there_without_rows(pages: list[list[Row]]) -> None:
    """An empty frame has its columns and their types: what is computed with it does not break at night."""
    frame = Frame.of("rows", Row, pages)
    assert table(frame).schema.equals(
        pa.schema(
            [
                pa.field("sku", pa.string(), nullable=False),
                pa.field("quantity", pa.int64(), nullable=False),
                pa.field("note", pa.string()),
                pa.field("wanted", pa.int64()),
                pa.field("at", MOMENT, nullable=False),
                pa.field("over", MOMENT),
            ]
        )
    )
    assert pa.schema(frame).equals(table(frame).schema)
    assert pl.DataFrame(frame).schema["at"] == pl.Datetime("us", "UTC")
    assert dict(frame.columns) == dict(zip(NAMES, ["text", "number"] * 2 + ["moment"] * 2, strict=True))


def test_the_values_outlive_the_frame() -> None:
    """What was handed over keeps its memory, though the frame itself is gone."""
    at = datetime(2026, 1, 12, tzinfo=UTC)
    taken = table(Frame.of("rows", Row, [[Row(f"SKU-{n}", n, None, n, at, None) for n in range(3000)]]))
    assert taken.column("sku").to_pylist() == [f"SKU-{n}" for n in range(3000)]


def test_a_broken_text_is_readable() -> None:
    """Half of a character, as a damaged file has it, does not keep the rest from being looked at."""
    change = PlannedChange("A\ud800", "ozon", "1", "x", 1, 0, "zero", "1c")
    assert Frame.of("plan", PlannedChange, [[change]]).as_dict()["sku"] == ["A?"]


def test_what_has_no_kind_of_column_is_refused() -> None:
    """A class with an attribute that is neither text, number nor moment makes no frame."""

    @frozen
    class Timed:
        seconds: float

    with pytest.raises(TypeError, match="seconds"):
        Frame.of("reports", Timed, [])


def test_without_nanoarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists and pandas work; who asks for Arrow is told the extra that brings it."""
    monkeypatch.setitem(sys.modules, "nanoarrow", None)
    at = datetime(2026, 1, 12, tzinfo=UTC)
    frame = Frame.of("rows", Row, [[Row("A", 1, None, None, at, None)]])
    with pytest.raises(ConfigurationError, match=r"pip install 'mpstock\[frames\]'"):
        pl.DataFrame(frame)
    assert pd.DataFrame(frame)["sku"].to_list() == ["A"]


def test_pandas_takes_it(tmp_path: Path) -> None:
    """By its constructor, from Arrow, and with types of Arrow, in which a missing number is no fraction."""
    play, source, _ = make(tmp_path, {"A": 5, "Б": 0})
    source.set("A", None)
    play.sync()
    with play.open() as shop:
        levels = shop.levels()
    plain = pd.DataFrame(levels).convert_dtypes()
    assert str(plain["quantity"].dtype) == "Int64"
    arrow = pd.DataFrame.from_arrow(levels)
    assert str(arrow["as_of"].dtype) == "datetime64[us, UTC]"
    exact = table(levels).to_pandas(types_mapper=pd.ArrowDtype)
    assert exact["quantity"].dtype == pd.ArrowDtype(pa.int64())
    for frame in (plain, arrow, exact):
        assert frame["sku"].to_list() == ["A", "Б"]
        assert frame["quantity"].isna().to_list() == [True, False]


def test_the_levels_are_what_the_sources_said(tmp_path: Path) -> None:
    """A row for each source, product and warehouse; what is not known any more says so, without a number."""
    play, source, _ = make(tmp_path, {"A": 5, "B": 7})
    source.set("A", 5, reserved=2)
    play.sync()
    source.set("B", None)
    play.clock.advance(60)
    play.sync()
    with play.open() as shop:
        frame = shop.levels()
        assert shop.levels(skus=["A"]).as_dict()["sku"] == ["A"]
        assert len(shop.levels(source="erp")) == 2
        assert len(shop.levels(skus=[])) == 0
    a, b = frame
    assert (a["source"], a["warehouse"], a["quantity"], a["reserved"], a["available"]) == (
        "erp", "main", 5, 2, 3,
    )  # fmt: skip
    assert (a["unknown_since"], a["unknown_why"]) == (None, None)
    assert (b["sku"], b["quantity"], b["available"]) == ("B", None, None)
    assert b["unknown_since"] > b["as_of"]
    assert b["unknown_why"]
    assert a["as_of"].tzinfo is UTC


def test_the_listings_show_and_should_show(tmp_path: Path) -> None:
    """What is shown, what is wanted, what was refused: as the ledger has it."""
    play, source, account = make(tmp_path, {"A": 5, "B": 7})
    play.sync()
    source.set("A", 3)
    account.refuse("A", "X", "нет такого товара", times=-1)
    play.sync()
    with play.open() as shop:
        frame = pl.DataFrame(shop.listings())
        assert shop.listings(sink="shop", skus=["B"]).as_dict()["sku"] == ["B"]
    a, b = frame.iter_rows(named=True)
    assert (a["sku"], a["base"], a["wanted"], a["status"], a["lane"]) == ("A", 5, 3, "error", "fall")
    assert a["error_message"] == "нет такого товара"
    assert (b["base"], b["wanted"], b["confirmed"], b["lane"], b["held"]) == (7, 7, 7, None, None)
    assert frame.schema["confirmed_at"] == pl.Datetime("us", "UTC")
    assert "id" not in frame.columns


def sold(tmp_path: Path) -> tuple[Play, InMemorySource, Account]:
    """A shop whose product A fell from 5 to 1, a unit each minute."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    for left in (5, 4, 3, 2, 1):
        source.set("A", left)
        play.sync()
        play.clock.advance(60)
    return play, source, account


def test_the_history_is_the_log_the_oldest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page it is the same as at once, of one product, of all, and between two moments."""
    play, _, _ = sold(tmp_path)
    with play.open() as shop:
        history = shop.history("A").as_dict()
        assert history["new"] == [5, 4, 3, 2, 1]
        assert history["old"] == [0, 5, 4, 3, 2]
        assert history["id"] == [row.id for row in reversed(shop.log(sku="A"))]
        whole = shop.history().as_dict()
        assert len(whole["id"]) == 6
        monkeypatch.setattr("mpstock.frames.reading.PAGE", 2)
        monkeypatch.setattr(log, "SEARCHED", 2)
        assert shop.history("A").as_dict() == history
        assert shop.history().as_dict() == whole
        since, until = history["at"][1], history["at"][3]
        assert shop.history("A", since=since, until=until).as_dict()["new"] == [4, 3, 2]
        local = since.astimezone(shop.config.schedule.timezone).replace(tzinfo=None)
        assert shop.history("A", since=local).as_dict()["new"] == [4, 3, 2, 1]
        assert len(shop.history("A", since=history["at"][-1] + timedelta(seconds=1))) == 0
        assert shop.history("A", sink="shop").as_dict() == history


def test_pages_of_levels_and_listings_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the last row of a page nor the first of the next is lost or told twice."""
    monkeypatch.setattr("mpstock.frames.reading.PAGE", 3)
    play, _, _ = make(tmp_path, dict.fromkeys(skus(10), 5))
    play.sync()
    with play.open() as shop:
        assert sorted(shop.levels().as_dict()["sku"]) == sorted(skus(10))
        assert sorted(table(shop.listings()).column("sku").to_pylist()) == sorted(skus(10))


def test_wrong_names_are_told(tmp_path: Path) -> None:
    """An empty frame would look like an answer: the nearest right name is said instead."""
    play, _, _ = make(tmp_path, {"A": 5})
    with play.open() as shop:
        assert len(shop.levels(source="erp")) == 0
        assert len(shop.listings(sink="shop")) == 0
        shop.sync()
        with pytest.raises(ConfigurationError, match=r"no source 'epr'.*did you mean erp"):
            shop.levels(source="epr")
        for ask in (shop.listings, shop.history):
            with pytest.raises(ConfigurationError, match=r"no sink 'sohp'.*did you mean shop"):
                ask(sink="sohp")
        with pytest.raises(ConfigurationError, match="no source knows 'Z'"):
            shop.history("Z")
        with pytest.raises(ConfigurationError, match="a list of articles"):
            shop.levels(skus="A")


def test_what_has_left_the_settings_is_told(tmp_path: Path) -> None:
    """A sink that is in the settings no more can be asked for by its name: its history is there."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    other = Play(tmp_path, {"new": source}, {"other": account}, clock=play.clock)
    with other.open() as shop:
        assert shop.history("A", sink="shop").as_dict()["new"] == [5]
        assert shop.levels(source="erp").as_dict()["sku"] == ["A"]


def test_a_plan_is_a_frame(tmp_path: Path) -> None:
    """Every change of it, what is unknown missing, and what a guard holds with its reason."""
    play, source, _ = make(tmp_path, dict.fromkeys(skus(40), 5))
    first = pl.DataFrame(play.plan().frame())
    assert first["new"].to_list() == [5] * 40
    assert first["old"].null_count() == 0
    assert len(play.plan(skus=[]).frame()) in (0, 40)
    play.sync()
    for sku in skus(40):
        source.set(sku, 0)
    held = play.plan().frame().as_dict()
    assert set(held["held"]) == {"zeroing"}
    assert all(held["reason"])


@pytest.mark.sqlite("PostgreSQL has no ledger in memory")
def test_a_shop_in_memory(tmp_path: Path) -> None:
    """A ledger that is no file tells its frames too."""
    source = mpstock.source(lambda: {"A": 9})
    sink = mpstock.sink(sells=["A"])(lambda changes: None)
    with mpstock.Shop(sources={"s": source}, sinks={"k": sink}) as shop:
        shop.sync()
        assert shop.levels().as_dict()["quantity"] == [9]
        assert shop.history("A").as_dict()["new"] == shop.listings().as_dict()["base"]


def test_a_notebook_shows_the_first_rows_escaped(tmp_path: Path) -> None:
    """Articles of others are no HTML, Russian is Russian, and what is left out is counted."""
    hostile = '<b onmouseover="x">Чайник</b>'
    play, _, _ = make(tmp_path, dict.fromkeys([hostile, *skus(30)], 5))
    play.sync()
    with play.open() as shop:
        page = shop.listings()._repr_html_()
        history = shop.history(hostile)
    assert "<b onmouseover" not in page
    assert "&gt;Чайник&lt;" in page
    assert "… and 11 more" in page
    assert "<b onmouseover" not in history._repr_html_()
    assert repr(history).startswith(f"<History of {hostile}: 1 rows of id, sku, sink")


def test_a_run_goes_on_meanwhile(tmp_path: Path) -> None:
    """A frame is as of one moment: what a run writes while it is read is in the next one."""
    play, source, _ = make(tmp_path, dict.fromkeys(skus(3), 5))
    play.sync()
    clock: VirtualClock = play.clock
    with play.open() as shop:
        before = shop.listings()
        source.set(skus(3)[0], 1)
        clock.advance(60)
        shop.sync()
        assert before.as_dict()["base"] == [5, 5, 5]
        assert sorted(shop.listings().as_dict()["base"]) == [1, 5, 5]
