"""Guards: what they do not know, they refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.guard.guards import Guards
from firedoor.domain.guard.protected import Protected, Protection
from tests.harness import ACCOUNT

OTHER = "210987654321"
EXIT = "arn:toy:door:::exit"
THEIRS = f"arn:aws:lambda:us-east-1:{OTHER}:function:f"
GUARDS = Guards(
    accounts=frozenset({ACCOUNT, OTHER}),
    sources={"acme": None, "narrow": frozenset({OTHER}), "nowhere": frozenset()},
    protected=Protected(protected=(Protection(target=EXIT, why="the fire exit"),)),
)


@pytest.mark.parametrize(
    ("source", "account", "target", "says"),
    [
        ("acme", ACCOUNT, "arn:toy:door:::front", None),
        ("narrow", OTHER, "arn:toy:door:::front", None),
        ("acme", "999999999999", "arn:toy:door:::front", "account 999999999999 is not one of ours"),
        ("acme", "", "arn:toy:door:::front", "account (none) is not one of ours"),
        ("stranger", ACCOUNT, "arn:toy:door:::front", "no source is called 'stranger'"),
        ("", ACCOUNT, "arn:toy:door:::front", "no source is called ''"),
        (
            "narrow",
            ACCOUNT,
            "arn:toy:door:::front",
            f"source 'narrow' may not act on account {ACCOUNT}",
        ),
        ("nowhere", ACCOUNT, "arn:toy:door:::front", f"source 'nowhere' may not act on account {ACCOUNT}"),
        ("acme", ACCOUNT, EXIT, f"{EXIT} is protected: the fire exit"),
        ("acme", ACCOUNT, "", "the action does not name what it would change"),
        ("acme", ACCOUNT, THEIRS, f"{THEIRS} is of account {OTHER}, and the step acts in account {ACCOUNT}"),
        ("acme", OTHER, THEIRS, None),
    ],
)
def test_what_is_allowed_and_why_the_rest_is_not(
    source: str, account: str, target: str, says: str | None
) -> None:
    assert GUARDS.objection(source=source, account=account, target=target) == says


@given(st.text(max_size=12), st.text(max_size=12), st.text(min_size=1, max_size=20))
def test_a_guard_that_does_not_know_says_no(source: str, account: str, target: str) -> None:
    allowed = source in {"acme", "narrow"} and account in {ACCOUNT, OTHER}
    assert (GUARDS.objection(source=source, account=account, target=target) is None) <= allowed


@given(st.sampled_from(["acme", "narrow"]), st.text(min_size=1))
def test_guards_over_no_account_refuse_everything(source: str, target: str) -> None:
    empty = GUARDS.model_copy(update={"accounts": frozenset()})
    assert empty.objection(source=source, account=ACCOUNT, target=target) is not None
