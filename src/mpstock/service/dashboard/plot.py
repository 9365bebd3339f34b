"""A product's history as lines: what each listing was made to show, and what there was when it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from attrs import field, frozen

__all__ = ["Line", "Plot", "plot"]

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, WIDTH - 8, 12, HEIGHT - 24
_COLOURS = 6


@frozen
class Line:
    """One line: its kind names its colour, `last` is its last value, `failed` are refused points."""

    name: str
    kind: str
    path: str
    last: int
    failed: Sequence[tuple[float, float]] = ()


@frozen
class Plot:
    """A plot in the units of its SVG. `ticks` are (y, value), `times` (x, words)."""

    lines: Sequence[Line]
    ticks: Sequence[tuple[float, int]]
    times: Sequence[tuple[float, str]]
    since: str
    until: str
    width: int = field(default=WIDTH)
    height: int = field(default=HEIGHT)
    left: int = field(default=_LEFT)
    right: int = field(default=_RIGHT)


def plot(
    product_id: int,
    sent: Sequence[tuple[str, str, int, str, datetime]],
    facts: Sequence[tuple[datetime, str]],
    now: datetime,
    zone: ZoneInfo,
) -> Plot | None:
    """Return the plot of what was sent, as the log tells it, and of the levels kept with it; None: nothing.

    A line keeps its height until the next number: that is what buyers saw in between.
    """
    if not sent:
        return None
    series: dict[str, list[tuple[datetime, int]]] = {}
    refused: dict[str, list[tuple[datetime, int]]] = {}
    for sink, warehouse, quantity, status, at in sent:
        into = series if status == "ok" else refused
        into.setdefault(f"{sink} · {warehouse}", []).append((at, quantity))
    stock = [(at, amount) for at, text in facts if (amount := _stock(product_id, text)) is not None]
    since = min(sent[0][-1], now)
    length = max((now - since).total_seconds(), 1.0)
    # What was kept before the first line that is shown has no place.
    stock = [(max(at, since), amount) for at, amount in stock if at >= since] or stock[-1:]
    values = [value for points in (*series.values(), *refused.values(), stock) for _, value in points]
    step, top = _scale(max(values, default=0))

    def x(at: datetime) -> float:
        share = min(max((at - since).total_seconds() / length, 0.0), 1.0)
        return round(_LEFT + share * (_RIGHT - _LEFT), 1)

    def y(value: int) -> float:
        return round(_BOTTOM - min(max(value, 0), top) / top * (_BOTTOM - _TOP), 1)

    def path(points: Iterable[tuple[datetime, int]]) -> str:
        told = ""
        for at, value in points:
            told += f"H{x(at)}V{y(value)}" if told else f"M{x(at)} {y(value)}"
        return f"{told}H{_RIGHT}"

    lines = []
    if stock:
        lines.append(Line("", "stock", path(stock), stock[-1][1]))
    for index, name in enumerate(sorted({*series, *refused})):
        points = series.get(name, [])
        lines.append(
            Line(
                name,
                f"line{index % _COLOURS}",
                path(points) if points else "",
                points[-1][1] if points else 0,
                [(x(at), y(value)) for at, value in refused.get(name, ())],
            )
        )
    return Plot(
        lines,
        [(y(value), value) for value in range(0, top + 1, step)],
        [(x(since), _words(since, zone, length)), (float(_RIGHT), _words(now, zone, length))],
        _words(since, zone, length),
        _words(now, zone, length),
    )


def _stock(product_id: int, text: str) -> int | None:
    """Return what the sources had of a product itself, less reserves, when this was kept; None: unknown."""
    told = json.loads(text)["levels"].get(str(product_id))
    if not told or any(row[2] is None for row in told):
        return None
    return sum(int(row[2]) - int(row[3]) for row in told)


def _scale(most: int) -> tuple[int, int]:
    """Return the step of the grid and its top: four steps at most, of one, two or five."""
    step = 1
    while step * 4 < most:
        digits = 10 ** (len(str(step)) - 1)
        step = digits * (2 if step == digits else 5 if step == 2 * digits else 10)
    return step, max(step * -(-most // step), step)


def _words(at: datetime, zone: ZoneInfo, length: float) -> str:
    moment = at.astimezone(zone)
    return f"{moment:%H:%M}" if length < 86_400 else f"{moment:%Y-%m-%d}"
