"""The source of suppliers' lists, held to the contract over a supplier's web server."""

from mpstock_files.contract import TestCsv, TestYml

__all__ = ["TestCsv", "TestYml"]
