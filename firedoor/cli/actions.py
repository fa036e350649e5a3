"""`firedoor actions`: what a playbook can do, from the code that does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
import yaml
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from activities.registry import load
from firedoor.cli.options import AsJson, ConfigDirectory
from firedoor.cli.phrases import UNDO, risk, span
from firedoor.cli.terminal import grid, out, print_json
from firedoor.cli.written import action_folders
from firedoor.config.settings import directory_of
from firedoor.domain.action.action import ActionSpec
from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.yaml.problem import did_you_mean


def actions(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False)] = None,
    *,
    config: ConfigDirectory = None,
    json: AsJson = False,
) -> None:
    """Show what a playbook can do.

    Lists every action and lookup; with NAME, what one does, takes, needs and breaks.
    """
    specs = load(action_folders(directory_of(config))).specs
    if name is None:
        if json:
            print_json([spec.model_dump(mode="json") for spec in specs.values()])
        else:
            _list(specs.values())
        return
    if name not in specs:
        raise Misconfigured(
            f"there is no action {name!r}",
            expected="a name that `firedoor actions` lists",
            mend=did_you_mean(name, specs),
        )
    if json:
        print_json(specs[name].model_dump(mode="json"))
    else:
        _show(specs[name])


def _list(specs: Iterable[ActionSpec]) -> None:
    known = list(specs)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in ("action", "undo", "risk"):
        table.add_column(column, no_wrap=True)
    table.add_column("what it does")
    for spec in (each for each in known if each.kind == "action"):
        kind, style = UNDO[spec.reversibility.kind]
        table.add_row(Text(spec.name, "bold"), Text(kind, style), risk(spec.risk), Text(spec.summary))
    lookups = [each for each in known if each.kind == "lookup"]
    for spec in lookups:
        table.add_row(
            Text(spec.name, "bold"), Text("reads only", "dim"), Text("-", "dim"), Text(spec.summary)
        )
    console = out()
    console.print(table)
    console.print("", Text("`firedoor actions NAME` tells all of one.", "dim"))


def _show(spec: ActionSpec) -> None:
    console = out()
    console.print(Text.assemble((spec.name, "bold"), f"  {spec.summary}"), "")
    console.print(grid(_facts(spec)), "", Text("params", "bold"), grid(_params(spec.params_schema)))
    console.print("", Text("permissions", "bold"), grid(_permissions(spec)))
    example = yaml.safe_dump([{"id": "step", spec.kind: spec.name, "params": spec.example}], sort_keys=False)
    console.print("", Text("example", "bold"), Padding(Text(example.rstrip(), "cyan"), (0, 0, 0, 2)))
    if spec.doc:
        console.print("", Padding(Text(spec.doc), (0, 0, 0, 2)))


def _facts(spec: ActionSpec) -> Iterable[tuple[Text, Text]]:
    if spec.kind == "action":
        kind, style = UNDO[spec.reversibility.kind]
        undo = Text(kind, style)
        if spec.reversibility.says:
            undo.append(f": {spec.reversibility.says}", "default")
        yield Text("undo", "dim"), undo
        yield Text("risk", "dim"), risk(spec.risk).append(" when the finding is wrong", "default")
        yield Text("settles", "dim"), Text(f"true everywhere within {span(spec.settles_within)}")
    else:
        yield Text("reads", "dim"), Text("only; a playbook names it with `lookup:`")


def _permissions(spec: ActionSpec) -> Iterable[tuple[Text, Text]]:
    needed = spec.permissions
    phases = {"to plan and verify": needed.read, "to apply": needed.apply, "to undo": needed.undo}
    for phase, names in phases.items():
        if names:
            yield Text(phase, "dim"), Text(", ".join(names))


def _params(schema: Mapping[str, Any]) -> Iterable[tuple[Text, ...]]:
    required: Sequence[str] = schema.get("required", ())
    properties: Mapping[str, Any] = schema.get("properties", {})
    if not properties:
        yield (Text("it takes none", "dim"),)
    for key, value in properties.items():
        needed = Text("required", "yellow") if key in required else Text("optional", "dim")
        yield Text(key, "bold"), Text(kind_of(value)), needed, Text(str(value.get("description", "")))


def kind_of(value: Mapping[str, Any]) -> str:
    """Say in words what a JSON Schema allows."""
    if "enum" in value or "const" in value:
        return " or ".join(str(choice) for choice in value.get("enum", [value.get("const")]))
    for either in ("anyOf", "oneOf"):
        if either in value:
            return " or ".join(kind_of(each) for each in value[either] if each.get("type") != "null")
    if value.get("type") == "array":
        return f"list of {kind_of(value.get('items', {}))}"
    kind = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    name = str(value.get("type", value.get("$ref", "anything").rpartition("/")[2]))
    return kind.get(name, name)
