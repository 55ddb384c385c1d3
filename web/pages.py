"""The built pages, served from `web/static/<name>`: an `index.html`, and assets named by a hash of their content.

A browser gets GraphiQL from `GET /graphql`; its assets are below `/graphiql/`. The page app is at `/dashboard` and at
all paths below it, which its own router reads. For answers that are no page, browsers ask for `/favicon.ico`.
All addresses in the pages are relative, because a proxy may serve Assay below a path and strip it from requests.
The pages need neither Node nor another host: the policy sent with each page lets it load only from this server.
"""

from __future__ import annotations

import json
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PAGES = Path(__file__).parent / "static"

# GraphiQL needs inline styles (Monaco writes its own), images and fonts in `data:` and workers in `blob:`. Scripts come
# from here. GraphiQL renders descriptions as Markdown, so an image of this server would be a request by a plug-in.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
# The page app needs none of that. The browser stops any attempt to turn a text into a script or HTML.
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


def graphiql_response(request: Request) -> Response:
    """Return the GraphiQL page."""
    return _page("graphiql", request)


def graphiql_routes() -> list[BaseRoute]:
    """Return the routes of the icon, of the page's assets, and of the page itself at `/graphiql`, for any `Accept`."""

    async def page(request: Request) -> Response:
        return graphiql_response(request)

    async def icon(request: Request) -> Response:
        return FileResponse(PAGES / "favicon.svg", headers={"Cache-Control": "public, max-age=86400"})

    return [
        Route("/favicon.ico", icon),
        Route("/graphiql", page),
        Route("/graphiql/", page),
        Mount("/graphiql/assets", _assets("graphiql"), middleware=[_COMPRESSION]),
    ]


def dashboard_routes() -> list[BaseRoute]:
    """Return the routes of the page app and of its assets. A last part with a dot names a file, and no page."""

    async def page(request: Request) -> Response:
        if "." in request.scope["path"].rpartition("/")[2]:
            raise HTTPException(404)
        return _page("dashboard", request, DASHBOARD_CONTENT_SECURITY_POLICY)

    return [
        Route("/dashboard", page),
        Mount("/dashboard/assets", _assets("dashboard"), middleware=[_COMPRESSION]),
        Route("/dashboard/{path:path}", page),
    ]


def page_documents() -> dict[str, str]:
    """Return the documents of the page app's operations by their ids. The build writes them beside the page."""
    documents: dict[str, str] = json.loads((PAGES / "dashboard" / "documents.json").read_bytes())
    return documents


# Level 6: output a tenth larger than with level 9, in a third of the time.
_COMPRESSION = Middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)


def _page(name: str, request: Request, policy: str = CONTENT_SECURITY_POLICY) -> Response:
    """Return a page's `index.html`. Browsers revalidate it on each visit, since it names the assets of one build.

    The build names its assets from `/NAME/` (`./assets/…`); here they are named from the path of the request as the
    browser wrote it, where `%2F` begins no new folder.
    """
    above = "../" * (request.scope["raw_path"].count(b"/") - 1)
    text = (PAGES / name / "index.html").read_text(encoding="utf-8")
    return HTMLResponse(
        text.replace('="./', f'="{above}{name}/'),
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
