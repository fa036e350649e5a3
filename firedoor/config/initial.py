"""The first configuration: a commented set that starts as it is."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from firedoor.connectors import signing
from firedoor.domain.approval import words
from firedoor.domain.core.errors import Misconfigured

#: AWS's own number for examples; `firedoor doctor` tells when the credentials are of another account.
EXAMPLE_ACCOUNT = "123456789012"


@dataclass(frozen=True, kw_only=True)
class Initial:
    """What was written. `tokens` are kept nowhere else: they are shown once, to whom they belong."""

    directory: Path
    files: tuple[Path, ...]
    tokens: Mapping[str, str] = field(repr=False)


def write(directory: Path, *, account: str = EXAMPLE_ACCOUNT, url: str = "http://127.0.0.1:8080") -> Initial:
    """Write a configuration with new keys and tokens; refuses to touch anything that is there."""
    tokens = {person: personal_token() for person in ("responder", "lead")}
    hashes = {person: token_sha256(token) for person, token in tokens.items()}
    gateway = signing.generate()
    private: dict[str, str] = {
        "secrets/guardduty.key": secrets.token_urlsafe(32),
        "secrets/generic.whsec": f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "secrets/evidence.pem": signing.generate().decode(),
        "secrets/gateway.pem": gateway.decode(),
    }
    public = {
        "firedoor.yaml": _firedoor(directory.absolute().name, account, url, gateway),
        "people.yaml": _PEOPLE.format(**hashes),
        "policy.yaml": _POLICY,
        "protected.yaml": _PROTECTED,
        "secrets/.gitignore": "# Secrets are not for git.\n*\n",
    }
    files = {
        **{name: (text, 0o600) for name, text in private.items()},
        **{n: (t, 0o644) for n, t in public.items()},
    }
    there = [name for name in files if os.path.lexists(directory / name)]
    if there:
        raise Misconfigured(
            f"{directory / there[0]} is there already",
            expected="a directory without a configuration",
            mend="name another one with --config, or move this one away; nothing was written",
        )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "secrets").mkdir(mode=0o700, exist_ok=True)
    for name, (text, mode) in files.items():
        _write_new(directory / name, text, mode)
    return Initial(directory=directory, files=tuple(directory / name for name in files), tokens=tokens)


def personal_token() -> str:
    """Make a new personal token. It is kept nowhere: whoever asked for it shows it once."""
    return f"fdp_{secrets.token_urlsafe(32)}"


def token_sha256(token: str) -> str:
    """Return what people.yaml holds of a personal token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _write_new(path: Path, text: str, mode: int) -> None:
    # Created with its mode: a secret is at no moment readable for others.
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
    ) as opened:
        opened.write(text if text.endswith("\n") else text + "\n")


def _firedoor(folder: str, account: str, url: str, gateway: bytes) -> str:
    places = {
        name: json.dumps(f"{folder}/secrets/{file}", ensure_ascii=False)
        for name, file in {
            "guardduty": "guardduty.key",
            "generic": "generic.whsec",
            "evidence": "evidence.pem",
            "gateway": "gateway.pem",
        }.items()
    }
    key = words.written(signing.SigningKey.from_pem(gateway).public_key)
    return _FIREDOOR.format(account=account, url=url, gateway_key=key, **places)


_FIREDOOR = """\
# Firedoor's configuration. `firedoor doctor` checks all of it, and says what to do.
#
# Secrets never stand here: {{env: NAME}} or {{file: PATH}}. A file is read again when it changes; of a list
# of two, for rotation, both are good. Relative paths count from the folder above this one.

# Where people, detectors and Slack reach the gateway.
url: {url}

# Who may send findings, one door each: POST {url}/findings/<name>
sources:
  guardduty:                             # GuardDuty, Security Hub, Health, … through EventBridge
    kind: aws.eventbridge
    auth: {{header: x-firedoor-key, secret: {{file: {guardduty}}}}}
    accounts: ["{account}"]            # it may act on these accounts; left out: all of ours
  generic:                               # anything else, signed by Standard Webhooks
    kind: generic
    auth: {{standard_webhooks: {{file: {generic}}}}}
  # github:                              # secret scanning alerts
  #   kind: github
  #   auth: {{secret: {{env: GITHUB_WEBHOOK_SECRET}}}}

# The AWS accounts that Firedoor protects. An account that is not here is never touched.
accounts:
  "{account}":                         # change this number to your account's
    name: sandbox
    environment: dev                     # policy.yaml may ask for more in some environments
    regions: [us-east-1]
    role: none                           # none: the credentials around the process, for one account
    # role: arn:aws:iam::{account}:role/FiredoorResponder
    # external_id: {{env: FIREDOOR_EXTERNAL_ID}}

# Cards and votes in Slack: `firedoor slack manifest` prints the app to make. Without it, people decide on the
# page at {url}, by `firedoor approve`, and over HTTP. `firedoor up --slack fake` needs none of this.
# slack:
#   bot_token: {{env: SLACK_BOT_TOKEN}}
#   app_token: {{env: SLACK_APP_TOKEN}}              # presses over Socket Mode: nothing has to be public
#   # signing_secret: {{env: SLACK_SIGNING_SECRET}}  # presses over HTTP, to {url}/slack/interactions
#   app_id: A0123456789
#   team_id: T0123456789
#   channel: C0123456789
#   # fallback_channel: C0987654321                # where cards go when the bot was put out of the channel

# Where people sign in, for the page and for a yes that is signed (step_up in policy.yaml). Without it, the
# page takes personal tokens, and passkeys sign. The redirect address is {url}/login/oidc/callback
# oidc:
#   issuer: https://login.example.com
#   client_id: firedoor
#   client_secret: {{env: OIDC_CLIENT_SECRET}}
#   groups_claim: groups

# What seals the page's cookies, 32 characters or more (openssl rand -base64 48). Left out, people sign in
# again after each start; with more than one gateway it has to be here.
# page: {{secret: {{env: FIREDOOR_PAGE_SECRET}}}}

# Groups that Okta keeps (okta_group in people.yaml); the token may read groups, and no more.
# okta: {{url: "https://example.okta.com", token: {{env: OKTA_TOKEN}}}}

# /metrics for Prometheus opens to this token; without it, to nobody. Name the proxies before the gateway, or
# their address counts as everybody's.
# http: {{metrics_token: {{env: FIREDOOR_METRICS_TOKEN}}, trusted_proxies: [10.0.0.0/8]}}

evidence:
  store: file:var/evidence
  signing_key: {{file: {evidence}}}         # Ed25519; keep its public half where Firedoor cannot write

# What people say is signed by the gateway, so that nobody who merely reaches Temporal can say it for them.
# Only the gateway needs the signing key (Ed25519). `keys` are the public halves that workers and
# `firedoor evidence verify` accept: the one in use, the next one, old ones while something rests on them.
gateway:
  signing_key: {{file: {gateway}}}
  keys: ["{gateway_key}"]

# playbooks: playbooks                   # a folder of your own; left out: those that come with Firedoor
# actions: [our_actions]                 # folders with actions of your own
"""

_PEOPLE = """\
# Who may say yes. A person is one human, whatever the door: however many accounts, one vote.
# The file is read again when it changes; while it does not check, nobody can decide.
#
#   firedoor people                                  who is who, and through which doors
#   firedoor people link responder --slack-user U0…  bind a Slack account
#   firedoor people link responder --token           a new personal token; its SHA-256 stands here

people:
  responder:
    name: First Responder
    token_sha256: {responder}
    # email: responder@example.com
    # slack: T0123456789/U0123456789     # team/user, or a list of them; a name is no identity
    # oidc: 00u1ab2cd3ef4gh5ij6k         # the subject (sub) that the identity provider gives
    # okta: 00u1ab2cd3ef4gh5ij6k         # the id in Okta, where it is not the subject
    # principals: [responder]            # IAM users and ARNs that are this human, e-mails in commits
  lead:
    name: Security Lead
    token_sha256: {lead}

# An empty group means nobody. Groups that others keep are looked up at the click.
groups:
  secops: [responder, lead]
  secops-leads: [lead]
  # from-slack: {{slack_usergroup: S0123456789}}
  # from-okta: {{okta_group: 00g1ab2cd3ef4gh5ij6k, people: [lead]}}   # whoever is in one of them
  # from-sign-in: {{oidc_group: security}}                            # for a minute after the sign-in
"""

_POLICY = """\
# The least approval of a change. A playbook may ask for more, never for less.
# What cannot be undone is always asked, whatever stands here. `firedoor doctor` tells of too few people.

# Asked wherever something has to be asked and nothing else says of whom: one of secops within half an hour,
# then also of the leads; when nobody has answered after another half hour, the answer is no.
default: {from: [secops], quorum: 1, within: 30m, then: escalate, to: [secops-leads]}

# Asked before a containment is taken back. Nobody approves an undo of their own.
undo: {from: [secops, secops-leads], quorum: 1, within: 24h}

# Asked as well where many asks are answered at once. Left out, all of them need one person more than each.
# storm: {from: [secops-leads], quorum: 1, within: 30m}

# Who may act alone, loudly and with a written reason, and who looks at it afterwards.
# break_glass: {people: [lead], review: {from: [secops], quorum: 1, within: 24h}}

# Who may throw the kill switch, and release what somebody else threw. Left out, everybody who is asked above.
# freeze: {from: [secops, secops-leads]}

# How long an incident that people called a false positive is not asked about again.
mute: 24h

# Tiers. A rule holds where all its conditions do; where several hold, the strictest counts. Without `ask`,
# the default is asked. Conditions: reversibility (full, partial, none), risk (low, medium, high), environment
# (as in firedoor.yaml), data (public, internal, confidential, restricted, unknown: by the tag of the target).
floor:
  - reversibility: [none]
  - {environment: [prod], risk: [high]}
  # - {environment: [prod], reversibility: [none], ask: {from: [secops-leads], quorum: 2, within: 30m}}
  # The highest tier: a yes is signed by a fresh sign-in (oidc: in firedoor.yaml) or a passkey, not in Slack.
  # - {data: [restricted], ask: {from: [secops-leads], quorum: 1, within: 30m, step_up: true}}
  # Silence as a yes, after ten minutes. It only ever holds for what can be taken back in full.
  # - {environment: [dev], reversibility: [full], ask: {from: [secops], within: 10m, then: proceed}}
"""

_PROTECTED = """\
# What is never contained, whoever asks. `target` is an ARN in which * stands for anything, or an id alone;
# what stands below it (the keys of a user) is protected with it. IAM identities go by name, not by path.
protected:
  - {target: "arn:aws:iam::*:root", why: the root of an account}
  - {target: "arn:aws:iam::*:role/FiredoorResponder", why: Firedoor's own role}
  - {target: "arn:aws:iam::*:role/*BreakGlass*", why: break-glass access}
  - {target: "arn:aws:iam::*:user/*BreakGlass*", why: break-glass access}
  - {target: "arn:aws:iam::*:role/OrganizationAccountAccessRole", why: the organization's way in}
  - {target: "arn:aws:iam::*:role/AWSServiceRoleFor*", why: roles of AWS services}
"""
