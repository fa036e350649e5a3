"""A running gateway as the commands speak to it: over HTTP, with a person's token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from firedoor.domain.core.errors import (
    Absent,
    FiredoorError,
    Misconfigured,
    Rejected,
    Unavailable,
    Unreadable,
)

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
            headers={
                "authorization": f"Bearer {token}",
                "accept": "application/json",
                "firedoor-door": "cli",  # a vote from here is told as one from a terminal
            },
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

    def vote(
        self,
        response: str,
        decision: str,
        fingerprint: str,
        reason: str = "",
        *,
        break_glass: bool = False,
    ) -> dict[str, Any]:
        """Cast a vote. Raises Rejected with the reason when it does not count."""
        body: dict[str, Any] = {"decision": decision, "fingerprint": fingerprint, "reason": reason}
        if break_glass:
            body["break_glass"] = True
        return self._ask("POST", f"/{response}/votes", json=body)

    def snooze(self, response: str, fingerprint: str, minutes: int) -> dict[str, Any]:
        """Put the reminder of an ask off. Raises Rejected likewise."""
        body = {"minutes": minutes, "fingerprint": fingerprint}
        return self._ask("POST", f"/{response}/snooze", json=body)

    def reassign(self, response: str, fingerprint: str, to: str) -> dict[str, Any]:
        """Ask a person to look at an ask. Raises Rejected likewise."""
        return self._ask("POST", f"/{response}/reassign", json={"to": to, "fingerprint": fingerprint})

    def undo(self, response: str, why: str) -> dict[str, Any]:
        """Ask to take a response back."""
        return self._ask("POST", f"/{response}/undo", json={"why": why})

    def freeze(self, **body: str | None) -> dict[str, Any]:
        """Throw the kill switch; tells what is frozen then."""
        return self._ask("POST", "/freeze", "/v1", json=body)

    def thaw(self, **body: str | None) -> dict[str, Any]:
        """Release the kill switch. Raises Rejected for whoever threw it."""
        return self._ask("POST", "/thaw", "/v1", json=body)

    def _ask(self, method: str, path: str, under: str = "/v1/responses", **more: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, f"{self._url}{under}{path}", **more)
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
