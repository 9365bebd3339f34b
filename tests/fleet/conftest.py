from __future__ import annotations

from tests.fleet.fleets import play

__all__ = ["play"]
