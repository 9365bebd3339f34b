"""The demo: a shop's stock from a 1C double through the ledger to doubles of Ozon and Wildberries.

Real HTTP on loopback, all limits of the vendors enforced, on a clock that runs faster and says so.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpstock.clock import ScaledClock
from mpstock.errors import UnknownPluginError

if TYPE_CHECKING:
    from mpstock.cli.output import Output
    from mpstock.reconcile.report import Report
    from mpstock.simulation import SinkSimulator, SourceSimulator

__all__ = ["play"]

_OZON_WAREHOUSE = "22142605386000"
_WB_WAREHOUSE = 1111
_SEED = 2026
_CHANGES = 100


def play(output: Output, *, products: int, speed: float) -> int:
    """Play a first full sync, a day's changes, and a run with nothing to do; say what came of it.

    Returns 0 if every marketplace number equals the formula at the end, else 1.
    """
    import mpstock
    from mpstock.plugins import PluginRegistry
    from mpstock.simulation import serve

    registry = PluginRegistry()
    chance = random.Random(_SEED)
    skus = [f"SKU-{number:05}" for number in range(1, products + 1)]
    levels = {(sku, "main"): _quantity(chance) for sku in skus}
    clock = ScaledClock(speed)
    onec: SourceSimulator = _double(registry, "source", "onec")(levels=levels, clock=clock)
    ozon: SinkSimulator = _double(registry, "sink", "ozon")(
        skus=skus, warehouses={_OZON_WAREHOUSE: "Main"}, clock=clock
    )
    wb: SinkSimulator = _double(registry, "sink", "wb")(skus=skus, warehouses=[_WB_WAREHOUSE], clock=clock)
    started = time.monotonic()
    if not output.as_json:
        output.line(
            f"{products} products in 1C, sold on Ozon and Wildberries: three doubles over HTTP on loopback."
        )
        output.line(
            f"Their limits are the vendors' own; time runs {speed:g} times as fast, for both sides alike.\n"
        )
    with tempfile.TemporaryDirectory(prefix="mpstock-demo-") as folder, serve(onec, ozon, wb) as urls:
        doubles = {"sources.erp": onec, "sinks.ozon": ozon, "sinks.wb": wb}
        config = Path(folder) / "mpstock.toml"
        config.write_text(_settings(doubles, urls), encoding="utf-8")
        with mpstock.open(config, clock=clock) as shop:
            with output.progress() as progress:
                first = shop.sync(progress=progress)
            # A minute later by the vendors' clock: no pair is still under its cooldown.
            asyncio.run(clock.sleep(60))
            moved = _sell(onec, levels, chance)
            with output.progress() as progress:
                second = shop.sync(progress=progress)
                third = shop.sync(progress=progress)
            explanation = shop.explain(max(moved, key=lambda sku: levels[sku, "main"]))
            shown = {"ozon": ozon.shown(), "wb": wb.shown()}
    requests = {"ozon": _counts(ozon), "wb": _counts(wb)}
    wrong = _differences(levels, shown)
    reports = {
        "first sync": first,
        f"a minute later, after {len(moved)} changes": second,
        "with nothing to do": third,
    }
    code = 0 if not wrong and all(report.exit_code == 0 for report in reports.values()) else 1
    seconds = time.monotonic() - started
    if output.as_json:
        output.document(
            {
                "products": products,
                "speed": speed,
                "seconds": round(seconds, 1),
                "runs": {name: report.as_dict() for name, report in reports.items()},
                "shown": {name: _totals(numbers) for name, numbers in shown.items()},
                "requests": requests,
                "different_from_formula": wrong,
                "explanation": explanation.as_dict(),
                "exit_code": code,
            }
        )
        return code
    _tell_runs(output, reports, speed)
    _tell_shown(output, shown, requests)
    output.line("\nOne number explained:", "bold")
    for text in explanation.lines():
        output.line(text)
    verdict = f"{wrong} numbers differ from the formula" if wrong else "Every number equals the formula"
    output.line(
        f"\n{verdict}; no keys were needed, it took {seconds:.1f} s.",
        "bold green" if code == 0 else "bold red",
    )
    return code


def _double(registry: Any, kind: str, name: str) -> Any:
    spec = getattr(registry, kind)(name)
    if spec.simulator is None:
        raise UnknownPluginError(f"the plugin {name} brings no double, which the demo needs; upgrade it")
    return spec.simulator


def _quantity(chance: random.Random) -> int:
    return chance.choice((0, 1, 2, 3, 4, 5, 8, 12, 20, 40, 75, 120, 300))


def _settings(doubles: Mapping[str, Any], urls: list[str]) -> str:
    import json

    lines = ["[ledger]", 'url = "sqlite:///mpstock.db"']
    for (table, double), url in zip(doubles.items(), urls, strict=True):
        lines.append(f"[{table}]")
        lines += [
            f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in double.settings(url).items()
        ]
    lines += [
        "[[sinks.ozon.warehouses]]",
        f'code = "{_OZON_WAREHOUSE}"',
        "[sinks.ozon.buffer]",
        "percent = 10",
    ]
    lines += ["[[sinks.wb.warehouses]]", f'code = "{_WB_WAREHOUSE}"', "[sinks.wb.buffer]", "cap = 100"]
    return "\n".join(lines) + "\n"


def _sell(onec: SourceSimulator, levels: dict[tuple[str, str], int], chance: random.Random) -> list[str]:
    """Let things be sold and come in over the counter, in 1C alone."""
    chosen = chance.sample(sorted(levels), min(_CHANGES, len(levels)))
    for key in chosen:
        levels[key] = max(levels[key] + chance.choice((-3, -2, -1, 5, 10, 30)), 0)
        onec.call(onec.set_level, key[0], levels[key], key[1])
    return [sku for sku, _ in chosen]


def _formula(sink: str, quantity: int) -> int:
    """What the settings above say, once more by hand: the demo does not ask mpstock whether it is right."""
    if sink == "ozon":
        return max(quantity - max(2, -(-quantity // 10)), 0)
    return min(max(quantity - 2, 0), 100)


def _differences(
    levels: Mapping[tuple[str, str], int], shown: Mapping[str, Mapping[tuple[str, str], int]]
) -> int:
    return sum(
        quantity != _formula(sink, levels[sku, "main"])
        for sink, numbers in shown.items()
        for (sku, _), quantity in numbers.items()
    )


def _counts(double: Any) -> dict[str, int]:
    answers = [record.status for record in double.requests]
    return {"requests": len(answers), "answers of 429": answers.count(429)}


def _totals(numbers: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {
        "listings": len(numbers),
        "live": sum(q > 0 for q in numbers.values()),
        "units": sum(numbers.values()),
    }


def _tell_runs(output: Output, reports: Mapping[str, Report], speed: float) -> None:
    output.table(
        "What was pushed",
        ("run", "rows read", "ozon", "ozon requests", "wb", "wb requests", "vendor's time", "real time"),
        [
            (
                name,
                report.sources["erp"].rows,
                report.sinks["ozon"].pushed,
                report.sinks["ozon"].requests,
                report.sinks["wb"].pushed,
                report.sinks["wb"].requests,
                f"{report.seconds:.0f} s",
                f"{report.seconds / speed:.1f} s",
            )
            for name, report in reports.items()
        ],
    )


def _tell_shown(
    output: Output,
    shown: Mapping[str, Mapping[tuple[str, str], int]],
    requests: Mapping[str, Mapping[str, int]],
) -> None:
    rows = []
    for sink, numbers in shown.items():
        totals = _totals(numbers)
        rows.append((sink, totals["listings"], totals["live"], totals["units"], *requests[sink].values()))
    output.table(
        "What each marketplace now shows",
        ("sink", "listings", "live", "units", "requests in all", "answers of 429"),
        rows,
    )
