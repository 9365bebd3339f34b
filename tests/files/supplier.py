"""A list written by hand in a folder, and a source that reads it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from mpstock import Finding
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_files.plugin import mpstock_sources
from mpstock_files.settings import Columns, FilesSettings
from tests.reading import Read, findings, walk

(SPEC,) = mpstock_sources()
START = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)
NBSP = "\u00a0"


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
        return findings(self.source)


def read(folder: Path, content: str | bytes, name: str = "stock.csv", **changed: Any) -> Read:
    """Read a list that has this in it."""
    supplier = Supplier(folder, name, **changed)
    supplier.put(content)
    return supplier.read()


def columns(**changed: Any) -> Columns:
    return Columns(**changed)
