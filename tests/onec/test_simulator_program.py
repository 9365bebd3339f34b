"""The 1C double as a program of its own."""

from __future__ import annotations

import httpx

from tests.programs import running, tables


def test_it_runs_alone_and_says_how_to_reach_it() -> None:
    """`python -m mpstock_onec.simulator` prints a table for mpstock.toml that opens the service."""
    arguments = ("--products", "5", "--warehouse", "a", "--warehouse", "b")
    with running("mpstock_onec.simulator", *arguments, until="password") as printed:
        erp = tables(printed)["sources"]["onec"]
        answer = httpx.get(
            f"{erp['base_url']}/hs/stocks/list?format=json",
            auth=httpx.BasicAuth(erp["user"].encode(), erp["password"].encode()),
        )
        rows = {(row["sku"], row["warehouse"]): row["quantity"] for row in answer.json()["stocks"]}
        assert rows.keys() == {(f"SKU-0000{number}", where) for number in range(1, 6) for where in "ab"}
        assert rows["SKU-00002", "b"] == 74
