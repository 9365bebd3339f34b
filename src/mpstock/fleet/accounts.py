"""Whose limits a tenant's tasks use: the accounts of its sinks, and what links tenants that share one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mpstock.interfaces import Context
from mpstock.pacing import MemoryPaceStore, Pacer
from mpstock.redaction import redacting_logger
from mpstock.transport import HttpTransport, TransportSettings

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.config import Configuration
    from mpstock.plugins import PluginRegistry

__all__ = ["accounts", "locks"]


async def accounts(config: Configuration, plugins: PluginRegistry, clock: Clock) -> dict[str, str]:
    """Return the account of each sink, as its limits name it. Nothing is sent.

    Raises:
        PluginError: a sink cannot be built.
        ConfigurationError: a plugin finds its settings unusable.
    """
    found: dict[str, str] = {}
    pacer = Pacer(MemoryPaceStore(), clock)
    for name, sink in config.sinks.items():
        settings = sink.transport or TransportSettings()
        transport = HttpTransport(name, pacer=pacer, clock=clock, settings=settings, secrets=sink.secrets)
        try:
            logger = redacting_logger(f"mpstock.adapters.{name}", sink.secrets)
            built = plugins.build_sink(sink, Context(name, transport, clock, logger, sink.codes))
            found[name] = built.limits.account
        finally:
            await transport.aclose()
    return found


def locks(held: Mapping[str, set[str]]) -> dict[str, str]:
    """Return each tenant's lock: an account, the same for all that are linked by accounts they share.

    `held` has the accounts of each tenant. A tenant without an account has a lock of its own.
    """
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]
            node = parent[node]
        return node

    for names in held.values():
        ordered = sorted(names)
        for name in ordered:
            one, other = sorted((root(ordered[0]), root(name)))
            parent[other] = one
    return {
        tenant: f"account {root(min(names))}" if names else f"tenant {tenant}"
        for tenant, names in held.items()
    }
