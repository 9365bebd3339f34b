"""What the ledger's database gives back of a statement, and how it writes what every listing has."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from mpstock.ledger import Ledger
from mpstock.ledger.database import as_json, names_as_json, rows_of, texts_as_json

ROWS = ("INSERT INTO meta (key, value) VALUES (?, ?)", [("statements.a", "1"), ("statements.b", "2")])


def test_a_statement_says_how_many_rows_it_has_changed(ledger: Ledger) -> None:
    """Also one that begins with a table of its own, of which SQLite's driver counts nothing."""
    database = ledger.database
    database.executemany(*ROWS)
    moved = (
        "WITH told AS (SELECT item(t.value, 0) AS name, item(t.value, 1) AS text FROM each_row(?) AS t) "
        "UPDATE meta SET value = told.text FROM told WHERE meta.key = told.name"
    )
    one = database.affected(moved, (rows_of([["statements.a", "3"], ["statements.none", "4"]]),))
    both = database.affected("UPDATE meta SET value = '5' WHERE key LIKE 'statements.%'")
    none = database.affected(moved, (rows_of([["statements.none", "4"]]),))
    assert (one, both, none) == (1, 2, 0)


TEXTS = st.lists(st.text())


@given(TEXTS, st.dictionaries(st.text(), TEXTS))
def test_the_quick_way_to_write_texts_writes_what_the_encoder_does(
    texts: list[str], named: dict[str, list[str]]
) -> None:
    """Whatever is in them: what is kept already is compared with it, and every listing comes by."""
    assert texts_as_json(texts) == as_json(texts)
    assert names_as_json(named) == as_json(named)
    assert json.loads(names_as_json(named)) == named
