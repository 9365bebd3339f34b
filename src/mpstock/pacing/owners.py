"""Whose a request under way is, and whether that process still lives."""

from __future__ import annotations

import os
import secrets
import socket
import weakref
from functools import lru_cache

__all__ = ["gone", "register"]

_living: weakref.WeakValueDictionary[str, object] = weakref.WeakValueDictionary()


def register(pacer: object) -> str:
    """Name `pacer` for as long as it lives: `<host>:<process>:<random>`."""
    name = f"{_host()}:{os.getpid()}:{secrets.token_hex(4)}"
    _living[name] = pacer
    return name


def gone(owner: str) -> bool:
    """Whether the process (or, within this one, the pacer) of that name has surely ended."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    if host != _host() or not rest.isdigit():
        return False
    process = int(rest)
    if process == os.getpid():
        return owner not in _living
    # Elsewhere signal 0 is not a question but an order.
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@lru_cache(maxsize=1)
def _host() -> str:
    return socket.gethostname()
