"""Who may see the numbers, and what each check says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mpstock.config import WebhookSettings
from mpstock.service.webhooks.credentials import Credentials
from mpstock.service.webhooks.refusals import Refusal

if TYPE_CHECKING:
    from mpstock.config import MonitoringSettings

__all__ = ["Access"]

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Access:
    """Knows the tokens, and the names with their passwords, of `[service.monitoring]`."""

    def __init__(self, settings: MonitoringSettings) -> None:
        self._open = settings.open
        self._credentials = Credentials(WebhookSettings(tokens=settings.tokens, users=settings.users))

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Say whether a request may see everything."""
        return self._open or self.refusal(headers) is None

    def refusal(self, headers: Mapping[str, str]) -> Refusal | None:
        """Return what to answer a request that may not see it, None where it may."""
        if self._open:
            return None
        if not self._credentials.any:
            return Refusal(
                403,
                "nobody may see this: set tokens or users in [service.monitoring], or open = true where "
                "only the monitoring reaches this address; and start the service again",
            )
        try:
            self._credentials.check(headers, (), _NEVER)
        except Refusal as refusal:
            return refusal
        return None
