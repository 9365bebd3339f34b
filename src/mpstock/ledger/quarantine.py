"""Listings that are refused again and again: how often in a row, and until when they rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mpstock.ledger.database import as_datetime, as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["Quarantine", "Rest"]

Rest = Callable[[int], "timedelta | None"]
"""How long a raise rests after so many refusals in a row; None: not at all."""


class Quarantine:
    """Counts refusals. Only raises rest: a fall that is refused is the most urgent thing there is."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def refused(self, state_ids: Collection[int], rest: Rest, now: datetime) -> None:
        """Count one more refusal of each; inside a transaction."""
        chosen = ids(state_ids)
        self.db.execute(
            "UPDATE marketplace_stocks SET failures = failures + 1 WHERE id IN ids(?)",
            (chosen,),
        )
        resting = [
            (as_text(now + pause), state)
            for state, failures in self.db.query(
                "SELECT id, failures FROM marketplace_stocks WHERE lane = 2 AND id IN ids(?)",
                (chosen,),
            )
            if (pause := rest(failures)) is not None
        ]
        self.db.executemany("UPDATE marketplace_stocks SET rests_until = ? WHERE id = ?", resting)

    def suspects(self, sink: str, after: int) -> list[tuple[int, str]]:
        """Return (state, sink warehouse) of what is ready and was refused so often that it is sent apart.

        It may spoil its batch.
        """
        return self.db.query(
            "SELECT id, warehouse_code FROM marketplace_stocks WHERE marketplace = ? AND failures > 0 "
            "AND failures >= ? AND ready = 1 ORDER BY lane, id",
            (sink, after),
        )

    def resting(self, sink: str, now: datetime) -> int:
        """Return how many raises of a sink rest."""
        return int(
            self.db.scalar(
                "SELECT count(*) FROM marketplace_stocks WHERE marketplace = ? AND failures > 0 "
                "AND lane = 2 AND rests_until > ?",
                (sink, as_text(now)),
            )
        )

    def first_resting(
        self, sink: str, now: datetime, limit: int
    ) -> Sequence[tuple[str, str, int, datetime, str]]:
        """Return (sku, sink warehouse, refusals in a row, until when, the sink's words) of what rests."""
        return [
            (sku, code, failures, until, message)
            for sku, code, failures, rests, message in self.db.query(
                "SELECT p.sku, s.warehouse_code, s.failures, s.rests_until, "
                "trim(coalesce(s.error_code, '') || ' ' || coalesce(s.error_message, '')) "
                "FROM marketplace_stocks AS s JOIN products AS p ON p.id = s.product_id "
                "WHERE s.marketplace = ? AND s.failures > 0 AND s.lane = 2 AND s.rests_until > ? "
                "ORDER BY s.id LIMIT ?",
                (sink, as_text(now), limit),
            )
            if (until := as_datetime(rests)) is not None
        ]

    def end_rests(self, product_ids: Collection[int] | None = None) -> int:
        """Let what rests be tried again, of all products or of these; returns how many listings."""
        where = "" if product_ids is None else "AND product_id IN ids(?)"
        parameters = () if product_ids is None else (ids(product_ids),)
        return self.db.affected(
            "UPDATE marketplace_stocks SET rests_until = NULL "
            f"WHERE failures > 0 AND rests_until IS NOT NULL {where}",
            parameters,
        )
