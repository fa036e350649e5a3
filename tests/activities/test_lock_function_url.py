"""What locking a function URL promises beyond the conformance kit."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from activities.aws.lambda_.function_doors import Door
from activities.aws.lambda_.function_policy import AuthType, Grant
from activities.aws.lock_function_url import Before, LockFunctionUrl, Params
from firedoor.domain.action.action import OWNER_NOT_KNOWN, Already, Captured, Change, Refuse, Verdict
from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from tests.activities.canned_aws import Answer, CannedAws
from tests.scenes.aws_lock_function_url import FUNCTION, LockFunctionUrlScene
from tests.scenes.aws_world import AwsWorld, policy

ARN = "arn:aws:lambda:us-east-1:123456789012:function:resize-images"
THE_URL = Params(function="resize-images")
URL_GRANT = Grant(sid="url", action="lambda:InvokeFunctionUrl", auth_type="NONE")
INVOKE_GRANT = Grant(sid="invoke", action="lambda:InvokeFunction", via_url=True)


def allow(sid: str, name: str = "lambda:InvokeFunctionUrl", **other: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Principal": "*", "Action": name, "Resource": ARN, **other}


URL = allow("url", Condition={"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}})
INVOKE = allow(
    "invoke", "lambda:InvokeFunction", Condition={"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
)


class Function(CannedAws):
    """A function that behaves: its AuthType and statements change as they are told to."""

    def __init__(self, auth_type: str | None, *statements: dict[str, Any], **other: Answer) -> None:
        self.auth_type = auth_type
        self.statements = list(statements)
        super().__init__(
            {
                "GetFunctionUrlConfig": lambda _: {
                    "FunctionUrl": "https://a.on.aws/",
                    "AuthType": self.auth_type,
                },
                "UpdateFunctionUrlConfig": self._update,
                "GetPolicy": self._policy,
                "RemovePermission": self._remove,
                "AddPermission": self._add,
                "ListFunctionUrlConfigs": {"FunctionUrlConfigs": []},
                "ListAliases": {"Aliases": []},
                "ListTags": {"Tags": {}},
                **other,
            }
        )

    def _update(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.auth_type = asked["AuthType"]
        return {}

    def _policy(self, _: dict[str, Any]) -> dict[str, Any]:
        if not self.statements:
            raise Absent("no policy", code="ResourceNotFoundException")
        return {"Policy": policy(*self.statements), "RevisionId": f"r{len(self.statements)}"}

    def _remove(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["RevisionId"] != f"r{len(self.statements)}":
            raise Unavailable("stale", code="PreconditionFailedException")
        self.statements = [each for each in self.statements if each["Sid"] != asked["StatementId"]]
        return {}

    def _add(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["StatementId"] in {each["Sid"] for each in self.statements}:
            raise Unavailable("taken", code="ResourceConflictException")
        self.statements.append(
            {"url": URL, "invoke": INVOKE}.get(asked["StatementId"])
            or allow(asked["StatementId"], asked["Action"])
        )
        return {}


def captured(auth_type: AuthType = "NONE", *grants: Grant) -> Before:
    return Before(doors=Captured[tuple[Door, ...]].of((Door(auth_type=auth_type, grants=grants),)))


@pytest.mark.parametrize(
    ("statement", "grant"),
    [
        (URL, URL_GRANT),
        (INVOKE, INVOKE_GRANT),
        (allow("x"), Grant(sid="x", action="lambda:InvokeFunctionUrl")),
        (allow("x", Principal={"AWS": "*"}), Grant(sid="x", action="lambda:InvokeFunctionUrl")),
        (allow("x", "lambda:*"), Grant(sid="x", action="lambda:*")),
        (
            allow("x", Condition={"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}),
            Grant(sid="x", action="lambda:InvokeFunctionUrl", auth_type="AWS_IAM"),
        ),
        (allow("x", Effect="Deny"), None),
        (allow("x", Principal={"AWS": "arn:aws:iam::210987654321:root"}), None),
        (allow("x", Principal={"Service": "s3.amazonaws.com"}), None),
        (allow("x", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}), None),
        (allow("x", Condition={"StringLike": {"lambda:FunctionUrlAuthType": "N*"}}), None),
        (allow("x", "lambda:InvokeFunction"), Grant(sid="x", action="lambda:InvokeFunction")),
        (
            allow("x", "lambda:InvokeFunction", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:*:*:*:*"}}),
            Grant(sid="x", action="lambda:InvokeFunction", source_arn="arn:aws:*:*:*:*"),
        ),
        (
            allow(
                "x", "lambda:InvokeFunction", Condition={"ArnLike": {"aws:SourceArn": "arn:aws:s3:::ours"}}
            ),
            None,
        ),
        (allow("x", "lambda:InvokeFunction", Condition={"StringEquals": {"aws:SourceAccount": "1"}}), None),
        (
            allow("x", "lambda:InvokeFunction", Condition={"StringEquals": {"lambda:EventSourceToken": "t"}}),
            None,
        ),
        (allow("x", "lambda:GetFunction"), None),
    ],
)
def test_a_grant_is_a_statement_that_lets_everyone_call_the_url(
    statement: dict[str, Any], grant: Grant | None
) -> None:
    """Anyone's signature is everyone too; an organization is not."""
    assert Grant.read(statement) == grant


def test_a_url_that_asks_for_anyones_signature_is_not_yet_locked() -> None:
    plan = LockFunctionUrl(Function("AWS_IAM", allow("x"))).plan(THE_URL)
    assert isinstance(plan, Change)
    assert plan.says == 'at function "resize-images": remove what lets everyone invoke it ("x")'


def test_a_locked_url_is_left_alone() -> None:
    assert isinstance(LockFunctionUrl(Function("AWS_IAM")).plan(THE_URL), Already)


NONE_THERE = Absent("none", code="ResourceNotFoundException")
DENIED = Rejected("denied", code="AccessDeniedException")
THROTTLED = Unavailable("slow down", code="TooManyRequestsException")


def test_a_function_that_does_not_exist_is_refused() -> None:
    gone = Function(None, GetFunctionUrlConfig=NONE_THERE, ListAliases=NONE_THERE)
    told = LockFunctionUrl(gone).plan(THE_URL)
    assert told == Refuse(says='function "resize-images" does not exist')


def test_a_function_without_url_and_statements_is_closed_and_said_to_have_no_url() -> None:
    told = LockFunctionUrl(Function(None, GetFunctionUrlConfig=NONE_THERE)).plan(THE_URL)
    assert isinstance(told, Already)
    assert told.says.startswith('no URL of function "resize-images" exists, and no statement')


def test_everyone_who_may_invoke_it_through_the_api_is_shut_out() -> None:
    """The URL asks for a signature, and a statement lets anyone's AWS account in by the API."""
    direct = allow("direct", "lambda:InvokeFunction")
    aws = Function("AWS_IAM", direct)
    act = LockFunctionUrl(aws)
    plan = act.plan(THE_URL)
    assert isinstance(plan, Change)
    assert plan.says == 'at function "resize-images": remove what lets everyone invoke it ("direct")'
    assert 'by "direct" everyone may invoke it through the API: this ends' in [
        each.says for each in plan.consequences
    ]
    assert isinstance(plan.before, Before)
    act.apply(THE_URL, plan.before)
    assert aws.statements == []
    assert act.verify(THE_URL, plan.before).verdict == Verdict.YES
    assert act.undo(THE_URL, plan.before).outcome == "restored"
    assert aws.statements == [direct]
    assert act.verify_undo(THE_URL, plan.before).verdict == Verdict.YES


def test_a_statement_that_outlived_its_url_is_named_and_goes() -> None:
    aws = Function(None, URL, GetFunctionUrlConfig=NONE_THERE)
    act = LockFunctionUrl(aws)
    plan = act.plan(THE_URL)
    assert isinstance(plan, Change)
    assert '"url" outlived its URL: a new URL would be open at once' in [
        each.says for each in plan.consequences
    ]
    assert isinstance(plan.before, Before)
    act.apply(THE_URL, plan.before)
    assert aws.changes() == ["RemovePermission"]
    assert act.verify(THE_URL, plan.before).verdict == Verdict.YES


def blue(auth_type: str) -> dict[str, Answer]:
    """An alias with a URL and a statement of its own."""

    def policies(asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("Qualifier") != "blue":
            raise NONE_THERE
        return {"Policy": policy(allow("blue", Resource=f"{ARN}:blue")), "RevisionId": "b"}

    config = {"FunctionUrl": "https://b.on.aws/", "AuthType": auth_type, "FunctionArn": f"{ARN}:blue"}
    return {
        "ListAliases": {"Aliases": [{"Name": "blue"}]},
        "GetFunctionUrlConfig": lambda asked: config if "Qualifier" in asked else {"AuthType": "AWS_IAM"},
        "ListFunctionUrlConfigs": {"FunctionUrlConfigs": [config]},
        "GetPolicy": policies,
        "RemovePermission": {},
    }


def test_an_alias_that_is_open_while_the_function_is_closed_is_locked() -> None:
    aws = Function("AWS_IAM", **blue("NONE"))
    act = LockFunctionUrl(aws)
    plan = act.plan(THE_URL)
    assert isinstance(plan, Change)
    assert plan.says == (
        'at function "resize-images": require an AWS signature at the URL of alias blue'
        ' and remove what lets everyone invoke it of alias blue ("blue")'
    )
    assert isinstance(plan.before, Before)
    act.apply(THE_URL, plan.before)
    changed = [(name, asked["Qualifier"]) for name, _, asked in aws.asked if name in aws.changes()]
    assert changed == [("UpdateFunctionUrlConfig", "blue"), ("RemovePermission", "blue")]


def test_an_alias_that_was_opened_meanwhile_is_a_no() -> None:
    aws = Function("AWS_IAM", **blue("NONE"))
    seen = LockFunctionUrl(aws).verify(THE_URL, captured("NONE", URL_GRANT))
    assert seen.verdict == Verdict.NO
    assert "alias blue: its URL answers without a signature" in seen.says


@pytest.mark.parametrize("error", [DENIED, THROTTLED])
def test_aliases_that_may_not_be_listed_stop_nothing_where_a_door_is_seen_open(error: Exception) -> None:
    act = LockFunctionUrl(Function("NONE", URL, ListAliases=error))
    plan = act.plan(THE_URL)
    assert isinstance(plan, Change)
    assert "whether its aliases are open is not known: they could not be listed" in [
        each.says for each in plan.consequences
    ]
    assert isinstance(plan.before, Before)
    act.apply(THE_URL, plan.before)
    seen = act.verify(THE_URL, plan.before)
    assert (seen.verdict, "as far as is known" in seen.says) == (Verdict.YES, True)


@pytest.mark.parametrize("error", [DENIED, THROTTLED])
def test_the_list_of_urls_is_not_needed_where_aliases_are_listed_and_stands_in_for_it(
    error: Exception,
) -> None:
    assert isinstance(
        LockFunctionUrl(Function("AWS_IAM", ListFunctionUrlConfigs=error)).plan(THE_URL), Already
    )
    for listing in ("ListFunctionUrlConfigs", "ListAliases"):
        plan = LockFunctionUrl(Function("AWS_IAM", **{**blue("NONE"), listing: error})).plan(THE_URL)
        assert isinstance(plan, Change)
        assert "URL of alias blue" in plan.says


def test_where_nothing_is_seen_open_and_nothing_may_be_listed_it_is_not_known() -> None:
    told = LockFunctionUrl(Function("AWS_IAM", ListAliases=DENIED)).plan(THE_URL)
    assert isinstance(told, Refuse)
    assert "is not known" in told.says
    with pytest.raises(Unavailable):
        LockFunctionUrl(Function("AWS_IAM", ListAliases=THROTTLED)).plan(THE_URL)


@pytest.mark.parametrize(
    "statement",
    [
        allow("x", Principal={"AWS": ["*", "arn:aws:iam::210987654321:root"]}),
        allow("x", ["lambda:InvokeFunctionUrl", "lambda:GetFunction"]),  # type: ignore[arg-type]
        allow("x", "lambda:Invoke*"),
    ],
)
def test_an_opening_that_could_not_be_written_again_is_for_a_person(statement: dict[str, Any]) -> None:
    told = LockFunctionUrl(Function("AWS_IAM", statement)).plan(THE_URL)
    assert isinstance(told, Refuse)
    assert told.says.endswith("cannot be given back as it is: take it away by hand")


def test_an_auth_type_that_nobody_knows_refuses_the_plan() -> None:
    """What cannot be given back is not taken."""
    assert isinstance(LockFunctionUrl(Function(None)).plan(THE_URL), Refuse)


def test_a_policy_that_cannot_be_parsed_is_no_empty_policy() -> None:
    with pytest.raises(Unavailable):
        LockFunctionUrl(Function("NONE", GetPolicy={"Policy": "[]"})).plan(THE_URL)


@pytest.mark.parametrize("empty", [Absent("none", code="ResourceNotFoundException"), {"Policy": policy()}])
def test_no_policy_and_an_empty_policy_are_the_same(empty: Answer) -> None:
    plan = LockFunctionUrl(Function("NONE", GetPolicy=empty)).plan(THE_URL)
    assert isinstance(plan, Change)
    assert plan.before == captured()


def test_what_stays_open_beside_the_url_is_said() -> None:
    aws = Function(
        "NONE",
        URL,
        allow("code", "lambda:GetFunction"),
        allow("ours", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
    )
    plan = LockFunctionUrl(aws).plan(THE_URL)
    assert isinstance(plan, Change)
    assert [consequence.says for consequence in plan.consequences][1:] == [
        'statement "code", for everyone for lambda:GetFunction, stays',
        'statement "ours", for everyone under conditions, stays',
    ]


def test_a_run_that_died_half_way_is_finished_by_the_next() -> None:
    """AuthType had changed and one statement was gone when the worker died."""
    aws = Function("AWS_IAM", INVOKE)
    before = captured("NONE", INVOKE_GRANT, URL_GRANT)
    act = LockFunctionUrl(aws)
    assert act.verify(THE_URL, before).verdict == Verdict.NOT_YET
    act.apply(THE_URL, before)
    assert act.verify(THE_URL, before).verdict == Verdict.YES
    assert (aws.auth_type, aws.statements) == ("AWS_IAM", [])


def test_a_run_that_died_half_way_can_be_undone() -> None:
    aws = Function("AWS_IAM", INVOKE)
    undone = LockFunctionUrl(aws).undo(THE_URL, captured("NONE", INVOKE_GRANT, URL_GRANT))
    assert undone.outcome == "restored"
    assert (aws.auth_type, aws.statements) == ("NONE", [INVOKE, URL])


def test_an_undo_that_died_half_way_is_finished_by_the_next() -> None:
    """The statements come first and AuthType last, so the door was never half open."""
    aws = Function("AWS_IAM", INVOKE, URL)
    before = captured("NONE", INVOKE_GRANT, URL_GRANT)
    assert LockFunctionUrl(aws).undo(THE_URL, before).outcome == "restored"
    assert aws.changes() == ["UpdateFunctionUrlConfig"]
    assert LockFunctionUrl(aws).undo(THE_URL, before).outcome == "nothing"


def test_each_statement_is_removed_under_the_revision_that_was_read() -> None:
    """Somebody else's statement of the same name, put there meanwhile, is not removed blindly."""
    aws = Function("NONE", URL, INVOKE)
    LockFunctionUrl(aws).apply(THE_URL, captured("NONE", INVOKE_GRANT, URL_GRANT))
    removed = [asked for operation, _, asked in aws.asked if operation == "RemovePermission"]
    assert [each["RevisionId"] for each in removed] == ["r2", "r1"]


@pytest.mark.parametrize(
    ("auth_type", "statements"),
    [
        ("NONE", ()),
        ("NONE", (INVOKE,)),
        ("AWS_IAM", (allow("url", Principal={"AWS": "arn:aws:iam::210987654321:root"}),)),
    ],
)
def test_what_somebody_else_wrote_meanwhile_is_drift(
    auth_type: str, statements: tuple[dict[str, Any], ...]
) -> None:
    aws = Function(auth_type, *statements)
    undone = LockFunctionUrl(aws).undo(THE_URL, captured("NONE", INVOKE_GRANT, URL_GRANT))
    assert undone.outcome == "drifted"
    assert aws.changes() == []


def test_undo_refuses_where_what_was_captured_is_unknown() -> None:
    aws = Function("AWS_IAM")
    with pytest.raises(Rejected) as refused:
        LockFunctionUrl(aws).undo(THE_URL, Before(doors=Captured[tuple[Door, ...]].unknown()))
    assert refused.value.expected
    assert refused.value.mend
    assert aws.changes() == []


def test_undo_at_a_url_that_is_gone_is_drift() -> None:
    aws = Function(None, GetFunctionUrlConfig=Absent("none", code="ResourceNotFoundException"))
    assert LockFunctionUrl(aws).undo(THE_URL, captured("NONE", URL_GRANT)).outcome == "drifted"


def test_a_new_statement_for_everyone_is_a_no() -> None:
    aws = Function("AWS_IAM", allow("again"))
    assert LockFunctionUrl(aws).verify(THE_URL, captured("NONE", URL_GRANT)).verdict == Verdict.NO


@pytest.mark.parametrize("qualifier", [None, "blue"])
def test_the_owner_is_the_functions_tag_whatever_the_alias(qualifier: str | None) -> None:
    aws = Function("NONE", ListTags={"Tags": {"owner": "alice@example.com"}})
    told = LockFunctionUrl(aws).owners(Params(function="resize-images", qualifier=qualifier))
    assert told == ("alice@example.com",)
    assert ("ListTags", "us-east-1", {"Resource": ARN}) in aws.asked


@pytest.mark.parametrize("error", [DENIED, THROTTLED])
def test_tags_that_cannot_be_read_say_that_the_owner_is_not_known_and_stop_nothing(error: Exception) -> None:
    action = LockFunctionUrl(Function("NONE", ListTags=error))
    assert isinstance(action.plan(THE_URL), Change)
    assert action.owners(THE_URL) == (OWNER_NOT_KNOWN,)


def test_by_hand_an_alias_is_named_in_every_command() -> None:
    params = Params(function="resize-images", qualifier="blue")
    commands = LockFunctionUrl(Function("NONE")).by_hand(params).splitlines()
    assert len(commands) == 3
    assert all(" --function-name resize-images --qualifier blue " in each for each in commands)
    assert all(each.endswith(" --region us-east-1") for each in commands)


def test_an_alias_is_asked_and_named_as_one() -> None:
    aws = Function("NONE", URL, allow("blue", Resource=f"{ARN}:blue"))
    params = Params(function="resize-images", qualifier="blue")
    act = LockFunctionUrl(aws)
    assert act.target(params) == f"{ARN}:blue"
    plan = act.plan(params)
    assert isinstance(plan, Change)
    assert [grant.sid for grant in plan.before.doors.value[0].grants] == ["blue"]  # type: ignore[attr-defined]
    asked = [parameters for name, _, parameters in aws.asked if not name.startswith("List")]
    assert all(each["Qualifier"] == "blue" for each in asked)


@pytest.mark.parametrize("name", ["", "a/b", "f:blue", "x" * 65, "f\n", ARN])
def test_only_a_function_name_is_taken(name: str) -> None:
    with pytest.raises(ValidationError):
        Params(function=name)


def test_what_was_captured_survives_the_history() -> None:
    before = captured("NONE", INVOKE_GRANT, URL_GRANT)
    assert Before.model_validate_json(before.model_dump_json()) == before


@pytest.mark.integration
def test_everything_that_opens_it_goes_and_the_rest_stays_on_the_alias_too(ministack_world: AwsWorld) -> None:
    """What the statements gave away is taken back with them; an open alias is open again after undo."""
    scene = LockFunctionUrlScene(ministack_world)
    params = Params(**scene.arrange())
    functions = ministack_world.client("lambda")
    functions.update_function_url_config(FunctionName=FUNCTION, AuthType="NONE", Qualifier="blue")
    functions.add_permission(
        FunctionName=FUNCTION,
        Qualifier="blue",
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="*",
    )
    world = scene.snapshot()
    act = LockFunctionUrl(ministack_world.aws())
    plan = act.plan(params)
    assert isinstance(plan, Change)
    assert isinstance(plan.before, Before)
    act.apply(params, plan.before)
    assert isinstance(act.plan(params), Already)
    held = scene.snapshot()
    assert [url["AuthType"] for url in held["urls"]] == ["AWS_IAM", "AWS_IAM"]
    assert {statement["Sid"] for statement in held["statements"]} == {
        "our-organization",
        "photos",
        "blue-for-our-organization",
    }
    assert act.undo(params, plan.before).outcome == "restored"
    assert scene.snapshot() == world
