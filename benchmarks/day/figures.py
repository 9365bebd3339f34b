"""What has come of a simulated day, as figures and as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import asdict

from benchmarks.day.world import World
from mpstock.simulation import MarketReport

COOLDOWN = 30.0

__all__ = ["lines_of", "told"]


def told(world: World, best: MarketReport, wall: Mapping[str, float]) -> dict[str, Any]:
    """Return all figures of the day; `best` is what the oracle has made of it."""
    mine = world.market.report()
    names = ("ozon", "wb")
    return {
        "products": world.options.products,
        "hours": world.options.hours,
        "seed": world.options.seed,
        "buffer": world.options.buffer,
        "429": {name: line.refused for name, line in world.lines.items()},
        "429_beside_another_writer": {name: line.excused for name, line in world.lines.items()},
        "requests": {
            name: {
                "sent": world.requests[name],
                "bound": world.bound[name],
                "changes": world.changes[name],
                "all": sum(world.lines[name].statuses.values()),
            }
            for name in names
        },
        "time_to_safe": {name: asdict(world.watch.safety(index)) for index, name in enumerate(names)},
        "zeros_after_a_raise": {name: _after_a_raise(world, index) for index, name in enumerate(names)},
        "oversold_units": {"shop": mine.oversold, "oracle": best.oversold},
        "sold_units": {"shop": mine.sold, "oracle": best.sold},
        "missed_buyers": {"shop": mine.missed, "oracle": best.missed},
        "failed_orders": {"shop": mine.failed, "oracle": best.failed},
        "hidden_unit_hours": {
            "shop": round(mine.hidden_unit_hours, 1),
            "oracle": round(best.hidden_unit_hours, 1),
        },
        "drift": world.drift,
        "held": dict(world.held),
        "exit_codes": {str(code): count for code, count in sorted(world.exit_codes.items())},
        "webhooks": world.webhooks,
        "opening": world.opened,
        "runs": {name: asdict(kind) for name, kind in world.kinds.items()},
        "wall": {name: round(seconds, 1) for name, seconds in wall.items()},
    }


def _after_a_raise(world: World, outlet: int) -> dict[str, float]:
    """How many zeros were told within Ozon's 30 s after a raise of the same listing, and what that can cost.

    The seconds are what was left of the cooldown: the most that keeping the raise back could have saved.
    """
    left = [
        COOLDOWN - (one.told - one.raised)
        for one in world.watch.exposures
        if one.outlet == outlet and one.told is not None and one.raised is not None
        if one.told - one.raised < COOLDOWN
    ]
    return {"zeros": len(left), "seconds": round(sum(left), 1)}


def lines_of(figures: Mapping[str, Any]) -> list[str]:
    """Return the figures as text."""
    lines = [f"{figures['products']} products, {figures['hours']:g} h, seed {figures['seed']}"]
    lines.append(f"429: {figures['429']}; beside another writer: {figures['429_beside_another_writer']}")
    for name, sent in figures["requests"].items():
        lines.append(
            f"{name}: {sent['changes']} changes in {sent['sent']} requests (bound {sent['bound']}), "
            f"{sent['all']} requests in all"
        )
    for name, safe in figures["time_to_safe"].items():
        lines.append(
            f"{name}: time to safe over {safe['zeros']} zeros: p50 {safe['p50']:.1f} s, "
            f"p99 {safe['p99']:.1f} s, max {safe['longest']:.1f} s; "
            f"sold meanwhile {safe['sold']}, overtaken {safe['overtaken']}, open {safe['open']}"
        )
    for name, after in figures["zeros_after_a_raise"].items():
        lines.append(
            f"{name}: {after['zeros']} zeros within {COOLDOWN:g} s after a raise, which can have cost them "
            f"{after['seconds']} s together"
        )
    for key in ("oversold_units", "sold_units", "missed_buyers", "failed_orders", "hidden_unit_hours"):
        lines.append(f"{key.replace('_', ' ')}: shop {figures[key]['shop']}, oracle {figures[key]['oracle']}")
    lines.append(f"drift {figures['drift']}, held {figures['held']}, exit codes {figures['exit_codes']}")
    lines.append(f"opening: {figures['opening']}; webhooks: {figures['webhooks']}")
    for name, kind in figures["runs"].items():
        lines.append(
            f"{name}: {kind['runs']} runs, {1000 * kind['cpu'] / kind['runs']:.1f} ms of computing each, "
            f"{1000 * kind['wall'] / kind['runs']:.1f} ms here (longest {kind['longest']:.2f} s), "
            f"{kind['virtual'] / kind['runs']:.1f} s each there, "
            f"{kind['pushed']} pushed"
        )
    lines.append(f"wall time: {figures['wall']}")
    return lines
