"""The 1C adapter of mpstock: reads stock from an HTTP service of 1C:Enterprise.

It is found by mpstock through its entry point; there is nothing to import from here.
"""

from __future__ import annotations

__all__: list[str] = []
