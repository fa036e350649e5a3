"""The AWS command line, as a person pastes it: `aws <service> <operation> --argument value`."""

from __future__ import annotations

import json
import shlex
from typing import Any


def command(service: str, operation: str, /, *, region: str | None = None, **arguments: Any) -> str:
    """Return one command, every value quoted for a shell; what is not text is spelled as JSON.

    Operation and arguments are named as the command line names them, with `_` for `-`.
    Arguments that are None are left out.
    """
    given = {**arguments, "region": region}
    words = ["aws", service, operation]
    words += [word for name, value in given.items() if value is not None for word in _argument(name, value)]
    return " ".join(words)


def _argument(name: str, value: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
    # What begins with a dash would be taken for the next argument: IAM lets a user be called `-x`.
    return [f"{flag}={shlex.quote(text)}"] if text.startswith("-") else [flag, shlex.quote(text)]
