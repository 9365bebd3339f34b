"""Looks after a shop's settings, accounts and mapping, and says what to mend; changes nothing unasked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.errors import LedgerError
from mpstock.interfaces import CheckedAdapter, WriteTestable
from mpstock.model import Finding, Listing
from mpstock.reconcile import orphans
from mpstock.reconcile.adapters import BuiltSink, Failure
from mpstock.reconcile.leasing import held_by
from mpstock.reconcile.report import as_data

if TYPE_CHECKING:
    from mpstock.assembling import Assembly
    from mpstock.config import SinkConfig, SourceConfig
    from mpstock.reconcile.engine import Engine

__all__ = ["AdapterFindings", "check"]

_NAMED = 5


@frozen
class AdapterFindings:
    """What was found out about one part of the shop (`sources.erp`, `sinks.ozon`, `plugins`, `settings`)."""

    subject: str
    findings: Sequence[Finding]

    @property
    def worst(self) -> str:
        """`error`, `warning` or `ok`."""
        levels = {finding.level for finding in self.findings}
        return next((level for level in ("error", "warning") if level in levels), "ok")

    @property
    def refused(self) -> bool:
        """Whether something here is an error."""
        return self.worst == "error"

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as plain data."""
        return {"subject": self.subject, "worst": self.worst, "findings": as_data(self.findings)}


async def check(assembly: Assembly, *, write_test: str | None = None) -> list[AdapterFindings]:
    """Check plugins, settings, every adapter, and how listings and products match."""
    engine = await assembly.start(tolerant=True)
    result = [_plugins(assembly), AdapterFindings("settings", assembly.config.remarks())]
    broken = {**assembly.config.broken, **assembly.broken}
    result += [
        AdapterFindings(name, [Finding("error", "plugin", str(error))]) for name, error in broken.items()
    ]
    for source in engine.sources:
        findings = await _adapter(source.source, source.config)
        result.append(AdapterFindings(f"sources.{source.name}", findings))
    for sink in engine.sinks:
        findings = await _adapter(sink.sink, sink.config)
        findings += await engine.worker.run(_mapping, engine, sink)
        if write_test is not None:
            findings += await _write_test(engine, sink, write_test)
        result.append(AdapterFindings(f"sinks.{sink.name}", findings))
    return [part for part in result if part.findings]


def _plugins(assembly: Assembly) -> AdapterFindings:
    findings: list[Finding] = []
    for plugin in assembly.plugins.installed():
        if plugin.error:
            findings.append(Finding("error", plugin.label, plugin.error, "upgrade or uninstall it"))
        findings += [
            Finding("warning", plugin.label, text, "it works; upgrade it before you upgrade mpstock")
            for text in plugin.deprecated
        ]
    return AdapterFindings("plugins", findings)


async def _adapter(adapter: object, config: SourceConfig | SinkConfig) -> list[Finding]:
    if not isinstance(adapter, CheckedAdapter):
        return [Finding("ok", "checks", "the plugin brings no checks of its own")]
    return await _gathered(adapter.check(), config)


async def _gathered(findings: AsyncIterator[Finding], config: SourceConfig | SinkConfig) -> list[Finding]:
    result: list[Finding] = []
    try:
        async for finding in findings:
            result.append(finding)
    except LedgerError:
        raise
    except Exception as error:
        result.append(Finding("error", "account", Failure.of(error, config).message))
    return result


def _mapping(engine: Engine, sink: BuiltSink) -> list[Finding]:
    """Say which listings have no product and which products no listing; in the ledger's thread."""
    ledger = engine.ledger
    listings, without_product = ledger.listings.counts(sink.name)
    if ledger.runs.cursor(f"listings:{sink.name}") is None:
        return [Finding("ok", "mapping", "not known yet: `mpstock plan` reads what the account sells")]
    without_listing, skus = ledger.listings.unlisted(sink.name, _NAMED)
    findings = [
        Finding("ok", "mapping", f"{listings - without_product} of {listings} listings have a product")
    ]
    if without_product:
        gaps = ledger.listings.gaps(sink.name, _NAMED)
        named = "; ".join(f"{gap.external_id} ({', '.join(gap.skus)}): {gap.reason}" for gap in gaps)
        findings.append(
            Finding(
                "warning",
                "mapping",
                f"nothing is pushed for {without_product} listings. First: {named}",
                "map them in the products file, or add them to a source",
            )
        )
    if without_listing:
        findings.append(
            Finding(
                "warning",
                "mapping",
                f"{without_listing} products have no listing here. First: {', '.join(skus)}",
                "none, if they are not meant to be sold here",
            )
        )
    left = [orphan for orphan in orphans.find(engine, _NAMED) if orphan.sink == sink.name]
    if left:
        findings.append(
            Finding(
                "warning",
                "mapping",
                f"{orphans.count(engine, sink.name)} listings show stock that nobody speaks for. "
                f"First: {'; '.join(orphans.told(orphan) for orphan in left[:_NAMED])}",
                "mpstock adopt lets them go on, mpstock zero --orphans ends them",
            )
        )
    codes = set(ledger.levels.warehouse_codes().values())
    for warehouse in sink.config.warehouses:
        missing = sorted(set(warehouse.feeds or ()) - codes)
        if missing and codes:
            findings.append(
                Finding(
                    "error",
                    f"warehouses {warehouse.code}",
                    f"feeds names {', '.join(missing)}, which no source has",
                    f"the sources have: {', '.join(sorted(codes))}",
                )
            )
    return findings


async def _write_test(engine: Engine, sink: BuiltSink, sku: str) -> list[Finding]:
    rows = [
        row
        for row in await engine.worker.run(engine.ledger.stocks.rows, sink=sink.name, skus=[sku])
        if row.wanted is not None
    ]
    if not isinstance(sink.sink, WriteTestable):
        return [Finding("ok", "write test", "this plugin has none: its documents leave nothing open")]
    if not rows:
        return [
            Finding(
                "error",
                "write test",
                f"{sku!r} has no listing here that a run has planned",
                "run `mpstock plan` first, and give the sku of a product that is sold here",
            )
        ]
    if sink.shadowed:
        return [
            Finding(
                "warning",
                "write test",
                "it is in shadow mode, and nothing is written to it",
                "test it once it is taken over: mpstock takeover says what would change",
            )
        ]
    lease = engine.leases.mine.get(sink.name)
    if lease is None or not await lease.ready():
        holder = engine.leases.others.get(sink.name) if lease is None else lease.lost
        why = held_by(holder).message if holder is not None else f"{sink.name}: its lease ran out"
        return [Finding("error", "write test", why, "wait for it to end, or stop it")]
    row = next((row for row in rows if row.stopped is None), None)
    if row is None:
        return [
            Finding(
                "warning",
                "write test",
                f"every listing of {sku!r} here is stopped by hand, and nothing is sent to it",
                "mpstock status says by whom; test another product, or resume it",
            )
        ]
    listing = Listing(row.external_id, row.warehouse, (row.sku,))
    # The number that the next run would push: the test leaves nothing behind that is not wanted.
    findings = await _gathered(sink.sink.write_test(listing, row.wanted or 0), sink.config)
    await engine.worker.run(engine.ledger.pushes.void, [row.id], engine.clock.now(), sink.cooldown)
    return findings
