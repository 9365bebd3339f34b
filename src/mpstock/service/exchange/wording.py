"""What is said to 1C: plain lines in windows-1251, as its exchange with a site has always been answered."""

from __future__ import annotations

from starlette.responses import Response

__all__ = ["ENCODING", "RefusedError", "lines", "refusal", "xml"]

ENCODING = "windows-1251"
"""Old versions read the answer in the encoding of their Windows; new ones look at the header."""


_LONGEST = 1_000
"""Characters of a reason."""


class RefusedError(Exception):
    """1C has to stop its exchange. `said` is for whoever reads the log of 1C, the text for our own log."""

    def __init__(self, said: str, logged: str, status: int = 200) -> None:
        super().__init__(_one_line(logged))
        self.said = _one_line(said)
        self.status = status


def lines(*said: str) -> Response:
    """Return an answer of lines."""
    return _response("\n".join(said) + "\n", "text/plain")


def xml(text: str) -> Response:
    """Return an XML document; its declaration has to name `ENCODING`."""
    return _response(text, "text/xml")


def refusal(error: RefusedError) -> Response:
    """Return `failure` with the reason. Its status is 200 as a rule: 1C shows the reason only then."""
    response = _response(f"failure\n{error.said}\n", "text/plain", error.status)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="mpstock", charset="UTF-8"'
    return response


def _one_line(text: str) -> str:
    """Replace what would begin a line of its own, or cannot be seen: names of files come from strangers."""
    return "".join(character if character.isprintable() else "?" for character in text[:_LONGEST])


def _response(text: str, kind: str, status: int = 200) -> Response:
    return Response(
        text.encode(ENCODING, "replace"),
        status,
        {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        f"{kind}; charset={ENCODING}",
    )
