"""The command that makes a shop: init. It asks, checks what it is told, and writes the files at the end."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import define

from mpstock.cli.group import cli, common
from mpstock.cli.output import Output
from mpstock.errors import AdapterError, ConfigurationError, PluginError

if TYPE_CHECKING:
    from mpstock.interfaces import SinkSpec, SourceSpec
    from mpstock.model import Finding
    from mpstock.setup.drafting import Draft
    from mpstock.setup.probing import Look, Prober, SinkLook
    from mpstock.setup.questions import Question

_NAMED = 10
_STYLES = {"ok": "green", "warning": "yellow", "error": "red"}


@cli.command()
@click.option(
    "--answers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Ask nothing: the answers are in this file, as tables [sources.NAME] and [sinks.NAME].",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME.KEY=VALUE",
    help="A setting of a source, sink or other table that is not asked about; may be given several times.",
)
@click.option("--map", "mapping", is_flag=True, help="With --answers: map what is nearly the same article.")
@click.option("--force", is_flag=True, help="Write files anew that are there already.")
@common
def init(
    config: Path,
    as_json: bool,
    answers: Path | None,
    assignments: tuple[str, ...],
    mapping: bool,
    force: bool,
) -> int:
    """Ask for the keys, check them, map the products, and write mpstock.toml and .env. Sends nothing."""
    from mpstock.plugins import PluginRegistry
    from mpstock.setup.drafting import Draft
    from mpstock.setup.probing import Prober

    if answers is None and as_json:
        raise click.UsageError("--json asks nobody: give the answers with --answers FILE")
    if mapping and answers is None:
        raise click.UsageError("--map goes with --answers; without, you are asked")
    output = Output(as_json)
    draft = Draft(config, PluginRegistry())
    if not force and config.exists():
        raise ConfigurationError(f"{config} is there already; --force writes it anew")
    if not draft.folder.is_dir():
        raise ConfigurationError(f"the folder {draft.folder} does not exist; make it", place="--config")
    with tempfile.TemporaryDirectory(prefix="mpstock-init-") as folder:
        prober = Prober(draft, Path(folder) / "mpstock.db")
        setting = _Setting(output, draft, prober, assignments, force)
        look = setting.from_file(answers, mapping) if answers is not None else setting.ask()
        if look is None:
            return 1
        written = draft.write(prober.ledger, force=setting.force)
    shadowed = draft.shadowed()
    if as_json:
        output.document({"written": written, "shadowed": shadowed, **look.as_dict()})
        return 0
    output.line(f"\nwritten: {', '.join(written)}", "bold green")
    for name in shadowed:
        output.line(f"{name} is in the environment too, with another value, and goes before .env", "yellow")
    output.line("next: mpstock check, then mpstock plan; nothing has been sent so far")
    return 0


@define
class _Setting:
    """One setting-up, asked for or read from a file."""

    output: Output
    draft: Draft
    prober: Prober
    assignments: Sequence[str]
    force: bool

    # ------------------------------------------------------------------ from a file

    def from_file(self, file: Path, mapping: bool) -> Look:
        """Take everything from a file of answers; what is wrong with it is an error.

        Raises:
            ConfigurationError, AdapterError: the first that is wrong.
        """
        from mpstock.setup.answering import answer, only_warehouse, put

        answer(self.draft, file)
        put(self.draft, self.assignments)
        self.draft.configuration(self.prober.ledger)
        if not self.force:
            self.draft.refuse_to_overwrite()
        for name, table in self.draft.sinks.items():
            found = asyncio.run(self.prober.warehouses(name))
            self.draft.known[name] = found or ()
            if not table.get("warehouses"):
                table["warehouses"] = only_warehouse(name, found)
        for name in (*self.draft.sources, *self.draft.sinks):
            for finding in asyncio.run(self.prober.findings(name)):
                if finding.level == "error":
                    raise ConfigurationError(
                        f"{finding.subject}: {finding.message}"
                        + (f" ({finding.mend})" if finding.mend else ""),
                        place=name,
                    )
        with self.output.progress() as progress:
            look = asyncio.run(self.prober.look(progress))
        if look.errors:
            name, error = next(iter(look.errors.items()))
            raise ConfigurationError(error, place=f"[{name}]")
        if mapping:
            self.draft.mapped = {sink.name: list(sink.near) for sink in look.sinks if sink.near}
        if not self.output.as_json:
            self._tell(look)
        return look

    # ------------------------------------------------------------------ by asking

    def ask(self) -> Look | None:
        """Ask for everything; None if in the end nothing is to be written."""
        registry, draft = self.draft.plugins, self.draft
        sources = [spec for spec in registry.sources().values() if spec.levels and self._is_real(spec)]
        sinks = [spec for spec in registry.sinks().values() if self._is_real(spec)]
        for what, specs in (("source", sources), ("marketplace", sinks)):
            if not specs:
                raise PluginError(f"no plugin of a {what} is installed; mpstock plugins lists what is")
        self.output.line("Where is stock counted?", "bold")
        counted = self._chosen(sources)
        self.output.line("\nWhere is it sold?", "bold")
        sold = self._chosen(sinks)
        self._check_assignments([spec.name for spec in (*counted, *sold)])
        for spec in counted:
            self._adapter(draft.sources, spec)
        for spec in sold:
            self._adapter(draft.sinks, spec)
        look = self._look()
        self._feeds(look)
        self._tell(look)
        self._map(look)
        self._shadow(look)
        self.output.line("")
        if not self.force:
            try:
                draft.refuse_to_overwrite()
            except ConfigurationError as error:
                self.output.line(str(error), "yellow")
                self.force = click.confirm("Write it anew?", default=False)
                if not self.force:
                    return None
        variables = draft.variables()
        told = f"{draft.path.name}" + (f", and .env with {', '.join(variables)}" if variables else "")
        return look if click.confirm(f"Write {told}?", default=True) else None

    def _check_assignments(self, names: Sequence[str]) -> None:
        """Refuse `--set` of what was not chosen now, and not after everything was asked."""
        from mpstock.setup.answering import OTHERS, put, target

        for text in self.assignments:
            if target(text)[0] in OTHERS:
                put(self.draft, [text])
            elif target(text)[0] not in names:
                raise ConfigurationError(
                    f"{text!r} is for none of {', '.join(names)}, which you have chosen", place="--set"
                )

    def _is_real(self, spec: SourceSpec | SinkSpec) -> bool:
        owner = self.draft.plugins.owner(spec)
        return owner is None or owner.name != "builtin"

    def _chosen(self, specs: Sequence[Any]) -> list[Any]:
        for number, spec in enumerate(specs, 1):
            self.output.line(f"  {number}  {spec.summary}")
        default = "1" if len(specs) == 1 else None
        return [
            specs[number - 1]
            for number in _numbers("Numbers, with spaces between", len(specs), default=default)
        ]

    def _adapter(self, tables: dict[str, dict[str, Any]], spec: SourceSpec | SinkSpec) -> None:
        """Ask for one adapter's settings until its account takes them."""
        from mpstock.setup.answering import put, target
        from mpstock.setup.questions import questions

        asked = questions(spec)
        name = self.draft.free_name(spec.name)
        table: dict[str, Any] = {"plugin": spec.name}
        while True:
            self.output.line(f"\n{spec.summary}", "bold")
            told = ""
            for question in asked:
                # What several keys have in common is said once.
                if question.help not in ("", told):
                    self.output.line(f"  {question.help}")
                told = question.help
                self._question(question, table)
            tables[name] = table
            put(self.draft, [one for one in self.assignments if target(one)[0] == name])
            if self._accepted(name) or not click.confirm("Ask again?", default=True):
                return

    def _question(self, question: Question, table: dict[str, Any]) -> None:
        from mpstock.setup.drafting import literal

        before = table.get(question.key)
        kept = None if before is None else str(before).replace("$${", "${")
        while True:
            answered: str = click.prompt(
                f"  {question.key}" + ("" if question.required else " (may be left out)"),
                default="" if kept is None else kept,
                hide_input=question.secret,
                show_default=kept is not None and not question.secret,
                type=click.Choice(question.choices) if question.choices and question.required else str,
            )
            if answered.strip() or not question.required:
                break
            self.output.line(f"  {question.key} cannot be left out", "red")
        if answered.strip():
            table[question.key] = literal(answered if question.secret else answered.strip())
        else:
            table.pop(question.key, None)

    def _accepted(self, name: str) -> bool:
        """Ask the account, and say what it answers; whether it takes what it was told."""
        try:
            self.draft.configuration(self.prober.ledger, [name])
            if name in self.draft.sinks and not self._choose_warehouses(name):
                return False
            findings = asyncio.run(self.prober.findings(name))
        except (ConfigurationError, AdapterError, PluginError) as error:
            self.output.line(f"  {error}", "red")
            return False
        return self._told(findings)

    def _told(self, findings: Sequence[Finding]) -> bool:
        for finding in findings:
            self.output.line(
                f"  {finding.level:7} {finding.subject}: {finding.message}", _STYLES[finding.level]
            )
            if finding.mend:
                self.output.line(f"          {finding.mend}")
        return all(finding.level != "error" for finding in findings)

    def _choose_warehouses(self, name: str) -> bool:
        found = asyncio.run(self.prober.warehouses(name))
        table = self.draft.sinks[name]
        if found is None:
            codes: str = click.prompt("  Codes of its warehouses that are to be served, with spaces between")
            table["warehouses"] = [{"code": code} for code in codes.split()]
            return True
        self.draft.known[name] = found
        if not found:
            self.output.line("  the account has no warehouse: make one in the marketplace's cabinet", "red")
            return False
        self.output.line("  Its warehouses:")
        for number, one in enumerate(found, 1):
            told = ", ".join(part for part in (one.name, one.note) if part)
            self.output.line(f"    {number}  {one.code}  {told}", "" if one.usable else "yellow")
        usable = [str(number) for number, one in enumerate(found, 1) if one.usable]
        default = usable[0] if len(usable) == 1 else None
        chosen = _numbers("  Which are to be served", len(found), default=default)
        table["warehouses"] = [{"code": found[number - 1].code} for number in chosen]
        return True

    def _look(self) -> Look:
        self.output.line("\nReading what there is, and what is sold…", "bold")
        with self.output.progress() as progress:
            look = asyncio.run(self.prober.look(progress))
        for name, error in look.errors.items():
            self.output.line(f"{name}: {error}", "red")
        for sink in look.sinks:
            better = sink.better()
            if better is not None and click.confirm(
                f"{sink.name}: {sink.matched} of {sink.listings} listings match by {sink.matched_by}, "
                f"{better[1]} by {better[0]}. Match by {better[0]}?",
                default=True,
            ):
                self.draft.sinks[sink.name][sink.match_by] = better[0]
                return self._look()
        return look

    def _feeds(self, look: Look) -> None:
        """Ask which own warehouses feed a sink's warehouse, where there is a choice."""
        for name, table in self.draft.sinks.items():
            if len(look.warehouses) < 2 and len(table["warehouses"]) < 2:
                continue
            self.output.line(f"\nYour warehouses: {', '.join(look.warehouses)}", "bold")
            for warehouse in table["warehouses"]:
                while True:
                    typed: str = click.prompt(
                        f"  Which of them feed {name} {warehouse['code']}, with commas between "
                        "(all, if left out)",
                        default="",
                        show_default=False,
                    )
                    feeds = [part.strip() for part in typed.split(",") if part.strip()]
                    unknown = [one for one in feeds if one not in look.warehouses]
                    if not unknown:
                        break
                    self.output.line(f"  there is no {', '.join(unknown)}", "red")
                warehouse.pop("feeds", None)
                if feeds:
                    warehouse["feeds"] = list(dict.fromkeys(feeds))

    def _tell(self, look: Look) -> None:
        self.output.line(f"\n{look.products} products, in {', '.join(look.warehouses) or 'no warehouse'}")
        for sink in look.sinks:
            self._tell_sink(sink)

    def _tell_sink(self, sink: SinkLook) -> None:
        self.output.line(
            f"{sink.name}: {sink.matched} of {sink.listings} listings have a product, "
            f"{sink.without_listing} products have no listing; a first run would send {sink.changes} changes"
            + (f", {sink.held} of them held by a guard" if sink.held else "")
        )
        near = {one.external_id for one in sink.near}
        rest = [gap for gap in sink.unmatched if gap.external_id not in near]
        for gap in rest[:_NAMED]:
            self.output.line(
                f"  no product: {gap.external_id} ({', '.join(gap.skus)}): {gap.reason}", "yellow"
            )
        if len(rest) > _NAMED:
            self.output.line(f"  … and {len(rest) - _NAMED} more (mpstock status names the first of them)")

    def _shadow(self, look: Look) -> None:
        """Offer to begin in shadow mode where somebody has put stock already."""
        for sink in look.sinks:
            if sink.showing and click.confirm(
                f"\n{sink.name} shows stock of {sink.showing} listings: something writes there today. "
                "Begin in shadow mode, and send nothing until you take it over?",
                default=True,
            ):
                self.draft.sinks[sink.name]["shadow"] = True

    def _map(self, look: Look) -> None:
        for sink in look.sinks:
            if not sink.near:
                continue
            self.output.line(f"\n{sink.name}: {len(sink.near)} articles are written a little differently:")
            for match in sink.near[:_NAMED]:
                self.output.line(f"  {match.article!r} there, {match.sku!r} here")
            if len(sink.near) > _NAMED:
                self.output.line(f"  … and {len(sink.near) - _NAMED} more")
            if click.confirm("Are these the same products? Then products.csv maps them", default=False):
                self.draft.mapped[sink.name] = list(sink.near)


def _numbers(text: str, most: int, *, default: str | None) -> list[int]:
    """Ask for one or more numbers up to `most`."""
    while True:
        typed: str = click.prompt(text, default=default)
        parts = typed.replace(",", " ").split()
        if parts and all(part.isdecimal() and 1 <= int(part) <= most for part in parts):
            return list(dict.fromkeys(map(int, parts)))
        click.echo(f"numbers from 1 to {most}, please", file=sys.stderr)
