"""The Odoo adapter of mpstock: reads stock over JSON-2 or JSON-RPC.

It is found by mpstock through its entry point; there is nothing to import from here.
"""

from __future__ import annotations

__all__: list[str] = []
