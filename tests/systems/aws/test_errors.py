"""Every answer of AWS is one of three: it is not there, it is refused for good, or try again."""

from __future__ import annotations

import pytest
from botocore import exceptions as boto

from firedoor.domain.core.errors import Absent, FiredoorError, Rejected, Unavailable
from firedoor.systems.aws.errors import translate


def answered(code: str, status: int, **headers: str) -> boto.ClientError:
    """An error answer as botocore raises it."""
    told = {
        "Error": {"Code": code, "Message": "user ci-deployer, token FwoGZXIvYXdzE"},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    return boto.ClientError(told, "UpdateAccessKey")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("NoSuchEntity", 404, Absent),
        ("NoSuchBucket", 404, Absent),
        ("NoSuchBucketPolicy", 404, Absent),
        ("NoSuchPublicAccessBlockConfiguration", 404, Absent),
        ("ResourceNotFoundException", 404, Absent),
        ("RepositoryPolicyNotFoundException", 400, Absent),
        ("InvalidPermission.NotFound", 400, Absent),
        ("InvalidGroup.NotFound", 400, Absent),
        ("404", 404, Absent),
        ("AccessDenied", 403, Rejected),
        ("AccessDeniedException", 400, Rejected),
        ("UnauthorizedOperation", 403, Rejected),
        ("AuthorizationError", 403, Rejected),
        ("AuthFailure", 401, Rejected),
        ("InvalidClientTokenId", 403, Rejected),
        ("InvalidAccessKeyId", 403, Rejected),
        ("UnrecognizedClientException", 400, Rejected),
        ("SignatureDoesNotMatch", 403, Rejected),
        ("RegionDisabledException", 403, Rejected),
        ("ValidationError", 400, Rejected),
        ("MalformedPolicyDocument", 400, Rejected),
        ("InvalidPermission.Duplicate", 400, Rejected),
        ("EntityAlreadyExists", 409, Rejected),
        ("DuplicatePolicyAttachmentException", 400, Rejected),
        ("LimitExceeded", 409, Rejected),
        ("UnmodifiableEntity", 400, Rejected),
        ("AccessControlListNotSupported", 400, Rejected),
        ("InvalidAction", 400, Rejected),
        ("Throttling", 400, Unavailable),
        ("ThrottlingException", 400, Unavailable),
        ("RequestLimitExceeded", 503, Unavailable),
        ("SlowDown", 503, Unavailable),
        ("TooManyRequestsException", 429, Unavailable),
        ("ServiceFailure", 500, Unavailable),
        ("InternalError", 500, Unavailable),
        ("ExpiredToken", 403, Unavailable),
        ("ExpiredTokenException", 400, Unavailable),
        ("ResourceConflictException", 409, Unavailable),
        ("ConcurrentModification", 409, Unavailable),
        ("PreconditionFailed", 412, Unavailable),
        ("InvalidIfMatchVersion", 400, Unavailable),
        ("WAFOptimisticLockException", 400, Unavailable),
        ("RequestTimeTooSkewed", 403, Unavailable),
        ("SomethingNobodyHasSeen", 400, Unavailable),
        ("", 418, Unavailable),
        ("NoSuchEntity", 500, Unavailable),
        ("AccessDenied", 503, Unavailable),
    ],
)
def test_an_error_answer_is_what_its_code_and_status_say(
    code: str, status: int, expected: type[FiredoorError]
) -> None:
    translated = translate(answered(code, status), "iam", "UpdateAccessKey")
    assert type(translated) is expected
    assert translated.code == code


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (boto.ReadTimeoutError(endpoint_url="http://127.0.0.1"), Unavailable),
        (boto.ConnectTimeoutError(endpoint_url="http://127.0.0.1"), Unavailable),
        (boto.EndpointConnectionError(endpoint_url="http://127.0.0.1"), Unavailable),
        (boto.ConnectionClosedError(endpoint_url="http://127.0.0.1"), Unavailable),
        (boto.IncompleteReadError(actual_bytes=1, expected_bytes=2), Unavailable),
        (boto.NoCredentialsError(), Unavailable),
        (boto.CredentialRetrievalError(provider="imds", error_msg="?"), Unavailable),
        (boto.BotoCoreError(), Unavailable),
        (boto.ParamValidationError(report="no"), Rejected),
        (boto.UnknownServiceError(service_name="x", known_service_names="y"), Rejected),
    ],
)
def test_no_answer_is_try_again_and_what_was_never_sent_is_final(
    error: Exception, expected: type[FiredoorError]
) -> None:
    assert type(translate(error, "iam", "UpdateAccessKey")) is expected


def test_a_message_names_operation_and_code_and_repeats_nothing_the_vendor_wrote() -> None:
    translated = translate(answered("AccessDenied", 403), "iam", "UpdateAccessKey")
    assert str(translated) == (
        "iam:UpdateAccessKey was answered AccessDenied (HTTP 403); "
        "allow iam:UpdateAccessKey to the role of Firedoor in this account"
    )


def test_a_code_that_is_no_code_is_not_repeated() -> None:
    translated = translate(answered("<b>x</b>\nforged log line", 400), "iam", "UpdateAccessKey")
    assert translated.code == ""
    assert "forged" not in str(translated)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("", None), ("²", None)])
def test_the_vendors_wish_to_wait_is_kept(header: str, seconds: float | None) -> None:
    error = answered("Throttling", 400, **{"retry-after": header})
    translated = translate(error, "iam", "UpdateAccessKey")
    assert isinstance(translated, Unavailable)
    assert translated.retry_after == seconds


# ---- what to do --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "operation", "mend"),
    [
        ("s3", "PutPublicAccessBlock", "allow s3:PutBucketPublicAccessBlock to the role of Firedoor"),
        ("s3control", "GetPublicAccessBlock", "allow s3:GetAccountPublicAccessBlock to the role of Firedoor"),
        ("iam", "UpdateAccessKey", "allow iam:UpdateAccessKey to the role of Firedoor"),
        ("sts", "AssumeRole", "look at the trust policy of the role first"),
        ("sts", "AssumeRole", "and at the external id"),
        ("iam", "GetAccessKeyLastUsed", "it may be a key that nobody has"),
        ("iam", "GetAccessKeyLastUsed", "iam:GetAccessKeyLastUsed on *, for it cannot be narrowed to a user"),
    ],
)
def test_a_denial_names_what_exists_and_the_first_suspect_first(
    service: str, operation: str, mend: str
) -> None:
    error = translate(answered("AccessDenied", 403), service, operation)
    assert isinstance(error, Rejected)
    assert mend in error.mend


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large"),
        ("SignatureDoesNotMatch", "Signature expired: 20261122T000000Z is now earlier than 20261122T020000Z"),
        ("SignatureDoesNotMatch", "Signature not yet current: 20261122T040000Z is still later than 2026"),
        ("InvalidSignatureException", "Signature expired: 20261122T000000Z is now earlier than"),
    ],
)
def test_a_signature_of_another_time_names_the_clock_and_is_tried_again(code: str, says: str) -> None:
    told = answered(code, 403)
    told.response["Error"]["Message"] = says
    error = translate(told, "iam", "GetUser")
    assert isinstance(error, Unavailable)
    assert "clock of this machine" in error.expected
    assert "20261122T000000Z" not in str(error), "the vendor's own words stay out"
