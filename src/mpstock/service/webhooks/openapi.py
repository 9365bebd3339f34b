"""The document that says what the doors take and answer: `GET /openapi.json` (OpenAPI 3.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mpstock.rows import LARGEST
from mpstock.service.webhooks.carts import LONGEST_HOLD, MOST_ITEMS, MOST_UNITS
from mpstock.service.webhooks.credentials import SIGNATURE, TIMESTAMP
from mpstock.service.webhooks.doors import LONGEST_KEY, Answer, Call, Porter
from mpstock.service.webhooks.refusals import PROBLEM
from mpstock.service.webhooks.stock import MOST_TOLD

if TYPE_CHECKING:
    from mpstock.config import ServiceSettings

__all__ = ["DocumentDoor", "document"]

Json = dict[str, Any]


class DocumentDoor:
    """Answers with the document; anybody may read it, for it says nothing of this shop."""

    def __init__(self, porter: Porter) -> None:
        self._text = json.dumps(document(porter.service.settings), ensure_ascii=False)

    async def get(self, call: Call) -> Answer:
        """Return the document."""
        return Answer(self._text)


def document(settings: ServiceSettings) -> Json:
    """Return the document of a service with these settings."""
    from mpstock import __version__

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mpstock",
            "version": __version__,
            "summary": "Stock, carts and notifications that other systems bring to mpstock",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": settings.public_url.rstrip("/") or "."}],
        "paths": {
            "/webhooks/{source}/stock": {"parameters": [_SOURCE], "post": _stock(settings)},
            "/webhooks/{name}/notify": {"parameters": [_NAME], "post": _notify("notify", _SIGNED)},
            "/webhooks/{name}/notify/{token}": {
                "parameters": [_NAME, _TOKEN],
                "post": _notify("notifyByAddress", []),
            },
            "/carts/{key}": {"parameters": [_KEY], "put": _PUT, "delete": _DELETE},
            "/openapi.json": {"get": _DOCUMENT},
        },
        "components": {"schemas": _SCHEMAS, "securitySchemes": _SCHEMES, "responses": _RESPONSES},
    }


def _named(name: str, says: str, where: str = "path", **schema: Any) -> Json:
    needed = {"required": True} if where == "path" else {}
    return {
        "name": name,
        "in": where,
        "description": says,
        **needed,
        "schema": {"type": "string", "minLength": 1, **schema},
    }


def _answered(schema: Json, says: str = "Taken.") -> Json:
    return {"description": says, "content": {"application/json": {"schema": schema}}}


def _problems(*statuses: int) -> Json:
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_NAMELY: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_KEY,
    "pattern": "^[!-~А-яЁё](?:[ -~А-яЁё]*[!-~А-яЁё])?$",
}
"""Text that is surely taken: printable, without blanks at its ends. More is: these are no bounds of ours."""
_SOURCE = _named("source", "The source's name in the settings, or its plugin's while there is only one.")
_NAME = _named("name", "The name of the source or sink in the settings, or its plugin's.")
_TOKEN = _named("token", "One of `notify_tokens`.")
_KEY = _named("key", "What the shop calls the cart.", **_NAMELY)
_ONCE = _named(
    "Idempotency-Key",
    "The same key with the same body is answered as it was, and changes nothing.",
    "header",
    maxLength=LONGEST_KEY,
    pattern="^[!-~]+$",
)
_SIGNED: list[Json] = [{"bearer": []}, {"basic": []}, {"signature": [], "timestamp": []}]
_ALWAYS = (400, 401, 403, 408, 413, 429, 500, 503)


def _units(least: int, sign: str) -> Json:
    return {
        "anyOf": [
            {"type": "integer", "minimum": least, "maximum": LARGEST},
            {"type": "string", "pattern": rf"^{sign}[0-9]{{1,12}}(?:[.,][0-9]{{1,6}})?$", "maxLength": 20},
        ],
        "description": "Whole units, or text as warehouse systems write it. A part of a unit is not sold.",
    }


def _stock(settings: ServiceSettings) -> Json:
    taken: Json = {
        "type": "object",
        "required": ["accepted"],
        "additionalProperties": False,
        "properties": {"accepted": {"type": "integer", "minimum": 0}},
    }
    if settings.webhooks.items == "each":
        taken["properties"] |= {
            "refused": {"type": "array", "items": {"$ref": "#/components/schemas/Error"}},
            "more": {"type": "integer", "minimum": 1},
        }
    return {
        "operationId": "pushStock",
        "summary": "Take rows of stock; answered when they are on the disk",
        "security": _SIGNED,
        "parameters": [_ONCE],
        "requestBody": _body({"$ref": "#/components/schemas/Stocks"}),
        "responses": {"200": _answered(taken), **_problems(*_ALWAYS, 404, 409, 415, 422)},
    }


def _notify(name: str, security: list[Json]) -> Json:
    return {
        "operationId": name,
        "summary": "Take a notification of a vendor, and look at what it is about",
        "security": security,
        "parameters": [_ONCE] if security else [],
        "requestBody": _body({"type": "object", "description": "What the vendor's documents say."}),
        "responses": {
            "200": _answered({"type": "object"}, "Taken; the answer has the vendor's shape."),
            **_problems(*_ALWAYS, 404, 422),
        },
    }


_PUT: Json = {
    "operationId": "holdCart",
    "summary": "Hold everything in a cart, or nothing; what the key has held before is replaced",
    "security": _SIGNED,
    "parameters": [_ONCE],
    "requestBody": _body({"$ref": "#/components/schemas/Cart"}),
    "responses": {
        "200": _answered(
            {"type": "object", "required": ["held"], "properties": {"held": {"const": True}}}, "Held."
        ),
        **_problems(*_ALWAYS, 404, 409, 415, 422),
    },
}
_DELETE: Json = {
    "operationId": "releaseCart",
    "summary": "Let a cart go",
    "security": _SIGNED,
    "parameters": [_ONCE],
    "responses": {
        "200": _answered(
            {"type": "object", "required": ["released"], "properties": {"released": {"type": "boolean"}}},
            "It is gone; `released` says whether it was there.",
        ),
        **_problems(*_ALWAYS, 404, 422),
    },
}
_DOCUMENT: Json = {
    "operationId": "describe",
    "summary": "This document",
    "security": [],
    "responses": {"200": _answered({"type": "object"}, "The document."), **_problems(429, 500)},
}
_SCHEMAS: Mapping[str, Json] = {
    "Stocks": {
        "type": "object",
        "required": ["stocks"],
        "properties": {"stocks": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}},
    },
    "Row": {
        "type": "object",
        "required": ["sku", "quantity"],
        "properties": {
            "sku": {**_NAMELY, "description": "The article; it stands once for a warehouse."},
            "quantity": _units(-LARGEST, "-?"),
            "warehouse": {
                "anyOf": [_NAMELY, {"type": "null"}],
                "description": "Left out, it is as the settings say.",
            },
            "reserved": {"anyOf": [_units(0, ""), {"type": "null"}], "description": "How many are promised."},
            "updated_at": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "When this was true. Without it a row may lower, and not raise.",
                "examples": ["2026-03-01T12:00:00Z"],
            },
        },
    },
    "Cart": {
        "type": "object",
        "required": ["items"],
        "additionalProperties": False,
        "properties": {
            "items": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_ITEMS,
                "items": {"$ref": "#/components/schemas/Item"},
            },
            "warehouse": {"anyOf": [_NAMELY, {"type": "null"}]},
            "expires_in": {
                "type": "number",
                "minimum": 1,
                "maximum": LONGEST_HOLD,
                "description": "Seconds.",
            },
            "only_if_available": {"type": "boolean", "default": False},
            "replaces": {"anyOf": [_NAMELY, {"type": "null"}], "description": "The key that it takes over."},
        },
    },
    "Item": {
        "type": "object",
        "required": ["sku", "quantity"],
        "properties": {
            "sku": _NAMELY,
            "quantity": {"type": "integer", "minimum": 1, "maximum": MOST_UNITS},
        },
    },
    "Error": {
        "type": "object",
        "required": ["index", "field", "message"],
        "properties": {
            "index": {"type": ["integer", "null"], "description": "Of the item, from 0; null: of the body."},
            "field": {"type": "string"},
            "message": {"type": "string"},
        },
    },
    "Problem": {
        "type": "object",
        "required": ["title", "status", "detail"],
        "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "maxItems": MOST_TOLD,
                "items": {"$ref": "#/components/schemas/Error"},
            },
            "more": {"type": "integer", "minimum": 1, "description": "Errors that are not among these."},
        },
    },
}
_SCHEMES: Mapping[str, Json] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": SIGNATURE.title(),
        "description": "`v1=` and the HMAC-SHA256, in hexadecimal, of the timestamp, a point and the body; "
        "of a cart, of the timestamp, the method, the key and the body with points between them.",
    },
    "timestamp": {
        "type": "apiKey",
        "in": "header",
        "name": TIMESTAMP.title(),
        "description": "When it is sent, in seconds since 1970.",
    },
}
_WHY: Mapping[int, str] = {
    400: "It cannot be read; nothing was taken.",
    401: "The credentials are missing or wrong.",
    403: "The settings have no secret for this.",
    404: "There is no such source or sink, or a cart cannot have that key.",
    408: "The body took too long.",
    409: "The source tells no stock, or there are not so many left.",
    413: "The body is too long.",
    415: "The body is no JSON, or is compressed.",
    422: "What it says cannot be taken; nothing was.",
    429: "Too often.",
    500: "An error of ours, which is in the log.",
    503: "Too much at once, or the ledger cannot be written now.",
}
_WAIT = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds to wait."}}
_RESPONSES: Mapping[str, Json] = {
    str(status): {
        "description": why,
        **({"headers": _WAIT} if status in (429, 503) else {}),
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, why in _WHY.items()
}
