"""The Yandex Market sink, held to the contract over its double."""

from mpstock_yandex.contract import TestYandex

__all__ = ["TestYandex"]
