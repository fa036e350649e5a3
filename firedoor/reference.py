"""The generated pages: reference and playbook schema, written from the code they describe."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from activities import registry
from firedoor.config.configuration import Configuration
from firedoor.domain.action.action import ActionSpec
from firedoor.domain.approval.policy import Policy
from firedoor.domain.finding.finding import Finding
from firedoor.domain.guard.protected import Protected
from firedoor.domain.people.people import People
from firedoor.domain.playbook.playbook import Playbook
from firedoor.reference_parts import CLI, command_parts, openapi, page

ROOT = Path(__file__).resolve().parent.parent
_EXPRESSION = {"type": "string", "pattern": r"\$\{\{.*\}\}"}
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def actions_page(specs: Iterable[ActionSpec]) -> str:
    """Describe every action and lookup: what it does, what it takes, what it needs."""
    by_kind: dict[str, list[ActionSpec]] = {"action": [], "lookup": []}
    for spec in specs:
        by_kind[spec.kind].append(spec)
    return page(
        "Actions",
        "What a playbook can do (`action:`), and what it can ask (`lookup:`).",
        *(_contents(spec) for spec in (*by_kind["action"], *by_kind["lookup"])),
        *(_action(spec) for spec in by_kind["action"]),
        *(_lookup(spec) for spec in by_kind["lookup"]),
    )


def _contents(spec: ActionSpec) -> str:
    return f"- [`{spec.name}`](#{spec.name.replace('.', '')}): {_cell(spec.summary)}"


def _action(spec: ActionSpec) -> str:
    undo = {"full": "gives everything back", "partial": "gives back part", "none": "impossible; always asked"}
    loss = f": {spec.reversibility.says}" if spec.reversibility.says else ""
    return _section(
        spec,
        f"- Undo: {undo[spec.reversibility.kind]}{loss}",
        f"- Risk when the finding is wrong: {spec.risk.value}",
        f"- True everywhere within: {_span(spec.settles_within)}",
    )


def _lookup(spec: ActionSpec) -> str:
    return _section(spec, "- Reads only")


def _section(spec: ActionSpec, *facts: str) -> str:
    needs = {
        "plan and verify": spec.permissions.read,
        "apply": spec.permissions.apply,
        "undo": spec.permissions.undo,
    }
    asked = [
        f"- Needs for {phase}: {', '.join(f'`{name}`' for name in names)}"
        for phase, names in needs.items()
        if names
    ]
    example = yaml.safe_dump({spec.kind: spec.name, "params": spec.example}, sort_keys=False).rstrip()
    parts = [f"## {spec.name}", spec.summary, "\n".join([*facts, *asked]), _table(spec.params_schema)]
    return "\n\n".join([*parts, f"```yaml\n{example}\n```", spec.doc.strip()]).rstrip()


def configuration_page(files: Mapping[str, type[BaseModel]]) -> str:
    """Describe each configuration file, key by key."""
    return page(
        "Configuration",
        "One directory, `config/` unless `--config` or `FIREDOOR_CONFIG` names another. `firedoor init`"
        " writes a commented set; `firedoor doctor` checks it. Unknown keys are errors.",
        *(part for name, model in files.items() for part in _file(name, model)),
    )


def _file(name: str, model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema(by_alias=True)
    yield f"## {name}\n\n{_description(schema)}\n\n{_table(schema)}"
    for part, definition in sorted(schema.get("$defs", {}).items()):
        if "properties" in definition:
            yield f"### {part}\n\n{_description(definition)}\n\n{_table(definition)}"


def finding_page(model: type[BaseModel]) -> str:
    """Describe what an expression sees of a finding."""
    return page(
        "Finding",
        "What every detector's payload becomes, and what expressions see as `finding`. There `severity` is"
        " its OCSF number, so that `finding.severity >= severity.high` compares;"
        " what is absent is absent, so ask `has(…)`.",
        *_file("finding", model),
    )


def http_page(openapi: Mapping[str, Any]) -> str:
    """Describe every address of the gateway: what it takes and what it answers."""
    return page(
        "HTTP",
        "Every error is RFC 9457 problem details with `error`, `found`, `expected` and `mend`. A running"
        " gateway lists this under `/docs`, and serves it as OpenAPI under `/openapi.json`.",
        *(
            _operation(path, method, operation)
            for path, methods in openapi["paths"].items()
            for method, operation in methods.items()
        ),
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    answers = "\n".join(
        f"- `{status}`: {' '.join(answer['description'].split())}"
        for status, answer in operation["responses"].items()
    )
    told = operation.get("description", "").strip()
    return f"## {method.upper()} {path}\n\n{operation['summary']}\n\n{told}\n\n{answers}".replace(
        "\n\n\n\n", "\n\n"
    )


def playbook_schema(specs: Iterable[ActionSpec]) -> str:
    """Return the JSON Schema of a playbook, with every action's parameters, for editors."""
    schema = Playbook.model_json_schema(by_alias=True)
    step = schema["$defs"]["Step"]
    known = list(specs)
    for kind in ("action", "lookup"):
        names = [spec.name for spec in known if spec.kind == kind]
        step["properties"][kind] = {
            "enum": names,
            "description": f"Which {kind}; see docs/reference/actions.md.",
        }
    step["allOf"] = [
        {
            "if": {"properties": {spec.kind: {"const": spec.name}}, "required": [spec.kind]},
            "then": {"description": spec.summary, "properties": {"params": _written(spec.params_schema)}},
        }
        for spec in known
    ]
    return json.dumps({"$schema": _DRAFT, **schema}, indent=2, ensure_ascii=False) + "\n"


def _written(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a parameters' schema as a playbook may write it: each value, or an expression that gives it."""
    inlined = _inlined(schema, schema.get("$defs", {}))
    values = {name: {"anyOf": [value, _EXPRESSION]} for name, value in inlined.get("properties", {}).items()}
    return {**inlined, "properties": values}


def _inlined(value: Any, definitions: Mapping[str, Any]) -> Any:
    """Put definitions where they are referred to: inside another schema their own place is lost."""
    if isinstance(value, Mapping):
        if "$ref" in value:
            rest = {key: inner for key, inner in value.items() if key != "$ref"}
            return {**_inlined(definitions[value["$ref"].rpartition("/")[2]], definitions), **rest}
        return {key: _inlined(inner, definitions) for key, inner in value.items() if key != "$defs"}
    if isinstance(value, list):
        return [_inlined(inner, definitions) for inner in value]
    return value


def _table(schema: Mapping[str, Any]) -> str:
    properties = schema.get("properties", {})
    if not properties:
        return "Takes nothing."
    required = schema.get("required", ())
    rows = [
        f"| `{name}` | {_cell(_kind(value))} | {'yes' if name in required else _default(value)} |"
        for name, value in properties.items()
    ]
    return "\n".join(["| key | what | required |", "|---|---|---|", *rows])


def _kind(value: Mapping[str, Any]) -> str:
    """Say in words what a JSON Schema allows."""
    if "$ref" in value:
        return str(value["$ref"].rpartition("/")[2])
    if "enum" in value or "const" in value:
        return ", ".join(f"`{choice}`" for choice in value.get("enum", [value.get("const")]))
    for either in ("anyOf", "oneOf"):
        if either in value:
            return " or ".join(_kind(inner) for inner in value[either] if inner.get("type") != "null")
    kind = str(value.get("type", "anything"))
    if kind == "array":
        inner = value.get("items") or {"anyOf": value.get("prefixItems", [{}])}
        return f"list of {_kind(inner)}"
    of = [*value.get("patternProperties", {}).values(), value.get("additionalProperties")]
    if kind == "object" and isinstance(of[0], Mapping):
        return f"mapping to {_kind(of[0])}"
    shape = f" `{value['pattern']}`" if "pattern" in value else ""
    return f"{value.get('format', kind)}{shape}"


def _default(value: Mapping[str, Any]) -> str:
    default = value.get("default")
    return "" if default in (None, [], {}) else f"default `{_cell(json.dumps(default, ensure_ascii=False))}`"


def _description(schema: Mapping[str, Any]) -> str:
    return str(schema.get("description", "")).strip()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _span(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    said = [
        f"{count} {unit}{'s' if count > 1 else ''}"
        for count, unit in ((minutes, "minute"), (seconds, "second"))
        if count
    ]
    return " ".join(said) or "at once"


#: Each generated file, and how it is made.
PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/actions.md": lambda: actions_page(registry.load().specs.values()),
    "docs/reference/configuration.md": lambda: configuration_page(
        {
            "firedoor.yaml": Configuration,
            "people.yaml": People,
            "policy.yaml": Policy,
            "protected.yaml": Protected,
        }
    ),
    "docs/reference/http.md": lambda: http_page(openapi()),
    "docs/reference/cli.md": lambda: page("Commands", CLI, *command_parts()),
    "docs/reference/finding.md": lambda: finding_page(Finding),
    "playbooks/schema.json": lambda: playbook_schema(registry.load().specs.values()),
}


def stale(root: Path) -> tuple[str, ...]:
    """Name the generated files that are missing, or that say something else than the code."""
    return tuple(
        name
        for name, made in PAGES.items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != made()
    )


def write(root: Path) -> tuple[str, ...]:
    """Write the generated files that differ; return their names."""
    differing = stale(root)
    for name in differing:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(PAGES[name](), encoding="utf-8")
    return differing


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or with --check say which are stale and answer 1."""
    parser = argparse.ArgumentParser(prog="python -m firedoor.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a page is stale")
    check = parser.parse_args(arguments).check
    differing = stale(ROOT) if check else write(ROOT)
    for name in differing:
        sys.stdout.write(f"{name} is stale; run: make docs\n" if check else f"wrote {name}\n")
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
