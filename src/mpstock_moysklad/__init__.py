"""The МойСклад adapter of mpstock: reads stock from the МойСклад JSON API.

It is found by mpstock through its entry point; there is nothing to import from here.
"""

from __future__ import annotations

__all__: list[str] = []
