"""What systemd wants to hear of a service of `Type=notify`: that it is up, that it lives, that it ends."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpstock.service.service import Service

__all__ = ["keep_watchdog_quiet", "notify"]


def notify(*states: str) -> bool:
    """Tell systemd, if it has started us and wants to know; whether it was told."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):
        # An abstract name, which begins with a zero.
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            # One that does not listen just now does not hold the event loop up.
            out.setblocking(False)
            out.sendto("\n".join(states).encode(), address)
    except OSError:
        return False
    return True


async def keep_watchdog_quiet(service: Service) -> None:
    """Say twice in each `WatchdogSec=` that we live, as long as event loop and ledger's thread do."""
    span = os.environ.get("WATCHDOG_USEC", "")
    if not span.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return
    while True:
        # Where that thread hangs this waits with it, and systemd starts the service anew.
        await service.engine.worker.run(int)
        notify("WATCHDOG=1")
        await service.engine.clock.sleep(int(span) / 2_000_000)
