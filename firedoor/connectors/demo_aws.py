"""The emulated AWS account of the demo, seen by its administrator and by whoever holds one of its keys."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from firedoor.domain.core.errors import Unavailable

REGION = "us-east-1"
#: Key and secret with which the emulator takes anybody for its root user.
_ROOT = "test"
# One try: what a caller meets is to be seen at once.
_CONFIG = Config(proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


@dataclass(frozen=True)
class Credentials:
    """What signs a request; a long-lived key has no token."""

    id: str
    secret: str
    token: str | None = None


@dataclass(frozen=True)
class Attempt:
    """What one call met: the HTTP status, AWS's error code, and how many bytes of data it got."""

    status: int
    code: str = ""
    size: int = 0

    @property
    def answered(self) -> bool:
        """Whether it got what it wanted."""
        return not self.code


class Holder:
    """Somebody with credentials of the account, who reads an object."""

    def __init__(self, url: str, credentials: Credentials) -> None:
        self._url = url
        self._credentials = credentials
        self._s3 = _client("s3", url, credentials)

    def read(self, bucket: str, key: str) -> Attempt:
        """Get an object; a refusal is an answer, too."""
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=key)
            return Attempt(_status(answer), size=len(answer["Body"].read()))
        except ClientError as error:
            return Attempt(_status(error.response), str(error.response["Error"]["Code"]))

    def session(self) -> Holder:
        """Take a session with the key, which outlives the key."""
        granted = _client("sts", self._url, self._credentials).get_session_token()["Credentials"]
        return Holder(
            self._url,
            Credentials(granted["AccessKeyId"], granted["SecretAccessKey"], granted["SessionToken"]),
        )


class DemoAccount:
    """The account as its administrator has it."""

    def __init__(self, url: str) -> None:
        self._url = url
        root = Credentials(_ROOT, _ROOT)
        self._iam = _client("iam", url, root)
        self._s3 = _client("s3", url, root)

    def bucket(self, name: str, objects: dict[str, bytes], *, readers: Collection[str]) -> None:
        """Make a bucket whose own policy lets some users of the account read it."""
        self._s3.create_bucket(Bucket=name)
        for key, body in objects.items():
            self._s3.put_object(Bucket=name, Key=key, Body=body)
        reads = {
            "Effect": "Allow",
            "Principal": {"AWS": list(readers)},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{name}/*",
        }
        self._s3.put_bucket_policy(Bucket=name, Policy=_policy(reads))

    def user(self, name: str, permissions: Collection[str]) -> str:
        """Make a user who may do these things and nothing else; returns its ARN."""
        arn = str(self._iam.create_user(UserName=name)["User"]["Arn"])
        allows = {"Effect": "Allow", "Action": sorted(permissions), "Resource": "*"}
        self._iam.put_user_policy(UserName=name, PolicyName="work", PolicyDocument=_policy(allows))
        return arn

    def id_of(self, user: str) -> str:
        """Tell IAM's own id of a user: a detector tells it beside the name, and the plan compares it."""
        return str(self._iam.get_user(UserName=user)["User"]["UserId"])

    def key(self, user: str) -> Credentials:
        """Make a key of a user."""
        made = self._iam.create_access_key(UserName=user)["AccessKey"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"])

    def holder(self, credentials: Credentials) -> Holder:
        """Return somebody who holds credentials."""
        return Holder(self._url, credentials)

    def state(self, user: str) -> dict[str, Any]:
        """Tell a user's keys and the names of its policies, to see what has changed and what is back."""
        keys = self._iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        return {
            "keys": {key["AccessKeyId"]: key["Status"] for key in keys},
            "policies": sorted(self._iam.list_user_policies(UserName=user)["PolicyNames"]),
        }


@cache
def _session() -> Any:
    """Return a session that reads no variable, profile or file of the person's own."""
    nowhere: dict[str, tuple[None, None, str | None, None]] = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=nowhere))


def _client(service: str, url: str, credentials: Credentials) -> Any:
    return _session().client(
        service,
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id=credentials.id,
        aws_secret_access_key=credentials.secret,
        aws_session_token=credentials.token,
        config=_CONFIG,
    )


def _status(answer: Any) -> int:
    try:
        return int(answer["ResponseMetadata"]["HTTPStatusCode"])
    except (KeyError, TypeError, ValueError):
        raise Unavailable("the emulator answered without a status") from None


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
