"""What can be wrong with the parts into which the common stock is divided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from mpstock.model import Problem

if TYPE_CHECKING:
    from mpstock.config.settings import SharingSettings, SinkConfig, SinkWarehouse

__all__ = ["problems_between_sinks", "problems_within_sink"]


def problems_within_sink(place: str, warehouses: Sequence[SinkWarehouse]) -> Iterator[Problem]:
    """Yield what is wrong with the shares of one sink's warehouses, table `place`."""
    for own in (None, *dict.fromkeys(own for served in warehouses for own in served.feeds or ())):
        fed = [w for w in warehouses if w.feeds is None or (own is not None and own in w.feeds)]
        shares = [warehouse.share for warehouse in fed if warehouse.share is not None]
        what = "they are all fed by the same" if own is None else f'they are all fed by "{own}"'
        codes = ", ".join(warehouse.code for warehouse in fed)
        if sum(shares, Decimal(0)) > 1:
            message = f"of {codes} add up to {sum(shares)}, and {what}: at most 1 can be shown"
            yield Problem(place, "share", message)
        elif shares and len(shares) < len(fed):
            yield Problem(place, "share", f"has to stand with each of {codes} or with none: {what}")


def problems_between_sinks(sharing: SharingSettings, sinks: Mapping[str, SinkConfig]) -> Iterator[Problem]:
    """Yield what is wrong with the shares of the sinks."""
    shares = {name: sink.share for name, sink in sinks.items()}
    if sharing.between_sinks != "split":
        for name in (name for name, share in shares.items() if share is not None):
            yield Problem(f"[sinks.{name}]", "share", 'counts only with [sharing] between_sinks = "split"')
        return
    for name in (name for name, share in shares.items() if share is None):
        yield Problem(f"[sinks.{name}]", "share", "is missing: the stock is split between the sinks")
    total = sum((share for share in shares.values() if share is not None), Decimal(0))
    if shares and None not in shares.values() and total != 1:
        yield Problem("[sharing]", "between_sinks", f"the shares of the sinks add up to {total}, not to 1")
