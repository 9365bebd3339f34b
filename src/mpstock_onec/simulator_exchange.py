"""The double of 1C at its exchange with a site: it packs, sends in portions, and asks until it is done.

Written from 1C's description of the protocol and from how sites are seen to be answered. Run alone, it sends
a folder: `python -m mpstock_onec.simulator_exchange URL FOLDER --user USER`, with the password in
`EXCHANGE_PASSWORD`.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from attrs import define, field

from mpstock import Clock, SystemClock

if TYPE_CHECKING:
    import httpx

__all__ = ["ExchangeClient", "ExchangeFailedError"]

_MOST_QUESTIONS = 10_000


class ExchangeFailedError(Exception):
    """The site has answered `failure`, or nothing that 1C understands: the exchange ends."""


@define
class ExchangeClient:
    """One infobase with its exchange settings: the address of the site, a user and a password.

    `version` is the version of CommerceML that newer configurations name at `init`; empty = an old one,
    which does not repeat `sessid` either. `cookies` off: a client that is known by its password alone.
    `pause` seconds of `clock` are waited between two questions while the site is at it. `log` has each
    request with the first line of its answer.
    """

    http: httpx.AsyncClient
    url: str
    user: str
    password: str
    version: str = "2.10"
    cookies: bool = True
    agent: str = "1C+Enterprise/8.3"
    clock: Clock = field(factory=SystemClock)
    pause: float = 0.0
    zip: bool = False
    file_limit: int = 0
    cookie: tuple[str, str] | None = None
    sessid: str = ""
    timestamp: str = ""
    log: list[str] = field(factory=list[str])

    async def exchange(self, files: Mapping[str, bytes], *, end: bool = True) -> None:
        """Play a whole exchange of the catalogue.

        Raises:
            ExchangeFailedError: the site has refused something.
        """
        await self.check_in()
        await self.init()
        for name, body in self.packed(files).items():
            await self.send(name, body)
        for name in files:
            if name.endswith(".xml"):
                await self.take(name)
        if end and self.version:
            await self.command("deactivate", timestamp=self.timestamp)
            await self.command("complete")

    async def check_in(self, kind: str = "catalog") -> None:
        """Give name and password; take the cookie that the rest of the exchange is known by."""
        said = await self.command("checkauth", kind=kind)
        if len(said) < 3:
            raise ExchangeFailedError(f"checkauth: no cookie in {said}")
        if self.cookies:
            self.cookie = (said[1], said[2])
        for line in said[3:]:
            name, _, value = line.partition("=")
            if name == "sessid" and self.version:
                self.sessid = value
            elif name == "timestamp":
                self.timestamp = value

    async def init(self, kind: str = "catalog") -> None:
        """Ask whether the site takes a zip, and how much in one request."""
        said = await self._ask("GET", kind, "init", {"version": self.version} if self.version else {})
        values = {name: value for name, _, value in (line.partition("=") for line in said)}
        if "file_limit" not in values:
            raise ExchangeFailedError(f"init: {' '.join(said)}")
        self.zip = values.get("zip") == "yes"
        self.file_limit = int(values["file_limit"])

    def packed(self, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Return what is sent: the files, or one archive of them where the site takes that."""
        if not self.zip:
            return files
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, body in files.items():
                archive.writestr(name, body)
        return {"v8_6EF4_33.zip": buffer.getvalue()}

    async def send(self, name: str, body: bytes) -> None:
        """Send a file in as many portions as it takes."""
        for start in range(0, max(len(body), 1), self.file_limit):
            await self.portion(name, body[start : start + self.file_limit])

    async def portion(self, name: str, body: bytes, kind: str = "catalog") -> None:
        """Send one portion of a file."""
        self._hold(await self._ask("POST", kind, "file", {"filename": name}, body), "file")

    async def take(self, name: str) -> int:
        """Have a file imported; ask again as long as the site is at it. Return how often it was asked."""
        for asked in range(1, _MOST_QUESTIONS):
            said = await self._ask("GET", "catalog", "import", {"filename": name})
            if said[0] != "progress":
                self._hold(said, "import")
                return asked
            await self.clock.sleep(self.pause)
        raise ExchangeFailedError(f"import: no end of {name}")

    async def command(self, mode: str, kind: str = "catalog", **more: str) -> Sequence[str]:
        """Send a command that is answered with `success`; return the lines of the answer."""
        said = await self._ask("GET", kind, mode, more)
        self._hold(said, mode)
        return said

    async def query(self) -> str:
        """Ask for orders; return the document."""
        return "\n".join(await self._ask("GET", "sale", "query"))

    def _hold(self, said: Sequence[str], mode: str) -> None:
        if said[0] != "success":
            raise ExchangeFailedError(f"{mode}: {' '.join(said)}")

    async def _ask(
        self,
        method: str,
        kind: str,
        mode: str,
        more: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Sequence[str]:
        parts = {"type": kind, "mode": mode, **(more or {})}
        if self.sessid and mode != "checkauth":
            parts["sessid"] = self.sessid
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parts.items())
        headers = {"User-Agent": self.agent}
        if self.cookie is not None and mode != "checkauth":
            headers["Cookie"] = "=".join(self.cookie)
        # 1C has no jar of cookies: it sends what checkauth told, and nothing else.
        self.http.cookies.clear()
        answer = await self.http.request(
            method,
            f"{self.url}?{query}",
            content=body,
            headers=headers,
            auth=(self.user.encode(), self.password.encode()),
        )
        text = answer.content.decode(answer.charset_encoding or "windows-1251")
        said = text.strip().splitlines() or [""]
        self.log.append(f"{mode} {parts.get('filename', '')}: {answer.status_code} {said[0]}")
        return said


def _main() -> int:
    parser = argparse.ArgumentParser(description="Send a folder of exchange files as 1C does.")
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--user", required=True)
    args = parser.parse_args()
    files = {
        path.relative_to(args.folder).as_posix(): path.read_bytes()
        for path in sorted(args.folder.rglob("*"))
        if path.is_file()
    }

    async def play() -> None:
        import httpx

        async with httpx.AsyncClient(timeout=120) as http:
            client = ExchangeClient(
                http, args.url, args.user, os.environ.get("EXCHANGE_PASSWORD", ""), pause=1
            )
            try:
                await client.exchange(files)
            finally:
                print("\n".join(client.log))

    try:
        asyncio.run(play())
    except ExchangeFailedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
