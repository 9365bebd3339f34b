"""Who asked for something, and why: what the runs and the actions of the ledger say of people."""

from __future__ import annotations

from functools import cache

from attrs import field, frozen

from mpstock.errors import ConfigurationError

__all__ = ["LONGEST_REASON", "Asked", "this_user"]

LONGEST_REASON = 1_000
"""Characters that a name or a reason may have: it is said in a sentence, and kept with every run."""


@cache
def this_user() -> str:
    """Return who runs this process, as `user@host`."""
    import getpass
    import os
    import platform

    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):
        # A container may run under a number that has no name.
        user = f"uid-{os.getuid()}" if hasattr(os, "getuid") else "somebody"
    return f"{user}@{platform.node()}"


def _named(value: str | None) -> str:
    return _text(value) or this_user()


def _text(value: str | None) -> str:
    # One line each: they are shown in tables and in messages.
    return " ".join((value or "").split())


def _short(_asked: object, attribute: object, value: str) -> None:
    if len(value) > LONGEST_REASON:
        name = getattr(attribute, "name", "reason")
        raise ConfigurationError(
            f"{len(value)} characters are too many; say it in {LONGEST_REASON}, or name where it is written",
            place="--by" if name == "actor" else "--reason",
        )


@frozen
class Asked:
    """Who asked for a run or an action, and why.

    `actor` is the user of the operating system (`user@host`) unless something else is given; `reason` may
    be empty.

    Raises:
        ConfigurationError: one of them is longer than `LONGEST_REASON`.
    """

    actor: str = field(default=None, converter=_named, validator=_short)
    reason: str = field(default=None, converter=_text, validator=_short)
