"""A setting that must not be seen: a password, a key, a token."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["Secret"]


class Secret:
    """Keeps a text out of logs, reprs and exceptions; `reveal()` is the one way to it.

    It is no `str` on purpose: joined, formatted or printed by mistake it gives `***`, and a library
    that wants the text itself fails at once instead of working and leaking.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str | Secret) -> None:
        if isinstance(text, Secret):
            text = text.reveal()
        if not isinstance(text, str):
            # Not even its type's repr: what is not a text may still be the key.
            raise TypeError(f"a secret is a text, not {type(text).__name__}")
        self.__text: Final = text

    def reveal(self) -> str:
        """Return the text. Call it where the text is sent, and keep no copy."""
        return self.__text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __len__(self) -> int:
        return len(self.__text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__text == other.__text

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled: it would be readable in whatever it is written to")
