"""A list written by hand in a folder, and a source that reads it."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from attrs import define

from mpstock import Finding, Level, Problem, Reading
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_files.plugin import mpstock_sources
from mpstock_files.settings import Columns, FilesSettings

(SPEC,) = mpstock_sources()
START = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
NBSP = "\u00a0"


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
        found = {(level.sku, level.warehouse): level.quantity for level in self.levels}
        assert len(found) == len(self.levels), "a product was told twice"
        return found

    @property
    def quantities(self) -> dict[str, int | None]:
        """By sku, where there is one warehouse."""
        return {sku: quantity for (sku, _), quantity in self.by_key.items()}

    @property
    def problems(self) -> list[Problem]:
        return [problem for reading in self.readings for problem in reading.problems]

    @property
    def cursor(self) -> str:
        assert self.last.cursor is not None
        return self.last.cursor


class Supplier:
    """A folder and a source over a file in it, on a clock that jumps."""

    def __init__(self, folder: Path, name: str = "stock.csv", **changed: Any) -> None:
        self.folder = folder
        self.name = name
        self.clock = VirtualClock()
        context = adapter_context(
            httpx.MockTransport(lambda _: httpx.Response(500)), name="supplier", clock=self.clock
        )
        settings = FilesSettings(**{"path": folder / name, **changed})
        self.source = build_adapter(SPEC, settings, context)

    def put(self, content: str | bytes, name: str = "", age: float = 0.0) -> Path:
        """Write the file, so many seconds old."""
        path = self.folder / (name or self.name)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        moment = int((self.clock.now().timestamp() - age) * 1e9)
        os.utime(path, ns=(moment, moment))
        return path

    def read(self, cursor: str | None = None) -> Read:
        return walk(self.source, cursor)

    def check(self) -> list[Finding]:
        async def findings() -> list[Finding]:
            return [finding async for finding in self.source.check()]

        return asyncio.run(findings())


def walk(source: Any, cursor: str | None = None) -> Read:
    """Read to the end."""

    async def readings() -> Read:
        return Read([reading async for reading in source.read(cursor)])

    return asyncio.run(readings())


def read(folder: Path, content: str | bytes, name: str = "stock.csv", **changed: Any) -> Read:
    """Read a list that has this in it."""
    supplier = Supplier(folder, name, **changed)
    supplier.put(content)
    return supplier.read()


def columns(**changed: Any) -> Columns:
    return Columns(**changed)
