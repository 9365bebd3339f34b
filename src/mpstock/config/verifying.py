"""What the settings file says of reading back: the table `[verify]`."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import field, frozen

__all__ = ["VerifySettings"]


def _at_least(least: int) -> Any:
    def check(_: Any, attribute: attrs.Attribute[Any], value: int) -> None:
        if value < least:
            raise ValueError(f"{attribute.name} must be {least} or more, not {value}")

    return check


@frozen
class VerifySettings:
    """`[verify]`: what is read back though nothing asks for it, and when what is found needs a person.

    `sample`          listings of each sink that a run reads back at most, in turn; 0 = none.
    `another_writer`  so many listings within an hour that show somebody else's number are an alert; so is one
                      that does twice.
    `lost_writes`     so many writes in a row that a sink accepted and does not show are an alert.
    """

    sample: int = field(default=200, validator=_at_least(0))
    another_writer: int = field(default=3, validator=_at_least(1))
    lost_writes: int = field(default=3, validator=_at_least(1))
