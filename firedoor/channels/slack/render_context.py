"""What a message needs to know besides the response that it is about."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from firedoor.domain.core.value import Value
from firedoor.domain.response.messages import Report


class Around(Value):
    """The surroundings of a message, as the settings and the kill switch have them now.

    page:     our own origin, such as `https://firedoor.example.com`; "" where there is no page to open.
    mentions: the Slack user group (`S…`) of a group of people, by the group's name.
    users:    the Slack account (`U…`, `W…`) of a person, by the person's id.
    roles:    the role that we act as, by account.
    frozen:   who threw the kill switch and why; "" while it is not thrown. Text of others.
    """

    page: str = ""
    mentions: Mapping[str, str] = Field(default_factory=dict)
    users: Mapping[str, str] = Field(default_factory=dict)
    roles: Mapping[str, str] = Field(default_factory=dict)
    frozen: str = ""

    def page_of(self, response: str) -> str:
        """Return the address of a response's page, "" where there is none."""
        return f"{self.page.rstrip('/')}/responses/{response}" if self.page else ""


NOWHERE = Around()


def block_name(part: str, report: Report, around: Around) -> str:
    """Name a block; Slack wants another name whenever a message is drawn anew."""
    frozen = "f" if around.frozen else ""
    return f"{part}:{len(report.entries)}.{report.version}{frozen}"
