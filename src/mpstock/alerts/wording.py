"""What one kind of trouble is called in one language."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Texts"]


@frozen
class Texts:
    """A title, a sentence or two, and what to do."""

    title: str
    message: str
    mend: str
