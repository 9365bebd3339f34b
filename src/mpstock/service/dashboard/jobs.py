"""The names of jobs and phases, as a page says them."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["PHASES", "job_name"]

PHASES = {"listings", "observe", "orders", "plan", "push", "read"}

_JOBS = {
    "every", "exchange", "full", "heard", "orders", "product", "release", "retry", "sync", "takeover",
    "tidy", "verify",
}  # fmt: skip


def job_name(text: Callable[..., str], name: str) -> str:
    """Return a job's name in words; one that is not known as it is."""
    first, _, rest = name.partition(" ")
    if first not in _JOBS:
        return name
    return f"{text(f'job_{first}')} {rest}".strip()
