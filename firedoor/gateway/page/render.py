"""HTML of the page: templates whose every text is made visible and escaped, under a strict policy."""

from __future__ import annotations

import functools
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import jinja2
from fastapi import Response
from markupsafe import Markup

from firedoor.presentation.decisions import FROZEN_MEANS
from firedoor.presentation.text import inert
from firedoor.presentation.times import utc

_HERE = Path(__file__).parent
_MOST = 20_000

#: Nothing but our own style sheet, our own script, and forms to ourselves.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: browsers then send `Origin: null` with our own forms, older ones nothing else.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
_MEDIA: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


class Renderer:
    """Draws pages. What a template prints goes through `inert` and is escaped, whoever wrote it."""

    def __init__(self) -> None:
        self._templates = _environment()
        self._static = {
            file.name: (file.read_bytes(), _MEDIA[file.suffix])
            for file in (_HERE / "static").iterdir()
            if file.suffix in _MEDIA
        }

    def page(self, template: str, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Response:
        """Return a page."""
        html = self._templates.get_template(f"{template}.html").render(**values)
        return Response(html, status, headers=HEADERS, media_type="text/html")

    def static(self, name: str) -> Response | None:
        """Return a file of ours; None for any other name."""
        known = self._static.get(name)
        if known is None:
            return None
        body, media = known
        headers = {**HEADERS, "Cache-Control": "public, max-age=300", "Content-Type": media}
        return Response(body, headers=headers)


@functools.cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["utc"] = utc
    made.globals["frozen_means"] = FROZEN_MEANS
    return made


def to(address: str) -> Response:
    """Send the browser somewhere, by GET."""
    return Response(status_code=HTTPStatus.SEE_OTHER, headers={**HEADERS, "Location": address})


def _visible(value: Any) -> Any:
    """Make text that others wrote one visible line; markup is what our own templates made."""
    if isinstance(value, str) and not isinstance(value, Markup) and value:
        return inert(value, _MOST)
    return value
