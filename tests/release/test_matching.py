"""What does not fit is found, with the place and the mend; what fits is let through."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tools.release.__main__ import main
from tools.release.changelogs import NOTHING, UNRELEASED, sections
from tools.release.matching import fitting, line, mismatches
from tools.release.members import ROOT, Workspace

OZON = "src/mpstock_ozon/pyproject.toml"
Edit = Callable[[str, str, str], None]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a release looks at, copied from this checkout."""
    places = ["pyproject.toml", "src/*/pyproject.toml", "src/*/CHANGELOG.md", "*.md", "docs/**/*.md"]
    for place in [*places, "template/copier.yml"]:
        for path in ROOT.glob(place):
            aim = tmp_path / path.relative_to(ROOT)
            aim.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, aim)
    return tmp_path


@pytest.fixture
def edit(checkout: Path) -> Edit:
    """Replaces a text in a file of the copy, that stands there once."""

    def replace(place: str, old: str, new: str) -> None:
        path = checkout / place
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{place} has {old!r} once"
        path.write_text(text.replace(old, new), encoding="utf-8")

    return replace


def told(checkout: Path) -> list[str]:
    return [str(mismatch) for mismatch in mismatches(Workspace.read(checkout))]


def test_the_distributions_of_this_checkout_fit() -> None:
    """Nothing stands against building them."""
    assert [str(mismatch) for mismatch in mismatches(Workspace.read())] == []


def test_each_distribution_has_a_changelog_that_can_be_read() -> None:
    """Its newest section is of what is not released yet, or of the version that is here."""
    for member in Workspace.read().members:
        newest, *_ = sections(member.changelog.read_text(encoding="utf-8"))
        assert newest.version in {UNRELEASED, member.version}, member.name
        assert newest.text, member.name


def test_a_patch_of_one_plugin_fits(checkout: Path, edit: Edit) -> None:
    """A plugin follows its vendor alone: its third number is its own, the core's too."""
    edit(OZON, 'version = "0.1.0"', 'version = "0.1.7"')
    edit("pyproject.toml", 'version = "0.1.0"', 'version = "0.1.2"')
    assert told(checkout) == []


@pytest.mark.parametrize(
    ("place", "old", "new", "what", "mend"),
    [
        (OZON, 'version = "0.1.0"', 'version = "0.2.0"', "not of the core's line 0.1", "prepare 0.1.0"),
        (OZON, 'version = "0.1.0"', 'version = "0.1"', "not written as indexes write it", "three numbers"),
        (OZON, 'version = "0.1.0"', 'version = "0.1.0-beta"', "not written as indexes", "a1, b1 or rc1"),
        (OZON, 'version = "0.1.0"', 'version = "new"', "'new' is no version", "0.1.0"),
        (OZON, "mpstock>=0.1,<0.2", "mpstock>=0.2,<0.3", "does not admit 0.1.0", "mpstock>=0.1,<0.2"),
        (OZON, "mpstock>=0.1,<0.2", "mpstock>=0.1", "admits 0.2.0, which may be", "mpstock>=0.1,<0.2"),
        (OZON, "mpstock>=0.1,<0.2", "mpstock<0.2", "admits versions before the line", "mpstock>=0.1,<0.2"),
        (OZON, '"mpstock>=0.1,<0.2", ', "", "mpstock has to be named once", "mpstock>=0.1,<0.2"),
        (OZON, '"attrs>=23.2"', '"mpstock-wb>=0.1,<0.2"', "needs no other plugin", "Take it out"),
        (OZON, 'requires-python = ">=3.11"', 'requires-python = ">=3.12"', "is not the core's", '">=3.11"'),
        ("pyproject.toml", '"mpstock-ozon>=0.1,<0.2"', '"mpstock-ozon>=0.3"', "does not admit 0.1.0", "<0.2"),
        ("pyproject.toml", 'ozon = ["mpstock-ozon>=0.1,<0.2"]', "", "has to be named once", "ozon>="),
        ("pyproject.toml", "odoo,yandex]", "odoo]", "does not bring mpstock-yandex", "Add yandex"),
        ("template/copier.yml", '">=0.1,<0.2"', '">=0.0,<0.1"', "does not admit 0.1.0", ">=0.1,<0.2"),
        ("template/copier.yml", "\nmpstock:\n", "\nmpstuck:\n", "states no pin", ">=0.1,<0.2"),
        ("docs/howto/write-a-plugin.md", "mpstock>=0.1,<0.2", "mpstock>=0.4,<0.5", "does not admit", "<0.2"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    checkout: Path, edit: Edit, place: str, old: str, new: str, what: str, mend: str
) -> None:
    """Whatever one forgets is found, alone, at its place, with what to write instead."""
    edit(place, old, new)
    (found,) = mismatches(Workspace.read(checkout))
    assert found.place.startswith(place)
    assert what in found.what
    assert mend in found.mend


def test_a_version_written_everywhere_fits(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`prepare` writes versions, pins, pages, template and changelogs: a tag of it is ready."""
    workspace = Workspace.read(checkout)
    assert main(["prepare", "0.2.0"], workspace) == 0
    after = Workspace.read(checkout)
    assert {member.version for member in after.members} == {"0.2.0"}
    assert '"mpstock>=0.2,<0.3"' in (checkout / OZON).read_text(encoding="utf-8")
    assert 'default: ">=0.2,<0.3"' in (checkout / "template/copier.yml").read_text(encoding="utf-8")
    assert main(["check", "v0.2.0"], after) == 0
    capsys.readouterr()
    assert main(["notes", "v0.2.0"], after) == 0
    notes = capsys.readouterr().out
    assert re.findall(r"^## (.*)$", notes, re.MULTILINE) == [
        f"{member.name} 0.2.0" for member in after.members
    ]
    # Once more, it changes nothing.
    assert main(["prepare", "0.2.0"], after) == 0
    assert "CHANGELOG" not in capsys.readouterr().out


def test_a_patch_is_prepared_for_one(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`prepare` for one plugin touches its version and its changelog; its tag publishes its two archives."""
    workspace = Workspace.read(checkout)
    assert main(["prepare", "0.1.1", "mpstock-ozon"], workspace) == 0
    written = capsys.readouterr().out.splitlines()[:2]
    assert written == [OZON, "src/mpstock_ozon/CHANGELOG.md"]
    after = Workspace.read(checkout)
    assert main(["check", "mpstock-ozon-v0.1.1"], after) == 0
    capsys.readouterr()
    main(["files", "mpstock-ozon-v0.1.1"], after)
    assert capsys.readouterr().out.split() == [
        "mpstock_ozon-0.1.1-py3-none-any.whl",
        "mpstock_ozon-0.1.1.tar.gz",
    ]
    # The core is not of that version, so a tag of everything is refused for each that is not.
    assert main(["check", "v0.1.1"], after) == 1
    refused = capsys.readouterr().err
    assert "src/mpstock_wb/pyproject.toml: the version is 0.1.0, and the tag v0.1.1." in refused
    assert OZON not in refused


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("## [0.1.1] - ", "## [0.1.2] - ", "there is no section [0.1.1]"),
        ("## [0.1.1] - ", "## [Unreleased]\n\n- More.\n\n## [0.1.1] - ", "changes stand under [Unreleased]"),
        ("## [0.1.1] - ", "## [0.1.1] of ", "has no date"),
        ("## [0.1.1] - ", "## [0.1.1] - 2026-01-31\n\n## [0.1.0] - ", "is empty"),
    ],
)
def test_a_changelog_that_is_not_ready_is_named(
    checkout: Path, edit: Edit, capsys: pytest.CaptureFixture[str], old: str, new: str, what: str
) -> None:
    """Nothing is published whose changes are not told, or not dated."""
    main(["prepare", "0.1.1", "mpstock-ozon"], Workspace.read(checkout))
    edit("src/mpstock_ozon/CHANGELOG.md", old, new)
    capsys.readouterr()
    assert main(["check", "mpstock-ozon-v0.1.1"], Workspace.read(checkout)) == 1
    (told, *_) = capsys.readouterr().err.splitlines()
    assert told.startswith("src/mpstock_ozon/CHANGELOG.md: ")
    assert what in told


@pytest.mark.parametrize("tag", ["0.2.0", "v0.2", "release-v0.2.0", "mpstock-amazon-v0.1.0", "v0.1.0-beta"])
def test_a_tag_that_means_nothing_is_refused(tag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag that publishes nothing is a usage error that says how one is written, or what there is."""
    assert main(["check", tag]) == 2
    assert re.search(r"Write v0\.2\.0 for everything|There are: mpstock, ", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [(["prepare", "two"], "no version"), (["prepare", "0.2.0", "mpstock-amazon"], "There are: mpstock, ")],
)
def test_nothing_is_prepared_that_makes_no_sense(
    arguments: list[str], what: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version that is none, or a distribution that is not here, changes no file."""
    before = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()}
    assert main(arguments, Workspace.read(checkout)) == 2
    assert what in capsys.readouterr().err
    assert {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()} == before


def test_a_distribution_without_changes_says_so(checkout: Path) -> None:
    """Who follows one distribution reads in its changelog why there is a new version without anything new."""
    main(["prepare", "0.2.0"], Workspace.read(checkout))
    main(["prepare", "0.3.0"], Workspace.read(checkout))
    text = (checkout / "src/mpstock_wb/CHANGELOG.md").read_text(encoding="utf-8")
    newest, before = sections(text)
    assert (newest.version, newest.text) == ("0.3.0", NOTHING)
    assert (before.version, before.text != NOTHING) == ("0.2.0", True)


versions = st.builds(
    lambda major, minor, micro, pre: Version(f"{major}.{minor}.{micro}{pre}"),
    st.integers(0, 3),
    st.integers(0, 12),
    st.integers(0, 9),
    st.sampled_from(["", "a1", "rc2"]),
)


@given(versions, versions)
def test_a_pin_admits_its_line_and_no_other(one: Version, other: Version) -> None:
    """The pin that is proposed admits the version itself, and of all other lines none."""
    pin = SpecifierSet(fitting(one))
    assert pin.contains(one, prereleases=True)
    if line(one) != line(other):
        assert not pin.contains(other, prereleases=True)
