"""docs/tutorial/first-sync.md, followed to the letter: its doubles, its settings, its commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import DOCS, blocks

PAGE = DOCS / "tutorial/first-sync.md"


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def lines() -> list[str]:
    """Return every command of the page, in order."""
    text = "\n".join(block.text for block in blocks(PAGE, "bash"))
    return [line for line in text.splitlines() if line]


class Follower:
    """Someone who follows the page in a folder of their own. The page's ports are exchanged for free ones."""

    def __init__(self, folder: Path, ports: dict[str, str], token: str) -> None:
        self.folder = folder
        first, second = (self._here(block.text, ports) for block in blocks(PAGE, "toml"))
        self.settings = first.replace("the one that it printed", token)
        self.buffer = second
        self.write(self.settings)

    @staticmethod
    def _here(text: str, ports: dict[str, str]) -> str:
        for theirs, ours in ports.items():
            text = text.replace(f":{theirs}", f":{ours}")
        return text

    def write(self, settings: str) -> None:
        (self.folder / "mpstock.toml").write_text(settings, encoding="utf-8")

    def type(self, line: str) -> Any:
        """Type one of the page's lines and return the document that it prints."""
        assert line in lines(), "the page has this command"
        command = [sys.executable, "-c", "from mpstock.cli import main; main()"]
        done = subprocess.run(
            [*command, *shlex.split(line)[1:], "--json"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    ports: dict[str, str] = {}
    token = ""
    with ExitStack() as stack:
        for line in lines():
            found = re.fullmatch(r"python (-m mpstock_\w+\.simulator) --port (\d+) (.*)", line)
            if not found:
                continue
            module, port, rest = found.groups()
            ports[port] = str(free_port())
            double = subprocess.Popen(
                [sys.executable, *module.split(), "--port", ports[port], *rest.split()],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            stack.enter_context(double)
            stack.callback(double.terminate)
            assert double.stdout is not None
            # It has printed its settings when it has named its last warehouse or, 1C, its password.
            for told in double.stdout:
                if told.startswith("token"):
                    token = told.split('"')[1]
                if told.startswith(("code", "password")):
                    break
        assert len(ports) == 3
        yield Follower(tmp_path, ports, token)


def test_the_tutorial_holds_what_it_says(follower: Follower) -> None:
    """Each command of the page ends well, and what the page says of the numbers is so."""
    follower.type("mpstock check")
    plan = follower.type("mpstock plan")
    assert plan["changes_total"] > 0
    report = follower.type("mpstock sync")
    (source,) = report["sources"].values()
    assert (source["name"], source["rows"], source["complete"]) == ("erp", 0, False)
    assert report["sinks"]["ozon"]["requests"] == 1
    assert report["sinks"]["wb"]["requests"] == 1
    assert report["pushed"] == plan["changes_total"]
    again = follower.type("mpstock sync")
    assert again["pushed"] == 0
    assert sum(sink["requests"] for sink in again["sinks"].values()) == 0

    explained = follower.type("mpstock explain SKU-00001")
    assert [term["quantity"] for term in explained["terms"]] == [37]
    assert {listing["wanted"] for listing in explained["listings"]} == {35}
    assert {listing["confirmed"] for listing in explained["listings"]} == {35}
    follower.type("mpstock explain SKU-00002")

    follower.write(f"{follower.settings}\n{follower.buffer}")
    changed = follower.type("mpstock plan")
    assert {(change["sink"], change["lane"]) for change in changed["changes"]} == {("ozon", "fall")}
    sent = follower.type("mpstock sync")
    assert sent["sinks"]["ozon"]["pushed"] == changed["changes_total"]
    assert sent["sinks"]["wb"]["requests"] == 0

    follower.type("mpstock status")
    log = follower.type("mpstock log")
    assert log["log"]
    assert (follower.folder / "mpstock.db").exists()
