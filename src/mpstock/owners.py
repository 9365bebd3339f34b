"""Whose a request under way or a lease is, and whether that process still lives."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import weakref
from functools import lru_cache
from pathlib import Path

__all__ = ["described", "gone", "register", "running_program", "unregister"]

_living: weakref.WeakValueDictionary[str, object] = weakref.WeakValueDictionary()


def register(owner: object) -> str:
    """Name `owner` for as long as it lives: `<place>:<process>:<start of the process>.<random>`."""
    name = f"{_place()}:{os.getpid()}:{_own_start(os.getpid())}.{secrets.token_hex(4)}"
    _living[name] = owner
    return name


def unregister(name: str) -> None:
    """Say that the owner of that name is done, before it is forgotten by itself."""
    _living.pop(name, None)


def gone(owner: str) -> bool:
    """Whether the process (or, within this one, the object) of that name has surely ended.

    Of a process elsewhere nobody knows: on another machine, after a reboot, in another container. Another
    process that was given the number since is told apart by when it started, where the system says so.
    """
    place, process, tail = _parts(owner)
    if place != _place() or process is None:
        return False
    started = tail.partition(".")[0]
    if process == os.getpid() and started in ("", _own_start(process)):
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
    now = _started(process)
    return bool(started and now) and started != now


def described(owner: str) -> tuple[str, int | None]:
    """Return the host and the number of an owner's process, for people."""
    place, process, _ = _parts(owner)
    return place.partition("/")[0], process


@lru_cache(maxsize=1)
def running_program() -> str:
    """Say what this process is, for people: `mpstock sync`, or a program's name."""
    program = Path(sys.argv[0] if sys.argv else "").name or "python"
    if program in ("mpstock", "__main__.py"):
        words = [word for word in sys.argv[1:2] if word.isalpha()]
        return " ".join(("mpstock", *words))
    return program


def _parts(owner: str) -> tuple[str, int | None, str]:
    head, _, tail = owner.rpartition(":")
    place, _, process = head.rpartition(":")
    return place, int(process) if process.isdigit() else None, tail


@lru_cache(maxsize=1)
def _place() -> str:
    """Where numbers of processes mean something: a host since its start, and within it a container."""
    parts = [socket.gethostname()]
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        parts.append(f"{boot[:8]}-{Path('/proc/self/ns/pid').stat().st_ino}")
    except OSError:
        pass
    return "/".join(parts)


@lru_cache(maxsize=1)
def _own_start(process: int) -> str:
    """Return when this process started. It is told its number, which is another one after a fork."""
    return _started(process)


def _started(process: int) -> str:
    """Return when a process started, as the system counts it; empty where it does not say.

    One that has ended, and of which its parent has not heard yet, counts as started never.
    """
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field is the program's name in brackets, and may have any character in it.
    fields = text.rpartition(")")[2].split()
    return "never" if fields[0] in "ZX" else fields[19]
