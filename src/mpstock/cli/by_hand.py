"""The commands by which people overrule the formula: stop, zero, pin, resume, adopt, forget-sink."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import click

from mpstock.cli.group import asked, cli, common, open_shop
from mpstock.cli.output import Output
from mpstock.errors import ConfigurationError


def _scope(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say of what it is about."""
    for option in (
        click.option(
            "--file", "file", type=click.Path(path_type=Path), help="A text file with one sku in each line."
        ),
        click.option("--sku", "skus", multiple=True, help="Only this product; may be given several times."),
        click.option("--brand", help="Only the products of this brand, as the products file says."),
        click.option("--warehouse", help="Only this warehouse of a sink, by its code."),
        click.option("--sink", help="Only this sink, by its name in the settings."),
    ):
        command = option(command)
    return command


def _time(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say until when it counts."""
    command = click.option("--until", metavar="TIME", help="Until then: 18:00, or 2026-11-27T18:00.")(command)
    return click.option("--for", "lasts", metavar="LENGTH", help="For so long: 2h, 1h30m, 3d.")(command)


@cli.command()
@_scope
@_time
@asked
@common
def stop(config: Path, as_json: bool, **options: Any) -> int:
    """Send nothing, falls neither: to everything, or to what is named. It goes on selling what it shows."""
    return _decide(config, as_json, options, lambda shop, scope: shop.stop(**scope))


@cli.command()
@click.option("--all", "everything", is_flag=True, help="Really everything, on every sink.")
@click.option(
    "--orphans", is_flag=True, help="What still shows stock and nobody speaks for: all, or what is named."
)
@_scope
@_time
@asked
@common
def zero(config: Path, as_json: bool, everything: bool, orphans: bool, **options: Any) -> int:
    """Show 0, whatever there is. The run under way sends it, or the next one; no guard holds it."""
    if orphans:
        if everything or options["brand"] or options["lasts"] or options["until"]:
            raise click.UsageError("--orphans goes with --sink, --warehouse, --sku and --file alone")
        return _on_orphans(config, as_json, options, lambda shop, scope: shop.zero_orphans(**scope))
    _named(options, everything)
    return _decide(config, as_json, options, lambda shop, scope: shop.zero(**scope))


@cli.command()
@click.argument("quantity", type=click.IntRange(0))
@click.option("--all", "everything", is_flag=True, help="Really everything, on every sink.")
@_scope
@_time
@asked
@common
def pin(config: Path, as_json: bool, quantity: int, everything: bool, **options: Any) -> int:
    """Show exactly QUANTITY instead of what the buffer leaves, as far as so many are available."""
    _named(options, everything)
    return _decide(config, as_json, options, lambda shop, scope: shop.pin(quantity, **scope))


@cli.command()
@click.option("--all", "everything", is_flag=True, help="What was decided of everything.")
@click.option(
    "--number", "numbers", multiple=True, type=int, help="This one, as `mpstock status` numbers it."
)
@click.option("--rollback", type=int, metavar="RUN", help="What the rollback of this run keeps.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(["stop", "zero", "pin"]), help="Only these."
)
@_scope
@asked
@common
def resume(
    config: Path,
    as_json: bool,
    everything: bool,
    numbers: tuple[int, ...],
    kinds: tuple[str, ...],
    rollback: int | None,
    **options: Any,
) -> int:
    """Take back what was decided by hand of exactly this scope; narrower and wider ones stay."""
    if not numbers and rollback is None:
        _named(options, everything)
    output = Output(as_json)
    with open_shop(config) as shop:
        scope = {**_read(options), "kinds": kinds or None}
        ended = shop.resume(numbers=numbers or None, rollback=rollback, **scope)
    return _show(output, "taken back", ended)


@cli.command()
@_scope
@asked
@common
def adopt(config: Path, as_json: bool, **options: Any) -> int:
    """Let what nobody speaks for go on showing what it shows, and not more: all of it, or what is named."""
    if options["brand"]:
        raise click.UsageError("--brand says nothing here: name products, sinks or warehouses")
    return _on_orphans(config, as_json, options, lambda shop, scope: shop.adopt(**scope))


@cli.command("forget-sink")
@click.argument("name")
@click.option("--warehouse", help="Only this warehouse of it; its sink may still be in the settings.")
@click.option("--orders", is_flag=True, help="Its open orders too: they count as handed over now.")
@asked
@common
def forget_sink(config: Path, as_json: bool, name: str, **options: Any) -> int:
    """Let go what a sink showed last that has left the settings: nothing is sold there any more."""
    from mpstock.reconcile.report import as_data

    output = Output(as_json)
    with open_shop(config) as shop:
        forgotten = shop.forget_sink(name, **options)
    if as_json:
        output.document(as_data(forgotten))
    else:
        ended = f", and {forgotten.orders} open orders" if forgotten.orders else ""
        output.line(
            f"{forgotten.sink}: {forgotten.listings} listings that showed {forgotten.units} units last{ended}"
        )
    return 0


def _on_orphans(
    config: Path, as_json: bool, options: dict[str, Any], decide: Callable[[Any, dict[str, Any]], Any]
) -> int:
    output = Output(as_json)
    for name in ("brand", "lasts", "until"):
        options.pop(name, None)
    with open_shop(config) as shop:
        return _show(output, "in force", decide(shop, _read(options)))


def _named(options: dict[str, Any], everything: bool) -> None:
    """Refuse to take a scope that was left out for everything: it is more likely to be forgotten."""
    given = any(options[name] for name in ("sink", "warehouse", "brand", "skus", "file"))
    if given is everything:
        raise click.UsageError(
            "--all means everything: give it alone"
            if everything
            else "say of what: --sink, --warehouse, --brand, --sku or --file; everything is --all"
        )


def _decide(
    config: Path, as_json: bool, options: dict[str, Any], decide: Callable[[Any, dict[str, Any]], Any]
) -> int:
    output = Output(as_json)
    lasts, until = options.pop("lasts"), options.pop("until")
    with open_shop(config) as shop:
        scope = {**_read(options), "lasts": length(lasts), "until": _moment(until)}
        return _show(output, "in force", decide(shop, scope))


def _read(options: dict[str, Any]) -> dict[str, Any]:
    file = options.pop("file")
    skus = [*options.pop("skus"), *(() if file is None else _skus(file))]
    return {**options, "skus": skus if skus or file is not None else None}


def _skus(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{file} cannot be read ({error}); it has to be a text in UTF-8, one sku in each line",
            place="--file",
        ) from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def length(text: str | None) -> timedelta | None:
    """Return the length of time that `--for` says."""
    from mpstock.config.durations import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigurationError(str(error), place="--for") from None


def _moment(text: str | None) -> datetime | time | None:
    if text is None:
        return None
    for read in (time.fromisoformat, datetime.fromisoformat):
        with contextlib.suppress(ValueError):
            return read(text)
    raise ConfigurationError(f"{text!r} is no time; write 18:00, or 2026-11-27T18:00", place="--until")


def _show(output: Output, title: str, found: Sequence[Any]) -> int:
    from mpstock.reconcile.report import as_data

    if output.as_json:
        output.document({"interventions": as_data(found)})
        return 0
    for one in found[:20]:
        output.line(f"{title}, number {one.id}, {one.scope}: {one.told()}")
    if len(found) > 20:
        output.line(f"… and {len(found) - 20} more (all of them with --json)")
    return 0
