"""For tests of adapters and of what is built on them: a context without a network, time without waiting,
faults by name, and the contract of `mpstock.interfaces` as test classes to subclass.

The contract classes need pytest (the extra `mpstock[testing]`); the rest does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock.testing.context import adapter_context, build_adapter
from mpstock.testing.faults import FaultScript
from mpstock.testing.shop import shop_in_process
from mpstock.testing.virtual import VirtualClock, run_virtual

if TYPE_CHECKING:
    from mpstock.testing.bench import Bench
    from mpstock.testing.sink_contract import SinkContract
    from mpstock.testing.source_contract import SourceContract

__all__ = [
    "Bench",
    "FaultScript",
    "SinkContract",
    "SourceContract",
    "VirtualClock",
    "adapter_context",
    "build_adapter",
    "run_virtual",
    "shop_in_process",
]

# Imported when asked for: pytest and what structures settings are for those who test a plugin.
_HOMES = {"Bench": "bench", "SinkContract": "sink_contract", "SourceContract": "source_contract"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mpstock.testing' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"mpstock.testing.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
