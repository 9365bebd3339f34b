"""What a run is asked for."""

from __future__ import annotations

from typing import Literal, get_args

from mpstock.errors import ConfigurationError

__all__ = ["Read", "check_read"]

Read = Literal["everything", "orders", "nothing"]
"""What a run reads before it plans: all there is, the sinks' orders alone, or nothing but the ledger."""


def check_read(read: str, *, full: bool) -> None:
    """Raise `ConfigurationError` for something to read that there is not, or that is not everything."""
    if read not in get_args(Read):
        raise ConfigurationError(
            f"nothing to read is called {read!r}; there are: {', '.join(get_args(Read))}", place="read"
        )
    if full and read != "everything":
        raise ConfigurationError(f"a full run reads everything, not {read}", place="read")
