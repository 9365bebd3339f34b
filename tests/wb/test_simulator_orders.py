"""The double's orders: methods, limits, statuses, and what buyers and sellers do to the stock."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mpstock.testing import VirtualClock
from mpstock_wb.simulator import WbSimulator
from mpstock_wb.simulator_orders import CancelledBy
from tests.wb.simulator_kit import START, ask

NOW = int(START.timestamp())
PREFIX = {
    1: "/api/v3/orders",
    2: "/api/v3/dbs/orders",
    6: "/api/v3/dbs/orders",
    3: "/api/v3/dbw/orders",
    5: "/api/v3/click-collect/orders",
}
STATUS = {
    1: "/api/v3/orders/status",
    2: "/api/marketplace/v3/dbs/orders/status/info",
    3: "/api/v3/dbw/orders/status",
    5: "/api/marketplace/v3/click-collect/orders/status/info",
}
BATCH = (2, 5)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def shop(clock: VirtualClock) -> WbSimulator:
    """A seller with one warehouse of each type, 20 mugs in each; its number is its type."""
    shop = WbSimulator(["MUG"], (), clock=clock, limits=False)
    for kind in PREFIX:
        shop.add_warehouse(kind, delivery_type=kind)
        shop.set_shown("MUG", str(kind), 20)
    return shop


def new(shop: WbSimulator, kind: int) -> list[str]:
    """Return the keys that are told as new."""
    return [str(one["id"]) for one in ask(shop, "GET", f"{PREFIX[kind]}/new").json()["orders"]]


def page(shop: WbSimulator, kind: int, **query: Any) -> httpx.Response:
    """Ask for the list of the last day, unless the query says else."""
    given = {"limit": 1000, "next": 0, "dateFrom": NOW - 86_400, "dateTo": NOW + 86_400, **query}
    text = "&".join(f"{key}={value}" for key, value in given.items() if value is not None)
    return ask(shop, "GET", f"{PREFIX[kind]}?{text}")


def listed(shop: WbSimulator, kind: int, **query: Any) -> list[str]:
    return [str(one["id"]) for one in page(shop, kind, **query).json()["orders"]]


def statuses(shop: WbSimulator, kind: int, *keys: str) -> dict[str, tuple[str, str]]:
    """Return both statuses by key; empty ones where the answer tells an error."""
    body = {"ordersIds" if kind in BATCH else "orders": [int(key) for key in keys]}
    rows = ask(shop, "POST", STATUS[kind], body).json()["orders"]
    name = "orderId" if kind in BATCH else "id"
    return {str(one[name]): (one["supplierStatus"], one["wbStatus"]) for one in rows}


@pytest.mark.parametrize("kind", PREFIX)
def test_orders_are_in_the_methods_of_their_warehouse_s_type(shop: WbSimulator, kind: int) -> None:
    """And in no other; express is a case of DBS."""
    keys = shop.buy("MUG", str(kind), 2)
    assert new(shop, kind) == keys
    for other in {1, 2, 3, 5} - {2 if kind == 6 else kind}:
        assert new(shop, other) == []


@pytest.mark.parametrize("kind", [1, 2, 3, 5])
def test_what_each_kind_lists(shop: WbSimulator, kind: int) -> None:
    """FBS every order; the others none that is open: after `new` they are told when they have ended."""
    waiting, assembled, away, cancelled = shop.buy("MUG", str(kind), 4)
    shop.assemble(assembled)
    shop.ship(away)
    shop.cancel(cancelled)
    assert new(shop, kind) == [waiting]
    ended = [away, cancelled] if kind == 5 else [cancelled]
    assert listed(shop, kind) == ([waiting, assembled, away, cancelled] if kind == 1 else ended)
    shop.receive(away)
    assert away in listed(shop, kind)


def test_the_period_of_ended_orders_is_a_switch(shop: WbSimulator, clock: VirtualClock) -> None:
    """That of their creation, or of their end; FBS goes by the creation."""
    keys = {kind: shop.buy("MUG", str(kind))[0] for kind in (1, 2)}
    clock.advance(2 * 86_400)
    for key in keys.values():
        shop.cancel(key)
    late = {"dateFrom": NOW + 86_400, "dateTo": NOW + 3 * 86_400}
    assert [listed(shop, kind) for kind in keys] == [[keys[1]], [keys[2]]]
    assert [listed(shop, kind, **late) for kind in keys] == [[], []]
    shop.orders.period = "ended"
    assert [listed(shop, kind) for kind in keys] == [[keys[1]], []]
    assert [listed(shop, kind, **late) for kind in keys] == [[], [keys[2]]]


@pytest.mark.parametrize("kind", [1, 2, 3, 5])
def test_the_statuses_of_each_stage(shop: WbSimulator, kind: int) -> None:
    """`complete` of FBS and DBW is `deliver` of DBS; in the shop a unit goes to the buyer at once."""
    [key] = shop.buy("MUG", str(kind))
    assert statuses(shop, kind, key) == {key: ("new", "waiting")}
    shop.assemble(key)
    assert statuses(shop, kind, key) == {key: ("confirm", "waiting")}
    shop.prepare(key)
    prepared = ("prepare", "ready_for_pickup") if kind == 5 else ("confirm", "waiting")
    assert statuses(shop, kind, key) == {key: prepared}
    shop.ship(key)
    away = {1: "complete", 2: "deliver", 3: "complete", 5: "receive"}[kind]
    assert statuses(shop, kind, key) == {key: (away, "sold" if kind == 5 else "waiting")}
    shop.receive(key)
    taken = "receive" if kind in (2, 3, 5) else "complete"
    assert statuses(shop, kind, key) == {key: (taken, "sold")}
    shop.assemble(key)
    shop.cancel(key)
    assert statuses(shop, kind, key) == {key: (taken, "sold")}


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ("client", ("new", "declined_by_client")),
        ("seller", ("cancel", "canceled")),
        ("carrier", ("cancel_carrier", "canceled_by_carrier")),
        ("missed_call", ("cancel_missed_call", "canceled_by_missed_call")),
        ("shelf_life", ("cancel_shelf_life", "canceled")),
        ("defect", ("new", "defect")),
    ],
)
def test_who_cancelled_is_said_by_one_of_the_statuses(
    shop: WbSimulator, by: CancelledBy, told: tuple[str, str]
) -> None:
    """`supplierStatus` is moved by the seller, `wbStatus` by Wildberries; it is no longer new."""
    [key] = shop.buy("MUG", "1")
    shop.cancel(key, by)
    assert statuses(shop, 1, key) == {key: told}
    assert new(shop, 1) == []


def test_after_the_handover_the_seller_cannot_cancel_and_the_buyer_can_refuse(shop: WbSimulator) -> None:
    """FBS stays `complete`; a courier's `reject` is of DBS and DBW."""
    for kind, refused in ((1, "complete"), (2, "reject"), (3, "reject")):
        [key] = shop.buy("MUG", str(kind))
        shop.ship(key)
        with pytest.raises(ValueError, match="handed over"):
            shop.cancel(key, "seller")
        shop.cancel(key)
        assert statuses(shop, kind, key) == {key: (refused, "canceled_by_client")}


@pytest.mark.parametrize("raises", [True, False])
def test_a_cancel_gives_back_only_what_was_not_handed_over(shop: WbSimulator, raises: bool) -> None:
    """A parcel that is refused somewhere is not in the seller's warehouse."""
    shop.stocks.cancel_raises = raises
    first, second = shop.buy("MUG", "1", 2)
    shop.ship(second)
    for key in (first, second, first):
        shop.cancel(key)
    assert shop.shown()["MUG", "1"] == 18 + raises


def test_a_buyer_gets_all_or_nothing(shop: WbSimulator) -> None:
    """One order a unit; more than is shown makes none; an order at a stock of zero is made by hand."""
    assert len(shop.buy("MUG", "1", 20)) == 20
    assert shop.buy("MUG", "1") == []
    unseen = shop.buy_unseen("MUG", "1", b2b=True, zero=True)
    row = ask(shop, "GET", "/api/v3/orders/new").json()["orders"][-1]
    assert (row["id"], row["isZeroOrder"], row["options"]) == (unseen.id, True, {"isB2B": True})
    assert shop.shown()["MUG", "1"] == 0


@pytest.mark.parametrize("last_next", ["zero", "last"])
def test_the_list_comes_in_pages(shop: WbSimulator, last_next: Any) -> None:
    """`next` of an answer is the next request's; what the last page says is a switch."""
    shop.order_methods.last_next = last_next
    keys = shop.buy("MUG", "1", 5)
    found: list[str] = []
    after = 0
    for expected in (2, 2, 1):
        answer = page(shop, 1, limit=2, next=after).json()
        assert len(answer["orders"]) == expected
        found += [str(one["id"]) for one in answer["orders"]]
        after = answer["next"]
    assert found == keys
    assert after == (0 if last_next == "zero" else int(keys[-1]))
    assert page(shop, 1, next=int(keys[-1])).json() == {"next": 0, "orders": []}


@pytest.mark.parametrize("kind", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "query",
    [
        {"limit": None},
        {"next": None},
        {"limit": 0},
        {"limit": 1001},
        {"limit": "x"},
        {"next": -1},
        {"dateFrom": NOW + 86_401},
        {"dateFrom": NOW - 30 * 86_400},
        {"dateFrom": "2026-11-01"},
    ],
)
def test_a_list_s_parameters_are_looked_at(shop: WbSimulator, kind: int, query: dict[str, Any]) -> None:
    """`limit` and `next` are required, at most 1,000 and 30 days, Unix seconds."""
    assert page(shop, kind, **query).status_code == 400


def test_only_fbs_may_leave_out_the_period(shop: WbSimulator, clock: VirtualClock) -> None:
    """Its default are the last 30 days; the other kinds require both ends."""
    [old] = shop.buy("MUG", "1")
    clock.advance(31 * 86_400)
    [fresh] = shop.buy("MUG", "1")
    assert listed(shop, 1, dateFrom=None, dateTo=None) == [fresh]
    assert listed(shop, 1) == [old]
    for kind in (2, 3, 5):
        assert page(shop, kind, dateFrom=None).status_code == 400
        assert page(shop, kind, dateTo=None).status_code == 400


@pytest.mark.parametrize("kind", [1, 2, 3, 5])
def test_ids_that_are_not_known(shop: WbSimulator, kind: int) -> None:
    """Left out by FBS and DBW; told with an error of 404 and empty statuses by the two newer methods."""
    [key] = shop.buy("MUG", str(kind))
    missing = {"999": ("", "")} if kind in BATCH else {}
    assert statuses(shop, kind, key, "999") == {key: ("new", "waiting"), **missing}
    # An order of another kind is not known either.
    [other] = shop.buy("MUG", "1" if kind != 1 else "2")
    assert statuses(shop, kind, other) == ({other: ("", "")} if kind in BATCH else {})


@pytest.mark.parametrize("kind", [1, 2, 3, 5])
@pytest.mark.parametrize("ids", [None, [], "5", ["5"], [True], list(range(1, 1002))])
def test_bad_lists_of_ids_are_refused(shop: WbSimulator, kind: int, ids: Any) -> None:
    """An object with a code, or a problem of the newer methods."""
    body = {"ordersIds" if kind in BATCH else "orders": ids}
    answer = ask(shop, "POST", STATUS[kind], body)
    assert answer.status_code == 400
    assert ("title" if kind in BATCH else "code") in answer.json()
    wrong = {"orders" if kind in BATCH else "ordersIds": [1]}
    assert ask(shop, "POST", STATUS[kind], wrong).status_code == 400


def test_the_archive_and_three_months_take_an_order_away(shop: WbSimulator, clock: VirtualClock) -> None:
    """From the lists and from the statuses."""
    kept, archived = shop.buy("MUG", "1", 2)
    shop.archive(archived)
    assert (new(shop, 1), listed(shop, 1), list(statuses(shop, 1, kept, archived))) == ([kept],) * 3
    clock.advance(91 * 86_400)
    assert (new(shop, 1), listed(shop, 1), statuses(shop, 1, kept)) == ([], [], {})


def test_orders_may_be_told_late(shop: WbSimulator, clock: VirtualClock) -> None:
    """With `appears_after` no method knows an order before."""
    shop.orders.appears_after = 60
    [key] = shop.buy("MUG", "1")
    clock.advance(59)
    assert (new(shop, 1), listed(shop, 1), statuses(shop, 1, key)) == ([], [], {})
    clock.advance(1)
    assert (new(shop, 1), listed(shop, 1)) == ([key], [key])


@pytest.mark.parametrize("kind", [1, 2, 3, 5])
def test_the_methods_of_a_kind_share_one_limit_and_an_error_costs_ten(
    shop: WbSimulator, clock: VirtualClock, kind: int
) -> None:
    """300 a minute in bursts of 20, a group of its own for each kind."""
    shop.gate.limits = True
    shop.gate.charge_429 = False
    path = f"{PREFIX[kind]}/new"
    answers = [ask(shop, "GET", path).status_code for _ in range(10)]
    answers += [page(shop, kind, limit=0).status_code]
    assert answers == [200] * 10 + [400]
    assert ask(shop, "GET", path).status_code == 429
    for other in {1, 2, 3, 5} - {kind}:
        assert ask(shop, "GET", f"{PREFIX[other]}/new").status_code == 200
    clock.advance(0.2)
    assert ask(shop, "GET", path).status_code == 200


def test_the_statuses_of_click_and_collect_have_a_limit_of_their_own(
    shop: WbSimulator, clock: VirtualClock
) -> None:
    """One a second, bursts of ten."""
    shop.gate.limits = True
    shop.gate.charge_429 = False
    asked = [ask(shop, "POST", STATUS[5], {"ordersIds": [1]}).status_code for _ in range(11)]
    assert asked == [200] * 10 + [429]
    clock.advance(1)
    assert ask(shop, "POST", STATUS[5], {"ordersIds": [1]}).status_code == 200


def test_orders_need_the_category_marketplace_and_may_be_read_only(clock: VirtualClock) -> None:
    """A token for reading reads orders; one for content does not."""
    from datetime import timedelta

    from mpstock_wb.simulator import make_token

    until = START + timedelta(days=1)
    for scopes, status in (((4, 30), 200), ((1,), 403)):
        shop = WbSimulator(["MUG"], token=make_token(until, scopes), clock=clock)
        assert ask(shop, "GET", "/api/v3/orders/new").status_code == status
