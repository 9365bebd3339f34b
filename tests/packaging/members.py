"""The workspace's distributions, read from their own pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from attrs import field, frozen

ROOT = Path(__file__).resolve().parents[2]
# What lies in a plugin's folder beside the package: it is for people and for the build.
NOT_PACKAGE = {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"}


@frozen
class Member:
    """One distribution: the folder with its pyproject.toml, and the folder of its package."""

    folder: Path
    package: Path
    project: dict[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def version(self) -> str:
        return str(self.project["version"])

    @property
    def stem(self) -> str:
        """How the names of its archives begin."""
        return f"{self.name.replace('-', '_')}-{self.version}"

    @property
    def wheel(self) -> str:
        return f"{self.stem}-py3-none-any.whl"

    @property
    def sdist(self) -> str:
        return f"{self.stem}.tar.gz"

    def files(self) -> set[str]:
        """Return the files of the package, as they are named in a wheel."""
        return {
            f"{self.package.name}/{path.relative_to(self.package).as_posix()}"
            for path in self.package.rglob("*")
            if path.is_file()
            and "__pycache__" not in path.parts
            and not (path.parent == self.package and path.name in NOT_PACKAGE)
        }


def _read(folder: Path, package: Path) -> Member:
    document = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    return Member(folder, package, document["project"])


CORE = _read(ROOT, ROOT / "src" / "mpstock")
PLUGINS = [_read(path.parent, path.parent) for path in sorted(ROOT.glob("src/mpstock_*/pyproject.toml"))]
MEMBERS = [CORE, *PLUGINS]
