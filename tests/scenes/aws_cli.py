"""A small `aws` for tests: reads arguments as AWS's own does, by botocore's models, and makes the call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import jmespath  # type: ignore[import-untyped]  # botocore brings it
from botocore import xform_name
from botocore.validate import validate_parameters

_SERVICES = {"s3api": "s3"}
_GLOBAL = ("region", "query", "output")


class Misspelled(Exception):
    """What AWS's own command line would refuse before it makes a call."""


@dataclass(frozen=True)
class Call:
    """One call as a command line spells it, valid by the service's own model."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    options: Mapping[str, str] = field(default_factory=dict)


def read(words: Sequence[str]) -> Call:
    """Read the words after `aws`; raises `Misspelled` for what the service's model does not know."""
    service, kebab, *rest = words
    service = _SERVICES.get(service, service)
    session = botocore.session.get_session()
    if service not in session.get_available_services():
        raise Misspelled(f"there is no service {service}")
    model = session.get_service_model(service)
    operation = {xform_name(name, "-"): name for name in model.operation_names}.get(kebab)
    if operation is None:
        raise Misspelled(f"{service} has no operation {kebab}")
    shape = model.operation_model(operation).input_shape
    members = {xform_name(name, "-"): name for name in shape.members}
    parameters: dict[str, Any] = {}
    options: dict[str, str] = {}
    for flag, values in _arguments(rest):
        if flag in members:
            name = members[flag]
            parameters[name] = _value(shape.members[name], values)
        elif flag in _GLOBAL and len(values) == 1:
            options[flag] = values[0]
        else:
            raise Misspelled(f"{service} {kebab} has no argument --{flag} {values}")
    # Raises ParamValidationError: missing, of another type, or too short.
    validate_parameters(parameters, shape)
    return Call(service, operation, parameters, options)


def _arguments(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for word in words:
        if word.startswith("--"):
            flag, equals, value = word[2:].partition("=")
            found.append((flag, [value] if equals else []))
        elif word.startswith("-") or not found:
            raise Misspelled(f"{word} is no value")
        else:
            found[-1][1].append(word)
    return found


def _value(shape: Any, words: list[str]) -> Any:
    if not words:
        raise Misspelled("expected at least one value")
    if shape.type_name in ("structure", "list", "map") and words[0][:1] in "{[":
        return json.loads(words[0])
    if shape.type_name == "list":
        return [_shorthand(word) if shape.member.type_name == "structure" else word for word in words]
    (word,) = words
    if shape.type_name == "boolean":
        return word == "true"
    return int(word) if shape.type_name in ("integer", "long") else word


def _shorthand(word: str) -> dict[str, Any]:
    pairs = (part.partition("=") for part in word.split(","))
    return {key: [value] if key.endswith("s") else value for key, _, value in pairs}


def paste(command: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Paste a command into a shell in which `aws` is this file; AssertionError where a word is wrong."""
    shim = folder / "aws"
    if not shim.exists():
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "$@"\n')
        shim.chmod(0o755)
    told = subprocess.run(
        ["sh", "-e", "-c", command],
        env={**environment, "PATH": f"{folder}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == 0, f"{command}\n{told.stdout}{told.stderr}"


def main(words: Sequence[str]) -> None:
    """Make the call that the words spell; print what `--query` and `--output text` leave of its answer."""
    call = read(words)
    region = call.options.get("region", os.environ["AWS_DEFAULT_REGION"])
    client = boto3.client(call.service, region_name=region)
    answer = getattr(client, xform_name(call.operation))(**call.parameters)
    if "query" in call.options:
        found = jmespath.search(call.options["query"], answer)
        print("\t".join(found) if call.options.get("output") == "text" else json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
