"""What the benchmark feeds both houses: GuardDuty's finding about a leaked key, and our playbooks for it."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

#: IAM's own id of each user, as GuardDuty tells it beside the name: the plan compares it with the account's.
PRINCIPALS: dict[str, str] = {}

SECRET = "the-secret-of-the-benchmark"
HEADERS = {"content-type": "application/json", "x-firedoor-key": SECRET}
_SAMPLE = json.loads(
    (Path(__file__).resolve().parents[1] / "samples" / "guardduty" / "leaked_key.json").read_text()
)


def finding(
    user: str,
    key: str,
    type_: str = "UnauthorizedAccess:IAMUser/TorIPCaller",
    *,
    event: int = 0,
    update: int = 0,
) -> bytes:
    """Return one EventBridge event.

    `event` makes the same finding another event; `update` is GuardDuty's own
    later word on the same finding: seen once more, nothing else.
    """
    told: dict[str, Any] = copy.deepcopy(_SAMPLE)
    detail = told["detail"]
    told["id"] = hashlib.sha256(f"{key} {event} {update}".encode()).hexdigest()[:32]
    detail["id"] = hashlib.sha256(key.encode()).hexdigest()[:32]
    detail["type"] = type_
    detail["resource"]["accessKeyDetails"] |= {
        "accessKeyId": key,
        "userName": user,
        "principalId": PRINCIPALS[user],
    }
    detail["service"]["count"] += update
    seen = datetime.fromisoformat(detail["updatedAt"]) + timedelta(seconds=update)
    detail["updatedAt"] = seen.isoformat()
    return json.dumps(told).encode()


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
