"""How the documentation is built: `nox -s docs`, or `sphinx-build docs docs/_build/html`."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

_WORKSPACE = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))

project = "mpstock"
author = "mpstock contributors"
project_copyright = "2026, mpstock contributors"
release = _WORKSPACE["project"]["version"]
version = release

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"mpstock {release}"
html_static_path = ["_static"]
html_css_files = ["notebooks.css"]
# The docstrings are for people in an editor first: `name` is code there.
default_role = "code"

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

# The notebooks are run by each build, in a folder of their own; an error in one fails it.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 300
nb_merge_streams = True
# What matplotlib says when it is used for the first time on a machine.
nb_output_stderr = "remove"

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False

# A reference on a page of ours must lead somewhere. In signatures there are names besides that have no page.
_FOREIGN = "abc|argparse|asyncio|attrs|collections|contextlib|datetime|decimal|enum|httpx|importlib|logging"
nitpick_ignore_regex = [
    ("py:.*", rf"({_FOREIGN}|os|pathlib|random|types|typing)\..*"),
    ("py:class", r"([a-z_]+\.)*[A-Z]"),
    ("py:class", r"[A-Za-z]+"),
    (
        "py:class",
        r"mpstock\.(config|fleet|frames|ledger|pacing|phrases|plugins|reconcile|simulation|testing|transport)\..*",
    ),
]

# `nox -s links`. Addresses of a reader's own are examples; GitHub writes its anchors by script.
linkcheck_ignore = [r"https?://(localhost|127\.0\.0\.1|[^/]*\.(local|example|example\.com))([:/].*)?$"]
linkcheck_anchors_ignore_for_url = [r"https://github\.com/"]
linkcheck_retries = 2
linkcheck_timeout = 20
linkcheck_report_timeouts_as_broken = False

_ENTRY = re.compile(r"(?P<names>`[^`]+`(?:, `[^`]+`)*)\s{2,}(?P<text>\S.*)")


def _public(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement) -> Any:
    """Point from where a name is defined, which annotations say, to where it is public."""
    import mpstock

    if node.get("refdomain") != "py":
        return None
    name = str(node.get("reftarget", "")).rpartition(".")[2]
    aim = f"mpstock.{name}" if name in mpstock.__all__ else f"mpstock.errors.{name}"
    domain = env.domains.python_domain
    if not domain.find_obj(env, "", "", aim, None):
        return None
    return domain.resolve_xref(env, str(node["refdoc"]), app.builder, "obj", aim, node, content)


def _entries(lines: list[str]) -> Iterator[str]:
    """Make a list of definitions of the aligned lists of the docstrings (`name`   what it is)."""
    inside = False
    for line in lines:
        entry = _ENTRY.fullmatch(line)
        if entry:
            if not inside:
                yield ""
            inside = True
            yield entry["names"]
            yield f"    {entry['text']}"
        elif inside and line.startswith("  "):
            yield f"    {line.strip()}"
        else:
            if inside and line:
                yield ""
            inside = False
            yield line


def _docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if what == "property":
        # Napoleon takes what stands before a colon there for a type.
        lines[:] = [*inspect.cleandoc(inspect.getdoc(obj) or "").splitlines(), ""]
    lines[:] = list(_entries(lines))


def _language(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document
) -> None:
    """Say of a Russian page that it is one: screen readers, hyphenation and search engines go by that."""
    if page.startswith("ru/"):
        context["language"] = "ru"


def setup(app: Sphinx) -> None:
    """Register what is above with Sphinx; the docstrings after Napoleon has seen them."""
    # Pygments has no colours for them.
    app.add_lexer("bsl", TextLexer)
    app.add_lexer("csv", TextLexer)
    app.connect("html-page-context", _language)
    app.connect("missing-reference", _public)
    app.connect("autodoc-process-docstring", _docstring, priority=600)
