"""Passwords, keys and tokens are in nothing that is said, logged or stored, whatever goes wrong."""

from __future__ import annotations

import base64
import logging
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.acceptance.play import API_KEY, OZON_WRITES, PASSWORD, Play, ended, shop
from tests.byhand import everything


def _secrets(play: Play) -> list[str]:
    """Each secret in every form that it has on the wire."""
    basic = base64.b64encode(f"{play.onec.user}:{PASSWORD}".encode()).decode()
    signature = play.wb.token.rpartition(".")[2]
    return [PASSWORD, quote(PASSWORD), basic, API_KEY, play.wb.token, signature]


def _trouble(play: Play) -> None:
    """Let every server fail once, each with an answer that repeats what it was sent."""
    play.onec.add_fault(path="/", status=500, body=f"нет: {PASSWORD}", times=2)
    play.ozon.add_fault(path=OZON_WRITES, status=500, body=f'{{"message": "no: {API_KEY}"}}')
    play.wb.add_fault(path="/api/v3/stocks", method="PUT", status=502, body=f"no: {play.wb.token}")


def test_nothing_that_is_said_logged_or_stored_has_a_secret_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In good runs, failures and refusals: no secret in output, DEBUG logs, or the ledger's bytes."""
    with shop(tmp_path, {"SKU-A": 10, "SKU-B": 20}) as play, caplog.at_level(logging.DEBUG):
        said = [play.run(*command) for command in (("check",), ("plan",), ("sync",))]
        _trouble(play)
        play.set_levels({"SKU-A": 50})
        said += [play.run(*command) for command in (("sync",), ("sync", "--full"), ("sync", "--json"))]
        said += [
            play.run(*command, *more)
            for command in (("status",), ("log",), ("explain", "SKU-A"), ("check",))
            for more in ((), ("--json",))
        ]
        good = play.sink("ozon")["api_key"]
        for wrong in ({"api_kei": good}, {"api_key": [good]}, {"api_key": good + "Ж"}):
            play.tables["sinks"]["ozon"] = {**play.sink("ozon"), "api_key": good, **wrong}
            play.write()
            result = play.run("sync")
            assert result.code == 2
            said.append(result)
            play.sink("ozon").pop("api_kei", None)
        secrets = _secrets(play)
        stored = everything(play.ledger)
        assert b"SKU-A" in stored
        for secret in secrets:
            assert not [one for one in said if secret in one.said]
            assert secret.encode() not in stored
            assert secret not in caplog.text
            assert not [r for r in caplog.records if secret in str(r.__dict__)]
        assert "mpstock" in caplog.text, "nothing was logged at all, so nothing was proved"


def test_a_crash_of_a_plugin_tells_no_secret(tmp_path: Path) -> None:
    """A plugin that raises with its settings in hand is told without them, in a process of its own."""
    (tmp_path / "leaky.py").write_text(
        "from attrs import frozen\n"
        "from mpstock import Secret, SourceSpec, hookimpl\n"
        "@frozen\n"
        "class Settings:\n"
        "    token: Secret\n"
        "def build(settings, context):\n"
        "    raise RuntimeError(f'cannot use {settings.token.reveal()} of {settings!r}')\n"
        "@hookimpl\n"
        "def mpstock_sources():\n"
        "    return [SourceSpec('leaky', 'leaks', Settings, build)]\n",
        encoding="utf-8",
    )
    info = tmp_path / "leaky-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leaky\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[mpstock]\nleaky = leaky\n", encoding="utf-8")
    with shop(tmp_path, {"SKU-A": 10}) as play:
        play.tables["sources"]["other"] = {"plugin": "leaky", "token": "sesame-9f3c"}
        play.write()
        for arguments in (("sync",), ("check",), ("sync", "--json")):
            result = ended(play.spawn(*arguments, env={"PYTHONPATH": _path(tmp_path)}))
            assert result.code == 2
            assert "leaky" in result.said
            assert "sesame-9f3c" not in result.said


def _path(folder: Path) -> str:
    import mpstock

    return ":".join((str(folder), str(Path(mpstock.__file__).parents[1]))) if sys.platform != "win32" else ""
