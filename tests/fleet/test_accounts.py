"""Locks: tenants that are linked by accounts share one, others never do."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mpstock.clock import SystemClock
from mpstock.config import load
from mpstock.fleet.accounts import accounts, locks
from mpstock.plugins import PluginRegistry

held = st.dictionaries(
    st.integers(0, 8).map("t{}".format), st.sets(st.integers(0, 6).map("a{}".format), max_size=3), max_size=7
)


@given(held)
def test_tenants_share_a_lock_if_and_only_if_accounts_link_them(told: dict[str, set[str]]) -> None:
    """However many others lie between two tenants: held against reachability, step by step."""
    found = locks(told)
    for tenant in told:
        reached = {tenant}
        while True:
            wider = {
                other for other in told if other in reached or any(told[other] & told[one] for one in reached)
            }
            if wider == reached:
                break
            reached = wider
        assert {other for other in told if found[other] == found[tenant]} == reached


@given(held)
def test_a_lock_is_named_after_an_account_of_its_tenants(told: dict[str, set[str]]) -> None:
    """Who looks at the queue sees whose account it is; a tenant without one stands for itself."""
    for tenant, lock in locks(told).items():
        if told[tenant]:
            kind, _, account = lock.partition(" ")
            assert kind == "account"
            assert any(account in names for names in told.values())
        else:
            assert lock == f"tenant {tenant}"


def test_an_account_is_named_as_its_limits_name_it_and_nothing_is_sent(tmp_path: Path) -> None:
    """The account is the limiter's, so that lock and limit are of the same thing; no secret is in it."""
    (tmp_path / "shop.toml").write_text(
        '[sources.erp]\nplugin = "memory"\n[sinks.ozon]\nplugin = "ozon"\nclient_id = "4711"\n'
        'api_key = "a-very-secret-key"\n[[sinks.ozon.warehouses]]\ncode = "1"\n',
        encoding="utf-8",
    )
    plugins = PluginRegistry()
    config = load(tmp_path / "shop.toml", plugins=plugins)
    assert asyncio.run(accounts(config, plugins, SystemClock())) == {"ozon": "ozon:4711"}
