"""The HTTP client of one adapter."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from mpstock.errors import ConfigurationError
from mpstock.redaction import reveal

if TYPE_CHECKING:
    import ssl

    import httpx

    from mpstock.transport.settings import TransportSettings

__all__ = ["build_client"]


def build_client(
    settings: TransportSettings, client_transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    """The client of one adapter: no redirects, no timeouts of its own (they would not know the clock)."""
    import httpx

    proxy = reveal(settings.proxy) if settings.proxy else None
    loopback: dict[str, None] = {}
    if settings.trust_env and proxy is None:
        loopback = {f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")}
    try:
        return httpx.AsyncClient(
            headers={
                "User-Agent": f"mpstock/{_version()} (+python-httpx/{httpx.__version__})",
                "Accept-Encoding": "gzip",
            },
            timeout=None,
            follow_redirects=False,
            limits=httpx.Limits(
                max_connections=settings.max_connections,
                max_keepalive_connections=settings.max_connections,
            ),
            proxy=proxy,
            mounts=loopback,
            trust_env=settings.trust_env and proxy is None,
            verify=True if client_transport is not None else _trust(settings.ca_file),
            transport=client_transport,
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        # The reason would show the URL, and with it the password.
        raise ConfigurationError(
            "the proxy (of the settings or of the environment) is not a URL such as "
            "http://user:password@host:3128; SOCKS needs the package `httpx[socks]`",
            place="proxy",
        ) from None


@cache
def _public_trust() -> ssl.SSLContext:
    """Return what trusts the public authorities; read once: it costs more than all else of a client."""
    return _authorities()


def _authorities() -> ssl.SSLContext:
    import ssl

    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _trust(ca_file: str | None) -> ssl.SSLContext:
    if not ca_file:
        return _public_trust()
    import ssl

    # One of its own: what this company vouches for, the other adapters need not believe.
    context = _authorities()
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"{ca_file!r} is not a PEM file of certificates ({error})", place="ca_file"
        ) from None
    return context


@cache
def _version() -> str:
    try:
        return version("mpstock")
    except PackageNotFoundError:
        return "0"
