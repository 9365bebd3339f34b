"""Addresses of the standard OData interface, percent-encoded as 1C reads them. Pure.

1C:Enterprise 8.3.27, chapter 17.4: OData 3, literals as `guid'…'` and `datetime'…'`. A plus sign is no
blank there, so nothing is left to what encodes forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import quote, urlsplit, urlunsplit

__all__ = ["Address", "any_of", "both", "datetime_literal", "guid_literal", "text_literal"]

ROOT = "/odata/standard.odata"
_SAFE_IN_PATH = "/:@$!'()*,;=~"
_SAFE_IN_QUERY = "/:@$!'()*,~"


def guid_literal(ref: str) -> str:
    """Write a reference."""
    return f"guid'{ref}'"


def datetime_literal(moment: datetime) -> str:
    """Write a moment as its own clock shows it: 1C's times have no zone, they are the server's."""
    return f"datetime'{moment:%Y-%m-%dT%H:%M:%S}'"


def text_literal(text: str) -> str:
    """Write a text, the quotes in it doubled: so a condition becomes the argument of a function."""
    return "'" + text.replace("'", "''") + "'"


def any_of(name: str, refs: Iterable[str], cast_to: str = "") -> str:
    """Return the condition that a property is one of these references.

    A property of several types is compared with a reference of one type (`cast_to`) only: without
    the cast 1C finds nothing, whatever is there.
    """
    literals = [guid_literal(ref) for ref in refs]
    if cast_to:
        literals = [f"cast({literal}, {text_literal(cast_to)})" for literal in literals]
    return " or ".join(f"{name} eq {literal}" for literal in literals)


def both(one: str, other: str) -> str:
    """Return the condition that two conditions hold; an empty one always does."""
    return f"({one}) and ({other})" if one and other else one or other


class Address:
    """The interface of one publication.

    `allowed_only` asks each list only for what the user may see, instead of failing for the rest.
    """

    def __init__(self, base_url: str, *, allowed_only: bool = False) -> None:
        parts = urlsplit(base_url.rstrip("/") + ROOT)
        self.root = urlunsplit(parts._replace(path=quote(parts.path, safe=f"{_SAFE_IN_PATH}&%+")))
        self._allowed_only = allowed_only

    def metadata(self) -> str:
        """The description of all that is published. It is XML; asked for as JSON it is refused."""
        return f"{self.root}/$metadata"

    def entities(
        self,
        name: str,
        select: Sequence[str],
        *,
        condition: str = "",
        order: str = "",
        top: int | None = None,
        skip: int = 0,
    ) -> str:
        """A catalogue or register as a list. Its order is arbitrary unless it is said."""
        options = {"$select": ",".join(select)}
        if condition:
            options["$filter"] = condition
        if order:
            options["$orderby"] = order
        if top is not None:
            options |= {"$top": str(top), "$skip": str(skip)}
        return self._url(name, options)

    def balance(
        self,
        register: str,
        dimensions: Sequence[str],
        select: Sequence[str],
        *,
        condition: str = "",
        at: datetime | None = None,
    ) -> str:
        """The balance of a register, added up over all dimensions that are not named.

        The condition and the moment are arguments of the function: as `$filter` they would work on its
        result, and the moment not at all.
        """
        arguments = [f"Dimensions={text_literal(','.join(dimensions))}"]
        if condition:
            arguments.insert(0, f"Condition={text_literal(condition)}")
        if at is not None:
            arguments.insert(0, f"Period={datetime_literal(at)}")
        return self._url(f"{register}/Balance({','.join(arguments)})", {"$select": ",".join(select)})

    def _url(self, resource: str, options: dict[str, str]) -> str:
        query = {"$format": "json", **options}
        if self._allowed_only:
            query["allowedOnly"] = "true"
        written = "&".join(f"{name}={quote(value, safe=_SAFE_IN_QUERY)}" for name, value in query.items())
        return f"{self.root}/{quote(resource, safe=_SAFE_IN_PATH)}?{written}"
