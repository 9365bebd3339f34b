"""The commands of a newcomer: demo, plugins, check."""

from __future__ import annotations

from pathlib import Path

import click

from mpstock.cli.group import cli, common
from mpstock.cli.output import Output


@cli.command()
@click.option(
    "--products",
    default=5_000,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="How many products the shop has.",
)
@click.option(
    "--speed",
    default=50.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="So many times as fast as real time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def demo(products: int, speed: float, as_json: bool) -> int:
    """Play the main job against the doubles of 1C, Ozon and Wildberries. Needs no keys."""
    from mpstock.cli.demo import play

    return play(Output(as_json), products=products, speed=speed)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def plugins(as_json: bool) -> int:
    """List the plugins that are installed, the broken ones with the reason."""
    from mpstock.plugins import PluginRegistry

    output = Output(as_json)
    installed = PluginRegistry().installed()
    rows = [
        (
            plugin.name,
            plugin.distribution,
            plugin.version,
            plugin.state,
            ", ".join(
                f"{kind} {name}"
                for kind, names in (
                    ("source", plugin.sources), ("sink", plugin.sinks), ("policy", plugin.policies),
                )
                for name in names
            ),
            ", ".join(plugin.contract),
            plugin.error,
            list(plugin.deprecated),
        )
        for plugin in installed
    ]  # fmt: skip
    columns = ("plugin", "distribution", "version", "state", "brings", "contract", "error", "deprecated")
    if as_json:
        output.document({"plugins": [dict(zip(columns, row, strict=True)) for row in rows]})
    else:
        output.table("Plugins", columns[:6], [row[:6] for row in rows])
        for plugin in installed:
            if plugin.error:
                output.line(f"{plugin.name}: {plugin.error}", "red")
            for text in plugin.deprecated:
                output.line(f"{plugin.name}: {text}", "yellow")
    return 1 if any(plugin.state != "ok" for plugin in installed) else 0


@cli.command()
@click.option(
    "--write-test", metavar="SKU", help="Write this product's number once to each sink and read it back."
)
@common
def check(config: Path, as_json: bool, write_test: str | None) -> int:
    """Look after settings, credentials, accounts and mapping. Changes nothing unless asked."""
    import mpstock
    from mpstock.config import load
    from mpstock.plugins import PluginRegistry

    output = Output(as_json)
    registry = PluginRegistry()
    with mpstock.Shop(load(config, plugins=registry, tolerant=True), plugins=registry) as shop:
        parts = shop.check(write_test=write_test)
    code = 2 if any(part.refused for part in parts) else 0
    if as_json:
        output.document({"exit_code": code, "parts": [part.as_dict() for part in parts]})
        return code
    styles = {"ok": "green", "warning": "yellow", "error": "red"}
    for part in parts:
        output.line(f"{part.subject}: {part.worst}", f"bold {styles[part.worst]}")
        for finding in part.findings:
            output.line(f"  {finding.level:7} {finding.subject}: {finding.message}", styles[finding.level])
            if finding.mend:
                output.line(f"          {finding.mend}")
    return code
