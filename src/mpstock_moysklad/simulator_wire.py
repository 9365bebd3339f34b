"""How the МойСклад double writes: errors, dates, pages; and how it reads filters.

JSON API 1.2: general part (errors, metadata, filtering), errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, quote

from mpstock.simulation import Answer, Refusal, Request

__all__ = ["API", "ERRORS", "date_of", "dated", "error", "filters", "listed", "meta", "number_of"]

API = "/api/remap/1.2"
_MOSCOW = timezone(timedelta(hours=3))
_OPERATORS = (">=", "<=", "!=", "=", ">", "<")
_JSON = "application/json;charset=utf-8"

ERRORS = {
    1002: "Неопознанный путь",
    1014: "Неверное значение '{}' параметра фильтрации '{}'",
    1016: "Доступ запрещен: у вас нет прав на просмотр данного объекта",
    1021: "Объект с типом '{}' и идентификатором '{}' не найден",
    1049: "Превышено ограничение на количество запросов в единицу времени",
    1056: "Ошибка аутентификации: неправильный пароль или имя пользователя",
    1061: "Доступ к API запрещен",
    1062: "Неверное значение заголовка 'Accept'. Укажите '" + _JSON + "'",
    1073: "Превышено ограничение на одновременное количество запросов",
    13004: "Отчёт «Текущие остатки» доступен администратору и сотруднику с пермиссией на Остатки",
    13005: "Слишком большой отчёт, уточните фильтр",
}


def error(status: int, code: int, *words: str, **headers: str) -> Answer:
    """An error as МойСклад writes it."""
    body = {
        "errors": [
            {
                "error": ERRORS[code].format(*words),
                "code": code,
                "moreInfo": f"https://dev.moysklad.ru/doc/api/remap/1.2/#error_{code}",
            }
        ]
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer.json(body, status, {"content-type": _JSON, **named})


def dated(moment: datetime) -> str:
    """Write a moment: Moscow time, whole seconds."""
    return moment.astimezone(_MOSCOW).strftime("%Y-%m-%d %H:%M:%S")


def date_of(text: str, parameter: str) -> datetime:
    """Read a moment; a refusal where it is none."""
    try:
        moment = datetime.strptime(f"{text} +0300", "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        raise Refusal(error(400, 1014, text, parameter)) from None
    return moment.astimezone(UTC)


def number_of(request: Request, name: str, default: int) -> int:
    """Read a whole number of the query."""
    text = request.query.get(name, str(default))
    if not text.isdigit():
        raise Refusal(error(400, 1014, text, name))
    return int(text)


def filters(request: Request) -> list[tuple[str, str, str]]:
    """Read `filter=a=1,2;b>=3`, also repeated, as (name, operator, value)."""
    found: list[tuple[str, str, str]] = []
    for name, text in parse_qsl(request.raw_query, keep_blank_values=True):
        if name != "filter":
            continue
        for part in filter(None, text.split(";")):
            there = [(part.find(one), -len(one), one) for one in _OPERATORS if one in part]
            at, _, operator = min(there, default=(-1, 0, ""))
            if at < 1:
                raise Refusal(error(400, 1014, part, "filter"))
            values = part[at + len(operator) :].split(",")
            found += [(part[:at], operator, value) for value in values]
    return found


def meta(base: str, path: str, kind: str) -> dict[str, Any]:
    """The metadata of one thing."""
    return {
        "href": f"{base}{path}",
        "metadataHref": f"{base}/entity/{kind}/metadata",
        "type": kind,
        "mediaType": "application/json",
    }


def listed(
    request: Request, base: str, path: str, kind: str, rows: Sequence[Any], most: int = 1000
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return the rows of the page that was asked for, and the list's metadata with `nextHref`."""
    limit = min(max(number_of(request, "limit", most), 1), most)
    offset = number_of(request, "offset", 0)
    about: dict[str, Any] = {
        "href": f"{base}{path}",
        "type": kind,
        "mediaType": "application/json",
        "size": len(rows),
        "limit": limit,
        "offset": offset,
    }
    for name, start in (("nextHref", offset + limit), ("previousHref", max(offset - limit, 0))):
        if (name == "nextHref" and start < len(rows)) or (name == "previousHref" and offset > 0):
            rest = [
                (key, value)
                for key, value in parse_qsl(request.raw_query, keep_blank_values=True)
                if key not in ("limit", "offset")
            ]
            query = "&".join(f"{key}={quote(value, safe=';:,')}" for key, value in rest)
            about[name] = f"{base}{path}?limit={limit}&offset={start}{f'&{query}' if query else ''}"
    return rows[offset : offset + limit], about
