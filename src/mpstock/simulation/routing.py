"""Who answers which request of a double, and what that request counts in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import frozen

from mpstock.simulation.messages import Answer, Request

__all__ = ["Handler", "Route", "Router"]

Handler = Callable[..., Awaitable[Answer]]
"""`async def handler(request, **path_parameters) -> Answer`."""


@frozen
class Route:
    """Who answers, the scopes that a request counts in, and how many items it has."""

    handler: Handler
    scopes: tuple[str, ...] = ()
    items: Callable[[Request], int] | None = None

    def count(self, request: Request) -> int:
        """Return how many items the request has; one that cannot be read has none."""
        try:
            return 0 if self.items is None else self.items(request)
        except (ValueError, TypeError, LookupError, AttributeError):
            return 0


class Router:
    """The routes of a double."""

    def __init__(self) -> None:
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[str, re.Pattern[str], Route]] = []

    def add(self, method: str, pattern: str, route: Route) -> None:
        """Add a route; `{name}` in `pattern` is one segment of the path."""
        if "{" not in pattern:
            self._exact.setdefault(pattern, {})[method.upper()] = route
            return
        parts = re.split(r"\{(\w+)\}", pattern)
        source = "".join(
            f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
        )
        self._patterns.append((method.upper(), re.compile(source), route))

    def of(self, request: Request) -> tuple[Route | None, Mapping[str, str]]:
        """Return what answers this request, with the parts of its path; None where nothing does."""
        if route := self._exact.get(request.path, {}).get(request.method):
            return route, {}
        for method, pattern, route in self._patterns:
            if method == request.method and (found := pattern.fullmatch(request.path)):
                return route, found.groupdict()
        return None, {}

    def methods(self, path: str) -> Sequence[str]:
        """Return the methods that there are at this path, in order."""
        fitting = {method for method, pattern, _ in self._patterns if pattern.fullmatch(path)}
        return sorted(fitting | set(self._exact.get(path, {})))
