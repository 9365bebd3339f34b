"""What stands in the settings file under `[sources.<name>]` with `plugin = "moysklad"`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from attrs import Attribute, field, frozen

from mpstock import Secret
from mpstock.validators import above_zero, address, clean_text, not_negative, own_name, without_colon

__all__ = ["BASKET", "MoyskladSettings"]

BASKET = 45
"""Units that a user or solution may spend in 3 seconds (МойСклад JSON API 1.2, restrictions)."""

_API = "https://api.moysklad.ru/api/remap/1.2"
_STOCK_TYPES = ("freeStock", "stock")


def _stock_type(_: Any, attribute: Attribute[Any], value: str) -> None:
    if value == "quantity":
        raise ValueError(
            f'{attribute.name} must not be "quantity": МойСклад counts goods in transit in it, and what has '
            'not arrived cannot be shipped. Write "freeStock" (on the shelf, less what is reserved)'
        )
    if value not in _STOCK_TYPES:
        raise ValueError(f'{attribute.name} must be "freeStock" or "stock", not {value!r}')


def _stores(_: Any, attribute: Attribute[Any], value: Mapping[str, str]) -> None:
    for store, warehouse in value.items():
        if not store.strip() or not warehouse or warehouse != warehouse.strip():
            raise ValueError(
                f"{attribute.name} must give each store of МойСклад (its name or id) the name of a warehouse "
                f'of yours, such as {{ "Основной склад" = "main" }}; {store!r} = {warehouse!r} does not'
            )


def _weight(_: Any, attribute: Attribute[Any], value: int | None) -> None:
    if value is not None and not 1 <= value <= BASKET:
        raise ValueError(
            f"{attribute.name} must be from 1 to {BASKET} units, not {value}; leave it out for the weight of "
            "your token_kind"
        )


@frozen
class MoyskladSettings:
    """One МойСклад account.

    `token`             an access token. Make one in МойСклад (Настройки → Токены): mpstock never asks
                        for one, for that would revoke the user's other tokens.
    `login`, `password` instead of a token.
    `base_url`          the address of the API.
    `report`            `"bystore"`: one warehouse for each store; `"all"`: everything in one.
    `stock_type`        `"freeStock"` (less what is reserved) or `"stock"` (on hand).
    `reserve`           with `"stock"`: ask for the reserves as well, one more request.
    `sku_by`            which field of a good is your article.
    `stores`            by a store's name or id: the name of your warehouse.
    `other_stores`      stores that `stores` does not name: `"by_name"`, or `"ignore"`.
    `warehouse`         your warehouse with `report = "all"`.
    `unassigned_store`  your warehouse that orders without a store are taken from.
    `bundles`           tell how many of each комплект can be put together.
    `overlap`           how much further back than the last read an incremental read asks.
    `full_every`        read everything when the last full read is this old; 0 = always.
    `goods_every`       read the list of goods anew when it is this old; between, only what was changed.
    `timeout`           how long one request may take.
    `token_kind`        whose token it is: it decides how many units a request costs.
    `weight`            how many units a request costs, where that is known better.
    """

    token: Secret | None = None
    login: str = field(default="", validator=without_colon())
    password: Secret | None = None
    base_url: str = field(
        default=_API,
        validator=address(_API, of="the API", login="login", written_as="login and password"),
    )
    report: Literal["bystore", "all"] = "bystore"
    stock_type: str = field(default="freeStock", validator=_stock_type)
    reserve: bool = False
    sku_by: Literal["article", "code", "externalCode", "barcode"] = "article"
    stores: Mapping[str, str] = field(factory=dict[str, str], validator=_stores)
    other_stores: Literal["by_name", "ignore"] = "by_name"
    warehouse: str = field(default="main", validator=own_name())
    unassigned_store: str = field(default="", validator=clean_text())
    bundles: bool = True
    overlap: timedelta = field(default=timedelta(minutes=5), validator=not_negative())
    full_every: timedelta = field(default=timedelta(hours=1), validator=not_negative())
    goods_every: timedelta = field(default=timedelta(hours=24), validator=not_negative())
    timeout: timedelta = field(default=timedelta(seconds=60), validator=above_zero())
    token_kind: Literal["user", "solution", "draft"] = "user"
    weight: int | None = field(default=None, validator=_weight)

    def __attrs_post_init__(self) -> None:
        if self.token is None and not self.login:
            raise ValueError('token is missing; write token = "${MOYSKLAD_TOKEN}", or login and password')
        if self.token is not None and (self.login or self.password is not None):
            raise ValueError("token stands beside login or password; write one of them, the token rather")
        if self.login and self.password is None:
            raise ValueError('password is missing beside login; write password = "${MOYSKLAD_PASSWORD}"')
        if self.reserve and self.stock_type != "stock":
            raise ValueError(
                'reserve = true goes with stock_type = "stock" alone: freeStock is less the reserves already'
            )
        if self.report == "all":
            for name, given in (("stores", self.stores), ("unassigned_store", self.unassigned_store)):
                if given:
                    raise ValueError(
                        f'{name} has no meaning with report = "all", which does not tell stores apart; write '
                        'report = "bystore"'
                    )
