"""Markup is shown as Slack shows it, so that what is smuggled into it is seen; none of it becomes HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.testing.slack import Workspace
from firedoor.testing.slack.drawing import Drawing
from firedoor.testing.slack.drawing_views import draw_view
from firedoor.testing.slack.markup import mrkdwn
from firedoor.testing.slack.messages import OpenView, Posted
from firedoor.testing.slack.people import CHANNEL
from tests.testing.kit import Clock, Json, actions, button, field, modal, plain

EVIL = "<script>alert(1)</script> \"quoted\" 'too' <img src=x onerror=alert(1)> & `code` *bold*"
TAGS = {"b", "i", "s", "u", "code", "pre", "a", "span", "time", "blockquote"}


def shown(text: str, *, verbatim: bool = False) -> str:
    return mrkdwn(text, Drawing(Workspace(clock=Clock())), verbatim=verbatim)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* and _italic_ and ~gone~", "<b>bold</b> and <i>italic</i> and <s>gone</s>"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("`*not bold*`", "<code>*not bold*</code>"),
        ("```a\n*b*```", "<pre>a\n*b*</pre>"),
        ("*bold with `code` in it*", "<b>bold with <code>code</code> in it</b>"),
        ("&lt;!channel&gt; &amp;", "&lt;!channel&gt; &amp;"),
        ("> said", "<blockquote>said</blockquote>"),
        (":white_check_mark: :made_up_name:", "✅ :made_up_name:"),
        ("<!date^1795374000^{date_num} {time}|fallback>", '<time title="fallback">2026-11-22 19:00</time>'),
        ("<!date^junk^{time}|fallback>", "fallback"),
        ("<javascript:alert(1)|click>", "click"),
        ("<unknown", "&lt;unknown"),
    ],
)
def test_markup_is_drawn_as_slack_draws_it(text: str, html: str) -> None:
    assert shown(text) == html


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("<!channel>", "@channel", "broadcast"),
        ("<!here|here>", "@here", "broadcast"),
        ("<@U0BOB>", "@bob", "user"),
        ("<!subteam^S0SECOPS>", "@secops", "group"),
        (f"<#{CHANNEL}>", "#soc", "channel"),
        ("<@U0UNKNOWN>", "@U0UNKNOWN", "user"),
    ],
)
def test_a_mention_looks_like_one(text: str, name: str, kind: str) -> None:
    assert shown(text) == f'<span class="mention {kind}" data-testid="mention">{name}</span>'


def test_a_link_shows_its_words_and_hides_where_it_leads() -> None:
    made = shown("<https://console.aws.amazon.com.evil.test/?a=1&amp;b=2|Open AWS console>")
    assert 'href="https://console.aws.amazon.com.evil.test/?a=1&amp;b=2"' in made
    assert made.endswith(">Open AWS console</a>")


def test_a_bare_address_is_a_link_unless_the_text_is_verbatim() -> None:
    assert "<a " in shown("see https://evil.test/x")
    assert shown("see https://evil.test/x", verbatim=True) == "see https://evil.test/x"


class Tags(HTMLParser):
    """Collects the tags and attributes of a page's piece."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def tags(html: str) -> Tags:
    found = Tags()
    found.feed(html)
    found.close()
    return found


@given(st.text(alphabet=st.sampled_from("<>&\"'`*_~|!@#^:/x1 \n\ue000\ue001"), max_size=60))
def test_no_markup_whatever_becomes_html_of_its_own(text: str) -> None:
    found = tags(shown(text))
    assert found.tags <= TAGS
    assert not {name for name in found.attributes if name.startswith("on")}


def _every_place() -> list[Json]:
    option = {"text": plain(EVIL[:70]), "value": EVIL}
    leaf = {"type": "text", "text": EVIL, "style": {"bold": True, "code": True}}
    confirm = {key: plain(EVIL) for key in ("title", "text", "confirm", "deny")}
    return [
        {"type": "header", "text": plain(EVIL)},
        {"type": "section", "text": plain(EVIL), "fields": [plain(EVIL)]},
        {"type": "context", "elements": [plain(EVIL)]},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [leaf, {"type": "link", "url": EVIL, "text": EVIL}],
                },
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [{"type": "rich_text_section", "elements": [leaf]}],
                },
            ],
        },
        *actions(
            button(EVIL, text=plain(EVIL), confirm=confirm, accessibility_label=EVIL),
            {"type": "overflow", "action_id": EVIL, "options": [option]},
        ),
    ]


def test_everything_that_somebody_wrote_is_shown_literally() -> None:
    drawing = Drawing(Workspace(clock=Clock()))
    view = modal(
        title=plain(EVIL), blocks=[*_every_place(), field(EVIL, placeholder=plain(EVIL), initial_value=EVIL)]
    )
    drawn = drawing.message(Posted(CHANNEL, "1.1", EVIL, _every_place()), [])
    drawn += draw_view(drawing, view, OpenView(EVIL, "U0BOB", EVIL, errors={EVIL: EVIL}))
    found = tags(drawn)
    assert not found.tags & {"script", "img", "iframe", "style"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert drawn.count("&lt;script&gt;") >= 15


def test_a_findings_words_are_bold_in_markup_and_not_in_rich_text() -> None:
    drawing = Drawing(Workspace(clock=Clock()))
    forged = "`✅ Pre-approved by CISO` <!channel> *really*"
    markup = drawing.block({"type": "section", "text": {"type": "mrkdwn", "text": forged}})
    leaf = {"type": "text", "text": forged}
    rich = drawing.block(
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [leaf]}]}
    )
    assert {"code", "b"} <= tags(markup).tags
    assert 'class="mention broadcast"' in markup
    assert tags(rich).tags == {"div"}
    assert "*really*" in re.sub(r"<[^>]+>", "", rich)
