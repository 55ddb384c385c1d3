"""Sign-in by plain HTTP, for pages and programs without GraphQL: `/auth/token`, `/auth/refresh`, `/auth/sign-out`.

Answers and errors have the names of OAuth 2.0 (RFC 6749, section 5). The `password` grant is refused (RFC 9700, section
2.4): a page sends JSON, which needs a CORS preflight on other sites.

One cookie exists, for pages of this server: it holds a refresh token, and only these three paths receive it. A request
with the cookie needs JSON, an `Origin` of this server and a header that other sites can't send without a preflight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from access.passwords import TooManyPasswords
from access.sign_in import InvalidToken, Origin, SignIn, Tokens, TooManyAttempts, WrongPassword
from store.sql.clock import utcnow
from web.callers import client_of
from web.middleware import PREFLIGHT_HEADERS
from web.origins import Origins
from web.responses import JSON, json_response

COOKIE = "__Secure-assay_refresh"
PLAIN_COOKIE = "assay_refresh"
"""The name of the cookie by http on this machine, where browsers keep no cookie with `__Secure-`."""

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 20

_OWN = Origins(())
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Refusal(Exception):
    """A request is refused with an error name of OAuth 2.0."""

    def __init__(self, error: str, message: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = json_response(
            {"error": error, "error_description": message}, status=status, headers=headers or {}
        )


def auth_routes(sign_in: SignIn | None) -> Sequence[BaseRoute]:
    """Return the routes of the sign-in; on an open server, for None, each is refused.

    - `POST /auth/token`: JSON `{"username", "password", "cookie": false}`, or a form with `grant_type=refresh_token`
    - `POST /auth/refresh`: JSON `{"refresh_token"}`, or `{}` with the cookie
    - `POST /auth/sign-out`: JSON `{"refresh_token", "everywhere": false}`, or `{}` with the cookie
    """

    async def token(request: Request, service: SignIn) -> Response:
        if _media_type(request) == FORM:
            return _answer(await service.refresh(await _refresh_grant(request), _origin(request)))
        given = await _json(request)
        name, password, wants_cookie = given.get("username"), given.get("password"), given.get("cookie", False)
        if not (isinstance(name, str) and isinstance(password, str) and isinstance(wants_cookie, bool)):
            message = "The body must be JSON with the texts `username` and `password`, and perhaps `cookie`: true."
            raise Refusal("invalid_request", message)
        if wants_cookie:
            _require_own_page(request)
        tokens = await service.sign_in(name, password, _origin(request))
        return _answer(tokens, request if wants_cookie else None)

    async def refresh(request: Request, service: SignIn) -> Response:
        given, cookie = await _json(request), _cookie(request)
        if "refresh_token" in given or cookie is None:
            return _answer(await service.refresh(_token(given), _origin(request)))
        _require_own_page(request)
        return _answer(await service.refresh(cookie, _origin(request)), request)

    async def sign_out(request: Request, service: SignIn) -> Response:
        given, cookie = await _json(request), _cookie(request)
        everywhere = given.get("everywhere", False)
        if not isinstance(everywhere, bool):
            raise Refusal("invalid_request", "`everywhere` must be true or false.")
        with_cookie = "refresh_token" not in given and cookie is not None
        if with_cookie:
            _require_own_page(request)
        ended = await service.sign_out(
            cookie if with_cookie and cookie is not None else _token(given), _origin(request), everywhere=everywhere
        )
        response = json_response({"signed_out": ended})
        if with_cookie:
            _set_cookie(response, request, "", 0)
        return response

    def endpoint(answer: Any) -> Any:
        async def serve(request: Request) -> Response:
            try:
                if sign_in is None:
                    raise Refusal("invalid_request", "This server is open: it needs no sign-in.")
                response: Response = await answer(request, sign_in)
            except Refusal as refusal:
                return refusal.response
            except WrongPassword:
                return Refusal("invalid_grant", "The name or the password is wrong.").response
            except InvalidToken:
                return Refusal("invalid_grant", "The refresh token is not valid: sign in.").response
            except TooManyAttempts as error:
                headers = {"retry-after": str(error.retry_after)}
                return Refusal("temporarily_unavailable", str(error), 429, headers).response
            except TooManyPasswords:
                message = "Too many passwords are being checked: try again in a second."
                return Refusal("temporarily_unavailable", message, 429, {"retry-after": "1"}).response
            return response

        return serve

    return [
        Route("/auth/token", endpoint(token), methods=["POST"]),
        Route("/auth/refresh", endpoint(refresh), methods=["POST"]),
        Route("/auth/sign-out", endpoint(sign_out), methods=["POST"]),
    ]


def _origin(request: Request) -> Origin:
    return Origin(client_of(request), request.scope.get("state", {}).get("request_id"))


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _json(request: Request) -> dict[str, Any]:
    """Return the JSON object of the body."""
    if _media_type(request) != JSON:
        raise Refusal("invalid_request", f"`Content-Type` must be {JSON}.", 415)
    try:
        given = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise Refusal("invalid_request", "The body must be a JSON object.")
    return given


async def _refresh_grant(request: Request) -> str:
    """Return the refresh token of a form by RFC 6749, section 6."""
    try:
        text = (await request.body()).decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Refusal("invalid_request", f"The body must be a form with at most {MAX_FIELDS} fields.") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise Refusal("invalid_request", "A field is given twice: give each field once.")
    if "grant_type" not in given:
        raise Refusal("invalid_request", "`grant_type` is missing: it must be refresh_token.")
    if given["grant_type"] != "refresh_token":
        message = "`grant_type` must be refresh_token. To sign in, send JSON with `username` and `password`."
        raise Refusal("unsupported_grant_type", message)
    return _token(given)


def _token(given: dict[str, Any]) -> str:
    token = given.get("refresh_token")
    if not isinstance(token, str):
        raise Refusal("invalid_request", "`refresh_token` is missing: it must be a text.")
    return token


def _require_own_page(request: Request) -> None:
    """Refuse a request with the cookie, or for it, that a page of this server has not sent."""
    if "origin" not in request.headers or _OWN.is_foreign(request):
        raise Refusal("invalid_request", "The cookie is for pages of this server: `Origin` must be its own.", 403)
    if not any(request.headers.get(name) for name in PREFLIGHT_HEADERS):
        raise Refusal("invalid_request", f"The cookie needs the header {PREFLIGHT_HEADERS[0]}: 1.", 403)


def _is_plain(request: Request) -> bool:
    return request.url.scheme == "http" and request.url.hostname in _LOOPBACK


def _cookie(request: Request) -> str | None:
    return request.cookies.get(PLAIN_COOKIE if _is_plain(request) else COOKIE)


def _set_cookie(response: Response, request: Request, token: str, seconds: int) -> None:
    plain = _is_plain(request)
    response.set_cookie(
        PLAIN_COOKIE if plain else COOKIE,
        token,
        max_age=seconds,
        path=None,  # by default that of the request as the browser sees it: a proxy may serve this below a path
        secure=not plain,
        httponly=True,
        samesite="strict",
    )


def _answer(tokens: Tokens, for_cookie: Request | None = None) -> Response:
    """Return the tokens; with a request, the refresh token in its cookie alone."""
    now = utcnow()
    body: dict[str, object] = {
        "access_token": tokens.access_token,
        "token_type": "Bearer",
        "expires_in": int((tokens.access_token_expires_at - now).total_seconds()),
    }
    if for_cookie is None:
        return json_response(body | {"refresh_token": tokens.refresh_token}, headers={"pragma": "no-cache"})
    response = json_response(body, headers={"pragma": "no-cache"})
    lasts = int((tokens.refresh_token_expires_at - now).total_seconds())
    _set_cookie(response, for_cookie, tokens.refresh_token, lasts)
    return response
