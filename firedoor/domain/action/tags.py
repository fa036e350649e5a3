"""Tags: what a resource's tags say of whose it is, and of how sensitive its data are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from firedoor.domain.approval.policy import DataClass
from firedoor.domain.finding.finding import Finding

_CLASSIFICATIONS = {"classification", "dataclassification"}
_CLASSES: dict[str, DataClass] = {
    "public": "public",
    "internal": "internal",
    "confidential": "confidential",
    "restricted": "restricted",
}
#: Names of owners that one finding may tell of one target: each of them only takes a vote away.
_MOST_TOLD = 20
_LONGEST_NAME = 256


def as_map(tags: Any) -> dict[str, Any]:
    """Read tags in either of AWS's spellings: a map, or a list of `Key` and `Value`; {} for anything else."""
    if isinstance(tags, Mapping):
        return {str(key): value for key, value in tags.items()}
    listed = tags if isinstance(tags, (list, tuple)) else []
    pairs = ({str(key).lower(): value for key, value in each.items()} for each in listed if _is_map(each))
    return {str(each["key"]): each.get("value") for each in pairs if "key" in each}


def owners_by(tags: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names that the tag `owner`, in any case, holds: as a whole, and word by word.

    An AWS tag has no lists, so several owners stand in it with spaces between them.
    """
    values = [value for key, value in sorted(tags.items()) if key.lower() == "owner"]
    return tuple(dict.fromkeys(name for value in values for name in _names(value)))


def data_by(tags: Mapping[str, Any]) -> DataClass:
    """Return the class that the tags give the data; `unknown` where they give none, another, or two."""
    told = _classifications(tags)
    return _CLASSES.get(told.pop(), "unknown") if len(told) == 1 else "unknown"


def classes_by(tags: Mapping[str, Any]) -> tuple[DataClass, ...]:
    """Return every class that some tag gives the data, for people to read; words of ours alone."""
    return tuple(_CLASSES[told] for told in sorted(_classifications(tags) & _CLASSES.keys()))


def owners_told(finding: Finding, target: str) -> tuple[str, ...]:
    """Return whom a finding's own attributes and tags name as the owner of a target, at most twenty names.

    They may only take votes away, never add one: a finding can be forged. What it says
    of how sensitive data are is not read at all.
    """
    parts = set(re.split("[:/]", target)) - {""}
    names: dict[str, None] = {}
    for resource in finding.resources:
        same = resource.uid == target or target.startswith(f"{resource.uid}/")
        if not target or not (same or {resource.uid, resource.name} & parts):
            continue
        tags = as_map(resource.attributes.get("tags"))
        names |= dict.fromkeys((*owners_by(resource.attributes), *owners_by(tags)))
    return tuple(names)[:_MOST_TOLD]


def _classifications(tags: Mapping[str, Any]) -> set[str]:
    return {
        str(value).strip().lower()
        for key, value in tags.items()
        if re.sub("[-_]", "", key.lower()) in _CLASSIFICATIONS
    }


def _names(value: Any) -> Iterator[str]:
    told: Iterable[Any] = value if isinstance(value, (list, tuple)) else [value]
    for each in told:
        if isinstance(each, str) and each.strip() and len(each) <= _LONGEST_NAME:
            yield each.strip()
            yield from filter(None, re.split(r"[\s,;]+", each))


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)
