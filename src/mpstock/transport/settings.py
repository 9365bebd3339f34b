"""How requests leave this machine."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, gt

from mpstock.secret import Secret

__all__ = ["TransportSettings"]


@frozen(kw_only=True)
class TransportSettings:
    """How requests leave this machine. Times are in seconds.

    `timeout`         the longest that one attempt may take, connecting and reading included.
    `connect_timeout` the longest that connecting may take, and waiting for a free connection.
    `deadline`        the longest that a read may take with all its attempts and the pauses between them;
                      waiting for one's turn under the vendor's limits is not counted.
    `attempts`        how often a read is tried at most. Pushes are sent once.
    `max_connections` connections at the same time.
    `proxy`           URL of an HTTP proxy for all requests, with its credentials if it wants any.
    `trust_env`       obey HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as the other tools in a company's network
                      do. An own `proxy` wins over them; addresses of this machine go without.
    `ca_file`         PEM file of certificate authorities to trust beside those of the system and certifi.
    `max_body`        the most bytes that an answer may have when decompressed.
    """

    timeout: float = field(default=60.0, validator=gt(0))
    connect_timeout: float = field(default=15.0, validator=gt(0))
    deadline: float = field(default=300.0, validator=gt(0))
    attempts: int = field(default=6, validator=ge(1))
    max_connections: int = field(default=10, validator=ge(1))
    proxy: Secret | None = None
    trust_env: bool = True
    ca_file: str | None = None
    max_body: int = field(default=512 * 1024 * 1024, validator=ge(1))
