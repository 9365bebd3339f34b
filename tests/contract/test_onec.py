"""The 1C source, held to the contract over its double."""

from mpstock_onec.contract import TestOnec

__all__ = ["TestOnec"]
