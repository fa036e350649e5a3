"""The one translation of botocore's exceptions into the errors of the house."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from firedoor.domain.core.errors import Absent, Rejected, Unavailable
from firedoor.systems.aws.permissions import permission

#: What botocore raises, its two roots and what escapes them: its parsers' own error is neither, and a
#: date or a number that cannot be read is a plain ValueError.
RAISED = (boto.ClientError, boto.BotoCoreError, ResponseParserError, ValueError, LookupError)

#: Codes of credentials whose time is over: new ones are minted by the next attempt.
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})

#: Codes that ask for another attempt although their HTTP status is a 4xx.
_AGAIN = EXPIRED | {
    "BandwidthLimitExceeded",
    "ClientTokenConflictException",
    "ConcurrentModification",
    "ConcurrentModificationException",
    "ConditionalRequestConflict",
    "ConflictException",
    "DependencyViolation",
    "EC2ThrottledException",
    "EntityTemporarilyUnmodifiable",
    "IDPCommunicationError",
    "InvalidIfMatchVersion",
    "LimitExceededException",
    "OperationAborted",
    "PreconditionFailed",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "RequestTimeoutException",
    "ResourceConflictException",
    "ResourceInUseException",
    "ServiceUnavailable",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
    "WAFOptimisticLockException",
}

#: The thing asked about is not there: `NoSuchEntity`, `ResourceNotFoundException`,
#: `InvalidPermission.NotFound`, `ReplicationConfigurationNotFoundError`, and S3's bodiless 404.
_ABSENT = re.compile(r"NoSuch\w+|[\w.]*NotFound(?:Exception|Error|Fault)?|404")

#: Final answers that the vendor documents. A 4xx in neither table is an answer we do not know.
_FINAL = re.compile(
    r"AccessDenied\w*|UnauthorizedOperation|AuthorizationError|AuthFailure|NotAuthorized\w*|403"
    r"|InvalidClientTokenId|InvalidAccessKeyId|UnrecognizedClientException|SignatureDoesNotMatch"
    r"|IncompleteSignature|RegionDisabledException|OptInRequired|PackedPolicyTooLarge\w*"
    r"|Validation\w*|Malformed\w*|Missing\w*|Invalid[\w.]*|Unsupported\w*|\w*NotSupported"
    r"|[\w.]*Duplicate\w*|\w*AlreadyExists\w*|\w*LimitExceeded|\w*QuotaExceeded\w*|\w*SizeExceeded\w*"
    r"|UnmodifiableEntity|DeleteConflict|PolicyNotAttachable|MethodNotAllowed|OperationNotPermitted"
    r"|PolicyLengthExceeded\w*|\w*TooLong|\w*TooLarge|400"
)

_DENIED = re.compile(r"AccessDenied\w*|UnauthorizedOperation|AuthorizationError|403")

#: What botocore refuses before anything is sent: no attempt can change it.
_OURS = (
    boto.ParamValidationError,
    boto.MissingParametersError,
    boto.ValidationError,
    boto.UnknownServiceError,
    boto.OperationNotPageableError,
    boto.NoRegionError,
    boto.UnknownRegionError,
    boto.ProfileNotFound,
    boto.UnknownClientMethodError,
)

#: A signature whose time is not AWS's: the code of S3, and those of the others, which say it in words.
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_SIGNED = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"})
_CLOCK = "a clock of this machine that differs from AWS's by less than five minutes"
_SET_THE_CLOCK = "set the clock of this machine (NTP)"

_FIRST_SERVER_ERROR = 500
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")

Translated = Rejected | Unavailable


def translate(error: Exception, service: str, operation: str) -> Translated:
    """Turn what botocore raised for one operation into `Absent`, `Rejected` or `Unavailable`.

    The vendor's own message is left out: it echoes names from a finding, and for
    a signature error the canonical request with its session token. Operation and
    code say what an operator needs.
    """
    call = f"{service}:{operation}"
    if isinstance(error, boto.ClientError):
        return _answered(error, call)
    code = type(error).__name__
    if isinstance(error, _OURS):
        return Rejected(
            f"{call} was not sent: botocore refused it with {code}",
            code=code,
            expected="an operation and parameters of the AWS API",
        )
    if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError)):
        # Try again: an instance's role may be there in a moment. Nothing was sent.
        return Unavailable(
            f"{call} was not sent: this process has no AWS credentials",
            code=code,
            expected="a role, a profile or AWS_ACCESS_KEY_ID around the process",
            mend="give it some; `firedoor doctor` tells whether they work",
        )
    # Lost replies, resets, timeouts, an answer cut short, an HTML page instead of XML, credentials that
    # could not be fetched: whether a write happened is not known, and only looking again can tell.
    return Unavailable(
        f"{call} gave no usable answer: {code}",
        code=code,
        mend="look again before believing it did not happen",
    )


def _answered(error: Any, call: str) -> Translated:
    answer: Mapping[str, Any] = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    code = code if _CODE.fullmatch(code) else ""
    metadata = answer.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode") or 0)
    found = f"{call} was answered {code or 'without an error code'} (HTTP {status or 'unknown'})"
    if status < _FIRST_SERVER_ERROR and code not in _AGAIN:
        if _ABSENT.fullmatch(code):
            return Absent(found, code=code)
        if _DENIED.fullmatch(code):
            return Rejected(found, code=code, mend=_allow(call))
        if code in _SIGNED and _is_late(answer):
            return Unavailable(found, code=code, expected=_CLOCK, mend=_SET_THE_CLOCK)
        if _FINAL.fullmatch(code):
            return Rejected(found, code=code)
    if code in _SKEWED:
        return Unavailable(found, code=code, expected=_CLOCK, mend=_SET_THE_CLOCK)
    return Unavailable(found, code=code, retry_after=_retry_after(metadata.get("HTTPHeaders", {})))


def _allow(call: str) -> str:
    """Say what to look at where a call is denied; the names are those of AWS's own list of actions."""
    if call == "sts:AssumeRole":
        return (
            "look at the trust policy of the role first (does it name who asks?), and at the external id; "
            "then allow sts:AssumeRole on this role to who asks"
        )
    if call == "iam:GetAccessKeyLastUsed":
        return (
            "it may be a key that nobody has, for which IAM answers the same; else allow "
            "iam:GetAccessKeyLastUsed on *, for it cannot be narrowed to a user"
        )
    service, _, operation = call.partition(":")
    asked = permission(service, operation)
    return f"allow {asked or call} to the role of Firedoor in this account"


def _is_late(answer: Mapping[str, Any]) -> bool:
    """Whether a signature was refused for its time: AWS says so in words alone."""
    says = str(answer.get("Error", {}).get("Message", ""))
    return "Signature expired" in says or "Signature not yet current" in says


def _retry_after(headers: Mapping[str, str]) -> float | None:
    wish = headers.get("retry-after", "")
    return float(wish) if wish.isascii() and wish.isdigit() else None
