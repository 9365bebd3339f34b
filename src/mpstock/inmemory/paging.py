"""What is read in memory comes in pages, as it would over a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["pages_of"]

T = TypeVar("T")


def pages_of(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield pages of `size`; one empty page if there is nothing, for a read always says that it was."""
    left = iter(items)
    page = list(islice(left, size))
    yield page
    while len(page) == size and (page := list(islice(left, size))):
        yield page
