"""The plugins' entry points of all that is installed, looked up anew only where something was installed."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "Announced", "announced"]

GROUP = "mpstock"
"""The group of entry points that a plugin announces itself in."""


@frozen
class Announced:
    """One entry point, with the distribution that it came with: both texts are empty where there is none."""

    entry_point: EntryPoint = field(repr=False)
    distribution: str = ""
    version: str = ""

    @property
    def name(self) -> str:
        """The entry point's name."""
        return str(self.entry_point.name)

    @classmethod
    def of(cls, entry_point: EntryPoint) -> Announced:
        """Read the distribution of an entry point."""
        found = entry_point.dist
        return cls(entry_point) if found is None else cls(entry_point, found.name, found.version)


def announced() -> tuple[Announced, ...]:
    """Return what the distributions on `sys.path` announce, by name.

    It reads two files of every distribution, so it remembers what it found until a folder of the path has
    changed, as one does that something is installed in.
    """
    return _scan(tuple((folder, _changed(folder)) for folder in sys.path))


def _changed(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=4)
def _scan(_path: tuple[tuple[str, int], ...]) -> tuple[Announced, ...]:
    from importlib.metadata import entry_points

    found = sorted(entry_points(group=GROUP), key=lambda entry_point: entry_point.name)
    return tuple(map(Announced.of, found))
