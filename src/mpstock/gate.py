"""Whether anything may be written to a marketplace account: the one place that is asked."""

from __future__ import annotations

from attrs import define

from mpstock.errors import ShadowError

__all__ = ["Gate"]


@define
class Gate:
    """The gate of one sink. It is shut in shadow mode: what changes something does not get out.

    It is asked where a push is handed to the adapter, where a request that changes something is handed to the
    transport, and once more when such a request is about to leave. An adapter cannot get past it.
    """

    sink: str = ""
    shut: bool = False

    def check(self) -> None:
        """Raise `ShadowError` if it is shut."""
        if self.shut:
            raise ShadowError(
                "it is in shadow mode, and nothing is written to it; mpstock takeover says what would change",
                adapter=self.sink,
            )
