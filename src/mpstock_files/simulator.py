"""The double of a supplier's web server: `GET /stock.csv`, `/stock.xlsx`, `/stock.yml`, also packed.

It answers as a web server does with a file: ETag, Last-Modified, 304 (RFC 9110 §13), and with the troubles
that such servers have. Run alone: `python -m mpstock_files.simulator --port 8090`.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import io
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import Any, Literal, get_args

from attrs import evolve, frozen

from mpstock import Clock
from mpstock.simulation import Answer, Request, SourceSimulator, main
from mpstock_files.simulator_formats import HEAD, csv_list, xlsx_list, yml_list

__all__ = ["SupplierSimulator", "Trouble", "Writing"]

Trouble = Literal["login", "cut", "redirect", "empty", "gone", "error", "no_rows"]
"""How the server fails: `login` a page with 200; `cut` the right list, cut off in the middle; `redirect` 302
to another host; `empty` 200 without a body; `gone` 404; `error` 503; `no_rows` nothing but the heads."""

_KINDS = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "yml": "application/xml",
    "gz": "application/gzip",
    "zip": "application/zip",
}
_LOGIN = (
    "<!DOCTYPE html>\n<html><head><title>Вход для партнёров</title></head><body><form></form></body></html>"
)


@frozen
class Writing:
    """How the list is written. `format` is that of `settings`; the other addresses are there as well.

    `etag`, `last_modified`  whether the server sends them; a script that makes the list anew sends neither.
    """

    format: Literal["csv", "xlsx", "yml", "csv.gz", "csv.zip"] = "csv"
    encoding: str = "utf-8-sig"
    separator: str = ";"
    comma: bool = True
    etag: bool = True
    last_modified: bool = True


class SupplierSimulator(SourceSimulator):
    """A supplier that publishes his stock.

    `levels` gives quantities by (sku, warehouse). `delay` seconds of the double's clock pass until an answer.
    With `password` the address asks for it (Basic).
    """

    def __init__(
        self,
        levels: Mapping[tuple[str, str], int | str | Decimal] | None = None,
        *,
        clock: Clock | None = None,
        writing: Writing | None = None,
        user: str = "",
        password: str = "",
    ) -> None:
        super().__init__(clock=clock)
        self.writing = writing or Writing()
        self.user = user
        self.password = password
        self.delay = 0.0
        self._levels = {key: Decimal(quantity) for key, quantity in (levels or {}).items()}
        self._changed_at = self.clock.now()
        self._trouble: Trouble | None = None
        self._times = -1
        for name in ("csv", "xlsx", "yml", "csv.gz", "csv.zip"):
            self.route("GET", f"/stock.{name}", self._list)

    @property
    def levels(self) -> dict[tuple[str, str], Decimal]:
        """What the supplier has, by (sku, warehouse)."""
        return dict(self._levels)

    def set_level(self, sku: str, quantity: Any, warehouse: str = "main") -> None:
        self._levels[sku, warehouse] = Decimal(quantity)
        self._changed_at = self.clock.now()

    def remove(self, sku: str, warehouse: str = "main") -> None:
        self._levels.pop((sku, warehouse), None)
        self._changed_at = self.clock.now()

    def write(self, **habits: Any) -> None:
        """Change how the list is written: `write(format="yml", encoding="windows-1251")`."""
        self.writing = evolve(self.writing, **habits)
        self._changed_at = self.clock.now()

    def fail(self, trouble: Trouble, times: int = -1) -> None:
        """Let the next `times` requests fail so (-1 = until `recover`)."""
        if trouble not in get_args(Trouble):
            raise ValueError(f"no trouble {trouble!r}; there are {', '.join(get_args(Trouble))}")
        self._trouble, self._times = trouble, times

    def recover(self) -> None:
        """Let it work again."""
        self._trouble = None

    def settings(self, url: str) -> dict[str, Any]:
        told: dict[str, Any] = {
            "plugin": "files",
            "url": f"{url.rstrip('/')}/stock.{self.writing.format}",
            "allow_http": True,
            "columns": {"sku": HEAD[0], "quantity": HEAD[2], "warehouse": HEAD[3]},
            "outlets": "each",
        }
        if self.user:
            told |= {"user": self.user, "password": self.password}
        return told

    def content(self, name: str) -> bytes:
        """Return the list as a file of that ending has it."""
        writing = self.writing
        levels = {} if self._trouble == "no_rows" else self._levels
        if name == "yml":
            return yml_list(levels, self._changed_at, encoding=_declared(writing.encoding))
        if name == "xlsx":
            return xlsx_list(levels)
        plain = csv_list(levels, encoding=writing.encoding, separator=writing.separator, comma=writing.comma)
        if name == "csv.gz":
            return gzip.compress(plain, mtime=0)
        if name == "csv.zip":
            body = io.BytesIO()
            with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("stock.csv", plain)
            return body.getvalue()
        return plain

    async def guard(self, request: Request) -> Answer | None:
        if not self.user:
            return None
        wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if request.headers.get("authorization") == f"Basic {wanted}":
            return None
        return Answer(401, b"Unauthorized", {"www-authenticate": 'Basic realm="B2B"'})

    async def not_found(self, request: Request) -> Answer:
        return Answer(
            404, b"<html><head><title>404 Not Found</title></head></html>", {"content-type": "text/html"}
        )

    async def _list(self, request: Request) -> Answer:
        if self.delay > 0:
            await self.clock.sleep(self.delay)
        name = request.path.partition("stock.")[2]
        body = self.content(name)
        trouble = self._spent()
        if trouble is not None and trouble not in ("cut", "no_rows"):
            return self._failed(trouble)
        headers = {"content-type": _KINDS[name.rpartition(".")[2]]}
        tag = f'"{sha256(body).hexdigest()[:16]}"'
        modified = self._changed_at.replace(microsecond=0)
        if self.writing.etag:
            headers["etag"] = tag
        if self.writing.last_modified:
            headers["last-modified"] = format_datetime(modified, usegmt=True)
        if trouble is None and self._known(request, tag):
            return Answer(304, b"", {key: value for key, value in headers.items() if key != "content-type"})
        return Answer(200, body[: len(body) // 2] if trouble == "cut" else body, headers)

    def _known(self, request: Request, tag: str) -> bool:
        # If-None-Match takes precedence over If-Modified-Since (RFC 9110 §13.2.2).
        asked = request.headers.get("if-none-match")
        if asked is not None and self.writing.etag:
            return tag in [one.strip().removeprefix("W/") for one in asked.split(",")]
        since = request.headers.get("if-modified-since")
        if since is None or not self.writing.last_modified:
            return False
        return self._changed_at.replace(microsecond=0) <= parsedate_to_datetime(since)

    def _failed(self, trouble: Trouble) -> Answer:
        page = {"content-type": "text/html; charset=utf-8"}
        answers = {
            "login": Answer(200, _LOGIN.encode(), page),
            "redirect": Answer(302, b"", {"location": "https://new.supplier.example/stock.csv"}),
            "empty": Answer(200, b"", {"content-type": "text/csv"}),
            "gone": Answer(404, b"<html><head><title>404 Not Found</title></head></html>", page),
            "error": Answer(503, "Сервер на обслуживании".encode(), page),
        }
        return answers[trouble]

    def _spent(self) -> Trouble | None:
        trouble = self._trouble
        if trouble is not None and self._times > 0:
            self._times -= 1
            if self._times == 0:
                self._trouble = None
        return trouble


def _declared(encoding: str) -> str:
    return {"cp1251": "windows-1251", "utf-8-sig": "utf-8"}.get(encoding, encoding)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=100, help="products: SKU-00001, SKU-00002, …")
    parser.add_argument(
        "--format",
        default="csv",
        choices=["csv", "xlsx", "yml", "csv.gz", "csv.zip"],
        help="how the list is written",
    )


def _build(args: argparse.Namespace) -> SupplierSimulator:
    levels = {(f"SKU-{number:05d}", "main"): number * 37 % 101 for number in range(1, args.products + 1)}
    return SupplierSimulator(levels, clock=args.clock, writing=Writing(format=args.format))


if __name__ == "__main__":
    main(_build, add_arguments=_add_arguments)
