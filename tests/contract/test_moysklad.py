"""The МойСклад source, held to the contract over its double."""

from mpstock_moysklad.contract import TestMoysklad, TestWithReserves

__all__ = ["TestMoysklad", "TestWithReserves"]
