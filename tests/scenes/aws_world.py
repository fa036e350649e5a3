"""An emulated AWS account: an administrator, an attacker, and Firedoor with just what an action declares."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from firedoor.domain.action.action import Action
from firedoor.systems.aws.calls import Account, Aws, AwsAccounts
from firedoor.testing.aws import RecordedAws, Replica
from firedoor.testing.scene import Made, Phase, Scene
from tests.scenes import aws_cli
from tests.servers import ACCOUNT, FaultProxy, Server

REGION = "us-east-1"
#: Key and secret of the emulators' root user.
ROOT = "test"
INCIDENT = "0a1b2c3d4e5f"
_EXTERNAL_ID = "told-to-firedoor-only"
_DIRECT = Config(proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})

#: What a dead credential or a policy answers; anything else an attacker meets is a fault of the test.
_REFUSALS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)

#: Makes the administrator's and the attackers' clients; a session for each would take longer than the tests.
_BOTO = boto3.Session()


@dataclass
class AwsWorld:
    """One emulator as one account.

    `enforces` tells whether this emulator evaluates credentials and policies:
    there Firedoor works with roles that allow exactly what the action declares,
    and an attacker who is contained is really refused.
    """

    server: Server
    proxy: FaultProxy
    enforces: bool
    incident: str = INCIDENT
    region: str = REGION
    made: list[Made] = field(default_factory=list)
    replica: Replica = field(default_factory=Replica, repr=False)
    denied: set[str] = field(default_factory=set)
    _ambient: AwsAccounts = field(
        default_factory=lambda: AwsAccounts({ACCOUNT: Account(ACCOUNT)}), repr=False
    )
    _clients: dict[tuple[str | None, ...], Any] = field(default_factory=dict, repr=False)
    _roles: dict[tuple[str, ...], AwsAccounts] = field(default_factory=dict, repr=False)

    def client(self, service: str, key: str = ROOT, secret: str = ROOT, token: str | None = None) -> Any:
        """Return a plain boto3 client: the administrator's, or one with somebody's credentials."""
        who = (service, key, secret, token)
        if who not in self._clients:
            self._clients[who] = _BOTO.client(
                service,
                region_name=self.region,
                endpoint_url=self.server.url,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=_DIRECT,
            )
        return self._clients[who]

    def aws(self, permissions: Collection[str] | None = None, *, changing: bool = True) -> Aws:
        """Return Firedoor's connector, which may do what it is given and nothing else (None: everything)."""
        accounts = self._ambient
        if permissions is not None and self.enforces:
            allowed = tuple(sorted(permissions))
            if allowed not in self._roles:
                self._roles[allowed] = self._role(allowed, len(self._roles))
            accounts = self._roles[allowed]
        lend = accounts.changing if changing else accounts.reading
        return RecordedAws(lend(ACCOUNT, self.region, self.incident), self.made, self.replica, self.denied)

    def allowed(self, attempt: Callable[[], Any]) -> bool:
        """Tell whether somebody's call succeeds; a refusal is False, any other error is raised."""
        try:
            attempt()
        except ClientError as error:
            if error.response["Error"]["Code"] in _REFUSALS:
                return False
            raise
        return True

    def _role(self, permissions: tuple[str, ...], number: int) -> AwsAccounts:
        name = f"FiredoorResponder{number}"
        iam = self.client("iam")
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": _EXTERNAL_ID}},
        }
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
        if permissions:
            grant = {"Effect": "Allow", "Action": list(permissions), "Resource": "*"}
            iam.put_role_policy(RoleName=name, PolicyName="declared", PolicyDocument=policy(grant))
        return AwsAccounts({ACCOUNT: Account(ACCOUNT, role["Arn"], _EXTERNAL_ID)})


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class AwsScene(Scene):
    """A scene in an emulated AWS account; see `firedoor.testing.scene` for what a scene has to say."""

    #: The emulators that implement the calls of this action: "ministack", "moto".
    emulators: tuple[str, ...] = ("ministack", "moto")

    def __init__(self, world: AwsWorld) -> None:
        self.world = world

    def act(self, phase: Phase) -> Action:
        """Return the action with a connector that has the permissions of a phase, and none more."""
        declared: tuple[str, ...] = getattr(self.action.permissions, phase)
        aws = self.world.aws({*declared, *self.emulator_asks}, changing=phase != "read")
        return self.action(aws)  # type: ignore[call-arg]  # an action of AWS takes its connector

    def paste(self, command: str) -> None:
        """Paste a command into a shell of the administrator's."""
        environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        with tempfile.TemporaryDirectory(prefix="firedoor-aws-") as folder:
            aws_cli.paste(command, Path(folder), environment)

    def made(self) -> list[Made]:
        """Return the calls since the last question."""
        made = list(self.world.made)
        self.world.made.clear()
        return made

    def lose_reply(self, call: Made) -> None:
        """Let the next such call happen, and lose its answer."""
        self.world.proxy.lose_reply(call.service, call.operation)

    def deny(self, *permissions: str) -> None:
        """Refuse every call that needs one of these from now on."""
        self.world.denied.clear()
        self.world.denied.update(permissions)

    def remember(self) -> None:
        """Keep what every read answers from now on."""
        self.world.replica.keep()

    def stale(self) -> None:
        """Let each of those reads be answered once as it was then."""
        self.world.replica.answer()
