"""What stands in the settings file under `[sources.<name>]` with `plugin = "onec_odata"`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta, tzinfo
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import Attribute, asdict, evolve, field, frozen

from mpstock import Secret
from mpstock.validators import (
    above_zero,
    address,
    not_negative,
    one_of,
    one_or_more,
    time_zone,
    without_colon,
)
from mpstock_onec.odata_presets import PRESETS, Names
from mpstock_onec.odata_sku import Template

__all__ = ["OdataSettings"]


def _publication(_: Any, attribute: Attribute[Any], value: str) -> None:
    if "/odata/" in f"{urlsplit(value).path}/":
        raise ValueError(
            f'{attribute.name} ends where the publication ends: leave out what begins with "/odata", not '
            f"{value!r}"
        )


def _preset(_: Any, attribute: Attribute[Any], value: str) -> None:
    if value and value not in PRESETS:
        there = ", ".join(f'"{name}"' for name in PRESETS)
        raise ValueError(f"{attribute.name} must be one of {there}, or be left out, not {value!r}")


def _name(_: Any, attribute: Attribute[Any], value: str | None) -> None:
    if value and (not value.isidentifier() or value.startswith(_PREFIXES)):
        raise ValueError(
            f'{attribute.name} must be the name as 1C\'s configuration has it, such as "ТоварыНаСкладах": '
            f"one word without a prefix or suffix of OData, not {value!r}"
        )


def _names(_: Any, attribute: Attribute[Any], value: tuple[str, ...] | None) -> None:
    for one in value or ():
        _name(_, attribute, one)


def _sku(_: Any, attribute: Attribute[Any], value: str) -> None:
    try:
        Template.parse(value)
    except ValueError as error:
        raise ValueError(f"{attribute.name} must be a template such as {_EXAMPLE}: {error}") from None


def _warehouses(_: Any, attribute: Attribute[Any], value: Mapping[str, str]) -> None:
    for theirs, ours in value.items():
        if not ours or ours != ours.strip() or not theirs.strip():
            raise ValueError(
                f'{attribute.name} must have lines such as "Основной склад" = "main", without blanks at the '
                f"ends of the name, not {theirs!r} = {ours!r}"
            )


_EXAMPLE = '"{article}" or "{article}[-{characteristic}]"'
_PREFIXES = ("AccumulationRegister_", "InformationRegister_", "Catalog_")


@frozen
class OdataSettings:
    """The standard OData interface of a 1C infobase.

    `base_url`          the address of the publication, `http://host/infobase`, without `/odata/…`.
    `user`, `password`  the infobase user; leave both out where the publication names a user itself.
    `preset`            the configuration, by which the names below are known; see `PRESETS`.
    `register` … `article_property`  each name by itself, see `Names`; an empty text takes one away.
    `sku`               how a product's sku is written, see `Template`.
    `warehouses`        1C's warehouses (name, group or reference) and what they are called here; only
                        these are read. Empty = all, by their names in 1C.
    `condition`         one more condition on the balance, in OData's language.
    `split`             `"warehouse"` asks for each warehouse by itself, where one answer is too large.
    `balance_at`        `"latest"`: with all that is booked; `"now"`: without documents of the future.
    `timezone`          the 1C server's zone, for `balance_at = "now"`.
    `duplicates`        several products with one sku: `"unknown"`, or `"sum"` of them all.
    `unknown_products`  a row of a product or warehouse that its catalogue does not have. `"unknown"`: it
                        may be any, so what is missing keeps its last-known number; `"ignore"`: it is none
                        that is sold online.
    `allowed_only`      read only what the user may see, where rights are set row by row.
    `catalogue_every`   read products and warehouses anew when they are this old; 0 = always.
    `page_size`         how many products one request asks for.
    `timeout`           how long one request may take.
    `requests_per_minute`  at most so many requests a minute; each may take a licence.
    """

    base_url: str = field(validator=[address("http://erp.local/trade", of="the publication"), _publication])
    user: str = field(default="", validator=without_colon("give the 1C user a name without one"))
    password: Secret | None = None
    preset: str = field(default="", validator=_preset)
    register: str | None = field(default=None, validator=_name)
    quantity_resource: str | None = field(default=None, validator=_name)
    subtract_resources: tuple[str, ...] | None = field(default=None, validator=_names)
    reserved_resource: str | None = field(default=None, validator=_name)
    product_dimension: str | None = field(default=None, validator=_name)
    warehouse_dimension: str | None = field(default=None, validator=_name)
    characteristic_dimension: str | None = field(default=None, validator=_name)
    product_catalogue: str | None = field(default=None, validator=_name)
    warehouse_catalogue: str | None = field(default=None, validator=_name)
    characteristic_catalogue: str | None = field(default=None, validator=_name)
    barcode_register: str | None = field(default=None, validator=_name)
    article_property: str | None = field(default=None, validator=_name)
    sku: str = field(default="{article}", validator=_sku)
    warehouses: Mapping[str, str] = field(factory=dict[str, str], validator=_warehouses)
    condition: str = ""
    split: Literal["none", "warehouse"] = field(default="none", validator=one_of("none", "warehouse"))
    balance_at: Literal["latest", "now"] = field(default="latest", validator=one_of("latest", "now"))
    timezone: str = field(default="", validator=time_zone())
    duplicates: Literal["unknown", "sum"] = field(default="unknown", validator=one_of("unknown", "sum"))
    unknown_products: Literal["unknown", "ignore"] = field(
        default="unknown", validator=one_of("unknown", "ignore")
    )
    allowed_only: bool = False
    catalogue_every: timedelta = field(default=timedelta(hours=24), validator=not_negative("24h"))
    page_size: int = field(default=5000, validator=one_or_more())
    timeout: timedelta = field(default=timedelta(seconds=120), validator=above_zero("120s"))
    requests_per_minute: int | None = field(default=None, validator=one_or_more())

    def __attrs_post_init__(self) -> None:
        if self.password is not None and not self.user:
            raise ValueError('password is given without user; write the 1C user\'s name as user = "…"')
        names = self.names
        for key in ("register", "quantity_resource"):
            if not getattr(names, key):
                there = ", ".join(f'"{name}"' for name in PRESETS)
                raise ValueError(
                    f"{key} is missing; write preset = one of {there}, or register and quantity_resource as "
                    "your configuration calls them"
                )
        for key in ("product_dimension", "warehouse_dimension", "product_catalogue", "warehouse_catalogue"):
            if not getattr(names, key):
                raise ValueError(f"{key} must not be empty; leave it out for the usual name")
        fields = self.template.fields
        if fields & {"characteristic", "characteristic_code"} and not (
            names.characteristic_dimension and names.characteristic_catalogue
        ):
            raise ValueError(
                "sku names a characteristic, but characteristic_dimension or characteristic_catalogue is "
                "empty; name the dimension and the catalogue, or leave the characteristic out"
            )
        if "barcode" in fields and not names.barcode_register:
            raise ValueError("sku names a barcode, but barcode_register is empty; name the register")
        if "article" in fields and not names.article_property:
            raise ValueError("sku names the article, but article_property is empty; name the attribute")
        if self.balance_at == "now" and not self.timezone:
            raise ValueError(
                'timezone is missing: with balance_at = "now" write the 1C server\'s zone, such as '
                '"Europe/Moscow"; its times are written without one'
            )

    @property
    def names(self) -> Names:
        """The preset's names, with those that are set by themselves."""
        preset = PRESETS.get(self.preset, Names())
        own = {name: getattr(self, name) for name in asdict(preset)}
        return evolve(preset, **{name: value for name, value in own.items() if value is not None})

    @property
    def template(self) -> Template:
        """How a sku is written."""
        return Template.parse(self.sku)

    @property
    def zone(self) -> tzinfo | None:
        """The zone of 1C's server; None where it is not needed."""
        if not self.timezone:
            return None
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.timezone)
