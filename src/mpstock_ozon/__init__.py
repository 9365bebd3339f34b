"""The Ozon adapter of mpstock: pushes stock to Ozon's own-warehouse (FBS, rFBS) listings.

It is found by mpstock through its entry point; there is nothing to import from here.
"""

from __future__ import annotations

__all__: list[str] = []
