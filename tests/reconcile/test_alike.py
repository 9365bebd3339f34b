"""Products that are alike get the numbers that each gets alone: what is remembered of one holds for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from mpstock.config import SharingSettings
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import NO_BUFFER, Account, Play

RELEASED = ("zeroing", "raising", "takeover")
STOCK = ((2, 1), (5, 0), (None, None))
KINDS = list(product(STOCK, (False, True), ((0, 0, 0), (3, 3, 3))))
"""What is there, whether it is lost sight of then, and what the three listings show at first."""


def shop(folder: Path, products: Mapping[str, Any], between: Any) -> tuple[Play, Account, Account]:
    """Sync a shop of these products, lose sight of some, and plan all of them again: a buffer has changed."""
    clock = VirtualClock()
    source = InMemorySource(
        {(sku, code): units for sku, (stock, _, _) in products.items() for code, units in by_code(stock)},
        clock=clock,
    )
    two = Account(
        list(products),
        warehouses=("w1", "w2"),
        shown={
            (sku, code): units
            for sku, (_, _, shown) in products.items()
            for code, units in zip(("w1", "w2"), shown[:2], strict=True)
        },
        clock=clock,
        account="two",
    )
    shown = {(sku, "main"): shown[2] for sku, (_, _, shown) in products.items()}
    one = Account(list(products), shown=shown, clock=clock)
    folder.mkdir()
    play = Play(folder, {"erp": source}, {"one": one, "two": two}, clock=clock)
    play.sharing = SharingSettings(between)
    share = Decimal("0.5") if between == "split" else None
    for name in ("one", "two"):
        play.set_sink(name, share=share, buffer={"absolute": 1})
    play.sync(release=RELEASED)
    for sku, (_, lost, _) in products.items():
        for code, _ in by_code((0, 0)) if lost else ():
            source.set(sku, None, warehouse=code)
    play.sync(release=RELEASED)
    for name in ("one", "two"):
        play.set_sink(name, buffer=NO_BUFFER)
    play.sync(release=RELEASED)
    return play, one, two


def by_code(stock: Sequence[int | None]) -> Sequence[tuple[str, int | None]]:
    """Name the two warehouses."""
    return tuple(zip(("north", "south"), stock, strict=True))


@pytest.mark.parametrize("between", ["shared", "split", "exclusive"])
def test_alike_is_as_alone(between: str, tmp_path: Path) -> None:
    """A shop with two products of each kind shows of both what a shop shows that has the kind alone."""
    products = {f"K{kind}-{nth}": what for nth in range(2) for kind, what in enumerate(KINDS)}
    many, *accounts = shop(tmp_path / "many", products, between)
    with many.open() as together:
        for kind, what in enumerate(KINDS):
            play, *others = shop(tmp_path / f"kind {kind}", {"K": what}, between)
            with play.open() as single:
                alone = single.explain("K")
            for sku in (f"K{kind}-0", f"K{kind}-1"):
                for account, apart in zip(accounts, others, strict=True):
                    mine = {code: shown for (name, code), shown in account.shown.items() if name == sku}
                    assert mine == {code: shown for (_, code), shown in apart.shown.items()}
                for one, other in zip(together.explain(sku).listings, alone.listings, strict=True):
                    assert (one.wanted, one.available) == (other.wanted, other.available)
                    assert [(s.name, s.value) for s in one.stages] == [
                        (s.name, s.value) for s in other.stages
                    ]
