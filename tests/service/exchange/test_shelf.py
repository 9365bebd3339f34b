"""However a file is cut, and whichever portions come again: what is gathered is the file."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock.service.exchange.sessions import Received, Session
from mpstock.service.exchange.shelf import Shelf
from tests.service.exchange.sites import stock

BODY = stock(*range(1, 30))
NOW = datetime(2026, 1, 12, 9, tzinfo=UTC)


def _cut(places: Sequence[int]) -> list[bytes]:
    bounds = [0, *sorted(set(places)), len(BODY)]
    return [BODY[start:end] for start, end in pairwise(bounds) if start < end]


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


@settings(max_examples=60)
@given(
    # No client cuts a file of some size into crumbs; the shortest portion that is told apart is 32 bytes.
    places=st.lists(st.integers(2, len(BODY) // 40 - 1).map(lambda at: at * 40), max_size=6),
    again=st.lists(st.integers(1, 3), min_size=8, max_size=8),
    restarts=st.lists(st.integers(0, 6), max_size=2),
    dies=st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_what_is_gathered_is_the_file(
    places: list[int], again: list[int], restarts: list[int], dies: list[bool]
) -> None:
    """Portions come again, the file begins anew after some of them, the process dies in between."""
    portions = _cut(places)
    sequence = [portion for end in restarts for portion in portions[:end]]
    for portion, times in zip(portions, again, strict=False):
        sequence += [portion] * times

    async def gather(folder: Path) -> bytes:
        shelf = Shelf(folder)
        shelf.begin(NOW)
        session = Session("token", "robot", NOW, NOW, "exchange-20260112-090000-00000000")
        session.files["offers.xml"] = Received(1)
        for portion, dead in zip(sequence, dies, strict=False):
            received = session.files["offers.xml"]
            shelf.append(received, await shelf.take_in(_once(portion), len(BODY)))
            session.save(shelf.record)
            if dead:
                # What it was writing when it died was never answered for.
                with shelf.path(received).open("ab") as stream:
                    stream.write(portion[:17])
                shelf = Shelf(folder)
                loaded = Session.load(shelf.record)
                assert loaded is not None
                assert loaded == session
                session = loaded
                assert shelf.whole(session.files["offers.xml"])
        received = session.files["offers.xml"]
        shelf.place(session, "goods/1/offers.xml", received)
        assert not shelf.path(received).exists()
        return shelf.placed(received).read_bytes()

    with tempfile.TemporaryDirectory() as folder:
        assert asyncio.run(gather(Path(folder))) == BODY
