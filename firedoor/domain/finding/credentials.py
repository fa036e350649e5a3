"""Credentials in the text of a finding: found by their documented forms, and replaced."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from firedoor.domain.finding.finding import Finding

_WORD = r"(?<![A-Za-z0-9])"
_SHORT = 200  # letters that every text of a finding may have


class Credential(NamedTuple):
    """One credential as it stands in a text, and whose it is.

    `guessable`: a password, which a digest would give away to whoever tries words.
    """

    kind: str
    text: str
    guessable: bool = False


#: Looks for credentials in a text; the table below, or a scanner that knows more.
Scan = Callable[[str], Iterable[Credential]]


class _Form(NamedTuple):
    """How credentials of one vendor look. `signs`: one of them is in every text that holds one."""

    kind: str
    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    guessable: bool = False


def _form(kind: str, signs: str, pattern: str, *, guessable: bool = False) -> _Form:
    return _Form(kind, tuple(signs.split()), re.compile(pattern, re.ASCII | re.DOTALL), guessable)


#: What vendors document of their tokens. Where a pattern has the group `it`, that part is the credential.
#: An access key *id* (AKIA…, ASIA…) is no secret: it names the key that a playbook stops.
_FORMS: Final = (
    _form(
        "private key",
        "PRIVATE",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    ),
    _form("JSON web token", "eyJ", _WORD + r"eyJ[\w-]{8,}\.(?:eyJ)?[\w-]{8,}(?:\.[\w-]*){1,3}"),
    _form("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", _WORD + r"gh[pousr]_[A-Za-z0-9]{30,255}"),
    _form("GitHub", "github_pat_", _WORD + r"github_pat_\w{40,255}"),
    _form("GitLab", "gl", _WORD + r"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct)-[\w-]{20,}"),
    _form("Slack", "xox xapp-", _WORD + r"(?:xox[a-z](?:\.xox[a-z])?|xapp-\d)-[\w-]{10,}"),
    _form(
        "Slack",
        "hooks.slack",
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/(?P<it>[\w/]{20,})",
    ),
    _form(
        "AWS",
        "ecret SECRET",
        r"(?i:secret[ _-]?(?:access[ _-]?)?key|aws[ _-]?secret)[\w \"']{0,20}[=:]{1,2}[ \"']*"
        r"(?P<it>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    _form(
        "AWS",
        "AKIA ASIA",
        r"A[KS]IA[A-Z0-9]{12,124}[^A-Za-z0-9/+]{1,40}(?:\w{1,40}[^A-Za-z0-9/+]{1,10}){0,3}"
        r"(?P<it>(?=[^ ]{0,39}[a-z])(?=[^ ]{0,39}[A-Z])(?=[^ ]{0,39}[0-9/+])[A-Za-z0-9/+]{40})"
        r"(?![A-Za-z0-9/+=])",
    ),
    _form(
        "AWS session",
        "IQoJb3JpZ2lu FwoGZXIvYXdz AQoDYXdz AgoJb3JpZ2lu",
        _WORD + r"(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|AQoDYXdz|AgoJb3JpZ2lu)[A-Za-z0-9/+=%_-]{40,}",
    ),
    _form(
        "Amazon Bedrock",
        "ABSK bedrock-api-key-",
        _WORD + r"(?:ABSK|bedrock-api-key-)[A-Za-z0-9+/]{40,}={0,2}",
    ),
    _form("Google", "AIza", _WORD + r"AIza[\w-]{35}"),
    _form("Google", "GOCSPX- ya29.", _WORD + r"(?:GOCSPX-[\w-]{20,}|ya29\.[\w.-]{20,})"),
    _form("Azure storage", "AccountKey", r"AccountKey=(?P<it>[A-Za-z0-9+/]{40,}={0,2})"),
    _form("Azure", "sig=", r"[?&;]sig=(?P<it>[A-Za-z0-9%+/=]{40,})"),
    _form("Microsoft Entra", "Q~", r"(?<![\w.~-])[\w.~-]{3}[78]Q~[\w.~-]{31,40}"),
    _form(
        "OpenAI",
        "sk-",
        _WORD + r"sk-(?:(?:proj|svcacct|admin|None)-[\w-]{20,}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})",
    ),
    _form("Anthropic", "sk-ant-", _WORD + r"sk-ant-[a-z0-9]{3,20}-[\w-]{20,}"),
    _form("OpenRouter", "sk-or-", _WORD + r"sk-or-v1-[0-9a-f]{40,}"),
    _form("an LLM's", "sk-", _WORD + r"sk-[A-Za-z0-9]{32,64}(?![\w-])"),
    _form("Hugging Face", "hf_ api_org_", _WORD + r"(?:hf|api_org)_[A-Za-z]{30,}"),
    _form("Groq", "gsk_", _WORD + r"gsk_[A-Za-z0-9]{40,}"),
    _form("xAI", "xai-", _WORD + r"xai-[A-Za-z0-9]{60,}"),
    _form("Replicate", "r8_", _WORD + r"r8_[A-Za-z0-9]{30,}"),
    _form("Perplexity", "pplx-", _WORD + r"pplx-[A-Za-z0-9]{40,}"),
    _form("Stripe", "k_live_ k_test_", _WORD + r"[srp]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _form("a webhook's", "whsec_", _WORD + r"whsec_[A-Za-z0-9+/]{24,}={0,2}"),
    _form("npm", "npm_", _WORD + r"npm_[A-Za-z0-9]{30,}"),
    _form("PyPI", "pypi-AgE", _WORD + r"pypi-AgE[\w-]{40,}"),
    _form("Docker", "dckr_", _WORD + r"dckr_(?:pat|oat)_[\w-]{20,}"),
    _form("DigitalOcean", "_v1_", _WORD + r"do[opr]_v1_[0-9a-f]{40,}"),
    _form(
        "HashiCorp", "hv .atlasv1.", _WORD + r"(?:hv[sbr]\.[\w-]{24,}|[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,})"
    ),
    _form("Databricks", "dapi", _WORD + r"dapi[0-9a-f]{32}(?:-\d)?"),
    _form("SendGrid", "SG.", _WORD + r"SG\.[\w-]{16,}\.[\w-]{16,}"),
    _form("Shopify", "shp", _WORD + r"shp(?:at|ca|pa|ss|tka)_[0-9a-fA-F]{32}"),
    _form("Okta", "SSWS", r"SSWS\s{1,4}(?P<it>[\w-]{30,})"),
    _form("a bearer's", "earer EARER", r"(?i:bearer)\s{1,4}(?P<it>[\w.~+/-]{20,}={0,2})"),
    _form("URL", "://", r"://[^\s/:@]{0,256}:(?P<it>[^\s/@]{3,256})@", guessable=True),
)


def documented(text: str) -> Iterator[Credential]:
    """Find credentials by the forms that their vendors document."""
    for kind, signs, pattern, guessable in _FORMS:
        if any(sign in text for sign in signs):
            for found in pattern.finditer(text):
                yield Credential(kind, found["it"] if "it" in pattern.groupindex else found[0], guessable)


class Redaction:
    """Replaces credentials in findings, and in what is said about them.

    What stands in their place names the vendor and a fingerprint (the first 12 hex digits of the SHA-256), so
    that the same credential is the same text each time, and a person can tell whether it is the one they
    know. `scan` knows more forms than the table; both are asked.
    """

    def __init__(self, scan: Scan = lambda _: ()) -> None:
        self._scan = scan

    def text(self, text: str) -> str:
        """Return a text without its credentials."""
        return _without(text, _replacements((*documented(text), *self._scan(text))))

    def finding(self, finding: Finding) -> Finding:
        """Return a finding without credentials: the same one where it holds none."""
        plain = finding.model_dump(mode="json")
        told = "\n".join(_lines(plain))
        replacements = _replacements((*documented(told), *self._scan(told)))
        return Finding.model_validate(_mapped(plain, replacements)) if replacements else finding


def _lines(value: Any, key: str = "") -> Iterator[str]:
    """List every text with the key it stands under: some credentials are known by their key alone."""
    if isinstance(value, str):
        yield f"{key} = {value}" if key else value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(item, str):
                yield name
            yield from _lines(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _lines(item, key)


def _replacements(found: Iterable[Credential]) -> dict[str, str]:
    """Say what stands in the place of each; the longest first, for one may be part of another."""
    replaced: dict[str, str] = {}
    for kind, text, guessable in sorted(found, key=lambda each: -len(each.text)):
        if guessable:
            replaced.setdefault(text, "[password removed]")
        else:
            fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]
            replaced.setdefault(text, f"[{kind} credential {fingerprint}]")
    return replaced


def _without(text: str, replacements: Mapping[str, str]) -> str:
    told = text
    for credential, stands in replacements.items():
        told = told.replace(credential, stands)
    # What stands for a short password is longer than that: a text that filled its field must fit it still.
    return told[: max(len(text), _SHORT)]


def _mapped(value: Any, replacements: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _without(value, replacements)
    if isinstance(value, dict):
        return {_without(key, replacements): _mapped(item, replacements) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, replacements) for item in value]
    return value
