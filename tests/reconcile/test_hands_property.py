"""Whatever people decide, take back or let expire, in any order: the numbers are those of the formula."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock import Shop
from mpstock.config import SinkWarehouse
from mpstock.errors import ConfigurationError
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play

SKUS = ("A", "B", "C")
BRANDS = {"A": "Acme", "B": "Acme", "C": ""}
PLACES = (("one", "1"), ("one", "2"), ("two", "9"))
CAP = 4

Scope = tuple[str | None, str | None, str | None, str | None]
"""Sink, sink warehouse, brand, sku; None = all."""

scopes = st.tuples(
    st.sampled_from([None, "one", "two"]),
    st.sampled_from([None, "1", "9"]),
    st.sampled_from([None, "Acme"]),
    st.sampled_from([None, *SKUS]),
).filter(lambda scope: (scope[0], scope[1]) not in (("one", "9"), ("two", "1")))


@frozen
class Said:
    """An intervention as somebody who reads the manual remembers it."""

    number: int
    kind: str
    scope: Scope
    quantity: int
    ends: datetime | None

    def covers(self, sku: str, sink: str, code: str) -> bool:
        """Whether a listing is in its scope."""
        parts = zip(self.scope, (sink, code, BRANDS[sku], sku), strict=True)
        return all(part is None or part == own for part, own in parts)

    @property
    def specific(self) -> tuple[bool, ...]:
        """Article before sink warehouse before sink before brand."""
        sink, code, brand, sku = self.scope
        return (sku is not None, code is not None, sink is not None, brand is not None)


@frozen
class Manual:
    """The rules of the manual, without any state but what is in force and what is shown."""

    said: list[Said] = field(factory=list[Said])

    def put(self, new: Said) -> None:
        """One of the same kind and scope is replaced."""
        self.said[:] = [s for s in self.said if (s.kind, s.scope) != (new.kind, new.scope)] + [new]

    def after(self, shown: int, sku: str, place: tuple[str, str], stock: int, now: datetime) -> int:
        """What a listing shows after a run, that showed so much before it."""
        mine = [s for s in self.said if s.covers(sku, *place) and (s.ends is None or s.ends > now)]
        if any(s.kind == "stop" for s in mine):
            return shown
        if any(s.kind == "zero" for s in mine):
            return 0
        pins = [s for s in mine if s.kind == "pin"]
        if pins:
            return min(max(pins, key=lambda s: (s.specific, s.number)).quantity, max(stock, 0))
        return min(CAP, max(stock, 0))


steps = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["stop", "zero", "pin"]), scopes, st.integers(0, 8),
            st.sampled_from([None, 5, 20, 60]),
        ),
        st.tuples(st.just("resume"), scopes),
        st.tuples(st.just("stock"), st.sampled_from(SKUS), st.integers(-1, 9)),
        st.tuples(st.just("wait"), st.sampled_from([1, 10, 30])),
        st.tuples(st.just("sync")),
    ),
    max_size=25,
)  # fmt: skip

_folders = count()


def decide(shop: Shop, kind: str, scope: Scope, quantity: int, seconds: int | None) -> None:
    """Say it to the shop."""
    sink, warehouse, brand, sku = scope
    skus = None if sku is None else [sku]
    lasts = None if seconds is None else timedelta(seconds=seconds)
    if kind == "stop":
        shop.stop(skus=skus, sink=sink, warehouse=warehouse, brand=brand, lasts=lasts)
    elif kind == "zero":
        shop.zero(skus=skus, sink=sink, warehouse=warehouse, brand=brand, lasts=lasts)
    else:
        shop.pin(quantity, skus=skus, sink=sink, warehouse=warehouse, brand=brand, lasts=lasts)


def take_back(shop: Shop, scope: Scope) -> None:
    """Take it back, whether there is anything or not."""
    sink, warehouse, brand, sku = scope
    with suppress(ConfigurationError):
        shop.resume(skus=None if sku is None else [sku], sink=sink, warehouse=warehouse, brand=brand)


@settings(max_examples=15)
@given(script=steps)
def test_any_decisions_in_any_order_end_in_the_numbers_of_the_manual(
    tmp_path_factory: object, script: list[tuple[object, ...]]
) -> None:
    """Put, replaced, taken back, expired between runs, while stock moves; a stop keeps what is shown."""
    folder = tmp_path_factory.mktemp(f"hands{next(_folders)}")  # type: ignore[attr-defined]
    play, source, accounts = shop_of(folder)
    stock: dict[str, int] = dict.fromkeys(SKUS, 6)
    manual = Manual()
    shown = {(sku, place): 0 for sku in SKUS for place in PLACES}
    numbers = count(1)
    with play.open() as shop:

        def run() -> None:
            play.clock.advance(1)
            shop.sync()
            now = play.clock.now()
            for sku, place in shown:
                shown[sku, place] = manual.after(shown[sku, place], sku, place, stock[sku], now)
                found = accounts[place[0]].shown.get((sku, place[1]), 0)
                assert found == shown[sku, place], (sku, place, manual.said)

        run()
        for step in script:
            match step:
                case ("resume", scope):
                    take_back(shop, scope)  # type: ignore[arg-type]
                    manual.said[:] = [
                        s for s in manual.said
                        if s.scope != scope or (s.ends is not None and s.ends <= play.clock.now())
                    ]  # fmt: skip
                case ("stock", str(sku), int(quantity)):
                    stock[sku] = quantity
                    for own in ("x", "y"):
                        source.set(sku, quantity, warehouse=own)
                case ("wait", int(seconds)):
                    play.clock.advance(seconds)
                case ("sync",):
                    run()
                case (str(kind), scope, int(quantity), seconds):
                    decide(shop, kind, scope, quantity, seconds)  # type: ignore[arg-type]
                    ends = None
                    if isinstance(seconds, int):
                        ends = play.clock.now() + timedelta(seconds=seconds)
                    manual.put(Said(next(numbers), kind, scope, quantity, ends))  # type: ignore[arg-type]
        run()
        assert shop.status().dirty == 0


def shop_of(folder: Path) -> tuple[Play, InMemorySource, dict[str, Account]]:
    """Three products, two of one brand; two accounts, one with two warehouses, each fed by its own."""
    clock = VirtualClock()
    source = InMemorySource({(sku, own): 6 for sku in SKUS for own in ("x", "y")}, clock=clock)
    one = Account(SKUS, warehouses=("1", "2"), clock=clock, account="one")
    two = Account(SKUS, warehouses=("9",), clock=clock, account="two")
    play = Play(folder, {"erp": source}, {"one": one, "two": two}, clock=clock)
    first, second, other = (SinkWarehouse(code, (own,)) for code, own in (("1", "x"), ("2", "y"), ("9", "x")))
    play.set_sink("one", warehouses=(first, second), buffer={"policy": "all", "cap": CAP})
    play.set_sink("two", warehouses=(other,), buffer={"policy": "all", "cap": CAP})
    play.products = folder / "products.csv"
    play.products.write_text("sku,brand\nA,Acme\nB,Acme\n", encoding="utf-8")
    return play, source, {"one": one, "two": two}
