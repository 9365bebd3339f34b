"""The workspace's distributions, read from their own pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from attrs import field, frozen
from packaging.version import Version

__all__ = ["ROOT", "Member", "Workspace"]

ROOT = Path(__file__).resolve().parents[2]
# What lies in a plugin's folder beside the package: it is for people and for the build.
_NOT_PACKAGE = {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"}


@frozen
class Member:
    """One distribution: the folder with its pyproject.toml, and the folder of its package."""

    folder: Path
    package: Path
    project: dict[str, Any] = field(repr=False)

    @classmethod
    def read(cls, folder: Path, package: Path) -> Member:
        """Read the distribution whose pyproject.toml lies in `folder`."""
        document = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        return cls(folder, package, document["project"])

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def version(self) -> str:
        return str(self.project["version"])

    @property
    def release(self) -> Version:
        """Its version, to be compared."""
        return Version(self.version)

    @property
    def short(self) -> str:
        """What a plugin is called in the settings, and its extra in the core."""
        return self.name.removeprefix("mpstock-")

    @property
    def changelog(self) -> Path:
        return self.folder / "CHANGELOG.md"

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
            and not (path.parent == self.package and path.name in _NOT_PACKAGE)
        }


@frozen
class Workspace:
    """The core and the plugins that lie beside it."""

    root: Path
    core: Member
    plugins: tuple[Member, ...]

    @classmethod
    def read(cls, root: Path = ROOT) -> Workspace:
        """Read the workspace of a checkout."""
        folders = sorted(path.parent for path in root.glob("src/mpstock_*/pyproject.toml"))
        return cls(
            root,
            Member.read(root, root / "src" / "mpstock"),
            tuple(Member.read(folder, folder) for folder in folders),
        )

    @property
    def members(self) -> tuple[Member, ...]:
        """The core first: what needs it is published after it."""
        return (self.core, *self.plugins)

    def named(self, name: str) -> Member | None:
        """Return the distribution of this name."""
        return next((member for member in self.members if member.name == name), None)

    def place(self, path: Path) -> str:
        """Say where a file lies, as people name it."""
        return path.relative_to(self.root).as_posix()
