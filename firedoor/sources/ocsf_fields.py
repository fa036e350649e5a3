"""The fields of an OCSF 1.x finding that we use."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from firedoor.sources.forgiving import (
    Count,
    Deciding,
    EveryPart,
    Fields,
    Flag,
    MaybeAddress,
    MaybeCode,
    MaybeMoment,
    MaybeName,
    MaybeNumber,
    MaybeOwner,
    MaybeRegion,
    MaybeText,
    MaybeWord,
    Parts,
    Prose,
    Texts,
)


def _unwrapped(value: Any) -> Any:
    """OCSF's `data` is JSON: an object, or the text of one."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _unmapped(value: Any) -> Any:
    """What OCSF has no field for: an object, the text of one, or a list of names and values."""
    if isinstance(value, list):
        pairs = (one for one in value if isinstance(one, dict))
        return {one["name"]: one.get("value") for one in pairs if isinstance(one.get("name"), str)}
    return _unwrapped(value)


class Analytic(Fields):
    """The rule or model that found it."""

    name: MaybeText = None
    uid: MaybeText = None


class Reach(Fields):
    """What a related event says of the resource, such as what it reaches."""

    name: MaybeText = None
    values: Texts = ()


class Related(Fields):
    """An event that belongs to the finding."""

    tags: Parts[Reach] = ()


class Info(Fields):
    """The finding itself."""

    analytic: Analytic = Analytic()
    created: MaybeMoment = Field(
        default=None, validation_alias=AliasChoices("created_time", "created_time_dt")
    )
    desc: Prose = ""
    first_seen: MaybeMoment = Field(
        default=None, validation_alias=AliasChoices("first_seen_time", "first_seen_time_dt")
    )
    last_seen: MaybeMoment = Field(
        default=None, validation_alias=AliasChoices("last_seen_time", "last_seen_time_dt")
    )
    modified: MaybeMoment = Field(
        default=None, validation_alias=AliasChoices("modified_time", "modified_time_dt")
    )
    related_events: Parts[Related] = ()
    src_url: MaybeText = None
    title: Prose = ""
    types: Texts = ()
    uid: MaybeText = None


class Product(Fields):
    """The detector."""

    name: MaybeText = None
    uid: MaybeText = None
    vendor_name: MaybeText = None


class Metadata(Fields):
    """About the message."""

    event_code: MaybeText = None
    product: Product = Product()
    uid: MaybeText = None


class Account(Deciding):
    """An account of a cloud."""

    uid: MaybeOwner = None


class Cloud(Deciding):
    """Where it was found."""

    account: Account = Account()
    region: MaybeRegion = None


class Owner(Fields):
    """Who owns a resource."""

    account: Account = Account()


class User(Deciding):
    """A principal."""

    account: Account = Account()
    credential_uid: MaybeName = None
    email_addr: MaybeText = None
    name: MaybeName = None
    type: MaybeName = None
    uid: MaybeName = None


class Session(Fields):
    """The session in which somebody acted."""

    issuer: MaybeText = None
    uid: MaybeText = None


class OcsfActor(Deciding):
    """Who acted."""

    session: Session = Session()
    user: User = User()


class Endpoint(Fields):
    """Where it came from."""

    ip: MaybeAddress = None


class Evidence(Deciding):
    """One piece of evidence."""

    actor: OcsfActor = OcsfActor()
    src_endpoint: Endpoint = Endpoint()
    verdict: MaybeWord = None
    verdict_id: MaybeCode = None


class OcsfTag(Fields):
    """A tag of a resource."""

    name: MaybeText = None
    value: Prose = ""


class KeyData(Deciding):
    """GuardDuty's caller in the data of a resource: a key and its principal."""

    access_key_id: MaybeName = Field(
        default=None, validation_alias=AliasChoices("access_key_id", "accessKeyId", "AccessKeyId")
    )
    principal_id: MaybeName = Field(
        default=None, validation_alias=AliasChoices("principal_id", "principalId", "PrincipalId")
    )
    user_name: MaybeName = Field(
        default=None,
        validation_alias=AliasChoices("user_name", "userName", "UserName", "principal_name", "PrincipalName"),
    )
    user_type: MaybeName = Field(
        default=None,
        validation_alias=AliasChoices("user_type", "userType", "UserType", "principal_type", "PrincipalType"),
    )


class OcsfResource(Deciding):
    """A resource the finding is about."""

    data: Annotated[dict[str, Any], BeforeValidator(_unwrapped)] = Field(default_factory=dict)
    name: MaybeText = None
    owner: Owner = Owner()
    region: MaybeRegion = None
    tags: Parts[OcsfTag] = ()
    type: MaybeWord = None
    uid: MaybeWord = None
    uid_alt: MaybeWord = None
    user: User = User()


class Bucket(Deciding):
    """The bucket of a data security finding."""

    is_public: Flag = False
    name: MaybeWord = None
    region: MaybeRegion = None
    uid: MaybeWord = None


class Compliance(Deciding):
    """The outcome of a control."""

    control: MaybeWord = None
    status: MaybeWord = None
    status_id: MaybeCode = None


class OcsfFinding(Deciding):
    """One finding."""

    activity_id: MaybeCode = None
    activity_name: MaybeWord = None
    actor: OcsfActor = OcsfActor()
    analytic: Analytic = Analytic()
    class_name: MaybeText = None
    class_uid: MaybeCode = None
    cloud: Cloud = Cloud()
    compliance: Compliance = Compliance()
    confidence_score: MaybeNumber = None
    count: Count = 1
    databucket: Bucket = Bucket()
    disposition: MaybeWord = None
    disposition_id: MaybeCode = None
    evidences: Parts[Evidence] = ()
    finding_info: Info = Info()
    message: Prose = ""
    metadata: Metadata = Metadata()
    resources: EveryPart[OcsfResource] = ()
    severity: MaybeText = None
    severity_id: MaybeCode = None
    src_endpoint: Endpoint = Endpoint()
    status: MaybeWord = None
    status_code: MaybeWord = None
    status_id: MaybeCode = None
    time: MaybeMoment = Field(default=None, validation_alias=AliasChoices("time", "time_dt"))
    type_uid: MaybeCode = None
    unmapped: Annotated[dict[str, Any], BeforeValidator(_unmapped)] = Field(default_factory=dict)
    verdict: MaybeWord = None
    verdict_id: MaybeCode = None
