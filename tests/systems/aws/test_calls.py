"""What the connector to AWS promises to the actions that use it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from firedoor.domain.core.errors import Rejected, Unavailable
from firedoor.systems.aws.calls import Account, Aws, AwsAccounts
from firedoor.systems.aws.clock import AwsClock
from tests.connectors.scripted_aws import Scripted, scripted_aws
from tests.fixtures_aws import aws_environment
from tests.scenes.aws_world import AwsWorld, policy
from tests.servers import ACCOUNT

INCIDENT, OTHER_INCIDENT = "0a1b2c3d4e5f", "f5e4d3c2b1a0"
REGION = "eu-central-1"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    """An AWS that answers as the test says."""
    with scripted_aws() as running:
        aws_environment(monkeypatch, running.url)
        yield running


@pytest.fixture
def accounts() -> AwsAccounts:
    """One account, reached with the credentials around the process."""
    return AwsAccounts({ACCOUNT: Account(ACCOUNT)})


def looking(accounts: AwsAccounts) -> Aws:
    return accounts.reading(ACCOUNT, REGION, INCIDENT)


def changing(accounts: AwsAccounts, incident: str = INCIDENT) -> Aws:
    return accounts.changing(ACCOUNT, REGION, incident)


@pytest.mark.parametrize(
    "wrong", ["12345678901", "1234567890123", "12345678901a", "", "１２３４５６７８９０１２"]
)
def test_an_account_is_twelve_digits(wrong: str) -> None:
    with pytest.raises(Rejected, match="not an account id"):
        AwsAccounts({wrong: Account(wrong)})


def test_an_account_that_is_not_configured_is_not_lent(accounts: AwsAccounts) -> None:
    with pytest.raises(Rejected, match="not one of ours"):
        accounts.reading("210987654321", REGION, INCIDENT)


@pytest.mark.parametrize(
    "region", ["", "eu-central-1.evil.example", "EU-CENTRAL-1", "../x", "eu-central-1\n"]
)
def test_a_region_is_a_region(accounts: AwsAccounts, region: str) -> None:
    with pytest.raises(Rejected, match="not an AWS region"):
        accounts.reading(ACCOUNT, region, INCIDENT)


@pytest.mark.parametrize("incident", ["", "0A1B2C3D4E5F", "0a1b2c3d4e5", "0a1b2c3d4e5f/x"])
def test_an_incident_is_twelve_hex_digits(accounts: AwsAccounts, incident: str) -> None:
    with pytest.raises(Rejected, match="does not name an incident"):
        accounts.changing(ACCOUNT, REGION, incident)


def test_the_partition_is_the_regions(accounts: AwsAccounts) -> None:
    assert accounts.reading(ACCOUNT, "eu-central-1", INCIDENT).partition == "aws"
    assert accounts.reading(ACCOUNT, "cn-north-1", INCIDENT).partition == "aws-cn"
    assert accounts.reading(ACCOUNT, "us-gov-west-1", INCIDENT).partition == "aws-us-gov"


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("iam", "UpdateAccessKey"),
        ("iam", "DeleteAccessKey"),
        ("s3", "PutPublicAccessBlock"),
        ("iam", "GenerateCredentialReport"),
        ("sts", "AssumeRole"),
        ("sts", "GetSessionToken"),
        ("sts", "GetFederationToken"),
        ("secretsmanager", "GetSecretValue"),
        ("iam", "getUser"),
        ("iam", "Getaway"),
    ],
)
@pytest.mark.integration
def test_a_connector_that_looks_sends_nothing_that_changes_or_hands_out(
    script: Scripted, accounts: AwsAccounts, service: str, operation: str
) -> None:
    aws = looking(accounts)
    for ask in (lambda: aws.call(service, operation), lambda: aws.pages(service, operation, "Things")):
        with pytest.raises(Rejected) as refused:
            ask()
        assert refused.value.code == "ReadOnly"
    assert script.operations() == []


@pytest.mark.integration
def test_credentials_of_another_account_than_configured_are_not_used(script: Scripted) -> None:
    strangers = AwsAccounts({"210987654321": Account("210987654321")})
    with pytest.raises(Rejected) as refused:
        strangers.changing("210987654321", REGION, INCIDENT).call("iam", "UpdateAccessKey")
    assert refused.value.code == "WrongAccount"
    assert script.operations() == ["GetCallerIdentity"]


@pytest.mark.integration
def test_every_call_names_its_incident_and_all_incidents_share_one_client(
    script: Scripted, accounts: AwsAccounts
) -> None:
    script.answers["GetUser"] = (200, "<GetUserResponse><GetUserResult/></GetUserResponse>")
    for incident in (INCIDENT, OTHER_INCIDENT):
        changing(accounts, incident).call("iam", "GetUser")
    agents = [headers["User-Agent"] for operation, headers in script.asked if operation == "GetUser"]
    assert [agent.rpartition(" ")[2] for agent in agents] == [
        f"incident/{INCIDENT}",
        f"incident/{OTHER_INCIDENT}",
    ]
    assert all(" firedoor/" in agent for agent in agents)
    sessions = [
        accounts.session(Account(ACCOUNT), phase="changing", incident=incident)
        for incident in (INCIDENT, OTHER_INCIDENT)
    ]
    assert sessions[0].client("iam", REGION) is sessions[1].client("iam", REGION)


@pytest.mark.integration
def test_threads_that_ask_at_once_share_one_client(script: Scripted, accounts: AwsAccounts) -> None:
    session = accounts.session(Account(ACCOUNT), phase="reading", incident=INCIDENT)
    found: list[object] = []
    gate = threading.Barrier(12)

    def ask() -> None:
        gate.wait()
        found.append(session.client("iam", REGION))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert len(set(map(id, found))) == 1


@pytest.mark.integration
def test_the_time_is_awss_and_not_ours(script: Scripted, accounts: AwsAccounts) -> None:
    now = changing(accounts).now()
    assert now.tzinfo is not None
    assert timedelta(0) <= now - datetime(2030, 1, 1, tzinfo=UTC) < timedelta(minutes=1)


@pytest.mark.integration
def test_the_time_is_heard_from_refusals_too(script: Scripted, accounts: AwsAccounts) -> None:
    aws = changing(accounts)
    aws.now()
    script.date = "Wed, 01 Jan 2031 00:00:00 GMT"
    script.answers["GetUser"] = (
        403,
        "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
    )
    with pytest.raises(Rejected):
        aws.call("iam", "GetUser")
    assert aws.now().year == 2031
    script.date = "yesterday"
    with pytest.raises(Rejected):
        aws.call("iam", "GetUser")
    assert aws.now().year == 2031


def test_a_clock_that_heard_nothing_does_not_guess() -> None:
    with pytest.raises(LookupError):
        AwsClock().now()


@pytest.mark.parametrize(
    ("status", "page"),
    [
        (500, "<html><body>Not Implemented</body></html>"),
        (200, "<html><body>Welcome to the captive portal<br></html>"),
        (200, "<GetUserResponse><GetUserResult><User><UserNa"),
        (200, "it works!"),
        (
            200,
            "<R><ListUsersResult><Users><member><CreateDate>soon</CreateDate></member></Users></ListUsersResult></R>",
        ),
    ],
)
@pytest.mark.integration
def test_an_answer_that_cannot_be_read_is_try_again(
    script: Scripted, accounts: AwsAccounts, status: int, page: str
) -> None:
    script.answers["ListUsers"] = (status, page)
    with pytest.raises(Unavailable):
        changing(accounts).pages("iam", "ListUsers", "Users")


@pytest.mark.integration
def test_an_answer_without_the_list_is_not_an_empty_list(script: Scripted, accounts: AwsAccounts) -> None:
    script.answers["ListUsers"] = (200, "<ListUsersResponse><ListUsersResult/></ListUsersResponse>")
    with pytest.raises(Unavailable, match="without a Users list"):
        looking(accounts).pages("iam", "ListUsers", "Users")
    empty = "<ListUsersResponse><ListUsersResult><Users/></ListUsersResult></ListUsersResponse>"
    script.answers["ListUsers"] = (200, empty)
    assert looking(accounts).pages("iam", "ListUsers", "Users") == []


@pytest.mark.integration
def test_an_error_carries_nothing_of_the_vendors_text(script: Scripted, accounts: AwsAccounts) -> None:
    told = (
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>token FwoG</Message></Error></ErrorResponse>"
    )
    script.answers["GetUser"] = (403, told)
    with pytest.raises(Rejected) as refused:
        looking(accounts).call("iam", "GetUser")
    assert "FwoG" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.integration
def test_a_listing_has_all_its_pages(ministack_world: AwsWorld) -> None:
    iam = ministack_world.client("iam")
    names = [f"user-{number:02}" for number in range(5)]
    for name in names:
        iam.create_user(UserName=name)
    aws = ministack_world.aws(changing=False)
    users = aws.pages("iam", "ListUsers", "Users", PaginationConfig={"PageSize": 2})
    assert sorted(user["UserName"] for user in users) == names


@pytest.mark.integration
def test_a_bucket_behind_an_overridden_endpoint_stands_in_the_path(
    ministack_world: AwsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_name = ministack_world.server.url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("AWS_ENDPOINT_URL", by_name)
    monkeypatch.delenv("HTTP_PROXY")
    ministack_world.client("s3").create_bucket(Bucket="holiday-photos")
    ministack_world.client("s3").put_object(Bucket="holiday-photos", Key="beach.jpg", Body=b"sand")
    aws = AwsAccounts({ACCOUNT: Account(ACCOUNT)}).reading(ACCOUNT, "us-east-1", INCIDENT)
    listed = aws.pages("s3", "ListObjectsV2", "Contents", Bucket="holiday-photos")
    assert [item["Key"] for item in listed] == ["beach.jpg"]


@pytest.fixture
def responder(ministack_world: AwsWorld) -> Account:
    """A role in the account that trusts us with an external id."""
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "told-to-us-only"}},
    }
    iam = ministack_world.client("iam")
    role = iam.create_role(RoleName="Responder", AssumeRolePolicyDocument=policy(trust))["Role"]
    return Account(ACCOUNT, role["Arn"], "told-to-us-only")


def named(accounts: AwsAccounts, incident: str = INCIDENT) -> str:
    arn: str = changing(accounts, incident).call("sts", "GetCallerIdentity")["Arn"]
    return arn


@pytest.mark.integration
def test_a_role_is_assumed_in_the_name_of_the_incident(responder: Account) -> None:
    accounts = AwsAccounts({ACCOUNT: responder})
    for incident in (INCIDENT, OTHER_INCIDENT):
        assert named(accounts, incident).endswith(f":assumed-role/Responder/firedoor-{incident}")


@pytest.mark.integration
@pytest.mark.parametrize("external_id", [None, "guessed"])
def test_a_role_is_not_lent_without_its_external_id(responder: Account, external_id: str | None) -> None:
    accounts = AwsAccounts({ACCOUNT: Account(ACCOUNT, responder.role, external_id)})
    with pytest.raises(Rejected) as refused:
        named(accounts)
    assert refused.value.code == "AccessDenied"


@pytest.mark.integration
def test_assumed_credentials_are_kept_per_incident_and_phase_until_they_are_over(responder: Account) -> None:
    accounts = AwsAccounts({ACCOUNT: responder})

    def kept(phase: str = "changing", incident: str = INCIDENT) -> object:
        return accounts.session(
            responder, phase="reading" if phase == "reading" else "changing", incident=incident
        )

    first = kept()
    assert kept() is first
    assert kept("reading") is not first
    assert kept(incident=OTHER_INCIDENT) is not first
    accounts.session(responder, phase="changing", incident=INCIDENT).expire()
    assert kept() is not first


@pytest.mark.integration
def test_credentials_that_aws_calls_expired_are_minted_anew_by_the_next_attempt(
    responder: Account, ministack_world: AwsWorld
) -> None:
    accounts = AwsAccounts({ACCOUNT: responder})
    arn = named(accounts)
    ministack_world.proxy.fail(
        {
            "service": "sts",
            "operation": "GetCallerIdentity",
            "times": 1,
            "error": {"code": "ExpiredToken", "status": 403},
        }
    )
    first = accounts.session(responder, phase="changing", incident=INCIDENT)
    with pytest.raises(Unavailable) as again:
        named(accounts)
    assert again.value.code == "ExpiredToken"
    assert named(accounts) == arn
    assert accounts.session(responder, phase="changing", incident=INCIDENT) is not first
