"""The Wildberries sink, held to the contract over its double."""

from mpstock_wb.contract import TestWb

__all__ = ["TestWb"]
