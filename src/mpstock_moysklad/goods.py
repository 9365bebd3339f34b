"""What is known of the goods: which id is which article, what is archived, which articles stand twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock_moysklad.wire import uuid_key, uuid_text

if TYPE_CHECKING:
    from mpstock import Clock
    from mpstock_moysklad.api import MoyskladApi

__all__ = ["Good", "Goods", "read_good"]

_STOCKED = frozenset({"product", "variant", "bundle"})
_OVERLAP = timedelta(minutes=5)
_WITH_DOUBLES = timedelta(hours=1)
_NAMED = 3
# What stands at the ends of an article and cannot be seen.
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + (
    "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00ad\u180e\x00"
)
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@frozen
class Good:
    """One row of the assortment. `sku` is empty where the good has no article of the kind asked for."""

    id: bytes
    sku: str
    name: str
    archived: bool
    bundle: bool
    updated: str


def read_good(data: Any, sku_by: str) -> Good | None:
    """Read a row of `/entity/assortment`; None for what has no stock (services) and what is no good.

    `barcodes` are a list of objects with one key each, `[{"ean13": "2000000000015"}]`; the first one counts.
    """
    if not isinstance(data, dict) or not isinstance(data.get("id"), str) or not data["id"]:
        return None
    meta = data.get("meta")
    kind = meta.get("type") if isinstance(meta, dict) else None
    if kind not in _STOCKED:
        return None
    return Good(
        uuid_key(data["id"]),
        _sku(data, sku_by),
        str(data.get("name", "")),
        data.get("archived") is True,
        kind == "bundle",
        str(data.get("updated", "")),
    )


def _sku(data: Mapping[str, Any], sku_by: str) -> str:
    if sku_by != "barcode":
        value = data.get(sku_by)
    else:
        barcodes = data.get("barcodes")
        first = barcodes[0] if isinstance(barcodes, list) and barcodes else None
        value = next(iter(first.values()), None) if isinstance(first, dict) else None
    sku = value.strip(_BLANKS) if isinstance(value, str) else ""
    return "" if _UNFIT.search(sku) else sku


class Goods:
    """The goods of an account, kept in memory as long as the source lives.

    `twice` are the articles of several goods that are not archived: whose number is whose cannot be told.
    An archived good lends its article to a good that is for sale; without one it has nothing to sell.
    """

    def __init__(self, sku_by: str, every: timedelta) -> None:
        self._sku_by = sku_by
        self._every = every
        self._live: dict[bytes, str] = {}
        self._archived: dict[bytes, str] = {}
        self._bundles: dict[bytes, str] = {}
        self._walked_at: datetime | None = None
        self._seen_at: datetime | None = None
        # Outlives a refresh that breaks off.
        self._moved = False
        self.twice: Mapping[str, Sequence[str]] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: bytes) -> bool:
        return key in self._live or key in self._archived

    def sku(self, key: bytes) -> str | None:
        """The article of a good that is for sale; empty if it has none, None if it is no such good."""
        return self._live.get(key)

    def live(self) -> Iterable[tuple[bytes, str]]:
        """Id and article of each good that is for sale, bundles apart."""
        return ((key, sku) for key, sku in self._live.items() if key not in self._bundles)

    def is_bundle(self, key: bytes) -> bool:
        """Whether a good is a bundle that is for sale."""
        return key in self._bundles

    @property
    def bundles(self) -> Iterable[tuple[bytes, str]]:
        """Id and article of the bundles that are for sale and have an article."""
        return [(key, self._live[key]) for key in self._bundles if self._live.get(key)]

    @property
    def keyless(self) -> int:
        """How many goods that are for sale have no article."""
        return sum(1 for sku in self._live.values() if not sku)

    async def refresh(self, api: MoyskladApi, clock: Clock) -> bool:
        """Learn what is new; True: what was known before has changed its meaning, so read all stock anew."""
        now = clock.now()
        # Deletions are in no list of changes, and a double is often mended by one.
        every = min(self._every, _WITH_DOUBLES) if self.twice else self._every
        if self._walked_at is None or now - self._walked_at >= every or now < self._walked_at:
            await self._walk(api, now)
            return True
        assert self._seen_at is not None
        articles: set[str] | None = None
        async for rows in api.goods(self._seen_at - _OVERLAP):
            for good in (found for row in rows if (found := read_good(row, self._sku_by))):
                if good.id not in self and good.sku and not good.archived and not good.bundle:
                    # A new good: its stock comes with the changes, unless another one has its article.
                    articles = set(self._live.values()) if articles is None else articles
                    self._moved |= good.sku in articles
                    articles.add(good.sku)
                    self._take(good)
                else:
                    self._moved |= self._take(good)
        self._seen_at = now
        moved, self._moved = self._moved, False
        if moved:
            self._find_twice()
        return moved

    async def _walk(self, api: MoyskladApi, now: datetime) -> None:
        fresh = Goods(self._sku_by, self._every)
        async for rows in api.goods(None):
            for row in rows:
                good = read_good(row, self._sku_by)
                if good is not None:
                    fresh._take(good)
        # Only a whole walk counts: one that breaks off leaves what was known.
        self._live, self._archived, self._bundles = fresh._live, fresh._archived, fresh._bundles
        self._walked_at = self._seen_at = now
        self._find_twice()

    def _take(self, good: Good) -> bool:
        """Note a good; True if that changes anything but its price."""
        before = (self._live.get(good.id), self._archived.get(good.id), self._bundles.get(good.id))
        for known in (self._live, self._archived, self._bundles):
            known.pop(good.id, None)
        if good.archived:
            self._archived[good.id] = good.sku
        else:
            self._live[good.id] = good.sku
            if good.bundle:
                # Its time of change stands for its components, which are not in this list.
                self._bundles[good.id] = good.updated
        after = (self._live.get(good.id), self._archived.get(good.id), self._bundles.get(good.id))
        return before != after

    def _find_twice(self) -> None:
        counts = Counter(sku for sku in self._live.values() if sku)
        several = {sku: count for sku, count in counts.items() if count > 1}
        ids: dict[str, list[str]] = {sku: [] for sku in several}
        if several:
            for key, sku in self._live.items():
                if sku in ids and len(ids[sku]) < _NAMED:
                    ids[sku].append(uuid_text(key))
        self.twice = ids
