"""The one way out to the network: httpx, paced, retried where that is safe, without secrets in its words."""

from __future__ import annotations

from mpstock.transport.http import Exchange, HttpTransport
from mpstock.transport.settings import TransportSettings

__all__ = ["Exchange", "HttpTransport", "TransportSettings"]
