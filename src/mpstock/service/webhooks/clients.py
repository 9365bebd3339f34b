"""How often one client may come: a bucket of tokens for each, and a bound on how many are remembered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil

from attrs import define

from mpstock.service.webhooks.refusals import Refusal

__all__ = ["Clients"]

SECONDS = 10
"""A client that has been quiet may spend what this many seconds allow at once."""

COST_OF_A_GUESS = 10
"""What a request with wrong credentials counts as: who guesses secrets is slow at it."""

_MOST = 10_000
"""Clients that are remembered; the one that was quiet for longest is forgotten, and starts anew."""


@define
class _Bucket:
    left: float
    at: float


class Clients:
    """Counts the requests of each client, by its address; of IPv6 by the network that one house has.

    Args:
        rate: requests of one client in a second, on average; 0 = no limit.
        now: seconds that never go back.
    """

    def __init__(self, rate: int, now: Callable[[], float]) -> None:
        self._rate = rate
        self._now = now
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def count(self, address: str, cost: int = 1) -> None:
        """Count a request of a client.

        Raises:
            Refusal: it comes too often (429, with the seconds to wait).
        """
        if not self._rate:
            return
        now, room = self._now(), float(self._rate * SECONDS)
        name = _network(address)
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(room, now)
            if len(self._buckets) > _MOST:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
            bucket.left = min(room, bucket.left + (now - bucket.at) * self._rate)
            bucket.at = now
        if bucket.left < 1:
            wait = ceil((1 - bucket.left) / self._rate)
            raise Refusal(
                429,
                f"more than {self._rate} requests a second; wait, send more rows in one request, or raise "
                "rate in [service.webhooks]",
                headers={"Retry-After": str(wait)},
            )
        bucket.left = max(bucket.left - cost, 0.0)


def _network(address: str) -> str:
    if ":" not in address:
        return address
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return found.exploded[:19] if isinstance(found, IPv6Address) else address
