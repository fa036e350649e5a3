"""Facts: what a finding lets a playbook see, by which a later finding is news or is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from firedoor.domain.finding.finding import Finding
from firedoor.domain.playbook.expression import context_of, expressions
from firedoor.domain.playbook.playbook import Playbook

#: Fields that differ between two tellings of the same thing; facts only where the playbook reads them.
_TELLING = frozenset(
    {
        "uid",
        "title",
        "first_seen",
        "last_seen",
        "modified",
        "count",
        "url",
        "raw_sha256",
        "left_out",
    }
)
#: `finding.count`, `finding["count"]`; a `finding` without a name behind it may be read as a whole.
_READ = re.compile(r"""\bfinding\b(?:\s*\.\s*([a-z_]+)|\s*\[\s*["']([a-z_]+)["']\s*\])?""")


def fields_read(playbook: Playbook) -> frozenset[str]:
    """Name the fields of a finding that a playbook's expressions read."""
    named: set[str] = set()
    for source in _sources(playbook):
        for match in _READ.finditer(source):
            name = match.group(1) or match.group(2)
            named.update([name] if name else Finding.model_fields)
    return frozenset(named)


def facts_of(finding: Finding, read: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return a digest of everything that an expression can see of a finding, each as told by its detector.

    It is taken from the very context that expressions get, so that no field can be
    forgotten here. `read` are fields a playbook reads, which count whatever they are.
    """
    told: set[str] = set()
    for name, value in context_of(finding)["finding"].items():
        if name in _TELLING and name not in read:
            continue
        if name == "resources":
            for resource in value:
                which = [resource["uid"], resource.get("account"), resource.get("region")]
                told.update(_leaves(json.dumps(["resource", *which]), resource))
        elif name == "actor":
            # What is empty is not taken into an incident: an earlier finding's word stays.
            known = {key: each for key, each in value.items() if each and each != "unknown"}
            told.update(_leaves("actor", known))
        else:
            told.update(_leaves(name, value))
    # What one detector knows does not make another's word known: each is heard once.
    whose = json.dumps([finding.via, finding.source])
    return frozenset(blake2b(f"{whose} {fact}".encode(), digest_size=16).hexdigest() for fact in told)


def _sources(playbook: Playbook) -> Iterator[str]:
    if playbook.when:
        yield playbook.when
    yield from expressions(playbook.incident)
    for step in playbook.every_step():
        yield from step.sources()


def _leaves(path: str, value: Any) -> Iterator[str]:
    """Spell each value with its way; the items of a list are a set, for lists grow as findings join."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(f"{path}.{json.dumps(key)}", item)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _leaves(f"{path}[]", item)
    else:
        yield f"{path}={json.dumps(value)}"
