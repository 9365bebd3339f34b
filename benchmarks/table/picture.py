"""The figures as a picture: how much of its goal each takes, from a hundredth to a hundredfold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from benchmarks.table.figures import Figure, verdict, worded

__all__ = ["svg_of"]

_WIDTH, _LABELS, _NUMBERS, _ROW = 1_200, 520, 220, 22
_DECADES = 2
"""From a hundredth of the goal to a hundred times it."""

_COLOURS = {"met": "#2a7f4f", "NOT MET": "#b3261e", "(small)": "#8a8a8a", "not asked": "none"}


def svg_of(figures: Sequence[Figure], title: str) -> str:
    """Return an SVG: a bar for each figure that has a goal, from the goal's line to either side."""
    rows = [figure for figure in figures if figure.goal]
    scale = (_WIDTH - _LABELS - _NUMBERS) / (2 * _DECADES)
    middle = _LABELS + scale * _DECADES
    height = _ROW * (len(rows) + 3)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif"',
        f'width="{_WIDTH}" height="{height}" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="8" y="{_ROW - 6}" font-weight="bold">{escape(title)}</text>',
    ]
    for decade in range(-_DECADES, _DECADES + 1):
        x = middle + decade * scale
        label = "the goal" if not decade else f"{10**decade:g}×"
        parts.append(
            f'<line x1="{x:.1f}" y1="{2 * _ROW - 4}" x2="{x:.1f}" y2="{height - _ROW}" '
            f'stroke="{"black" if not decade else "#dddddd"}"/>'
            f'<text x="{x:.1f}" y="{2 * _ROW - 8}" text-anchor="middle" fill="#444444">{label}</text>'
        )
    for number, figure in enumerate(rows, 2):
        assert figure.goal is not None
        # Of what was not asked there is a line, and no bar.
        share = 1.0 if figure.value is None else max(figure.value, 1e-9) / figure.goal
        end = middle + max(min(math.log10(share), _DECADES), -_DECADES) * scale
        y, told = number * _ROW, verdict(figure)
        parts.append(
            f'<text x="{_LABELS - 8}" y="{y + 15}" text-anchor="end">{escape(figure.name)}</text>'
            f'<rect x="{min(middle, end):.1f}" y="{y + 4}" width="{abs(end - middle):.1f}" '
            f'height="{_ROW - 8}" fill="{_COLOURS[told]}"/>'
            f'<text x="{_WIDTH - _NUMBERS + 8}" y="{y + 15}">{escape(worded(figure))} {escape(told)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
