"""What a plugin implements (`Source`, `Sink`, `BufferPolicy`) and what it is given (`Context`).

A plugin author reads this module, `mpstock.model` and `mpstock.errors`, and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from attrs import field, frozen

from mpstock.contract_versions import FIRST

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from mpstock.clock import Clock
    from mpstock.model import (
        AccountWarehouse,
        Change,
        Credential,
        Finding,
        Listing,
        ListingPage,
        Observation,
        OrderPage,
        Outcome,
        Reading,
    )
    from mpstock.notifying import Notification, Notified
    from mpstock.rows import RowParser

__all__ = [
    "BufferPolicy",
    "BufferPolicySpec",
    "CheckedAdapter",
    "Context",
    "Inbox",
    "Limits",
    "Rate",
    "Sink",
    "SinkSpec",
    "Source",
    "SourceSpec",
    "TellsCredentials",
    "Transport",
    "WarehouseTelling",
    "WriteTestable",
]


@frozen
class Rate:
    """One limit of a vendor, as its documents state it.

    `scope`       its name within the account: every request names the scopes it counts in.
    `requests`    so many requests in `period` seconds.
    `spacing`     seconds between two requests; None = `period / requests`; 0.0 = none is asked for.
    `burst`       how many requests the vendor admits back to back after a rest.
    `error_cost`  how many requests an answer of 4xx counts as (Wildberries: 10).
    `parallel`    how many requests may be under way at once; None = no limit of its own.
    `items`       so many items in `period` as well (Yandex Market); None = not counted. Where a vendor limits
                  items alone, write their number as `requests`, too: no request has less than one.
    """

    scope: str
    requests: int
    period: float
    spacing: float | None = None
    burst: int = 1
    error_cost: int = 1
    parallel: int | None = None
    items: int | None = None


@frozen
class Limits:
    """What a sink can take, as data.

    `account`         names the account whose limits these are, without secrets: two adapters of one
                      account share its limiter, also across restarts.
    `batch`           most changes in one push.
    `maximum`         the largest quantity that the sink takes (the smallest is 0).
    `rates`           every limit that the sink's requests count in.
    `push_scopes`     the scopes that one push counts in.
    `pair_cooldown`   seconds before the same listing may be written again, whatever the outcome was.
    `by_warehouse`    one push serves one sink warehouse only.
    `observe_batch`   most listings in one call of `observe`.
    `observe_whole`   `observe(None)` reads everything that the account shows, cheaper than by id.
    `self_decrements` whether what `observe` tells falls by itself when an order comes.
    `orders`          what `orders` tells: `"each"` order with its stage; only the `"total"` that is reserved
                      of each listing (as one `Order`, whose key names the listing: no warehouse system can
                      absorb that); or `"none"`.
    `visible_after`   seconds after which an accepted write is told by `observe` for sure; what it told before
                      the write says nothing until then.
    """

    account: str
    batch: int
    maximum: int
    rates: Sequence[Rate]
    push_scopes: tuple[str, ...]
    pair_cooldown: float = 0.0
    by_warehouse: bool = False
    observe_batch: int = 1000
    observe_whole: bool = False
    self_decrements: Literal["yes", "no", "unknown"] = "unknown"
    orders: Literal["each", "total", "none"] = "none"
    visible_after: float = 0.0


class Transport(Protocol):
    """The one way out to the network. It paces, retries what may be retried, and redacts."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        scopes: Sequence[str],
        push: bool = False,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        timeout: float | None = None,
        items: int = 1,
        describe: Callable[[httpx.Response], str] | None = None,
    ) -> httpx.Response:
        """Send one request and return the answer, its body read and decompressed.

        `scopes` are the rate scopes it counts in, as declared by `Limits.rates` or `Source.rates`.
        `push` marks a request that changes something: it is never sent twice by the transport.
        `json` is encoded compactly as UTF-8; `content` is sent as it is. `timeout` is the deadline in
        seconds of one attempt, waiting for the limiter apart. `items` is what it counts where a scope
        counts items. `describe` turns an error answer into the vendor's own words for the exception.

        Returned are all answers below 500 but 401, 403, 420 and 429 (both mean too many requests): what a
        400, 404, 406 or 409 means is for the adapter to say. A read (not `push`) is tried again after a
        connection error, a timeout, 420, 429 and 5xx, until its time is up.

        Raises:
            AuthenticationError: 401 or 403.
            NotSentError: surely never taken in: no connection, or 420 or 429 (`retry_after`); for a push.
            InDoubtError: a push whose fate is unknown: timeout, connection lost, 5xx.
            TransientError: a read that did not succeed in its time.
        """
        ...

    def declare(self, account: str, rates: Sequence[Rate]) -> None:
        """Make the limits of `account` known, under which this transport's requests go out.

        The core calls it with a sink's `limits` and a source's `rates` after building them; an
        adapter need not. A request in an undeclared scope raises `PluginContractError`.
        """
        ...


@frozen
class Context:
    """What a factory is given beside its settings.

    `name` is the adapter's name in the settings file, `warehouses` the sink warehouses that are
    configured there (empty for a source). `logger` already redacts the adapter's secrets.
    """

    name: str
    transport: Transport
    clock: Clock
    logger: logging.Logger
    warehouses: tuple[str, ...] = ()


class Source(Protocol):
    """Where stock is read: a warehouse system, a supplier's list, the shop's carts."""

    @property
    def rates(self) -> Sequence[Rate]:
        """The limits that its requests count in; empty when it sends none or has none."""
        ...

    def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Yield what changed since `cursor`, or everything when it is None.

        A source may always answer with more than was asked, also with everything (its last page is
        then `complete`). The cursor is opaque to the core: the source keeps its own overlap in it.

        Raises:
            AuthenticationError: the credentials were refused.
            TransientError: the source could not be reached or did not answer in time.
            UnexpectedResponseError: it answered something that is not stock.
        """
        ...


class Sink(Protocol):
    """A marketplace account that stock is pushed to."""

    @property
    def limits(self) -> Limits:
        """What the account takes, as data. It does not change while the adapter lives."""
        ...

    def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        """Yield what the account sells, for each configured sink warehouse.

        With a cursor only what changed since; a sink that cannot tell walks over everything
        when its last walk is old, and yields nothing when it is not.
        """
        ...

    def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        """Yield what the sink shows now, for these listings or, with None, for all.

        A listing that the sink was asked for and left out of a successful answer has nothing stored
        and is yielded with quantity 0. After `observe(None)` what was not yielded shows 0.
        None is asked for only if `limits.observe_whole`.
        """
        ...

    def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        """Yield the account's orders that are placed or assembled, and those that were shipped or
        cancelled since `cursor` (None: as far back as is cheap).

        An order of several offers is an `Order` for each of them. Orders of sink warehouses that are not
        configured are told too: they may be served from the same stock.
        """
        ...

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Send at most `limits.batch` changes as one request; return one outcome each, in their order.

        What needs another request (the rest of a refused batch) is not sent from here: say so by
        the outcome, and the engine computes these quantities anew. `AuthenticationError`,
        `NotSentError` and `InDoubtError` of the transport are let through.
        """
        ...


class BufferPolicy(Protocol):
    """How much of what is available is advertised."""

    def advertise(self, available: int) -> int:
        """Return the quantity to show: 0 ≤ result ≤ max(available, 0).

        Pure and monotone: the same for the same `available`, and never more for less.
        """
        ...


@runtime_checkable
class CheckedAdapter(Protocol):
    """A source or sink that can look after its own settings, credentials and account."""

    def check(self) -> AsyncIterator[Finding]:
        """Yield what there is to say, without changing anything."""
        ...


@runtime_checkable
class TellsCredentials(Protocol):
    """A source or sink that knows until when its credentials are good."""

    async def credentials(self) -> Sequence[Credential]:
        """Return what is known of them; asked for once a day at most, at the end of a run."""
        ...


@runtime_checkable
class WarehouseTelling(Protocol):
    """A sink that can tell which warehouses its account has, also before any is configured."""

    async def account_warehouses(self) -> Sequence[AccountWarehouse]:
        """Return the account's warehouses, those too that cannot be served. Changes nothing.

        Raises:
            AuthenticationError: the credentials were refused; in the vendor's words.
            TransientError: the account could not be reached.
        """
        ...


@runtime_checkable
class WriteTestable(Protocol):
    """A sink that can find out by one write and a read-back what its documents leave open."""

    def write_test(self, listing: Listing, quantity: int) -> AsyncIterator[Finding]:
        """Write `quantity` to `listing`, read it back, and say what it means for the settings."""
        ...


class Inbox(Protocol):
    """The folder that a source reads, for files that are brought to it over the network.

    A file appears there whole, under the name that it was brought with, in a subfolder of its exchange. What
    lies in a subfolder whose name begins with a dot is still on its way: the source must not read it.
    """

    @property
    def folder(self) -> Path:
        """Where the source looks for its files."""
        ...

    def use(self, name: str) -> Literal["stock", "names", ""]:
        """Say what a file of this name is to the source: stock, what stock is called, or nothing to it."""
        ...

    def check(self, path: Path, name: str) -> str:
        """Read a file that was brought as `name` to its end; return what is wrong with it, or nothing.

        It is called in a thread, before the source can see the file.
        """
        ...

    def overtaken(self) -> Sequence[Path]:
        """Return the files that no reading will need any more, whatever its cursor. Called in a thread."""
        ...


@frozen
class SourceSpec:
    """Describes a source plugin; returned by the hook `mpstock_sources`.

    `settings` is an attrs class, structured from the adapter's table in the settings file.
    `factory` builds the source; it imports what is heavy, the module of the descriptor does not.
    `contract` is the version of the interfaces that it was written for, written out (`"1.1"`): one that says
    nothing is taken for one of the first. `simulator` builds the vendor's double, an ASGI application on
    `mpstock.simulation.Simulator`.
    `quantity` is what its quantities are where the settings do not say: on hand, or already free of
    what is promised. `tells_reserved` says of the settings whether its levels carry a reserve of their own:
    with `quantity = "free"` it would be subtracted twice, and is refused. `incremental` is `"exact"` if an
    incremental read tells every row that has changed, so that a row it leaves out is as it was;
    `"advisory"` if it may miss some: a row is then only as fresh as the last full read. `levels` is False for
    a source that tells holds alone (open carts). `row_parser` says by the settings how rows are read that
    are pushed to the service for this source; without, they lie in the warehouse `main` where they name
    none, and their times are believed. `asks` are the keys of `settings` that `mpstock init` asks for beside
    those without a default: what most need, although it may be left out. `inbox` makes the `Inbox` of the
    settings of a source that reads files from a folder, None where these settings name no folder.
    `notified` says by the settings what a notification of the vendor means; it fetches nothing, and raises
    `RejectedError` where it is none of this account's.
    """

    name: str
    summary: str
    settings: type
    factory: Callable[[Any, Context], Source]
    contract: str = FIRST
    simulator: Callable[..., Any] | None = None
    aliases: tuple[str, ...] = ()
    quantity: Literal["on_hand", "free"] = "on_hand"
    tells_reserved: Callable[[Any], bool] | None = None
    incremental: Literal["exact", "advisory"] = "exact"
    levels: bool = True
    row_parser: Callable[[Any], RowParser] | None = None
    asks: tuple[str, ...] = ()
    inbox: Callable[[Any], Inbox | None] | None = None
    notified: Callable[[Any, Notification], Notified] | None = None


@frozen
class SinkSpec:
    """Describes a sink plugin; returned by the hook `mpstock_sinks`. Fields as in `SourceSpec`.

    `mapping_keys` are the names of `Listing.keys` by which the products file may map
    (`offer_id`, `barcode`, `chrt_id`): its column is `<sink>.<key>`. `match_by` is the key of `settings`
    that says what of a listing is the seller's own article, where there is one: `mpstock init` tries its
    choices.
    """

    name: str
    summary: str
    settings: type
    factory: Callable[[Any, Context], Sink]
    contract: str = FIRST
    simulator: Callable[..., Any] | None = None
    mapping_keys: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    match_by: str = ""
    notified: Callable[[Any, Notification], Notified] | None = None


@frozen
class BufferPolicySpec:
    """Describes a buffer policy; returned by the hook `mpstock_buffer_policies`.

    `factory` gets the structured settings and returns the policy.
    """

    name: str
    summary: str
    settings: type
    factory: Callable[[Any], BufferPolicy]
    contract: str = FIRST
    data: Mapping[str, Any] = field(factory=dict[str, Any])
