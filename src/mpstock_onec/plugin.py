"""The entry point: what the plugin offers. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock import SourceSpec, hookimpl
from mpstock_onec.commerceml_settings import CommerceMLSettings
from mpstock_onec.settings import OnecSettings

if TYPE_CHECKING:
    from mpstock import Context, Source

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


@hookimpl
def mpstock_sources() -> list[SourceSpec]:
    """The sources `onec` (also `1c`): an HTTP service of a 1C infobase; `onec_commerceml`: exchange files."""
    return [
        SourceSpec(
            name="onec",
            summary="1C:Enterprise: stock from an HTTP service of the infobase",
            settings=OnecSettings,
            factory=_source,
            simulator=_simulator,
            aliases=("1c",),
        ),
        SourceSpec(
            name="onec_commerceml",
            summary="1C:Enterprise: stock from CommerceML files of the exchange with a site",
            settings=CommerceMLSettings,
            factory=_commerceml,
            simulator=_commerceml_simulator,
        ),
    ]
