"""What the settings file says of the service that is always on: the table `[service]`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import attrs
from attrs import field, frozen

from mpstock.config.exchange import ExchangeSettings
from mpstock.passwords import is_hash, parse
from mpstock.secret import Secret
from mpstock.validators import not_negative, one_or_more

__all__ = ["MonitoringSettings", "ServiceSettings", "UserSettings", "WebhookSettings"]


def _port(_: Any, attribute: attrs.Attribute[Any], value: int) -> None:
    if not 0 <= value <= 65535:
        raise ValueError(f"{attribute.name} must be from 0 (any free one) to 65535, not {value}")


def _not_below_zero(_: Any, attribute: attrs.Attribute[Any], value: int) -> None:
    if value < 0:
        raise ValueError(f"{attribute.name} must be 0 (no limit) or more, not {value}")


SHORTEST = 16
"""Characters that a secret or token needs: what is shorter can be guessed."""


def _hard_to_guess(_: Any, attribute: attrs.Attribute[Any], value: tuple[Secret, ...]) -> None:
    for number, secret in enumerate(value, 1):
        if len(secret.reveal()) < SHORTEST:
            raise ValueError(
                f"{attribute.name}: number {number} is shorter than {SHORTEST} characters, and can be "
                "guessed; make one with: openssl rand -hex 32"
            )


def _with_passwords(_: Any, attribute: attrs.Attribute[Any], value: Mapping[str, Secret]) -> None:
    for name, password in value.items():
        if not name or ":" in name:
            raise ValueError(f"{attribute.name}: a name must not be empty or have a colon, as {name!r} has")
        if not password.reveal():
            raise ValueError(f"{attribute.name}: the password of {name} is empty")


@frozen
class WebhookSettings:
    """`[service.webhooks]`: who may bring stock, and how it is taken.

    `secrets`        keys of an HMAC-SHA256 signature; several while one is being changed.
    `tokens`         tokens of `Authorization: Bearer …`.
    `users`          passwords of `Authorization: Basic …` by user: what 1C can do.
    `notify_tokens`  tokens in the address that a vendor calls to say that something has happened, for those
                     that can send neither; they let nobody bring stock.
    `replay_window`  how far the time of a signed request may be from ours.
    `items`          `"all"`: one bad item refuses the whole body; `"each"`: the good ones are taken.
    `debounce`       after a push that a webhook made at once, gather what comes for so long before the next.
    `read_after`     a row that may not raise by itself has its source read, at most once in so long; `"0s"`:
                     it waits for the schedule.
    `max_body`       bytes of a body at most.
    `rate`           requests of one client in a second at most, averaged over ten seconds; 0 = no limit.
    `receipts`       how long a request that is repeated under its key is answered as it was.
    """

    secrets: tuple[Secret, ...] = field(default=(), validator=_hard_to_guess)
    tokens: tuple[Secret, ...] = field(default=(), validator=_hard_to_guess)
    users: Mapping[str, Secret] = field(factory=dict[str, Secret], validator=_with_passwords)
    notify_tokens: tuple[Secret, ...] = field(default=(), validator=_hard_to_guess)
    replay_window: timedelta = field(default=timedelta(minutes=5), validator=not_negative())
    items: Literal["all", "each"] = "all"
    debounce: timedelta = field(default=timedelta(0), validator=not_negative())
    read_after: timedelta = field(default=timedelta(minutes=1), validator=not_negative())
    max_body: int = field(default=10 * 1024 * 1024, validator=one_or_more())
    rate: int = field(default=100, validator=_not_below_zero)
    receipts: timedelta = field(default=timedelta(hours=24), validator=not_negative())


def _password(_: Any, attribute: attrs.Attribute[Any], value: Secret) -> None:
    text = value.reveal()
    if not text:
        raise ValueError(f"{attribute.name} must not be empty")
    if is_hash(text):
        parse(text)


@frozen
class UserSettings:
    """`[service.users.NAME]`: a person who may look, or act, in the dashboard.

    `password`  the password, or its hash as `mpstock password` prints it.
    `role`      `"viewer"` sees everything, `"operator"` may press the buttons too.
    """

    password: Secret = field(validator=_password)
    role: Literal["viewer", "operator"] = "viewer"


@frozen
class MonitoringSettings:
    """`[service.monitoring]`: who may see the metrics, and what each check of `/readyz` says.

    `tokens`  tokens of `Authorization: Bearer …`.
    `users`   passwords of `Authorization: Basic …` by user.
    `open`    anybody may who reaches the address.
    """

    tokens: tuple[Secret, ...] = field(default=(), validator=_hard_to_guess)
    users: Mapping[str, Secret] = field(factory=dict[str, Secret], validator=_with_passwords)
    open: bool = False


@frozen
class ServiceSettings:
    """`[service]`: where `mpstock run` listens, and who may come in.

    `host`        the address to listen on.
    `port`        the port; 0 = a free one.
    `public_url`  where people and systems reach it from outside (`"https://stock.example.com"`): the
                  host that is expected, and whether cookies go over TLS only. Left out, any host is taken.
    `proxies`     addresses of reverse proxies whose `X-Forwarded-For` is believed.
    `stop_within` how long, once it is told to stop, it waits for the answer to what is on its way.
    """

    host: str = "127.0.0.1"
    port: int = field(default=8080, validator=_port)
    public_url: str = ""
    proxies: tuple[str, ...] = ()
    stop_within: timedelta = field(default=timedelta(seconds=25), validator=not_negative())
    webhooks: WebhookSettings = field(factory=WebhookSettings)
    exchange: ExchangeSettings = field(factory=ExchangeSettings)
    monitoring: MonitoringSettings = field(factory=MonitoringSettings)
    users: Mapping[str, UserSettings] = field(factory=dict[str, UserSettings])
