"""What a run is asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, Protocol, TypeVar, get_args

from mpstock.errors import ConfigurationError
from mpstock.nearest import suggestion

__all__ = ["Read", "check_read", "named"]

Read = Literal["everything", "orders", "nothing"]
"""What a run reads before it plans: all there is, the sinks' orders alone, or nothing but the ledger."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


B = TypeVar("B", bound=_Named)


def check_read(read: str, *, full: bool) -> None:
    """Raise `ConfigurationError` for something to read that there is not, or that is not everything."""
    if read not in get_args(Read):
        raise ConfigurationError(
            f"nothing to read is called {read!r}; there are: {', '.join(get_args(Read))}", place="read"
        )
    if full and read != "everything":
        raise ConfigurationError(f"a full run reads everything, not {read}", place="read")


def named(adapters: Sequence[B], names: Collection[str] | None, what: str) -> list[B]:
    """Return the adapters of these names, in their order; None = all. `what` they are: `source`, `sink`.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if names is None:
        return list(adapters)
    known = [adapter.name for adapter in adapters]
    for name in names:
        if name not in known:
            meant = suggestion(name, known, what=f"the {what}s are")
            raise ConfigurationError(f"there is no {what} {name!r}; {meant}", place=what)
    return [adapter for adapter in adapters if adapter.name in names]
