"""Suppliers' lists for mpstock: reads stock from CSV, XLSX, XLS, ODS and YML.

It is found by mpstock through its entry point; there is nothing to import from here.
"""

from __future__ import annotations

__all__: list[str] = []
