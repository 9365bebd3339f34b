"""The limiters' state of a whole fleet: one account has one limit, whoever uses it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mpstock.fleet.store import FleetStore
    from mpstock.pacing.store import State

__all__ = ["FleetPaceStore"]

T = TypeVar("T")


class FleetPaceStore:
    """A `mpstock.pacing.PaceStore` for one tenant's shop, over the fleet's table.

    Two tenants that use one account of a marketplace share its state. A source is named by its tenant alone:
    its limits are kept under the tenant's name.
    """

    def __init__(self, store: FleetStore, tenant: str, sources: Collection[str]) -> None:
        self._store = store
        self._tenant = tenant
        self._sources = frozenset(sources)

    async def update(
        self,
        keys: Sequence[str],
        change: Callable[[list[State | None]], tuple[list[State], T]],
    ) -> T:
        """Read, change and write several states of an account as one step, against every worker."""
        result: list[T] = []

        def work(before: list[str | None]) -> list[str | None]:
            loaded: list[State | None] = [None if one is None else json.loads(one) for one in before]
            states, told = change(loaded)
            result.append(told)
            return [
                None if new is old else json.dumps(new, separators=(",", ":"))
                for old, new in zip(loaded, states, strict=True)
            ]

        await self._store.update_pace([self._key(key) for key in keys], work)
        return result[-1]

    def _key(self, key: str) -> str:
        account, _, _ = key.rpartition("/")
        return f"source {self._tenant} {key}" if account in self._sources else f"account {key}"
