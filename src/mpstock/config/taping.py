"""What the settings file says of tapes: the table `[tapes]`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

__all__ = ["TapeSettings"]


def _positive(_: Any, attribute: attrs.Attribute[Any], value: timedelta) -> None:
    if value <= timedelta(0):
        raise ValueError(f'{attribute.name} must be a length of time above 0, such as "14d"')


@frozen
class TapeSettings:
    """`[tapes]`: whether each run is recorded, to be replayed later.

    `directory`  where the tapes are put; None = nothing is recorded.
    `keep`       tapes there that are older are let go.
    """

    directory: Path | None = None
    keep: timedelta = field(default=timedelta(days=14), validator=_positive)
