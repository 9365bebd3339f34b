"""What the buttons do: each asks the shop for one thing, in the name of whoever pressed it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mpstock.reconcile.guards import GUARDS
from mpstock.service.runner import PEOPLE, Job

if TYPE_CHECKING:
    from starlette.responses import Response

    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.reconcile.engine import Progress
    from mpstock.service.dashboard.visit import Visit

__all__ = ["decide", "orphans", "release", "resume", "retry", "silence", "sync"]

_LONGEST = 24 * 366
"""Hours."""


def _actor(visit: Visit) -> str:
    assert visit.session is not None
    return visit.session.user


def _reason(visit: Visit) -> str:
    return visit.form.get("reason", "").strip()


def _hours(visit: Visit) -> int | None:
    told = visit.form.get("hours", "")
    return min(int(told), _LONGEST) if told.isascii() and told.isdigit() and len(told) < 9 else None


def _ask(visit: Visit, name: str, **wanted: Any) -> None:
    """Ask for a run in the name of the user; what two people ask for is done for each of them."""
    actor = _actor(visit)

    async def work(shop: AsyncShop, progress: Progress) -> Any:
        return await shop.sync(actor=actor, reason=_reason(visit) or None, progress=progress, **wanted)

    visit.dashboard.service.runner.ask(Job(f"{name} · {actor}", work, PEOPLE))


async def sync(visit: Visit) -> Response:
    """Ask for a run: of what has changed, of everything, or of one product."""
    what, sku = visit.form.get("what", "changes"), visit.form.get("sku", "")
    if what == "product" and sku:
        # Its sources are not read for the sake of one: what they have told is planned and sent.
        _ask(visit, f"product {sku}", skus=[sku], read="orders")
    else:
        _ask(visit, "full" if what == "full" else "sync", full=what == "full")
    visit.tell("good", "notice_sync")
    return visit.back()


async def release(visit: Visit) -> Response:
    """Let through what a guard holds; it wants a reason."""
    guard = visit.form.get("guard", "")
    if not _reason(visit):
        visit.tell("bad", "notice_reason")
    elif guard not in GUARDS:
        visit.tell("bad", "notice_error", message=guard)
    else:
        _ask(visit, f"release {guard}", release=[guard])
        visit.tell("good", "notice_release", guard=visit.text(f"guard_{guard}"))
    return visit.back()


async def retry(visit: Visit) -> Response:
    """Try again what was refused: one product, or everything."""
    sku = visit.form.get("sku", "")
    _ask(visit, f"retry {sku}".strip(), read="nothing", retry=True, skus=[sku] if sku else None)
    visit.tell("good", "notice_retry")
    return visit.back()


async def decide(visit: Visit) -> Response:
    """Stop or zero what a scope names; it wants a reason."""
    if not _reason(visit):
        visit.tell("bad", "notice_reason")
        return visit.back()
    service, hours = visit.dashboard.service, _hours(visit)
    sku = visit.form.get("sku", "").strip()
    do = service.shop.zero if visit.form.get("kind") == "zero" else service.shop.stop
    found = await do(
        skus=[sku] if sku else None,
        sink=visit.form.get("sink") or None,
        lasts=None if hours is None else timedelta(hours=hours),
        actor=_actor(visit),
        reason=_reason(visit),
    )
    service.act()
    visit.tell("good", "notice_decided", count=", ".join(one.scope for one in found))
    return visit.back()


async def resume(visit: Visit) -> Response:
    """Take back one decision."""
    number = visit.form.get("number", "")
    if number.isascii() and number.isdigit():
        await visit.dashboard.service.shop.resume(numbers=[int(number)], actor=_actor(visit))
        visit.dashboard.service.act()
        visit.tell("good", "notice_resumed")
    return visit.back()


async def orphans(visit: Visit) -> Response:
    """Adopt or zero one listing that nobody speaks for."""
    shop = visit.dashboard.service.shop
    do = shop.zero_orphans if visit.form.get("what") == "zero" else shop.adopt
    found = await do(
        skus=[visit.form.get("sku", "")],
        sink=visit.form.get("sink", ""),
        warehouse=visit.form.get("warehouse", ""),
        actor=_actor(visit),
    )
    visit.dashboard.service.act()
    visit.tell("good", "notice_decided", count=", ".join(one.scope for one in found))
    return visit.back()


async def silence(visit: Visit) -> Response:
    """Let nobody be told of an alert for some hours; with none, tell of it again."""
    hours = _hours(visit) or 0
    await visit.dashboard.service.shop.silence(
        visit.form.get("subject", ""), lasts=timedelta(hours=hours), actor=_actor(visit)
    )
    visit.tell("good", "notice_silenced" if hours else "notice_told_again", hours=hours)
    return visit.back()
