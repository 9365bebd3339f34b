"""The workflows of GitHub run what is run by hand, with no right that they do not need."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.release.members import ROOT, Workspace
from tools.release.tags import named

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
RIGHTS = {
    ("docs", "publish"): {"pages": "write", "id-token": "write"},
    ("release", "publish"): {"id-token": "write"},
    ("release", "announce"): {"contents": "write"},
}
"""The only jobs that may do more than read the sources."""
BY_HAND = {
    "bench": "it measures, and a machine that is shared measures nothing",
    "fleet_sim": "it measures",
    "webhook_latency": "it measures",
}
"""The sessions that no workflow runs, and why."""


def read(path: Path) -> dict[Any, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    return dict(read(path)["jobs"])


def steps(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield every step with its job."""
    for job in jobs(path).values():
        for step in job.get("steps", []):
            yield job, step


def commands(path: Path) -> Iterator[list[str]]:
    """Yield every command, once for each value of the matrix that it is run with."""
    for job, step in steps(path):
        if "run" not in step:
            continue
        matrix = job.get("strategy", {}).get("matrix", {})
        texts = [step["run"]]
        for name, value in step.get("env", {}).items():
            key = re.fullmatch(r"\$\{\{ matrix\.(\w+) \}\}", str(value))
            values = matrix[key[1]] if key else [str(value)]
            texts = [re.sub(rf"\$\{{?{name}\}}?", str(one), text) for text in texts for one in values]
        yield from (shlex.split(text) for text in texts)


def sessions() -> set[str]:
    """Return the names of nox's sessions, those of several Pythons with each."""
    found: set[str] = set()
    pythons = [
        text.rpartition(" ")[2]
        for text in Workspace.read().core.project["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", text)
    ]
    for node in ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8")).body:
        for decorator in getattr(node, "decorator_list", []):
            if ast.unparse(decorator) == "nox.session":
                found.add(node.name)  # type: ignore[attr-defined]  # only a function has a decorator here
            elif ast.unparse(decorator) == "nox.session(python=PYTHONS)":
                found |= {f"{node.name}-{python}" for python in pythons}  # type: ignore[attr-defined]
    return found


def asked(command: list[str]) -> set[str]:
    """Return the sessions that a command line of nox asks for."""
    if command[:3] != ["python", "-m", "nox"]:
        return set()
    words = command[3 : command.index("--")] if "--" in command else command[3:]
    at = next(index for index, word in enumerate(words) if word in {"-s", "--sessions"})
    return set(words[at + 1 :])


def in_ci() -> set[str]:
    """Return the sessions that `.ci/run` asks for."""
    text = (ROOT / ".ci/run").read_text(encoding="utf-8")
    # It names the Python that it runs on by asking it.
    text = re.sub(r'"peers-\$\(.*\)"', "peers-3.11", text)
    lines = [line.strip() for line in text.splitlines()]
    return set().union(*(asked(shlex.split(line)) for line in lines if line.startswith("python -m nox")))


def run() -> set[str]:
    """Return all sessions that a workflow runs, itself or through `.ci/run`."""
    return in_ci().union(*(asked(command) for path in WORKFLOWS for command in commands(path)))


def test_there_are_workflows_to_look_at() -> None:
    """What is below is held against something: CI's sessions are found, and so are the workflows' own."""
    assert {path.stem for path in WORKFLOWS} == {"ci", "docs", "nightly", "release"}
    assert {"lint", "types", "docs", "build", "guard", "postgres"} <= in_ci()
    assert {"tests-3.11", "slow", "release", "links"} <= run() - in_ci()


def test_every_session_that_is_named_exists() -> None:
    """A session that was renamed is missed here, and not by the first night, or release, that needs it."""
    assert run() - sessions() == set()


def test_every_session_is_run_somewhere() -> None:
    """A new session is run by a workflow, or says why it is not."""
    assert sessions() - run() == set(BY_HAND)


def test_the_parts_of_ci_are_all_asked_for() -> None:
    """The parts of `.ci/run` that the workflow shares out are those that it has."""
    (choices,) = re.findall(r"^        (readme[^)]*)\) ;;$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    there = {part.strip() for part in choices.split("|")}
    assert {command[1] for command in commands(FOLDER / "ci.yml") if command[0] == ".ci/run"} == there


def test_a_script_of_ours_is_one_that_can_be_run() -> None:
    """Each file of `.ci` that a workflow starts is there and may be executed."""
    named = {word for path in WORKFLOWS for command in commands(path) for word in command[:1]}
    scripts = {name for name in named if name.startswith(".ci/")}
    assert scripts == {".ci/fetch", ".ci/run"}
    assert [name for name in scripts if not (ROOT / name).stat().st_mode & 0o100] == []


@each_workflow
def test_rights_are_least(path: Path) -> None:
    """A workflow may read the sources; more has only the job that needs it, and only that."""
    assert read(path)["permissions"] == {"contents": "read"}
    for name, job in jobs(path).items():
        assert job.get("permissions", {}) == RIGHTS.get((path.stem, name), {}), name


@each_workflow
def test_who_may_more_runs_none_of_our_code(path: Path) -> None:
    """A job that may publish takes what another built; it runs nothing that lies in the checkout."""
    for name, job in jobs(path).items():
        if (path.stem, name) in RIGHTS:
            used = {step.get("uses", "").partition("@")[0] for step in job["steps"]}
            assert "actions/checkout" not in used
            commands = [step["run"].split()[0] for step in job["steps"] if "run" in step]
            assert set(commands) <= {"gh"}


@each_workflow
def test_no_command_is_put_together_from_what_others_write(path: Path) -> None:
    """A branch may be called `$(…)`: names come to a shell by the environment, never as its text."""
    assert [step["run"] for _, step in steps(path) if "${{" in step.get("run", "")] == []


@each_workflow
def test_every_action_is_pinned(path: Path) -> None:
    """Each action is named by its commit, for a tag can be moved, and says its version for dependabot."""
    used = re.findall(r"uses: (\S+@.*)", path.read_text(encoding="utf-8"))
    wrong = [name for name in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+(\.\d+)+", name)]
    assert wrong == []
    assert len(used) == len([step for _, step in steps(path) if "uses" in step]) > 0
    (update,) = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert update["package-ecosystem"] == "github-actions"


@each_workflow
def test_no_job_can_hang_or_keep_the_token(path: Path) -> None:
    """Each job has an end, and no checkout leaves the token where a test could read it."""
    for name, job in jobs(path).items():
        assert "uses" in job or job["timeout-minutes"] <= 350, name
    for _, step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@each_workflow
def test_a_pull_request_of_others_gets_no_rights(path: Path) -> None:
    """No workflow runs a stranger's code with the rights of this repository."""
    # YAML 1.1 reads the key `on` as true.
    assert not {"pull_request_target", "workflow_run"} & set(read(path)[True])


def test_the_tests_run_on_each_python_that_is_promised() -> None:
    """The matrix has the Pythons of the classifiers, and each job takes the one that it names."""
    asked_for = {name for name in run() if name.startswith("tests-")}
    assert asked_for == {name for name in sessions() if name.startswith("tests-")}
    for path in WORKFLOWS:
        for command in commands(path):
            if any(name.startswith(("tests-", "peers-")) for name in asked(command)):
                assert "--error-on-missing-interpreters" in command, "nox leaves out what it does not find"


@pytest.mark.parametrize("tag", ["v0.2.0", "v0.2.0rc1", "mpstock-v0.1.1", "mpstock-ozon-v0.1.1"])
def test_a_tag_of_a_release_starts_it(tag: str) -> None:
    """What `tools.release` takes for a tag, the workflow starts on."""
    assert named(tag)
    patterns = read(FOLDER / "release.yml")[True]["push"]["tags"]
    assert any(fnmatchcase(tag, pattern) for pattern in patterns)


def test_only_what_passed_is_published() -> None:
    """Publishing waits for CI and the build, in an environment that may ask a person, on a tag alone."""
    publish = jobs(FOLDER / "release.yml")["publish"]
    assert set(publish["needs"]) == {"change", "build"}
    assert publish["environment"]["name"] == "pypi"
    assert publish["if"] == "github.event_name == 'push'"
    assert jobs(FOLDER / "release.yml")["announce"]["needs"] == "publish"
    # The page on releases tells what the index has to be told.
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "`release.yml`" in text
    assert "environment `pypi`" in text
