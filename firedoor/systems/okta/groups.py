"""The one question we have for Okta: who is in a group."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import httpx

from firedoor.domain.core.errors import Absent, Misconfigured, Rejected, Unavailable

_PAGE: Final = 1000  # the most that Okta gives at once, and its default
_PAGES: Final = 20  # a larger group is none of people who decide
_OK, _NOT_FOUND, _TOO_MANY = 200, 404, 429
_FINAL: Final = frozenset({400, 401, 403, 405, 410})
_CODE = re.compile(r"E[0-9]{7}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Okta:
    """Okta's API under `url`, such as https://acme.okta.com.

    `token` is read anew for each call, so that a rotated one counts at once. It is an
    API token (SSWS), of an administrator who may do no more than read groups.
    https://developer.okta.com/docs/api/openapi/okta-management/management/tag/Group/#tag/Group/operation/listGroupUsers
    """

    def __init__(self, url: str, token: Callable[[], str], *, timeout: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise Misconfigured(
                f"okta.url has the scheme {parts.scheme!r}", expected="a URL such as https://acme.okta.com"
            )
        self._url = url.rstrip("/")
        self._origin = (parts.scheme, parts.netloc)
        self._token = token
        self._timeout = timeout

    async def group_members(self, group_id: str) -> Mapping[str, str]:
        """Return the users of a group: id -> status (`ACTIVE`, `SUSPENDED`, …).

        Raises `Absent` where there is no such group, `Rejected` where Okta does not let us
        look, `Unavailable` for everything else.
        """
        if not _ID.fullmatch(group_id):
            raise Absent("what is no id of a group in Okta", expected="an id such as 00g1ab2cd3ef4gh5ij6k7")
        members: dict[str, str] = {}
        page: str | None = f"{self._url}/api/v1/groups/{quote(group_id, safe='')}/users?limit={_PAGE}"
        headers = {"authorization": f"SSWS {self._token()}", "accept": "application/json"}
        async with httpx.AsyncClient(
            headers=headers, timeout=self._timeout, follow_redirects=False
        ) as client:
            for _ in range(_PAGES):
                if page is None:
                    return members
                answer = await _get(client, page)
                members.update(_users(answer))
                page = self._next(answer)
        if page is None:
            return members
        raise Unavailable(
            f"okta: the group has more than {_PAGES * _PAGE} people",
            mend="name a smaller group in people.yaml",
        )

    def _next(self, answer: httpx.Response) -> str | None:
        """Return the address of the next page; one that leads elsewhere would be given our token."""
        told = answer.links.get("next", {}).get("url")
        if told is None:
            return None
        there = urljoin(str(answer.url), told)
        parts = urlsplit(there)
        if (parts.scheme, parts.netloc) != self._origin:
            raise Unavailable("okta: the next page is not Okta's", expected="a page under okta.url")
        return there


async def _get(client: httpx.AsyncClient, page: str) -> httpx.Response:
    # No error of httpx is chained: it carries the request, and the token with it.
    try:
        answer = await client.get(page)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise Unavailable(
            f"okta gave no usable answer: {type(error).__name__}", code=type(error).__name__
        ) from None
    if answer.status_code == _OK:
        return answer
    code = _code(answer)
    found = f"okta: the people of a group: {code or 'without an error code'} (HTTP {answer.status_code})"
    if answer.status_code == _NOT_FOUND:
        raise Absent(found, code=code, mend="check okta_group in people.yaml")
    if answer.status_code in _FINAL:
        raise Rejected(found, code=code, mend="check okta.token: it has to be allowed to read groups")
    raise Unavailable(found, code=code, retry_after=_retry_after(answer))


def _users(answer: httpx.Response) -> dict[str, str]:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, list):
        raise Unavailable("okta gave no list of people")
    users: dict[str, str] = {}
    for each in told:
        id_, status = (each.get("id"), each.get("status")) if isinstance(each, Mapping) else (None, None)
        if not isinstance(id_, str) or not isinstance(status, str):
            raise Unavailable("okta gave a person without id or status")
        users[id_] = status
    return users


def _code(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except ValueError:
        return ""
    code = str(told.get("errorCode", "")) if isinstance(told, Mapping) else ""
    return code if _CODE.fullmatch(code) else ""


def _retry_after(answer: httpx.Response) -> float | None:
    """Read when the rate limit is lifted: seconds since 1970, by Okta's own clock in `Date`."""
    reset = answer.headers.get("x-rate-limit-reset", "")
    if answer.status_code != _TOO_MANY or not (reset.isascii() and reset.isdigit() and len(reset) < 12):  # noqa: PLR2004
        return None
    try:
        now = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    return max(0.0, float(reset) - now.timestamp())
