"""What `mpstock check` finds out about an HTTP service of 1C."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mpstock import Finding, Problem
from mpstock.errors import AdapterError, AuthenticationError, TransientError
from mpstock_onec.client import OnecClient
from mpstock_onec.tally import Tally

if TYPE_CHECKING:
    from mpstock_onec.settings import OnecSettings

__all__ = ["check"]


async def check(client: OnecClient, settings: OnecSettings) -> AsyncIterator[Finding]:
    """Yield what there is to say; two requests, nothing is changed."""
    try:
        as_of, tally = await client.ask(None)
    except AdapterError as error:
        yield _failure(error)
        return
    if not settings.user:
        yield Finding(
            "ok", "credentials", "none are set; the publication names a user itself, or asks for none"
        )
    for finding in _about(tally, as_of, settings):
        yield finding
    yield await _about_changes(client, as_of, tally.rows)


def _failure(error: AdapterError) -> Finding:
    if isinstance(error, AuthenticationError):
        subject = "credentials"
        mend = (
            "look at user and password; the user of 1C needs authentication by 1C itself switched on, and a "
            "role with the right to use the HTTP service"
        )
    elif isinstance(error, TransientError):
        subject = "service"
        mend = (
            "is the server up, is base_url right, is a licence of 1C free? A slow service may need a longer "
            "timeout"
        )
    else:
        subject = "service"
        mend = "open the address in a browser, as the same user, and look at what answers"
    return Finding("error", subject, str(error), mend)


def _about(tally: Tally, as_of: datetime, settings: OnecSettings) -> Iterator[Finding]:
    levels = sum(1 for _ in tally.levels(as_of))
    if tally.rows:
        data = {"rows": tally.rows, "levels": levels, "bad": tally.bad, "negative": tally.negative}
        message = f"{settings.url} answers: {_rows(tally.rows)}, products × warehouses: {levels:,}"
        yield Finding("ok", "service", message, data=data)
    else:
        yield Finding(
            "warning",
            "service",
            f"{settings.url} answers, and its list is empty; an empty list zeroes nothing",
            mend="does the user of 1C see the goods and warehouses?",
        )
    if tally.bad:
        yield Finding(
            "warning",
            "rows",
            f"{_rows(tally.bad)} of {tally.rows:,} cannot be used, and their quantities are unknown: "
            "nothing is raised or zeroed by them. " + _first(tally.defects, tally.bad),
            mend="mend them in 1C, or in the code of its HTTP service",
        )
    if unattributed := tally.unattributed(settings.rows_without_sku):
        yield Finding(
            "warning",
            "products",
            f"{_rows(unattributed)} may be about any product or warehouse; while there are such rows, a "
            "product that is missing from a full answer keeps its last-known number and does not become 0",
            mend="mend the rows; if they are goods without an article that you do not sell online, set "
            'rows_without_sku = "ignore"',
        )
    if tally.negative:
        yield Finding(
            "warning",
            "negative numbers",
            f"{_rows(tally.negative)} below zero; they are counted as they are, and take away from the "
            "product's other rows and warehouses",
            mend="look in 1C for goods that were shipped before they were received",
        )
    if tally.rounded:
        yield Finding(
            "warning",
            "fractions",
            f"{tally.rounded:,} numbers are not whole; quantities are rounded down and reserves up",
            mend="if goods are kept by weight or length, let the service answer in the units that are sold",
        )


async def _about_changes(client: OnecClient, as_of: datetime, rows: int) -> Finding:
    subject = "changedAfter"
    try:
        _, changed = await client.ask(as_of)
    except AdapterError as error:
        mend = "let the service take changedAfter, or ignore it and answer everything"
        return Finding("error", subject, f"everything can be read, but not what changed: {error}", mend)
    if rows and changed.rows >= rows:
        return Finding(
            "warning",
            subject,
            "the service answers everything, whatever changedAfter says; it does no harm and takes longer",
            mend="let it answer what changed, by an exchange plan: a document's date is no time of change",
        )
    return Finding("ok", subject, f"the service answers what changed: {_rows(changed.rows)} since just now")


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _first(problems: Sequence[Problem], of: int, most: int = 3) -> str:
    told = "; ".join(f"{problem.place}: {problem.message}" for problem in problems[:most])
    return f"{told}; and more" if of > most else told
