"""How the double writes its answers: lists and errors of OData 3 as 1C has them, pages of the web server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from mpstock.simulation import Answer, Refusal

__all__ = ["BOM", "error", "number", "page", "rows"]

BOM = b"\xef\xbb\xbf"

_JSON = {"content-type": "application/json;odata=minimalmetadata;charset=utf-8", "dataserviceversion": "3.0"}
_XML = {"content-type": "application/xml;charset=utf-8", "dataserviceversion": "3.0"}
_HTML = {"content-type": "text/html; charset=utf-8"}
_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_NAMESPACE = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"


def rows(
    values: Sequence[Mapping[str, Any]], about: str, *, count: int | None = None, bom: bool = False
) -> Answer:
    """A list; `about` is the address that its metadata are at. A count is an `Edm.Int64`, so it is text."""
    data: dict[str, Any] = {"odata.metadata": about}
    if count is not None:
        data["odata.count"] = str(count)
    data["value"] = values
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(200, BOM + body if bom else body, _JSON)


def error(status: int, code: str, text: str, *, xml: bool = False, language: str = "ru") -> Refusal:
    """An error of 1C. Its code is text, and it may be XML whatever was asked for."""
    if xml:
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<m:error xmlns:m="{_NAMESPACE}"><m:code>{code}</m:code>'
            f'<m:message xml:lang="{language}">{escape(text)}</m:message></m:error>'
        )
        return Refusal(Answer(status, body.encode(), _XML))
    data = {"odata.error": {"code": code, "message": {"lang": language, "value": text}}}
    return Refusal(Answer(status, json.dumps(data, ensure_ascii=False).encode(), _JSON))


def page(status: int, title: str, **headers: str) -> Answer:
    """A page of the web server before 1C."""
    return Answer(status, _PAGE.format(escape(title)).encode(), {**_HTML, **headers})


def number(value: Decimal, kind: str) -> Any:
    """A number of an `Edm` type in JSON: `Int64` as text, `Double` without a fraction where it has none."""
    if kind == "Edm.Int64":
        return str(int(value))
    whole = int(value)
    return whole if whole == value else float(value)


def listed(names: Iterable[str]) -> str:
    """Names in a sentence."""
    return ", ".join(sorted(names))
