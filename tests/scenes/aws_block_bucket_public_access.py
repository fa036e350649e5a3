"""A bucket whose policy lets everyone read, beside one that is none of our business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from activities.aws.block_bucket_public_access import BlockBucketPublicAccess
from tests.scenes.anonymous import answers
from tests.scenes.aws_world import AwsScene, policy

OPEN, SIBLING = "holiday-photos", "holiday-plans"
PARTLY = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": False,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}


class BlockBucketPublicAccessScene(AwsScene):
    """One of four switches is on; the policy opens the bucket all the same."""

    action = BlockBucketPublicAccess

    def arrange(self) -> Mapping[str, Any]:
        """Make two public buckets, the one with a website on it."""
        s3 = self.world.client("s3")
        for bucket in (OPEN, SIBLING):
            s3.create_bucket(Bucket=bucket)
            s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=PARTLY)
            s3.put_object(Bucket=bucket, Key="beach.jpg", Body=b"sand")
            everyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
            s3.put_bucket_policy(
                Bucket=bucket, Policy=policy({**everyone, "Resource": f"arn:aws:s3:::{bucket}/*"})
            )
        s3.put_bucket_website(Bucket=OPEN, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
        return {"bucket": OPEN}

    def snapshot(self) -> Any:
        """Hold block, policy, ACL, website and content of both buckets."""
        return {bucket: self._bucket(bucket) for bucket in (OPEN, SIBLING)}

    def disturb(self) -> None:
        """Let somebody open one switch again."""
        self.world.client("s3").put_public_access_block(
            Bucket=OPEN,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": False,
            },
        )

    def attack(self) -> bool | None:
        """Read the photo as nobody."""
        if not self.world.enforces:
            return None
        return answers(f"{self.world.server.url}/{OPEN}/beach.jpg")

    def _bucket(self, bucket: str) -> dict[str, Any]:
        s3 = self.world.client("s3")
        reads = {
            "block": (s3.get_public_access_block, "PublicAccessBlockConfiguration"),
            "policy": (s3.get_bucket_policy, "Policy"),
            "grants": (s3.get_bucket_acl, "Grants"),
            "website": (s3.get_bucket_website, "IndexDocument"),
        }
        held = {}
        for name, (read, key) in reads.items():
            try:
                held[name] = read(Bucket=bucket)[key]
            except ClientError as error:
                held[name] = error.response["Error"]["Code"]
        held["content"] = s3.get_object(Bucket=bucket, Key="beach.jpg")["Body"].read()
        return held
