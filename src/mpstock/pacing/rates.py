"""What an adapter may declare as a limit."""

from __future__ import annotations

from mpstock.errors import PluginContractError
from mpstock.interfaces import Rate

__all__ = ["check_rate"]


def check_rate(account: str, rate: Rate) -> None:
    """Refuse a limit that no request could ever meet.

    Raises:
        PluginContractError: one of its numbers is not positive; names which.
    """
    wrong = [
        name
        for name, good in (
            ("requests", rate.requests >= 1),
            ("period", rate.period > 0),
            ("spacing", rate.spacing is None or rate.spacing >= 0),
            ("burst", rate.burst >= 1),
            ("error_cost", rate.error_cost >= 1),
            ("parallel", rate.parallel is None or rate.parallel >= 1),
            ("items", rate.items is None or rate.items >= 1),
        )
        if not good
    ]
    if wrong:
        raise PluginContractError(
            f"rate scope {rate.scope!r} of account {account!r}: {', '.join(wrong)} must be positive"
        )
