"""One text for both databases: the statements of this folder are written once, with these words in them.

| in the statements | what it means |
|---|---|
| `?` | a parameter |
| `x IN ids(?)`, `x IN texts(?)` | x is one of `ids(…)`: numbers or texts |
| `each_id(?) AS t` | a table of numbers, `t.value` |
| `each_row(?) AS t` | a table of `rows_of(…)`; `item(t.value, 0)` is the first of each |
| `item(x, 0)`, `field(x, 'name')` | a part of a JSON text, as text |
| `pairs(x) AS t` | the pairs `t.key`, `t.value` of a JSON object |
| `greatest(a, b)`, `least(a, b)` | neither is ever NULL: the databases differ in what becomes of it |
| `a IS b`, `a IS NOT b` | equal or not, NULL being equal to NULL |
| `instr(text, part)` | where a part begins, 0: nowhere |

What a condition says is no number: `CASE WHEN … THEN 1 ELSE 0 END` goes into a column, `count(CASE …)` is
counted. Columns of the row that is there are named with their table in `ON CONFLICT … DO UPDATE`.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["for_postgres", "for_sqlite"]


def _rules(*rules: tuple[str, str]) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern), text) for pattern, text in rules]


_SQLITE = _rules(
    (r"\bIN (?:ids|texts)\(\?\)", "IN (SELECT value FROM json_each(?))"),
    (r"\beach_(?:id|row)\(\?\)", "json_each(?)"),
    (r"\bitem\(([\w.]+), (\d+)\)", r"json_extract(\1, '$[\2]')"),
    (r"\bfield\(([\w.]+), '(\w+)'\)", r"json_extract(\1, '$.\2')"),
    (r"\bpairs\(", "json_each("),
    (r"\bgreatest\(", "max("),
    (r"\bleast\(", "min("),
)

_POSTGRES = _rules(
    (r"\bNOT IN ids\(\?\)", "<> ALL(?::bigint[])"),
    (r"\bNOT IN texts\(\?\)", "<> ALL(?::text[])"),
    (r"\bIN ids\(\?\)", "= ANY(?::bigint[])"),
    (r"\bIN texts\(\?\)", "= ANY(?::text[])"),
    (r"\beach_id\(\?\) AS (\w+)", r"unnest(?::bigint[]) AS \1(value)"),
    (r"\beach_row\(\?\) AS (\w+)", r"jsonb_array_elements(?::jsonb) AS \1(value)"),
    (r"\bitem\(([\w.]+), (\d+)\)", r"(\1::jsonb ->> \2)"),
    (r"\bfield\(([\w.]+), '(\w+)'\)", r"(\1::jsonb ->> '\2')"),
    (r"\bpairs\(([\w.]+)\)", r"jsonb_each_text(\1::jsonb)"),
    (r"\binstr\(", "strpos("),
    (r"\bAS INTEGER\)", "AS bigint)"),
    (r"\bIS NOT (?!NULL\b|DISTINCT\b)", "IS DISTINCT FROM "),
    (r"\bIS (?!NULL\b|NOT NULL\b|DISTINCT\b|NOT DISTINCT\b)", "IS NOT DISTINCT FROM "),
    # Every key of a table begins with whose row it is.
    (r"\bON CONFLICT \((?!tenant\b)", "ON CONFLICT (tenant, "),
)


@lru_cache(4_096)
def for_sqlite(sql: str) -> str:
    """Return a statement of this folder as SQLite takes it."""
    for pattern, text in _SQLITE:
        sql = pattern.sub(text, sql)
    return sql


@lru_cache(4_096)
def for_postgres(sql: str) -> str:
    """Return a statement of this folder as PostgreSQL takes it, still with `?` for each parameter."""
    for pattern, text in _POSTGRES:
        sql = pattern.sub(text, sql)
    return sql
