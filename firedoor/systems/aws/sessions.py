"""Sessions with AWS: credentials and the clients made from them, kept as long as they are good."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

from firedoor.domain.core.errors import Unavailable
from firedoor.systems.aws.clock import before_send, response_received
from firedoor.systems.aws.errors import RAISED, translate

#: STS is asked for as little as it gives; a response mints again when it needs longer.
_LIFE_SECONDS = 900
_RENEW_SECONDS = 120

#: Assumed sessions kept at once: each has its own clients, of about a megabyte each.
_KEPT = 64

_CONFIG = Config(
    # Every write of ours is idempotent by its natural key, so one whose reply was lost may be sent again;
    # what the second answer means (NoSuchEntity after a delete) is for the action to understand.
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=3,
    read_timeout=20,
    max_pool_connections=50,
    user_agent_extra=f"firedoor/{version('firedoor')}",
)
_PATH_STYLE = _CONFIG.merge(Config(s3={"addressing_style": "path"}))

#: botocore's providers by the names that a profile's `credential_source` may have.
_CREDENTIAL_SOURCES = {
    "Environment": "env",
    "Ec2InstanceMetadata": "iam-role",
    "EcsContainer": "container-role",
}

#: Where STS is asked when neither the environment nor the profile names a region.
_HOME = "us-east-1"


class AwsSession:
    """One set of credentials and its clients, shared by threads."""

    def __init__(self, boto: Any, build_lock: threading.Lock, granted: Mapping[str, Any] | None) -> None:
        self._boto = boto
        self._build_lock = build_lock
        self._clients: dict[tuple[str, str], Any] = {}
        self._credentials: dict[str, str] = {}
        self._ends: float | None = None
        if granted is not None:
            self._credentials = {
                "aws_access_key_id": granted["AccessKeyId"],
                "aws_secret_access_key": granted["SecretAccessKey"],
                "aws_session_token": granted["SessionToken"],
            }
            self._ends = time.monotonic() + _LIFE_SECONDS
        self.region: str = boto.region_name or _HOME

    @property
    def good(self) -> bool:
        """Whether the credentials last long enough to begin a call with them."""
        return self._ends is None or time.monotonic() < self._ends - _RENEW_SECONDS

    def expire(self) -> None:
        """Take AWS's word that the credentials are over. Ambient ones are renewed by botocore itself."""
        if self._ends is not None:
            self._ends = 0.0

    def client(self, service: str, region: str) -> Any:
        """Return the one client of a service in a region."""
        key = (service, region)
        client = self._clients.get(key)
        if client is None:
            with self._build_lock:  # making a client is not thread-safe, using one is
                client = self._clients.get(key)
                if client is None:
                    client = self._clients[key] = self._build(service, region)
        return client

    def _build(self, service: str, region: str) -> Any:
        client = self._boto.client(service, region_name=region, config=_CONFIG, **self._credentials)
        if service == "s3" and ".amazonaws." not in f"{urlsplit(client.meta.endpoint_url).hostname}.":
            # An overridden endpoint has no name per bucket.
            client = self._boto.client(service, region_name=region, config=_PATH_STYLE, **self._credentials)
        return client


class AwsSessions:
    """Makes sessions once and keeps them: the ambient one, and one per assumed role, phase and name."""

    def __init__(self) -> None:
        self._core = botocore.session.get_session()
        self._core.register_component("data_loader", _models())
        self._core.register("before-send", before_send)
        self._core.register("response-received", response_received)
        # One boto3 session makes all clients, an assumed role's with its credentials: a session of its
        # own would cost as much as the client.
        self._boto = boto3.Session(botocore_session=self._core)
        self._build_lock = threading.Lock()
        self._lock = threading.Lock()
        self._minting: dict[tuple[str, ...], threading.Lock] = {}
        self._assumed: OrderedDict[tuple[str, ...], AwsSession] = OrderedDict()
        self._ambient: AwsSession | None = None

    def partition(self, region: str) -> str:
        """Name the partition of a region."""
        try:
            return str(self._core.get_partition_for_region(region))
        except RAISED as error:
            raise translate(error, "region", region) from None

    def ambient(self) -> AwsSession:
        """Return the session of the credentials that botocore finds around the process."""
        with self._lock:
            if self._ambient is None:
                self._ambient = AwsSession(self._boto, self._build_lock, None)
            return self._ambient

    def ambient_key(self) -> str | None:
        """Name the access key of the ambient credentials as they are now; None where there are none."""
        self.ambient()
        try:
            credentials = self._core.get_credentials()
            return str(credentials.get_frozen_credentials().access_key) if credentials else None
        except RAISED as error:
            raise translate(error, "sts", "AssumeRole") from None

    def profiles(self) -> tuple[str, dict[str, dict[str, Any]]]:
        """Return the profile whose role was assumed for the ambient credentials, and all settings.

        "" where they come from elsewhere: then no profile is on the way.
        """
        try:
            found = dict(self._core.full_config.get("profiles", {}))
        except RAISED as error:
            raise translate(error, "profile", "read") from None
        credentials = self._core.get_credentials()
        assumed = credentials is not None and credentials.method == "assume-role"
        in_use = str(self._core.get_config_variable("profile") or "default") if assumed else ""
        return in_use, {str(name): dict(settings) for name, settings in found.items()}

    def held_by(self, settings: Mapping[str, Any]) -> dict[str, str] | None:
        """Return the credentials that a profile holds itself, or takes from its `credential_source`."""
        if settings.get("aws_access_key_id"):
            names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
            return {name: str(settings[name]) for name in names if settings.get(name)}
        provider = _CREDENTIAL_SOURCES.get(str(settings.get("credential_source", "")))
        if provider is None:
            return None
        try:
            resolver = self._core.get_component("credential_provider")
            found = resolver.get_provider(provider).load().get_frozen_credentials()
        except (*RAISED, AttributeError) as error:
            raise Unavailable(
                "the credentials that this process's role was assumed with could not be found again",
                code=type(error).__name__,
                expected=f"the credential_source {settings['credential_source']} of the profile",
            ) from None
        held = {"aws_access_key_id": found.access_key, "aws_secret_access_key": found.secret_key}
        return {**held, "aws_session_token": found.token} if found.token else held

    def client_of(self, service: str, credentials: Mapping[str, str]) -> Any:
        """Return a client with credentials other than the ambient ones."""
        with self._build_lock:
            return self._boto.client(
                service, region_name=self.ambient().region, config=_CONFIG, **credentials
            )

    def assumed(self, role: str, *, external_id: str | None, name: str, phase: str) -> AwsSession:
        """Return a session of an assumed role, minted anew when the last one is nearly over.

        `phase` keeps looking and changing apart, so that each can be narrowed by its own session policy.
        """
        key = (role, phase, name)
        with self._lock:
            minting = self._minting.setdefault(key, threading.Lock())
        with minting:  # one lock per key: a slow STS in one account stops nobody else
            session = self._assumed.get(key)
            if session is None or not session.good:
                try:
                    session = self._mint(role, external_id, name)
                finally:
                    with self._lock:
                        self._minting.pop(key, None)
                self._keep(key, session)
            return session

    def _keep(self, key: tuple[str, ...], session: AwsSession) -> None:
        with self._lock:
            self._assumed[key] = session
            self._assumed.move_to_end(key)
            while len(self._assumed) > _KEPT:
                self._assumed.popitem(last=False)

    def _mint(self, role: str, external_id: str | None, name: str) -> AwsSession:
        hub = self.ambient()
        asked: dict[str, Any] = {
            "RoleArn": role,
            "RoleSessionName": name,
            "DurationSeconds": _LIFE_SECONDS,
        }
        if external_id is not None:
            asked["ExternalId"] = external_id
        try:
            granted = hub.client("sts", hub.region).assume_role(**asked)["Credentials"]
        except RAISED as error:
            raise translate(error, "sts", "AssumeRole") from None
        return AwsSession(self._boto, self._build_lock, granted)


@cache
def _models() -> Any:
    """Return the process's one reader of service models: reading them is what makes a first client slow."""
    return botocore.session.get_session().get_component("data_loader")
