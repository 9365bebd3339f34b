"""The pages on products: the log with its search, the list, and one product with all that is known of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen
from markupsafe import Markup

from mpstock.errors import ConfigurationError
from mpstock.ledger.log import LogPage, LogSearch
from mpstock.reconcile.derivation import as_details
from mpstock.reconcile.explaining import explain
from mpstock.service.dashboard.pages import PAGE
from mpstock.service.dashboard.plot import plot
from mpstock.service.dashboard.texts import CATALOGUES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from mpstock.ledger.log import LogRow
    from mpstock.ledger.pages import FoundProduct, ShownListing
    from mpstock.reconcile.engine import Engine
    from mpstock.reconcile.explanation import StageExplanation
    from mpstock.service.dashboard.plot import Plot
    from mpstock.service.dashboard.visit import Visit

__all__ = ["log", "product", "products"]

_LINES = 20

STAGES = {key.removeprefix("stage_") for key in CATALOGUES["en"] if key.startswith("stage_")}
"""The stages of a number that have a name for people."""

_SENT, _FACTS = 2_000, 300
_MATCHES = 50


# ---------------------------------------------------------------- log


async def log(visit: Visit) -> Response:
    """Show the sync log, narrowed by what was given."""
    given = {name: visit.query(name) for name in ("sku", "sink", "cause", "status", "since", "until", "run")}
    zone = visit.dashboard.service.config.schedule.timezone

    def moment(name: str) -> datetime | None:
        try:
            found = datetime.fromisoformat(given[name])
        except ValueError:
            given[name] = ""
            return None
        return found if found.tzinfo is not None else found.replace(tzinfo=zone)

    since, until = moment("since"), moment("until")
    number = visit.number("run")
    given["run"] = "" if number is None else str(number)

    def read(engine: Engine) -> tuple[LogPage | None, list[str]]:
        ledger = engine.ledger
        causes = ledger.log.causes()
        skus: list[str] = []
        if given["sku"]:
            whole = ledger.pages.product(given["sku"])
            found = [whole] if whole else ledger.pages.products(search=given["sku"], limit=_MATCHES)
            skus = [one.sku for one in found]
            if not skus:
                return None, causes
        wanted = LogSearch(skus, given["sink"], given["cause"], given["status"], number, since, until)
        return ledger.log.search(wanted, before=visit.number("before"), limit=PAGE), causes

    page, causes = await visit.read(read)
    return visit.render(
        "log.html",
        given=given,
        causes=causes if not given["cause"] or given["cause"] in causes else [*causes, given["cause"]],
        sinks=list(visit.dashboard.service.config.sinks),
        page=page or LogPage((), None),
        rows=page.rows if page else (),
        unknown_sku=page is None,
        of_product=False,
    )


# ---------------------------------------------------------------- products


@frozen
class _Row:
    """One product of the list: what there is of it, and its listings by sink."""

    sku: str
    brand: str
    stock: int | None
    listings: Mapping[str, Sequence[ShownListing]]


async def products(visit: Visit) -> Response:
    """Show products with what is there and what each sink shows."""
    q, after = visit.query("q"), visit.request.query_params.get("after", "")

    def read(engine: Engine) -> list[_Row]:
        pages = engine.ledger.pages
        found = pages.products(search=q, after=after, limit=PAGE + 1)
        chosen = [one.id for one in found]
        stock: dict[int, int | None] = {}
        for level in pages.levels(chosen):
            amount = None if level.quantity is None else level.quantity - level.reserved
            before = stock.get(level.product_id, 0)
            stock[level.product_id] = None if amount is None or before is None else before + amount
        listings: dict[int, dict[str, list[ShownListing]]] = {}
        for one in pages.listings(chosen):
            listings.setdefault(one.product_id, {}).setdefault(one.sink, []).append(one)
        return [_Row(one.sku, one.brand, stock.get(one.id), listings.get(one.id, {})) for one in found]

    rows = await visit.read(read)
    shown = rows[:PAGE]
    return visit.render(
        "products.html",
        q=q,
        rows=shown,
        sinks=list(visit.dashboard.service.config.sinks),
        after=shown[-1].sku if len(rows) > PAGE else "",
    )


@frozen
class _Known:
    """All that the page of one product shows."""

    product: FoundProduct
    listings: Sequence[ShownListing]
    tree: str
    trouble: str
    chains: Sequence[tuple[str, str, Sequence[StageExplanation]]]
    plot: Plot | None
    rows: Sequence[LogRow]


async def product(visit: Visit) -> Response:
    """Show one product: its listings, why each shows what it shows, and what was sent."""
    sku = visit.request.query_params.get("sku", "")
    zone = visit.dashboard.service.config.schedule.timezone

    def read(engine: Engine) -> _Known | None:
        ledger = engine.ledger
        found = ledger.pages.product(sku)
        if found is None:
            return None
        tree, trouble = "", ""
        chains: list[tuple[str, str, Sequence[StageExplanation]]] = []
        try:
            planner = engine.planner(ledger.runs.failing_sources())
            told = explain(ledger, planner, sku, [built.name for built in engine.sinks])
            tree = as_details(told.tree, visit.say)
            chains = [(one.sink, one.warehouse, one.stages) for one in told.listings]
        except ConfigurationError as error:
            trouble = str(error)
        return _Known(
            found,
            ledger.pages.listings([found.id]),
            tree,
            trouble,
            chains,
            plot(
                found.id,
                ledger.log.of_product(found.id, _SENT),
                ledger.pages.facts_of(found.id, _FACTS),
                engine.clock.now(),
                zone,
            ),
            ledger.log.rows(sku=sku, limit=_LINES),
        )

    known = await visit.read(read)
    if known is None:
        return visit.render("error.html", status=404, key="error_missing", detail="")
    return visit.render(
        "product.html",
        product=known.product,
        listings=known.listings,
        # Made by our own renderer, which escapes what it is told.
        tree=Markup(known.tree),
        trouble=known.trouble,
        chains=known.chains,
        stage_names=STAGES,
        plot=known.plot,
        rows=known.rows,
        sinks=list(visit.dashboard.service.config.sinks),
        of_product=True,
    )
