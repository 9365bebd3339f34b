"""The 1C double as a program of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx

SRC = Path(__file__).resolve().parents[2] / "src"


def test_it_runs_alone_and_says_how_to_reach_it() -> None:
    """`python -m mpstock_onec.simulator` prints a table for mpstock.toml that opens the service."""
    program = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mpstock_onec.simulator",
            "--products",
            "5",
            "--warehouse",
            "a",
            "--warehouse",
            "b",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SRC), "PYTHONUTF8": "1"},
        encoding="utf-8",
    )
    try:
        assert program.stdout is not None
        printed = ""
        while "password" not in printed:
            line = program.stdout.readline()
            assert line, program.communicate()
            printed += line
        settings = tomllib.loads(printed[re.search(r"^\[", printed, re.MULTILINE).start() :])  # type: ignore[union-attr]
        erp = settings["sources"]["onec"]
        answer = httpx.get(
            f"{erp['base_url']}/hs/stocks/list?format=json",
            auth=httpx.BasicAuth(erp["user"].encode(), erp["password"].encode()),
        )
        rows = {(row["sku"], row["warehouse"]): row["quantity"] for row in answer.json()["stocks"]}
        assert rows.keys() == {(f"SKU-0000{number}", where) for number in range(1, 6) for where in "ab"}
        assert rows["SKU-00002", "b"] == 74
    finally:
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=20)
