"""The CommerceML source, held to the contract over the folder that its double exports to."""

from mpstock_onec.contract import TestCommerceML

__all__ = ["TestCommerceML"]
