"""The simulated day of benchmarks/day, in small: it runs, and its figures are what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.day.__main__ import main


def test_half_an_hour_of_a_small_shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Orders are read every minute, webhooks acted on, nothing is refused, no request is sent too many."""
    figures = tmp_path / "day.json"
    arguments = "--products 60 --hours 0.5 --buyers 2000 --write-offs 1500 --no-faults --json"
    assert main([*arguments.split(), str(figures)]) == 0
    told = json.loads(figures.read_text(encoding="utf-8"))
    assert set(told["429"].values()) == {0}
    assert told["runs"]["orders"]["runs"] >= 25
    assert told["webhooks"] > 5
    for name in ("ozon", "wb"):
        assert told["requests"][name]["changes"] >= told["requests"][name]["bound"] > 0
    safe = told["time_to_safe"]["ozon"]
    assert safe["zeros"] > 0
    assert safe["p50"] <= safe["p99"] <= safe["longest"]
    assert told["sold_units"]["oracle"] > 0
    assert told["oversold_units"]["oracle"] == 0
    assert told["hidden_unit_hours"]["oracle"] == 0
    assert "time to safe" in capsys.readouterr().out
