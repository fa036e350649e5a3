"""A running gateway as the commands speak to it: over HTTP, with a person's token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from firedoor.domain.errors import Absent, FiredoorError, Misconfigured, Rejected, Unavailable, Unreadable

_WITHIN = 15.0  # seconds; the gateway itself gives up after ten
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_KNOWN: Mapping[int, type[FiredoorError]] = {
    401: Misconfigured,
    403: Rejected,
    404: Absent,
    409: Rejected,
    422: Unreadable,
}
_TRY_AGAIN = frozenset({408, 425, 429})
_SERVER_ERRORS = 500
_REFUSED = 300


class Gateway:
    """One gateway and one person's token, which is sent to nobody else."""

    def __init__(self, url: str, token: str) -> None:
        there = urlsplit(url)
        if there.scheme not in ("https", "http") or not there.hostname:
            raise Misconfigured(
                "the gateway's URL cannot be used", expected="one such as https://firedoor.example.com"
            )
        if not token.isascii() or not token.isprintable() or " " in token:
            raise Misconfigured(
                "the token holds what no token holds", expected="one line of plain characters"
            )
        self._url = url.rstrip("/")
        self._client = httpx.Client(
            headers={"authorization": f"Bearer {token}", "accept": "application/json"},
            timeout=_WITHIN,
            follow_redirects=False,  # a token is not carried to where a redirect points
            trust_env=there.hostname not in _LOOPBACK,  # no proxy stands between us and ourselves
        )

    def list(self, **asked: str | None) -> list[dict[str, Any]]:
        """List responses, newest first."""
        told = self._ask("GET", "", params={key: value for key, value in asked.items() if value})
        return list(told["responses"])

    def one(self, response: str) -> dict[str, Any]:
        """Tell how one response stands."""
        return self._ask("GET", f"/{response}")

    def vote(self, response: str, decision: str, fingerprint: str, reason: str = "") -> dict[str, Any]:
        """Cast a vote. Raises Rejected with the reason when it does not count."""
        body = {"decision": decision, "fingerprint": fingerprint, "reason": reason}
        return self._ask("POST", f"/{response}/votes", json=body)

    def undo(self, response: str, why: str) -> dict[str, Any]:
        """Ask to take a response back."""
        return self._ask("POST", f"/{response}/undo", json={"why": why})

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, f"{self._url}/v1/responses{path}", **more)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Its class alone: its words may repeat the request, and so the token.
            raise Unavailable(
                f"{self._url} gives no answer ({type(error).__name__})",
                expected="a running gateway",
                mend="start it (`firedoor up`), or name another with --url",
            ) from None
        told = _json(answer)
        if answer.status_code >= _REFUSED:
            raise _refusal(answer.status_code, told, self._url)
        if not isinstance(told, dict):
            raise Unavailable(f"{self._url} answers what no gateway answers", mend="look at --url")
        return told


def _json(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None


def _refusal(status: int, told: object, url: str) -> FiredoorError:
    """Turn problem details into an error of the house."""
    details = told if isinstance(told, dict) else {}
    found = str(details.get("found") or f"{url} answers {status}")
    expected, mend = str(details.get("expected") or ""), str(details.get("mend") or "")
    if status in _TRY_AGAIN or status >= _SERVER_ERRORS:
        return Unavailable(found, expected=expected, mend=mend)
    return _KNOWN.get(status, Rejected)(found, expected=expected, mend=mend)
