"""Another process on the same ledger, as far as the ledger can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from attrs import frozen

from mpstock.ledger import Ledger
from mpstock.ledger.leases import Holder, Taken
from tests.reconcile.shops import Play

__all__ = ["DEADLINE", "LENGTH", "Other"]

DEADLINE = timedelta(seconds=60)
"""What a push may take of an adapter that does not say: so long before its end a lease serves no more."""

LENGTH = timedelta(seconds=180)
"""How long a lease runs then."""


@frozen
class Other:
    """A process on another machine, of which nobody here can say whether it lives."""

    play: Play
    sink: str = "shop"
    owner: str = "far-away/1-1:4711:9.abcd"
    gone: Callable[[str], bool] = lambda _owner: False

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the ledger, as another process does."""
        ledger = Ledger(f"sqlite:///{self.play.ledger}")
        try:
            with ledger.transaction():
                yield ledger
        finally:
            ledger.close()

    def takes(self) -> Taken | Holder:
        """Take the sink's lease with what is left on its wire, as a run does when it begins."""
        with self.ledger() as ledger:
            now = self.play.clock.now()
            taken = ledger.leases.take(
                self.sink, self.owner, now,
                length=LENGTH, deadline=DEADLINE, command="mpstock sync", gone=self.gone,
            )  # fmt: skip
            if isinstance(taken, Taken):
                ledger.recovery.recover(now, {}, {self.sink: taken.late_until}, {})
            return taken

    def ends(self) -> None:
        """Give the lease back."""
        with self.ledger() as ledger:
            holder = ledger.leases.holder(self.sink)
            assert holder is not None
            assert holder.owner == self.owner
            ledger.leases.give_back(self.sink, holder.token, self.play.clock.now())
