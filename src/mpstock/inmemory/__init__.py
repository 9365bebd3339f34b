"""A source and a sink that live in memory: for tests and notebooks, and to read before writing one's own.

They keep every promise of `mpstock.interfaces`, and can be told to fail in every way that it allows.
"""

from __future__ import annotations

from mpstock.inmemory.sink import InMemorySink
from mpstock.inmemory.source import InMemorySource

__all__ = ["InMemorySink", "InMemorySource"]
