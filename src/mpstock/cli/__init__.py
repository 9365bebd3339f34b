"""The command line: a thin user of the library. Needs the extra `mpstock[cli]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `mpstock` and exit with its code."""
    try:
        import click  # noqa: F401  (only whether they are there)
        import rich  # noqa: F401
    except ImportError as error:
        sys.stderr.write(
            f"mpstock: the command line needs {error.name}, which is not installed: "
            "pip install 'mpstock[cli]'\n"
        )
        raise SystemExit(2) from None
    from mpstock.cli.commands import run

    raise SystemExit(run(sys.argv[1:] if arguments is None else list(arguments)))
