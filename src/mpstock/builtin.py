"""What mpstock brings itself, through the same hooks as every plugin: there is no private door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen
from attrs.validators import ge

from mpstock.buffers.policies import POLICIES
from mpstock.carts import CartsSettings, CartsSource
from mpstock.contract_versions import CONTRACT
from mpstock.hookspecs import hookimpl
from mpstock.interfaces import BufferPolicySpec, SinkSpec, SourceSpec

if TYPE_CHECKING:
    from mpstock.inmemory import InMemorySink, InMemorySource
    from mpstock.interfaces import Context

__all__ = ["MemorySinkSettings", "MemorySourceSettings"]


@frozen
class MemorySourceSettings:
    """`[sources.NAME]` with `plugin = "memory"`: levels that stand in the settings file itself.

    `levels` are quantities by sku, all in the own warehouse `warehouse`.
    """

    levels: dict[str, int] = field(factory=dict[str, int])
    warehouse: str = "main"


@frozen
class MemorySinkSettings:
    """`[sinks.NAME]` with `plugin = "memory"`: an account that forgets everything when the process ends.

    `skus` are what it sells, in each configured warehouse; `batch` and `maximum` as in `Limits`.
    """

    skus: tuple[str, ...] = ()
    batch: int = field(default=100, validator=ge(1))
    maximum: int = field(default=1_000_000, validator=ge(0))


def _source(settings: MemorySourceSettings, context: Context) -> InMemorySource:
    from mpstock.inmemory import InMemorySource

    return InMemorySource(settings.levels, warehouse=settings.warehouse, clock=context.clock)


def _carts(settings: CartsSettings, context: Context) -> CartsSource:
    return CartsSource(settings, context)


def _sink(settings: MemorySinkSettings, context: Context) -> InMemorySink:
    from mpstock.inmemory import InMemorySink

    return InMemorySink(
        settings.skus,
        warehouses=context.warehouses,
        clock=context.clock,
        account=f"memory:{context.name}",
        batch=settings.batch,
        maximum=settings.maximum,
    )


@hookimpl
def mpstock_sources() -> list[SourceSpec]:
    """The sources `memory` and `carts`."""
    return [
        SourceSpec(
            name="carts",
            contract=CONTRACT,
            summary="open carts of the seller's own shop: units that are held for a while",
            settings=CartsSettings,
            factory=_carts,
            levels=False,
        ),
        SourceSpec(
            name="memory",
            contract=CONTRACT,
            summary="levels written in the settings file: for trying things out",
            settings=MemorySourceSettings,
            factory=_source,
        ),
    ]


@hookimpl
def mpstock_sinks() -> list[SinkSpec]:
    """The sink `memory`."""
    return [
        SinkSpec(
            name="memory",
            contract=CONTRACT,
            summary="an account that lives in memory: for trying things out",
            settings=MemorySinkSettings,
            factory=_sink,
            mapping_keys=("external_id",),
        )
    ]


@hookimpl
def mpstock_buffer_policies() -> list[BufferPolicySpec]:
    """The policies `standard`, `all`, `fixed_share` and `threshold`."""
    return list(POLICIES)
