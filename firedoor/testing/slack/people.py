"""Who is in a workspace: people of every kind, groups of them, and channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["member", "guest", "single_channel_guest", "bot", "deleted", "stranger"]

TEAM = "T0ACME001"
PARTNER_TEAM = "T0PARTNER1"
APP = "A0FIREDOOR1"
BOT = "U0FIREDOOR1"
BOT_ID = "B0FIREDOOR1"
CHANNEL = "C0SOC00001"
TOKEN = "xoxb-made-up-for-tests"  # noqa: S105  it opens nothing but the fake
APP_TOKEN = "xapp-made-up-for-tests"  # noqa: S105  as TOKEN
SECRET = b"made-up-signing-secret"

BOT_SCOPES = frozenset({"chat:write", "users:read", "usergroups:read", "channels:read", "groups:read"})
APP_SCOPES = frozenset({"connections:write"})

USERS: Mapping[str, str] = MappingProxyType(
    {"U0ALICE": "alice", "U0BOB": "bob", "U0CAROL": "carol", "U0STRANGER": "stranger"}
)


@dataclass(frozen=True)
class Person:
    """An account; `team` is its home, "" for the workspace it is looked at from."""

    id: str
    name: str
    kind: Kind = "member"
    team: str = ""

    def info(self, workspace: WorkspaceConfig) -> Json:
        """Return the account as users.info tells it."""
        home = self.home(workspace)
        told: Json = {
            "id": self.id,
            "team_id": home,
            "name": self.name,
            "real_name": self.name.title(),
            "deleted": self.kind == "deleted",
            "is_bot": self.kind == "bot",
            "is_app_user": False,
            "is_restricted": self.kind in ("guest", "single_channel_guest"),
            "is_ultra_restricted": self.kind == "single_channel_guest",
            "updated": 1790000000,
            "profile": {"real_name": self.name.title(), "display_name": self.name, "team": home},
        }
        if self.kind == "stranger":
            told["is_stranger"] = True
        if workspace.enterprise and self.kind != "stranger":
            told["enterprise_user"] = {
                "id": self.id,
                "enterprise_id": workspace.enterprise,
                "enterprise_name": "Acme",
                "is_admin": False,
                "is_owner": False,
                "teams": [home],
            }
        return told

    def home(self, workspace: WorkspaceConfig) -> str:
        """Return the workspace the account belongs to."""
        return self.team or (PARTNER_TEAM if self.kind == "stranger" else workspace.team)


@dataclass(frozen=True)
class UserGroup:
    """People who are mentioned together."""

    id: str
    handle: str
    users: tuple[str, ...] = ()
    disabled: bool = False

    def info(self, team: str) -> Json:
        """Return the group as usergroups.list tells it."""
        return {
            "id": self.id,
            "team_id": team,
            "is_usergroup": True,
            "name": self.handle.title(),
            "handle": self.handle,
            "description": "",
            "is_external": False,
            "date_create": 1790000000,
            "date_update": 1790000000,
            "date_delete": 1790000001 if self.disabled else 0,
            "user_count": len(self.users),
        }


@dataclass
class Channel:
    """A place to talk in. Whether the app is in it stands in the workspace's `channels`."""

    id: str
    name: str
    private: bool = False
    archived: bool = False
    shared: bool = False

    def info(self, *, member: bool) -> Json:
        """Return the channel as conversations.info tells it."""
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": not self.private,
            "is_group": self.private,
            "is_im": False,
            "is_private": self.private,
            "is_archived": self.archived,
            "is_general": False,
            "is_shared": self.shared,
            "is_ext_shared": self.shared,
            "is_member": member,
        }


EVERY_KIND = (
    Person("U0GUEST", "greta", "guest"),
    Person("U0SINGLE", "sam", "single_channel_guest"),
    Person("U0ROBOT", "deploybot", "bot"),
    Person("U0GONE", "gary", "deleted"),
    Person("U0PARTNER", "pat", "stranger"),
)
GROUPS = (
    UserGroup("S0SECOPS", "secops", ("U0ALICE", "U0BOB")),
    UserGroup("S0NOBODY", "nobody"),
    UserGroup("S0FORMER", "former", ("U0CAROL",), disabled=True),
)


@dataclass(frozen=True)
class WorkspaceConfig:
    """What a workspace is made of; the values are made up unless told otherwise.

    `users` are full members, id to name; `others` are accounts of any kind. With
    `open_membership` an id that nobody has is a member too. `enterprise` makes the
    workspace one of an organisation, `org_install` the app one of all its workspaces.
    """

    team: str = TEAM
    team_name: str = "acme"
    enterprise: str = ""
    org_install: bool = False
    app: str = APP
    bot: str = BOT
    bot_id: str = BOT_ID
    bot_name: str = "firedoor"
    channel: str = CHANNEL
    channel_name: str = "soc"
    token: str = TOKEN
    app_token: str = APP_TOKEN
    signing_secret: bytes = field(default=SECRET, repr=False)
    users: Mapping[str, str] = field(default_factory=lambda: dict(USERS))
    others: Sequence[Person] = EVERY_KIND
    usergroups: Sequence[UserGroup] = GROUPS
    scopes: frozenset[str] = BOT_SCOPES
    app_scopes: frozenset[str] = APP_SCOPES
    open_membership: bool = False
    strict_rates: bool = False
