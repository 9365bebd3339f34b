"""The statements are written once, and each database gets them in its own words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mpstock.ledger
from mpstock.ledger.dialect import for_postgres, for_sqlite

OWN = re.compile(
    r"json_each|json_extract|\bOR (?:IGNORE|REPLACE)\b|\browid\b|\bPRAGMA\b|::[a-z]|\bRETURNING id\b"
)
"""Words of one database alone."""

HOMES = {"dialect.py", "sqlite.py", "postgres.py", "backup.py", "migrating.py", "literals.py", "many.py"}


@pytest.mark.parametrize(
    ("written", "sqlite", "postgresql"),
    [
        ("a NOT IN ids(?)", "a NOT IN (SELECT value FROM json_each(?))", "a <> ALL(?::bigint[])"),
        ("a IN texts(?)", "a IN (SELECT value FROM json_each(?))", "a = ANY(?::text[])"),
        ("a IS ? AND b IS NOT ?", "a IS ? AND b IS NOT ?",
         "a IS NOT DISTINCT FROM ? AND b IS DISTINCT FROM ?"),
        ("a IS NULL AND b IS NOT NULL", "a IS NULL AND b IS NOT NULL", "a IS NULL AND b IS NOT NULL"),
        ("ON CONFLICT (key) DO UPDATE", "ON CONFLICT (key) DO UPDATE", "ON CONFLICT (tenant, key) DO UPDATE"),
        ("ON CONFLICT DO NOTHING", "ON CONFLICT DO NOTHING", "ON CONFLICT DO NOTHING"),
        ("greatest(a, 0)", "max(a, 0)", "greatest(a, 0)"),
        ("item(t.value, 1)", "json_extract(t.value, '$[1]')", "(t.value::jsonb ->> 1)"),
    ],
)  # fmt: skip
def test_the_words_of_the_statements(written: str, sqlite: str, postgresql: str) -> None:
    """Each word as either database has it."""
    assert (for_sqlite(written), for_postgres(written)) == (sqlite, postgresql)


def test_no_statement_is_in_the_words_of_one_database() -> None:
    """They would work on one, and be found missing on the other."""
    folder = Path(mpstock.ledger.__file__).parent
    found = {
        f"{path.name}: {line.strip()}"
        for path in folder.glob("*.py")
        if path.name not in HOMES and not path.name.startswith("postgres_")
        for line in path.read_text(encoding="utf-8").splitlines()
        if OWN.search(line)
    }
    assert found == set()
