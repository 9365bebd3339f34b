"""How Odoo's double refuses: Odoo's exceptions by their Python names, in the shapes of both protocols."""

from __future__ import annotations

from typing import Any

from mpstock.simulation import Answer

__all__ = ["OdooError", "access_denied", "access_error", "no_database", "not_found", "refused"]

DEBUG = (
    'Traceback (most recent call last):\n  File "/usr/lib/python3/dist-packages/odoo/http.py", line 2275\n'
)
"""The beginning of what stands in `debug`: a traceback, which is nobody's business but the server's."""

_NO_DATABASE = """<!DOCTYPE html>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>No database is selected and the requested URL was not found in the server-wide controllers.</p>
<p>Please verify the hostname, <a href=/web/login>login</a> and try again.</p>

<!-- Alternatively, use the X-Odoo-Database header. -->
"""
_NOT_FOUND = """<!doctype html>
<html lang=en>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>The requested URL was not found on the server. If you entered the URL manually please check your \
spelling and try again.</p>
"""
_HTML = {"content-type": "text/html; charset=utf-8"}


class OdooError(Exception):
    """An exception inside of Odoo. `status` is what JSON-2 answers; JSON-RPC answers 200 to all of them."""

    def __init__(
        self, name: str, message: str, status: int = 500, arguments: list[Any] | None = None
    ) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.status = status
        self.arguments = [message] if arguments is None else arguments

    def data(self) -> dict[str, Any]:
        """Return it as `serialize_exception` of Odoo's http.py does."""
        return {
            "name": self.name,
            "message": self.message,
            "arguments": self.arguments,
            "context": {},
            "debug": f"{DEBUG}{self.name}: {self.message}\n",
        }

    def json2(self) -> Answer:
        """Answer with the error's own status (Odoo 19, External JSON-2 API)."""
        return Answer.json(self.data(), self.status, {"content-type": "application/json; charset=utf-8"})

    def jsonrpc(self, request_id: Any) -> Answer:
        """Answer with HTTP 200 and an error inside (External RPC API)."""
        error: dict[str, Any] = {"code": 200, "message": "Odoo Server Error", "data": self.data()}
        if self.name == "werkzeug.exceptions.NotFound":
            error |= {"code": 404, "message": "404: Not Found"}
        elif self.name == "odoo.http.SessionExpiredException":
            error |= {"code": 100, "message": "Odoo Session Expired"}
        return Answer.json({"jsonrpc": "2.0", "id": request_id, "error": error})


def refused(message: str, status: int, kind: str) -> OdooError:
    """An HTTP exception of werkzeug, as the JSON-2 controller raises it."""
    return OdooError(f"werkzeug.exceptions.{kind}", message, status, [message, status])


def access_denied() -> OdooError:
    """Wrong login, password or key."""
    return OdooError("odoo.exceptions.AccessDenied", "Access Denied", 403)


def access_error(model: str, title: str) -> OdooError:
    """The user's groups do not let it read the model."""
    return OdooError(
        "odoo.exceptions.AccessError",
        f"You are not allowed to access '{title}' ({model}) records.\n\nThis operation is allowed for the "
        "following groups:\n\t- Inventory/User\n\nContact your administrator to request access if necessary.",
        403,
    )


def not_found() -> Answer:
    """The page of a server that has no such route."""
    return Answer(404, _NOT_FOUND.encode(), _HTML)


def no_database() -> Answer:
    """The page of a server with several databases that was not told which one."""
    return Answer(404, _NO_DATABASE.encode(), _HTML)
