"""What a sink tells of an account whose lists are longer than one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest

from mpstock.testing.contract import kit
from mpstock.testing.sink_setting import SinkBench, SinkSetting, articles, pair
from mpstock.testing.virtual import VirtualClock

__all__ = ["SinkPages"]

Work = Callable[[SinkBench, Sequence[str]], Coroutine[Any, Any, None]]
"""Asks something of an account that sells these articles."""


@kit
class SinkPages(SinkSetting):
    """Lists of `rows` articles are read to their end, whatever they list.

    A test is skipped where the list came in as few answers as that of a handful: then nothing was shown.
    """

    def test_listings_of_several_pages_are_all_told(self) -> None:
        """A walk that ends after the first page and says `complete` would take all else out of the shop."""

        async def work(bench: SinkBench, skus: Sequence[str]) -> None:
            codes = bench.simulator.warehouse_codes()
            found = {(one.skus[0], one.warehouse) for one in await self.listings(bench)}
            lacking = {(sku, code) for sku in skus for code in codes} - found
            assert not lacking, (
                f"{len(lacking)} of {len(found) + len(lacking)} are not listed: {_few(lacking)}"
            )

        self._in_pages(work)

    def test_observations_of_several_pages_are_all_told(self) -> None:
        """Each listing that `observe` is asked for comes with its number; with `None`, all that show one."""

        async def work(bench: SinkBench, _: Sequence[str]) -> None:
            found = await self.of_one_warehouse(bench)
            wanted = [number % 9 + 1 for number in range(len(found))]
            for one, number in zip(found, wanted, strict=True):
                bench.simulator.set_shown(one.skus[0], one.warehouse, number)
            await bench.clock.sleep(self.settle)
            size = bench.adapter.limits.observe_batch
            for start in range(0, len(found), size):
                page = slice(start, start + size)
                assert await self.quantities(bench, found[page]) == wanted[page]
            if bench.adapter.limits.observe_whole:
                whole = await self.observe(bench, None)
                lacking = {pair(one) for one in found} - whole.keys()
                assert not lacking, f"observe(None) leaves {len(lacking)} out that show: {_few(lacking)}"

        self._in_pages(work)

    def test_orders_of_several_pages_are_all_told(self) -> None:
        """An open order that a complete reading leaves out counts as ended, and its unit as free again."""

        async def work(bench: SinkBench, _: Sequence[str]) -> None:
            keys: set[str] = set()
            found = await self.of_one_warehouse(bench)
            for one in found:
                bench.simulator.set_shown(one.skus[0], one.warehouse, 5)
                keys.update(bench.simulator.buy(one.skus[0], one.warehouse, 1))
            await bench.clock.sleep(self.settle)
            orders, pages = await self.all_orders(bench)
            assert pages[-1].complete, "the first reading of the orders is not complete"
            assert len(orders) == len(found), f"{len(found)} are ordered, {len(orders)} orders are told"
            if bench.adapter.limits.orders == "each":
                lacking = keys - {one.key for one in orders}
                assert not lacking, f"{len(lacking)} of {len(keys)} orders are not told: {_few(lacking)}"

        self.only(self.declared().orders != "none", "limits.orders is none")
        self._in_pages(work)

    def _in_pages(self, work: Work) -> None:
        """Do it with a handful of articles, and with many; skip if that took no more requests."""
        many = articles(self.rows)
        one_page = self.play(_counted(work, self.skus))
        asked = self.play(_counted(work, many), self.make_simulator(VirtualClock(), many))
        if self.http and not any(asked[path] > one_page[path] for path in asked):
            pytest.skip(f"{self.rows} articles came in one answer: let `rows` be more than a page holds")


def _counted(work: Work, skus: Sequence[str]) -> Callable[[SinkBench], Coroutine[Any, Any, Counter[str]]]:
    """Return the story of that work, which tells how many requests went to each path."""

    async def story(bench: SinkBench) -> Counter[str]:
        await work(bench, skus)
        return Counter(urlsplit(one.url).path for one in bench.requests)

    return story


def _few(found: Collection[Any]) -> str:
    told = sorted(found)
    return ", ".join(map(str, told[:3])) + (" …" if len(told) > 3 else "")
