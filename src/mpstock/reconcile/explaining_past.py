"""Why a number was what it was: what was kept when it was sent, reckoned again by the same formula."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve

from mpstock.errors import ConfigurationError, PluginContractError
from mpstock.reconcile.evaluating import evaluate
from mpstock.reconcile.explaining import Case, product_of
from mpstock.reconcile.explanation import Explanation, ListingExplanation, StageExplanation
from mpstock.reconcile.stages import Names
from mpstock.reconcile.stored_facts import restore

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.ledger.explanations import ExplanationRow, SentRow
    from mpstock.plugins import PluginRegistry
    from mpstock.reconcile.stored_facts import Restored

__all__ = ["explain_past"]

_ANSWERS = {"error": "the sink refused it", "doubt": "nobody heard whether it arrived"}


def explain_past(
    ledger: Ledger,
    plugins: PluginRegistry,
    sku: str,
    sinks: Sequence[str],
    *,
    at: datetime | None = None,
    run: int | None = None,
) -> Explanation:
    """Explain what each listing of a product was sent last: by a run, or up to a moment.

    Each number is reckoned again from what was kept as it was sent. Where that gives something else today,
    both are told. Runs in the ledger's thread.

    Raises:
        ConfigurationError: no source knows the product, or there was no such run.
    """
    product_id = product_of(ledger, sku)
    if run is not None and not ledger.runs.exists(run):
        raise ConfigurationError(f"there is no run {run} (any more); `mpstock log` names them", place="run")
    last = {(row.sink, row.warehouse): row for row in ledger.explanations.sent(product_id, run=run, until=at)}
    accepted = {
        (row.sink, row.warehouse): row
        for row in ledger.explanations.sent(product_id, run=run, until=at, accepted=True)
    }
    kept = ledger.explanations.read({row.explanation for row in last.values() if row.explanation is not None})
    external = {
        (row.sink, row.warehouse): row.external_id for row in ledger.stocks.rows(product_id=product_id)
    }
    names = ledger.levels.skus([product_id])
    cases: dict[int, _Past] = {
        id_: _Past(plugins, row, names[product_id]) for id_, row in sorted(kept.items())
    }
    listings = []
    notes = []
    for key, row in last.items():
        past = cases.get(row.explanation or 0)
        told = None if past is None else past.listing(key)
        if told is None:
            notes.append(
                f"what {' · '.join(key)} was sent ({row.new}, run {row.run}) is in the log, and what it was "
                "reckoned from was not kept, or has been let go since"
            )
            told = _nothing(*key)
        listings.append(
            _as_it_was(evolve(told, external_id=external.get(key, "")), row, accepted.get(key), ledger)
        )
    stocks = [case.stock for case in sorted(cases.values(), key=lambda case: case.row.at, reverse=True)]
    if not last:
        notes.append(_before_the_first(ledger, product_id, at, run))
    notes += [
        f"{name} was sent nothing of it" + ("" if run is None else f" by run {run}")
        for name in sinks
        if last and name not in {sink for sink, _ in last}
    ]
    first = stocks[0] if stocks else None
    return Explanation(
        sku,
        () if first is None else first.terms,
        listings,
        notes,
        () if first is None else first.holds,
        () if first is None else first.pools,
        None if first is None else first.at,
        at,
        run,
        stocks[1:],
    )


def _before_the_first(ledger: Ledger, product_id: int, at: datetime | None, run: int | None) -> str:
    first = ledger.explanations.first_sent(product_id)
    if first is None:
        return "nothing of it has been sent yet, as far as the log goes back"
    if run is not None:
        return f"run {run} has sent nothing of it; the first that was sent is of {first:%Y-%m-%d %H:%M:%S}Z"
    return (
        f"nothing of it had been sent by {at:%Y-%m-%d %H:%M:%S}Z, as far as the log goes back; the first "
        f"that was sent is of {first:%Y-%m-%d %H:%M:%S}Z"
    )


class _Past:
    """What was kept of one product at one moment, reckoned again."""

    def __init__(self, plugins: PluginRegistry, row: ExplanationRow, sku: str) -> None:
        self.row = row
        self.restored: Restored = restore(row.settings, row.facts, plugins)
        self.trouble = ""
        restored = self.restored
        try:
            (found,) = evaluate(restored.reckoner, [restored.facts])
        except PluginContractError as error:
            # Its policy is gone and nothing that it answered was kept: the stock can be told all the same.
            self.trouble = str(error)
            (found,) = evaluate(restored.reckoner, [evolve(restored.facts, shops={})])
        names = Names({**restored.skus, restored.facts.product_id: sku}, restored.codes)
        self.case = Case(found, restored.reckoner, names, row.at, {})
        self.stock = self.case.stock()

    def listing(self, key: tuple[str, str]) -> ListingExplanation | None:
        """Return how a listing's number came about; None: nothing of it was kept."""
        reckoning = next((r for r in self.case.found.reckonings if (r.sink, r.warehouse) == key), None)
        if reckoning is None:
            return evolve(_nothing(*key), notes=[self.trouble]) if self.trouble else None
        told = self.case.listing(reckoning)
        if key in self.restored.buffers.troubles:
            policy = told.policy
            note = (
                f"the policy {policy} cannot be asked any more ({self.restored.buffers.troubles[key]}); what "
                "it answered then was kept, and is used"
            )
            told = evolve(told, notes=[*told.notes, note])
        decided = self.restored.decided.get(key)
        if decided is not None:
            why = "what it shows was not known any more: it was sent again as it had been decided"
            told = evolve(
                told, wanted=decided, stages=[*told.stages, StageExplanation("decided", decided, why)]
            )
        return told


def _nothing(sink: str, warehouse: str) -> ListingExplanation:
    return ListingExplanation(
        sink, warehouse, "", (), None, False, "", {}, {}, None, None, None, None, None, None, None, "", "", ""
    )


def _as_it_was(
    x: ListingExplanation, row: SentRow, accepted: SentRow | None, ledger: Ledger
) -> ListingExplanation:
    """Add to a listing's number what was sent, and what came of it."""
    after, notes = [], list(x.notes)
    if x.stages and row.new != x.wanted:
        plan = ledger.runs.plan_of(row.run)
        if plan is not None and x.wanted is not None and row.new < x.wanted:
            after.append(StageExplanation("plan", row.new, f"the saved plan that run {row.run} carried out"))
        else:
            notes.append(
                f"sent was {row.new}; the same facts give {x.wanted} today: the code, or the policy "
                f"{x.policy}, is not what it was then"
            )
    if row.status != "ok":
        shown = None if accepted is None else accepted.new
        why = ": ".join(part for part in (_ANSWERS.get(row.status, row.status), row.error) if part)
        after.append(StageExplanation("refused", shown, why))
    return evolve(
        x,
        base=row.old,
        confirmed=None if accepted is None else accepted.new,
        confirmed_at=None if accepted is None else accepted.at,
        status=row.status,
        error=row.error,
        notes=notes,
        stages=[*x.stages, *after],
        sent=row.new,
        sent_at=row.at,
        run=row.run,
        cause=row.cause,
    )
