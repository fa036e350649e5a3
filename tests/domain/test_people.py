"""People: one human is one entry, and who is not here can say nothing."""

from __future__ import annotations

import pytest

from firedoor.domain.people import People
from firedoor.domain.strict_yaml import Problems, dump, load, read

A, B = "a" * 64, "b" * 64
TEXT = f"""
people:
  ann:
    name: Ann Example
    email: Ann@example.com
    slack: T01/U01
    oidc: 00u1
    token_sha256: {A}
    principals: [ann, "arn:aws:iam::123456789012:user/ann"]
  bob: {{name: Bob, token_sha256: {B}}}
  eve: {{name: Eve}}
groups:
  secops: [ann, bob]
  leads: [ann]
  nobody: []
"""


def people(text: str = TEXT) -> People:
    return load(read(text, "people.yaml"), People)


def test_a_person_is_found_by_each_identity_and_by_nothing_else() -> None:
    known = people()
    assert known.person_by_slack("T01", "U01") == "ann"
    assert known.person_by_slack("T02", "U01") is None
    assert known.person_by_slack("T01/U01", "") is None
    assert known.person_by_oidc("00u1") == "ann"
    assert known.person_by_token(B) == "bob"
    assert known.person_by_token("c" * 64) is None


@pytest.mark.parametrize("nothing", ["", "None", "null", "é"])
def test_a_person_without_an_identity_is_not_found_by_an_empty_one(nothing: str) -> None:
    known = people()
    assert known.person_by_token(nothing) is None
    assert known.person_by_oidc(nothing) is None
    assert known.person_by_slack(nothing, nothing) is None


def test_groups_hold_who_is_named_and_an_empty_or_unknown_group_means_nobody() -> None:
    known = people()
    assert known.groups_of("ann") == {"secops", "leads"}
    assert known.groups_of("eve") == frozenset()
    assert known.groups_of("stranger") == frozenset()
    assert known.members("secops") == {"ann", "bob"}
    assert known.members("nobody") == known.members("unheard-of") == frozenset()


def test_a_voter_goes_by_all_names_that_a_finding_might_use() -> None:
    voter = people().voter("ann")
    assert voter.person == "ann"
    assert voter.groups == ("leads", "secops")
    assert set(voter.names) == {
        "Ann@example.com",
        "ann@example.com",
        "ann",
        "arn:aws:iam::123456789012:user/ann",
    }
    with pytest.raises(KeyError):
        people().voter("stranger")


@pytest.mark.parametrize(
    ("mine", "yours", "key"),
    [
        ("slack: T01/U01", "slack: T01/U01", "slack"),
        (f"token_sha256: {A}", f"token_sha256: {A}", "token_sha256"),
        ("oidc: x", "oidc: x", "oidc"),
        ("email: a@b.example", "email: A@b.example", "email"),
    ],
)
def test_one_identity_is_one_person_and_both_are_named(mine: str, yours: str, key: str) -> None:
    with pytest.raises(Problems) as caught:
        people(f"people:\n  ann: {{name: A, {mine}}}\n  bob: {{name: B, {yours}}}\n")
    (problem,) = caught.value.problems
    assert problem.line == 3
    assert problem.found == f"'bob' has the same {key} as 'ann'"


def test_a_member_who_is_nobody_is_told_at_the_members_place() -> None:
    with pytest.raises(Problems) as caught:
        people(TEXT.replace("secops: [ann, bob]", "secops: [ann, bobb]"))
    assert str(caught.value) == (
        "people.yaml:13:17: 'bobb', who is nobody here; "
        "expected the id of one of the people; did you mean 'bob'?"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("people: {ann: {name: A, slack: U01}}", "1:32: the text 'U01'; expected text that matches"),
        ("people: {ann: {name: A, token_sha256: ABC}}", "1:39: the text 'ABC'; expected text that matches"),
        ("people: {ann: {name: A, token: secret-token}}", "1:25: unknown key 'token'"),
        ("people: {ann: {slack: T1/U1}}", "1:15: the key 'name' is missing"),
        ("groups: {secops: ann}", "1:18: text; expected a list of text"),
        ("people: {ann: {name: A}, ann: {name: B}}", "1:26: the key 'ann' a second time"),
    ],
)
def test_a_mistake_about_people_is_told_at_its_place(text: str, problem: str) -> None:
    from firedoor.domain.errors import FiredoorError

    with pytest.raises(FiredoorError) as caught:
        people(text)
    assert str(caught.value).startswith(f"people.yaml:{problem}")
    assert "secret-token" not in str(caught.value)


def test_people_read_back_as_written_and_no_token_hash_is_shown() -> None:
    assert people(dump(people())) == people()
    assert A not in repr(people())
