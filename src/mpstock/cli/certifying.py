"""`mpstock certify`: whether a plugin keeps its promises."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mpstock.cli.group import cli
from mpstock.cli.output import Output

__all__ = ["certify"]


@cli.command()
@click.argument("plugin")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder for the two reports; by default this one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def certify(as_json: bool, plugin: str, out: Path) -> int:
    """Hold an installed plugin to the contract, against its vendor's double, and write what came of it.

    PLUGIN is its name in `mpstock plugins`. Nothing is sent to any vendor. The report is written for programs
    (mpstock-certify-PLUGIN.json) and for people (.md); its first line is one for the plugin's README.
    """
    from mpstock.errors import ConfigurationError
    from mpstock.testing import certify as hold

    output = Output(as_json)
    with output.progress() as tell:
        certificate = hold(
            plugin,
            progress=None if tell is None else lambda done, total: tell("certify", plugin, done, total),
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        written = out / f"mpstock-certify-{certificate.plugin}"
        text = json.dumps(certificate.as_dict(), ensure_ascii=False, indent=2) + "\n"
        written.with_name(written.name + ".json").write_text(text, encoding="utf-8")
        page = written.with_name(written.name + ".md")
        page.write_text(certificate.as_markdown(), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the report cannot be written: {error}", place="--out") from error
    if output.as_json:
        output.document(certificate.as_dict())
        return 0 if certificate.passed else 1
    output.table(
        f"{certificate.label}, held to version {certificate.contract} of the contract",
        ("", "passed", "failed", "does not apply"),
        [(subject, *certificate.counts(subject).values()) for subject in certificate.subjects],
    )
    for check in certificate.failures:
        output.line(f"{check.subject}, {check.name}: {check.claim}", "red")
        output.line(f"    {check.reason.splitlines()[0] if check.reason else ''}")
    for text in certificate.deprecated:
        output.line(text, "yellow")
    output.line(certificate.line, "green" if certificate.passed else "red")
    output.line(f"All of it is in {page}")
    return 0 if certificate.passed else 1
