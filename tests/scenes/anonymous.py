"""The attacker who has no credential at all: one plain HTTP request."""

from __future__ import annotations

import urllib.error

from tests.servers import request

_REFUSED = 403


def answers(url: str) -> bool:
    """Tell whether a URL answers an unsigned request; 403 is a refusal, anything else a fault of the test."""
    try:
        request(url)
    except urllib.error.HTTPError as error:
        if error.code != _REFUSED:
            raise
        return False
    return True
