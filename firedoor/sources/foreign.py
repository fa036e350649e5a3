"""Whose JSON this is that a generic source cannot read, for the sentence that refuses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from firedoor.domain.core.errors import Unreadable

_EVENTBRIDGE: Final = "send it to a source of kind aws.eventbridge"
_HUB: Final = "let AWS Security Hub pass it on, to a source of kind aws.eventbridge"
_GITHUB: Final = "send it to a source of kind github"
_TRANSLATE: Final = "translate it to a Finding, OCSF or a CloudEvent around one before you send it"

#: Whose form it is by the keys that stand in it, the more telling ones first; and what to do about it.
_FORMS: Final[tuple[tuple[str, frozenset[str], str], ...]] = tuple(
    (name, frozenset(keys.split()), mend)
    for name, keys, mend in (
        ("an event of Amazon EventBridge", "detail-type detail source", _EVENTBRIDGE),
        ("a notification of Amazon SNS", "TopicArn MessageId Type", _EVENTBRIDGE),
        ("an AWS Security Hub finding (ASFF)", "SchemaVersion ProductArn AwsAccountId", _EVENTBRIDGE),
        ("an AWS Security Hub finding (ASFF)", "ProductArn AwsAccountId GeneratorId", _EVENTBRIDGE),
        ("an Amazon GuardDuty finding", "schemaVersion accountId service type", _EVENTBRIDGE),
        ("an Amazon GuardDuty finding", "SchemaVersion AccountId Service Type", _EVENTBRIDGE),
        ("an Amazon Macie finding", "resourcesAffected category", _HUB),
        ("an Amazon Inspector finding", "findingArn awsAccountId", _HUB),
        ("an AWS Health event", "eventArn eventTypeCode", _EVENTBRIDGE),
        ("a batch of AWS findings", "Findings", _EVENTBRIDGE),
        ("an Amazon CloudWatch alarm", "AlarmName NewStateValue", _TRANSLATE),
        ("an AWS CloudTrail event", "eventSource eventName userIdentity", _TRANSLATE),
        ("an AWS Config event", "invokingEvent", _TRANSLATE),
        ("an IAM Access Analyzer finding", "analyzedAt resource resourceType", _EVENTBRIDGE),
        ("a batch of Amazon SQS or SNS", "Records", _EVENTBRIDGE),
        ("a push of Google Pub/Sub", "message subscription", _TRANSLATE),
        ("an Anthropic audit event", "organization_id actor type", _TRANSLATE),
        ("a GitHub webhook", "action alert repository", _GITHUB),
        ("a GitHub webhook", "repository sender", _GITHUB),
        ("a GitHub webhook", "action security_advisory", _GITHUB),
        ("a GitHub webhook", "action installation", _GITHUB),
        ("a GitHub webhook", "zen hook_id", _GITHUB),
        ("an Okta event hook", "eventType cloudEventsVersion data", _TRANSLATE),
        ("an Okta System Log event", "eventType actor published", _TRANSLATE),
        ("a Prometheus Alertmanager notification", "alerts receiver groupKey", _TRANSLATE),
        ("a Google Security Command Center notification", "notificationConfigName finding", _TRANSLATE),
        ("a Google Security Command Center finding", "finding", _TRANSLATE),
        ("a Microsoft Graph change notification", "value", _TRANSLATE),
        ("a Microsoft Graph security alert", "serviceSource productName evidence", _TRANSLATE),
        ("a Microsoft Graph security alert", "serviceSource createdDateTime", _TRANSLATE),
        ("a Microsoft Entra or Defender log", "operationName tenantId properties", _TRANSLATE),
        ("a Falco alert", "rule priority output_fields", _TRANSLATE),
        ("a Splunk alert", "search_name result", _TRANSLATE),
        ("a security event token (Shared Signals)", "iss jti events", _TRANSLATE),
        ("a canarytokens.org notification", "manage_url token", _TRANSLATE),
        ("a Thinkst Canary notification", "IncidentKey Timestamp", _TRANSLATE),
        ("a Tracebit alert", "canary tracebit_portal_url", _TRANSLATE),
        ("a TruffleHog result", "SourceMetadata DetectorName", _TRANSLATE),
        ("a Gitleaks result", "RuleID Secret", _TRANSLATE),
        ("an Auth0 log event", "log_id data", _TRANSLATE),
        ("a CrowdStrike detection", "cid AgentIdString", _TRANSLATE),
        ("a SentinelOne threat", "activitytype agentid", _TRANSLATE),
        ("a SentinelOne threat", "threatInfo agentDetectionInfo", _TRANSLATE),
        ("a Wiz issue", "trigger issue", _TRANSLATE),
        ("a Wiz issue", "sourceRule entitySnapshot", _TRANSLATE),
        ("an Orca alert", "alert_labels asset_unique_id", _TRANSLATE),
        ("an Upwind detection", "upwind_console_link", _TRANSLATE),
        ("a Snyk audit event", "groupId orgId event", _TRANSLATE),
        ("a Push Security event", "object new timestamp", _TRANSLATE),
        ("a Slack audit event", "action actor entity context", _TRANSLATE),
        ("an OpenAI audit event", "effective_at actor", _TRANSLATE),
        ("a Cloudflare event", "ClientIP EdgeColoCode", _TRANSLATE),
        ("a GitGuardian webhook", "incident event", _TRANSLATE),
        ("a PagerDuty webhook", "event", _TRANSLATE),
    )
)


def vendor(payload: Mapping[str, Any]) -> str | None:
    """Whose form this is, if it is one that we know."""
    return next((name for name, _ in _known(payload)), None)


def foreign(payload: Mapping[str, Any]) -> Unreadable:
    """Say what JSON this looks like that is neither of the three forms."""
    name, mend = next(_known(payload), ("", _TRANSLATE))
    looks = f"it looks like {name}" if name else "nobody's form that Firedoor knows"
    return Unreadable(
        f"JSON that is neither a CloudEvent, nor OCSF, nor a Finding: {looks}",
        expected="a Finding (uid, type, severity, modified, …), OCSF, or a CloudEvent around either",
        mend=mend,
    )


def _known(payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    keys = frozenset(payload)
    return ((name, mend) for name, telling, mend in _FORMS if telling <= keys)
