"""What may be there already: sent, and nobody knows whether it arrived. A look comes before the next write.

The rest of such a listing ends when what was sent has arrived or never will. Then a read-back tells more than
a second write would; only where it cannot tell, the number goes once more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.ledger.database import as_datetime, ids
from mpstock.ledger.listing_rows import observed_rows

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.listing_rows import ObservedRow

__all__ = ["Doubt", "Doubts"]


@frozen
class Doubt:
    """A listing that waits for a look: its state, when its rest is over (None: it is), and whether it is to
    show nothing.
    """

    state: int
    over: datetime | None
    zero: bool


class Doubts:
    """The listings to which nothing is sent before they were looked at."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def of(self, sink: str) -> list[Doubt]:
        """Return the listings of a sink that wait for a look, and for nothing else.

        Its cost follows what is in doubt: that has an index of its own, and the condition no other.
        """
        return [
            Doubt(state, as_datetime(over), lane == 0)
            for state, over, lane, *known in self.db.query(
                "SELECT id, not_before, lane, base, in_flight, held, stopped FROM marketplace_stocks "
                "WHERE doubtful = 1 AND marketplace = ?",
                (sink,),
            )
            if lane is not None and known == [None] * 4
        ]

    def rows(self, states: Collection[int]) -> list[ObservedRow]:
        """Return these listings as a sink looks at them, those of one of its warehouses together."""
        return observed_rows(
            self.db.query(
                "SELECT s.id, l.external_id, l.warehouse_code, l.skus, l.keys FROM marketplace_stocks AS s "
                "JOIN listings AS l ON l.id = s.listing_id WHERE s.id IN ids(?) "
                "ORDER BY l.warehouse_code, s.id",
                (ids(states),),
            )
        )

    def let_go(self, states: Sequence[int]) -> None:
        """Let what a look could not tell of be sent once more."""
        self.db.execute(
            "UPDATE marketplace_stocks SET doubtful = 2, ready = 1 WHERE doubtful = 1 AND base IS NULL "
            "AND lane IS NOT NULL AND in_flight IS NULL AND held IS NULL AND stopped IS NULL "
            "AND id IN ids(?)",
            (ids(states),),
        )
