"""Settings: a configuration directory and the environment, validated whole before anything starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from temporalio.envconfig import ClientConfig

from firedoor.config.configuration import (
    Configuration,
    EvidenceSettings,
    HttpSettings,
    OidcSettings,
    SlackSettings,
    SourceKind,
)
from firedoor.config.secret import Secret, SecretName, not_ed25519, not_standard_webhooks
from firedoor.domain.approval import policy_check
from firedoor.domain.approval.policy import Policy
from firedoor.domain.approval.words import PublicKey
from firedoor.domain.core.errors import Misconfigured
from firedoor.domain.guard.protected import Protected
from firedoor.domain.people.people import People
from firedoor.domain.yaml import reader
from firedoor.domain.yaml.document import MAX_BYTES, Document
from firedoor.domain.yaml.problem import Illegible, Position, Problem, Problems, Way
from firedoor.domain.yaml.reader import Written, read

#: The playbooks that come with Firedoor, in force where the configuration names no folder.
SHIPPED_PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"

W = TypeVar("W", bound=Written)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One configured door. `header` is the one that carries the secret, for kinds that have it."""

    name: str
    kind: str
    secret: Secret
    header: str | None = None
    accounts: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Account:
    """One AWS account of ours; `role` is None where the ambient credentials are used."""

    id: str
    name: str
    environment: str
    regions: tuple[str, ...]
    role: str | None
    external_id: Secret | None = None


@dataclass(frozen=True, kw_only=True)
class Slack:
    """The Slack app. `signing_secret` is None without HTTP, `app_token` without Socket Mode."""

    bot_token: Secret
    signing_secret: Secret | None
    app_id: str
    team_id: str
    channel: str
    base_url: str
    app_token: Secret | None = None
    fallback_channel: str | None = None

    @property
    def channels(self) -> frozenset[str]:
        """Where our cards may stand."""
        return frozenset(each for each in (self.channel, self.fallback_channel) if each)


@dataclass(frozen=True, kw_only=True)
class Oidc:
    """The identity provider that people sign in with."""

    issuer: str
    client_id: str
    client_secret: Secret | None
    groups_claim: str
    scopes: tuple[str, ...]
    audience: str


@dataclass(frozen=True, kw_only=True)
class Okta:
    """Okta's API, for groups that it keeps."""

    url: str
    token: Secret


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Where evidence is kept, and the Ed25519 key (PEM) that signs it."""

    store: Path
    signing_key: Secret


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The key that signs people's words, read by the gateway alone, and the public keys that count."""

    signing_key: Secret
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True, kw_only=True)
class Http:
    """The HTTP door: what opens its metrics, and whose word about a client's address counts."""

    metrics_token: Secret | None = None
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Temporal:
    """How Temporal is reached, by its own environment configuration."""

    address: str = "127.0.0.1:7233"
    namespace: str = "firedoor"
    #: The rest of what `Client.connect` takes: tls, api_key, rpc_metadata.
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the entrances hand down."""

    directory: Path
    url: str
    sources: Mapping[str, Source]
    accounts: Mapping[str, Account]
    slack: Slack | None
    evidence: Evidence
    gateway: Gateway
    playbooks: Path
    actions: tuple[Path, ...]
    people: People
    policy: Policy
    protected: Protected
    temporal: Temporal
    oidc: Oidc | None = None
    page_secret: Secret | None = None
    okta: Okta | None = None
    http: Http = Http()


def from_environment(directory: Path | None = None) -> Settings:
    """Load the settings of this process: `directory`, else FIREDOOR_CONFIG, else `config`."""
    return load(directory_of(directory), os.environ)


def directory_of(given: Path | None = None) -> Path:
    """Name the directory of the configuration: the given one, else FIREDOOR_CONFIG, else `config`."""
    return given or Path(os.environ.get("FIREDOOR_CONFIG") or "config")


def personal_token() -> str | None:
    """Return the personal token of whoever runs the commands (FIREDOOR_TOKEN); None where it is not set."""
    return os.environ.get("FIREDOOR_TOKEN") or None


def child_environment(*, without: str | None = None, **changes: str) -> dict[str, str]:
    """Return a copy of this process's environment for one it starts, changed.

    `without` drops every variable whose name begins so: a server of our own needs none of
    the `TEMPORAL_…` that lead to another.
    """
    kept = {name: value for name, value in os.environ.items() if not (without and name.startswith(without))}
    return {**kept, **changes}


def load(directory: Path, env: Mapping[str, str]) -> Settings:
    """Read and check a whole configuration; raises `Problems` with everything that is wrong in it."""
    return _Loading(directory.absolute(), env).settings()


class _Loading:
    """One reading of one directory, gathering problems until all of it has been looked at."""

    def __init__(self, directory: Path, env: Mapping[str, str]) -> None:
        self._directory = directory
        self._base = directory.parent
        self._env = env
        self._problems: list[Problem] = []

    def settings(self) -> Settings:
        main, configuration = self._file("firedoor.yaml", Configuration)
        people = self._file("people.yaml", People)[1]
        policy_file, policy = self._file("policy.yaml", Policy)
        protected = self._file("protected.yaml", Protected)[1]
        temporal = self._temporal()
        made = self._made(main, configuration) if main and configuration else None
        if policy_file and policy and people:
            for wrong in policy_check.mistakes(policy, people):
                self._problem(policy_file, wrong.way, wrong.found, expected=wrong.expected, mend=wrong.mend)
        if self._problems:
            raise Problems(self._problems)
        if made is None or people is None or policy is None or protected is None or temporal is None:
            raise AssertionError("a file that is not read leaves a problem")  # pragma: no cover
        return Settings(
            directory=self._directory,
            people=people,
            policy=policy,
            protected=protected,
            temporal=temporal,
            **made,
        )

    def _file(self, name: str, model: type[W]) -> tuple[Document | None, W | None]:
        path = self._directory / name
        shown = str(Path(self._directory.name) / name)
        try:
            with path.open("rb") as opened:
                data = opened.read(MAX_BYTES + 1)
            document = read(data, shown)
            return document, reader.load(document, model)
        except OSError as error:
            place = Position(file=shown, line=1, column=1)
            found = f"{path} cannot be read: {error.strerror or type(error).__name__}"
            mend = "`firedoor init` writes a set to start from; --config names another directory"
            self._problems.append(Problem.at(place, found, expected="a file", mend=mend))
        except Illegible as error:
            self._problems.append(error.problem)
        except Problems as error:
            self._problems.extend(error.problems)
        return None, None

    def _made(self, document: Document, configuration: Configuration) -> dict[str, Any]:
        slack, okta = configuration.slack, configuration.okta
        return {
            "url": configuration.url.rstrip("/"),
            "sources": {
                name: self._source(document, name, source) for name, source in configuration.sources.items()
            },
            "accounts": {
                id_: Account(
                    id=id_,
                    name=account.name,
                    environment=account.environment,
                    regions=account.regions,
                    role=None if account.role == "none" else account.role,
                    external_id=self._secret(document, ("accounts", id_, "external_id"), account.external_id)
                    if account.external_id
                    else None,
                )
                for id_, account in configuration.accounts.items()
            },
            "slack": slack and self._slack(document, slack),
            "oidc": configuration.oidc and self._oidc(document, configuration.oidc),
            "page_secret": self._secret(document, ("page", "secret"), configuration.page.secret)
            if configuration.page
            else None,
            "okta": okta
            and Okta(url=okta.url.rstrip("/"), token=self._secret(document, ("okta", "token"), okta.token)),
            "http": self._http(document, configuration.http),
            "evidence": self._evidence(document, configuration.evidence),
            # Not read here: a worker runs without it, and should not have it at all.
            "gateway": Gateway(
                signing_key=Secret((configuration.gateway.signing_key,), self._env, self._base),
                keys=configuration.gateway.keys,
            ),
            "playbooks": self._folder(document, ("playbooks",), configuration.playbooks)
            if configuration.playbooks
            else SHIPPED_PLAYBOOKS,
            "actions": tuple(
                self._folder(document, ("actions", number), folder)
                for number, folder in enumerate(configuration.actions)
            ),
        }

    def _slack(self, document: Document, slack: SlackSettings) -> Slack:
        return Slack(
            bot_token=self._secret(document, ("slack", "bot_token"), slack.bot_token),
            signing_secret=self._perhaps(document, ("slack", "signing_secret"), slack.signing_secret),
            app_token=self._perhaps(document, ("slack", "app_token"), slack.app_token),
            app_id=slack.app_id,
            team_id=slack.team_id,
            channel=slack.channel,
            fallback_channel=slack.fallback_channel,
            base_url=slack.base_url,
        )

    def _http(self, document: Document, http: HttpSettings | None) -> Http:
        if http is None:
            return Http()
        return Http(
            metrics_token=self._perhaps(document, ("http", "metrics_token"), http.metrics_token),
            trusted_proxies=http.trusted_proxies,
        )

    def _oidc(self, document: Document, oidc: OidcSettings) -> Oidc:
        return Oidc(
            issuer=oidc.issuer,
            client_id=oidc.client_id,
            client_secret=self._perhaps(document, ("oidc", "client_secret"), oidc.client_secret),
            groups_claim=oidc.groups_claim,
            scopes=oidc.scopes,
            audience=oidc.audience or oidc.client_id,
        )

    def _source(self, document: Document, name: str, source: SourceKind) -> Source:
        auth = source.auth
        key = "standard_webhooks" if source.kind == "generic" else "secret"
        return Source(
            name=name,
            kind=source.kind,
            secret=self._secret(
                document,
                ("sources", name, "auth", key),
                getattr(auth, key),
                wrong=not_standard_webhooks if source.kind == "generic" else None,
            ),
            header=getattr(auth, "header", None),
            accounts=frozenset(source.accounts) if source.accounts is not None else None,
        )

    def _evidence(self, document: Document, written: EvidenceSettings) -> Evidence:
        """Read the key where it is, to see that it is one; where it is not, only a worker minds."""
        key = Secret((written.signing_key,), self._env, self._base)
        try:
            key.value()
        except Misconfigured:
            pass  # a gateway needs no key; a worker without one does not start, and says so
        else:
            self._secret(document, ("evidence", "signing_key"), written.signing_key, wrong=not_ed25519)
        return Evidence(store=self._base / written.store.removeprefix("file:"), signing_key=key)

    def _folder(self, document: Document, way: Way, written: str) -> Path:
        folder = self._base / written
        if not folder.is_dir() and Path(written).is_dir():
            folder = Path(written).absolute()  # where Firedoor was started, as people mean `playbooks`
        if not folder.is_dir():
            mend = f"relative paths count from {self._base}, or else from where it was started"
            self._problem(document, way, f"{folder} is no folder", expected="a folder", mend=mend)
        return folder

    def _secret(
        self,
        document: Document,
        way: Way,
        names: SecretName | tuple[SecretName, ...],
        wrong: Callable[[str], str | None] | None = None,
    ) -> Secret:
        """Make a secret and read each of its values once, so that a missing one is told now."""
        ways = [way] if isinstance(names, SecretName) else [(*way, n) for n in range(len(names))]
        names = (names,) if isinstance(names, SecretName) else names
        for there, name in zip(ways, names, strict=True):
            try:
                value = Secret((name,), self._env, self._base).value()
            except Misconfigured as error:
                self._problem(document, there, error.found, expected="a secret", mend=error.mend)
            else:
                if wrong and (expected := wrong(value)):
                    place = Secret((name,), self._env, self._base).places[0]
                    self._problem(document, there, f"{place} holds something else", expected=expected)
        return Secret(names, self._env, self._base)

    def _perhaps(
        self, document: Document, way: Way, names: SecretName | tuple[SecretName, ...] | None
    ) -> Secret | None:
        return None if names is None else self._secret(document, way, names)

    def _temporal(self) -> Temporal | None:
        try:
            given = dict(ClientConfig.load_client_connect_config(override_env_vars=dict(self._env)))
        except (RuntimeError, ValueError, TypeError, OSError) as error:
            place = Position(file="environment", line=1, column=1)
            mend = "see Temporal's environment configuration: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, …"
            # Its first line alone: the lines below repeat the file, which may hold an API key.
            first = (str(error).splitlines() or [type(error).__name__])[0]
            self._problems.append(Problem.at(place, f"Temporal's settings: {first}", mend=mend))
            return None
        address = given.pop("target_host", None) or Temporal.address
        namespace = given.pop("namespace", None) or Temporal.namespace
        return Temporal(address=str(address), namespace=str(namespace), more=given)

    def _problem(
        self, document: Document, way: Way, found: str, *, expected: str = "", mend: str = ""
    ) -> None:
        self._problems.append(Problem.at(document.at(way), found, expected=expected, mend=mend))
