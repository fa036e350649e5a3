"""What GuardDuty sends through EventBridge when a key is used from where it should not be."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from firedoor.config.initial import EXAMPLE_ACCOUNT as ACCOUNT
from firedoor.connectors.demo_aws import REGION

#: An address of the range that is kept for documentation.
ATTACKER = "203.0.113.66"


def guardduty(
    *, type_: str, severity: float, title: str, user: str, user_id: str, key: str, bucket: str
) -> dict[str, Any]:
    """Write one event, as an API destination would post it."""
    now = datetime.now(UTC)
    uid = secrets.token_hex(16)
    detector = secrets.token_hex(16)
    return {
        "version": "0",
        "id": f"{secrets.token_hex(4)}-{secrets.token_hex(2)}-4a1d-9c3e-{secrets.token_hex(6)}",
        "detail-type": "GuardDuty Finding",
        "source": "aws.guardduty",
        "account": ACCOUNT,
        "time": _at(now),
        "region": REGION,
        "resources": [],
        "detail": {
            "schemaVersion": "2.0",
            "accountId": ACCOUNT,
            "region": REGION,
            "partition": "aws",
            "id": uid,
            "arn": f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/{detector}/finding/{uid}",
            "type": type_,
            "severity": severity,
            "title": title,
            "description": title,
            "createdAt": _at(now),
            "updatedAt": _at(now),
            "resource": _resource(user, user_id, key, bucket),
            "service": {
                "serviceName": "guardduty",
                "detectorId": detector,
                "resourceRole": "TARGET",
                "archived": False,
                "count": 1,
                "eventFirstSeen": _at(now - timedelta(minutes=2)),
                "eventLastSeen": _at(now - timedelta(minutes=1)),
                "additionalInfo": {"value": "{}", "type": "default"},
                "action": {
                    "actionType": "AWS_API_CALL",
                    "awsApiCallAction": {
                        "api": "GetObject",
                        "serviceName": "s3.amazonaws.com",
                        "callerType": "Remote IP",
                        "remoteIpDetails": {"ipAddressV4": ATTACKER, "country": {"countryName": "Nowhere"}},
                    },
                },
            },
        },
    }


def _resource(user: str, user_id: str, key: str, bucket: str) -> dict[str, Any]:
    return {
        "resourceType": "S3Bucket",
        "accessKeyDetails": {
            "accessKeyId": key,
            "principalId": user_id,
            "userName": user,
            "userType": "IAMUser",
        },
        "s3BucketDetails": [
            {
                "arn": f"arn:aws:s3:::{bucket}",
                "name": bucket,
                "type": "Destination",
                "tags": [{"key": "classification", "value": "confidential"}],
                "publicAccess": {"effectivePermission": "NOT_PUBLIC"},
            }
        ],
    }


def _at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
