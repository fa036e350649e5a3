"""One HTTP exchange: a bounded body in, an answer out."""

from __future__ import annotations

import asyncio

from fastapi import Request, Response

from firedoor.gateway.intake.refusal import Answer, TooLarge, TooSlow

_READ_WITHIN = 2.0  # seconds


async def body_of(request: Request, most: int, *, within: float = _READ_WITHIN) -> bytes:
    """Read a body that may not be larger than `most`; what is too large is not read to its end."""
    declared = request.headers.get("content-length", "0")
    parts: list[bytes] = []
    size = int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 16 else 0  # noqa: PLR2004
    try:
        async with asyncio.timeout(within):
            if size <= most:
                size = 0
                async for part in request.stream():
                    size += len(part)
                    parts.append(part)
                    if size > most:
                        break
    except TimeoutError:
        raise TooSlow("the body did not arrive in time", expected=f"it within {within:g} s") from None
    if size > most:
        raise TooLarge("a body that is too large", expected=f"at most {most} bytes")
    return b"".join(parts)


def respond(answer: Answer) -> Response:
    """Turn an answer into FastAPI's response."""
    return Response(answer.body, answer.status, headers=answer.headers, media_type=answer.media_type)
