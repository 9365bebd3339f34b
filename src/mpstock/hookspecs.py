"""The hooks. A plugin's entry point (group `mpstock`) is a module with some of these functions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from mpstock.events import Alert, Notice, Planned, Pushed, RunFinished
    from mpstock.interfaces import BufferPolicySpec, SinkSpec, SourceSpec

__all__ = ["hookimpl", "hookspec"]

hookspec = HookspecMarker("mpstock")
hookimpl = HookimplMarker("mpstock")


@hookspec
def mpstock_sources() -> Iterable[SourceSpec]:  # type: ignore[empty-body]
    """Return the descriptors of the sources that this plugin brings."""


@hookspec
def mpstock_sinks() -> Iterable[SinkSpec]:  # type: ignore[empty-body]
    """Return the descriptors of the sinks that this plugin brings."""


@hookspec
def mpstock_buffer_policies() -> Iterable[BufferPolicySpec]:  # type: ignore[empty-body]
    """Return the descriptors of the buffer policies that this plugin brings."""


@hookspec
def mpstock_planned(event: Planned) -> None:
    """Told when a run has planned and judged, before anything is sent."""


@hookspec
def mpstock_pushed(event: Pushed) -> None:
    """Told after each batch, with what the sink answered."""


@hookspec
def mpstock_run_finished(event: RunFinished) -> None:
    """Told when a run has ended, with its report."""


@hookspec
def mpstock_alert(event: Alert) -> None:
    """Told by a run as it meets what needs a person, each time: a held slice, a refused fall."""


@hookspec
def mpstock_notice(event: Notice) -> None:
    """Told once of each trouble that is there, worse, still there or over: what people are told."""
