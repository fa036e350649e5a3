"""Draws a card roughly as Slack does, as one HTML page: `python -m tests.render_card pending > card.html`."""

from __future__ import annotations

import html
import re
import sys
from typing import Any

from firedoor.slack.blocks import Message

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
}

_STYLE = """
body{margin:0;padding:20px;width:680px;background:#fff;color:#1d1c1d;
 font:15px/1.46668 Lato,'DejaVu Sans','Noto Sans',sans-serif}
.m{display:flex;gap:10px}.a{width:36px;height:36px;border-radius:6px;background:#1d1c1d;color:#fff;
 display:flex;align-items:center;justify-content:center;font-size:20px;flex:none}
.n{font-weight:900}.app{background:#e8e8e8;color:#616061;font-size:10px;padding:1px 4px;border-radius:2px;
 margin:0 6px;font-weight:700}.t{color:#616061;font-size:12px}
h1{font-size:18px;line-height:1.3;margin:6px 0 8px;font-weight:900}
.b{margin:0 0 8px}.b ul{margin:2px 0 6px;padding-left:26px}
.c{color:#616061;font-size:13px;margin:4px 0 8px}
code{background:#f6f6f6;border:1px solid #ddd;border-radius:3px;color:#c01343;
 font:12px 'DejaVu Sans Mono',monospace;
 padding:1px 3px;overflow-wrap:anywhere}
.btn{display:inline-block;border:1px solid #bbb;border-radius:4px;padding:4px 12px;font-weight:700;
 font-size:14px;
 margin-right:8px}.primary{background:#007a5a;color:#fff;border-color:#007a5a}
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
    return f"<span>{''.join(map(_leaf, part['elements']))}</span>"


def _leaf(leaf: dict[str, Any]) -> str:
    if leaf["type"] == "emoji":
        return _EMOJI.get(leaf["name"], f":{leaf['name']}:")
    drawn = html.escape(leaf["text"]).replace("\n", "<br>")
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


if __name__ == "__main__":
    from firedoor.slack.card import card
    from tests.slack.reports import every_standing

    wanted = sys.argv[1:] or ["pending"]
    sys.stdout.write(draw(*(card(every_standing()[name]) for name in wanted)))
