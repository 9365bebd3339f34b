"""What the contract tests of a source are told by the plugin's author."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from mpstock.clock import Clock
from mpstock.interfaces import Source
from mpstock.model import Reading
from mpstock.simulation import SourceSimulator
from mpstock.testing.bench import Bench, walked
from mpstock.testing.contract import Contract, kit
from mpstock.testing.levels import Place

__all__ = ["SourceBench", "SourceSetting"]

SourceBench = Bench[SourceSimulator, Source]


@kit
class SourceSetting(Contract):
    """What an author says of a source and its double."""

    kind: ClassVar[str] = "sources"

    skus: ClassVar[tuple[str, ...]] = ("A-1", "Кружка «синяя» 0,5 л", "00123", "a/b+c&d=%20 #1", "Ёж-ß-中")
    """Articles that the vendor can have: five at least."""

    warehouses: ClassVar[tuple[str, ...]] = ("main", "Склад № 2")
    """The seller's warehouses, as the double and the levels name them; one will do."""

    rows: ClassVar[int] = 25
    """How many more products the double gets: more than one page of the vendor's, if that is cheap."""

    incremental: ClassVar[bool] = True
    """False: each read tells everything, whatever the cursor."""

    negative: ClassVar[bool] = True
    """False: the vendor cannot be below zero."""

    fractions: ClassVar[bool] = True
    """False: the vendor's quantities are whole."""

    pads: ClassVar[bool] = True
    """False: the vendor keeps no blanks around an article."""

    largest: ClassVar[int] = 987_654_321
    """A large quantity that has to be read to the unit."""

    empty: ClassVar[Literal["unknown", "zero"]] = "unknown"
    """`"zero"`: the source is its own truth and cannot be empty by mistake."""

    # -- what the author writes ----------------------------------------------------------

    def make_simulator(self, clock: Clock) -> SourceSimulator:
        """Return the vendor's double on this clock, without any levels."""
        raise NotImplementedError(f"{type(self).__name__} needs make_simulator(self, clock)")

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        """Make the row of a product unreadable, so that its quantity is not known."""
        raise NotImplementedError

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        """Let the vendor tell the row of a product twice."""
        raise NotImplementedError

    def reserve(self, simulator: Any, sku: str, warehouse: str, quantity: int) -> None:
        """Let the vendor keep so much for its own orders; for a source that tells reserves."""
        raise NotImplementedError

    # -- helpers -------------------------------------------------------------------------

    def make_double(self, clock: Clock) -> SourceSimulator:
        """Return the double with the stock of the test."""
        simulator = self.make_simulator(clock)
        for (sku, warehouse), quantity in self.stock().items():
            simulator.set_level(sku, quantity, warehouse)
        return simulator

    def stock(self) -> dict[Place, int]:
        """Return what the double has at the beginning of a test."""
        first, *others = self.warehouses
        stock = {(sku, first): number for sku, number in zip(self.skus, (12, 7, 0, 1, 250), strict=False)}
        stock |= {(self.skus[0], other): 3 for other in others}
        return stock | {(f"SKU-{number:04d}", first): number % 17 for number in range(self.rows)}

    async def read(self, bench: SourceBench, cursor: str | None = None) -> list[Reading]:
        """Read to the end; fail if that fails."""
        told = await walked(bench.adapter.read(cursor))
        assert told.error is None, f"read({cursor!r}) raised {told.error!r} from a double that works"
        assert told.pages, f"read({cursor!r}) yielded nothing: one empty Reading is the least"
        return told.pages
