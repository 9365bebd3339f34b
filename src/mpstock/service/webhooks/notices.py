"""What vendors say of their own accord: `POST /webhooks/{name}/notify`, where they can, with credentials."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from mpstock.errors import RejectedError
from mpstock.ledger.receipts import Receipt
from mpstock.nearest import suggestion
from mpstock.notifying import Notification, Notified
from mpstock.service.webhooks.doors import LONGEST_KEY, Answer, Call, Porter
from mpstock.service.webhooks.intake import Brought
from mpstock.service.webhooks.looking import READ_ORDERS, READ_SOURCES
from mpstock.service.webhooks.refusals import Refusal

if TYPE_CHECKING:
    from mpstock.config import Configuration, SinkConfig, SourceConfig

__all__ = ["NoticeDoor"]


class NoticeDoor:
    """Takes the notifications of vendors. They only say *look again*: no number in them is believed."""

    def __init__(self, porter: Porter) -> None:
        self._porter = porter

    async def post(self, call: Call) -> Answer:
        """Answer a notification in the vendor's own shape, and have looked at what it is about.

        Raises:
            Refusal: it is none of this adapter's, or who sends it may not.
        """
        porter = self._porter
        async with porter.body(call) as body:
            if "token" in call.path:
                self._let_in(call)
            else:
                porter.let_in(call, body)
            kind, adapter = _find(porter.service.config, call.path["name"])
            query = dict(parse_qsl(call.query.decode("latin-1"), keep_blank_values=True))
            try:
                meant = _notified(adapter, Notification(body, query, dict(call.headers)))
            except RejectedError as error:
                raise Refusal(400, str(error)) from None
        answer = json.dumps(dict(meant.answer), ensure_ascii=False)
        if meant.look:
            self._look(kind)
        if meant.key and len(meant.key) <= LONGEST_KEY:
            sender = f"{kind}.{adapter.name}"
            receipt = Receipt(sender, meant.key, sha256(body).hexdigest())
            answer = await porter.intake.take(Brought("", (), answer, (receipt,)))
        return Answer(answer)

    def _let_in(self, call: Call) -> None:
        if not self._porter.settings.notify_tokens:
            raise Refusal(403, "no vendor may call here: set notify_tokens in [service.webhooks]")
        if not self._porter.credentials.may_notify(call.path["token"]):
            self._porter.guessed(call)
            raise Refusal(
                401, "the token in the address is wrong", headers={"WWW-Authenticate": "Mpstock-Token"}
            )

    def _look(self, kind: str) -> None:
        self._porter.service.runner.ask(READ_ORDERS if kind == "sinks" else READ_SOURCES)


def _notified(adapter: SourceConfig | SinkConfig, notification: Notification) -> Notified:
    assert adapter.spec is not None
    assert adapter.spec.notified is not None
    return adapter.spec.notified(adapter.settings, notification)


def _find(config: Configuration, name: str) -> tuple[str, SourceConfig | SinkConfig]:
    """Return the adapter that takes notifications under its name, or under its plugin's while it is alone."""
    takers: list[tuple[str, SourceConfig | SinkConfig]] = [
        *(("sources", source) for source in config.sources.values()),
        *(("sinks", sink) for sink in config.sinks.values()),
    ]
    takers = [(kind, one) for kind, one in takers if one.spec is not None and one.spec.notified is not None]
    found = [taker for taker in takers if taker[1].name == name]
    if not found:
        found = [taker for taker in takers if taker[1].spec is not None and taker[1].spec.name == name]
    if not found:
        names = [one.name for _, one in takers]
        meant = suggestion(name[:80], names, what="those that do are") if names else "no adapter here does"
        raise Refusal(404, f"{name[:80]!r} takes no notifications; {meant}")
    if len(found) > 1:
        names = [f"{kind}.{one.name}" for kind, one in found]
        raise Refusal(404, f"several take notifications as {name!r}: {', '.join(names)}; name one of them")
    return found[0]
