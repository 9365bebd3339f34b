"""The vendors' OpenAPI documents, to hold requests and answers against.

They are not part of the project: their folder is named by the environment variable `MPSTOCK_SHARED`
(default `../shared` beside the checkout). Tests that need them skip where they are missing.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from openapi_schema_validator import OAS30ReadValidator, OAS30Validator, OAS30WriteValidator

ROOT = Path(__file__).resolve().parent.parent

OZON = "ozon-seller-stocks.openapi.json"
WB_STOCKS = "wb-products-stocks.openapi.json"
WB_ORDERS = "wb-orders-fbs.openapi.json"
WB_GENERAL = "wb-general.openapi.json"

_DATA = ("default", "enum", "example", "examples")
"""What holds values, not schemas: left as it is."""

_JSON_TYPES = ("application/json", "application/problem+json")


def shared() -> Path:
    """Return the folder of the vendors' documents and samples; skip the test where it is missing."""
    folder = Path(os.environ.get("MPSTOCK_SHARED") or ROOT / "../shared")
    if not folder.is_dir():
        pytest.skip(f"the vendors' documents are not at {folder}; name their folder in MPSTOCK_SHARED")
    return folder


def load(name: str, patch: Callable[[dict[str, Any]], None] | None = None) -> Spec:
    """Return one document of `specs/`, mended where it is invalid; skip the test where it is missing.

    `patch` changes the loaded document in place where its text contradicts its schema.
    """
    path = shared() / "specs" / name
    if not path.is_file():
        pytest.skip(f"the vendor's document is missing: {path}")
    document = copy.deepcopy(_document(path))
    if patch is not None:
        patch(document)
    return Spec(name, document)


@functools.cache
def _document(path: Path) -> dict[str, Any]:
    return _mended(json.loads(path.read_text(encoding="utf-8")))


def _mended(node: Any, parent: str = "") -> Any:
    """Return a document's part as valid OpenAPI 3.0 that means the same.

    Seen in the vendors' documents: `required: true` on a property, `required` naming what is no
    property, a `description` of null, arrays without `type`, `//host` as a server's address, a version
    that is a number.
    """
    if isinstance(node, list):
        return [_mended(item, parent) for item in node]
    if not isinstance(node, dict):
        return node
    mended = {
        key: value if key in _DATA else _mended(value, key)
        for key, value in node.items()
        if value is not None or key in _DATA
    }
    if parent == "properties":
        return mended
    is_schema = "properties" in mended or "type" in mended or "items" in mended
    required = mended.get("required")
    if is_schema and "schema" not in mended and isinstance(required, bool):
        del mended["required"]
    elif isinstance(required, list) and "properties" in mended:
        known = [name for name in required if name in mended["properties"]]
        if known:
            mended["required"] = known
        else:
            del mended["required"]
    if "items" in mended and "type" not in mended:
        mended["type"] = "array"
    if parent == "info":
        mended["version"] = str(mended.get("version", ""))
    if parent == "servers" and str(mended.get("url", "")).startswith("//"):
        mended["url"] = "https:" + mended["url"]
    return mended


class Spec:
    """One vendor's document. Every `check_…` raises `AssertionError` with the place and what is wrong."""

    def __init__(self, name: str, document: dict[str, Any]) -> None:
        self.name = name
        self.document = document

    def operation(self, method: str, path: str) -> dict[str, Any]:
        """Return the operation that `path` (a real one, with its values in it) belongs to."""
        return self._find(method, path)[1]

    def check_request(self, request: httpx.Request, *, strict: bool = True) -> None:
        """Hold a sent request against the document: path, parameters, content type, body.

        `strict` forbids what the document does not name, in the query and at any depth of the body.
        """
        path, operation, values = self._find(request.method, request.url.path)
        place = f"{self.name}: request {request.method} {path}"
        parameters = [
            self._resolve(one)
            for one in [*self.document["paths"][path].get("parameters", []), *operation.get("parameters", [])]
        ]
        query = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
        headers = request.headers
        for one in parameters:
            name, where = one["name"], one["in"]
            given: Mapping[str, str] = {"path": values, "query": query, "header": headers}.get(where, {})
            if name not in given:
                assert not one.get("required"), f"{place}: the {where} parameter {name} is missing"
                continue
            self._check(_typed(given[name], self._resolve(one["schema"])), one["schema"], f"{place}: {name}")
        if strict:
            unknown = set(query) - {one["name"] for one in parameters if one["in"] == "query"}
            assert not unknown, f"{place}: parameters that it does not have: {sorted(unknown)}"
        body = self._resolve(operation.get("requestBody", {}))
        if not body:
            assert request.content in (b"", b"{}"), f"{place}: it takes no body"
            return
        if not request.content:
            assert not body.get("required"), f"{place}: the body is missing"
            return
        kind = headers.get("content-type", "").partition(";")[0].strip()
        assert kind in body["content"], f"{place}: content type {kind!r}, it takes {list(body['content'])}"
        schema = body["content"][kind]["schema"]
        self._check(json.loads(request.content), schema, f"{place}: body", write=True, strict=strict)

    def check_response(
        self, response: httpx.Response, *, strict: bool = True, as_status: int | None = None
    ) -> None:
        """Hold an answer (with its request in it) against the document: status, content type, body.

        `strict` forbids fields that the document does not name. `as_status` holds it against the shape
        of another status, where the document leaves out one that the vendor is known to answer.
        """
        request = response.request
        path, operation, _ = self._find(request.method, request.url.path)
        place = f"{self.name}: answer {response.status_code} to {request.method} {path}"
        answers = operation["responses"]
        found = answers.get(str(as_status or response.status_code)) or answers.get("default")
        assert found is not None, f"{place}: it answers only {list(answers)}"
        content = self._resolve(found).get("content")
        if not content:
            assert response.content == b"", f"{place}: it has no body"
            return
        kind = response.headers.get("content-type", "").partition(";")[0].strip()
        media = content.get(kind)
        assert media is not None, f"{place}: content type {kind!r}, it answers {list(content)}"
        if kind in _JSON_TYPES and "schema" in media:
            self._check(response.json(), media["schema"], f"{place}: body", read=True, strict=strict)

    def check(self, response: httpx.Response, *, strict: bool = True) -> None:
        """Hold both the answer and the request that it belongs to against the document."""
        self.check_request(response.request, strict=strict)
        self.check_response(response, strict=strict)

    def _find(self, method: str, path: str) -> tuple[str, dict[str, Any], dict[str, str]]:
        exact = [path] if path in self.document["paths"] else []
        for pattern in exact or self.document["paths"]:
            shape = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(pattern))
            found = re.fullmatch(shape, path)
            if found and method.lower() in self.document["paths"][pattern]:
                return pattern, self.document["paths"][pattern][method.lower()], found.groupdict()
        raise AssertionError(f"{self.name} has no {method} {path}")

    def _resolve(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            target: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def _check(
        self,
        value: Any,
        schema: Any,
        place: str,
        *,
        read: bool = False,
        write: bool = False,
        strict: bool = False,
    ) -> None:
        validator = OAS30ReadValidator if read else OAS30WriteValidator if write else OAS30Validator
        # The references of a schema point into the document: it is validated as a part of it.
        whole = {**self._resolve(schema), "components": self.document.get("components", {})}
        errors = [f"{error.json_path}: {error.message}" for error in validator(whole).iter_errors(value)]
        assert not errors, f"{place}: {'; '.join(errors[:3])}"
        if strict:
            unknown = list(self._unknown(value, schema, "$"))
            assert not unknown, f"{place}: fields that it does not have: {unknown}"

    def _unknown(self, value: Any, schema: Any, place: str) -> Iterator[str]:
        schema = self._resolve(schema)
        if isinstance(value, list):
            items: Any = schema.get("items") or next(
                (one["items"] for one in self._variants(schema) if "items" in one), {}
            )
            for index, item in enumerate(value):
                yield from self._unknown(item, items, f"{place}[{index}]")
        elif isinstance(value, dict):
            variants = [one for one in [schema, *self._variants(schema)] if "properties" in one]
            known = {name: part for one in variants for name, part in one["properties"].items()}
            if not known or schema.get("additionalProperties"):
                return
            for name, item in value.items():
                if name not in known:
                    yield f"{place}.{name}"
                else:
                    yield from self._unknown(item, known[name], f"{place}.{name}")

    def _variants(self, schema: Mapping[str, Any]) -> list[Any]:
        found: list[Any] = []
        for word in ("allOf", "anyOf", "oneOf"):
            for one in schema.get(word, []):
                resolved = self._resolve(one)
                found += [resolved, *self._variants(resolved)]
        return found


def _typed(text: str, schema: Mapping[str, Any]) -> Any:
    """Return a parameter's text as what its schema calls for, or as it is where it is not that."""
    kind = schema.get("type")
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        return text
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def contradictions(document: dict[str, Any]) -> None:
    """Patch for `load(OZON, …)`: where Ozon's schema forbids what its own text allows.

    `/v2/products/stocks` marks `product_id` required while its text says to send only one of
    `offer_id` and `product_id`. `/v1/product/info/warehouse/stocks` does not name the two headers.
    """
    for schema in document["components"]["schemas"].values():
        properties = schema.get("properties", {})
        if {"offer_id", "product_id", "stock", "warehouse_id"} <= set(properties) and "required" in schema:
            schema["required"] = [name for name in schema["required"] if name != "product_id"]


def ozon() -> Spec:
    """Return Ozon's document, its own contradictions resolved."""
    return load(OZON, contradictions)
