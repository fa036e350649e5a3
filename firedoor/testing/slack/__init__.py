"""A strict fake of Slack, for tests and for trying approvals without a workspace."""

from firedoor.testing.slack.people import Channel, Person, UserGroup, WorkspaceConfig
from firedoor.testing.slack.server import app, running, serve
from firedoor.testing.slack.workspace import Workspace

__all__ = ["Channel", "Person", "UserGroup", "Workspace", "WorkspaceConfig", "app", "running", "serve"]
