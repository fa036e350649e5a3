"""What the benchmark feeds both houses: GuardDuty's finding about a leaked key, and our playbooks for it."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SECRET = "the-secret-of-the-benchmark"
HEADERS = {"content-type": "application/json", "x-firedoor-key": SECRET}
_SAMPLE = json.loads(
    (Path(__file__).resolve().parents[1] / "samples" / "guardduty" / "leaked_key.json").read_text()
)


def finding(
    user: str, key: str, type_: str = "UnauthorizedAccess:IAMUser/TorIPCaller", delivery: int = 0
) -> bytes:
    """Return one EventBridge event. `delivery` makes the same finding another event."""
    event: dict[str, Any] = copy.deepcopy(_SAMPLE)
    event["id"] = hashlib.sha256(f"{key} {delivery}".encode()).hexdigest()[:32]
    event["detail"]["id"] = hashlib.sha256(key.encode()).hexdigest()[:32]
    event["detail"]["type"] = type_
    event["detail"]["resource"]["accessKeyDetails"] |= {"accessKeyId": key, "userName": user}
    return json.dumps(event).encode()


def playbooks(chains: Mapping[int, Sequence[tuple[str, str]]]) -> dict[str, str]:
    """Return our playbooks by name: the one that is timed, and one per chain of automatic steps."""
    timed = [("${{ finding.actor.user_name }}", "${{ finding.actor.access_key_id }}")]
    return {
        "stop_leaked_key": _playbook("stop_leaked_key", "UnauthorizedAccess:IAMUser/*", timed),
        **{f"chain_of_{n}": _playbook(f"chain_of_{n}", chain_type(n), keys) for n, keys in chains.items()},
    }


def chain_type(steps: int) -> str:
    """Name the finding type that the chain of so many steps answers."""
    return f"Chain:IAMUser/Of{steps}"


def _playbook(name: str, type_: str, keys: Sequence[tuple[str, str]]) -> str:
    steps = "".join(
        f"  - id: stop_key_{number}\n    action: aws.deactivate_access_key\n"
        f'    params: {{user: "{user}", access_key_id: "{key}"}}\n'
        for number, (user, key) in enumerate(keys)
    )
    return (
        f"playbook: {name}\nsummary: Make the leaked access key useless at once.\nmode: active\n"
        f"responds_to: [{{source: aws.guardduty, types: ['{type_}']}}]\n"
        'incident: "${{ finding.actor.access_key_id }}"\nsteps:\n' + steps
    )
