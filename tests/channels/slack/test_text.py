"""Foreign text becomes one visible, bounded line."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from firedoor.presentation.text import clip, inert, width


@given(st.text(), st.integers(5, 400))
def test_inert_text_is_one_visible_line_within_its_bound(text: str, most: int) -> None:
    line = inert(text, most)
    assert line
    assert width(line) <= max(most, width("(empty)"))
    for each in line:
        assert unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def test_half_a_surrogate_pair_is_shown_as_what_it_is() -> None:
    assert inert("a\udc80b") == "a‹U+DC80›b"


def test_nothing_is_shown_as_nothing() -> None:
    assert inert("") == "(empty)"
    assert inert("  ") == "(empty)"


def test_ordinary_text_stays_as_it_is() -> None:
    for text in (
        "svc-deploy",
        "Grüße aus Zürich",
        "日本語のタイトル",
        "a<b> & c",
        "tab\tless".replace("\t", " "),
    ):
        assert inert(text) == text


def test_letters_cannot_paint_over_the_lines_around_them() -> None:
    assert inert("a" + "\u0301" * 50) == "a\u0301\u0301"


@given(st.text(), st.integers(1, 100))
def test_clipped_text_is_never_wider_than_asked(text: str, most: int) -> None:
    assert width(clip(text, most)) <= most


def test_what_is_cut_says_so() -> None:
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"
