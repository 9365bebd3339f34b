"""What the sinks sell, and which of the seller's products each listing is."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from mpstock.ledger.database import as_text, ids, names_as_json, texts_as_json
from mpstock.ledger.seen import SeenRows

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt
    from mpstock.ledger.levels import Levels
    from mpstock.model import Listing

__all__ = ["ListingGap", "Listings", "Walk"]

_PAGE = 1_000
"""Listings that one step ties to products."""

_LOOKED_AT = 2_000
"""Listings of which one step finds those that were not met."""


@frozen
class ListingGap:
    """A listing that nothing is pushed for, and why. `keys` are those by which it can be mapped."""

    sink: str
    warehouse: str
    external_id: str
    skus: tuple[str, ...]
    reason: str
    keys: Mapping[str, Sequence[str]] = field(factory=dict[str, Sequence[str]])


class Listings:
    """Listings by sink, offer and sink warehouse."""

    def __init__(self, database: Database, dirt: Dirt, levels: Levels) -> None:
        self.db = database
        self.dirt = dirt
        self._levels = levels

    def begin_walk(self, sink: str) -> Walk:
        """Start taking in what a sink sells."""
        return Walk(self, sink)

    def match(
        self,
        sink: str,
        mapping: Mapping[tuple[str, str], str],
        now: datetime,
        *,
        everything: bool,
        after: int = 0,
    ) -> tuple[int, int | None]:
        """Tie the listings of a page, with ids above `after`, to products; inside a transaction.

        `mapping` is the products file's say: (key name, value) → sku; it goes before what the sink
        suggests and heals a listing's problem. Without `everything` only listings without a
        product are looked at.

        Returns:
            How many ties have moved, and the last id of the page; None after the last page.
        """
        # Along the ids: through the index on the sink each page would sort all that is left.
        condition = "marketplace || '' = ?" if everything else "marketplace = ? AND product_id IS NULL"
        page = self.db.query(
            "SELECT id, warehouse_code, external_id, product_id, skus, keys, problem, trouble FROM listings "
            f"WHERE {condition} AND gone_at IS NULL AND id > ? ORDER BY id LIMIT ?",
            (sink, after, _PAGE),
        )
        moved = self._match_page(sink, page, mapping, now) if page else 0
        return moved, page[-1][0] if len(page) == _PAGE else None

    def _match_page(
        self, sink: str, page: Sequence[Any], mapping: Mapping[tuple[str, str], str], now: datetime
    ) -> int:
        candidates: dict[int, tuple[str, ...]] = {}
        said: set[int] = set()
        for row in page:
            forced = _forced(row[5], mapping) if mapping else None
            candidates[row[0]] = (forced,) if forced else () if row[6] else tuple(json.loads(row[4]))
            if forced:
                said.add(row[0])
        # What the products file says goes before what the sink suggests, in whichever order they come.
        page = sorted(page, key=lambda row: row[0] not in said)
        known = self._levels.product_ids({sku for skus in candidates.values() for sku in skus})
        taken = {
            (product_id, warehouse): listing_id
            for product_id, warehouse, listing_id in self.db.query(
                "SELECT product_id, warehouse_code, listing_id FROM marketplace_stocks "
                "WHERE marketplace = ? AND product_id IN ids(?)",
                (sink, ids(known.values())),
            )
        }
        moved = 0
        untie: list[tuple[int]] = []
        tie: list[tuple[int, int, str]] = []
        trouble: list[tuple[str, int]] = []
        for listing_id, warehouse, _external, product_id, *_rest, old_trouble in page:
            found = list(dict.fromkeys(known[sku] for sku in candidates[listing_id] if sku in known))
            why = ""
            target = found[0] if len(found) == 1 else None
            if len(found) > 1:
                names = ", ".join(sku for sku in candidates[listing_id] if sku in known)
                why = f"matches several products ({names}); map it in the products file"
            elif (
                target is not None
                and listing_id in said
                and (rival := taken.get((target, warehouse), listing_id)) != listing_id
                and not self._is_said(rival, mapping)
            ):
                self.untie([(rival,)])
                moved += 1
                del taken[target, warehouse]
            elif target is not None and taken.get((target, warehouse), listing_id) != listing_id:
                other = self._external_id(taken[target, warehouse])
                why = f"the product is already tied to listing {other}; map one of them in the products file"
                target = None
            if why != old_trouble:
                trouble.append((why, listing_id))
            if target == product_id:
                continue
            if product_id is not None:
                untie.append((listing_id,))
                taken.pop((product_id, warehouse), None)
            if target is not None:
                taken[target, warehouse] = listing_id
                tie.append((target, listing_id, warehouse))
        self.db.executemany("UPDATE listings SET trouble = ? WHERE id = ?", trouble)
        self.untie(untie)
        self.db.executemany(
            "UPDATE listings SET product_id = ?, left_showing = NULL WHERE id = ?", [t[:2] for t in tie]
        )
        self.db.executemany(
            "INSERT INTO marketplace_stocks (product_id, marketplace, warehouse_code, listing_id) "
            "VALUES (?, ?, ?, ?)",
            [(product_id, sink, warehouse, listing_id) for product_id, listing_id, warehouse in tie],
        )
        if tie:
            self.dirt.mark({product_id for product_id, _, _ in tie}, "listing", now, soft=True)
        return moved + len(untie) + len(tie)

    def _is_said(self, listing_id: int, mapping: Mapping[tuple[str, str], str]) -> bool:
        keys = self.db.scalar("SELECT keys FROM listings WHERE id = ?", (listing_id,))
        return _forced(str(keys), mapping) is not None

    def untie(self, listing_ids: Iterable[tuple[int]]) -> None:
        """Take listings from their products, and keep no more of them than what they showed last."""
        rows = list(listing_ids)
        self.db.executemany(
            "UPDATE listings SET left_showing = (SELECT coalesce(base, sent, synced_quantity) "
            "FROM marketplace_stocks WHERE listing_id = listings.id) "
            "WHERE id = ? AND product_id IS NOT NULL",
            rows,
        )
        self.db.executemany("DELETE FROM marketplace_stocks WHERE listing_id = ?", rows)
        self.db.executemany("UPDATE listings SET product_id = NULL WHERE id = ?", rows)

    def gaps(self, sink: str, limit: int = 1000) -> list[ListingGap]:
        """Return listings that nothing is pushed for, with the reason."""
        return [
            ListingGap(sink, warehouse, external_id, tuple(json.loads(skus)), reason, json.loads(keys))
            for warehouse, external_id, skus, keys, reason in self.db.query(
                "SELECT warehouse_code, external_id, skus, keys, CASE WHEN trouble <> '' THEN trouble "
                "WHEN problem <> '' THEN problem ELSE 'no source knows this product' END "
                "FROM listings WHERE marketplace = ? AND gone_at IS NULL AND product_id IS NULL "
                "ORDER BY id LIMIT ?",
                (sink, limit),
            )
        ]

    def counts(self, sink: str) -> tuple[int, int]:
        """Return (listings, listings that nothing is pushed for) of a sink."""
        row = self.db.one(
            "SELECT count(*), count(*) - count(product_id) FROM listings "
            "WHERE marketplace = ? AND gone_at IS NULL",
            (sink,),
        )
        return int(row[0]), int(row[1])

    def count_unmatched(self, sink: str) -> int:
        """Return how many listings of a sink nothing is pushed for; costs what they are, not what all are."""
        return int(
            self.db.scalar(
                "SELECT count(*) FROM listings "
                "WHERE marketplace = ? AND product_id IS NULL AND gone_at IS NULL",
                (sink,),
            )
        )

    def unlisted(self, sink: str, limit: int = 1000) -> tuple[int, list[str]]:
        """Return how many products have no listing in a sink, and the first of their skus."""
        condition = (
            "FROM products WHERE NOT EXISTS (SELECT 1 FROM marketplace_stocks AS stocks "
            "WHERE stocks.product_id = products.id AND stocks.marketplace = ?)"
        )
        total = int(self.db.scalar(f"SELECT count(*) {condition}", (sink,)))
        rows = self.db.query(f"SELECT sku {condition} ORDER BY id LIMIT ?", (sink, limit))
        return total, [row[0] for row in rows]

    def _external_id(self, listing_id: int) -> str:
        return str(self.db.scalar("SELECT external_id FROM listings WHERE id = ?", (listing_id,)))


@define
class Walk:
    """One walk over what a sink sells, page by page; only what differs is written."""

    listings: Listings
    sink: str
    rows: int = 0
    _seen: SeenRows = field(factory=SeenRows)

    def ingest(self, page: Sequence[Listing]) -> None:
        """Take in one page; inside a transaction."""
        db = self.listings.db
        self.rows += len(page)
        stored = self._stored({listing.external_id for listing in page})
        new: dict[tuple[str, str], tuple[object, ...]] = {}
        changed: list[tuple[object, ...]] = []
        untie: list[tuple[int]] = []
        for listing in page:
            key = (listing.external_id, listing.warehouse)
            skus, keys = texts_as_json(listing.skus), names_as_json(listing.keys)
            old = stored.get(key)
            if old is None:
                new[key] = (
                    self.sink, listing.warehouse, listing.external_id, skus, keys, listing.problem,
                )  # fmt: skip
                continue
            row_id, old_skus, old_keys, old_problem, gone_at = old
            self._seen.add(row_id)
            if (skus, keys, listing.problem, None) == (old_skus, old_keys, old_problem, gone_at):
                continue
            changed.append((skus, keys, listing.problem, row_id))
            if skus != old_skus or listing.problem:
                untie.append((row_id,))
        db.executemany(
            "INSERT INTO listings (marketplace, warehouse_code, external_id, skus, keys, problem) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            list(new.values()),
        )
        if new:
            for key, row in self._stored({external_id for external_id, _ in new}).items():
                if key in new:
                    self._seen.add(row[0])
        db.executemany(
            "UPDATE listings SET skus = ?, keys = ?, problem = ?, gone_at = NULL WHERE id = ?", changed
        )
        self.listings.untie(untie)

    def settle_absent(self, now: datetime, served: Collection[str] = (), after: int = 0) -> int | None:
        """Set aside the listings that a complete walk has not met, page by page; inside a transaction.

        `served` are the warehouses that were walked, none = all: of others a walk says nothing. Returns the
        last id that was looked at; None after the last page.
        """
        page = self.listings.db.query(
            # Along the ids: through the index on the sink each page would sort all that is left.
            "SELECT id FROM listings WHERE marketplace || '' = ? AND gone_at IS NULL AND id > ? "
            f"{'AND warehouse_code IN texts(?) ' if served else ''}"
            "ORDER BY id LIMIT ?",
            (self.sink, after, *([ids(served)] if served else ()), _LOOKED_AT),
        )
        gone = [row for row in page if row[0] not in self._seen]
        moment = as_text(now)
        self.listings.db.executemany(
            "UPDATE listings SET gone_at = ? WHERE id = ?", [(moment, row_id) for (row_id,) in gone]
        )
        self.listings.untie(gone)
        return page[-1][0] if len(page) == _LOOKED_AT else None

    def _stored(self, external_ids: Iterable[str]) -> dict[tuple[str, str], tuple[int, str, str, str, Any]]:
        return {
            (external_id, warehouse): (row_id, skus, keys, problem, gone_at)
            for row_id, external_id, warehouse, skus, keys, problem, gone_at in self.listings.db.query(
                "SELECT id, external_id, warehouse_code, skus, keys, problem, gone_at FROM listings "
                "WHERE marketplace = ? AND external_id IN texts(?)",
                (self.sink, ids(external_ids)),
            )
        }


def _forced(keys: str, mapping: Mapping[tuple[str, str], str]) -> str | None:
    for name, values in json.loads(keys).items():
        for value in values:
            if sku := mapping.get((name, value)):
                return sku
    return None
