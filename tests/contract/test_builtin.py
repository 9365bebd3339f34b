"""The adapters in memory and the policies that mpstock brings itself, held to the contract."""

from mpstock.testing.builtin_contract import (
    TestAll,
    TestFixedShare,
    TestMemorySink,
    TestMemorySource,
    TestStandard,
    TestThreshold,
)

__all__ = [
    "TestAll",
    "TestFixedShare",
    "TestMemorySink",
    "TestMemorySource",
    "TestStandard",
    "TestThreshold",
]
