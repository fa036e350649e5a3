"""What the HTTP door takes, as a page without anybody else's script on it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

PATH = "/docs"

#: The page shares its origin with sessions and forms that decide: it runs nothing and loads nothing.
_HEADERS = {
    "content-security-policy": "default-src 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def describe(app: FastAPI) -> None:
    """Add the page; it lists what the application has when it is asked."""

    async def described() -> HTMLResponse:
        return HTMLResponse(_page(app.openapi()), headers=_HEADERS)

    app.add_api_route(PATH, described, methods=["GET"], include_in_schema=False)


def _page(told: dict[str, Any]) -> str:
    title = escape(str(told["info"]["title"]))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}: HTTP</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<h1>{title}</h1><p>All of it, for machines: <a href="/openapi.json">OpenAPI</a>.</p>'
        f"<dl>{''.join(_entries(told))}</dl></html>"
    )


def _entries(told: dict[str, Any]) -> Iterator[str]:
    for path, methods in told.get("paths", {}).items():
        for method, operation in methods.items():
            says = operation.get("description") or operation.get("summary") or ""
            answers = ", ".join(str(status) for status in operation.get("responses", {}))
            yield f"<dt><code>{escape(method.upper())} {escape(path)}</code></dt>"
            yield f"<dd>{escape(str(says))} <small>Answers: {escape(answers)}.</small></dd>"
