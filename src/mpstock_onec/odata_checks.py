"""What `mpstock check` finds out about the OData interface of a 1C infobase."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING

from mpstock import Context, Finding
from mpstock.errors import AdapterError, AuthenticationError, TransientError
from mpstock_onec.odata_client import OdataClient
from mpstock_onec.odata_library import Library
from mpstock_onec.odata_plan import make_plan
from mpstock_onec.odata_source import read_balance

if TYPE_CHECKING:
    from mpstock_onec.odata_settings import OdataSettings
    from mpstock_onec.odata_tally import Tally
    from mpstock_onec.odata_warehouses import Warehouses

__all__ = ["check"]

_NAMED = 5


async def check(client: OdataClient, settings: OdataSettings, context: Context) -> AsyncIterator[Finding]:
    """Yield what there is to say; everything is read once, nothing is changed."""
    try:
        plan, lacks = make_plan(settings, await client.schema())
    except AdapterError as error:
        yield _failure("service", error)
        return
    if not settings.user:
        yield Finding(
            "ok", "credentials", "none are set; the publication names a user itself, or asks for none"
        )
    yield Finding("ok", "service", f"{client.address.root} answers, and says what it publishes")
    for lack in lacks:
        yield Finding("error", lack.setting, lack.message, lack.mend)
    if lacks:
        return
    resources = [plan.quantity, *(f"− {name}" for name in plan.subtract)]
    reserved = f", of which {plan.reserved} is reserved" if plan.reserved else ""
    yield Finding("ok", "register", f"{plan.register}: {' '.join(resources)}{reserved}")
    try:
        library = await Library.load(client, settings, context, plan)
    except AdapterError as error:
        yield _failure("catalogue", error)
        return
    for finding in _about_names(library, settings):
        yield finding
    try:
        _, tally = await read_balance(client, settings, context, library)
    except AdapterError as error:
        yield _failure("balance", error)
        return
    for finding in _about_rows(tally, settings):
        yield finding


def _failure(subject: str, error: AdapterError) -> Finding:
    if isinstance(error, AuthenticationError):
        subject = "credentials"
        mend = (
            "look at user and password; the user of 1C needs authentication by 1C itself switched on, and "
            "the right to read what is asked for. With rights set row by row, set allowed_only = true"
        )
    elif isinstance(error, TransientError):
        mend = (
            "is the server up, is base_url right, is a licence of 1C free? A large balance may need a longer "
            'timeout, or split = "warehouse"'
        )
    else:
        mend = "open the address in a browser, as the same user, and look at what answers"
    return Finding("error", subject, str(error), mend)


def _about_names(library: Library, settings: OdataSettings) -> Iterator[Finding]:
    catalogue, subject = library.catalogue, "products"
    data = {"products": len(catalogue), "nameless": catalogue.nameless, "deleted": catalogue.deleted}
    if len(catalogue):
        message = f"{len(catalogue):,} products, {catalogue.deleted:,} of them marked for deletion"
        yield Finding("ok", subject, message, data=data)
    else:
        mend = "does the user of 1C see them? With rights set row by row, ask its administrator"
        yield Finding("error", subject, "the catalogue of products is empty", mend, data)
    if catalogue.nameless:
        message = f"{catalogue.nameless:,} products have no sku by {settings.sku!r}"
        mend = "fill it in in 1C for what is sold online; the others need none"
        yield Finding("warning", subject, message, mend)
    if catalogue.shared:
        what = "unknown" if settings.duplicates == "unknown" else "the sum of all of them"
        told = _some([repr(sku) for sku in sorted(catalogue.shared)], _NAMED)
        message = f"{len(catalogue.shared):,} skus have several products, their quantity is {what}: {told}"
        mend = "give each product its own, or put the characteristic into the setting sku"
        yield Finding("warning", subject, message, mend)
    yield from _about_warehouses(library.warehouses, named_in_settings=bool(settings.warehouses))


def _about_warehouses(warehouses: Warehouses, *, named_in_settings: bool) -> Iterator[Finding]:
    subject, known, chosen = "warehouses", warehouses.known, warehouses.chosen
    if not chosen:
        mend = "does the user of 1C see any? Or name them in the setting warehouses"
        yield Finding("error", subject, "no warehouse is read", mend)
        return
    told = [f"{known[ref].name if ref in known else ref} → {ours}" for ref, ours in chosen.items()]
    yield Finding("ok", subject, _some(told), data={"warehouses": dict(chosen)})
    if named_in_settings:
        left = sorted(one.name for one in warehouses.living if one.ref not in chosen)
        if left:
            message = f"not read, for the setting warehouses does not name them: {_some(left)}"
            yield Finding("ok", subject, message)
        return
    ours = list(chosen.values())
    twice = sorted({name for name in ours if ours.count(name) > 1})
    if twice:
        message = f"several have the same name and are added up: {_some(twice)}"
        yield Finding("warning", subject, message, "name each by its reference in the setting warehouses")


def _about_rows(tally: Tally, settings: OdataSettings) -> Iterator[Finding]:
    levels = sum(1 for _ in tally.levels(settings.duplicates))
    data = {"rows": tally.rows, "levels": levels, "bad": tally.bad, "stray": tally.stray}
    if tally.rows:
        message = f"{tally.rows:,} rows, products × warehouses: {levels:,}"
        yield Finding("ok", "balance", message, data=data)
    else:
        message = "the balance is empty, and an empty answer zeroes nothing"
        mend = "does the user of 1C see the goods, and do warehouses and condition fit?"
        yield Finding("warning", "balance", message, mend, data)
    if tally.bad:
        message = f"{tally.bad:,} rows cannot be read, and what they are about is unknown"
        yield Finding("warning", "rows", message, "the first of them are told below, with their places")
    if tally.stray:
        message = f"{tally.stray:,} rows are about products or warehouses that the catalogues do not have"
        if settings.unknown_products == "ignore":
            yield Finding("ok", "rows", f"{message}; they are left out")
        else:
            message += "; while there are such, what is missing keeps its number and does not become 0"
            mend = (
                "deleted objects, or the user may not see them. If they are none that are sold online, set "
                'unknown_products = "ignore"'
            )
            yield Finding("warning", "rows", message, mend)
    if tally.negative:
        mend = "look in 1C for goods that were shipped before they were received"
        yield Finding("warning", "negative numbers", f"{tally.negative:,} numbers are below zero", mend)
    if tally.fractions:
        message = f"{tally.fractions:,} numbers are not whole; quantities are rounded down and reserves up"
        mend = "goods kept by weight or length need units that are sold"
        yield Finding("warning", "fractions", message, mend)
    for problem in tally.notes.problems()[:_NAMED]:
        yield Finding("warning", problem.place, problem.message)


def _some(names: Sequence[str], most: int = 20) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
