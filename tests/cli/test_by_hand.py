"""What people type to overrule the formula, and what is not taken for an order."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from mpstock.cli.commands import run

SETTINGS = """
[ledger]
url = "sqlite:///mpstock.db"
[sources.erp]
plugin = "memory"
levels = { "SKU-A" = 5, "SKU-B" = 7 }
[sinks.shop]
plugin = "memory"
skus = ["SKU-A", "SKU-B"]
[[sinks.shop.warehouses]]
code = "main"
[sinks.shop.buffer]
policy = "all"
[verify]
sample = 0
[schedule]
timezone = "Europe/Moscow"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mpstock.toml").write_text(SETTINGS, encoding="utf-8")
    typed(tmp_path, "sync")
    return tmp_path


def typed(folder: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Type a command; returns its exit code, its JSON document, and what it said of trouble."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([*arguments, "--config", str(folder / "mpstock.toml"), "--json"])
    return code, json.loads(out.getvalue()), err.getvalue()


def in_force(folder: Path) -> list[tuple[str, str | None, int | None]]:
    _, status, _ = typed(folder, "status")
    return [(one["kind"], one["sku"], one["quantity"]) for one in status["interventions"]]


def test_each_command_puts_its_kind_in_force_and_resume_takes_it_back(folder: Path) -> None:
    """Stop, zero and pin of different scopes, listed by status, taken back one by one."""
    assert typed(folder, "stop", "--sink", "shop", "--by", "anna", "--reason", "inventory")[0] == 0
    assert typed(folder, "zero", "--sku", "SKU-A")[0] == 0
    code, document, _ = typed(folder, "pin", "3", "--sku", "SKU-B", "--warehouse", "main")
    assert code == 0
    (pin,) = document["interventions"]
    assert (pin["kind"], pin["sku"], pin["warehouse"], pin["quantity"]) == ("pin", "SKU-B", "main", 3)
    assert in_force(folder) == [("stop", None, None), ("zero", "SKU-A", None), ("pin", "SKU-B", 3)]
    assert typed(folder, "resume", "--sink", "shop")[0] == 0
    assert typed(folder, "resume", "--number", str(pin["id"]))[0] == 0
    assert typed(folder, "resume", "--sku", "SKU-A", "--kind", "zero")[0] == 0
    assert in_force(folder) == []


def test_a_file_names_the_articles_one_in_a_line(folder: Path) -> None:
    """Empty lines and a byte order mark do no harm; an article that nobody knows stops the whole list."""
    file = folder / "broken.txt"
    file.write_text("\ufeffSKU-A\r\n\r\n  SKU-B \r\n", encoding="utf-8")
    assert typed(folder, "zero", "--file", str(file))[0] == 0
    assert in_force(folder) == [("zero", "SKU-A", None), ("zero", "SKU-B", None)]
    file.write_text("SKU-A\nSKU-X\n", encoding="utf-8")
    code, document, _ = typed(folder, "pin", "1", "--file", str(file))
    assert (code, "'SKU-X'" in document["error"]) == (2, True)
    file.write_text("\n", encoding="utf-8")
    code, document, _ = typed(folder, "stop", "--file", str(file))
    assert (code, "no sku is given" in document["error"]) == (2, True)
    assert len(in_force(folder)) == 2


def test_a_bare_stop_stops_everything_and_a_bare_zero_nothing(folder: Path) -> None:
    """Nobody has to think of an option when it burns; to zero all has to be said."""
    assert typed(folder, "zero")[0] == 2
    assert typed(folder, "pin", "3")[0] == 2
    assert typed(folder, "resume")[0] == 2
    assert typed(folder, "zero", "--all", "--sku", "SKU-A")[0] == 2
    assert in_force(folder) == []
    assert typed(folder, "stop")[0] == 0
    assert typed(folder, "zero", "--all")[0] == 0
    assert in_force(folder) == [("stop", None, None), ("zero", None, None)]
    assert typed(folder, "resume", "--all")[0] == 0
    assert in_force(folder) == []


@pytest.mark.parametrize(
    ("option", "end"),
    [
        (("--until", "2199-01-02T03:04"), "2199-01-02T00:04:00+00:00"),
        (("--until", "2199-01-02T03:04Z"), "2199-01-02T03:04:00+00:00"),
        (("--until", "18:00"), "T15:00:00+00:00"),
    ],
)
def test_an_end_is_in_the_time_zone_of_the_schedule(folder: Path, option: tuple[str, str], end: str) -> None:
    """Moscow's 18:00 is 15:00 UTC; what names its zone is taken by it."""
    _, document, _ = typed(folder, "stop", *option)
    assert document["interventions"][0]["expires_at"].endswith(end)


@pytest.mark.parametrize(
    "options",
    [
        ("--for", "soon"),
        ("--until", "tomorrow"),
        ("--for", "2h", "--until", "18:00"),
        ("--until", "2020-01-01T00:00"),
    ],
)
def test_an_end_that_is_none_is_refused(folder: Path, options: tuple[str, ...]) -> None:
    """Code 2, and nothing is stopped for ever by a slip of the pen."""
    assert typed(folder, "stop", *options)[0] == 2
    assert in_force(folder) == []


def test_what_nobody_speaks_for_is_adopted_or_zeroed(folder: Path) -> None:
    """Both articles leave their source: one goes on, the other is shown as 0 by the next run."""
    assert typed(folder, "adopt")[0] == 2, "there is nothing of the kind yet"
    settings = folder / "mpstock.toml"
    settings.write_text(
        SETTINGS.replace('levels = { "SKU-A" = 5, "SKU-B" = 7 }', 'levels = { "SKU-C" = 1 }').replace(
            "[sources.erp]", "[sources.other]"
        ),
        encoding="utf-8",
    )
    typed(folder, "sync")
    assert typed(folder, "adopt", "--sku", "SKU-A")[0] == 0
    assert typed(folder, "zero", "--orphans", "--brand", "Acme")[0] == 2
    assert typed(folder, "zero", "--orphans", "--by", "anna")[0] == 0
    assert in_force(folder) == [("pin", "SKU-A", 5), ("zero", "SKU-B", None)]


def test_a_sink_that_has_left_is_forgotten_by_its_name(folder: Path) -> None:
    """One that is in the settings is not; what is forgotten is told."""
    code, document, _ = typed(folder, "forget-sink", "shop")
    assert (code, "is in the settings" in document["error"]) == (2, True)
    (folder / "mpstock.toml").write_text(SETTINGS.split("[sinks.shop]")[0], encoding="utf-8")
    assert typed(folder, "sync")[0] == 0
    _, status, _ = typed(folder, "status")
    assert any("mpstock forget-sink shop" in note for note in status["notes"])
    code, document, _ = typed(folder, "forget-sink", "shop", "--orders", "--reason", "closed")
    assert (code, document) == (0, {"sink": "shop", "listings": 2, "units": 12, "orders": 0})
    assert typed(folder, "forget-sink", "shop")[0] == 2
    _, status, _ = typed(folder, "status")
    assert status["notes"] == []
