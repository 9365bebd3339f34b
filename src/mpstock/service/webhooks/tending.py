"""What the doors need from time to time: receipts that are no longer needed are let go."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mpstock.errors import LedgerError
from mpstock.service.webhooks.credentials import Credentials
from mpstock.service.webhooks.doors import SIGNED

if TYPE_CHECKING:
    from mpstock.service.service import Service

__all__ = ["let_go", "tend"]

SECONDS = 60.0
"""Between two looks."""

_logger = logging.getLogger("mpstock.service.webhooks")


async def tend(service: Service) -> None:
    """Let receipts go whose time is over, once a minute."""
    if not Credentials(service.settings.webhooks).any:
        _logger.warning("nobody may push stock: [service.webhooks] has neither secrets, tokens nor users")
    while True:
        try:
            await let_go(service)
        except LedgerError as error:
            _logger.warning("old receipts could not be let go: %s", error)
        await service.engine.clock.sleep(SECONDS)


async def let_go(service: Service) -> None:
    """Let go of the receipts under which nobody may come again.

    Raises:
        LedgerError: the ledger cannot be written.
    """
    settings = service.settings.webhooks
    # The time of a signature is checked before it is looked up: later than this it is refused.
    within = 2 * settings.replay_window
    engine = service.engine
    for age, sender in ((within, SIGNED), (max(settings.receipts, within), None)):
        # Bit by bit: what is brought meanwhile gets its turn at the ledger.
        while await engine.worker.run(engine.ledger.receipts.prune, engine.clock.now() - age, sender):
            pass
