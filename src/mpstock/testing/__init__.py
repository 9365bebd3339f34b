"""For tests of adapters and of what is built on them: a context without a network, time without waiting,
faults by name, the contract of `mpstock.interfaces` as test classes to subclass, and what Hypothesis draws.

The contract classes need pytest, `strategies` and `PolicyContract` Hypothesis (the extra `mpstock[testing]`);
the rest needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock.testing.context import adapter_context, build_adapter
from mpstock.testing.faults import FaultScript
from mpstock.testing.shop import shop_in_process
from mpstock.testing.virtual import VirtualClock, run_virtual

if TYPE_CHECKING:
    from mpstock.testing import strategies as strategies
    from mpstock.testing.bench import Bench
    from mpstock.testing.certificate import Certificate, Check
    from mpstock.testing.certifying import certify
    from mpstock.testing.made_up import MadeUpShop, OpenShop
    from mpstock.testing.policy_contract import PolicyContract
    from mpstock.testing.sink_contract import SinkContract
    from mpstock.testing.source_contract import SourceContract

__all__ = [
    "Bench",
    "Certificate",
    "Check",
    "FaultScript",
    "MadeUpShop",
    "OpenShop",
    "PolicyContract",
    "SinkContract",
    "SourceContract",
    "VirtualClock",
    "adapter_context",
    "build_adapter",
    "certify",
    "run_virtual",
    "shop_in_process",
    "strategies",
]

# Imported when asked for: pytest and what structures settings are for those who test a plugin.
_HOMES = {
    "Bench": "bench",
    "Certificate": "certificate",
    "Check": "certificate",
    "certify": "certifying",
    "MadeUpShop": "made_up",
    "OpenShop": "made_up",
    "PolicyContract": "policy_contract",
    "SinkContract": "sink_contract",
    "SourceContract": "source_contract",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "strategies":
        return import_module("mpstock.testing.strategies")
    if name not in _HOMES:
        raise AttributeError(f"module 'mpstock.testing' has no attribute {name!r}")
    found = getattr(import_module(f"mpstock.testing.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
