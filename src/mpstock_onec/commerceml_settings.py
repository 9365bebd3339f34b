"""What stands in the settings file under `[sources.<name>]` with `plugin = "onec_commerceml"`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from attrs import Attribute, field, frozen

from mpstock.validators import one_of, own_name, time_zone

__all__ = ["CommerceMLSettings"]


def _path(_: Any, attribute: Attribute[Any], value: Path) -> None:
    if not value.name:
        raise ValueError(
            f'{attribute.name} must be a folder, a file or a pattern such as "exchange/*.zip", not '
            f"{str(value)!r}"
        )


def _sku(_: Any, attribute: Attribute[Any], value: str) -> None:
    from mpstock_onec.commerceml_names import SkuTemplate

    try:
        SkuTemplate(value)
    except ValueError as error:
        raise ValueError(f"{attribute.name} {error}") from None


def _warehouses(_: Any, attribute: Attribute[Any], value: dict[str, str]) -> None:
    for identifier, name in value.items():
        if not name or name != name.strip() or not identifier.strip():
            raise ValueError(
                f"{attribute.name} must name a warehouse for the Ид of each store, as in "
                f'{{ "03ce4b6e-…" = "main" }}, not {identifier!r} = {name!r}'
            )


@frozen
class CommerceMLSettings:
    """Files of the exchange with a site, as 1C leaves them in a folder.

    `path`             a folder (with all below it), a file, or a pattern: `offers*.xml`, `rests*.xml`, zips
                       of
                       them, and `import*.xml` for the articles.
    `sku`              how the article of an offer is built, see `mpstock_onec.commerceml_names.FIELDS`.
    `warehouse`        the warehouse of quantities that name no store.
    `warehouses`       names of stores by their Ид; a store that is not here is called as the files call it.
    `empty`            what an empty КоличествоНаСкладе means: `"unknown"`, or `"zero"` where 1C writes
                       nothing for none.
    `rows_without_sku` what an offer without a known article means for a full package. `"unknown"`: it may be
                       any
                       product, so what is missing keeps its last-known number. `"ignore"`: it is not sold
                       online.
    `trust_formed_at`  take ДатаФормирования of a file as the time of its numbers, not the file's own time.
    `timezone`         the zone of ДатаФормирования where it is written without one, as 1C does.
    """

    path: Path = field(validator=_path)
    sku: str = field(default="{article}", validator=_sku)
    warehouse: str = field(default="main", validator=own_name())
    warehouses: dict[str, str] = field(factory=dict[str, str], validator=_warehouses)
    empty: Literal["unknown", "zero"] = field(default="unknown", validator=one_of("unknown", "zero"))
    rows_without_sku: Literal["unknown", "ignore"] = field(
        default="unknown", validator=one_of("unknown", "ignore")
    )
    trust_formed_at: bool = False
    timezone: str = field(default="", validator=time_zone())
