"""Credentials in the text of a finding: found by their documented forms, and replaced."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from firedoor.domain.finding import Finding

_WORD = r"(?<![A-Za-z0-9])"
_PRIVATE_KEY: Final = "private key"
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
        _PRIVATE_KEY,
        "PRIVATE",
        r"-{4,5} ?BEGIN[A-Z0-9+ ]{0,40}PRIVATE[+ ]KEY(?:[+ ]BLOCK)? ?-{4,5}"
        r".*?(?:-{4,5} ?END[A-Z0-9+ ]{0,40}PRIVATE[+ ]KEY(?:[+ ]BLOCK)? ?-{4,5}|\Z)",
    ),
    _form(
        _PRIVATE_KEY,
        "Private-Lines",
        r"Private-Lines: {0,4}[0-9]{1,4}\s{1,4}(?P<it>.*?)(?:\s{1,4}Private-(?:MAC|Hash)|\Z)",
    ),
    _form("age", "AGE-SECRET-KEY-", _WORD + r"AGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    _form("JSON web token", "eyJ", _WORD + r"eyJ[\w-]{8,}\.(?:eyJ)?[\w-]{8,}(?:\.[\w-]*){1,3}"),
    # A text that was cut holds the beginning of a token: that is most of it, so less than the whole will do.
    _form("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", _WORD + r"gh[pousr]_[A-Za-z0-9]{16,255}"),
    _form("GitHub", "github_pat_", _WORD + r"github_pat_\w{16,255}"),
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
        r"(?i:secret[ _-]?(?:access[ _-]?)?key|aws[ _-]?secret)[\w \"']{0,20}[=:> ]{1,3}[ \"']*"
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
    _form("Google", "AIza", _WORD + r"AIza[\w-]{24,35}"),
    _form("Google", "GOOG1", _WORD + r"GOOG1[A-Z0-9]{19,56}[^A-Za-z0-9/+]{1,40}(?P<it>[A-Za-z0-9/+]{40})"),
    _form("Google", "AQ.Ab", _WORD + r"AQ\.Ab[\w-]{30,}"),
    _form("Google", "GOCSPX- ya29.", _WORD + r"(?:GOCSPX-[\w-]{20,}|ya29\.[\w.-]{20,})"),
    _form(
        "Azure",
        "AccessKey= AccountKey=",
        r"(?:SharedAccess|Access|Account)Key=(?P<it>[A-Za-z0-9+/]{40,}={0,2})",
    ),
    # Keys that say what they are: of Storage, Cosmos DB, Batch, Service Bus, Event Hubs, Search, Functions, …
    _form(
        "Azure",
        "ASt ACDb ABa ASb AEh AzSe AzFu AIoT ACR APIM",
        r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{33,76}(?:\+(?:ASt|ABa|ASb|AEh|ACR)|ACDb|AzSe|AzFu|AIoT|APIM)"
        r"[A-Za-z0-9+/]{5,6}={0,2}(?![A-Za-z0-9+/=])",
    ),
    _form("Azure", "JQQJ99", _WORD + r"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{10,26}"),
    _form("Azure", "sig=", r"[?&;]sig=(?P<it>[A-Za-z0-9%+/=]{40,})"),
    _form("presigned", "-Signature=", r"X-(?:Amz|Goog)-Signature=(?P<it>[0-9a-f]{64,1024})"),
    _form("Docker", "auth", r"[\"']auth[\"']\s{0,2}:\s{0,2}[\"'](?P<it>[A-Za-z0-9+/]{12,}={0,2})[\"']"),
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
    _form("Twilio", "SK", _WORD + r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    _form("Vault", "s.", r"(?<![\w.%-])s\.[A-Za-z0-9]{24}(?![\w.-])"),
    _form("Mailgun", "key-", r"(?<![\w-])key-[0-9a-f]{32}(?![\w-])"),
    _form("Telegram", ":AA", _WORD + r"[0-9]{8,10}:AA[\w-]{33}(?![\w-])"),
    _form("Discord", "iscord", r"discord(?:app)?\.com/api/webhooks/(?P<it>[0-9]{16,20}/[\w-]{40,})"),
    _form("Discord", "M N O", _WORD + r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,38}(?![\w.-])"),
    _form("Teams", "webhook.office", r"webhook\.office\.com/(?P<it>webhookb2/[\w@/-]{40,})"),
    _form("Zapier", "hooks.zapier", r"hooks\.zapier\.com/hooks/catch/(?P<it>[0-9]{4,10}/\w{5,20})"),
    _form("Linear", "lin_", _WORD + r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}"),
    _form("Notion", "ntn_ secret_", _WORD + r"(?:ntn_[A-Za-z0-9]{40,50}|secret_[A-Za-z0-9]{43})(?!\w)"),
    _form("Atlassian", "AT", _WORD + r"AT(?:ATT|CTT|BB)[A-Za-z0-9][\w=-]{28,}"),
    _form("Postman", "PMAK-", _WORD + r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    _form("Grafana", "gl", _WORD + r"(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,}={0,2})"),
    _form("New Relic", "NR", _WORD + r"NR(?:AK|AA|II)-[A-Za-z0-9-]{20,}"),
    _form("PlanetScale", "pscale_", _WORD + r"pscale_(?:tkn|pw|oauth)_[\w.-]{32,}"),
    _form("Supabase", "sbp_ sb_secret_", _WORD + r"(?:sbp_[0-9a-f]{40}|sb_secret_\w{20,})"),
    _form("Netlify", "nfp_ nfc_ nfo_ nfu_ nfb_", _WORD + r"nf[pcoub]_[A-Za-z0-9]{36,}"),
    _form("Fly", "FlyV1 fm fo1_", _WORD + r"(?:fm[12][ar]?_[A-Za-z0-9+/]{40,}={0,2}|fo1_[\w-]{40,})"),
    _form("Doppler", "dp.", _WORD + r"dp\.(?:pt|ct|st|sa|scim|audit)\.(?:[\w-]{2,40}\.)?[A-Za-z0-9]{40,}"),
    _form("Pulumi", "pul-", _WORD + r"pul-[0-9a-f]{40}"),
    _form("RubyGems", "rubygems_", _WORD + r"rubygems_[0-9a-f]{48}"),
    _form("Sentry", "sntry", _WORD + r"sntry[su]_[\w=+/-]{40,}"),
    _form("Square", "sq0", _WORD + r"sq0(?:atp|csp)-[\w-]{22,}"),
    _form("Heroku", "HRKU-", _WORD + r"HRKU-[\w-]{36,}"),
    _form("Airtable", "pat", _WORD + r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    _form("Figma", "fig", _WORD + r"fig[dour]_[\w-]{36,}"),
    _form("Dynatrace", "dt0", _WORD + r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _form("NuGet", "oy2", _WORD + r"oy2[a-z0-9]{43}(?![A-Za-z0-9])"),
    _form("crates.io", "cio", _WORD + r"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    _form("JFrog", "AKCp cmVmdGtu", _WORD + r"(?:AKCp[A-Za-z0-9]{60,}|cmVmdGtuO[A-Za-z0-9]{50,})"),
    _form("Brevo", "xkeysib-", _WORD + r"xkeysib-[0-9a-f]{64}-\w{16}"),
    _form("LangSmith", "lsv2_", _WORD + r"lsv2_(?:pt|sk)_\w{32,}"),
    _form("NVIDIA", "nvapi-", _WORD + r"nvapi-[\w-]{40,}"),
    _form("CircleCI", "CCIPAT_", _WORD + r"CCIPAT_\w{40,}"),
    _form("Buildkite", "bkua_", _WORD + r"bkua_[0-9a-f]{40}"),
    _form("1Password", "ops_eyJ", _WORD + r"ops_eyJ[\w=-]{100,}"),
    _form("Datadog", "ddap ddpat", _WORD + r"dd(?:app?|pat)_[A-Za-z0-9]{30,}"),
    _form("Mailchimp", "-us", _WORD + r"[0-9a-f]{32}-us[0-9]{1,2}(?!\w)"),
    _form("Okta", "SSWS", r"SSWS\s{1,4}(?P<it>[\w-]{30,})"),
    _form("a bearer's", "earer EARER", r"(?i:bearer)\s{1,4}(?P<it>[\w.~+/-]{20,}={0,2})"),
    _form(
        "an HTTP header's",
        "uthorization UTHORIZATION",
        r"(?i:authorization)[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?i:basic|token|apikey|key)\s{1,4}(?P<it>[\w.~+/-]{12,}={0,2})",
    ),
    # What has no form of its own is known by the name that it is given, and only where it is long and random.
    _form(
        "named",
        "ey oken ecret EY OKEN ECRET",
        r"(?i:(?:api|app|application|auth|access|client|secret|private|license|account)[ _-]?"
        r"(?:key|token|secret)"
        r"|(?:auth|access|api|bot|refresh|vault)[ _-]?token|token|secret)"
        r"[\"']?\s{0,2}(?:[:=>]|=>)\s{0,2}[\"']?"
        r"(?P<it>(?!A[KS]IA[A-Z0-9]{12})(?=[^\s\"']{0,80}[0-9])(?=[^\s\"']{0,80}[A-Za-z])[A-Za-z0-9+/_]{32,256}={0,2})"
        r"(?![\w+/=:.-])",
    ),
    _form(
        "named",
        "assword asswd ASSWORD ASSWD PWD pwd",
        r"(?i:password|passwd|pwd)[\"']?\s{0,2}[:=]\s{0,2}[\"']?"
        r"(?P<it>(?=[^\s\"',;&<>]{0,40}[0-9])(?=[^\s\"',;&<>]{0,40}[A-Za-z])[^\s\"',;&<>\[]{6,128})",
        guessable=True,
    ),
    _form("URL", "://", r"://[^\s/:@]{0,256}:(?P<it>[^\s/@]{3,256})@", guessable=True),
)


class _Found(NamedTuple):
    """A credential, where it stands in its text, and whether it is one wherever else it stands.

    `plain`: its own form tells that it is one. What is known only by the words around it may be any text,
    also one that an attacker wrote there because it is the name of something that shall not be found.
    """

    credential: Credential
    start: int
    end: int
    plain: bool


def documented(text: str) -> Iterator[Credential]:
    """Find credentials by the forms that their vendors document, also where they are escaped or encoded."""
    for found in _search(text):
        yield found.credential


def _search(text: str, forms: Sequence[_Form] | None = None) -> Iterator[_Found]:
    """Find what stands in a text in `forms`; without them those whose signs it holds."""
    yield from _in_forms(text, forms)
    for plainer, places in _unescaped(text):
        for found in _in_forms(plainer, forms):
            start, end = places[found.start][0], places[found.end - 1][1]
            as_it_stands = found.credential._replace(text=text[start:end])
            yield found._replace(credential=as_it_stands, start=start, end=end)
    for run in _BASE64.finditer(text):
        inner = _decoded(run[0])
        if inner and (first := next(_in_forms(inner), None)):
            yield _Found(Credential(first.credential.kind, run[0]), run.start(), run.end(), plain=True)


def _in_forms(text: str, forms: Sequence[_Form] | None = None) -> Iterator[_Found]:
    for kind, _, pattern, guessable in _signed(text) if forms is None else forms:
        group = "it" if "it" in pattern.groupindex else 0
        for found in pattern.finditer(text):
            start, end = found.span(group)
            yield _Found(Credential(kind, found[group], guessable), start, end, plain=group == 0)


def _signed(*texts: str) -> list[_Form]:
    """List the forms of which a sign stands in one of the texts."""
    return [form for form in _FORMS if any(sign in text for sign in form.signs for text in texts)]


#: JSON within JSON, and URLs: how deep a text is unescaped.
_DEEP: Final = 3
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\([/\"\\nrt])|%([0-9a-fA-F]{2})")
_LETTERS: Final = {"n": "\n", "r": "\r", "t": "\t"}


def _unescaped(text: str) -> Iterator[tuple[str, Sequence[tuple[int, int]]]]:
    """Give the text as whoever unescapes it reads it, and from where to where each letter stood."""
    told: str = text
    places: list[tuple[int, int]] | None = None
    for _ in range(_DEEP):
        if not _ESCAPE.search(told):
            return
        places = places or [(at, at + 1) for at in range(len(text))]
        letters: list[str] = []
        moved: list[tuple[int, int]] = []
        last = 0
        for escape in _ESCAPE.finditer(told):
            letters.append(told[last : escape.start()])
            moved.extend(places[last : escape.start()])
            coded, letter, percent = escape.groups()
            letters.append(_LETTERS.get(letter, letter) if letter else chr(int(coded or percent, 16)))
            moved.append((places[escape.start()][0], places[escape.end() - 1][1]))
            last = escape.end()
        letters.append(told[last:])
        moved.extend(places[last:])
        told, places = "".join(letters), moved
        yield told, places


def _plainer(text: str) -> Iterator[str]:
    return (plainer for plainer, _ in _unescaped(text))


_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:\r?\n[A-Za-z0-9+/_-]+)*={0,2}", re.ASCII)
_URL_SAFE: Final = str.maketrans("-_", "+/", "\r\n=")


def _decoded(run: str) -> str:
    """Return the text that stands in Base64; empty where it is none."""
    letters = run.translate(_URL_SAFE)
    try:
        content = base64.b64decode(letters + "=" * (-len(letters) % 4))
        # PowerShell encodes UTF-16.
        return content[::2].decode() if content[1:8:2] == bytes(4) else content.decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


class _Known(NamedTuple):
    """What a finding's credentials are known by: forms, and texts with what stands in their place."""

    forms: Sequence[_Form]
    everywhere: Mapping[str, str]
    random: Mapping[str, str] = {}  # replaced wherever it can be no name
    around: tuple[str, ...] = ()  # known only by the words around them, to who knows more than our table


class Redaction:
    """Replaces credentials in findings, and in what is said about them.

    What stands in their place names the vendor and a fingerprint (the first 12 hex digits of the SHA-256), so
    that the same credential is the same text each time, and a person can tell whether it is the one they
    know. `scan` knows more forms than the table; both are asked.

    A credential that is known by its own form is replaced wherever it stands in the finding. One that only
    the words around it tell is replaced there, and elsewhere only where it can be no name of anything: who
    writes `https://x:123456789012@…` into a tag must not take the account out of the finding.
    """

    def __init__(self, scan: Scan = lambda _: ()) -> None:
        self._scan = scan

    def text(self, text: str) -> str:
        """Return a text without its credentials."""
        return _without(text, text, _Known(_signed(text, *_plainer(text)), _replacements(self._scan(text))))

    def finding(self, finding: Finding) -> Finding:
        """Return a finding without credentials: the same one where it holds none."""
        plain = finding.model_dump(mode="json")
        lines = list(_lines(plain))
        # Nothing that is found in one line alone is missed when they stand together.
        told = _BETWEEN.join(lines)
        found, scanned = list(_search(told)), list(self._scan(told))
        if not found and not scanned:
            return finding
        return Finding.model_validate(self._mapped(plain, self._known(told, lines, found, scanned)))

    def _known(
        self, told: str, lines: Sequence[str], found: Iterable[_Found], scanned: Iterable[Credential]
    ) -> _Known:
        forms = _signed(told, *_plainer(told))
        everywhere: list[Credential] = []
        random: list[Credential] = []
        for credential, _, _, plain in (*found, *(each for line in lines for each in _search(line, forms))):
            (everywhere if plain else random).append(credential)
            if credential.kind == _PRIVATE_KEY:  # one that stands in a list, line by line
                random.extend(
                    Credential(_PRIVATE_KEY, part) for part in _BASE64_LINE.findall(credential.text)
                )
        around: list[Credential] = []
        for credential in dict.fromkeys(scanned):
            alone = any(credential.text == other.text for other in self._scan(credential.text))
            (everywhere if alone else around).append(credential)
        random.extend(around)
        return _Known(
            forms,
            _replacements(everywhere),
            _replacements(one for one in random if _RANDOM.fullmatch(one.text)),
            tuple({one.text for one in around}),
        )

    def _mapped(self, value: Any, known: _Known, key: str = "", *, ours: bool = True) -> Any:
        """Replace in a value. `ours`: its keys are names of fields, not a sender's words."""
        if isinstance(value, str):
            line = f"{key} = {value}" if key else value
            around = [text for text in known.around if text in value]
            own = _replacements(one for one in self._scan(line) if one.text in around) if around else {}
            random = known.random if not ours or key in _PROSE else {}
            return _without(
                value, line, known._replace(everywhere={**known.everywhere, **own}, random=random)
            )
        if isinstance(value, dict):
            return {
                name if ours else _without(name, name, known): self._mapped(
                    item, known, name, ours=ours and name != "attributes"
                )
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._mapped(item, known, key, ours=ours) for item in value]
        return value


def _without(text: str, line: str, known: _Known) -> str:
    """Replace in a text, which stands at the end of its line."""
    before = len(line) - len(text)
    told = text
    for found in _apart(each for each in _search(line, known.forms) if each.start >= before)[::-1]:
        told = told[: found.start - before] + _stands(found.credential) + told[found.end - before :]
    for credential, stands in (*known.everywhere.items(), *known.random.items()):
        told = told.replace(credential, stands)
    # What stands for a short password is longer than that: a text that filled its field must fit it still.
    return told[: max(len(text), _SHORT)]


#: Fields of ours that hold words for people; all others say who and where.
_PROSE: Final = frozenset(("title", "url", "left_out"))
#: Stands between texts, and is part of no credential.
_BETWEEN: Final = "\n\x00\n"
#: Letters that nobody gives as a name: at least as many as a secret key of AWS has, and more than any id.
_RANDOM: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9/+]{40,}={0,2}", re.ASCII)
_BASE64_LINE: Final = re.compile(r"[A-Za-z0-9/+]{40,}={0,2}", re.ASCII)


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


def _apart(spans: Iterable[_Found]) -> list[_Found]:
    """Order what was found, without what overlaps: the longest stays, for one may be part of another."""
    kept: list[_Found] = []
    for found in sorted(spans, key=lambda each: (each.start - each.end, each.start)):
        if all(found.end <= other.start or other.end <= found.start for other in kept):
            kept.append(found)
    return sorted(kept, key=lambda each: each.start)


def _replacements(found: Iterable[Credential]) -> dict[str, str]:
    """Say what stands in the place of each; the longest first, for one may be part of another."""
    replaced: dict[str, str] = {}
    for credential in sorted(found, key=lambda each: -len(each.text)):
        replaced.setdefault(credential.text, _stands(credential))
    return replaced


def _stands(credential: Credential) -> str:
    if credential.guessable:
        return "[password removed]"
    fingerprint = hashlib.sha256(credential.text.encode(errors="replace")).hexdigest()[:12]
    return f"[{credential.kind} credential {fingerprint}]"
