"""Messages as HTML: every block as Slack's clients draw it, everything that somebody wrote escaped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from firedoor.testing.slack.emoji import emoji, with_emoji
from firedoor.testing.slack.markup import date, link, literal, mention, mrkdwn
from firedoor.testing.slack.messages import Posted
from firedoor.testing.slack.state import State

Json = dict[str, Any]

_TAGS = {"code": "code", "strike": "s", "italic": "i", "bold": "b", "underline": "u"}


class Drawing:
    """Draws what a workspace holds. It is also who knows the names in markup."""

    def __init__(self, state: State) -> None:
        self._state = state

    # ---- names ---------------------------------------------------------------------

    def user(self, user: str) -> str:
        """Return the name of a person."""
        person = self._state.person(user)
        return person.name if person else user

    def group(self, group: str) -> str:
        """Return the handle of a group."""
        known = self._state.usergroups.get(group)
        return known.handle if known else group

    def place(self, channel: str) -> str:
        """Return the name of a channel."""
        known = self._state.known_channels.get(channel)
        return known.name if known else channel

    def now(self) -> datetime:
        """Tell the workspace's time."""
        return datetime.fromtimestamp(self._state.clock(), UTC)

    # ---- messages ------------------------------------------------------------------

    def message(self, posted: Posted, replies: list[Posted]) -> str:
        """Draw a message and its thread."""
        thread = "".join(self.message(reply, []) for reply in replies)
        if replies:
            count = "1 reply" if len(replies) == 1 else f"{len(replies)} replies"
            thread = (
                f'<details class="thread" data-testid="thread"><summary>{count}</summary>{thread}</details>'
            )
        edited = ' <small class="edited">(edited)</small>' if posted.edits else ""
        inner = self.content(posted.text, posted.blocks) + edited + thread
        return self._frame(posted.user, posted.ts, inner, "message")

    def ephemeral(self, body: Json) -> str:
        """Draw what only one person sees."""
        inner = '<p class="only">Only visible to you</p>' + self.content(
            body.get("text") or "", body.get("blocks") or []
        )
        return self._frame(self._state.config.bot, body["ts"], inner, "ephemeral")

    def _frame(self, user: str, ts: str, inner: str, kind: str) -> str:
        name = self.user(user)
        person = self._state.person(user)
        app = '<span class="badge">APP</span>' if person and person.kind == "bot" else ""
        at = datetime.fromtimestamp(float(ts), UTC)
        picture = "🔥" if user == self._state.config.bot else literal(name[:1].upper())
        return (
            f'<article class="{kind}" data-testid="{kind}" data-ts="{literal(ts)}" id="m-{literal(ts)}">'
            f'<div class="avatar">{picture}</div><div class="body"><header><b>{literal(name)}</b>{app}'
            f'<time title="{at:%Y-%m-%d %H:%M:%S} UTC">{at:%H:%M}</time></header>{inner}</div></article>'
        )

    def content(self, text: str, blocks: list[Json]) -> str:
        """Draw blocks; the text stands in where there are none."""
        if not blocks:
            return f'<div class="section"><div>{mrkdwn(text, self)}</div></div>'
        return "".join(self.block(block) for block in blocks)

    # ---- blocks --------------------------------------------------------------------

    def block(self, block: Json) -> str:
        """Draw one block of a message."""
        draw: dict[str, Callable[[Json], str]] = {
            "header": lambda b: f'<h3 data-testid="header">{self.text(b["text"])}</h3>',
            "section": self._section,
            "context": self._context,
            "divider": lambda _: "<hr>",
            "rich_text": self._rich,
            "actions": self._actions,
            "image": lambda b: f'<p class="image">[image: {literal(b["alt_text"])}]</p>',
        }
        kind = block["type"]
        return draw[kind](block) if kind in draw else f"<p>[{literal(kind)}]</p>"

    def text(self, text: Json) -> str:
        """Draw a text object."""
        if text["type"] == "mrkdwn":
            return mrkdwn(text["text"], self, verbatim=bool(text.get("verbatim")))
        return literal(with_emoji(text["text"]) if text.get("emoji") else text["text"])

    def _section(self, block: Json) -> str:
        body = f"<div>{self.text(block['text'])}</div>" if "text" in block else ""
        fields = "".join(f"<div>{self.text(field)}</div>" for field in block.get("fields", []))
        if fields:
            body += f'<div class="fields">{fields}</div>'
        accessory = self.element(block["accessory"]) if "accessory" in block else ""
        return f'<div class="section" data-testid="section"><div>{body}</div>{accessory}</div>'

    def _context(self, block: Json) -> str:
        parts = [
            f"[{literal(each['alt_text'])}]" if each["type"] == "image" else self.text(each)
            for each in block["elements"]
        ]
        inner = "".join(f"<span>{part}</span>" for part in parts)
        return f'<div class="context" data-testid="context">{inner}</div>'

    def _actions(self, block: Json) -> str:
        return f'<div class="actions">{"".join(self.element(each) for each in block["elements"])}</div>'

    # ---- buttons and menus ---------------------------------------------------------

    def element(self, element: Json) -> str:
        """Draw a button, or a menu of options."""
        kind = element["type"]
        if kind == "button":
            return self._button(element, self.text(element["text"]), "")
        if kind == "image":
            return f'<span class="image">[{literal(element["alt_text"])}]</span>'
        options = "".join(
            self._button(element, self.text(option["text"]), option["value"]) for option in element["options"]
        )
        title = "⋯" if kind == "overflow" else self.text(element.get("placeholder", _CHOOSE))
        return (
            f'<details class="menu" data-testid="menu" data-action-id="{literal(element["action_id"])}">'
            f'<summary aria-label="More actions">{title}</summary><div>{options}</div></details>'
        )

    def _button(self, element: Json, text: str, option: str) -> str:
        if element.get("url"):
            return link(element["url"], element["text"]["text"]).replace("<a ", '<a class="button" ', 1)
        style = element.get("style", "default")
        label = literal(element.get("accessibility_label", ""))
        return (
            f'<button type="button" class="button {style}" data-testid="button" '
            f'data-action-id="{literal(element["action_id"])}" data-option="{literal(option)}"'
            f"{f' aria-label={chr(34)}{label}{chr(34)}' if label else ''}>{text}</button>"
            f"{self._confirm(element['confirm']) if 'confirm' in element else ''}"
        )

    def _confirm(self, confirm: Json) -> str:
        return (
            f'<dialog class="confirm" data-testid="confirm"><h3>{self.text(confirm["title"])}</h3>'
            f"<p>{self.text(confirm['text'])}</p><footer>"
            f'<button type="button" value="deny" data-testid="deny">{self.text(confirm["deny"])}</button>'
            f'<button type="button" value="confirm" class="button {confirm.get("style", "primary")}" '
            f'data-testid="confirm-yes">{self.text(confirm["confirm"])}</button></footer></dialog>'
        )

    # ---- rich text -----------------------------------------------------------------

    def _rich(self, block: Json) -> str:
        inner = "".join(self._part(part) for part in block["elements"])
        return f'<div class="rich" data-testid="rich_text">{inner}</div>'

    def _part(self, part: Json) -> str:
        if part["type"] == "rich_text_list":
            tag = "ol" if part["style"] == "ordered" else "ul"
            items = "".join(f"<li>{self._leaves(item)}</li>" for item in part["elements"])
            return f'<{tag} class="indent{int(part.get("indent", 0))}">{items}</{tag}>'
        tag = {"rich_text_preformatted": "pre", "rich_text_quote": "blockquote"}.get(part["type"], "div")
        return f"<{tag}>{self._leaves(part)}</{tag}>"

    def _leaves(self, section: Json) -> str:
        return "".join(self._leaf(leaf) for leaf in section["elements"])

    def _leaf(self, leaf: Json) -> str:
        draw: dict[str, Callable[[], str]] = {
            "text": lambda: literal(leaf["text"]),
            "emoji": lambda: literal(emoji(leaf["name"])),
            "link": lambda: link(leaf["url"], leaf.get("text") or leaf["url"]),
            "user": lambda: mention(f"@{self.user(leaf['user_id'])}", "user"),
            "usergroup": lambda: mention(f"@{self.group(leaf['usergroup_id'])}", "group"),
            "channel": lambda: mention(f"#{self.place(leaf['channel_id'])}", "channel"),
            "broadcast": lambda: mention(f"@{leaf['range']}", "broadcast"),
            "date": lambda: literal(date(int(leaf["timestamp"]), leaf.get("format", ""), self.now())),
        }
        made = draw[leaf["type"]]()
        for style, tag in _TAGS.items():
            if leaf.get("style", {}).get(style):
                made = f"<{tag}>{made}</{tag}>"
        return made


_CHOOSE: Json = {"type": "plain_text", "text": "Choose…"}
