"""The Wildberries double as a program of its own."""

from __future__ import annotations

import httpx

from tests.programs import running, tables


def test_it_runs_alone_and_says_how_to_reach_it() -> None:
    """`python -m mpstock_wb.simulator` prints tables for mpstock.toml that open the account."""
    arguments = ("--speed", "50", "--products", "5", "--warehouse", "77")
    with running("mpstock_wb.simulator", *arguments, until="code =") as printed:
        assert "50 times as fast" in printed
        wb = tables(printed)["sinks"]["wb"]
        assert wb["warehouses"] == [{"code": "77"}]
        with httpx.Client(headers={"authorization": wb["token"]}) as http:
            cards = http.post(f"{wb['content_url']}/content/v2/get/cards/list", json={}).json()["cards"]
            assert {card["vendorCode"] for card in cards} == {f"SKU-0000{number}" for number in range(1, 6)}
            chrt = cards[0]["sizes"][0]["chrtID"]
            path = f"{wb['marketplace_url']}/api/v3/stocks/77"
            assert http.put(path, json={"stocks": [{"chrtId": chrt, "amount": 4}]}).status_code == 204
            read = http.post(path, json={"chrtIds": [chrt]}).json()
            assert read == {"stocks": [{"chrtId": chrt, "amount": 4}]}
