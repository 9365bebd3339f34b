"""Open carts of the seller's own shop: `PUT` and `DELETE /carts/{key}` hold units and let them go."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import define

from mpstock.errors import ConfigurationError
from mpstock.rows import MalformedError, UnreadableError, decoded, named, number, parsed, trimmed
from mpstock.service.webhooks.bodies import check_content
from mpstock.service.webhooks.doors import LONGEST_KEY, Answer, Call, Porter
from mpstock.service.webhooks.refusals import Refusal

if TYPE_CHECKING:
    from mpstock.ledger.receipts import Receipt

__all__ = ["CartDoor"]

MOST_ITEMS, MOST_UNITS, LONGEST_HOLD = 1_000, 1_000_000, 30 * 24 * 60 * 60
"""What one cart may have: items, units of one, and seconds that it holds them."""

_FIELDS = {"items", "warehouse", "expires_in", "only_if_available", "replaces"}


@define
class _Cart:
    units: dict[str, int]
    warehouse: str | None
    expires_in: timedelta
    only_if_available: bool
    replaces: str | None


class CartDoor:
    """Holds what is in a cart until it expires, is replaced, or is let go."""

    def __init__(self, porter: Porter) -> None:
        self._porter = porter
        self._origin, self._ttl, self._warehouse = _origin(porter)

    async def put(self, call: Call) -> Answer:
        """Hold everything in a cart, or nothing; a cart of the same key is replaced.

        Raises:
            Refusal: it cannot be read, has an unknown product, or (409) there are not so many left.
        """
        porter, key = self._porter, self._key(call)
        async with porter.body(call) as body:
            receipts = porter.let_in(call, body, "PUT", key)
            check_content(call.headers)
            cart = _read(body, call.headers.get("content-type", ""), self._ttl, self._warehouse)
            before = await self._before(receipts)
            if before is not None:
                return before
            try:
                held = await porter.service.shop.hold_cart(
                    key, cart.units,
                    origin=self._origin, warehouse=cart.warehouse, expires_in=cart.expires_in,
                    only_if_available=cart.only_if_available, replaces=cart.replaces,
                )  # fmt: skip
            except ConfigurationError as error:
                raise Refusal(422, str(error)) from None
        if not held:
            raise Refusal(409, "there are not so many left of everything in the cart; nothing of it is held")
        return await self._done({"held": True}, receipts)

    async def delete(self, call: Call) -> Answer:
        """Let a cart go; one that is not there has gone already, and that is no error."""
        porter, key = self._porter, self._key(call)
        async with porter.body(call) as body:
            receipts = porter.let_in(call, body, "DELETE", key)
        before = await self._before(receipts)
        if before is not None:
            return before
        released = await porter.service.shop.release(key, origin=self._origin)
        return await self._done({"released": released}, receipts)

    async def _before(self, receipts: Sequence[Receipt]) -> Answer | None:
        engine = self._porter.service.engine
        found = await engine.worker.run(engine.ledger.receipts.find, receipts) if receipts else {}
        for receipt in receipts:
            if (receipt.sender, receipt.key) in found:
                digest, answer = found[receipt.sender, receipt.key]
                if digest != receipt.digest:
                    raise Refusal(422, f"the key {receipt.key[:80]!r} was used for another request")
                return Answer(answer)
        return None

    async def _done(self, answer: Mapping[str, Any], receipts: Sequence[Receipt]) -> Answer:
        text = json.dumps(answer)
        service = self._porter.service
        if receipts:
            engine = service.engine
            await engine.worker.run(_keep, engine.ledger, receipts, text, engine.clock.now())
        service.act()
        return Answer(text)

    def _key(self, call: Call) -> str:
        key = trimmed(call.path["key"])
        if not key or len(key) > LONGEST_KEY or not key.isprintable():
            raise Refusal(400, f"the key of a cart has 1 to {LONGEST_KEY} characters, all of them printable")
        return key


def _keep(ledger: Any, receipts: Sequence[Receipt], answer: str, now: Any) -> None:
    with ledger.transaction():
        ledger.receipts.keep([(receipt, answer) for receipt in receipts], now)


def _origin(porter: Porter) -> tuple[str, timedelta, str | None]:
    """Return whose holds the carts are, how long they last, and which warehouse they take from.

    They are those of the source of carts that reads no address: what one that does has not told has ended.
    """
    sources = porter.service.config.sources
    carts = [source for source in sources.values() if source.spec is not None and source.spec.name == "carts"]
    for source in carts:
        if not source.settings.url:
            return source.name, source.settings.ttl, source.settings.warehouse
    return "carts" if "carts" not in sources else "carts over HTTP", timedelta(minutes=15), None


def _read(body: bytes, content_type: str, ttl: timedelta, warehouse: str | None) -> _Cart:
    try:
        data = parsed(decoded(body, content_type))
    except MalformedError as error:
        raise Refusal(400, str(error)) from None
    if not isinstance(data, dict):
        raise Refusal(400, f"the body is {named(data)}; it has to be {_SHAPE}")
    wrong = _Wrong()
    for name in sorted(data.keys() - _FIELDS):
        wrong.note(None, name, f"is no field of a cart; these are: {', '.join(sorted(_FIELDS))}")
    seconds = data.get("expires_in", Decimal(ttl.total_seconds()))
    if type(seconds) not in (int, Decimal) or not 1 <= seconds <= max(LONGEST_HOLD, ttl.total_seconds()):
        wrong.note(None, "expires_in", f"must be seconds, from 1 to {LONGEST_HOLD}")
        seconds = 1
    only = data.get("only_if_available", False)
    if not isinstance(only, bool):
        wrong.note(None, "only_if_available", "must be true or false")
    texts = {name: wrong.text(None, name, data.get(name)) for name in ("warehouse", "replaces")}
    units = _units(data.get("items"), wrong)
    wrong.raise_if_any()
    return _Cart(
        units,
        texts["warehouse"] or warehouse,
        timedelta(seconds=float(seconds)),
        bool(only),
        texts["replaces"],
    )


def _units(items: Any, wrong: _Wrong) -> dict[str, int]:
    units: dict[str, int] = {}
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
        wrong.note(None, "items", f"must be a list of 1 to {MOST_ITEMS} items; DELETE lets a cart go")
        return units
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            wrong.note(index, "items", 'must be an object such as {"sku": "A-1", "quantity": 1}')
            continue
        sku, quantity = wrong.text(index, "sku", item.get("sku")), _whole(item.get("quantity"))
        if sku is None and item.get("sku") is None:
            wrong.note(index, "sku", "is missing")
        if quantity is None or not 1 <= quantity <= MOST_UNITS:
            wrong.note(index, "quantity", f"must be a whole number of units, from 1 to {MOST_UNITS}")
        elif sku is not None:
            # Two lines of one product, a gift and a purchase, are both in the cart.
            units[sku] = units.get(sku, 0) + quantity
    return units


def _whole(value: Any) -> int | None:
    """Return a whole number, which JSON may write as 2.0 as well; None for all else."""
    try:
        exact = number(value) if type(value) in (int, Decimal) else None
    except UnreadableError:
        return None
    return exact if isinstance(exact, int) else None


class _Wrong:
    """Gathers what is wrong with a cart."""

    def __init__(self) -> None:
        self._errors: list[dict[str, Any]] = []

    def note(self, index: int | None, name: str, message: str) -> None:
        self._errors.append({"index": index, "field": name[:80], "message": message})

    def text(self, index: int | None, name: str, value: Any) -> str | None:
        if value is None:
            return None
        text = trimmed(value) if isinstance(value, str) else ""
        if not text or len(text) > LONGEST_KEY or not text.isprintable():
            self.note(index, name, f"must be text of 1 to {LONGEST_KEY} characters")
            return None
        return text

    def raise_if_any(self) -> None:
        if self._errors:
            errors = self._errors[:100]
            raise Refusal(422, "the cart cannot be taken, so nothing of it is held", more={"errors": errors})


_SHAPE = '{"items": [{"sku": "A-1", "quantity": 1}], "expires_in": 900}'
