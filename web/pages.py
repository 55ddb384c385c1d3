"""The built pages, served from `web/static/<name>`: an `index.html` and assets with a hash of their content as name.

GraphiQL is the answer of `GET /graphql` to whoever prefers HTML, which is a browser; its assets are below `/graphiql/`.
The live page is at `/dashboard`.
Nothing here needs Node or another host: the policy sent with each page lets it load from this server only.
"""

from __future__ import annotations

import re
from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PAGES = Path(__file__).parent / "static"

# GraphiQL needs inline styles (Monaco writes its own), fonts in `data:` and workers in `blob:`. Scripts come from here.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
# The live page needs none of that. Whatever tries to make a script or HTML out of a text is stopped by the browser.
DASHBOARD_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_JSON_TYPES = ("application/json", "application/graphql-response+json")
_QVALUE = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


def wants_html(accept: str) -> bool:
    """Whether an `Accept` header names `text/html` and ranks it above every JSON type (RFC 9110, section 12.5.1).

    A browser's navigation does; `*/*`, an empty header and a client of the API do not. An entry whose weight is
    malformed counts as absent.
    """
    weights: dict[str, float] = {}
    for entry in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        weight = next((value.strip() for name, _, value in (p.partition("=") for p in parameters) if name == "q"), "1")
        if _QVALUE.fullmatch(weight):
            weights[media_range] = max(weights.get(media_range, 0.0), float(weight))
    html = weights.get("text/html", 0.0)
    wildcard = weights.get("application/*", weights.get("*/*", 0.0))
    return html > max(weights.get(media_type, wildcard) for media_type in _JSON_TYPES)


def graphiql_response() -> Response:
    """The GraphiQL page, for `GET /graphql` from a browser."""
    return _page("graphiql")


def graphiql_routes() -> list[BaseRoute]:
    """What the page loads, and the page itself for whoever asks for `/graphiql` whatever they accept."""

    async def page(request: Request) -> Response:
        return graphiql_response()

    return [Route("/graphiql", page), Mount("/graphiql/assets", _assets("graphiql"), middleware=[_COMPRESSION])]


def dashboard_routes() -> list[BaseRoute]:
    """The live page and what it loads."""

    async def page(request: Request) -> Response:
        return _page("dashboard", DASHBOARD_CONTENT_SECURITY_POLICY)

    return [
        Route("/dashboard", page),
        Route("/dashboard/", page),
        Mount("/dashboard/assets", _assets("dashboard"), middleware=[_COMPRESSION]),
    ]


# Level 6: a tenth larger than 9 for a third of its time.
_COMPRESSION = Middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)


def _page(name: str, policy: str = CONTENT_SECURITY_POLICY) -> Response:
    """A page's `index.html`: asked for anew each time, since it names the assets of the present build."""
    return HTMLResponse(
        (PAGES / name / "index.html").read_bytes(),
        headers={
            "Cache-Control": "no-cache",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "same-origin",
            "Vary": "Accept",
            "X-Content-Type-Options": "nosniff",
        },
    )


class _Assets(StaticFiles):
    """Files that never change under their name: kept by the browser for a year, without asking."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _assets(name: str) -> StaticFiles:
    return _Assets(directory=PAGES / name / "assets")
