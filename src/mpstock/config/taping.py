"""What the settings file says of tapes: the table `[tapes]`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from attrs import field, frozen

from mpstock.validators import above_zero

__all__ = ["TapeSettings"]


@frozen
class TapeSettings:
    """`[tapes]`: whether each run is recorded, to be replayed later.

    `directory`  where the tapes are put; None = nothing is recorded.
    `keep`       tapes there that are older are let go.
    """

    directory: Path | None = None
    keep: timedelta = field(default=timedelta(days=14), validator=above_zero("14d"))
