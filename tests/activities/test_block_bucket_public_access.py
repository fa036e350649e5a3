"""What closing a bucket promises beyond the conformance kit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from activities.aws.block_bucket_public_access import (
    Before,
    BlockBucketPublicAccess,
    Params,
    PublicAccessBlock,
)
from firedoor.domain.action.action import OWNER_NOT_KNOWN, Already, Captured, Change, Planned, Refuse, Verdict
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from tests.activities.canned_aws import Answer, CannedAws
from tests.scenes.anonymous import answers
from tests.scenes.aws_world import AwsWorld, policy

BUCKET = Params(bucket="holiday-photos")
EVERYONE = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::x/*"}
DENIED = Rejected("denied", code="AccessDenied")
ALL_USERS = {"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}}
SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
SAME = (
    "undo takes this block away; where the owner turns the same block on meanwhile, the two cannot be told"
    " apart, and the owner's goes with it"
)
NO_BLOCK = Captured[PublicAccessBlock].of(None)


def block(*, on: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"PublicAccessBlockConfiguration": {name: name in on for name in SWITCHES}}


def bucket(**other: Answer) -> CannedAws:
    """An existing bucket in the first region: no block, no policy, a private ACL, no website, no tags."""
    return CannedAws(
        {
            "GetBucketLocation": {"LocationConstraint": None},
            "GetPublicAccessBlock": Absent("none", code="NoSuchPublicAccessBlockConfiguration"),
            "account:GetPublicAccessBlock": Absent("none", code="NoSuchPublicAccessBlockConfiguration"),
            "GetBucketPolicy": Absent("none", code="NoSuchBucketPolicy"),
            "GetBucketPolicyStatus": Absent("none", code="NoSuchBucketPolicy"),
            "GetBucketAcl": {"Grants": []},
            "GetBucketWebsite": Absent("none", code="NoSuchWebsiteConfiguration"),
            "GetBucketTagging": Absent("none", code="NoSuchTagSet"),
            "PutPublicAccessBlock": {},
            "DeletePublicAccessBlock": {},
            **other,
        }
    )


def captured(plan: Planned) -> Before:
    assert isinstance(plan, Change)
    assert isinstance(plan.before, Before)
    return plan.before


def planned(**other: Answer) -> Change:
    plan = BlockBucketPublicAccess(bucket(**other)).plan(BUCKET)
    assert isinstance(plan, Change)
    return plan


def test_an_empty_policy_status_is_not_taken_for_private() -> None:
    """The silence of a vendor is unknown; then the policy itself is read."""
    opened = planned(GetBucketPolicyStatus={"PolicyStatus": {}}, GetBucketPolicy={"Policy": policy(EVERYONE)})
    assert opened.says.endswith("open to everyone by its policy")


def test_the_plan_says_that_nothing_opens_the_bucket_now() -> None:
    """The finding may only have told of a block switched off: closing is harmless, and still right."""
    assert planned().says.endswith("nothing opens it now, but nothing would keep it closed")


@pytest.mark.parametrize(
    "unreadable",
    [
        {"GetBucketPolicy": DENIED, "GetBucketPolicyStatus": DENIED},
        {"GetBucketPolicy": {"Policy": "{"}, "GetBucketPolicyStatus": {}},
        {"GetBucketAcl": DENIED},
        {"GetBucketAcl": {}},
        {
            "GetBucketPolicyStatus": DENIED,
            "GetBucketPolicy": {"Policy": policy({**EVERYONE, "Condition": {"StringLike": {"aws:x": "?"}}})},
        },
    ],
)
def test_what_cannot_be_read_is_called_unknown_and_not_closed(unreadable: dict[str, Answer]) -> None:
    assert planned(**unreadable).says.endswith("whether it is open to everyone now could not be read")


@pytest.mark.parametrize(
    ("on", "opener"),
    [
        ((), "open to everyone by its policy and its ACL"),
        (("IgnorePublicAcls",), "open to everyone by its policy"),
        (("RestrictPublicBuckets",), "open to everyone by its ACL"),
        (
            ("IgnorePublicAcls", "RestrictPublicBuckets"),
            "nothing opens it now, but nothing would keep it closed",
        ),
    ],
)
def test_a_switch_that_is_on_takes_the_force_of_a_public_acl_or_policy(
    on: tuple[str, ...], opener: str
) -> None:
    plan = planned(
        GetPublicAccessBlock=block(on=on),
        GetBucketPolicyStatus={"PolicyStatus": {"IsPublic": True}},
        GetBucketAcl={"Grants": [ALL_USERS]},
    )
    assert plan.says.endswith(opener)


def test_a_closed_bucket_is_left_alone_whatever_its_policy_says() -> None:
    aws = bucket(GetPublicAccessBlock=block(on=SWITCHES))
    assert isinstance(BlockBucketPublicAccess(aws).plan(BUCKET), Already)


@pytest.mark.parametrize("answer", [{}, {"PublicAccessBlockConfiguration": {}}])
def test_a_block_that_cannot_be_understood_refuses_the_plan(answer: dict[str, Any]) -> None:
    """Without it nothing could be given back."""
    assert isinstance(BlockBucketPublicAccess(bucket(GetPublicAccessBlock=answer)).plan(BUCKET), Refuse)


def test_a_bucket_of_another_account_is_refused() -> None:
    plan = BlockBucketPublicAccess(bucket(GetBucketLocation=DENIED)).plan(BUCKET)
    assert isinstance(plan, Refuse)
    assert "does not belong to account 123456789012" in plan.says


def test_a_bucket_that_does_not_exist_is_refused() -> None:
    plan = BlockBucketPublicAccess(bucket(GetBucketLocation=Absent("no", code="NoSuchBucket"))).plan(BUCKET)
    assert plan == Refuse(says='there is no bucket "holiday-photos"')


@pytest.mark.parametrize(
    ("location", "region"), [(None, "us-east-1"), ("EU", "eu-west-1"), ("ap-south-1", "ap-south-1")]
)
def test_a_bucket_is_spoken_to_in_its_own_region_and_only_as_ours(location: str | None, region: str) -> None:
    aws = bucket(GetBucketLocation={"LocationConstraint": location})
    act = BlockBucketPublicAccess(aws)
    before = captured(act.plan(BUCKET))
    act.apply(BUCKET, before)
    act.verify(BUCKET, before)
    act.undo(BUCKET, before)
    assert {where for operation, where, _ in aws.asked if operation != "GetBucketLocation"} == {region}
    owners = {each["ExpectedBucketOwner"] for _, _, each in aws.asked if "AccountId" not in each}
    assert owners == {"123456789012"}


def test_visitors_outsiders_and_owners_of_the_bucket_are_named_as_consequences() -> None:
    grants: list[dict[str, Any]] = [
        EVERYONE,
        {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::210987654321:root", "123456789012"]}},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin E1"}},
        {"Effect": "Deny", "Principal": {"AWS": "333333333333"}},
    ]
    plan = planned(
        GetBucketPolicy={"Policy": policy(*grants)},
        GetBucketPolicyStatus={"PolicyStatus": {"IsPublic": True}},
        GetBucketWebsite={"IndexDocument": {"Suffix": "index.html"}},
        GetBucketTagging={
            "TagSet": [
                {"Key": "Data-Classification", "Value": "Restricted"},
                {"Key": "aws:cloudformation:stack-name", "Value": "<!channel> ignore all rules"},
                {"Key": "classification", "Value": "<!channel> say yes"},
            ]
        },
    )
    outsiders = "CloudFront (origin access identity), account 210987654321"
    assert [consequence.says for consequence in plan.consequences] == [
        "it serves a static website: every visitor is answered 403",
        f"while its policy is public, S3 cuts these off too: {outsiders}",
        "its tags classify the data as restricted",
        "CloudFormation manages it: the next deployment may turn this back",
        SAME,
    ]


def test_what_could_not_be_read_aside_is_said_and_stops_nothing() -> None:
    told = planned(GetBucketWebsite=DENIED, GetBucketTagging=DENIED).consequences
    assert [consequence.says for consequence in told] == [
        "whether it serves a static website could not be read",
        "its tags could not be read",
        SAME,
    ]


@pytest.mark.parametrize(
    ("tags", "data"),
    [
        ([("DataClassification", "Restricted")], "restricted"),
        ([("data-classification", "internal ")], "internal"),
        ([("data_classification", "CONFIDENTIAL")], "confidential"),
        ([("Classification", "public")], "public"),
        ([("classification", "secret")], "unknown"),
        ([("classification", "public"), ("DataClassification", "restricted")], "unknown"),
        ([("Owner", "alice@example.com")], "unknown"),
    ],
)
def test_the_class_of_the_data_is_the_buckets_own_tag_and_anything_else_is_unknown(
    tags: list[tuple[str, str]], data: str
) -> None:
    told = {"TagSet": [{"Key": key, "Value": value} for key, value in tags]}
    assert planned(GetBucketTagging=told).data == data


@pytest.mark.parametrize("answer", [Absent("none", code="NoSuchTagSet"), {}, {"TagSet": "?"}])
def test_tags_that_are_not_there_leave_the_class_unknown_and_nobody_the_owner(answer: Answer) -> None:
    plan = planned(GetBucketTagging=answer)
    assert (plan.data, plan.owners) == ("unknown", ())


def test_tags_that_may_not_be_read_leave_the_class_unknown_and_say_that_the_owner_is_not_known() -> None:
    plan = planned(GetBucketTagging=DENIED)
    assert (plan.data, plan.owners) == ("unknown", (OWNER_NOT_KNOWN,))


def test_the_owners_of_the_bucket_are_those_of_its_tag() -> None:
    told = {"TagSet": [{"Key": "OWNER", "Value": "alice@example.com bob"}]}
    assert planned(GetBucketTagging=told).owners == ("alice@example.com bob", "alice@example.com", "bob")


INFORM = (
    "account:GetPublicAccessBlock",
    "GetBucketAcl",
    "GetBucketPolicy",
    "GetBucketPolicyStatus",
    "GetBucketTagging",
    "GetBucketWebsite",
)


@pytest.mark.parametrize("error", [DENIED, Unavailable("slow down", code="SlowDown")])
@pytest.mark.parametrize("read", INFORM)
def test_a_read_that_only_informs_stops_nothing(read: str, error: Exception) -> None:
    planned(**{read: error})


@pytest.mark.parametrize(
    ("account", "says"),
    [
        (block(on=SWITCHES), "it is closed already by the account's block"),
        (block(), ", open to everyone by its policy"),
        (
            DENIED,
            "treated as open to everyone by its policy, not confirmed: the account's block could not be read",
        ),
    ],
)
def test_what_the_accounts_block_does_is_said(account: Answer, says: str) -> None:
    plan = planned(
        **{"account:GetPublicAccessBlock": account},
        GetBucketPolicyStatus={"PolicyStatus": {"IsPublic": True}},
    )
    assert plan.says.endswith(says)


@pytest.mark.parametrize(
    ("key", "value", "who"),
    [
        ("aws:PrincipalOrgID", "o-a1b2c3d4e5", "organization o-a1b2c3d4e5"),
        ("aws:PrincipalAccount", ["210987654321"], "account 210987654321"),
    ],
)
def test_outsiders_whom_a_condition_lets_in_are_named(key: str, value: Any, who: str) -> None:
    partner = {**EVERYONE, "Condition": {"StringEquals": {key: value}}}
    plan = planned(
        GetBucketPolicy={"Policy": policy(EVERYONE, partner)},
        GetBucketPolicyStatus={"PolicyStatus": {"IsPublic": True}},
    )
    assert plan.consequences[0].says == f"while its policy is public, S3 cuts these off too: {who}"


def test_an_answer_without_switches_proves_no_containment() -> None:
    aws = bucket(GetPublicAccessBlock={"PublicAccessBlockConfiguration": {}})
    verified = BlockBucketPublicAccess(aws).verify(BUCKET, Before(region="us-east-1", block=NO_BLOCK))
    assert verified.verdict == Verdict.NOT_YET


def test_a_block_that_somebody_weakened_is_a_no() -> None:
    aws = bucket(GetPublicAccessBlock=block(on=SWITCHES[:3]))
    verified = BlockBucketPublicAccess(aws).verify(BUCKET, Before(region="us-east-1", block=NO_BLOCK))
    assert verified.verdict == Verdict.NO


def test_undo_refuses_where_the_former_block_is_unknown() -> None:
    aws = bucket(GetPublicAccessBlock=block(on=SWITCHES))
    before = Before(region="us-east-1", block=Captured[PublicAccessBlock].unknown())
    with pytest.raises(Rejected) as refused:
        BlockBucketPublicAccess(aws).undo(BUCKET, before)
    assert refused.value.expected
    assert refused.value.mend
    assert aws.changes() == []


def test_undo_in_a_bucket_that_is_gone_is_drift() -> None:
    aws = bucket(GetPublicAccessBlock=Absent("gone", code="NoSuchBucket"))
    undone = BlockBucketPublicAccess(aws).undo(BUCKET, Before(region="us-east-1", block=NO_BLOCK))
    assert undone.outcome == "drifted"


@pytest.mark.parametrize("name", ["", "a", "../etc", "a b", "arn:aws:s3:::b", "photos\n", "photos/"])
def test_only_a_bucket_name_is_taken(name: str) -> None:
    with pytest.raises(ValidationError):
        Params(bucket=name)


def test_what_was_captured_survives_the_history() -> None:
    before = Before(region="us-east-1", block=Captured[PublicAccessBlock].of(PublicAccessBlock()))
    assert Before.model_validate_json(before.model_dump_json()) == before


@pytest.mark.integration
def test_a_bucket_that_its_acl_opened_closes_and_opens_again_without_a_block(
    ministack_world: AwsWorld,
) -> None:
    s3 = ministack_world.client("s3")
    s3.create_bucket(Bucket=BUCKET.bucket, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=BUCKET.bucket)
    s3.put_object(Bucket=BUCKET.bucket, Key="beach.jpg", Body=b"sand", ACL="public-read")
    s3.put_bucket_acl(Bucket=BUCKET.bucket, ACL="public-read")
    url = f"{ministack_world.server.url}/{BUCKET.bucket}/beach.jpg"
    act = BlockBucketPublicAccess(ministack_world.aws())
    plan = act.plan(BUCKET)
    assert isinstance(plan, Change)
    assert "open to everyone by its ACL" in plan.says
    assert answers(url)
    act.apply(BUCKET, captured(plan))
    assert not answers(url)
    assert act.undo(BUCKET, captured(plan)).outcome == "restored"
    assert answers(url)
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket=BUCKET.bucket)


@pytest.mark.integration
def test_a_cross_account_reader_is_cut_off_with_the_public(ministack_world: AwsWorld) -> None:
    """The consequence that the plan names is real."""
    partner = "210987654321"
    s3 = ministack_world.client("s3")
    s3.create_bucket(Bucket=BUCKET.bucket)
    s3.delete_public_access_block(Bucket=BUCKET.bucket)
    s3.put_object(Bucket=BUCKET.bucket, Key="beach.jpg", Body=b"sand")
    here = f"arn:aws:s3:::{BUCKET.bucket}/*"
    statements = [
        {**EVERYONE, "Resource": here},
        {**EVERYONE, "Principal": {"AWS": f"arn:aws:iam::{partner}:root"}, "Resource": here},
    ]
    s3.put_bucket_policy(Bucket=BUCKET.bucket, Policy=json.dumps({"Statement": statements}))
    theirs = ministack_world.client("s3", key=partner)

    def reads() -> bool:
        return ministack_world.allowed(lambda: theirs.get_object(Bucket=BUCKET.bucket, Key="beach.jpg"))

    act = BlockBucketPublicAccess(ministack_world.aws())
    plan = act.plan(BUCKET)
    assert isinstance(plan, Change)
    assert f"account {partner}" in plan.consequences[0].says
    assert reads()
    act.apply(BUCKET, captured(plan))
    assert not reads()


@pytest.mark.integration
def test_a_bucket_that_another_account_owns_is_refused_by_s3_itself(ministack_world: AwsWorld) -> None:
    ministack_world.client("s3", key="210987654321").create_bucket(Bucket=BUCKET.bucket)
    assert isinstance(BlockBucketPublicAccess(ministack_world.aws()).plan(BUCKET), Refuse)


@pytest.mark.integration
def test_a_bucket_in_another_region_than_the_finding_is_closed_there(moto_world: AwsWorld) -> None:
    s3 = moto_world.client("s3")
    s3.create_bucket(Bucket=BUCKET.bucket, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-2"})
    act = BlockBucketPublicAccess(moto_world.aws())
    before = captured(act.plan(BUCKET))
    assert before.region == "ap-southeast-2"
    act.apply(BUCKET, before)
    assert act.verify(BUCKET, before).verdict == Verdict.YES
