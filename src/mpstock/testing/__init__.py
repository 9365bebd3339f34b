"""For tests of adapters and of what is built on them: a context without a network, time without waiting."""

from __future__ import annotations

from mpstock.testing.context import adapter_context, build_adapter
from mpstock.testing.virtual import VirtualClock, run_virtual

__all__ = ["VirtualClock", "adapter_context", "build_adapter", "run_virtual"]
