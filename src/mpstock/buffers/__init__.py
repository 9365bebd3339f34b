"""Buffer policies: how much of what is available is advertised, and which of them a listing has."""

from mpstock.buffers.policies import DEFAULT_POLICY, POLICIES, All, FixedShare, Standard, Threshold
from mpstock.buffers.resolving import BufferResolver, ResolvedBuffer, buffer_keys
from mpstock.buffers.stored import StoredBuffers, as_stored

__all__ = [
    "DEFAULT_POLICY",
    "POLICIES",
    "All",
    "BufferResolver",
    "FixedShare",
    "ResolvedBuffer",
    "Standard",
    "StoredBuffers",
    "Threshold",
    "as_stored",
    "buffer_keys",
]
