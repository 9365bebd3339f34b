"""What the double takes a stock request's body for.

Wildberries does not validate the names of a request's parameters: a row whose keys are misspelt is
answered with 204 and stores nothing. The one exception is the retired key `sku`, which is refused.
"""

from __future__ import annotations

from typing import Any

from mpstock.simulation import Answer, Request
from mpstock_wb.simulator_answers import refusal

__all__ = ["MOST", "asked_ids", "asked_rows"]

MOST = 1000
"""The most rows or ids in one request."""


def asked_rows(request: Request) -> list[tuple[int, int]] | Answer:
    """Return the rows (size, amount) of a stock write that have the right names, or the refusal of all.

    Of a size that comes twice the last row counts.
    """
    body = _object(request)
    if not body:
        return _bad_body()
    if "stocks" not in body:
        return []
    stocks = body["stocks"]
    if not isinstance(stocks, list) or not stocks:
        return _bad_body()
    if len(stocks) > MOST:
        return _too_many()
    rows: dict[int, int] = {}
    for row in stocks:
        if not isinstance(row, dict):
            return _bad_body()
        if "sku" in row:
            return refusal(
                400,
                "SKUUploadDisabled",
                "Uploading stock is not allowed by 'sku'. Please use the 'chrtId' key",
            )
        if "chrtId" not in row or "amount" not in row:
            continue
        chrt_id, amount = row["chrtId"], row["amount"]
        if not _whole(chrt_id) or not _whole(amount):
            return _bad_body()
        if chrt_id < 0 or amount < 0:
            return refusal(400, "IncorrectRequest", "Переданы некорректные данные")
        rows[chrt_id] = amount
    return list(rows.items())


def asked_ids(request: Request, *, least: int) -> list[int] | Answer:
    """Return the sizes that a read or a removal names, or its refusal."""
    body = _object(request)
    ids = None if body is None else body.get("chrtIds")
    if not isinstance(ids, list) or not all(_whole(one) for one in ids) or len(ids) < least:
        return _bad_body()
    return _too_many() if len(ids) > MOST else list(dict.fromkeys(ids))


def _object(request: Request) -> dict[str, Any] | None:
    try:
        body = request.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _bad_body() -> Answer:
    return refusal(400, "IncorrectRequestBody", "Incorrect required body")


def _too_many() -> Answer:
    return refusal(413, "RequestEntityTooLarge", f"more than {MOST} objects")
