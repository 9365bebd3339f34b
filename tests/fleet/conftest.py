from __future__ import annotations

from tests.fleet.fleets import play, postgresql

__all__ = ["play", "postgresql"]
