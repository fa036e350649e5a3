"""GitHub webhooks: secret scanning alerts, and the ping that greets a new hook.

- `source` is `github`, `type` the secret's type as GitHub spells it (`aws_access_key_id`), `uid`
  `<owner>/<repository>/secret-scanning/<number>`.
- The alert carries no secret. Where a relay adds one, only an AWS access key id is taken from it: the id
  names the key and is no secret. Everything else of it is dropped here.
- GitHub knows no severity: critical where the secret is known to work or to be public, else high.
- Alerts are told when created, reopened, publicly leaked or found valid. Resolved ones are ignored (whatever
  the resolution: revoked, false_positive, used_in_tests, wont_fix, …), and so are secrets GitHub found to be
  inactive. GitHub sends no samples.
- An alert names no account of a cloud, so nothing acts on it; the door says so.
- The event header is not signed: the body has to look like the event it is said to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from firedoor.domain.core.errors import Unreadable
from firedoor.domain.finding.finding import Actor, Finding, Severity
from firedoor.sources.aws_names import access_key_id
from firedoor.sources.delivery import Delivery, Left, Part, read_parts
from firedoor.sources.forgiving import (
    Deciding,
    Fields,
    Flag,
    MaybeMoment,
    MaybeText,
    MaybeWord,
    build,
    needed,
    quoted,
    thing,
)

SOURCE = "github"

_ACTING = frozenset(("created", "reopened", "publicly_leaked", "validated"))


class _Alert(Deciding):
    created_at: MaybeMoment = None
    html_url: MaybeText = None
    multi_repo: Flag = False
    number: MaybeText = None
    publicly_leaked: Flag = False
    resolution: MaybeWord = None
    resolved_at: MaybeText = None
    secret: MaybeText = Field(default=None, repr=False)
    secret_type: MaybeText = None
    secret_type_display_name: MaybeText = None
    state: MaybeWord = None
    updated_at: MaybeMoment = None
    validity: MaybeWord = None


class _Repository(Fields):
    full_name: MaybeText = None
    private: Flag = False


class _Event(Deciding):
    action: MaybeWord = None
    alert: _Alert = _Alert()
    hook_id: MaybeText = None
    repository: _Repository = _Repository()
    zen: MaybeText = None


def read(body: Any, headers: Mapping[str, str], raw_sha256: str, received: datetime) -> Delivery:
    """Read one webhook; raises `Unreadable` when it is not what its event header says."""
    uid = headers.get("x-github-delivery") or raw_sha256
    kind = headers.get("x-github-event") or ""
    if not isinstance(body, dict):
        raise Unreadable(
            "a body that is no JSON object", expected="a GitHub webhook", mend="see the hook's deliveries"
        )
    event = _Event.read(body)
    if kind == "ping":
        needed(event.zen or event.hook_id, "zen", "the body of a ping")
        return Delivery(uid=uid, handshake="ping")
    if kind == "secret_scanning_alert":
        return read_parts(uid, (Part(uid, lambda: (_read_alert(event, raw_sha256, received),)),))
    if not kind:
        raise Unreadable(
            "no X-GitHub-Event header",
            expected="the name of the event",
            mend="let GitHub's headers through the proxy",
        )
    return Delivery(uid=uid, ignored=(Left(uid, f"no reader for GitHub's event {quoted(kind)}"),))


def _read_alert(event: _Event, raw_sha256: str, received: datetime) -> Finding | Left:
    alert = event.alert
    repository = needed(
        event.repository.full_name, "repository.full_name", "the repository's name with its owner"
    )
    number = needed(alert.number, "alert.number", "the alert's number")
    secret_type = needed(
        alert.secret_type, "alert.secret_type", "the secret's type, such as aws_access_key_id"
    )
    action = needed(event.action, "action", "created, reopened, resolved, …")
    uid = f"{repository}/secret-scanning/{number}"
    state = (alert.state or "open").lower()
    if action not in _ACTING or alert.resolution or alert.resolved_at or state != "open":
        return Left(uid, f"the alert is {quoted(alert.resolution or (action if state == 'open' else state))}")
    if (alert.validity or "").lower() == "inactive":
        return Left(uid, "GitHub found that the secret no longer works")
    modified = alert.updated_at or alert.created_at or received
    key = access_key_id(alert.secret)
    facts = {
        "private": event.repository.private,
        "alert": number,
        "validity": alert.validity or "unknown",
        "publicly_leaked": alert.publicly_leaked or action == "publicly_leaked",
        "multi_repo": alert.multi_repo,
    }
    resources = [thing(kind="GitHub::Repository", uid=repository, name=repository, attributes=facts)]
    if key:
        resources.append(thing(kind="AWS::IAM::AccessKey", uid=key, name=key))
    certain = facts["publicly_leaked"] is True or alert.validity == "active"
    return build(
        uid=uid,
        source=SOURCE,
        type=secret_type,
        title=f"{alert.secret_type_display_name or secret_type} in {repository}"[:4096],
        severity=Severity.CRITICAL if certain else Severity.HIGH,
        resources=tuple(resources),
        actor=Actor(access_key_id=key),
        first_seen=alert.created_at or modified,
        last_seen=modified,
        modified=modified,
        url=alert.html_url if (alert.html_url or "").startswith("https://") else None,
        raw_sha256=raw_sha256,
    )
