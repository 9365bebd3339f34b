"""The frames of a shop, read from its ledger in pages: memory grows with the frame, not with what is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from mpstock.errors import ConfigurationError
from mpstock.frames.frame import PAGE, Frame
from mpstock.ledger.levels import LevelRow
from mpstock.ledger.log import LogRow, LogSearch
from mpstock.ledger.stocks import StockRow
from mpstock.nearest import suggestion

if TYPE_CHECKING:
    from mpstock.ledger import Ledger

__all__ = ["history", "levels", "listings"]

R = TypeVar("R", LevelRow, StockRow)


def levels(
    ledger: Ledger, configured: Collection[str], source: str | None, skus: Collection[str] | None
) -> Frame:
    """Return what the sources said last, of one of them or of all; `configured` are those of the settings.

    Raises:
        ConfigurationError: there is no such source, and there was none.
    """
    if source is not None and source not in configured:
        _check("source", source, {*configured, *(row[0] for row in ledger.levels.counts())})
    wanted = _listed(skus)
    pages = _pages(lambda after: ledger.levels.rows(source=source, skus=wanted, after=after, limit=PAGE))
    return Frame.of("Levels", LevelRow, pages, without=("id",))


def listings(
    ledger: Ledger, configured: Collection[str], sink: str | None, skus: Collection[str] | None
) -> Frame:
    """Return what the listings show and should show, of one sink or of all; `configured` as for `levels`.

    Raises:
        ConfigurationError: there is no such sink, and there was none.
    """
    _check_sink(ledger, configured, sink)
    wanted = _listed(skus)
    pages = _pages(lambda after: ledger.stocks.rows(sink=sink, skus=wanted, after=after, limit=PAGE))
    return Frame.of("Listings", StockRow, pages, without=("id", "expected"))


def history(ledger: Ledger, configured: Collection[str], search: LogSearch) -> Frame:
    """Return the lines of the sync log that are meant, the oldest first; `configured` as for `levels`.

    Raises:
        ConfigurationError: no source knows a product that is meant, or there is no such sink, and was none.
    """
    known = ledger.levels.product_ids(search.skus)
    for sku in search.skus:
        if sku not in known:
            raise ConfigurationError(f"no source knows {sku!r}", place="sku")
    _check_sink(ledger, configured, search.sink or None)
    title = f"History of {', '.join(search.skus)}" if search.skus else "History"
    return Frame.of(title, LogRow, _lines(ledger, search), backwards=True)


def _lines(ledger: Ledger, search: LogSearch) -> Iterator[Sequence[LogRow]]:
    """Yield the lines that are meant, the newest first."""
    page = ledger.log.search(search, limit=PAGE)
    yield page.rows
    while page.before is not None:
        page = ledger.log.search(search, before=page.before, limit=PAGE)
        yield page.rows


def _pages(read: Callable[[int], list[R]]) -> Iterator[list[R]]:
    """Yield pages, each of the rows after the last one of the page before."""
    page = read(0)
    while page:
        yield page
        page = read(page[-1].id)


def _listed(skus: Collection[str] | None) -> Sequence[str] | None:
    if isinstance(skus, str):
        # Its letters would be looked for.
        raise ConfigurationError(f"give a list of articles: [{skus!r}]", place="skus")
    return None if skus is None else list(skus)


def _check_sink(ledger: Ledger, configured: Collection[str], sink: str | None) -> None:
    if sink is not None and sink not in configured:
        _check("sink", sink, {*configured, *(row[0] for row in ledger.stocks.summary())})


def _check(what: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that is nobody's: an empty frame would look like an answer."""
    if name not in known:
        raise ConfigurationError(f"there is no {what} {name!r}; {suggestion(name, known)}", place=what)
