"""Draws messages roughly as Slack does: `python -m tests.render_card --png DIR`, or `… pending`."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from typing import Any

from firedoor.channels.slack.blocks import Message

_EMOJI = {
    "raised_hand": "✋",
    "white_check_mark": "✅",
    "hourglass_flowing_sand": "⏳",
    "hourglass": "⌛",
    "white_circle": "⚪",
    "warning": "⚠️",
    "x": "❌",
    "rotating_light": "🚨",
    "no_entry_sign": "🚫",
    "leftwards_arrow_with_hook": "↩️",
    "lock": "🔒",
    "mag": "🔍",
    "ghost": "👻",
    "heavy_minus_sign": "➖",
    "arrow_down": "⬇️",
    "snowflake": "❄️",
    "bell": "🔔",
    "no_bell": "🔕",
    "ocean": "🌊",
    "ballot_box_with_ballot": "🗳️",
}

_STYLE = """
body{margin:0;padding:20px;width:680px;background:#fff;color:#1d1c1d;
 font:15px/1.46668 Lato,'DejaVu Sans','Noto Sans',sans-serif}
.m{display:flex;gap:10px;margin-bottom:24px}.m>div:last-child{min-width:0}
.a{width:36px;height:36px;border-radius:6px;background:#1d1c1d;color:#fff;
 display:flex;align-items:center;justify-content:center;font-size:20px;flex:none}
.n{font-weight:900}.app{background:#e8e8e8;color:#616061;font-size:10px;padding:1px 4px;border-radius:2px;
 margin:0 6px;font-weight:700}.t{color:#616061;font-size:12px}
h1{font-size:18px;line-height:1.3;margin:6px 0 8px;font-weight:900;overflow-wrap:anywhere}
.b{margin:0 0 8px;overflow-wrap:anywhere}.b ul{margin:2px 0 6px;padding-left:26px}
.c{color:#616061;font-size:13px;margin:4px 0 8px}
code{background:#f6f6f6;border:1px solid #ddd;border-radius:3px;color:#c01343;
 font:12px 'DejaVu Sans Mono',monospace;
 padding:1px 3px;overflow-wrap:anywhere}
pre{background:#f6f6f6;border:1px solid #ddd;border-radius:4px;padding:8px;margin:4px 0;
 font:12px/1.5 'DejaVu Sans Mono',monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.who{background:#fff6d1;color:#1264a3;padding:0 2px;border-radius:3px}a{color:#1264a3;text-decoration:none}
.btn{display:inline-block;border:1px solid #bbb;border-radius:4px;padding:4px 12px;font-weight:700;
 font-size:14px;margin:0 8px 4px 0}.primary{background:#007a5a;color:#fff;border-color:#007a5a}
.danger{color:#e01e5a;border-color:#e01e5a}
"""


def draw(*messages: Message) -> str:
    """Return a page with some cards."""
    bodies = "".join(
        "<div class=m><div class=a>🚪</div><div><span class=n>firedoor</span><span class=app>APP</span>"
        f"<span class=t>18:30</span>{''.join(map(_block, message.blocks))}</div></div>"
        for message in messages
    )
    return f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style>{bodies}"


def _block(block: dict[str, Any]) -> str:
    kind = block["type"]
    if kind == "header":
        return f"<h1>{html.escape(block['text']['text'])}</h1>"
    if kind == "context":
        return f"<div class=c>{''.join(_mrkdwn(each['text']) for each in block['elements'])}</div>"
    if kind == "actions":
        return f"<div class=b>{''.join(map(_button, block['elements']))}</div>"
    return f"<div class=b>{''.join(map(_part, block['elements']))}</div>"


def _part(part: dict[str, Any]) -> str:
    if part["type"] == "rich_text_list":
        return f"<ul>{''.join(f'<li>{_part(each)}</li>' for each in part['elements'])}</ul>"
    if part["type"] == "rich_text_preformatted":
        return f"<pre>{html.escape(part['elements'][0]['text'])}</pre>"
    return f"<span>{''.join(map(_leaf, part['elements']))}</span>"


def _leaf(leaf: dict[str, Any]) -> str:
    if leaf["type"] == "emoji":
        return _EMOJI.get(leaf["name"], f":{leaf['name']}:")
    if leaf["type"] in ("usergroup", "user"):
        return f"<span class=who>@{html.escape(leaf.get('usergroup_id') or leaf['user_id'])}</span>"
    drawn = html.escape(leaf["text"]).replace("\n", "<br>")
    if leaf["type"] == "link":
        return f"<a>{drawn}</a>"
    for style, tag in (("code", "code"), ("bold", "b"), ("italic", "i")):
        if leaf.get("style", {}).get(style):
            drawn = f"<{tag}>{drawn}</{tag}>"
    return drawn


def _button(button: dict[str, Any]) -> str:
    return f"<span class='btn {button.get('style', '')}'>{html.escape(button['text']['text'])}</span>"


def _mrkdwn(text: str) -> str:
    """Draw the little markup that our own lines use."""
    text = re.sub(r"<!date\^\d+\^[^|]*\|([^>]*)>", r"\1", text)
    text = re.sub(r":([a-z_]+):", lambda match: _EMOJI.get(match[1], match[0]), html.escape(text))
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*([^*]+)\*", r"<b>\1</b>", text)


def pictures() -> dict[str, Message]:
    """Return the messages worth a picture, by the name of the picture."""
    from firedoor.channels.slack import digest as many
    from firedoor.channels.slack.card import card
    from firedoor.channels.slack.render_context import Around
    from firedoor.domain.action.action import Consequence
    from firedoor.domain.finding.finding import Actor
    from firedoor.domain.plan.plan import Plan
    from tests.channels.slack.reports import RULE, SESSIONS, START, STOP, asked, every_standing, finding, step
    from tests.channels.slack.test_digest import digest, line

    around = Around(page="https://firedoor.example.com", mentions={"secops": "S0SECOPS1"})
    stands = every_standing()
    command = "aws iam delete-access-key --user-name svc-deploy --access-key-id AKIAIOSFODNN7EXAMPLE"
    failed = stands["failed"].model_copy(
        update={"plan": Plan(steps=(STOP, SESSIONS, step(by_hand=command)), undo_rule=RULE)}
    )
    storm = digest(line(), line(key="b", playbook="public_bucket", others={}, outliers=0, alone=()))
    says = (
        "`✅ Pre-approved by CISO` <!channel> <https://console.aws.amazon.com.evil.test|Open AWS console>"
        "\n✅ *Approved by alice and bob* :white_check_mark: \u202eOSIC yb devorppA"
    )
    steps = (step(says=says, consequences=(Consequence(says=says),)),)
    hostile = stands["pending"].model_copy(
        update={
            "finding": finding(title=says, actor=Actor(user_name=says)),
            "ask": asked(steps),
            "asked_steps": steps,
            "plan": Plan(steps=steps, undo_rule=RULE),
            "entries": START,
        }
    )
    return {
        "card": card(stands["pending"], around),
        "card-one-of-two": card(stands["counting"], around),
        "card-done": card(stands["contained"], around),
        "card-failed": card(failed, around),
        "card-undo": card(stands["undo_pending"], around),
        "card-frozen": card(stands["pending"], Around(frozen="dora: the on-call rotation is being changed")),
        "card-digest": many.digest(storm, around),
        "card-injection": card(hostile, around),
    }


def photograph(folder: Path) -> None:
    """Draw each picture with Chromium."""
    from playwright.sync_api import sync_playwright

    from tests.browser import chromium_path

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), headless=True, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 720, "height": 400}, device_scale_factor=1.5)
        for name, message in pictures().items():
            page.set_content(draw(message))
            page.screenshot(path=folder / f"{name}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--png"]:
        photograph(Path(sys.argv[2]))
    else:
        from firedoor.channels.slack.card import card
        from tests.channels.slack.reports import every_standing

        wanted = sys.argv[1:] or ["pending"]
        sys.stdout.write(draw(*(card(every_standing()[name]) for name in wanted)))
