"""Where each way of delivery keeps its orders, as data.

From the documents of the orders' sections FBS, DBS, DBW and in-store pickup (2026-09). All four answer
alike, and differ in their paths, in how ids are named, and in one thing that matters: the list of FBS has
every order, the others' only those that have ended. So an order that is not FBS is seen as long as it is
new, or not at all until it has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

__all__ = ["CLICK_COLLECT", "DBS", "DBW", "FBS", "FLOWS", "Flow", "flow_of", "flows_of"]


@frozen
class Flow:
    """The methods of one way of delivery.

    `deliveries`  the `deliveryType` of warehouses whose orders these are (GET /api/v3/warehouses).
    `new`         GET: every order that is new at the moment, without pages.
    `listed`      GET: orders created in a period, in pages, without their statuses.
    `status`      POST: statuses by id; `asks_by` names the list of ids in the body, `id_key` the id in
                  a row of the answer.
    `group`       the group of methods whose limit `new` and `listed` count in.
    `status_group` likewise of `status`.
    `lists_open`  `listed` has the open orders as well, not only those that have ended.
    `away`        a refused or unclaimed order of this kind has left the seller's warehouse.
    """

    name: str
    title: str
    deliveries: tuple[int, ...]
    new: str
    listed: str
    status: str
    asks_by: str
    id_key: str
    group: str
    status_group: str
    lists_open: bool = False
    away: bool = True


FBS = Flow(
    name="fbs",
    title="FBS",
    deliveries=(1,),
    new="/api/v3/orders/new",
    listed="/api/v3/orders",
    status="/api/v3/orders/status",
    asks_by="orders",
    id_key="id",
    group="orders",
    status_group="orders",
    lists_open=True,
)

DBS = Flow(
    name="dbs",
    title="DBS",
    # Express (EDBS) is a special case of DBS and has its methods: dev.wildberries.ru/news/116.
    deliveries=(2, 6),
    new="/api/v3/dbs/orders/new",
    listed="/api/v3/dbs/orders",
    status="/api/marketplace/v3/dbs/orders/status/info",
    asks_by="ordersIds",
    id_key="orderId",
    group="dbs",
    status_group="dbs",
)

DBW = Flow(
    name="dbw",
    title="DBW",
    deliveries=(3,),
    new="/api/v3/dbw/orders/new",
    listed="/api/v3/dbw/orders",
    status="/api/v3/dbw/orders/status",
    asks_by="orders",
    id_key="id",
    group="dbw",
    status_group="dbw",
)

CLICK_COLLECT = Flow(
    name="click_collect",
    title="click and collect",
    deliveries=(5,),
    new="/api/v3/click-collect/orders/new",
    listed="/api/v3/click-collect/orders",
    status="/api/marketplace/v3/click-collect/orders/status/info",
    asks_by="ordersIds",
    id_key="orderId",
    group="click_collect",
    status_group="click_collect_status",
    away=False,
)

FLOWS: Sequence[Flow] = (FBS, DBS, DBW, CLICK_COLLECT)


def flow_of(delivery: int | None) -> Flow | None:
    """Return the way of delivery of a warehouse, None if its `deliveryType` is not known here."""
    return next((flow for flow in FLOWS if delivery in flow.deliveries), None)


def flows_of(deliveries: Iterable[int | None]) -> tuple[str, ...]:
    """Return the names of the flows of these warehouses; FBS, the usual one, for what is not known."""
    found = {(flow_of(delivery) or FBS).name for delivery in deliveries} or {FBS.name}
    return tuple(flow.name for flow in FLOWS if flow.name in found)
