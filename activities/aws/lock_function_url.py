"""Make a Lambda function answer only those whom a statement names."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field

from activities.aws.command_line import command
from activities.aws.lambda_.function_doors import Door, Doors, FunctionDoors
from activities.aws.lambda_.function_doors_said import changes, consequences, opens
from activities.aws.lambda_.function_policy import Grant
from firedoor.domain.action import action
from firedoor.domain.action.tags import as_map, owners_by
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.systems.aws.calls import Aws

#: The statements that the console, and `AuthType: NONE` in AWS's templates, write.
_OPENED_BY_AWS = ("FunctionURLAllowPublicAccess", "FunctionURLAllowInvokeAction")


class Params(action.Params):
    """The function by its name, with all its aliases; with a qualifier, only that alias."""

    function: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    qualifier: (
        Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*$", max_length=128)] | None
    ) = None


class Before(action.Before):
    """The doors by which everybody got in, as they were."""

    doors: action.Captured[tuple[Door, ...]]


class LockFunctionUrl(action.Action):
    """Set the AuthType of its URLs to AWS_IAM and remove the statements that let everyone invoke it.

    Both are needed: AWS_IAM alone keeps out the unsigned, and while the statements stand a signature of
    anyone's AWS account will do, at a URL or by the Invoke API. All URLs and the policies of all aliases are
    looked at. Statements that outlived their URL go, too: the next URL would be open at once. A URL itself
    is never deleted, for a new one would have another address. A condition that names an organization, an
    account or a source narrows; how a URL is called, and a pattern for everybody's ARNs, do not.

    What decides: GetFunctionUrlConfig and GetPolicy. ListAliases decides only where nothing open is seen
    without it; else, what it would have told is "not known". ListFunctionUrlConfigs names the aliases that
    have a URL where ListAliases may not be called.

    Facts: "Control access to Lambda function URLs" in the Lambda developer guide (since
    October 2025 a public URL has two statements, lambda:InvokeFunctionUrl and
    lambda:InvokeFunction with lambda:InvokedViaFunctionUrl), and the API references of
    UpdateFunctionUrlConfig, AddPermission, RemovePermission, ListAliases and ListTags. Shown on ministack
    with AUTH: an anonymous call answers 200, then 403, then 200 again after undo. moto has no
    ListFunctionUrlConfigs and keeps no conditions, so it shows nothing here.

    Unproven: how long real Lambda takes to refuse, and the check of RevisionId, which ministack does not
    make; whether AWS answers a URL of AuthType NONE that no statement opens (it counts as open here).
    Not looked at: the policies of published versions, which have no URL.
    """

    summary: ClassVar[str] = (
        "Make a Lambda function, at its URLs and by the Invoke API, refuse callers whom no statement names."
    )
    reversibility: ClassVar[action.Reversibility] = action.FULL
    risk: ClassVar[action.Risk] = action.Risk.MEDIUM
    permissions: ClassVar[action.Permissions] = action.Permissions(
        read=(
            "lambda:GetFunctionUrlConfig",
            "lambda:GetPolicy",
            "lambda:ListAliases",
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
    decides: ClassVar[Collection[str]] = ("lambda:GetFunctionUrlConfig", "lambda:GetPolicy")
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
        """Look at every door; capture those by which anybody gets in."""
        name = _named(params)
        seen = self._doors(params).look(params.qualifier)
        if seen.odd:
            return action.Refuse(
                says=f"how the URL of function {name} checks its callers could not be read,"
                " so it could not be given back"
            )
        if not seen.open:
            return _nothing(params, seen)
        return action.Change(
            says=f"at function {name}: {'; '.join(changes(door) for door in seen.open)}",
            before=Before(doors=action.Captured[tuple[Door, ...]].of(seen.open)),
            consequences=tuple(consequences(seen, only=params.qualifier is not None)),
        )

    def owners(self, params: Params) -> tuple[str, ...]:
        """Name whose the function is, by its tag; a tag is the function's, never an alias's."""
        arn = self.target(params.model_copy(update={"qualifier": None}))
        try:
            return owners_by(as_map(self._aws.call("lambda", "ListTags", Resource=arn).get("Tags")))
        except Absent:
            return ()
        except (Rejected, Unavailable):
            return (action.OWNER_NOT_KNOWN,)

    def by_hand(self, params: Params) -> str:
        """Make the same call, and take away the two statements by which AWS itself opens a URL.

        Statements of other names, and aliases, only the plan knows; they stand in what it says.
        """
        where = {"function_name": params.function, "qualifier": params.qualifier, "region": self._aws.region}
        closing = command("lambda", "update-function-url-config", **where, auth_type="AWS_IAM")
        removing = (
            command("lambda", "remove-permission", **where, statement_id=sid) for sid in _OPENED_BY_AWS
        )
        return "\n".join((closing, *removing))

    def apply(self, params: Params, before: Before) -> None:
        """Turn the unsigned away, then take the statements one by one; a second run finishes a first."""
        doors = self._doors(params)
        for door in before.doors.value or ():
            if door.auth_type == "NONE":
                self._set(doors, door, "AWS_IAM")
        for door in before.doors.value or ():
            for grant in door.grants:
                self._remove(doors, door, grant)

    def verify(self, params: Params, before: Before) -> action.Verified:
        """Read every door again: none may let anybody in, neither those that were open nor new ones."""
        name = _named(params)
        held = {door.qualifier: door for door in before.doors.value or ()}
        seen = self._doors(params).look(params.qualifier, known=tuple(held))
        if not seen.open and not seen.odd:
            narrow = ", as far as is known: its aliases could not be listed" if seen.unknown else ""
            return action.Verified(
                verdict=action.Verdict.YES,
                says=f"function {name} lets in nobody whom no statement names{narrow}",
            )
        new = [door for door in seen.open if not _was(door, held.get(door.qualifier, Door()))]
        told = "; ".join(opens(door) for door in new or seen.open)
        return action.Verified(
            verdict=action.Verdict.NO if new else action.Verdict.NOT_YET,
            says=f"function {name} lets anybody in: {told or 'its URL has an AuthType that is not known'}",
        )

    def undo(self, params: Params, before: Before) -> action.Undone:
        """Add the statements again, then the old AuthType: the doors open last."""
        name = _named(params)
        former = self._former(params, before)
        doors = self._doors(params)
        seen = doors.look(params.qualifier, known=tuple(door.qualifier for door in former), listed=False)
        for door in former:
            if told := _drift(door, seen):
                return action.Undone(outcome="drifted", says=f"function {name}: {told}; it was left alone")
        if all(_is_back(door, seen) for door in former):
            return action.Undone(outcome="nothing", says=f"function {name} is as open as before")
        for door in former:
            for grant in door.grants:
                if grant not in seen.at(door.qualifier).grants:
                    self._add(doors, door, grant)
        for door in former:
            if door.auth_type == "NONE":
                self._set(doors, door, "NONE")
        return action.Undone(
            outcome="restored", says=f"function {name} has its former AuthType and statements"
        )

    def verify_undo(self, params: Params, before: Before) -> action.Verified:
        """Read whether every door is as it was."""
        name, former = _named(params), self._former(params, before)
        known = tuple(door.qualifier for door in former)
        seen = self._doors(params).look(params.qualifier, known=known, listed=False)
        back = all(_is_back(door, seen) for door in former)
        return action.Verified(
            verdict=action.Verdict.YES if back else action.Verdict.NOT_YET,
            says=f"function {name} is {'' if back else 'not yet '}as open as before",
        )

    def _former(self, params: Params, before: Before) -> tuple[Door, ...]:
        if before.doors.value is None:
            raise Rejected(
                f"how function {_named(params)} was open is unknown",
                expected="the captured AuthTypes and statements",
                mend="decide on the function by hand",
            )
        return before.doors.value

    def _doors(self, params: Params) -> FunctionDoors:
        return FunctionDoors(self._aws, params.function)

    def _set(self, doors: FunctionDoors, door: Door, auth_type: str) -> None:
        self._aws.call("lambda", "UpdateFunctionUrlConfig", AuthType=auth_type, **doors.asked(door.qualifier))

    def _remove(self, doors: FunctionDoors, door: Door, grant: Grant) -> None:
        # Each removal gives the policy a new revision.
        policy = doors.policy(door.qualifier)
        if grant not in policy.grants:
            return
        revision = {"RevisionId": policy.revision} if policy.revision else {}
        asked = {"StatementId": grant.sid, **revision, **doors.asked(door.qualifier)}
        try:
            self._aws.call("lambda", "RemovePermission", **asked)
        except Absent:
            # Gone already: our own first attempt, whose answer was lost.
            return

    def _add(self, doors: FunctionDoors, door: Door, grant: Grant) -> None:
        try:
            self._aws.call("lambda", "AddPermission", **grant.spelled(), **doors.asked(door.qualifier))
        except Unavailable as error:
            # "This statement id exists": our own first attempt, whose answer was lost, unless it is not ours.
            if error.code != "ResourceConflictException" or grant not in doors.policy(door.qualifier).grants:
                raise


def _nothing(params: Params, seen: Doors) -> action.Already | action.Refuse:
    """Say that nothing is open; where the doors could not be listed, that is not known."""
    name = _named(params)
    if seen.exists is False:
        return action.Refuse(says=f"function {name} does not exist")
    if isinstance(seen.unknown, Unavailable):
        raise seen.unknown  # it decides here, and may be read in a moment
    if seen.unknown is not None:
        return action.Refuse(
            says=f"whether function {name} is open is not known: its aliases could not be listed;"
            " allow lambda:ListAliases"
        )
    stays = [told for policy in seen.policies.values() for told in policy.others_for_everyone()]
    by_hand = [told for told in stays if told.endswith("by hand")]
    if by_hand:
        return action.Refuse(says=f"at function {name}: {'; '.join(by_hand)}")
    which = "this alias" if params.qualifier else "it or its aliases"
    urls = any(door.auth_type for door in seen.doors)
    return action.Already(
        says=f"{'every URL' if urls else 'no URL'} of function {name}"
        f"{' asks for a signature' if urls else ' exists'}, and no statement of {which} lets everyone in"
    )


def _was(door: Door, held: Door) -> bool:
    """Tell whether a door is open by no more than before."""
    return set(door.grants) <= set(held.grants) and (door.auth_type != "NONE" or held.auth_type == "NONE")


def _is_back(door: Door, seen: Doors) -> bool:
    now = seen.at(door.qualifier)
    return now.auth_type == door.auth_type and set(door.grants) <= set(now.grants)


def _drift(door: Door, seen: Doors) -> str | None:
    """Say what somebody else made of a door; None where it is as it was, or as we left it."""
    now, policy = seen.at(door.qualifier), seen.policies[door.qualifier]
    if _is_back(door, seen):
        return None
    if door.auth_type is not None and now.auth_type is None:
        return "it no longer has this URL"
    missing = [grant for grant in door.grants if grant not in now.grants]
    reopened = door.auth_type == "NONE" and now.auth_type != "AWS_IAM"
    if reopened or any(grant.sid in policy.sids for grant in missing):
        return "someone else changed who may invoke it"
    return None


def _resource(params: Params) -> str:
    return f"function:{params.function}{f':{params.qualifier}' if params.qualifier else ''}"


def _named(params: Params) -> str:
    return json.dumps(f"{params.function}{f':{params.qualifier}' if params.qualifier else ''}")
