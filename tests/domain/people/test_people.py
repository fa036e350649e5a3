"""People: one human is one entry, and who is not here can say nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from firedoor.domain.people.people import People
from firedoor.domain.yaml.reader import Problems, dump, load, read

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
        ("slack: T01/U01", "slack: [T01/U02, T01/U01]", "slack"),
        ("oidc: x", "oidc: x", "oidc"),
        ("okta: x", "okta: x", "okta"),
        ("oidc: x", "okta: x", "okta"),
        ("okta: x", "oidc: x", "okta"),
        ("passkeys: [{name: a, id: aWQ, key: AQ}]", "passkeys: [{name: b, id: aWQ, key: Ag}]", "passkey"),
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
        ("groups: {secops: ann}", "1:18: text; expected a list of text or a mapping with people, slack_user"),
        ("groups: {secops: {slack: S1}}", "1:19: unknown key 'slack'"),
        ("groups: {secops: {slack_usergroup: T1}}", "1:36: the text 'T1'; expected text that matches ^S"),
        ("groups: {secops: {okta_group: a/b}}", "1:31: the text 'a/b'; expected text that matches"),
        ("groups: {secops: {people: [ann]}}", "1:28: 'ann', who is nobody here"),
        ("groups: {secops: }", "1:17: nothing; expected a list of text"),
        ("people: {ann: {name: A, slack: [T1/U1, U2]}}", "1:40: the text 'U2'; expected text that matches"),
        ("people: {ann: {name: A, slack: []}}", "1:32: an empty list"),
        ("people: {ann: {name: A, passkeys: [{name: k, id: a=, key: AQ}]}}", "1:50: the text 'a='; expected"),
        ("people: {ann: {name: A, passkeys: [{name: k, id: AR, key: AQ}]}}", "1:50: what is no base64url"),
        ("people: {ann: {name: A}, ann: {name: B}}", "1:26: the key 'ann' a second time"),
    ],
)
def test_a_mistake_about_people_is_told_at_its_place(text: str, problem: str) -> None:
    from firedoor.domain.core.errors import FiredoorError

    with pytest.raises(FiredoorError) as caught:
        people(text)
    assert str(caught.value).startswith(f"people.yaml:{problem}")
    assert "secret-token" not in str(caught.value)


OUTSIDE = """
people:
  ann: {name: Ann, slack: [T01/U01, T02/U02], oidc: 00u1}
  bob: {name: Bob, oidc: sub, okta: 00u2}
groups:
  oncall: {slack_usergroup: S01, people: [bob]}
  leads: {okta_group: 00g1}
  claimed: {oidc_group: "Security Team"}
  nothing: {}
"""


def test_two_slack_accounts_of_one_human_are_one_person() -> None:
    known = people(OUTSIDE)
    assert known.person_by_slack("T01", "U01") == known.person_by_slack("T02", "U02") == "ann"
    assert known.person_by_slack("T01", "U02") is None


def test_a_subject_is_the_id_in_okta_where_none_is_written() -> None:
    known = people(OUTSIDE)
    assert [person.okta_user for person in known.people.values()] == ["00u1", "00u2"]
    assert known.person_by_oidc("00u2") is None


def test_a_group_that_others_keep_has_only_those_whom_the_file_adds_until_they_are_asked() -> None:
    known = people(OUTSIDE)
    assert set(known.groups) == {"oncall", "leads", "claimed", "nothing"}
    assert {name: known.members(name) for name in known.groups if known.members(name)} == {"oncall": {"bob"}}
    assert known.groups_of("bob") == {"oncall"}
    assert [known.group(name).outside for name in known.groups] == [True, True, True, False]
    assert not known.group("unheard-of").outside
    assert known.voter("bob", also=["leads"]).groups == ("leads", "oncall")


def test_groups_that_others_keep_read_back_as_written() -> None:
    assert people(dump(people(OUTSIDE))) == people(OUTSIDE)


def test_the_people_of_the_how_to_check() -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/people.md").read_text(encoding="utf-8")
    known = people(page.partition("```yaml\n")[2].partition("```")[0])
    assert known.person_by_slack("T0987654321", "U0246813579") == "jonas"
    assert [name for name in known.groups if known.group(name).outside] == [
        "secops-leads",
        "oncall",
        "security",
    ]


def test_people_read_back_as_written_and_no_token_hash_is_shown() -> None:
    assert people(dump(people())) == people()
    assert A not in repr(people())
