"""The two protocols of Odoo's double: JSON-2 (External JSON-2 API) and JSON-RPC (External RPC API)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from mpstock.simulation import Answer, Request
from mpstock_odoo.simulator_errors import OdooError, no_database, refused
from mpstock_odoo.simulator_orm import API_MODEL, method_of

__all__ = ["call_json2", "call_jsonrpc", "jsonrpc_answer", "refuse_database"]


_JSON = {"content-type": "application/json; charset=utf-8"}


def call_json2(
    request: Request,
    model: str,
    method: str,
    authenticate: Callable[[str], Any],
    environment: Callable[[Any, Mapping[str, Any]], Any],
    models: Mapping[str, Any],
) -> Answer:
    """Answer `POST /json/2/<model>/<method>`: the bare result, or a real status with an error's body."""
    try:
        header = re.match(r"^bearer\s+(.+)$", request.headers.get("authorization", ""), re.IGNORECASE)
        if header is None:
            raise refused('User not authenticated, use the "Authorization" header', 401, "Unauthorized")
        user = authenticate(header[1])
        try:
            body = request.json()
        except ValueError as error:
            raise refused(f"could not parse the body as json: {error}", 400, "BadRequest") from None
        if not isinstance(body, dict):
            raise refused("could not parse the body as json: it is no object", 400, "BadRequest")
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise refused("Request inferred type is compatible with json2 only", 415, "UnsupportedMediaType")
        ids, context = body.pop("ids", ()), body.pop("context", {})
        if model not in models:
            raise refused(f"the model {model!r} does not exist", 404, "NotFound")
        try:
            function = method_of(method)
        except AttributeError as error:
            raise refused(str(error), 404, "NotFound") from None
        if method in API_MODEL and ids:
            raise refused(f"cannot call {model}.{method} with ids", 422, "UnprocessableEntity")
        env = environment(user, context)
        try:
            inspect.signature(function).bind(env, models[model], ids, **body)
        except TypeError as error:
            raise refused(str(error), 422, "UnprocessableEntity") from None
        return Answer.json(function(env, models[model], ids, **body), 200, _JSON)
    except OdooError as error:
        return error.json2()


async def jsonrpc_answer(request: Request, work: Callable[[Mapping[str, Any]], Awaitable[Any]]) -> Answer:
    """Answer one JSON-RPC 2.0 request; errors come inside of HTTP 200."""
    try:
        body = request.json()
        params = body.get("params") or {}
    except (ValueError, AttributeError):
        return Answer(400, b"Invalid JSON data", {"content-type": "text/html; charset=utf-8"})
    try:
        return Answer.json({"jsonrpc": "2.0", "id": body.get("id"), "result": await work(params)}, 200, _JSON)
    except OdooError as error:
        return error.jsonrpc(body.get("id"))


def call_jsonrpc(
    service: str,
    method: str,
    args: Sequence[Any],
    login: Callable[[str, str, str], Any],
    check: Callable[[str, Any, str], Any],
    environment: Callable[[Any, Mapping[str, Any]], Any],
    models: Mapping[str, Any],
) -> Any:
    """Do `common.authenticate` or `object.execute(_kw)`; `check` tells the user of `(db, uid, key)`."""
    if service == "common" and method in ("authenticate", "login"):
        user = login(*args[:3])
        return user.id if user is not None else False
    if service != "object" or method not in ("execute", "execute_kw"):
        raise OdooError("builtins.NameError", f"Method not available {method}")
    if len(args) < 5:
        raise OdooError("builtins.TypeError", f"{method}() is missing positional arguments")
    database, uid, key, model, name, *rest = args
    user = check(database, uid, key)
    if method == "execute":
        positional, named = rest, {}
    else:
        positional = list(rest[0]) if rest else []
        named = dict(rest[1] or {}) if len(rest) > 1 else {}
    if model not in models:
        raise OdooError("odoo.exceptions.UserError", f"Object {model} doesn't exist", 422)
    try:
        function = method_of(name)
    except AttributeError as error:
        raise OdooError("builtins.AttributeError", str(error)) from None
    env = environment(user, named.pop("context", None) or {})
    if name in API_MODEL:
        ids: Sequence[Any] = ()
    else:
        ids, *positional = positional or [[]]
        ids = ids if isinstance(ids, list) else [ids]
    try:
        inspect.signature(function).bind(env, models[model], ids, *positional, **named)
    except TypeError as error:
        raise OdooError("builtins.TypeError", f"{name}() {error}") from None
    return function(env, models[model], ids, *positional, **named)


def refuse_database(databases: Sequence[str], named: str | None) -> Answer | None:
    """The page that stands before all routes of a database where none is chosen; None if one is."""
    if named is None and len(databases) == 1:
        return None
    return None if named in databases else no_database()
