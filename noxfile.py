"""The project's tasks, one session each: `nox -l` lists them.

Everything works with pip and virtualenv. `nox --no-venv` runs a session with the tools that are installed
already (requirements-dev.txt has them all).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import nox

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
ROOT = Path(__file__).parent
CORE = ".[cli,fleet,frames,service,simulation,testing]"
PLUGINS = sorted(f"./{path.parent.relative_to(ROOT)}" for path in ROOT.glob("src/mpstock_*/pyproject.toml"))
PROJECTS = [nox.project.load_toml(f"{folder}/pyproject.toml")["project"] for folder in [".", *PLUGINS]]

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["lint", "types", "tests", "docs", "build"]
# A Python that is not on this machine is left out, also where `CI` is set.
nox.options.error_on_missing_interpreters = False


def install(session: nox.Session, *groups: str) -> None:
    """Install dependency groups, the core and every plugin, unless the session uses what is there."""
    if session.venv_backend == "none":
        return
    wanted = [
        name
        for group in groups
        for name in nox.project.dependency_groups(PYPROJECT, group)
        if not name.startswith("mpstock")
    ]
    session.install(*wanted, CORE, *PLUGINS)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests against the installed distributions, on every supported Python that is present."""
    install(session, "tests")
    session.run("python", "-m", "pytest", "-n", "logical", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the tests that take long."""
    install(session, "tests")
    session.run("python", "-m", "pytest", "-m", "slow", "--ignore=tests/browser", *session.posargs)


@nox.session
def postgres(session: nox.Session) -> None:
    """Run all tests once more with their ledgers on PostgreSQL, which they start themselves.

    It needs PostgreSQL's programs (Debian: `apt-get install postgresql`). Other tests: `-- tests/ledger`.
    """
    install(session, "tests")
    session.run(
        "python",
        "-m",
        "pytest",
        "-n",
        "logical",
        *session.posargs,
        env={"MPSTOCK_TEST_LEDGER": "postgresql"},
    )


@nox.session
def crash(session: nox.Session) -> None:
    """Kill runs at every commit and every step of a request, or let them sleep there; `-- portion`: a minute.

    Real processes, against doubles over HTTP. All of it takes most of an hour, and prints its counts.
    """
    install(session, "tests")
    portion = ["-k", "portion or slept or late or second"]
    chosen = portion if session.posargs == ["portion"] else session.posargs
    session.run("python", "-m", "pytest", "-m", "slow or not slow", "tests/crash", *chosen)


@nox.session
def machine(session: nox.Session) -> None:
    """Hold the engine against a world that fails and dies at any point: 2,000 examples of 50 steps.

    Other numbers: `nox -s machine -- EXAMPLES STEPS PROCESSES SEED`.
    """
    install(session, "tests")
    session.run("python", "-m", "tests.machine.running", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Break the engine in one rule after another, and see that the machine finds each."""
    install(session, "tests")
    session.run("python", "-m", "tests.machine.mutants", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Let a person's hands go through the dashboard in a real Chromium; pictures go to build/screenshots.

    It takes the `chromium` that is installed (or $MPSTOCK_CHROMIUM), else the one that
    `python -m playwright install chromium` has fetched.
    """
    install(session, "tests", "browser")
    session.run("python", "-m", "pytest", "-m", "slow", "tests/browser", *session.posargs)


PEERS = (
    "moysklad-remap-12-sdk",
    "moyskladapi; python_version >= '3.12'",
    "odooly",
    "odoorpc",
    "python-1c-odata",
)
"""Clients of the vendors that others wrote."""


@nox.session(python=PYTHONS)
def peers(session: nox.Session) -> None:
    """Let clients that others wrote read the doubles: what they stumble over, the double has wrong."""
    install(session, "tests")
    if session.venv_backend != "none":
        session.install(*PEERS)
    session.run(
        "python",
        "-m",
        "pytest",
        "-m",
        "slow",
        *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/*/test_peer*.py")),
        *session.posargs,
    )


@nox.session
def day(session: nox.Session) -> None:
    """Let a shop of 20,000 products live through a day on the virtual clock, beside one that knows all."""
    install(session, "tests")
    session.run("python", "-m", "benchmarks.day", *session.posargs)


@nox.session
def service_day(session: nox.Session) -> None:
    """Let `mpstock run` live through a day on the virtual clock: schedule, webhooks, alerts, a restart."""
    install(session, "tests")
    session.run("python", "-m", "benchmarks.service_day", *session.posargs)


@nox.session
def fleet(session: nox.Session) -> None:
    """Kill and suspend workers of a fleet of 200 sellers on one PostgreSQL; `-- portion`: of eight.

    It needs PostgreSQL's programs (Debian: `apt-get install postgresql`). Other numbers: `-- --tenants 50`.
    """
    install(session, "tests")
    if session.posargs == ["portion"]:
        session.run("python", "-m", "pytest", "-m", "slow", "tests/fleet")
    else:
        session.run("python", "-m", "benchmarks.fleet_trial", *session.posargs)


@nox.session
def fleet_sim(session: nox.Session) -> None:
    """Simulate fleets of up to 100,000 sellers from what a run costs; `-- --measure`: measure that here."""
    install(session, "tests")
    session.run("python", "-m", "benchmarks.fleet_sim", *session.posargs)


@nox.session
def webhook_latency(session: nox.Session) -> None:
    """Measure how long a webhook takes to both marketplaces, in real time, also while all else moves."""
    install(session, "tests")
    session.run("python", "benchmarks/webhook_latency.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    if session.venv_backend != "none":
        session.install(*nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types with mypy (strict) and pyright, the public names' as a user sees them too."""
    install(session, "types", "tests", "browser")
    session.run("mypy")
    session.run("pyright")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, and run its notebooks; a warning is an error."""
    install(session, "docs")
    session.run("sphinx-build", "-n", "-W", "--keep-going", "-E", "-b", "html", "docs", "docs/_build/html")


@nox.session
def links(session: nox.Session) -> None:
    """Ask every page of others that the documentation links to whether it is still there; needs the network.

    Links within the documentation are held by tests/docs. The answers are in build/links/output.txt.
    """
    install(session, "docs")
    quick = ["-j", "auto", "-D", "nb_execution_mode=off"]
    session.run("sphinx-build", "-b", "linkcheck", *quick, "docs", "build/links", *session.posargs)


def distributions(session: nox.Session) -> Path:
    """Build every distribution both ways, check the archives, and return where they lie.

    Each member is built as sdist, as wheel from that sdist, and both once more from its folder: they must be
    the same to the byte. The last commit's time is written into them, so that anyone can build the same ones.
    """
    if session.venv_backend != "none":
        session.install(*nox.project.dependency_groups(PYPROJECT, "tests", "publish"))
    session.run("python", "-m", "tools.release", "check")
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    epoch = {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or committed(session)}
    for member in [".", *PLUGINS]:
        session.run("python", "-m", "build", "--outdir", str(dist), member, env=epoch)
        direct = ["--sdist", "--wheel", "--outdir", str(dist / "direct")]
        session.run("python", "-m", "build", *direct, member, env=epoch)
    archives = sorted(str(path) for path in dist.iterdir() if path.is_file())
    session.run("python", "-m", "twine", "check", "--strict", *archives)
    session.run("check-wheel-contents", *(path for path in archives if path.endswith(".whl")))
    session.run(
        "python",
        "-m",
        "pytest",
        "-m",
        "slow or not slow",
        "--confcutdir=tests/packaging",
        "tests/packaging",
        *([] if session.name.startswith("release") else session.posargs),
        env={"MPSTOCK_DIST": str(dist)},
    )
    return dist


def committed(session: nox.Session) -> str:
    """Return the time of the last commit, in seconds; in a copy without Git, the day that ZIP begins with."""
    told = session.run("git", "log", "-1", "--format=%ct", external=True, silent=True, success_codes=[0, 128])
    return told.strip() if told and told.strip().isdecimal() else "315532800"


@nox.session
def build(session: nox.Session) -> None:
    """Build every distribution both ways, check what is inside, and install the wheels alone.

    What must hold of them is said by tests/packaging, which run where mpstock is not installed: without
    tests/conftest.py.
    """
    distributions(session)


@nox.session
def release(session: nox.Session) -> None:
    """Make what is published: archives in dist/, what is told of them in build/release; `-- TAG`: for a tag.

    With a tag (`v0.2.0` for everything, `mpstock-ozon-v0.2.1` for one) versions and changelogs must fit it;
    its archives, and they alone, are copied to build/release/publish, and what is told of it is NOTES.md.
    """
    dist = distributions(session)
    out = ROOT / "build" / "release"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    bill_of_materials(session, dist, out / "mpstock.cdx.json")
    for tag in session.posargs[:1]:
        session.run("python", "-m", "tools.release", "check", tag)
        told = session.run("python", "-m", "tools.release", "notes", tag, silent=True)
        (out / "NOTES.md").write_text(str(told), encoding="utf-8")
        files = session.run("python", "-m", "tools.release", "files", tag, silent=True)
        (out / "publish").mkdir()
        for name in str(files).split():
            shutil.copy2(dist / name, out / "publish" / name)
    told_of = out / "publish" if session.posargs else dist
    archives = sorted(path for path in told_of.iterdir() if path.is_file())
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in archives]
    (out / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def bill_of_materials(session: nox.Session, dist: Path, bill: Path) -> None:
    """Write what an installation of everything brings, in CycloneDX's format, and check that it tells that.

    Ours come from dist/ by name, without an index: a file's path would be told in the bill, and an index
    might have something else under the name. Only then others' are fetched. No pip is in it, for none is
    released.
    """
    place = Path(session.create_tmp()) / "bill"
    shutil.rmtree(place, ignore_errors=True)
    session.run("python", "-m", "venv", "--without-pip", str(place))
    python = str(place / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = ["python", "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    names = [f"{project['name']}=={project['version']}" for project in PROJECTS]
    session.run(*pip, "--no-index", "--no-deps", f"--find-links={dist}", *names)
    session.run(*pip, f"mpstock[all]=={PROJECTS[0]['version']}", *names)
    session.run(
        "cyclonedx-py",
        "environment",
        "--pyproject=pyproject.toml",
        "--output-reproducible",
        "--output-format=JSON",
        f"--output-file={bill}",
        python,
    )
    session.run("python", "-m", "tools.release", "bill", str(bill))


@nox.session
def certify(session: nox.Session) -> None:
    """Hold everything that is ours to the contract, each plugin as it is installed; reports go to build/."""
    install(session, "tests")
    names = ["builtin", *(Path(plugin).name.removeprefix("mpstock_") for plugin in PLUGINS)]
    for name in session.posargs or names:
        session.run("python", "-m", "mpstock", "certify", name, "--out", "build/certificates")


@nox.session
def template(session: nox.Session) -> None:
    """Make a source and a sink from the template, and run what they bring: tests, types, style, certify."""
    install(session, "tests", "lint", "types")
    session.run("python", "-m", "pytest", "-m", "slow", "tests/template", *session.posargs)


@nox.session
def guard(session: nox.Session) -> None:
    """Count what a change costs, and hold it against the budget. `-- --update` writes it anew."""
    install(session, "tests")
    session.run("python", "-m", "benchmarks.guard", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, and print one table: what is promised beside what is; with a picture, to build/bench.

    `-- --products 1000000` for the size that is promised (an hour), `-- --only engine` for a part of it. The
    other scripts in benchmarks/ say more of one subject each, and run alone.
    """
    install(session, "tests")
    if session.venv_backend != "none":
        # What the engine is measured against; without it the table has two lines less.
        session.install("pandas")
    session.run("python", "-m", "benchmarks.table", *session.posargs)
