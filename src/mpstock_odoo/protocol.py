"""What both protocols have in common: one way to call a method of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mpstock.errors import UnexpectedResponseError

__all__ = ["Caller", "NoSuchRouteError"]


class NoSuchRouteError(UnexpectedResponseError):
    """The server does not speak this protocol, or not for this database."""


class Caller(Protocol):
    """One protocol. `label` is its name for people."""

    label: str

    async def start(self) -> None:
        """Find out whether the protocol is served and the credentials are good."""
        ...

    async def call(
        self,
        model: str,
        method: str,
        named: Mapping[str, Any],
        *,
        ids: Sequence[int] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call `method` of `model` with named arguments, on the records `ids` if it is not the model's own.

        Raises:
            AuthenticationError: the credentials were refused, or the user may not do this.
            RejectedError: Odoo refused the call; `code` is the name of its exception.
            NoSuchRouteError: the server does not speak this protocol.
            TransientError: no answer in time.
            UnexpectedResponseError: the answer is none of Odoo's.
        """
        ...
