"""The Ozon sink, held to the contract over its double."""

from mpstock_ozon.contract import TestOzon, TestReserve

__all__ = ["TestOzon", "TestReserve"]
