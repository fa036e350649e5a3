"""How an S3 bucket is open to others than its owner."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from firedoor.domain.action.action import Consequence
from firedoor.domain.action.tags import as_map, classes_by
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.systems.aws.calls import Aws

_EVERYONE = ("/global/AllUsers", "/global/AuthenticatedUsers")
_ARN_PARTS = 6

#: Whom a condition lets in, by its key.
_BY_CONDITION = {
    "aws:principalorgid": "organization",
    "aws:principalorgpaths": "organization path",
    "aws:principalaccount": "account",
    "aws:sourceaccount": "services of account",
    "aws:sourceorgid": "services of organization",
}
_ID = re.compile(r"[A-Za-z0-9/*?-]{1,200}")


class BucketExposure:
    """One bucket as its policy, ACL, website and tags show it.

    Every answer may be missing, by denial or by an emulator's or AWS's silence:
    None is "unknown" throughout, and never "no".
    """

    def __init__(self, aws: Aws, region: str, owned: Mapping[str, str]) -> None:
        self._aws = aws
        self._region = region
        self._owned = owned

    def by_policy(self) -> bool | None:
        """Tell whether the bucket's policy opens it to everyone."""
        status = self._read("GetBucketPolicyStatus")
        is_public = ((status or {}).get("PolicyStatus") or {}).get("IsPublic")
        statements = self._statements
        if isinstance(is_public, bool):
            return is_public
        # S3's own judgement is missing: then the policy itself has to tell.
        if statements is None:
            return None
        opened = [_opens(statement) for statement in statements]
        return True if True in opened else None if None in opened else False

    def by_acl(self) -> bool | None:
        """Tell whether the bucket's ACL opens it to everyone, or to everyone who has an AWS account."""
        answer = self._read("GetBucketAcl")
        if not answer or "Grants" not in answer:
            return None
        grantees = [grant.get("Grantee", {}).get("URI", "") for grant in answer["Grants"]]
        return any(grantee.endswith(_EVERYONE) for grantee in grantees)

    def consequences(self, *, by_policy: bool | None) -> Iterator[Consequence]:
        """Say what closing the bucket breaks."""
        website = self._read("GetBucketWebsite")
        if website is None:
            yield Consequence(says="whether it serves a static website could not be read")
        elif website.keys() - {"ResponseMetadata"}:
            yield Consequence(says="it serves a static website: every visitor is answered 403")
        if by_policy is not False:
            outsiders = sorted({who for each in self._statements or () for who in self._outsiders(each)})
            if outsiders:
                yield Consequence(
                    says=f"while its policy is public, S3 cuts these off too: {', '.join(outsiders)}"
                )
        if self.tags is None:
            yield Consequence(says="its tags could not be read")
        yield from _told_by_tags(self.tags or {})

    @cached_property
    def tags(self) -> dict[str, str] | None:
        """The bucket's tags; None where they could not be read."""
        answer = self._read("GetBucketTagging")
        return None if answer is None else as_map(answer.get("TagSet"))

    @cached_property
    def _statements(self) -> list[dict[str, Any]] | None:
        answer = self._read("GetBucketPolicy")
        if answer is None:
            return None
        if "Policy" not in answer:
            return []
        try:
            statements = json.loads(answer["Policy"])["Statement"]
        except (ValueError, KeyError, TypeError):
            return None
        statements = statements if isinstance(statements, list) else [statements]
        return [statement for statement in statements if isinstance(statement, dict)]

    def _read(self, operation: str) -> dict[str, Any] | None:
        """Read what only informs: {} when there is none, None when it may not be read."""
        try:
            return self._aws.call("s3", operation, region=self._region, **self._owned)
        except Absent as error:
            if error.code == "NoSuchBucket":
                raise
            return {}
        except (Rejected, Unavailable):
            return None

    def _outsiders(self, statement: Mapping[str, Any]) -> Iterator[str]:
        principal = statement.get("Principal")
        if statement.get("Effect") != "Allow":
            return
        yield from _let_in_by_condition(statement, self._aws.account)
        if not isinstance(principal, dict):
            return
        if "CanonicalUser" in principal:
            yield "a principal named by canonical id"
        for who in _listed(principal.get("AWS")):
            parts = who.split(":")
            account = parts[4] if len(parts) >= _ARN_PARTS else who
            if account == "cloudfront":
                yield "CloudFront (origin access identity)"
            elif account.isascii() and account.isdigit() and account != self._aws.account:
                yield f"account {account}"


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value else []


def _opens(statement: Mapping[str, Any]) -> bool | None:
    """Tell whether one statement opens the bucket to everyone; None when its conditions decide."""
    if statement.get("Effect") != "Allow":
        return False
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    if "NotPrincipal" not in statement and "*" not in _listed(named):
        return False
    return None if statement.get("Condition") else True


def _let_in_by_condition(statement: Mapping[str, Any], ours: str) -> Iterator[str]:
    """Name the organizations and accounts that a statement for many lets in by its conditions."""
    conditions = statement.get("Condition")
    for operator, keys in conditions.items() if isinstance(conditions, dict) else ():
        if "not" in str(operator).lower() or not isinstance(keys, dict):
            continue
        for key, value in keys.items():
            kind = _BY_CONDITION.get(str(key).lower())
            for who in _listed(value) if kind else ():
                if who != ours and _ID.fullmatch(who):
                    yield f"{kind} {who}"


def _told_by_tags(tags: Mapping[str, str]) -> Iterator[Consequence]:
    # Only words of ours are repeated: a tag is written by whoever may tag.
    for data in classes_by(tags):
        yield Consequence(says=f"its tags classify the data as {data}")
    for tag, content in tags.items():
        key, value = tag.lower(), str(content).lower()
        if key == "aws:cloudformation:stack-name":
            yield Consequence(says="CloudFormation manages it: the next deployment may turn this back")
        elif "terraform" in (key, value):
            yield Consequence(says="Terraform manages it: the next apply may turn this back")
