"""Close one S3 bucket to the public by its own public access block."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal

from activities.aws.command_line import command
from activities.aws.informing import Informing
from activities.aws.s3.bucket_exposure import BucketExposure
from firedoor.domain.action import action
from firedoor.domain.action.tags import data_by, owners_by
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.domain.core.value import Value
from firedoor.systems.aws.calls import Aws

#: Today's names, and the older ones (capitals, underscores) that still exist in us-east-1.
BucketName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$")]


class Params(action.Params):
    """The bucket, by its global name."""

    bucket: BucketName


class PublicAccessBlock(Value):
    """The four switches of a bucket's public access block; one that was never mentioned is off."""

    model_config = ConfigDict(alias_generator=to_pascal, validate_by_name=True, validate_by_alias=True)

    block_public_acls: bool = False
    ignore_public_acls: bool = False
    block_public_policy: bool = False
    restrict_public_buckets: bool = False


_CLOSED = PublicAccessBlock(
    block_public_acls=True, ignore_public_acls=True, block_public_policy=True, restrict_public_buckets=True
)


#: Said before the vote, and so before an undo.
_SAME_BLOCK = action.Consequence(
    says="undo takes this block away; where the owner turns the same block on meanwhile, the two cannot be"
    " told apart, and the owner's goes with it"
)


class Before(action.Before):
    """Where the bucket lives, and the block it had of its own."""

    region: str
    block: action.Captured[PublicAccessBlock]


class BlockBucketPublicAccess(action.Action):
    """Turn on all four switches of the bucket's public access block.

    The bucket's ACL and policy stay as they are: S3 stops honouring what in them is
    public, and cuts cross-account access as well while the policy is public.

    Facts: "Blocking public access to your Amazon S3 storage" in the S3 user guide, and
    the API references of PutPublicAccessBlock and GetBucketTagging: whose the bucket is and
    how sensitive its data are, its own tags say. Shown on ministack with AUTH: an anonymous
    GET answers 200, then 403, then 200 again after undo; moto shows the states.

    Unproven: how long real S3 takes to refuse everywhere; object ACLs (they are cut too,
    but not looked at); access points, and the block of the organization, which may close the bucket
    already without this action seeing it. No emulator here shows what the account's block does.

    What decides: GetBucketLocation and GetPublicAccessBlock of the bucket. All other reads only inform:
    denied, throttled or slow, what they would tell is not known.
    """

    summary: ClassVar[str] = "Close an S3 bucket to the public, whatever its policy and ACLs say."
    reversibility: ClassVar[action.Reversibility] = action.FULL
    risk: ClassVar[action.Risk] = action.Risk.MEDIUM
    permissions: ClassVar[action.Permissions] = action.Permissions(
        read=(
            "s3:GetAccountPublicAccessBlock",
            "s3:GetBucketAcl",
            "s3:GetBucketLocation",
            "s3:GetBucketPolicy",
            "s3:GetBucketPolicyStatus",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetBucketTagging",
            "s3:GetBucketWebsite",
        ),
        apply=("s3:PutBucketPublicAccessBlock",),
        undo=("s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
    )
    decides: ClassVar[Collection[str]] = ("s3:GetBucketLocation", "s3:GetBucketPublicAccessBlock")
    settles_within: ClassVar[timedelta] = timedelta(minutes=2)
    example: ClassVar[dict[str, Any]] = {"bucket": "holiday-photos"}
    named: ClassVar[tuple[action.Named, ...]] = (
        action.Named(
            param="bucket",
            kind="AWS::S3::Bucket",
            unique="S3 gives a bucket's name to one bucket of a partition at a time",
        ),
    )

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def target(self, params: Params) -> str:
        """Name the bucket by its ARN."""
        return f"arn:{self._aws.partition}:s3:::{params.bucket}"

    def plan(self, params: Params) -> action.Planned:
        """Find the bucket, see whether anything opens it, capture its block."""
        name = json.dumps(params.bucket)
        try:
            region = self._region(params)
        except Absent:
            return action.Refuse(says=f"there is no bucket {name}")
        except Rejected as error:
            if error.code not in {"AccessDenied", "403"}:
                raise
            return action.Refuse(
                says=f"bucket {name} does not belong to account {self._aws.account}, or may not be read"
            )
        block = self._block(params, region)
        if block.state == "unknown":
            return action.Refuse(
                says=f"the public access block of bucket {name} could not be read,"
                " so nothing could be given back"
            )
        if block.value == _CLOSED:
            return action.Already(says=f"bucket {name} already blocks all public access")
        return self._change(params, Before(region=region, block=block))

    def _change(self, params: Params, before: Before) -> action.Change:
        name = json.dumps(params.bucket)
        block = before.block.value
        exposure = BucketExposure(self._aws, before.region, self._owned(params))
        account = self._account_block(before.region)
        by_policy, by_acl = exposure.by_policy(), exposure.by_acl()
        if block is not None:
            by_policy = False if block.restrict_public_buckets else by_policy
            by_acl = False if block.ignore_public_acls else by_acl
        openers = [word for word, opens in (("policy", by_policy), ("ACL", by_acl)) if opens]
        closed = account is not None and not (
            (by_policy is True and not account.restrict_public_buckets)
            or (by_acl is True and not account.ignore_public_acls)
        )
        opened = " and its ".join(openers)
        if openers and closed:
            why = f"; its {opened} would open it to everyone, and it is closed already by the account's block"
        elif openers and account is None:
            why = (
                f", treated as open to everyone by its {opened}, not confirmed:"
                " the account's block could not be read"
            )
        elif openers:
            why = f", open to everyone by its {opened}"
        elif by_policy is None or by_acl is None:
            why = "; whether it is open to everyone now could not be read"
        else:
            why = "; nothing opens it now, but nothing would keep it closed"
        return action.Change(
            says=f"block all public access to bucket {name}{why}",
            before=before,
            consequences=(*exposure.consequences(by_policy=by_policy), _SAME_BLOCK),
            owners=(action.OWNER_NOT_KNOWN,) if exposure.tags is None else owners_by(exposure.tags),
            data=data_by(exposure.tags or {}),
        )

    def by_hand(self, params: Params) -> str:
        """Make the same call; S3 sends it on where the bucket lives in another region."""
        return command(
            "s3api",
            "put-public-access-block",
            bucket=params.bucket,
            public_access_block_configuration=_CLOSED.model_dump(by_alias=True),
            expected_bucket_owner=self._aws.account,
            region=self._aws.region,
        )

    def apply(self, params: Params, before: Before) -> None:
        """Turn all four switches on; saying it twice is saying it once."""
        self._put(params, before.region, _CLOSED)

    def verify(self, params: Params, before: Before) -> action.Verified:
        """Read the switches back; an answer without them proves nothing."""
        name = json.dumps(params.bucket)
        try:
            block = self._block(params, before.region)
        except Absent:
            return action.Verified(verdict=action.Verdict.YES, says=f"bucket {name} no longer exists")
        if block.value == _CLOSED:
            verdict, says = action.Verdict.YES, "blocks all public access"
        elif block.state == "unknown":
            verdict, says = action.Verdict.NOT_YET, "gave no answer about its block that can be understood"
        elif block == before.block:
            verdict, says = action.Verdict.NOT_YET, "still has the block it had before"
        else:
            verdict, says = action.Verdict.NO, "has a block that someone else wrote"
        return action.Verified(verdict=verdict, says=f"bucket {name} {says}")

    def undo(self, params: Params, before: Before) -> action.Undone:
        """Put the old block back, or take ours away, where ours still stands."""
        name = json.dumps(params.bucket)
        if before.block.state == "unknown":
            raise Rejected(
                f"what the public access block of bucket {name} was is unknown",
                expected="a captured block, or that there was none",
                mend="decide on the bucket's public access block by hand",
            )
        try:
            block = self._block(params, before.region)
        except Absent:
            return action.Undone(outcome="drifted", says=f"bucket {name} no longer exists")
        if block.state == "unknown":
            raise Unavailable(
                f"the public access block of bucket {name} could not be read",
                expected="its four switches, or that there is none",
                mend="look at the bucket by hand if this stays",
            )
        if block == before.block:
            return action.Undone(
                outcome="nothing", says=f"bucket {name} has the block it had before: nothing to give back"
            )
        if block.value != _CLOSED:
            return action.Undone(
                outcome="drifted", says=f"someone changed the block of bucket {name}; it was left alone"
            )
        if before.block.value is None:
            self._aws.call("s3", "DeletePublicAccessBlock", region=before.region, **self._owned(params))
            return action.Undone(outcome="restored", says=f"bucket {name} has no block of its own again")
        self._put(params, before.region, before.block.value)
        return action.Undone(outcome="restored", says=f"bucket {name} has its former block again")

    def _owned(self, params: Params) -> dict[str, str]:
        # S3 refuses when another account owns the name by now.
        return {"Bucket": params.bucket, "ExpectedBucketOwner": self._aws.account}

    def _region(self, params: Params) -> str:
        answer = self._aws.call("s3", "GetBucketLocation", **self._owned(params))
        location = answer.get("LocationConstraint")
        # S3 names its first region by silence, and its second by its first name.
        return {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(location) or str(location)

    def _block(self, params: Params, region: str) -> action.Captured[PublicAccessBlock]:
        try:
            answer = self._aws.call("s3", "GetPublicAccessBlock", region=region, **self._owned(params))
        except Absent as error:
            if error.code == "NoSuchBucket":
                raise
            return action.Captured[PublicAccessBlock].of(None)
        switches = answer.get("PublicAccessBlockConfiguration")
        try:
            # No switch at all is another call's answer, not four times "off".
            block = PublicAccessBlock.model_validate(switches or None)
        except ValidationError:
            return action.Captured[PublicAccessBlock].unknown()
        return action.Captured[PublicAccessBlock].of(block)

    def _account_block(self, region: str) -> PublicAccessBlock | None:
        """Read the account's own block; None where it is not known: the bucket gets its own all the same."""

        def read() -> PublicAccessBlock:
            try:
                answer = self._aws.call(
                    "s3control", "GetPublicAccessBlock", region=region, AccountId=self._aws.account
                )
            except Absent:
                return PublicAccessBlock()
            switches = answer.get("PublicAccessBlockConfiguration")
            try:
                return PublicAccessBlock.model_validate(switches or None)
            except ValidationError:
                raise Unavailable("the account's block gave no answer that can be understood") from None

        return Informing(read).answer()

    def _put(self, params: Params, region: str, block: PublicAccessBlock) -> None:
        self._aws.call(
            "s3",
            "PutPublicAccessBlock",
            region=region,
            PublicAccessBlockConfiguration=block.model_dump(by_alias=True),
            **self._owned(params),
        )
