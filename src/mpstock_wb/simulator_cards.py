"""The double's `POST /content/v2/get/cards/list`: a walk over the cards by their last change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from mpstock.simulation import Answer, Request
from mpstock_wb.simulator_answers import content_error
from mpstock_wb.simulator_catalogue import Card, Catalogue, wire_time

__all__ = ["cards_list"]

_LARGEST_PAGE = 100
_USUAL_PAGE = 10


@frozen
class _Query:
    limit: int
    after: tuple[datetime, int] | None
    ascending: bool
    with_photo: int
    text: str


def cards_list(request: Request, catalogue: Catalogue, *, photo_zero_is_any: bool) -> Answer:
    """Answer one page of the cards that are not in the trash.

    The answer's cursor is the last card's place; an empty page has only `total` in it.
    """
    try:
        body = request.json()
    except ValueError:
        return Answer(
            status=400,
            body=b"Request body can not be decoded",
            headers={"content-type": "text/plain; charset=utf-8"},
        )
    try:
        query = _query(body)
    except (TypeError, ValueError) as error:
        return content_error(400, f"Некорректный запрос: {error}", {})
    keep = _filter(query, photo_zero_is_any)
    cards = catalogue.page(query.after, query.limit, ascending=query.ascending, keep=keep)
    cursor: dict[str, Any] = {"total": len(cards)}
    if cards:
        cursor = {"updatedAt": wire_time(cards[-1].updated_at), "nmID": cards[-1].nm_id, **cursor}
    return Answer.json({"cards": [card.wire() for card in cards], "cursor": cursor})


def _query(body: Any) -> _Query:
    settings = _table(body, "settings")
    cursor = _table(settings, "cursor")
    chosen = _table(settings, "filter")
    limit = _number(cursor, "limit", _USUAL_PAGE)
    if not 1 <= limit <= _LARGEST_PAGE:
        raise ValueError(f"limit {limit}: от 1 до {_LARGEST_PAGE}")
    with_photo = _number(chosen, "withPhoto", 0)
    if with_photo not in (-1, 0, 1, 2):
        raise ValueError(f"withPhoto {with_photo}")
    ascending = _table(settings, "sort").get("ascending", False)
    if not isinstance(ascending, bool):
        raise TypeError("ascending")
    text = chosen.get("textSearch", "")
    if not isinstance(text, str):
        raise TypeError("textSearch")
    moment = cursor.get("updatedAt")
    number = _number(cursor, "nmID", 0)
    after = None
    if moment:
        if not isinstance(moment, str):
            raise TypeError("updatedAt")
        parsed = datetime.fromisoformat(moment)
        after = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)), number
    return _Query(limit, after, ascending, with_photo, text)


def _filter(query: _Query, photo_zero_is_any: bool) -> Callable[[Card], bool]:
    states = {-1: (True, False), 0: (False,), 1: (True,), 2: (False,)}[query.with_photo]
    if query.with_photo == 0 and photo_zero_is_any:
        states = (True, False)
    text = query.text

    def keep(card: Card) -> bool:
        return card.photo in states and (
            not text
            or text in (card.vendor_code, str(card.nm_id))
            or any(text in size.barcodes for size in card.sizes)
        )

    return keep


def _table(parent: Any, name: str) -> dict[str, Any]:
    found = parent.get(name, {}) if isinstance(parent, dict) else None
    if not isinstance(found, dict):
        raise TypeError(name)
    return found


def _number(table: dict[str, Any], name: str, default: int) -> int:
    found = table.get(name, default)
    if not isinstance(found, int) or isinstance(found, bool):
        raise TypeError(name)
    return found
