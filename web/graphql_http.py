"""The door for GraphQL over HTTP, as the GraphQL-over-HTTP specification has it.

https://graphql.github.io/graphql-over-http/draft/

- Every answer is JSON in GraphQL's shape, whatever went wrong, in the media type that the client asked for. The
  exception is GraphiQL, for who prefers HTML.
- A request that is wrong as such (not JSON, wrong types, wrong method) is a 4xx. One whose document is refused is
  400 as `application/graphql-response+json` and 200 as `application/json`, as the specification's audits want it.
- No page of another site can run anything: JSON needs a CORS preflight, and what does not (GET, multipart) is refused
  to such a page unless it carries a header that needs one. In production a GET query always needs that header.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from execution.answers import AnswerKind
from execution.errors import BadRequest, ErrorCode
from execution.executor import QUERIES, QUERIES_AND_MUTATIONS, Executor, OperationContext, OperationType
from execution.requests import OperationRequest, parse_request
from web.middleware import PREFLIGHT_HEADERS
from web.pages import graphiql_response, wants_html
from web.responses import JSON, error_response, json_response

if TYPE_CHECKING:
    from starlette.datastructures import FormData, Headers
    from starlette.types import Receive, Scope, Send

    from execution.answers import Answer
    from settings import Settings

GRAPHQL_RESPONSE = "application/graphql-response+json"
ALLOW = "GET, POST, OPTIONS"
MAX_PARTS = 20
"""Parts of a multipart body; those of a body with no files are two, `operations` and `map`."""

BODY_SECONDS = 30
"""The time in which the whole of a body must come."""

RAN = frozenset({AnswerKind.DATA, AnswerKind.PARTIAL, AnswerKind.TIMEOUT})
ALWAYS_4XX = frozenset({AnswerKind.BAD_REQUEST, AnswerKind.METHOD})


class Refused(BadRequest):
    """A request refused with a status other than 400."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(code, message)
        self.status = status
        self.headers = headers or {}


class GraphQLHTTP:
    """The endpoint, an ASGI application: `Route("/graphql", GraphQLHTTP(executor, context_factory, settings))`."""

    def __init__(
        self, executor: Executor, context_factory: Callable[[HTTPConnection], OperationContext], settings: Settings
    ) -> None:
        self.executor = executor
        self.context_factory = context_factory
        self.max_body_bytes = settings.max_body_bytes
        self.allowed_origins = frozenset(origin.rstrip("/") for origin in settings.allowed_origins)
        self.open_get = settings.environment == "development"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.respond(Request(scope, receive))
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        accept = ",".join(request.headers.getlist("accept")) or "*/*"
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": ALLOW})
        if request.method == "GET" and wants_html(accept):
            return graphiql_response()
        media_type = negotiated(accept)
        try:
            if media_type is None:
                raise Refused(406, ErrorCode.NOT_ACCEPTABLE, f"`Accept` must allow {GRAPHQL_RESPONSE} or {JSON}.")
            operation = await self._read_in_time(request)
            allowed = QUERIES if request.method == "GET" else QUERIES_AND_MUTATIONS
            execution = self.executor.execute(operation, self.context_factory(request), allowed=allowed)
            # A mutation goes on to its end: its client could not know how far it had come.
            is_mutation = self.executor.operation_type(operation) is OperationType.MUTATION
            answer = await (execution if is_mutation else while_connected(execution, request.receive))
        except BadRequest as refused:
            status, headers = (refused.status, refused.headers) if isinstance(refused, Refused) else (400, {})
            return error_response(status, refused.code, refused.message, media_type=media_type or JSON, headers=headers)
        return _response(answer, media_type)

    async def _read_in_time(self, request: Request) -> OperationRequest:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._read(request)
        except TimeoutError:
            message = f"The body did not come within {BODY_SECONDS:g} seconds."
            raise Refused(408, ErrorCode.REQUEST_TIMEOUT, message, {"connection": "close"}) from None

    async def _read(self, request: Request) -> OperationRequest:
        if request.method == "GET":
            self._refuse_cross_site(request.headers, required=not self.open_get)
            return parse_request(_query_parameters(request.scope["query_string"]))
        if request.method == "POST":
            _refuse_encoding(request.headers)
            content_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
            content_type = content_type.strip()
            if content_type == JSON:
                _refuse_charset(parameters)
                return parse_request(decode_json(await request.body()))
            if content_type == "multipart/form-data":
                self._refuse_cross_site(request.headers, required="origin" in request.headers)
                return parse_request(await self._multipart(request))
            if not content_type:
                message = f"`Content-Type` is missing: it must be {JSON}."
            else:
                message = f"`Content-Type` must be {JSON}."
            raise Refused(415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, message, {"accept-post": JSON})
        raise Refused(405, ErrorCode.METHOD_NOT_ALLOWED, "GraphQL is served by GET and POST.", {"allow": ALLOW})

    def _refuse_cross_site(self, headers: Headers, *, required: bool) -> None:
        """Refuse what a page of another site may have sent without asking first, by CORS preflight.

        Browsers tell where a request comes from in `Sec-Fetch-Site` or `Origin`; other clients send neither.
        """
        if any(headers.get(name) for name in PREFLIGHT_HEADERS):
            return
        if required or headers.get("sec-fetch-site") in ("cross-site", "same-site") or self._is_foreign(headers):
            message = f"This request could come from any web page: send it with the header {PREFLIGHT_HEADERS[0]}: 1."
            raise Refused(403, ErrorCode.CSRF_PREVENTED, message)

    def _is_foreign(self, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None or origin in self.allowed_origins:
            return False
        try:
            return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
        except ValueError:
            return True

    async def _multipart(self, request: Request) -> object:
        """The request in a multipart body (GraphQL multipart request specification), which may not yet bring files.

        https://github.com/jaydenseric/graphql-multipart-request-spec
        """
        try:
            async with request.form(
                max_files=MAX_PARTS, max_fields=MAX_PARTS, max_part_size=self.max_body_bytes
            ) as form:
                operations, files = _form_json(form, "operations"), _form_json(form, "map")
        except (HTTPException, MultiPartException) as error:
            detail = error.detail if isinstance(error, HTTPException) else error.message
            raise BadRequest(ErrorCode.BAD_REQUEST, f"The multipart body is malformed: {detail}") from None
        if not isinstance(files, dict):
            raise BadRequest(ErrorCode.BAD_REQUEST, "`map` must be a JSON object.")
        if files:
            raise BadRequest(ErrorCode.BAD_REQUEST, "This server takes no files: `map` must be empty.")
        return operations


async def while_connected(execution: Awaitable[Answer], receive: Receive) -> Answer:
    """What comes of `execution`, which is cancelled when the client hangs up: as when it leaves a socket.

    Raises:
        ClientDisconnect: It hung up.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(_disconnected(receive))
            answer = await execution
            watch.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return answer


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # the body of a GET, which nobody reads
    raise ClientDisconnect


def _response(answer: Answer, media_type: str) -> Response:
    headers = None
    status = 200
    if answer.kind is AnswerKind.FAULT:
        status = 500
    elif answer.kind in ALWAYS_4XX or (answer.kind not in RAN and media_type == GRAPHQL_RESPONSE):
        status = 400
        if answer.kind is AnswerKind.METHOD and _operation_type(answer) == "mutation":
            status, headers = 405, {"allow": "POST"}
    return json_response(answer.body, status=status, media_type=media_type, headers=headers)


def _operation_type(answer: Answer) -> str:
    kind: str = answer.body["errors"][0]["extensions"]["operationType"]
    return kind


@lru_cache(maxsize=256)
def negotiated(accept: str) -> str | None:
    """The media type to answer in, by the weights of `Accept` (RFC 9110, section 12.5.1); None where none will do.

    Among equals that are named it is the newer one, and for a wildcard JSON, which every client reads.
    """
    weights: dict[str, float] = {}
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weights[name] = max(weights.get(name, 0.0), _weight(parameters))
    wildcard = weights.get("application/*", weights.get("*/*", 0.0)) if accept.strip() else 1.0
    json_weight = weights.get(JSON, wildcard)
    response_weight = weights.get(GRAPHQL_RESPONSE, wildcard)
    if max(json_weight, response_weight) <= 0:
        return None
    if response_weight == json_weight:
        return GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in weights else JSON
    return GRAPHQL_RESPONSE if response_weight > json_weight else JSON


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def _query_parameters(query_string: bytes) -> dict[str, Any]:
    """The members of a request in a URL; an empty one is the same as none."""
    try:
        pairs = parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=MAX_PARTS)
    except ValueError:
        raise BadRequest(ErrorCode.BAD_REQUEST, "The query string is malformed, or has too many parameters.") from None
    parameters: dict[str, Any] = dict(pairs)
    if len(parameters) != len(pairs):
        raise BadRequest(ErrorCode.BAD_REQUEST, "A parameter stands twice in the query string.")
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = decode_json(parameters[name], what=f"`{name}`")
    return parameters


def _refuse_charset(parameters: str) -> None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            raise Refused(415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, "`charset` must be utf-8.", {"accept-post": JSON})


def _refuse_encoding(headers: Headers) -> None:
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        message = "`Content-Encoding` is not supported: send the body as it is."
        raise Refused(415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, message, {"accept-encoding": "identity"})


def _form_json(form: FormData, name: str) -> object:
    values = form.getlist(name)
    if len(values) != 1 or not isinstance(values[0], str):
        raise BadRequest(ErrorCode.BAD_REQUEST, f"The multipart body must have one field `{name}`.")
    return decode_json(values[0], what=f"`{name}`")


def decode_json(text: str | bytes, *, what: str = "The body") -> object:
    """A JSON document, in which no object has a member twice: parsers differ in which one they take.

    orjson is strict and refuses deep nesting without recursion, but takes the last of two members; only the standard
    library's decoder shows them all, at ten times the cost. It is not asked where the value, written by orjson, is the
    very text: nothing of it can have been lost then, and browsers and most programs write JSON so.

    Raises:
        BadRequest: It is not JSON, not UTF-8, nested too deeply, or has a member twice.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequest(ErrorCode.BAD_REQUEST, f"{what} is not JSON: {error.msg}.") from None
    if _is_rewritten(value, text):
        return value
    try:
        _DUPLICATES.decode(text.decode() if isinstance(text, bytes) else text)
    except RecursionError:
        raise BadRequest(ErrorCode.BAD_REQUEST, f"{what} is nested too deeply.") from None
    except _Duplicate as duplicate:
        message = f"{what} has the member {json.dumps(str(duplicate)[:100])} twice in one object."
        raise BadRequest(ErrorCode.BAD_REQUEST, message) from None
    return value


def _is_rewritten(value: object, text: str | bytes) -> bool:
    try:
        return isinstance(text, bytes) and orjson.dumps(value) == text
    except orjson.JSONEncodeError:  # nested more deeply than it writes
        return False


class _Duplicate(Exception):
    pass


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _Duplicate(name)
        seen.add(name)


_DUPLICATES = json.JSONDecoder(object_pairs_hook=_refuse_duplicates, parse_int=str, parse_float=str)
