"""One made-up credential of each documented form; none of them stands in a file of ours as a whole."""

from __future__ import annotations

import base64
import json
import random
import string

_random = random.Random(7)
_WORD = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def _some(length: int, letters: str = _WORD) -> str:
    return "".join(_random.choice(letters) for _ in range(length))


def _bytes(length: int) -> str:
    return base64.b64encode(_random.randbytes(length)).decode()


def _pem(kind: str) -> str:
    lines = "\n".join(_bytes(48) for _ in range(8))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


def _jwt() -> str:
    parts = (json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"sub": "1", "iat": 1516239022}))
    return ".".join([*(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts), _some(43)])


#: what it is -> (the credential, the text around it: `{}` is where it stands)
PLANTED: dict[str, tuple[str, str]] = {
    "github classic": (f"ghp_{_some(36)}", "found {} in a log"),
    "github oauth": (f"gho_{_some(36)}", "{}"),
    "github app": (f"ghs_{_some(36)}", "{}"),
    "github refresh": (f"ghr_{_some(76)}", "{}"),
    "github fine-grained": (f"github_pat_{_some(22)}_{_some(59)}", "{}"),
    "github of low entropy": (f"ghp_{'a1B2' * 9}", "{}"),
    "gitlab": (f"glpat-{_some(20)}", "token={}"),
    "slack bot": (f"xoxb-{_some(12, string.digits)}-{_some(13, string.digits)}-{_some(24)}", "{}"),
    "slack user": (f"xoxp-{_some(11, string.digits)}-{_some(12, string.digits)}-{_some(32, _HEX)}", "{}"),
    "slack app": (
        f"xapp-1-A{_some(10, string.ascii_uppercase)}-{_some(13, string.digits)}-{_some(64, _HEX)}",
        "{}",
    ),
    "slack webhook": (f"T{_some(8)}/B{_some(10)}/{_some(24)}", "https://hooks.slack.com/services/{}"),
    "aws secret, named": (_some(39) + "/", "aws_secret_access_key={}"),
    "aws secret, as JSON": (_some(38) + "+/", '"SecretAccessKey": "{}"'),
    "aws secret, beside its id": (_some(36) + "a1B/", f"AKIA{_some(16, string.ascii_uppercase)} {{}}"),
    "aws session": (f"IQoJb3JpZ2luX2Vj{_some(300)}", "token {} end"),
    "bedrock": (f"ABSKQmVkcm9ja0FQSUtleS{_some(110)}", "{}"),
    "google key": (f"AIza{_some(35)}", "key={}"),
    "google oauth": (f"GOCSPX-{_some(28)}", "{}"),
    "google access": (f"ya29.{_some(120)}", "{}"),
    "azure storage": (_bytes(64), "DefaultEndpointsProtocol=https;AccountKey={};"),
    "azure shared access": (f"{_some(43)}%3D", "https://x.blob.core.windows.net/c?sv=2024&sig={}"),
    "entra client secret": (f"{_some(3)}8Q~{_some(34)}", "secret {}"),
    "openai project": (f"sk-proj-{_some(74)}T3BlbkFJ{_some(74)}", "{}"),
    "openai": (f"sk-{_some(20)}T3BlbkFJ{_some(20)}", "{}"),
    "anthropic": (f"sk-ant-api03-{_some(93)}AA", "{}"),
    "openrouter": (f"sk-or-v1-{_some(64, _HEX)}", "{}"),
    "deepseek": (f"sk-{_some(32, _HEX)}", "{}"),
    "hugging face": (f"hf_{_some(34, string.ascii_letters)}", "{}"),
    "groq": (f"gsk_{_some(52)}", "{}"),
    "xai": (f"xai-{_some(80)}", "{}"),
    "replicate": (f"r8_{_some(37)}", "{}"),
    "stripe": (f"sk_live_{_some(24)}", "{}"),
    "webhook": (f"whsec_{_bytes(24)}", "{}"),
    "npm": (f"npm_{_some(36)}", "{}"),
    "pypi": (f"pypi-AgEIcHlwaS5vcmc{_some(120)}", "{}"),
    "docker": (f"dckr_pat_{_some(27)}", "{}"),
    "digitalocean": (f"dop_v1_{_some(64, _HEX)}", "{}"),
    "vault": (f"hvs.{_some(90)}", "{}"),
    "databricks": (f"dapi{_some(32, _HEX)}", "{}"),
    "sendgrid": (f"SG.{_some(22)}.{_some(43)}", "{}"),
    "okta": (f"00{_some(40)}", "Authorization: SSWS {}"),
    "bearer": (_some(40), "Authorization: Bearer {}"),
    "rsa key": (_pem("RSA PRIVATE KEY"), "the file holds {}"),
    "openssh key": (_pem("OPENSSH PRIVATE KEY"), "{}"),
    "key": (_pem("PRIVATE KEY"), "{}"),
    "jwt": (_jwt(), "cookie {}"),
    "twilio": (f"SK{_some(32, _HEX)}", "{}"),
    "twilio, named": (_some(32, _HEX), "TWILIO_AUTH_TOKEN={}"),
    "datadog, named": (_some(32, _HEX), "DD_API_KEY={}"),
    "datadog application, named": (_some(40, _HEX), "DD-APPLICATION-KEY: {}"),
    "terraform cloud": (f"{_some(14)}.atlasv1.{_some(67)}", "{}"),
    "vault, old": (f"s.{_some(24)}", "X-Vault-Token: {}"),
    "slack rotated": (f"xoxe.xoxp-1-{_some(160)}", "{}"),
    "slack refresh": (f"xoxe-1-{_some(146)}", "{}"),
    "azure service bus": (_bytes(32), "Endpoint=sb://x;SharedAccessKeyName=Root;SharedAccessKey={}"),
    "azure storage, alone": (f"{_some(76)}+ASt{_some(6)}==", "{}"),
    "azure function": (f"{_some(44)}AzFu{_some(6)}==", "{}"),
    "azure devops": (f"{_some(52)}JQQJ99{_some(14)}AZDO{_some(4)}", "{}"),
    "azure openai, named": (_some(32, _HEX), "AZURE_OPENAI_API_KEY={}"),
    "openai of old": (f"sk-{_some(48)}", "{}"),
    "google hmac": (_some(39) + "/", f"GOOG1E{_some(55, string.ascii_uppercase)} {{}}"),
    "aws secret, as XML": (_some(38) + "+/", "<SecretAccessKey>{}</SecretAccessKey>"),
    "aws secret, as an option": (_some(38) + "+/", "--secret-access-key {}"),
    "presigned": (_some(64, _HEX), "https://b.s3.amazonaws.com/k?X-Amz-Signature={}"),
    "basic": (_bytes(16), "Authorization: Basic {}"),
    "password, named": (f"{_some(14)}1&x", 'DB_PASSWORD="{}"'),
    "mailgun": (f"key-{_some(32, _HEX)}", "{}"),
    "telegram": (f"{_some(10, string.digits)}:AA{_some(33)}", "{}"),
    "discord webhook": (f"{_some(18, string.digits)}/{_some(68)}", "https://discord.com/api/webhooks/{}"),
    "atlassian": (f"ATATT3xFfGF0{_some(170)}=0A1B2C3D", "{}"),
    "grafana": (f"glsa_{_some(32)}_{_some(8, _HEX)}", "{}"),
    "new relic": (f"NRAK-{_some(27, string.ascii_uppercase)}", "{}"),
    "nuget": (f"oy2{_some(43, string.ascii_lowercase)}", "{}"),
    "pgp key": (_pem("PGP PRIVATE KEY BLOCK"), "{}"),
    "ec key": (_pem("EC PRIVATE KEY"), "{}"),
    "encrypted key": (_pem("ENCRYPTED PRIVATE KEY"), "{}"),
    "ssh2 key": (
        f"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n{_bytes(48)}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----",
        "{}",
    ),
    "putty key": (f"{_bytes(48)}\n{_bytes(30)}", "Private-Lines: 2\n{}\nPrivate-MAC: 00"),
    "age key": (f"AGE-SECRET-KEY-1{_some(58, string.ascii_uppercase)}", "{}"),
    "password in a URL": (_some(16), "postgres://admin:{}@db.example.com/app"),
}
