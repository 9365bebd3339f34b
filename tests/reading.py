"""What tests of every source have in common: a walk over it to the end, and what that brought."""

from __future__ import annotations

import asyncio
from typing import Any

from attrs import define

from mpstock import Finding, Level, Problem, Reading

__all__ = ["Read", "Repeating", "findings", "walk"]


@define
class Read:
    """What one walk over a source brought."""

    readings: list[Reading]

    @property
    def last(self) -> Reading:
        return self.readings[-1]

    @property
    def levels(self) -> list[Level]:
        return [level for reading in self.readings for level in reading.levels]

    @property
    def by_key(self) -> dict[tuple[str, str], int | None]:
        """Quantities by sku and warehouse; each is told once."""
        found = {(level.sku, level.warehouse): level.quantity for level in self.levels}
        assert len(found) == len(self.levels), f"a product was told twice: {self.levels}"
        return found

    @property
    def quantities(self) -> dict[str, int | None]:
        """Quantities by sku, where there is one warehouse."""
        found = {level.sku: level.quantity for level in self.levels}
        assert len(found) == len(self.levels), f"a product was told twice: {self.levels}"
        return found

    @property
    def holds(self) -> dict[str, int]:
        """Units by sku, of holds in no particular warehouse."""
        assert all(hold.warehouse is None for hold in self.last.holds)
        return {hold.sku: hold.quantity for hold in self.last.holds}

    @property
    def problems(self) -> list[Problem]:
        return [problem for reading in self.readings for problem in reading.problems]

    @property
    def cursor(self) -> str:
        assert self.last.cursor is not None
        return self.last.cursor


class Repeating(Read):
    """The same of a source that may say again what it has said: the same again, nothing else."""

    @property
    def by_key(self) -> dict[tuple[str, str], int | None]:
        found: dict[tuple[str, str], int | None] = {}
        for level in self.levels:
            before = found.setdefault((level.sku, level.warehouse), level.quantity)
            assert before == level.quantity, f"told twice, and not the same: {self.levels}"
        return found

    @property
    def quantities(self) -> dict[str, int | None]:
        found = {sku: quantity for (sku, _), quantity in self.by_key.items()}
        assert len(found) == len(self.by_key), f"there are several warehouses: {self.by_key}"
        return found


def walk(source: Any, cursor: str | None = None) -> Read:
    """Read to the end."""

    async def read() -> Read:
        return Read([reading async for reading in source.read(cursor)])

    return asyncio.run(read())


def findings(source: Any) -> list[Finding]:
    """Check to the end."""

    async def check() -> list[Finding]:
        return [finding async for finding in source.check()]

    return asyncio.run(check())
