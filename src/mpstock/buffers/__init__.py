"""Buffer policies: how much of what is available is advertised, and which of them a listing has."""

from mpstock.buffers.policies import DEFAULT_POLICY, POLICIES, All, FixedShare, Standard, Threshold
from mpstock.buffers.resolving import BufferResolver, ResolvedBuffer, buffer_keys

__all__ = [
    "DEFAULT_POLICY",
    "POLICIES",
    "All",
    "BufferResolver",
    "FixedShare",
    "ResolvedBuffer",
    "Standard",
    "Threshold",
    "buffer_keys",
]
