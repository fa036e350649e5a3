"""Kingfisher's rules for credentials, run in this process; it is never let to call a vendor."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from kingfisher_sdk import Finding, Rules, Scanner

#: Compiling the rules takes ten seconds, reading them compiled one; in an image they are compiled once.
_CACHE = Path(sys.prefix) / "share" / "firedoor" / "credential-rules"
_KINDS = ("betterleaks.", "custom.", "kingfisher.", "veles.secrets/")


def scanner() -> Callable[[str], Iterator[tuple[str, str]]]:
    """Return a function that finds credentials in a text: what kind each is, and the credential itself.

    Takes seconds. `Rules` and `Scanner` only match; what asks vendors whether a credential works is
    another class (`Validator`), which is never made here.
    """
    with suppress(OSError):  # an image that is only read: it has them compiled, or compiles them each time
        _CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
    rules = Rules(confidence="medium", cache_dir=_CACHE)
    scan = Scanner(rules, base64=True).scan

    def found(text: str) -> Iterator[tuple[str, str]]:
        data = text.encode(errors="replace")
        for each in scan(data):
            if not each.visible:
                continue  # a part of a credential that is no secret by itself, such as the id of a tenant
            yield _kind(each.rule_id), _as_it_stands(each, data)

    return found


def _as_it_stands(found: Finding, data: bytes) -> str:
    """Return the credential as the text holds it: of one in base64, its base64."""
    if not found.is_base64_encoded:
        return found.secret
    place = found.location
    return data[place["start_offset"] : place["end_offset"]].decode(errors="replace")


def _kind(rule: str) -> str:
    for prefix in _KINDS:
        rule = rule.removeprefix(prefix)
    return rule.replace("-", " ")


if __name__ == "__main__":
    scanner()  # compiles the rules, so that the first gateway need not
