"""The nearest right name for a wrong one, as a part of a sentence."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest", "suggestion"]


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """Return the known name that was most likely meant; None if there is no likely one."""
    from difflib import get_close_matches

    by_folded = {_folded(name): name for name in known}
    found = get_close_matches(_folded(wrong), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def suggestion(wrong: str, known: Iterable[str], *, what: str = "known here") -> str:
    """Return `did you mean X?`, or the list of what there is."""
    names = sorted(set(known))
    found = nearest(wrong, names)
    if found is not None:
        return f"did you mean {found}?"
    return f"{what}: {', '.join(names)}" if names else f"{what}: nothing"


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")
