"""The products file's columns `pack` and `components`: what one unit of a listing takes from the stock."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

__all__ = ["recipes"]

Said = Mapping[str, tuple[int, str]]
"""Line and text of a cell, by sku."""

Tell = Callable[[int, str, str], None]
"""Told of what is wrong: line, column, message."""

_MOST_UNITS = 1_000_000


def recipes(packs: Mapping[str, Said], kits: Said, tell: Tell) -> dict[tuple[str, str], dict[str, int]]:
    """Return, by (sku, sink or '' for all), the units of each product that one unit of a listing takes.

    `packs` are the cells of `pack` (under '') and of `<sink>.pack`, `kits` those of `components`. Kits of
    kits are taken apart; what is wrong is told.
    """
    parts = {sku: inner for sku, (line, text) in kits.items() if (inner := _components(line, text, tell))}
    sizes = {
        sink: {sku: size for sku, (line, text) in said.items() if (size := _size(line, sink, text, tell))}
        for sink, said in packs.items()
    }
    base = {sku: flat for sku in parts if (flat := _taken_apart(sku, parts, kits, tell))}
    found: dict[tuple[str, str], dict[str, int]] = {}
    general = sizes.get("", {})
    for sku in {*base, *general}:
        found[sku, ""] = _times(base.get(sku, {sku: 1}), general.get(sku, 1))
    for sink, of_sink in sizes.items():
        for sku, size in of_sink.items() if sink else ():
            found[sku, sink] = _times(base.get(sku, {sku: 1}), size)
    return found


def _times(parts: Mapping[str, int], size: int) -> dict[str, int]:
    return {sku: units * size for sku, units in parts.items()}


def _size(line: int, sink: str, text: str, tell: Tell) -> int | None:
    column = f"{sink}.pack" if sink else "pack"
    if _WHOLE.fullmatch(text) and 1 <= int(text) <= _MOST_UNITS:
        return int(text)
    tell(line, column, f"must be how many units one listing has (6), not {text}")
    return None


def _components(line: int, text: str, tell: Tell) -> dict[str, int] | None:
    found: dict[str, int] = {}
    # Articles may have blanks in them: then a semicolon stands between the components.
    for part in re.split(r"\s*;\s*" if ";" in text else r"\s+", text.strip()):
        if not part:
            continue
        sku, colon, units = part.rpartition(":")
        sku = sku.strip()
        if not colon or not sku or not _WHOLE.fullmatch(units.strip()) or not 1 <= int(units) <= _MOST_UNITS:
            tell(line, "components", f'must look like "A:1 B:2" (or "A 1:1; B 2:2"), and has {part!r}')
            return None
        if sku in found:
            tell(line, "components", f"has {sku} twice; write it once, with all its units")
            return None
        found[sku] = int(units)
    return found


def _taken_apart(
    sku: str, parts: Mapping[str, Mapping[str, int]], kits: Said, tell: Tell
) -> dict[str, int] | None:
    """Return a kit's components that are no kits themselves."""
    flat: dict[str, int] = {}
    queue: list[tuple[str, int, tuple[str, ...]]] = [(sku, 1, ())]
    while queue:
        name, units, above = queue.pop()
        if name in above:
            line, _ = kits[sku]
            tell(line, "components", f"go round in a circle: {' → '.join((*above, name))}")
            return None
        if name not in parts:
            flat[name] = flat.get(name, 0) + units
            continue
        queue += [(inner, units * each, (*above, name)) for inner, each in parts[name].items()]
    return flat


_WHOLE = re.compile(r"\d{1,9}")
