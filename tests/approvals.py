"""An installation whose people say yes in a strict Slack, by either of Slack's two ways."""

from __future__ import annotations

import copy
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
from temporalio.client import Client
from temporalio.service import RPCError

from firedoor.domain.response.contract import desk_id
from firedoor.testing.slack.delivery import Delivered
from firedoor.testing.slack.people import APP_TOKEN, EVERY_KIND, USERS, Channel, WorkspaceConfig
from firedoor.testing.slack.web_api import Answer, WebApi
from tests.fake_slack import APP, CHANNEL, TEAM, FakeSlack, Posted, Signed
from tests.fake_slack import running as workspace
from tests.installation import TOKENS, Installation, installation, sha
from tests.toy_world import ToyWorld

Transport = Literal["http", "socket"]
TRANSPORTS: tuple[Transport, ...] = ("http", "socket")
FALLBACK = "C0ALT00001"
_PATIENCE = 45.0
_numbers = itertools.count(1)

#: The Slack account of each person; `alice2` is the second one of alice.
ACCOUNTS = {
    **{name: id_ for id_, name in USERS.items()},
    "alice2": "U0ALICE2",
    "dave": "U0DAVE",
    "erin": "U0ERIN",
    "late_http": "U0LATEHTTP",
    "late_socket": "U0LATESOCKET",
    **{each.name: each.id for each in EVERY_KIND},
}
#: Accounts that may not decide, although people.yaml binds each to somebody in the group that is asked.
BARRED = tuple(each.name for each in EVERY_KIND)


def _person(name: str, *more_accounts: str, **more: Any) -> dict[str, Any]:
    accounts = (ACCOUNTS[name], *more_accounts)
    return {
        "name": name.title(),
        "email": f"{name}@example.com",
        "slack": [f"{TEAM}/{account}" for account in accounts],
        "token_sha256": sha(TOKENS.get(name, f"fdp_{name}")),
        **more,
    }


PEOPLE: dict[str, Any] = {
    "people": {
        "alice": _person("alice", "U0ALICE2", oidc="sub-alice"),
        **{name: _person(name) for name in ("bob", "carol", "dave", "erin", *BARRED)},
    },
    "groups": {
        "responders": ["alice", "bob", "erin", *BARRED],
        "leads": ["carol"],
        "nobody": [],
        "oncall": [],
        "secops": {"slack_usergroup": "S0SECOPS"},
        "silent": {"slack_usergroup": "S0NOBODY"},
    },
}
POLICY: dict[str, Any] = {
    "default": {"from": ["responders"], "quorum": 1, "within": "30m"},
    "break_glass": {"people": ["dave"], "review": {"from": ["leads"], "quorum": 1, "within": "4h"}},
}


def playbook(name: str, *, weld: str | None = "", shut: str | None = None) -> str:
    """Return a playbook for findings of a type named after it; a step that is None is not there."""
    text = (
        f"playbook: {name}\nsummary: Close the doors of the toy world, {name}.\n"
        f'responds_to: [{{source: toy, types: ["{name}:*"]}}]\nmode: active\non_failure: continue\n'
        'incident: "${{ finding.resources[0].uid }}"\nsteps:\n'
    )
    for action, approval in (("shut", shut), ("weld", weld)):
        if approval is not None:
            asked = f"approval: {{{approval}}}, " if approval else ""
            door = 'params: {door: "${{ finding.resources[0].name }}"}'
            text += f"  - {{id: {action}_it, action: toy.{action}, {asked}{door}}}\n"
    return text


#: A weld cannot be undone, so the policy's own group decides about it; about a door that is shut, any other.
PLAYBOOKS = {
    "weld_one": playbook("weld_one"),
    "weld_two": playbook("weld_two", weld="quorum: 2"),
    "close_doors": playbook("close_doors", weld="quorum: 2", shut=""),
    "shut_asked": playbook("shut_asked", weld=None, shut="quorum: 1"),
    "escalating": playbook("escalating", weld=None, shut="then: escalate, to: [leads]"),
    "of_secops": playbook("of_secops", weld=None, shut="from: [secops], quorum: 2"),
    "of_nobody": playbook("of_nobody", weld=None, shut="from: [nobody]"),
    "of_silent": playbook("of_silent", weld=None, shut="from: [silent]"),
    "of_oncall": playbook("of_oncall", weld=None, shut="from: [oncall]"),
    "edited": playbook("edited"),
    "signed": playbook("signed", weld="step_up: true"),
}


# ---- Slack, with a memory -----------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One call of the app to Slack, and Slack's answer."""

    at: datetime
    method: str
    body: dict[str, Any]
    answer: dict[str, Any]


class _RecordedApi(WebApi):
    calls: list[Call]

    def answer(self, method: str, token: str, body: dict[str, Any]) -> Answer:
        told = super().answer(method, token, body)
        self.calls.append(Call(datetime.now(UTC), method, copy.deepcopy(body), told.body))
        return told


class RecordedSlack(FakeSlack):
    """The strict fake, which writes down what it was asked and what it answered."""

    def __init__(self, **settings: Any) -> None:
        users = {id_: name for name, id_ in ACCOUNTS.items() if name not in BARRED}
        super().__init__(config=WorkspaceConfig(users=users, **settings))
        self.web = _RecordedApi(self, self.dialogs, lambda: self.socket_mode.address(self.url))
        self.recorded: list[Call] = []
        self.web.calls = self.recorded
        self.told: list[str] = []  # what every answer to a response_url was answered
        self.known_channels[FALLBACK] = Channel(FALLBACK, "soc-fallback")
        self.channels.add(FALLBACK)

    def answer(self, token: str, body: dict[str, Any]) -> str:
        """Answer a response_url."""
        said = super().answer(token, body)
        self.told.append(said)
        return said

    def written(self, response: str) -> list[Call]:
        """List every state that a message about a response was ever drawn in."""
        return [
            call
            for call in self.recorded
            if call.method in ("chat.postMessage", "chat.update") and response in json.dumps(call.body)
        ]

    def complaints(self, *expected: str) -> list[str]:
        """List what Slack refused for its form or its size, or for another reason than the expected ones."""
        refused = [call.answer for call in self.recorded if not call.answer["ok"]]
        said = [json.dumps(each) for each in refused if each["error"] not in expected]
        said += [each for each in self.told if each != "ok"]
        return said + [each.code for each in self.notices if each.code == "invalid_response_action"]


# ---- one ask ------------------------------------------------------------------------------


def text_of(message: Posted | Call) -> str:
    """Return all that stands in a message."""
    told = message.body if isinstance(message, Call) else {"text": message.text, "blocks": message.blocks}
    return json.dumps([told.get("text"), told.get("blocks")], ensure_ascii=False)


@dataclass
class Asked:
    """One response, and the messages about it."""

    approvals: Approvals
    response: str
    door: str

    def cards(self) -> list[Posted]:
        return [each for each in self.approvals.slack.cards() if self.response in json.dumps(each.blocks)]

    def card(self, says: str = "", *, button: str = "") -> Posted:
        """Wait for the newest card to say something, and to have a button."""

        def found() -> Posted | None:
            cards = self.cards()
            if not cards or says not in text_of(cards[-1]):
                return None
            return cards[-1] if not button or has_button(cards[-1], button) else None

        seen: Posted = until(
            found, lambda: f"a card that says {says!r}, with {button!r}: {[text_of(c) for c in self.cards()]}"
        )
        return seen

    def asking(self) -> Posted:
        """Wait until the newest card asks for a yes."""
        return self.card(button="approve")

    def as_seen(self) -> Posted:
        """Return the newest card as somebody sees it whose screen is not drawn anew any more."""
        return copy.deepcopy(self.asking())

    def report(self) -> dict[str, Any]:
        return self.approvals.here.report(self.response)

    def voters(self) -> list[tuple[str, str]]:
        """Tell whose word counts: each person with the door."""
        return [(vote["voter"]["person"], vote["door"]) for vote in self.report()["votes"]]

    def until(self, true: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        return self.approvals.here.until(self.response, true, what)

    def until_status(self, *statuses: str) -> dict[str, Any]:
        return self.approvals.here.until_status(self.response, *statuses)

    def says(self, kind: str) -> list[str]:
        """Tell what the ledger says of one kind of thing."""
        return [entry["says"] for entry in self.report()["ledger"] if entry["kind"] == kind]

    def effects(self) -> list[str]:
        return [each for each in self.approvals.world.effects() if each.endswith(f" {self.door}")]

    def vote(self, who: str, decision: str = "approve", **more: Any) -> httpx.Response:
        """Say a word over HTTP."""
        return self.approvals.here.vote(self.response, who, decision, **more)

    def end(self) -> None:
        """Leave nothing that is asked: an ask that stays open counts towards a storm."""
        report = self.report()
        if report["review"] is not None:
            self._refuse("carol", report["review"]["plan_sha256"])
        for who in ("erin", "alice", "carol"):
            if report["asking"] and self._refuse(who, report["ask"]["plan_sha256"]):
                return
        if report["asking"]:  # nobody may answer it
            self.approvals.here.fast_forward(self.response, timedelta(hours=1))

    def _refuse(self, who: str, plan: str) -> bool:
        here = self.approvals.here
        body = {"decision": "reject", "fingerprint": plan, "reason": "bad_time: the test is over"}
        answer = here.http.post(f"/v1/responses/{self.response}/votes", json=body, headers=here.bearer(who))
        return answer.status_code == 200


def has_button(card: Posted, action: str) -> bool:
    return any(each["action_id"] == f"firedoor.{action}" for each in card.buttons())


def until(true: Callable[[], Any], what: str | Callable[[], str], within: float = _PATIENCE) -> Any:
    """Wait for something that happens in another process."""
    deadline = time.monotonic() + within
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            found = true()
        except (httpx.HTTPError, AssertionError) as error:  # busy; the deadline is the one above
            found, last = None, error
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(what if isinstance(what, str) else what()) from last


def within(limit: float, seconds: Callable[[], float]) -> bool:
    """Measure up to three times: the processes of other tests may hold the machine for a moment.

    `make bench` tells the figures; this only tells a desk that writes at once from one that does not.
    """
    return any(seconds() < limit for _ in range(3))


# ---- the whole ----------------------------------------------------------------------------


@dataclass
class Approvals:
    """An installation and its Slack."""

    here: Installation
    slack: RecordedSlack
    opened: list[Asked] = field(default_factory=list)

    @property
    def world(self) -> ToyWorld:
        return ToyWorld(self.here.world_folder)

    def finding(self, kind: str, door: str, **changes: Any) -> dict[str, Any]:
        return {
            "uid": f"f-{door}",
            "source": "toy",
            "type": f"{kind}:Door/Open",
            "title": "Somebody walks through a door",
            "severity": "high",
            "account": "123456789012",
            "region": "us-east-1",
            "resources": [{"kind": "Toy::Door", "uid": f"arn:toy:door:::{door}", "name": door}],
            "first_seen": "2026-11-22T03:00:00Z",
            "last_seen": "2026-11-22T03:00:00Z",
            "modified": "2026-11-22T03:00:00Z",
            **changes,
        }

    def post(self, finding: Mapping[str, Any]) -> dict[str, Any]:
        """Deliver a finding; returns the answer."""
        answer = self.here.post(finding, f"d-{next(_numbers)}")
        assert answer.status_code == 202, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def start(self, kind: str = "weld_one", **changes: Any) -> Asked:
        """Let a detector report a new door of its own."""
        door = self.world.door(f"door{next(_numbers)}")
        (started,) = self.post(self.finding(kind, door, **changes))["responses"]
        self.opened.append(Asked(self, started["id"], door))
        return self.opened[-1]

    def end_all(self) -> None:
        """End what is still asked; whoever may not say no to it leaves it."""
        for asked in self.opened:
            with suppress(httpx.HTTPError, AssertionError):
                asked.end()
        self.opened.clear()

    def new_desk(self) -> None:
        """Begin anew as in another channel, with nothing written and nobody waiting.

        What many tests ask in one channel would be a storm, and more edits than Slack takes in a minute.
        """

        async def forgotten(client: Client) -> None:
            with suppress(RPCError):  # there was none
                await client.get_workflow_handle(desk_id(CHANNEL)).terminate()

        self.here.with_temporal(forgotten)

    def until_quiet(self, seconds: float = 1.3) -> None:
        """Wait until the desk has nothing more to write."""
        began = datetime.now(UTC)  # what was ended just now may not have begun to write

        def quiet() -> bool:
            written = [each.at for each in self.slack.recorded if each.method.startswith("chat.")]
            return (datetime.now(UTC) - max([began, *written[-1:]])).total_seconds() > seconds

        until(quiet, "a quiet desk")

    def ready(self) -> None:
        """Wait until both ways are open."""
        self.here.wait_ready()
        until(lambda: self.socket_word() == "ok", lambda: f"a healthy socket: {self.socket_word()}")

    def socket_word(self) -> str:
        """Tell what /readyz says of Socket Mode."""
        return str(self.here.http.get("/readyz").json().get("reports", {}).get("slack_socket"))

    def way(self, transport: Transport) -> Way:
        return Way(self, transport)


class Way:
    """One of Slack's two ways to tell us what people do."""

    def __init__(self, approvals: Approvals, transport: Transport) -> None:
        self.approvals = approvals
        self.slack = approvals.slack
        self.transport = transport

    def send(self, signed: Signed) -> Delivered:
        """Hand over, and wait as long as Slack does."""
        if self.transport == "socket":
            return self.slack.send_interactive(signed)
        return self.slack.deliver(f"{self.approvals.here.http.base_url}/slack/interactions", signed)

    def press(self, who: str, card: Posted, action: str = "approve", **other: Any) -> Delivered:
        """Press a button of a card."""
        return self.send(self.slack.press(ACCOUNTS[who], card, f"firedoor.{action}", **other))

    def yes(self, who: str, card: Posted, **other: Any) -> None:
        """Press Approve and be answered with nothing, which means that it is recorded."""
        delivered = self.press(who, card, **other)
        assert (delivered.outcome, delivered.answer) == ("ok", None), delivered

    def refused(self, who: str, card: Posted, action: str = "approve", **other: Any) -> str:
        """Press, and return what this person alone is told."""
        return self.told(who, lambda: self.press(who, card, action, **other))

    def told(self, who: str, does: Callable[[], Delivered]) -> str:
        """Return what a person alone is told of what they do."""
        before = len(self.slack.ephemerals)
        delivered = does()
        assert delivered.outcome == "ok", delivered

        def said() -> list[Any]:
            return [each for each in self.slack.ephemerals[before:] if each["user"] == ACCOUNTS[who]]

        return json.dumps(until(said, f"{who} is told something", 15), ensure_ascii=False)

    def dialog(self, who: str, card: Posted, action: str) -> str:
        """Press a button that opens a dialog, and wait until it is filled; returns its id."""
        known = set(self.slack.views)
        delivered = self.press(who, card, action)
        assert delivered.outcome == "ok", delivered

        def filled() -> str | None:
            new = [each for each in self.slack.views if each not in known]
            return new[-1] if new and "One moment" not in self.view(new[-1]) else None

        opened: str = until(filled, f"a dialog, {self.slack.ephemerals[-1:]}")
        return opened

    def view(self, view_id: str) -> str:
        """Return what stands in a dialog."""
        return json.dumps(self.slack.views[view_id], ensure_ascii=False)

    def submit(self, who: str, view_id: str, **chosen: str) -> Delivered:
        """Submit a dialog; the value of each input by its name."""
        values = {
            name: {name: {"value": value} if name == "comment" else {"selected_option": {"value": value}}}
            for name, value in chosen.items()
        }
        return self.send(self.slack.submit_view(ACCOUNTS[who], view_id, values))


@contextmanager
def approvals(
    folder: Path,
    playbooks: Mapping[str, str] = PLAYBOOKS,
    *,
    more: str = "",
    environment: Mapping[str, str] | None = None,
    strict_rates: bool = False,
    **settings: Any,
) -> Iterator[Approvals]:
    """Start an installation with both of Slack's ways open."""
    with workspace(RecordedSlack(strict_rates=strict_rates)) as slack:
        lines = (
            "slack: {bot_token: {env: SLACK_BOT_TOKEN}, signing_secret: {env: SLACK_SIGNING_SECRET}, "
            f"app_token: {{env: SLACK_APP_TOKEN}}, app_id: {APP}, team_id: {TEAM}, channel: {CHANNEL}, "
            f"fallback_channel: {FALLBACK}, base_url: '{slack.url}/api/'}}\n" + more
        )
        told = {"SLACK_APP_TOKEN": APP_TOKEN, **(environment or {})}
        settings = {"people": PEOPLE, "policy": POLICY, "time_skipping": True, **settings}
        with installation(folder, playbooks, lines, told, **settings) as here:
            made = Approvals(here, slack)
            made.ready()
            yield made
