"""Make one Lambda function URL answer signed AWS callers only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field

from activities.aws.command_line import command
from activities.aws.function_policy import AuthType, FunctionPolicy, Grant
from firedoor.connectors.aws import Aws
from firedoor.domain import action
from firedoor.domain.errors import Absent, Rejected, Unavailable
from firedoor.domain.tags import as_map, owners_by

#: The statements that the console, and `AuthType: NONE` in AWS's templates, write.
_OPENED_BY_AWS = ("FunctionURLAllowPublicAccess", "FunctionURLAllowInvokeAction")


class Params(action.Params):
    """The function by its name and, where the URL belongs to an alias, that alias."""

    function: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    qualifier: (
        Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$", max_length=128)] | None
    ) = None


class Before(action.Before):
    """Who the URL asked for a signature, and which statements let everyone in."""

    auth_type: action.Captured[AuthType]
    grants: action.Captured[tuple[Grant, ...]]


class LockFunctionUrl(action.Action):
    """Set the URL's AuthType to AWS_IAM and remove the statements that let everyone call it.

    Both are needed: AWS_IAM alone keeps out the unsigned, and while the statements stand
    a signature of anyone's AWS account will do. The URL itself is never deleted, for a
    new one would have another address.

    Facts: "Control access to Lambda function URLs" in the Lambda developer guide (since
    October 2025 a public URL has two statements, lambda:InvokeFunctionUrl and
    lambda:InvokeFunction with lambda:InvokedViaFunctionUrl), and the API references of
    UpdateFunctionUrlConfig, AddPermission, RemovePermission and ListTags. Shown on ministack with
    AUTH: an anonymous call answers 200, then 403, then 200 again after undo. moto has no
    ListFunctionUrlConfigs and keeps no conditions, so it shows nothing here.

    Unproven: how long real Lambda takes to refuse, and the check of RevisionId, which
    ministack does not make.
    """

    summary: ClassVar[str] = "Make a Lambda function URL refuse callers without an AWS identity of ours."
    reversibility: ClassVar[action.Reversibility] = action.FULL
    risk: ClassVar[action.Risk] = action.Risk.MEDIUM
    permissions: ClassVar[action.Permissions] = action.Permissions(
        read=(
            "lambda:GetFunctionUrlConfig",
            "lambda:GetPolicy",
            "lambda:ListFunctionUrlConfigs",
            "lambda:ListTags",
        ),
        apply=("lambda:GetPolicy", "lambda:RemovePermission", "lambda:UpdateFunctionUrlConfig"),
        undo=(
            "lambda:AddPermission",
            "lambda:GetFunctionUrlConfig",
            "lambda:GetPolicy",
            "lambda:UpdateFunctionUrlConfig",
        ),
    )
    settles_within: ClassVar[timedelta] = timedelta(minutes=2)
    example: ClassVar[dict[str, Any]] = {"function": "resize-images"}
    named: ClassVar[tuple[action.Named, ...]] = (
        action.Named(
            param="function",
            kind="AWS::Lambda::Function",
            unique="Lambda gives a name to one function of an account and region",
        ),
    )

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def target(self, params: Params) -> str:
        """Name the function, or its alias, by its ARN."""
        place = f"{self._aws.region}:{self._aws.account}"
        return f"arn:{self._aws.partition}:lambda:{place}:{_resource(params)}"

    def plan(self, params: Params) -> action.Planned:
        """Find the URL, capture its AuthType and every statement that lets everyone in."""
        name = _named(params)
        try:
            config = self._aws.call("lambda", "GetFunctionUrlConfig", **_function(params))
        except Absent:
            return action.Refuse(says=f"function {name} does not exist or has no URL of its own")
        auth_type = config.get("AuthType")
        if auth_type not in {"NONE", "AWS_IAM"}:
            return action.Refuse(
                says=f"how the URL of function {name} checks its callers could not be read,"
                " so it could not be given back"
            )
        policy = self._policy(params)
        if auth_type == "AWS_IAM" and not policy.grants:
            return action.Already(
                says=f"the URL of function {name} asks for a signature, and no statement lets everyone in"
            )
        changes = ["require an AWS signature at the URL"] if auth_type == "NONE" else []
        if policy.grants:
            changes.append(f"remove what lets everyone call it ({_sids(policy.grants)})")
        return action.Change(
            says=f"at function {name}: {' and '.join(changes)}",
            before=Before(
                auth_type=action.Captured[AuthType].of(auth_type),
                grants=action.Captured[tuple[Grant, ...]].of(policy.grants),
            ),
            consequences=tuple(self._consequences(params, config, policy)),
        )

    def owners(self, params: Params) -> tuple[str, ...]:
        """Name whose the function is, by its tag; a tag is the function's, never an alias's."""
        arn = self.target(params.model_copy(update={"qualifier": None}))
        try:
            return owners_by(as_map(self._aws.call("lambda", "ListTags", Resource=arn).get("Tags")))
        except Rejected:
            return ()

    def by_hand(self, params: Params) -> str:
        """Make the same call, and take away the two statements by which AWS itself opens a URL.

        Statements of other names only the plan knows; they stand in what it says.
        """
        where = {"function_name": params.function, "qualifier": params.qualifier, "region": self._aws.region}
        closing = command("lambda", "update-function-url-config", **where, auth_type="AWS_IAM")
        removing = (
            command("lambda", "remove-permission", **where, statement_id=sid) for sid in _OPENED_BY_AWS
        )
        return "\n".join((closing, *removing))

    def apply(self, params: Params, before: Before) -> None:
        """Turn the unsigned away, then take the statements one by one; a second run finishes a first."""
        self._aws.call("lambda", "UpdateFunctionUrlConfig", AuthType="AWS_IAM", **_function(params))
        for grant in before.grants.value or ():
            # Each removal gives the policy a new revision.
            policy = self._policy(params)
            if grant not in policy.grants:
                continue
            revision = {"RevisionId": policy.revision} if policy.revision else {}
            try:
                self._aws.call(
                    "lambda", "RemovePermission", StatementId=grant.sid, **revision, **_function(params)
                )
            except Absent:
                # Gone already: our own first attempt, whose answer was lost.
                continue

    def verify(self, params: Params, before: Before) -> action.Verified:
        """Read both halves back: AuthType, and that no statement lets everyone in."""
        name = _named(params)
        try:
            config = self._aws.call("lambda", "GetFunctionUrlConfig", **_function(params))
        except Absent:
            return action.Verified(verdict=action.Verdict.YES, says=f"function {name} no longer has this URL")
        grants = self._policy(params).grants
        auth_type = config.get("AuthType")
        if auth_type == "AWS_IAM" and not grants:
            return action.Verified(
                verdict=action.Verdict.YES, says=f"the URL of function {name} lets in no one from outside"
            )
        unsigned = "answers without a signature" if auth_type != "AWS_IAM" else "asks for a signature"
        statements = f"; statements that let everyone in: {_sids(grants)}" if grants else ""
        held = before.grants.value or ()
        return action.Verified(
            verdict=action.Verdict.NOT_YET if set(grants) <= set(held) else action.Verdict.NO,
            says=f"the URL of function {name} {unsigned}{statements}",
        )

    def undo(self, params: Params, before: Before) -> action.Undone:
        """Add the statements again, then the old AuthType: the door opens last."""
        name = _named(params)
        auth_type, grants = before.auth_type.value, before.grants.value
        if auth_type is None or grants is None:
            raise Rejected(
                f"how the URL of function {name} was open is unknown",
                expected="the captured AuthType and statements",
                mend="decide on the function URL by hand",
            )
        try:
            config = self._aws.call("lambda", "GetFunctionUrlConfig", **_function(params))
        except Absent:
            return action.Undone(outcome="drifted", says=f"function {name} no longer has this URL")
        policy = self._policy(params)
        missing = [grant for grant in grants if grant not in policy.grants]
        if config.get("AuthType") == auth_type and not missing:
            return action.Undone(outcome="nothing", says=f"the URL of function {name} is as open as before")
        if config.get("AuthType") != "AWS_IAM" or any(grant.sid in policy.sids for grant in missing):
            return action.Undone(
                outcome="drifted",
                says=f"someone else changed who may call function {name}; it was left alone",
            )
        for grant in missing:
            self._add(params, grant)
        if auth_type != "AWS_IAM":
            self._aws.call("lambda", "UpdateFunctionUrlConfig", AuthType=auth_type, **_function(params))
        return action.Undone(
            outcome="restored", says=f"the URL of function {name} has its former AuthType and statements"
        )

    def _add(self, params: Params, grant: Grant) -> None:
        try:
            self._aws.call("lambda", "AddPermission", **grant.spelled(), **_function(params))
        except Unavailable as error:
            # "This statement id exists": our own first attempt, whose answer was lost, unless it is not ours.
            if error.code != "ResourceConflictException" or grant not in self._policy(params).grants:
                raise

    def _policy(self, params: Params) -> FunctionPolicy:
        try:
            answer = self._aws.call("lambda", "GetPolicy", **_function(params))
            return FunctionPolicy.read(answer, resource=_resource(params))
        except Absent:
            return FunctionPolicy()
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(
                f"the policy of function {_named(params)} could not be read",
                expected="a policy document with statements",
                mend="look at the function's policy by hand if this stays",
            ) from error

    def _consequences(
        self, params: Params, config: Mapping[str, Any], policy: FunctionPolicy
    ) -> Iterator[action.Consequence]:
        yield action.Consequence(
            says="every caller without an AWS identity allowed by name is answered 403:"
            " browsers, webhooks and scripts"
        )
        if config.get("Cors"):
            yield action.Consequence(says="it answers cross-origin requests: web pages call it")
        for other in policy.others_for_everyone():
            yield action.Consequence(says=f"{other}, stays")
        others = self._aws.pages(
            "lambda", "ListFunctionUrlConfigs", "FunctionUrlConfigs", FunctionName=params.function
        )
        open_elsewhere = sorted(
            each["FunctionUrl"]
            for each in others
            if each["FunctionUrl"] != config.get("FunctionUrl") and each.get("AuthType") != "AWS_IAM"
        )
        if open_elsewhere:
            yield action.Consequence(
                says=f"other URLs of this function stay open: {', '.join(open_elsewhere)}"
            )


def _function(params: Params) -> dict[str, str]:
    qualifier = {"Qualifier": params.qualifier} if params.qualifier else {}
    return {"FunctionName": params.function, **qualifier}


def _resource(params: Params) -> str:
    return f"function:{params.function}{f':{params.qualifier}' if params.qualifier else ''}"


def _named(params: Params) -> str:
    return json.dumps(f"{params.function}{f':{params.qualifier}' if params.qualifier else ''}")


def _sids(grants: tuple[Grant, ...]) -> str:
    return ", ".join(json.dumps(grant.sid) for grant in grants)
