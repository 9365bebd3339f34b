"""One adapter before its vendor's double, as the contract tests play it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, evolve, field, frozen

from mpstock.config.settings import collect_secrets
from mpstock.config.structuring import structure_settings
from mpstock.errors import AdapterError
from mpstock.interfaces import Context, Rate, SinkSpec, SourceSpec, Transport
from mpstock.plugin_checks import SINK_KEYS, SOURCE_KEYS, check_sink, check_source
from mpstock.redaction import Redactor
from mpstock.testing.faults import FaultScript

if TYPE_CHECKING:
    import httpx

    from mpstock.clock import Clock
    from mpstock.transport import TransportSettings

__all__ = [
    "Bench",
    "Request",
    "Told",
    "WatchedTransport",
    "bench_of",
    "clean_error",
    "hush",
    "kind_of",
    "listening",
    "structured",
    "walked",
]

S = TypeVar("S")
A = TypeVar("A")
T = TypeVar("T")


@frozen
class Request:
    """One request that an adapter gave to its transport."""

    method: str
    url: str
    scopes: tuple[str, ...]
    push: bool


class WatchedTransport:
    """A transport that remembers what the adapter asked of it."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.requests: list[Request] = []

    async def request(
        self, method: str, url: str, *, scopes: Sequence[str], push: bool = False, **options: Any
    ) -> httpx.Response:
        """Remember the request and send it on."""
        self.requests.append(Request(method.upper(), url, tuple(scopes), push))
        return await self._inner.request(method, url, scopes=scopes, push=push, **options)

    def declare(self, account: str, rates: Sequence[Rate]) -> None:
        """Declare the limits."""
        self._inner.declare(account, rates)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@define(eq=False)
class Bench(Generic[S, A]):
    """An adapter, the double that it speaks to, and what stands between them.

    `simulator` is the double, `faults` what goes wrong before it, `secrets` every text that must not be
    seen, `transport` the watched way out (None where an adapter uses none).
    """

    simulator: S
    faults: FaultScript
    clock: Clock
    adapter: A
    context: Context
    settings: Any
    secrets: tuple[str, ...]
    transport: WatchedTransport | None = None
    _redact: Redactor = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._redact = Redactor(self.secrets)

    @property
    def requests(self) -> list[Request]:
        """What the adapter has asked of its transport so far."""
        return [] if self.transport is None else self.transport.requests

    def leaks(self, text: str) -> bool:
        """Tell whether a secret stands in `text`, in any form that it takes on the wire."""
        return bool(self.secrets) and self._redact(text) != text


@define
class Told(Generic[T]):
    """What a walk over an asynchronous iterator brought until it ended, and how it ended."""

    pages: list[T] = field(factory=list)
    error: Exception | None = None


async def walked(pages: AsyncIterator[T]) -> Told[T]:
    """Walk to the end, or to the exception, which is kept and not raised."""
    told: Told[T] = Told()
    try:
        async for page in pages:
            told.pages.append(page)
    except Exception as error:
        told.error = error
    return told


def structured(
    spec: SourceSpec | SinkSpec, table: Mapping[str, Any], name: str
) -> tuple[Any, TransportSettings | None]:
    """Return the plugin's settings from a table of mpstock.toml, and those of its transport, if it has any.

    Raises:
        ConfigurationError: what a user with this table would be told.
    """
    kind, common = ("sinks", SINK_KEYS) if isinstance(spec, SinkSpec) else ("sources", SOURCE_KEYS)
    own = {key: value for key, value in table.items() if key not in common}
    place = f"[{kind}.{name}]"
    settings: Any = structure_settings(spec.settings, own, place, also_known=common)
    network = table.get("transport")
    if network is None:
        return settings, None
    from mpstock.transport import TransportSettings

    return settings, structure_settings(TransportSettings, network, f"{place[:-1]}.transport]")


def bench_of(
    spec: SourceSpec | SinkSpec,
    simulator: Any,
    table: Mapping[str, Any],
    clock: Clock,
    *,
    name: str,
    warehouses: Sequence[str] = (),
    served: FaultScript | None = None,
) -> Bench[Any, Any]:
    """Build the adapter of `spec` as the core does, over the double in the process.

    `served` is what already stands before the double where it is served over the network.
    """
    from mpstock.testing.context import adapter_context

    settings, transport_settings = structured(spec, table, name)
    secrets = collect_secrets(settings, transport_settings)
    faults = served or FaultScript(simulator)
    context = adapter_context(
        faults, name, clock, warehouses, secrets, settings=transport_settings, network=served is not None
    )
    watched = WatchedTransport(context.transport)
    context = evolve(context, transport=watched)
    adapter: Any = spec.factory(settings, context)
    if isinstance(spec, SinkSpec):
        check_sink(adapter)
        watched.declare(adapter.limits.account, adapter.limits.rates)
    else:
        check_source(adapter)
        watched.declare(name, adapter.rates)
    return Bench(simulator, faults, clock, adapter, context, settings, secrets, watched)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Gather every log record of the process, formatted, down to DEBUG."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, listener = logging.getLogger(), Listener(logging.DEBUG)
    before = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(before)
        root.removeHandler(listener)


def hush(bench: Bench[Any, Any], texts: Iterable[str], where: str) -> None:
    """Fail if one of the texts tells a secret. The text itself is not shown."""
    for text in texts:
        assert not bench.leaks(text), (
            f"a secret of the settings stands in {where}; keep it in a Secret, reveal() it only where it is "
            "sent, and let no message quote a request's headers or URL"
        )


def clean_error(bench: Bench[Any, Any], error: Exception | None, what: str) -> AdapterError:
    """Return the error of an adapter, or fail: there is none, it is of the wrong tree, it tells a secret."""
    assert error is not None, f"{what}: nothing was raised, and what was told is taken as good"
    assert isinstance(error, AdapterError), (
        f"{what}: {type(error).__module__}.{type(error).__qualname__} got out of the adapter ({error}); "
        "raise one of mpstock.errors that says what can be done: UnexpectedResponseError, RejectedError, …"
    )
    chain: BaseException | None = error
    while chain is not None:
        hush(bench, (str(chain), repr(chain)), f"the error {type(chain).__name__}")
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    assert str(error).strip(), f"{what}: the {type(error).__name__} has no words"
    return error


def kind_of(error: Exception, kinds: tuple[type[Exception], ...], what: str) -> None:
    """Fail unless the error is one of these kinds."""
    wanted = " or ".join(kind.__name__ for kind in kinds)
    assert isinstance(error, kinds), f"{what}: {type(error).__name__} ({error}) was raised, not {wanted}"
