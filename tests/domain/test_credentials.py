"""What looks like a credential in a finding is replaced by its fingerprint; what only looks alike stays."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.domain.credentials import Credential, Redaction, documented
from firedoor.domain.finding import Actor, Finding, Resource
from tests.findings.samples import OWN, SHARED
from tests.harness import finding
from tests.planted_credentials import PLANTED

REDACTION = Redaction()
GITHUB = PLANTED["github classic"][0]


def resource(**changes: object) -> Resource:
    return Resource.model_validate({"kind": "AWS::S3::Bucket", "uid": "b", **changes})


#: Every place of a finding that holds text, and a finding with a text there.
PLACES: dict[str, Callable[[str], Finding]] = {
    "uid": lambda text: finding(uid=text),
    "title": lambda text: finding(title=text),
    "type": lambda text: finding(type=text),
    "url": lambda text: finding(url=f"https://example.com/?q={text}"),
    "region": lambda text: finding(region=text),
    "actor": lambda text: finding(actor=Actor(user_name=text)),
    "session": lambda text: finding(actor=Actor(session_name=text)),
    "resource uid": lambda text: finding(resources=(resource(uid=text),)),
    "resource name": lambda text: finding(resources=(resource(name=text),)),
    "attribute": lambda text: finding(resources=(resource(attributes={"log": text}),)),
    "attribute's name": lambda text: finding(resources=(resource(attributes={text: 1}),)),
    "nested": lambda text: finding(resources=(resource(attributes={"a": [{"b": ["x", {"c": text}]}]}),)),
    "json in a text": lambda text: finding(
        resources=(resource(attributes={"policy": json.dumps({"Sid": text})}),)
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_credential_of_each_documented_form_is_replaced(name: str) -> None:
    credential, around = PLANTED[name]
    told = REDACTION.text(
        around.format(credential) if name != "aws secret, as JSON" else around.replace("{}", credential)
    )
    assert credential not in told
    assert "credential " in told or "[password removed]" in told


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["github classic", "anthropic", "rsa key"])
def test_it_is_replaced_wherever_it_stands(place: str, name: str) -> None:
    credential = PLANTED[name][0]
    told = REDACTION.finding(PLACES[place](credential)).model_dump_json()
    assert credential not in told
    assert json.dumps(credential)[1:-1] not in told
    assert credential.splitlines()[len(credential.splitlines()) // 2] not in told


def test_a_secret_key_is_known_by_the_name_it_stands_under() -> None:
    secret = PLANTED["aws secret, named"][0]
    told = REDACTION.finding(finding(resources=(resource(attributes={"aws_secret_access_key": secret}),)))
    assert secret not in told.model_dump_json()


def test_what_stands_there_is_its_kind_and_its_fingerprint() -> None:
    digest = hashlib.sha256(GITHUB.encode()).hexdigest()[:12]
    assert REDACTION.text(f"found {GITHUB}!") == f"found [GitHub credential {digest}]!"


def test_of_a_password_not_even_a_fingerprint_is_kept() -> None:
    """Its digest would tell whoever tries words that the word was right."""
    assert REDACTION.text("ftp://bob:hunter2@example.com") == "ftp://bob:[password removed]@example.com"


def test_a_redelivery_stays_one() -> None:
    first, again = (REDACTION.finding(finding(uid=f"leak-{GITHUB}")) for _ in range(2))
    assert first == again


def test_a_finding_without_credentials_is_the_very_same() -> None:
    plain = finding()
    assert REDACTION.finding(plain) is plain


WRAPPED: dict[str, Callable[[str], str]] = {
    "a line of a log within JSON": lambda text: json.dumps({"log": f"began\n{text}\tended"}),
    "JSON within JSON": lambda text: json.dumps(json.dumps({"log": f"began\n{text}"})),
    "escaped letters": lambda text: "".join(
        f"\\u{ord(c):04x}" if at % 5 == 2 else c for at, c in enumerate(text)
    ),
    "escaped slashes": lambda text: text.replace("/", "\\/"),
    "a URL": lambda text: f"https://example.com/?q=%22{quote(text, safe='')}%22",
    "base64": lambda text: base64.b64encode(f"key: {text}\n".encode()).decode(),
    "base64 of a URL": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 in lines": lambda text: base64.encodebytes(f"key: {text}\n".encode()).decode(),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
}


@pytest.mark.parametrize("wrapped", WRAPPED)
@pytest.mark.parametrize("name", PLANTED)
def test_a_credential_is_replaced_also_where_it_is_escaped_or_encoded(name: str, wrapped: str) -> None:
    credential, around = PLANTED[name]
    text = WRAPPED[wrapped](around.replace("{}", credential))
    told = REDACTION.finding(finding(resources=(resource(attributes={"a": text}),)))
    (kept,) = told.resources[0].attributes.values()
    assert isinstance(kept, str)
    assert "credential " in kept or "[password removed]" in kept
    for escaped in (credential, WRAPPED[wrapped](credential), quote(credential, safe="")):
        assert escaped not in kept


def test_a_private_key_that_was_cut_is_replaced_wherever_it_stands() -> None:
    """Detectors cut what they quote: what is left of a key has no end, and other texts follow it."""
    lines = PLANTED["rsa key"][0].splitlines()[:5]
    cut = "\n".join(lines)
    for told in (finding(title=cut), finding(resources=(resource(attributes={"a": cut, "b": GITHUB}),))):
        assert lines[3] not in REDACTION.finding(told).model_dump_json()
    whole = {"a": cut, "b": PLANTED["key"][0]}
    assert (
        lines[3] not in REDACTION.finding(finding(resources=(resource(attributes=whole),))).model_dump_json()
    )


def test_a_private_key_in_a_list_of_lines_is_replaced() -> None:
    lines = PLANTED["rsa key"][0].splitlines()
    told = REDACTION.finding(finding(resources=(resource(attributes={"file": [*lines, "end"]}),)))
    assert not [line for line in lines[1:-1] if line in told.model_dump_json()]


def test_a_secret_key_beside_its_id_is_replaced_in_another_attribute() -> None:
    secret = PLANTED["aws secret, beside its id"][0]
    attributes = {"id": "AKIAIOSFODNN7EXAMPLE", "value": secret, "log": f"{secret} again"}
    told = REDACTION.finding(finding(resources=(resource(attributes=attributes),)))
    assert secret not in told.model_dump_json()
    assert "AKIAIOSFODNN7EXAMPLE" in told.model_dump_json()


#: What an attacker may write into a tag, a user agent or the name of an object: each would be a credential.
_CLAIMS = [
    "https://x:{}@example.com",
    "Authorization: Bearer {}",
    "Authorization: Basic {}",
    "SSWS {}",
    "password={}",
    "secret_key: {}",
    "token={}",
    "https://hooks.slack.com/services/{}",
    "AccountKey={}",
]


@pytest.mark.parametrize("claim", _CLAIMS)
def test_nobody_takes_an_id_out_of_another_attribute(claim: str) -> None:
    for name in ("AC0123456789abcdef0123456789abcdef", "i-0123456789abcdef0", "0123456789abcdef" * 4):
        attributes = {"id": name, "tags": {"a": claim.format(name)}}
        told = REDACTION.finding(finding(resources=(resource(attributes=attributes),)))
        assert told.resources[0].attributes["id"] == name


@pytest.mark.parametrize("claim", _CLAIMS)
def test_nobody_takes_out_of_a_finding_what_it_is_about(claim: str) -> None:
    """What is a credential only by the words around it stays where it is a name: else they would hide it."""
    who = Actor(
        user_name="a-user-with-a-very-long-name-of-ours-1",
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        uid="AIDACKCEVSQ6C2EXAMPLE",
        account="123456789012",
        role_name="MyStackLambdaExecutionRoleA1B2C3D4E5F6G7H8",
    )
    bucket = resource(
        uid="arn:aws:s3:::our-bucket-of-production", name="our-bucket-of-production", region="eu-west-1"
    )
    plain = finding(actor=who, resources=(bucket,), account="123456789012", region="eu-west-1")
    names = [
        *(name for name in who.model_dump(exclude={"kind", "source_ips"}).values() if name),
        bucket.uid,
        bucket.name,
        "eu-west-1",
        plain.uid,
        plain.source,
        *("uid", "title", "account", "attributes", "access_key_id"),
    ]
    for name in names:
        tagged = plain.model_copy(
            update={"resources": (bucket, resource(attributes={"tags": {"a": claim.format(name)}}))}
        )
        told = REDACTION.finding(tagged)
        assert told.model_copy(update={"resources": ()}) == tagged.model_copy(update={"resources": ()})
        assert told.resources[0] == bucket


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "arn:aws:iam::123456789012:user/alice",
        "AROAEXAMPLE:i-0abc",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "AKIAIOSFODNN7EXAMPLE commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "c6f3a1b2-1111-4222-8333-444455556666",
        "https://console.aws.amazon.com/guardduty/home?region=us-east-1#/findings?fId=abc",
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        "a task-proj of sk-sh and gh_pages, xoxo",
        "secret: arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/database-A1b2C3",
        "token = AKIAIOSFODNN7EXAMPLE",
        "access_key: ASIAIOSFODNN7EXAMPLE",
        "kms_key = 1234abcd-12ab-34cd-56ef-1234567890ab",
        "secret_type = github_personal_access_token",
        "task/production/0123456789abcdef0123456789abcdef",
        "Basic authentication of a password: reset it",
        "arn:aws:s3:::bucket/data%2F2024/0123456789abcdef0123456789abcdef.parquet",
    ],
)
def test_ids_names_and_digests_are_no_credentials(text: str) -> None:
    assert REDACTION.text(text) == text


def test_nothing_of_all_samples_is_taken_for_a_credential() -> None:
    """What playbooks act on must not be replaced by mistake; what some do hold is left out here."""
    files = [*OWN.rglob("*.json"), *(SHARED.rglob("*.json") if SHARED.is_dir() else ())]
    found = {
        (file.name, kind, text[:20])
        for file in files
        for kind, text, _ in documented(file.read_text(encoding="utf-8", errors="replace"))
        if not text.startswith(("IQoJb3JpZ2luX2Vj", "whsec_", "75732d656173742d31"))  # the last is SNS's
    }
    assert found == set()


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_stands_around_it_it_is_found(before: str, after: str) -> None:
    told = REDACTION.text(f"{before} {GITHUB} {after}")
    assert GITHUB not in told


def test_a_scanner_that_knows_more_is_asked_as_well() -> None:
    redaction = Redaction(lambda text: [Credential("our own", "tok-1234")] if "tok-1234" in text else [])
    told = redaction.finding(finding(title="a tok-1234 leaked"))
    assert "tok-1234" not in told.title
    assert "our own credential" in told.title


def test_a_text_that_fills_its_field_still_fits_it() -> None:
    full = ("x://a:bcd@" * 410)[:4096]
    told = REDACTION.finding(finding(title=full))
    assert "bcd" not in told.title
    assert len(told.title) <= 4096
