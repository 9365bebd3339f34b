"""The Odoo source, held to the contract over its double, in both of Odoo's protocols."""

from mpstock_odoo.contract import TestJson2, TestJsonRpc, TestOnHand

__all__ = ["TestJson2", "TestJsonRpc", "TestOnHand"]
