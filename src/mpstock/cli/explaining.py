"""The command that tells why a number is what it is: explain."""

from __future__ import annotations

import contextlib
from datetime import date, datetime, time
from pathlib import Path

import click

from mpstock.cli.group import cli, common, open_shop
from mpstock.cli.output import Output
from mpstock.errors import ConfigurationError

__all__ = ["explain"]


@cli.command()
@click.argument("sku")
@click.option("--at", metavar="TIME", help="The number of then: 14:00, 2026-11-25, or 2026-11-25T14:00.")
@click.option("--run", "run_", type=int, metavar="N", help="The number that this run sent.")
@click.option("--why-not", type=click.IntRange(1), metavar="N", help="What keeps it from showing so many.")
@click.option("--sink", help="Only its listings in this sink.")
@click.option("--warehouse", help="Only its listings in this warehouse of a sink.")
@click.option(
    "--html", "page", type=click.Path(path_type=Path), metavar="FILE", help="Write a page for a browser."
)
@common
def explain(
    config: Path,
    as_json: bool,
    sku: str,
    at: str | None,
    run_: int | None,
    why_not: int | None,
    sink: str | None,
    warehouse: str | None,
    page: Path | None,
) -> int:
    """Say how each listing of a product comes to its number, now or then."""
    output = Output(as_json)
    with open_shop(config) as shop:
        explanation = shop.explain(sku, at=_moment(at), run=run_).narrowed(sink=sink, warehouse=warehouse)
    answers = [] if why_not is None else explanation.why_not(why_not)
    if page is not None:
        _write(page, explanation.to_html())
    if as_json:
        document = explanation.as_dict()
        if why_not is not None:
            document["why_not"] = [answer.as_dict() for answer in answers]
        output.document(document)
    elif why_not is not None:
        for text in [*map(str, answers), *([] if answers else explanation.notes)]:
            output.line(text)
    elif page is not None:
        output.line(f"written to {page}")
    else:
        for text in explanation.lines():
            output.line(text)
    return 0


def _write(page: Path, text: str) -> None:
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{page} cannot be written ({error.strerror})", place="--html") from None


def _moment(text: str | None) -> datetime | time | None:
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        # Of a day its end is meant: what was shown by then.
        return datetime.combine(date.fromisoformat(text), time.max)
    for read in (time.fromisoformat, datetime.fromisoformat):
        with contextlib.suppress(ValueError):
            return read(text)
    raise ConfigurationError(
        f"{text!r} is no time; write 14:00, 2026-11-25, or 2026-11-25T14:00", place="--at"
    )
