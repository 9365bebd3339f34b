"""Apprise, really sent over loopback: what arrives, what is told of a failure, and no secret in it."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from mpstock import Secret
from mpstock.alerts.messages import Message
from mpstock.alerts.ways import AppriseWay, ways_of
from mpstock.config import load
from mpstock.errors import ConfigurationError
from mpstock.facade.opening import aopen

MESSAGE = Message("mpstock: СРОЧНО", "erp не читается", "critical")
TOKEN = "sEcReT-t0ken-of-mine"


@contextmanager
def _server(status: int = 200) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Serve on loopback, and keep what is posted."""
    taken: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], taken
    finally:
        server.shutdown()
        server.server_close()


def test_a_message_arrives() -> None:
    """With its title, its body and how urgent it is."""
    with _server() as (port, taken):
        assert AppriseWay(Secret(f"json://127.0.0.1:{port}/")).send(MESSAGE) == ""
    assert [(one["title"], one["message"], one["type"]) for one in taken] == [
        ("mpstock: СРОЧНО", "erp не читается", "failure")
    ]


def test_a_failure_is_told_without_the_secrets_of_the_url(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in what is returned nor in any log, however talkative: Apprise's, urllib3's or ours."""
    caplog.set_level(logging.DEBUG)
    with _server(500) as (port, _):
        way = AppriseWay(Secret(f"json://robot:{TOKEN}@127.0.0.1:{port}/{TOKEN}/?+X-Key={TOKEN}"))
        error = way.send(MESSAGE)
    assert error
    assert caplog.records
    assert TOKEN not in error
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(way) + way.name


def test_a_url_that_apprise_does_not_know_is_told() -> None:
    """With what is wrong, and without it."""
    error = AppriseWay(Secret(f"nosuch://{TOKEN}")).send(MESSAGE)
    assert "does not know" in error
    assert TOKEN not in error


def test_a_dead_address_is_a_failure_and_no_exception() -> None:
    """Nobody listens there."""
    assert AppriseWay(Secret("json://127.0.0.1:9/?cto=1&rto=1")).send(MESSAGE)


def test_without_apprise_the_settings_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra; who has no URL does not need it."""
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    assert ways_of([]) == []
    with pytest.raises(ConfigurationError, match=r"mpstock\[notify\]"):
        ways_of([Secret("json://x")])


def test_a_test_from_the_settings_file(tmp_path: Path) -> None:
    """Each URL is tried, the good one and the dead one, and each says how it went."""
    with _server() as (port, taken):
        path = tmp_path / "mpstock.toml"
        path.write_text(
            f'[alerts]\nurls = ["json://127.0.0.1:{port}/", "json://u:{TOKEN}@127.0.0.1:9/?cto=1&rto=1"]\n'
            'language = "ru"\n',
            encoding="utf-8",
        )

        async def play() -> list[Any]:
            async with aopen(path) as shop:
                return await shop.test_alerts()

        good, dead = asyncio.run(play())
    assert (good.error, bool(dead.error)) == ("", True)
    assert taken[0]["title"] == "mpstock: проверка"
    assert TOKEN not in str((good, dead))
    assert TOKEN in load(path).secrets[1]
    assert TOKEN not in repr(load(path))
