"""Configuration: what `config/firedoor.yaml` may say."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from firedoor.config.secret import SecretName
from firedoor.domain.approval.words import PublicKey, not_a_key
from firedoor.domain.yaml.problem import Mistake, Mistakes
from firedoor.domain.yaml.reader import Written

AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$")]
RoleArn = Annotated[
    str, StringConstraints(pattern=r"^(none|arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512})$")
]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]
Folder = Annotated[str, StringConstraints(min_length=1)]

#: One secret, or two while one takes the other's place.
Secrets = SecretName | Annotated[tuple[SecretName, ...], Field(min_length=1, max_length=2)]


class HeaderAuth(Written):
    """A secret in a request header, as EventBridge connections send it."""

    header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
    secret: Secrets


class StandardWebhooksAuth(Written):
    """A signature by Standard Webhooks; the secret begins with `whsec_`."""

    standard_webhooks: Secrets


class GitHubAuth(Written):
    """A signature in `X-Hub-Signature-256`."""

    secret: Secrets


class _Source(Written):
    """What every source may say. `accounts` are those it may act on; left out, all of ours."""

    accounts: Annotated[tuple[AccountId, ...], Field(min_length=1)] | None = None


class EventBridgeSource(_Source):
    """AWS detectors through an EventBridge API destination."""

    kind: Literal["aws.eventbridge"]
    auth: HeaderAuth


class GenericSource(_Source):
    """Our own Finding, OCSF or CloudEvents from anywhere.

    It speaks as `generic`, or in a name that nobody else has: never as a detector with a kind of its own
    (`aws.guardduty`, `github`), never as another source of this file.
    """

    kind: Literal["generic"]
    auth: StandardWebhooksAuth


class GitHubSource(_Source):
    """GitHub webhooks."""

    kind: Literal["github"]
    auth: GitHubAuth


SourceKind = Annotated[EventBridgeSource | GenericSource | GitHubSource, Field(discriminator="kind")]


class AccountSettings(Written):
    """One AWS account of ours. `role: none` uses the ambient credentials."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    environment: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    regions: tuple[Region, ...] = ()
    role: RoleArn
    external_id: SecretName | None = None

    @model_validator(mode="after")
    def _external_id_has_a_role(self) -> Self:
        if self.role == "none" and self.external_id is not None:
            raise Mistakes(
                Mistake(
                    found="an external_id without a role to assume",
                    mend="name the role, or remove external_id",
                    way=("external_id",),
                    of_key=True,
                )
            )
        return self


class SlackSettings(Written):
    """The Slack app. Presses come over HTTP (`signing_secret`), over Socket Mode (`app_token`), or over both.

    `fallback_channel` is used where the bot was put out of `channel`; `base_url` is for tests and proxies.
    """

    bot_token: SecretName
    signing_secret: Secrets | None = None
    app_token: SecretName | None = None
    app_id: Annotated[str, StringConstraints(pattern="^A[A-Z0-9]+$")]
    team_id: Annotated[str, StringConstraints(pattern="^[TE][A-Z0-9]+$")]
    channel: Annotated[str, StringConstraints(pattern="^[CG][A-Z0-9]+$")]
    fallback_channel: Annotated[str, StringConstraints(pattern="^[CG][A-Z0-9]+$")] | None = None
    base_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+/([^\s?#]*/)?$")] = (
        "https://slack.com/api/"
    )

    @model_validator(mode="after")
    def _a_way_in(self) -> Self:
        if self.signing_secret is None and self.app_token is None:
            raise Mistakes(
                Mistake(
                    found="no way for a press to come in",
                    expected="signing_secret, app_token, or both",
                    mend="add signing_secret (HTTP) or app_token (Socket Mode)",
                    way=(),
                )
            )
        return self


class OidcSettings(Written):
    """The identity provider that people sign in with, by OpenID Connect discovery.

    `groups_claim` names the claim that lists groups; `audience` is what a bearer token for the
    HTTP API must be made for (`client_id` when left out).
    """

    issuer: Url
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    client_secret: SecretName | None = None
    groups_claim: Annotated[str, StringConstraints(min_length=1, max_length=256)] = "groups"
    scopes: tuple[Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]{1,64}$")], ...] = (
        "openid",
        "profile",
    )
    audience: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None


class PageSettings(Written):
    """The page to decide on. `secret` seals its cookies; every gateway needs the same one.

    Left out, each start makes its own: people sign in again after it.
    """

    secret: Secrets


class HttpSettings(Written):
    """The gateway's HTTP door.

    `metrics_token` opens `/metrics` to whoever sends it (`Authorization: Bearer …`); left out, nobody sees
    it. `trusted_proxies` are the addresses or networks of proxies before the gateway, whose
    `X-Forwarded-For` names the client; left out, the client is whoever holds the connection.
    """

    metrics_token: Secrets | None = None
    trusted_proxies: Annotated[tuple[str, ...], Field(max_length=64)] = ()

    @model_validator(mode="after")
    def _networks(self) -> Self:
        mistakes = [
            Mistake(
                found=f"{written!r}, which is no address or network",
                expected="an address or a network, such as 10.0.0.0/8",
                way=("trusted_proxies", number),
            )
            for number, written in enumerate(self.trusted_proxies)
            if not _is_network(written)
        ]
        if mistakes:
            raise Mistakes(*mistakes)
        return self


def _is_network(written: str) -> bool:
    try:
        ip_network(written, strict=False)
    except ValueError:
        return False
    return True


class OktaSettings(Written):
    """Okta's API, for groups that Okta keeps; the token needs no more than to read groups."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+/?$")]
    token: SecretName


class GatewaySettings(Written):
    """The gateway's own key, with which it signs every word of a person, and the keys that count.

    `signing_key` (Ed25519, PEM) is read by the gateway alone. `keys` are the public halves that workers and
    `evidence verify` accept, each one line of base64: the one in use, the next one, and old ones for as
    long as responses or evidence rest on them.
    """

    signing_key: SecretName
    keys: Annotated[tuple[PublicKey, ...], Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _are_keys(self) -> Self:
        mistakes = [
            Mistake(
                found="what is no Ed25519 public key",
                expected="DER as base64 on one line, such as MCowBQYDK2VwAyEA…",
                mend="openssl pkey -in gateway.pem -pubout -outform DER | base64",
                way=("keys", number),
            )
            for number, key in enumerate(self.keys)
            if not_a_key(key)
        ]
        if mistakes:
            raise Mistakes(*mistakes)
        return self


class EvidenceSettings(Written):
    """Where evidence is kept, and the key that signs it (Ed25519, PEM)."""

    store: Annotated[str, StringConstraints(min_length=1)]
    signing_key: SecretName

    @model_validator(mode="after")
    def _known_store(self) -> Self:
        scheme, _, rest = self.store.partition(":")
        if scheme == "s3":
            found, mend = f"the store {self.store!r}, which is not built yet", "use file:PATH for now"
        elif scheme != "file" or not rest:
            found, mend = (
                f"the store {self.store!r}",
                "write file: before the folder, such as file:var/evidence",
            )
        else:
            return self
        raise Mistakes(Mistake(found=found, expected="file:PATH", mend=mend, way=("store",)))


class Configuration(Written):
    """`config/firedoor.yaml`. Paths in it count from the folder that holds the configuration's folder."""

    written_as: ClassVar[str] = "a mapping with url, sources, accounts, evidence, gateway"

    url: Url
    sources: dict[SourceName, SourceKind]
    accounts: dict[AccountId, AccountSettings]
    slack: SlackSettings | None = None
    oidc: OidcSettings | None = None
    page: PageSettings | None = None
    okta: OktaSettings | None = None
    http: HttpSettings | None = None
    evidence: EvidenceSettings
    gateway: GatewaySettings
    playbooks: Folder | None = None
    actions: tuple[Folder, ...] = ()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        mistakes = [
            Mistake(
                found=f"account {account}, which is not one of ours",
                expected=f"one of {', '.join(self.accounts)}" if self.accounts else "an account of ours",
                mend=f'add "{account}" under accounts, or remove it here',
                way=("sources", name, "accounts", number),
            )
            for name, source in self.sources.items()
            for number, account in enumerate(source.accounts or ())
            if account not in self.accounts
        ]
        mistakes += [
            Mistake(
                found=f"a role of account {account.role.split(':')[4]} under account {id_}",
                expected="a role of the same account",
                way=("accounts", id_, "role"),
            )
            for id_, account in self.accounts.items()
            if account.role != "none" and account.role.split(":")[4] != id_
        ]
        if mistakes:
            raise Mistakes(*mistakes)
        return self
