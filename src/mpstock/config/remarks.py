"""What a person should know of settings that can be used."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from mpstock.model import Finding

if TYPE_CHECKING:
    from mpstock.config.settings import Configuration, SinkConfig, SourceConfig

__all__ = ["remarks"]


def remarks(configuration: Configuration) -> list[Finding]:
    """Return what `check` says of the settings, in the order of the file."""
    return list(_remarks(configuration))


def _remarks(configuration: Configuration) -> Iterator[Finding]:
    for place, error in configuration.broken.items():
        yield Finding("error", place, str(error))
    if not configuration.sources:
        yield Finding("error", "[sources]", "there is no source", "add a table [sources.NAME]")
    if not configuration.sinks:
        yield Finding("error", "[sinks]", "there is no sink", "add a table [sinks.NAME]")
    if len(configuration.sinks) > 1 and configuration.sharing.between_sinks == "shared":
        yield Finding(
            "warning",
            "[sharing]",
            f"{', '.join(configuration.sinks)} show the same stock: two of them may sell the same unit",
            "keep a buffer that covers the sales between two runs",
        )
    for sink in configuration.sinks.values():
        yield from _overlaps(sink)
        yield from _picked(sink)
    for source in configuration.sources.values():
        yield from _aging(source)
    webhooks = configuration.service.webhooks
    if configuration.service.public_url and not (webhooks.secrets or webhooks.tokens or webhooks.users):
        yield Finding(
            "warning",
            "[service.webhooks]",
            "the service is reached from outside, and nobody may push stock to it: every request is refused",
            'give it secrets = ["${WEBHOOK_SECRET}"], tokens or users, if a system is to push',
        )
    if configuration.clock_speed != 1:
        yield Finding(
            "warning",
            "[clock]",
            f"time runs {configuration.clock_speed:g} times as fast: for work against simulators only",
            "take the table out before real marketplaces are served",
        )


def _picked(sink: SinkConfig) -> Iterator[Finding]:
    """Sink warehouses whose orders may come out of any of several own warehouses."""
    for warehouse in sink.warehouses:
        if warehouse.pick_order is None and warehouse.feeds is not None and len(warehouse.feeds) > 1:
            yield Finding(
                "warning",
                f"[sinks.{sink.name}]",
                f"nobody has said from which of {', '.join(warehouse.feeds)} an order of {warehouse.code} is "
                "picked: until a source has booked it, all that one of them feeds goes without its units",
                'name them in that order: pick_order = ["…"]',
            )


def _aging(source: SourceConfig) -> Iterator[Finding]:
    """A source whose rows are only as fresh as its last full read, and are to be fresher than a day."""
    if source.incremental == "advisory" and source.max_age is not None and source.max_age < timedelta(days=1):
        yield Finding(
            "warning",
            f"[sources.{source.name}]",
            "an incremental read of it does not confirm the rows that it leaves out, so these count as too "
            "old when the last full read is older than max_age, and nothing is raised on them",
            "read everything more often than max_age (full_every, or `mpstock sync --full`), or, if every "
            'change is sure to be told, write incremental = "exact"',
        )


def _overlaps(sink: SinkConfig) -> Iterator[Finding]:
    """Sink warehouses that are fed by the same stock and have no share: the first gets it all."""
    seen: list[str] = []
    open_to_all = [warehouse.code for warehouse in sink.warehouses if warehouse.feeds is None]
    named = dict.fromkeys(own for warehouse in sink.warehouses for own in warehouse.feeds or ())
    for own in (None, *named):
        fed = [
            warehouse
            for warehouse in sink.warehouses
            if warehouse.feeds is None or (own is not None and own in warehouse.feeds)
        ]
        codes = ", ".join(warehouse.code for warehouse in fed)
        if len(fed) < 2 or codes in seen or any(warehouse.share is not None for warehouse in fed):
            continue
        seen.append(codes)
        what = "every own warehouse" if own is None or len(open_to_all) == len(fed) else own
        yield Finding(
            "warning",
            f"[sinks.{sink.name}]",
            f"{what} feeds the warehouses {codes}: no unit is shown twice, so the first of them comes first",
            "give each of them a `share`, or `feeds` of its own",
        )
