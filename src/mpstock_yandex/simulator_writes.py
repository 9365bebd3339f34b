"""What a write of stocks asks for: the body of the double's method, checked as its schema says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mpstock_yandex.simulator_wire import bad_request, is_int, moment_of, skus_of

__all__ = ["asked_rows"]

_LARGEST = 2_000_000_000


def asked_rows(body: dict[str, Any], now: datetime) -> list[tuple[str, int, datetime]]:
    """Return SKU, number and moment of each row; what is wrong with the body is refused."""
    entries = body.get("skus")
    if entries is None:
        raise bad_request("Missing field: skus")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise bad_request("JSON: Cannot deserialize value of skus")
    skus = skus_of({"skus": [entry.get("sku") for entry in entries]}, "skus", 2000) or []
    return [
        (sku, *_asked_item(index, entry.get("items"), now))
        for index, (sku, entry) in enumerate(zip(skus, entries, strict=True))
    ]


def _asked_item(index: int, items: Any, now: datetime) -> tuple[int, datetime]:
    place = f"skus[{index}].items"
    if not isinstance(items, list) or len(items) != 1 or not isinstance(items[0], dict):
        raise bad_request(f"Value / length of field ({place}) must be between 1 and 1")
    count: Any = items[0].get("count")
    if not is_int(count):
        raise bad_request(f"Missing field: {place}[0].count")
    if not 0 <= count <= _LARGEST:
        raise bad_request(f"Value of field ({place}[0].count) must be between 0 and {_LARGEST}")
    told = items[0].get("updatedAt")
    return count, now if told is None else moment_of(told, f"{place}[0].updatedAt")
