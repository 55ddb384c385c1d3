"""The built pages, served from `web/static/<name>`: an `index.html`, and assets named by a hash of their content.

A browser gets GraphiQL from `GET /graphql`; its assets are below `/graphiql/`. The live page is at `/dashboard`.
The pages need neither Node nor another host: the policy sent with each page lets it load only from this server.
"""

from __future__ import annotations

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
# The live page needs none of that. The browser stops any attempt to turn a text into a script or HTML.
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


def graphiql_response() -> Response:
    """Return the GraphiQL page."""
    return _page("graphiql")


def graphiql_routes() -> list[BaseRoute]:
    """Return the routes of the page's assets, and of the page itself at `/graphiql`, for any `Accept`."""

    async def page(request: Request) -> Response:
        return graphiql_response()

    return [Route("/graphiql", page), Mount("/graphiql/assets", _assets("graphiql"), middleware=[_COMPRESSION])]


def dashboard_routes() -> list[BaseRoute]:
    """Return the routes of the live page and of its assets."""

    async def page(request: Request) -> Response:
        return _page("dashboard", DASHBOARD_CONTENT_SECURITY_POLICY)

    return [
        Route("/dashboard", page),
        Route("/dashboard/", page),
        Mount("/dashboard/assets", _assets("dashboard"), middleware=[_COMPRESSION]),
    ]


# Level 6: output a tenth larger than with level 9, in a third of the time.
_COMPRESSION = Middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)


def _page(name: str, policy: str = CONTENT_SECURITY_POLICY) -> Response:
    """Return a page's `index.html`. Browsers revalidate it on each visit, since it names the assets of one build."""
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
    """Files that never change under their names: browsers keep them for a year without asking."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _assets(name: str) -> StaticFiles:
    return _Assets(directory=PAGES / name / "assets")
