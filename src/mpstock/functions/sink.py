"""A sink made of a function: `@mpstock.sink`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from mpstock.errors import ConfigurationError, InDoubtError, MpstockError, PluginContractError
from mpstock.functions.calling import asked, called, machine_clock, name_of, takes
from mpstock.functions.rows import ToldRows, amount
from mpstock.functions.source import FunctionSource
from mpstock.interfaces import Limits, Rate
from mpstock.model import Change, Listing, ListingPage, Observation, OrderPage, Outcome, OutcomeStatus

if TYPE_CHECKING:
    from mpstock.clock import Clock

__all__ = ["FunctionSink", "sink"]

F = TypeVar("F", bound=Callable[[], Any])

_PUSH = "push"
_PAGE = 1000


class FunctionSink:
    """A sink that hands changes to a function; `mpstock.sink` makes it, and has the arguments.

    `@NAME.shows` puts a function beside it that says what buyers are shown now.
    """

    def __init__(
        self,
        function: Callable[[list[Change]], Any],
        *,
        batch: int = 100,
        maximum: int = 1_000_000,
        per_minute: int | None = None,
        parallel: int | None = None,
        pair_cooldown: float = 0.0,
        warehouses: Sequence[str] = ("main",),
        buffer: int | Mapping[str, Any] | None = None,
        sells: Iterable[str] | FunctionSource | Callable[[], Any] | None = None,
        account: str = "",
        clock: Clock | None = None,
    ) -> None:
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.name = name_of(function)
        if takes(function, 1, "the list of changes") != 1:
            raise TypeError(f"{self.name}() has to take one argument: the list of changes")
        given = {"batch": batch, "maximum": maximum, "per_minute": per_minute, "parallel": parallel}
        for what, number in given.items():
            if number is not None and number < 1:
                raise ValueError(f"{self.name}: {what} is {number}; it has to be 1 or more")
        self.warehouses = tuple(warehouses)
        self.buffer = _buffer(self.name, buffer)
        self._sells = sells
        self._shows: Callable[[], Any] | None = None
        self._clock = clock or machine_clock()
        rates: tuple[Rate, ...] = ()
        if per_minute is not None or parallel is not None:
            # Without a rate of its own a limit of parallel requests has one that nobody meets.
            rates = (Rate(_PUSH, per_minute or 60_000, 60.0, parallel=parallel),)
        self._limits = Limits(
            account=account or f"function:{self.name}",
            batch=batch,
            maximum=maximum,
            rates=rates,
            push_scopes=(_PUSH,) if rates else (),
            pair_cooldown=pair_cooldown,
            observe_whole=True,
        )

    def __call__(self, changes: list[Change]) -> Any:
        """Call the function itself."""
        return self.__wrapped__(changes)

    def __repr__(self) -> str:
        return f"<mpstock.sink {self.name}>"

    def shows(self, function: F) -> F:
        """Let `function` say what is shown: quantities by article, or rows as a source's function has.

        Without `sells` what it tells is also what the sink sells. Returns the function, as a decorator does.
        """
        takes(function, 0, "nothing")
        self._shows = function
        return function

    @property
    def limits(self) -> Limits:
        return self._limits

    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        told = await self._articles()
        found = [
            Listing(sku, code, (sku,), {"external_id": (sku,)}) for sku in told for code in self.warehouses
        ]
        for start in range(0, max(len(found), 1), _PAGE):
            yield ListingPage(found[start : start + _PAGE], complete=start + _PAGE >= len(found))

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        if listings is None:
            listings = [one async for page in self.listings(None) for one in page.listings]
        pairs = [(one.external_id, one.warehouse) for one in listings]
        if self._shows is None:
            # Nobody can say what is shown: it is not known, and never 0.
            yield [Observation(*pair, None) for pair in pairs]
            return
        shown = await self._shown()
        yield [Observation(*pair, shown.get(pair, 0)) for pair in pairs]

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        yield OrderPage([], self._clock.now())

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        most = self._limits.batch
        if len(changes) > most:
            raise PluginContractError(f"one push takes at most {most} changes, not {len(changes)}")
        fit = [one for one in changes if 0 <= one.new <= self._limits.maximum]
        told = iter(await self._send(fit) if fit else ())
        beyond = Outcome(OutcomeStatus.ERROR, "out_of_range", f"not from 0 to {self._limits.maximum}")
        return [next(told) if 0 <= one.new <= self._limits.maximum else beyond for one in changes]

    async def _send(self, changes: list[Change]) -> list[Outcome]:
        try:
            answer = await called(self.__wrapped__, changes)
        except MpstockError:
            raise
        except Exception as error:
            # It may have sent some of them, or all, before it failed.
            raise InDoubtError(f"{type(error).__name__}: {error}", adapter=self.name) from error
        return _outcomes(self.name, changes, answer)

    async def _articles(self) -> list[str]:
        if isinstance(self._sells, FunctionSource):
            return await self._sells.skus()
        if self._sells is not None:
            told = await asked(self.name, self._sells) if callable(self._sells) else self._sells
            return list(dict.fromkeys(str(sku) for sku in told))
        if self._shows is not None:
            return list(dict.fromkeys(sku for sku, _ in await self._shown()))
        raise ConfigurationError(
            "it does not say what it sells: give `sells=` (articles, a function, or a source), or put a "
            f"function under @{self.name}.shows",
            place=f"the sink {self.name}",
        )

    async def _shown(self) -> dict[tuple[str, str], int | None]:
        assert self._shows is not None
        rows = ToldRows(self.warehouses[0], self.name)
        levels = rows.levels(await asked(self.name, self._shows))
        return {(level.sku, level.warehouse): _not_below_zero(level.quantity) for level in levels}


@overload
def sink(function: Callable[[list[Change]], Any], /) -> FunctionSink: ...


@overload
def sink(
    *,
    batch: int = 100,
    maximum: int = 1_000_000,
    per_minute: int | None = None,
    parallel: int | None = None,
    pair_cooldown: float = 0.0,
    warehouses: Sequence[str] = ("main",),
    buffer: int | Mapping[str, Any] | None = None,
    sells: Iterable[str] | FunctionSource | Callable[[], Any] | None = None,
    account: str = "",
    clock: Clock | None = None,
) -> Callable[[Callable[[list[Change]], Any]], FunctionSink]: ...


def sink(function: Callable[[list[Change]], Any] | None = None, /, **options: Any) -> Any:
    """Make a sink of a function: `@mpstock.sink`, or `@mpstock.sink(batch=100, sells=["A-1"])`.

    The function takes a list of `mpstock.Change`, at most `batch` of them, and sends them; it may be `async`.
    It returns None if all were taken. Or it returns a list with, for each change in their order, None, what
    was wrong with it, or an `mpstock.Outcome`. Or what was wrong by article, for those that were not taken.
    What it raises leaves in doubt what is shown now; the errors of `mpstock.errors` say more.

    Args:
        batch: most changes in one call.
        maximum: the largest quantity that may be shown.
        per_minute: most calls in a minute; the shop keeps to it, across restarts too.
        parallel: most calls at once.
        pair_cooldown: seconds before the same article may be sent again.
        warehouses: the codes of the sink's warehouses.
        buffer: units that are kept back of each article, or the keys of a buffer table: `{"percent": 20}`.
            Left out, 2 units are kept back.
        sells: the articles that it sells: a list, a function that returns one, or a source made of a
            function. Left out, `@NAME.shows` says it.
        account: names whose limits these are; by default the function.
        clock: by default the machine's.
    """
    return FunctionSink(function) if function is not None else lambda own: FunctionSink(own, **options)


def _buffer(name: str, given: object) -> Mapping[str, Any]:
    """Return the buffer table that an argument means; what its keys may be is for the policy to say."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    if type(given) is int and given >= 0:
        return {"absolute": given}
    raise ValueError(
        f"{name}: buffer is {given!r}; it has to be units, 0 or more, or the keys of a buffer table, such as "
        '{"percent": 20}'
    )


def _not_below_zero(quantity: int | None) -> int | None:
    return None if quantity is None else max(quantity, 0)


def _outcomes(name: str, changes: Sequence[Change], answer: Any) -> list[Outcome]:
    if answer is None:
        return [Outcome(OutcomeStatus.OK)] * len(changes)
    if isinstance(answer, Mapping):
        known = {change.listing.external_id for change in changes}
        if strange := [key for key in answer if key not in known]:
            words = f"it says what was wrong with {strange[0]!r}, which was not sent"
            raise InDoubtError(words, adapter=name)
        return [_outcome(name, answer.get(change.listing.external_id)) for change in changes]
    told = list(answer) if isinstance(answer, Iterable) and not isinstance(answer, (str, bytes)) else None
    if told is None or len(told) != len(changes):
        what = type(answer).__name__ if told is None else f"{len(told)} outcomes"
        raise InDoubtError(f"it was given {len(changes)} changes and returned {what}", adapter=name)
    return [_outcome(name, one) for one in told]


def _outcome(name: str, told: Any) -> Outcome:
    if told is None or told is True:
        return Outcome(OutcomeStatus.OK)
    if isinstance(told, Outcome):
        return told
    if isinstance(told, str):
        return Outcome(OutcomeStatus.ERROR, "refused", told)
    return Outcome(OutcomeStatus.DOUBT, "unreadable", f"{name} returned {amount(told)} for it")
