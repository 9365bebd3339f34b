"""What has come of a service's day, as figures and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.day import figures as of_day
from benchmarks.service_day.living import BACK, OUT, Service
from mpstock.simulation import MarketReport

__all__ = ["lines_of", "told", "wrong"]

ROOM = 2.0
"""Seconds from the post to both marketplaces, where the limits have room."""


def told(service: Service, best: MarketReport, wall: Mapping[str, float]) -> dict[str, Any]:
    """Return all figures of the day; `best` is what the oracle has made of it."""
    figures = of_day.told(service.world, best, wall)
    hours = service.world.options.hours
    gone = max(min(BACK, hours) - OUT, 0.0)
    figures |= {
        "posts": {
            "answers": {str(status): count for status, count in sorted(service.answers.items())},
            "refused": service.refused[:5],
            "repeated": service.repeated,
            "tried_while_nobody_was_there": service.kept_waiting,
        },
        "post_to_marketplace": {
            name: {
                **_spread(one.waits),
                "within_room": sum(wait <= ROOM for wait in one.waits),
                "idle": one.idle,
            }
            for name, one in service.on_its_way.items()
        },
        "jobs": {
            name: {
                "times": len(took),
                "expected": _expected(name, hours, gone),
                "took": _spread(took),
                "late": _spread(service.due.get(name, [])),
            }
            for name, took in sorted(service.jobs.items())
        },
        "unended": service.unended,
        "alerts": dict(sorted(service.alerts.items())),
        "standing": service.standing,
        "stopping_seconds": [round(seconds, 2) for seconds in service.stopping],
        "left_in_flight": service.left_in_flight,
        "out_of_step": service.out_of_step,
    }
    return figures


def _expected(name: str, hours: float, gone: float) -> int | None:
    """How often a job falls due in these hours; None: when it is asked for, or once a day."""
    up = hours - gone
    return {"orders": int(60 * up), "every": int(4 * up)}.get(name)


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    found = sorted(seconds)
    if not found:
        return {"count": 0}
    return {
        "count": len(found),
        "p50": round(found[len(found) // 2], 2),
        "p99": round(found[min(int(len(found) * 0.99), len(found) - 1)], 2),
        "longest": round(found[-1], 2),
    }


def lines_of(figures: Mapping[str, Any]) -> list[str]:
    """Return the figures as text."""
    lines = of_day.lines_of({**figures, "runs": {}})
    lines.append(f"posts: {figures['posts']}")
    for name, spread in figures["post_to_marketplace"].items():
        lines.append(
            f"{name}: from the post to the marketplace: {_text(spread)}, {spread['within_room']} within "
            f"{ROOM:g} s; {spread['idle']} posts told it nothing new"
        )
    for name, job in figures["jobs"].items():
        times = job["times"] if job["expected"] is None else f"{job['times']} (due {job['expected']})"
        lines.append(
            f"job {name}: {times} times, took {_text(job['took'])}, began late by {_text(job['late'])}"
        )
    lines.append(f"alerts: {figures['alerts']}; standing in the end: {figures['standing']}")
    lines.append(
        f"stopped within {figures['stopping_seconds']} s, {figures['left_in_flight']} left in flight; "
        f"out of step when the day was over: {len(figures['out_of_step'])}"
    )
    return lines


def _text(spread: Mapping[str, float]) -> str:
    if not spread["count"]:
        return "-"
    return (
        f"p50 {spread['p50']:g} s, p99 {spread['p99']:g} s, max {spread['longest']:g} s ({spread['count']})"
    )


def wrong(figures: Mapping[str, Any]) -> list[str]:
    """Say what must not be."""
    found = [f"{count} answers of 429 from {name}" for name, count in figures["429"].items() if count]
    found += [f"posts were not taken: {figures['posts']['refused']}"] if figures["posts"]["refused"] else []
    for name, job in figures["jobs"].items():
        # A long run keeps others waiting, and what falls due meanwhile is done once.
        if job["expected"] is not None and job["times"] < 0.9 * job["expected"]:
            found.append(f"{name} came {job['times']} times, and was due {job['expected']} times")
    if figures["left_in_flight"]:
        found.append(f"{figures['left_in_flight']} changes were left in flight by a stop in order")
    if figures["out_of_step"]:
        found.append(f"out of step: {figures['out_of_step'][:10]}")
    return found
