"""The Market's document, put together from the files of it that there are.

Only the methods of stocks and warehouses are there. What their files refer to and is not there itself is
written down here, as the document's own names say it, or else left open.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from tests.specs import Spec, shared

_PAGER = {"type": "object", "properties": {"nextPageToken": {"type": "string"}}}
_ERRORS = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["OK", "ERROR"]},
        "errors": {
            "type": "array",
            "nullable": True,
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["code"],
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_NUMBER = {"type": "integer", "minimum": 1}

_WRITTEN: dict[str, Any] = {
    "CampaignId.yaml": {"name": "campaignId", "in": "path", "required": True, "schema": _NUMBER},
    "BusinessId.yaml": {"name": "businessId", "in": "path", "required": True, "schema": _NUMBER},
    "AliasedPageToken.yaml": {"name": "page_token", "in": "query", "schema": {"type": "string"}},
    "PageLimit200.yaml": {"name": "limit", "in": "query", "schema": {**_NUMBER, "maximum": 200}},
    "PageLimit30.yaml": {"name": "limit", "in": "query", "schema": {**_NUMBER, "maximum": 30}},
    "PackagingForwardScrollingPagerDTO.yaml": _PAGER,
    "ApiErrorResponse.yaml": _ERRORS,
    "ApiLimitErrorResponse.yaml": _ERRORS,
    "TurnoverDTO.yaml": {"type": "object"},
    "200.yaml": {
        "description": "",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"status": {"type": "string", "enum": ["OK", "ERROR"]}},
                }
            }
        },
    },
}


def market() -> Spec:
    """Return the document; skip the test where it is missing."""
    folder = shared() / "specs" / "yandex"
    if not folder.is_dir():
        pytest.skip(f"the Market's document is missing: {folder}")
    return _put_together(folder)


@functools.cache
def _put_together(folder: Path) -> Spec:
    import yaml

    def read(name: str) -> Any:
        path = folder / name
        return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None

    def whole(node: Any) -> Any:
        if isinstance(node, list):
            return [whole(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = Path(node["$ref"]).name
            if name == "GetWarehouseStocksResponse.yaml":
                result = whole({"$ref": "GetWarehouseStocksDTO.yaml"})
                return {"type": "object", "properties": {"status": {"type": "string"}, "result": result}}
            found = _WRITTEN.get(name) or read(name)
            return whole(found) if found is not None else {"description": f"{name} is not there"}
        return {key: whole(value) for key, value in node.items()}

    paths = {
        address: whole(read(Path(there["$ref"]).name))
        for address, there in read("openapi.yaml")["paths"].items()
        if (folder / Path(there["$ref"]).name).is_file()
    }
    return Spec("yandex", {"paths": paths, "components": {}})
