"""The entry point: what the plugin offers. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock import SourceSpec, hookimpl
from mpstock_onec.commerceml_settings import CommerceMLSettings
from mpstock_onec.odata_settings import OdataSettings
from mpstock_onec.settings import OnecSettings, row_parser

if TYPE_CHECKING:
    from mpstock import Context, Inbox, Source

__all__ = ["mpstock_sources"]


def _source(settings: OnecSettings, context: Context) -> Source:
    from mpstock_onec.source import OnecSource

    return OnecSource(settings, context)


def _simulator(**options: Any) -> Any:
    from mpstock_onec.simulator import OnecSimulator

    return OnecSimulator(**options)


def _commerceml(settings: CommerceMLSettings, context: Context) -> Source:
    from mpstock_onec.commerceml_source import CommerceMLSource

    return CommerceMLSource(settings, context)


def _commerceml_simulator(**options: Any) -> Any:
    from mpstock_onec.simulator_commerceml import CommerceMLSimulator

    return CommerceMLSimulator(**options)


def _inbox(settings: CommerceMLSettings) -> Inbox | None:
    from mpstock_onec.commerceml_inbox import inbox

    return inbox(settings)


def _odata(settings: OdataSettings, context: Context) -> Source:
    from mpstock_onec.odata_source import OdataSource

    return OdataSource(settings, context)


def _odata_simulator(**options: Any) -> Any:
    from mpstock_onec.simulator_odata import OdataSimulator

    return OdataSimulator(**options)


def _odata_tells_reserved(settings: OdataSettings) -> bool:
    return bool(settings.names.reserved_resource)


@hookimpl
def mpstock_sources() -> list[SourceSpec]:
    """The sources of 1C.

    `onec` (also `1c`): an HTTP service; `onec_commerceml`: exchange files; `onec_odata`: standard OData.
    """
    return [
        SourceSpec(
            name="onec",
            contract="1.1",
            summary="1C:Enterprise: stock from an HTTP service of the infobase",
            settings=OnecSettings,
            factory=_source,
            simulator=_simulator,
            aliases=("1c",),
            # A balance of 1C has no time of change: `changedAfter` is advice, not a promise.
            incremental="advisory",
            row_parser=row_parser,
            asks=("user", "password"),
        ),
        SourceSpec(
            name="onec_commerceml",
            contract="1.1",
            summary="1C:Enterprise: stock from CommerceML files of the exchange with a site",
            settings=CommerceMLSettings,
            factory=_commerceml,
            simulator=_commerceml_simulator,
            inbox=_inbox,
        ),
        SourceSpec(
            name="onec_odata",
            contract="1.1",
            summary="1C:Enterprise: stock from a register's balance by the standard OData interface",
            settings=OdataSettings,
            factory=_odata,
            simulator=_odata_simulator,
            tells_reserved=_odata_tells_reserved,
            asks=("user", "password", "preset"),
        ),
    ]
