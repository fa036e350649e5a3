"""Place: what a finding names is where it says it is, and what is not ours is left out by name."""

from __future__ import annotations

from typing import Any

import pytest

from firedoor.domain.finding.finding import Actor, Finding, Resource
from firedoor.domain.finding.place import Place, ours
from firedoor.domain.playbook.expand import identity_of, merged, unfold
from firedoor.domain.playbook.expression import ExpressionError, context_of
from firedoor.domain.playbook.placing import PLACES, place_of
from firedoor.domain.playbook.playbook import Step
from tests.harness import ACCOUNT, finding, playbook

A, B, STRANGERS = ACCOUNT, "111122223333", "999988887777"
HOME = Place(account=A, region="us-east-1")
ALLOWED = frozenset({A, B})
DOORS = "finding.resources.filter(r, r.kind == 'Toy::Door')"
EACH = Step(
    id="shut",
    action="toy.shut",
    for_each=DOORS,
    as_="door",
    max_targets=9,
    params={"door": "${{ door.name }}"},
)


def door(name: str = "front", account: str | None = None, region: str | None = None, **more: Any) -> Resource:
    return Resource(
        **{"kind": "Toy::Door", "uid": name, "name": name, "account": account, "region": region, **more}
    )


def role(name: str, account: str | None = None, uid: str = "AROAEXTERNAL") -> Resource:
    return Resource(kind="AWS::IAM::Role", uid=uid, name=name, account=account)


def about(*resources: Resource, **changes: Any) -> Finding:
    return finding(resources=resources, **{"actor": Actor(), **changes})


def step(door_: str = "x", **changes: Any) -> Step:
    return Step(**{"id": "a", "action": "toy.shut", "params": {"door": door_}, **changes})


def where(made: Step, told: Finding, **context: Any) -> Place:
    return place_of(made, {**context_of(told), **context}).place


class TestWhereAStepActs:
    def test_an_item_of_a_list_acts_where_it_is_and_not_where_the_finding_is(self) -> None:
        told = about(door("a", B, "eu-west-1"), door("b"), door("c", B), door("d", None, "eu-west-1"))
        calls = {str(call.params["door"]): call.place for call in unfold(0, EACH, context_of(told))}
        assert calls == {
            "a": Place(account=B, region="eu-west-1"),
            "b": HOME,
            "c": Place(account=B),
            "d": Place(account=A, region="eu-west-1"),
        }

    def test_one_name_in_two_places_is_two_targets_of_ids_that_stay(self) -> None:
        both = about(door("front", A), door("front", B), door("front", A, "eu-west-1"))
        calls = unfold(0, EACH, context_of(both))
        assert len({call.id for call in calls}) == 3
        alone = unfold(0, EACH, context_of(about(door("front", B))))
        assert {call.id for call in alone} < {call.id for call in calls}

    def test_a_place_that_is_written_down_counts(self) -> None:
        told = about(door("a", B, "eu-west-1"), door("b"))
        assert where(step(place="${{ finding.resources[0] }}"), told).account == B
        written = {"account": B, "region": "${{ finding.region }}"}
        assert where(step(place=written), told) == Place(account=B, region="us-east-1")

    @pytest.mark.parametrize("place", ["${{ finding.title }}", "somewhere", "${{ finding.actor }}"])
    def test_a_place_that_is_none_is_an_error(self, place: str) -> None:
        with pytest.raises(ExpressionError, match="names no account"):
            where(step(place=place), about(door()))

    def test_the_one_resource_that_is_read_is_the_place(self) -> None:
        told = about(door("a"), door("b", B, "eu-west-1"))
        assert where(step("${{ finding.resources[1].name }}"), told).account == B
        assert where(step("${{ finding.resources[0].name }}"), told) == HOME

    def test_what_reads_some_resource_of_several_places_does_not_act(self) -> None:
        read = step(f"${{{{ {DOORS}[0].name }}}}")
        with pytest.raises(ExpressionError, match=r"is not clear.*111122223333"):
            where(read, about(door("a"), door("b", B)))
        assert where(read, about(door("a", B), door("b", B))).account == B

    def test_what_reads_the_actor_acts_in_the_actors_account(self) -> None:
        told = about(door(), actor=Actor(user_name="alice", account=B))
        assert where(step("${{ finding.actor.user_name }}"), told) == Place(account=B)
        assert where(step("${{ finding['actor'].user_name }}"), told) == Place(account=B)
        assert where(step("${{ finding.actor.source_ips[0] }}"), told) == HOME

    def test_an_actor_without_an_account_is_where_its_user_or_role_is(self) -> None:
        read = step("${{ finding.actor.role_name }}")
        told = about(role("app", B), door(), actor=Actor(role_name="app"))
        assert where(read, told).account == B
        assert where(read, about(door(), actor=Actor(role_name="app"))).account == A
        assert where(read, about(door("a", B), actor=Actor(role_name="app"))).account == B

    def test_what_looks_back_acts_where_that_is(self) -> None:
        told = about(door())
        lookups = {PLACES: {"owner": Place(account=B)}, "lookup": {"owner": {"user": "alice"}}}
        assert where(step("${{ lookup.owner.user }}"), told, **lookups).account == B
        steps = {"first": {"account": B, "targets": [{"account": B, "region": "eu-west-1"}]}}
        assert where(step("${{ steps.first.target }}"), told, steps=steps).region == "eu-west-1"

    def test_what_reads_none_of_it_acts_where_all_resources_are_else_where_the_finding_is(self) -> None:
        assert where(step(), about(door("a", B), door("b", B))).account == B
        assert where(step(), about(door("a", B), door("b"))) == HOME
        assert where(step(), about()) == HOME

    @pytest.mark.parametrize("region", ["global", "aws-global", "GLOBAL"])
    def test_global_is_no_region(self, region: str) -> None:
        assert where(step(), about(region=region)) == Place(account=A)
        assert where(step(), about(door("a", A, region))) == HOME


class TestNamesakes:
    """A name of another account's identity says nothing in ours."""

    def test_the_name_of_an_actor_is_used_in_no_other_account(self) -> None:
        told = about(door(), actor=Actor(user_name="alice", account=STRANGERS))
        for reads in ("finding.actor.user_name", "finding.actor.role_name", "string(finding.actor)"):
            with pytest.raises(ExpressionError, match="names the actor of account 999988887777"):
                where(step(f"${{{{ {reads} }}}}", place="${{ finding.resources[0] }}"), told)

    @pytest.mark.parametrize(("account", "stranger"), [(A, False), (B, True), (None, False)])
    def test_an_actor_of_another_account_of_ours_is_never_contained_unasked(
        self, account: str | None, *, stranger: bool
    ) -> None:
        told = about(actor=Actor(user_name="alice", account=account))
        each = step("${{ one.user_name }}", for_each="[finding.actor]", as_="one", max_targets=1)
        for made in (step("${{ finding.actor.user_name }}"), each):
            (call,) = unfold(0, made, context_of(told))
            assert call.stranger is stranger
            assert call.place.account == (account or A)

    def test_the_actors_own_resource_is_of_the_actors_account(self) -> None:
        told = about(role("app", A), actor=Actor(role_name="app", uid="AROAEXTERNAL:s", account=STRANGERS))
        assert [each["account"] for each in context_of(told)["finding"]["resources"]] == [STRANGERS]

    def test_what_joins_from_another_account_adds_no_names_to_the_actor(self) -> None:
        first = about(actor=Actor(user_name="alice", account=A))
        more = about(actor=Actor(role_name="app", account=B, source_ips=("192.0.2.1",)))
        assert merged([first, more]).actor == first.actor


class TestJoined:
    def test_what_is_joined_stays_where_it_was(self) -> None:
        first, more = about(door("front")), about(door("front"), account=B, region="eu-west-1")
        places = {(each.account, each.region) for each in merged([first, more]).resources}
        assert places == {(A, "us-east-1"), (B, "eu-west-1")}

    def test_a_later_finding_moves_no_resource(self) -> None:
        joined = merged([about(door("front", A)), about(door("front", B))])
        assert [each.account for each in joined.resources] == [A, B]


INCIDENT = (
    'incident: "${{ finding.resources[0].name }}"\nsteps:\n  - {id: a, action: toy.shut, params: {door: x}}\n'
)
KEYED = INCIDENT.replace("finding.resources[0].name", "finding.actor.access_key_id")


class TestIncidents:
    def key(self, told: Finding, text: str = INCIDENT) -> str:
        return identity_of(playbook(text), told)[0]

    def test_one_bare_name_in_two_accounts_or_regions_is_two_incidents(self) -> None:
        told = [
            about(door("front", *place)) for place in ((A, "us-east-1"), (B, "us-east-1"), (A, "eu-west-1"))
        ]
        assert len({self.key(each) for each in told}) == 3

    def test_the_envelope_does_not_matter_where_the_resource_tells_its_place(self) -> None:
        told = [about(door("front", B, "eu-west-1"), account=account) for account in (A, B, STRANGERS)]
        assert len({self.key(each) for each in told}) == 1

    @pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::IAM::Role"])
    def test_a_name_that_no_region_can_have_twice_is_one_incident(self, kind: str) -> None:
        told = [about(door("front", A, region, kind=kind)) for region in ("us-east-1", "eu-west-1")]
        assert len({self.key(each) for each in told}) == 1

    def test_a_key_is_the_actors(self) -> None:
        told = [about(actor=Actor(access_key_id="AKIA0", account=each)) for each in (A, B)]
        assert len({self.key(each, KEYED) for each in told}) == 2


class TestOurs:
    def test_what_is_not_ours_is_left_out_by_name_and_takes_nothing_from_ours(self) -> None:
        image = door("ami-1", "aws", kind="AWS::EC2::Image")
        told = ours(about(door("front"), image, role("partner", STRANGERS)), ALLOWED, "guardduty")
        assert [each.name for each in told.finding.resources] == ["front"]
        assert (
            told.left_out
            == told.finding.left_out
            == (
                "ami-1 of account aws",
                "AROAEXTERNAL of account 999988887777",
            )
        )
        assert not told.dismissed

    def test_where_all_is_ours_the_finding_is_as_it_was(self) -> None:
        for whole in (about(door("front", B)), about(), about(door(), account=None)):
            assert ours(whole, ALLOWED, "guardduty") == (whole, (), "")

    @pytest.mark.parametrize(
        "foreign",
        [
            about(account=STRANGERS),
            about(door("front", STRANGERS)),
            about(door("front"), account=STRANGERS),
            about(actor=Actor(role_name="app", account=STRANGERS)),
            about(role("app", A), actor=Actor(role_name="app", uid="AROAEXTERNAL:s", account=STRANGERS)),
        ],
    )
    def test_where_nothing_is_ours_it_is_dismissed_with_the_account(self, foreign: Finding) -> None:
        told = ours(foreign, ALLOWED, "guardduty")
        assert told.dismissed == f"account '{STRANGERS}' is not among the accounts of source guardduty"

    def test_a_resource_of_ours_counts_whatever_account_the_envelope_is_of(self) -> None:
        assert not ours(about(door("front", B), account=STRANGERS), ALLOWED, "guardduty").dismissed

    def test_an_actor_that_is_not_ours_is_named_beside_a_resource_that_is(self) -> None:
        told = ours(about(door(), actor=Actor(role_name="app", account=STRANGERS)), ALLOWED, "guardduty")
        assert told.left_out == (f"the actor app of account {STRANGERS}",)
        assert told.finding.actor == Actor(account=STRANGERS)
