"""How a running gateway says it is, for whoever looks after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

_WITHIN = 5.0  # seconds
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


async def readiness(url: str) -> Mapping[str, Any] | None:
    """Return what the gateway at `url` tells at /readyz, ready or not; None where none answers there."""
    try:
        direct = urlsplit(url).hostname in _LOOPBACK  # no proxy stands between us and ourselves
        async with httpx.AsyncClient(timeout=_WITHIN, follow_redirects=False, trust_env=not direct) as client:
            told = (await client.get(f"{url.rstrip('/')}/readyz")).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return told if isinstance(told, dict) else None
