"""The marks by which detectors, and those who pass their findings on, tell a sample from the real thing.

Only what the detector itself writes counts. A session name, a tag, a user agent, an object's key or a
looked-up domain is the caller's to choose: an attacker would sign a theft as a sample.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from firedoor.sources.forgiving import flag

#: What GuardDuty writes into every name and id that a sample finding makes up.
_GENERATED: Final = "GeneratedFinding"
#: The instance and the bucket of its samples, and the bucket of Macie's. A bucket's real name has no capital
#: letters, and Macie's is AWS's own: bucket names are the world's.
_SAMPLE_NAMES: Final = frozenset(("i-99999999", "bucketName", "macie-sample-finding-bucket"))
#: How many parts of an ARN's path are not the caller's: the bucket; `assumed-role` and the role.
_GIVEN: Final = {"s3": 1, "sts": 2}
#: The tables in which detectors, and those who pass their findings on, keep what they say themselves.
_DETECTORS_OWN: Final = frozenset(
    (
        *("additionalinfo", "asff", "aws", "compliance", "detail", "finding", "guardduty", "macie"),
        *("productfields", "securityhub", "service", "workflow"),
    )
)
_SAMPLE_TITLES: Final = ("[sample]", "sample finding")


def titled(*titles: str) -> bool:
    """Whether a title, description or type is one of a sample finding."""
    return any(title.strip().lower().startswith(_SAMPLE_TITLES) for title in titles)


def named(names: Iterable[str | None]) -> bool:
    """Whether any of these ids, names and ARNs is one that a sample finding makes up."""
    return any(_made_up(part) for name in names if name for part in _parts(name))


def _made_up(part: str) -> bool:
    return part.startswith(_GENERATED) or part in _SAMPLE_NAMES


def _parts(name: str) -> Iterable[str]:
    """The parts that AWS or GuardDuty gave it; the caller's own (a session, an object's key) are left out."""
    pieces = name.split(":", 5)
    if pieces[0] == "arn" and len(pieces) > 5:  # noqa: PLR2004 -- an ARN has six pieces
        path = pieces[5].replace(":", "/").split("/")
        return path[: _GIVEN.get(pieces[2], len(path))]
    if name.startswith("AWS::"):  # ASFF: AWS::IAM::AccessKey:AKIA…
        return (name.rpartition(":")[2],)
    return (pieces[0],)


def told(info: Any) -> bool:
    """Whether additional information (a table, or a JSON text of one) holds `sample: true`."""
    if isinstance(info, str):
        try:
            info = json.loads(info)
        except (ValueError, RecursionError):
            return False
    if not isinstance(info, Mapping):
        return False
    return any(said(value) for key, value in info.items() if key.lower() == "sample")


def flattened(fields: Mapping[str, Any], path: str) -> Iterable[Any]:
    """Values of a table whose keys are paths (`aws/guardduty/service/archived`) that end in this one."""
    return (value for key, value in fields.items() if key.lower().endswith(path))


def parts(path: str) -> tuple[str, ...]:
    """The parts of a key that is a path, in lower case."""
    return tuple(path.replace("/", ".").replace(":", ".").lower().split("."))


def unfolded(fields: Mapping[str, Any], depth: int = 5) -> Iterable[tuple[tuple[str, ...], Any]]:
    """Each value of a table with its way, also those in the tables, and the JSON texts, that detectors write.

    Into any other table nobody looks: tags and the parameters of a call are the caller's to choose.
    """
    for key, value in fields.items():
        way = parts(key)
        inner = _table(value) if depth and way[-1] in _DETECTORS_OWN else None
        if inner is None:
            yield way, value
        else:
            yield from (((*way, *rest), one) for rest, one in unfolded(inner, depth - 1))


def _table(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, Mapping) else None


def said(value: Any) -> bool:
    """Whether a mark is set. One that is there and cannot be read counts: nothing acts on it."""
    try:
        return flag(value)
    except ValueError:
        return True
