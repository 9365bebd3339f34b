"""Ozon's document for the methods that list postings, where its schema contradicts its own examples."""

from __future__ import annotations

from typing import Any

from tests import specs

__all__ = ["ozon_with_postings"]


def ozon_with_postings() -> specs.Spec:
    """Return Ozon's document, the contradictions of its methods of postings resolved too.

    Its dates have the "pattern" ` YYYY-MM-DDThh:mm:ss.mcsZ`, which is a picture and no expression, and
    `delivering_date`, null in the examples until the handover, is not said to be nullable.
    """
    return specs.load(specs.OZON, _contradictions)


def _contradictions(document: dict[str, Any]) -> None:
    specs.contradictions(document)
    _walk(document["components"]["schemas"])


def _walk(node: Any) -> None:
    if isinstance(node, list):
        for one in node:
            _walk(one)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("pattern"), str) and "YYYY" in node["pattern"]:
        del node["pattern"]
    date = node.get("delivering_date")
    if isinstance(date, dict) and date.get("type") == "string":
        date["nullable"] = True
    for one in node.values():
        _walk(one)
