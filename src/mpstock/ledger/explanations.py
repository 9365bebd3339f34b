"""Why a number was sent: the inputs of the formula, kept once for each product that they are new of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["ExplanationRow", "Explanations", "SentRow"]


@frozen
class ExplanationRow:
    """The inputs of one product's numbers as they were at a moment, as text: the shop's and its own."""

    id: int
    at: datetime
    settings: str
    facts: str


@frozen
class SentRow:
    """What a listing was sent last, and what the sink said to it; `explanation` None: nothing was kept."""

    sink: str
    warehouse: str
    old: int | None
    new: int
    cause: str
    run: int
    status: str
    error: str
    at: datetime
    explanation: int | None


class Explanations:
    """The kept inputs, and the lines of the sync log that name them."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def keep(self, settings: str, facts: Sequence[tuple[int, str]], now: datetime) -> dict[int, int]:
        """Keep (product id, facts) under these settings; returns the explanation's id of each product.

        What is the same as a product's newest explanation is not kept again. Inside a transaction.
        """
        digest = blake2b(settings.encode(), digest_size=16).hexdigest()
        settings_id = self.db.scalar("SELECT id FROM explanation_settings WHERE digest = ?", (digest,))
        known: dict[int, tuple[int, str]] = {}
        if settings_id is None:
            settings_id = self.db.insert(
                "INSERT INTO explanation_settings (digest, body) VALUES (?, ?)", (digest, settings)
            )
        else:
            known = {
                product_id: (row_id, text)
                for product_id, row_id, text in self.db.query(
                    "SELECT product_id, id, facts FROM explanations WHERE settings_id = ? AND id IN "
                    "(SELECT (SELECT e.id FROM explanations AS e WHERE e.product_id = p.value "
                    "ORDER BY e.at DESC, e.id DESC LIMIT 1) FROM each_id(?) AS p)",
                    (settings_id, ids(product_id for product_id, _ in facts)),
                )
            }
        result: dict[int, int] = {}
        new: list[tuple[int, int, int, str, str]] = []
        free = self._numbers(len(facts))
        moment = as_text(now)
        for product_id, text in facts:
            row_id, kept = known.get(product_id, (0, ""))
            if kept != text:
                row_id = free
                free += 1
                new.append((row_id, product_id, settings_id, moment, text))
            result[product_id] = row_id
        self.db.executemany(
            "INSERT INTO explanations (id, product_id, settings_id, at, facts) VALUES (?, ?, ?, ?, ?)", new
        )
        return result

    def _numbers(self, count: int) -> int:
        """Return the first of so many ids that nothing had before: the log goes on naming what is let go."""
        last = self.db.query(
            "INSERT INTO meta (key, value) VALUES ('explanations', ?) ON CONFLICT (key) "
            "DO UPDATE SET value = CAST(meta.value AS INTEGER) + CAST(excluded.value AS INTEGER) "
            "RETURNING value",
            (str(count),),
        )[0][0]
        return int(last) - count + 1

    def read(self, explanation_ids: Iterable[int]) -> dict[int, ExplanationRow]:
        """Return these explanations by their ids, as far as they are still there."""
        return {
            row_id: ExplanationRow(row_id, moment, settings, facts)
            for row_id, at, settings, facts in self.db.query(
                "SELECT e.id, e.at, s.body, e.facts FROM explanations AS e "
                "JOIN explanation_settings AS s ON s.id = e.settings_id "
                "WHERE e.id IN ids(?)",
                (ids(explanation_ids),),
            )
            if (moment := as_datetime(at)) is not None
        }

    def sent(
        self,
        product_id: int,
        *,
        run: int | None = None,
        until: datetime | None = None,
        accepted: bool = False,
    ) -> list[SentRow]:
        """Return what each of a product's listings was sent last: by a run, or up to a moment.

        With `accepted` only what the sink has taken counts.
        """
        conditions, parameters = ["product_id = ?"], [product_id]
        if run is not None:
            conditions.append("run = ?")
            parameters.append(run)
        texts: list[str] = []
        if until is not None:
            conditions.append("synced_at <= ?")
            texts.append(as_text(until))
        if accepted:
            conditions.append("status = 'ok'")
        return [
            SentRow(*[*row[:7], ": ".join(part for part in row[7:9] if part), moment, row[10]])
            for row in self.db.query(
                "SELECT marketplace, warehouse_code, old_qty, new_qty, source, run, status, error_code, "
                "error_message, synced_at, explanation_id FROM stock_sync_log WHERE id IN "
                f"(SELECT max(id) FROM stock_sync_log WHERE {' AND '.join(conditions)} "
                "GROUP BY marketplace, warehouse_code) ORDER BY id",
                (*parameters, *texts),
            )
            if (moment := as_datetime(row[9])) is not None
        ]

    def first_sent(self, product_id: int) -> datetime | None:
        """Return when something of a product was sent first, as far as the log goes back."""
        return as_datetime(
            self.db.scalar("SELECT min(synced_at) FROM stock_sync_log WHERE product_id = ?", (product_id,))
        )
