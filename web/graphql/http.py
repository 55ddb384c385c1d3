"""The HTTP endpoint of GraphQL, by the GraphQL-over-HTTP specification.

https://graphql.github.io/graphql-over-http/draft/

- Every response has GraphQL's shape, errors included, in the media type that the client accepts. The exception is
  GraphiQL, for clients that prefer HTML. Subscriptions are streams (`web.graphql.streams`); an early refusal is JSON.
- A malformed request (not JSON, wrong types, wrong method) gets a 4xx. A request with an invalid document gets 400 as
  `application/graphql-response+json` and 200 as `application/json`, as the specification's audits require.
- A caller who does not meet the rules of an operation gets 401 or 403 in both media types.
- Pages of other sites can't run operations: JSON needs a CORS preflight. Requests that need none (GET, multipart) are
  refused unless they carry a header that does need one. In production a GET query always needs that header, unless it
  is a persisted one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from execution.answers import Answer, AnswerKind, encode_json
from execution.charging import not_admitted
from execution.eager import TimeLimit
from execution.errors import BadRequest, ErrorCode, error_body
from execution.executor import QUERIES, QUERIES_AND_MUTATIONS, Executor, OperationContext, OperationType, Selected
from execution.requests import OperationRequest, parse_request
from web.accept import header
from web.callers import OPEN, CallerRefused, Callers, ContextFactory, context_of
from web.graphql.bodies import (
    MAX_PARTS,
    decode_json,
    form_json,
    query_parameters,
    refuse_charset,
    whole_body,
)
from web.graphql.negotiation import GRAPHQL_RESPONSE, Accepted, accepted
from web.graphql.revalidation import revalidated
from web.graphql.streams import FRAMINGS, Framing, StreamResponse, Streams, address_of, disconnected, whole_response
from web.limits import limited
from web.middleware import PREFLIGHT_HEADERS
from web.origins import Origins
from web.pages import graphiql_response
from web.responses import JSON, RefusedRequest, WholeJSON, error_response, json_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from settings import Settings

ALLOW = "GET, POST, OPTIONS"
BODY_SECONDS = 30
"""Time limit for receiving a whole body."""

EVENTS_ONLY = Accepted(None, 0.0, 1.0, 0.0)
# The operation ran, or Apollo's protocol for persisted queries, whose server answers 200, continues.
ALWAYS_200 = frozenset({AnswerKind.DATA, AnswerKind.PARTIAL, AnswerKind.TIMEOUT, AnswerKind.UNREGISTERED})
ALWAYS_4XX = frozenset({AnswerKind.BAD_REQUEST, AnswerKind.METHOD})


class GraphQLHTTP:
    """The endpoint, an ASGI application. With `events_only` it answers in server-sent events for any `Accept`."""

    def __init__(
        self,
        executor: Executor,
        context_factory: ContextFactory,
        settings: Settings,
        streams: Streams,
        *,
        callers: Callers = OPEN,
        events_only: bool = False,
    ) -> None:
        self.executor = executor
        self.callers = callers
        self.context_factory = context_factory
        self.streams = streams
        self.events_only = events_only
        self.max_body_bytes = settings.max_body_bytes
        self.origins = Origins(settings.allowed_origins)
        self.open_get = settings.environment == "development"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.respond(Request(scope, receive))
        await response(scope, receive, send)

    async def respond(self, request: Request) -> ASGIApp:
        accept = header(request.scope, b"accept") or "*/*"
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": ALLOW})
        takes = EVENTS_ONLY if self.events_only else accepted(accept)
        if request.method == "GET" and takes.prefers_html:
            return graphiql_response(request)
        try:
            _require_type(takes.for_answer or takes.for_stream)
            return await self._answer(request, await self._read_in_time(request), takes)
        except BadRequest as refused:
            status, headers = (refused.status, refused.headers) if isinstance(refused, RefusedRequest) else (400, {})
            return error_response(status, refused.code, refused.message, media_type=takes.json or JSON, headers=headers)

    async def _answer(self, request: Request, operation: OperationRequest, takes: Accepted) -> ASGIApp:
        # First of all, so that a credential that is not valid learns nothing about the document.
        context = await context_of(self.context_factory, request)
        admitted = await self.executor.admit(context)
        selected = not_admitted(admitted) or self.executor.select(operation)
        if isinstance(selected, Answer):
            return limited(_response(selected, takes.for_answer or takes.for_stream or JSON), admitted)
        response = await self._run(request, operation, selected, context, takes)
        return limited(response, context.charged or admitted)

    async def _run(
        self,
        request: Request,
        operation: OperationRequest,
        selected: Selected,
        context: OperationContext,
        takes: Accepted,
    ) -> ASGIApp:
        if selected.type is OperationType.SUBSCRIPTION and takes.for_stream in FRAMINGS:
            return await self._stream(request, selected, context, FRAMINGS[takes.for_stream])
        media_type = _require_type(takes.for_answer)
        allowed = QUERIES if request.method == "GET" else QUERIES_AND_MUTATIONS
        begun = self.executor.begin(selected, context, allowed=allowed)
        if isinstance(begun, Answer):
            answer = begun
        elif selected.type is OperationType.MUTATION:
            # It runs to its end even if its client leaves: the client could not know how much of it had run.
            answer = await begun
        else:
            answer = await while_connected(begun, request.receive)
        is_persisted = request.method == "GET" and not operation.query
        if is_persisted and answer.kind is AnswerKind.DATA and media_type not in FRAMINGS:
            return revalidated(answer.json, media_type, request.headers)
        return _response(answer, media_type)

    async def _stream(
        self, request: Request, selected: Selected, context: OperationContext, framing: Framing
    ) -> ASGIApp:
        if self.streams.full:
            # Plain JSON: Apollo Client takes the errors of a GraphQL response as final, even with this status.
            message = "No stream is free: try again later."
            return error_response(503, ErrorCode.RATE_LIMITED, message, headers={"retry-after": "1"})
        if self.streams.is_full_for(address_of(request.scope)):
            limit = self.streams.max_streams_per_address
            message = f"An address can have at most {limit:,} open streams: end another first."
            raise RefusedRequest(429, ErrorCode.RATE_LIMITED, message)
        context.last_event_id = request.headers.get("last-event-id") or None
        stream = await self.executor.open(selected, context)
        if isinstance(stream, Answer):
            return whole_response(framing, stream.json)
        ended = partial(self._until_refused, request, selected) if self.callers.are_recognized else None
        return StreamResponse(self.streams, framing, stream, context.request_id, ended)

    async def _until_refused(self, request: Request, selected: Selected) -> bytes:
        """Wait until the caller may no longer receive a stream, and return the body of the errors."""
        try:
            async for _ in self.callers.follow(request):
                refused = self.executor.unmet(selected, await context_of(self.context_factory, request))
                if refused is not None:
                    return refused.json
        except CallerRefused as refusal:
            return encode_json(error_body(refusal.code, refusal.message))
        await asyncio.Event().wait()  # without a credential, nothing changes
        raise AssertionError

    async def _read_in_time(self, request: Request) -> OperationRequest:
        try:
            return await TimeLimit(BODY_SECONDS).run(self._read(request))
        except TimeoutError:
            message = f"The body did not arrive within {BODY_SECONDS:g} seconds."
            raise RefusedRequest(408, ErrorCode.REQUEST_TIMEOUT, message, {"connection": "close"}) from None

    async def _read(self, request: Request) -> OperationRequest:
        if request.method == "GET":
            operation = parse_request(query_parameters(request.scope["query_string"]))
            self._refuse_cross_site(request, required=not self.open_get and bool(operation.query))
            return operation
        if request.method == "POST":
            content_type, _, parameters = header(request.scope, b"content-type").lower().partition(";")
            content_type = content_type.strip()
            if content_type == JSON:
                refuse_charset(parameters)
                return parse_request(decode_json(await whole_body(request.receive)))
            if content_type == "multipart/form-data":
                self._refuse_cross_site(request, required="origin" in request.headers)
                return parse_request(await self._multipart(request))
            if not content_type:
                message = f"`Content-Type` is missing: it must be {JSON}."
            else:
                message = f"`Content-Type` must be {JSON}."
            raise RefusedRequest(415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, message, {"accept-post": JSON})
        raise RefusedRequest(405, ErrorCode.METHOD_NOT_ALLOWED, "GraphQL is served by GET and POST.", {"allow": ALLOW})

    def _refuse_cross_site(self, request: Request, *, required: bool) -> None:
        """Refuse a request that a page of another site could have sent without a CORS preflight.

        Browsers name the origin of a request in `Sec-Fetch-Site` or `Origin`; other clients send neither.
        """
        headers = request.headers
        if any(headers.get(name) for name in PREFLIGHT_HEADERS):
            return
        from_elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if required or from_elsewhere or self.origins.is_foreign(request):
            message = f"The request could come from any web page: send it with the header {PREFLIGHT_HEADERS[0]}: 1."
            raise RefusedRequest(403, ErrorCode.CSRF_PREVENTED, message)

    async def _multipart(self, request: Request) -> object:
        """Return the request in a multipart body (GraphQL multipart request specification). Files are not supported.

        https://github.com/jaydenseric/graphql-multipart-request-spec
        """
        try:
            async with request.form(
                max_files=MAX_PARTS, max_fields=MAX_PARTS, max_part_size=self.max_body_bytes
            ) as form:
                operations, files = form_json(form, "operations"), form_json(form, "map")
        except (HTTPException, MultiPartException) as error:
            detail = error.detail if isinstance(error, HTTPException) else error.message
            raise BadRequest(ErrorCode.BAD_REQUEST, f"The multipart body is malformed: {detail}") from None
        if not isinstance(files, dict):
            raise BadRequest(ErrorCode.BAD_REQUEST, "`map` must be a JSON object.")
        if files:
            raise BadRequest(ErrorCode.BAD_REQUEST, "This server does not accept files: `map` must be empty.")
        return operations


async def while_connected(execution: Awaitable[Answer], receive: Receive) -> Answer:
    """Return the answer of a begun operation. Cancel it if the client disconnects, as over a socket.

    Raises:
        ClientDisconnect: The client disconnected.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(disconnected(receive))
            answer = await execution
            watch.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return answer


def _response(answer: Answer, media_type: str) -> ASGIApp:
    if answer.kind is AnswerKind.DATA and media_type not in FRAMINGS:
        return WholeJSON(answer.json, media_type)
    if media_type in FRAMINGS and answer.kind not in ALWAYS_4XX:
        return whole_response(FRAMINGS[media_type], answer.json)
    headers = None
    status = 200
    if answer.kind is AnswerKind.FAULT:
        status = 500
    elif answer.kind is AnswerKind.UNAUTHENTICATED:
        status, headers = 401, {"www-authenticate": "Bearer"}
    elif answer.kind is AnswerKind.FORBIDDEN:
        status = 403
    elif answer.kind is AnswerKind.RATE_LIMITED:
        status = 429
    elif answer.kind in ALWAYS_4XX or (answer.kind not in ALWAYS_200 and media_type == GRAPHQL_RESPONSE):
        status = 400
        if answer.kind is AnswerKind.METHOD and _operation_type(answer) == "mutation":
            status, headers = 405, {"allow": "POST"}
    return json_response(
        answer.json, status=status, media_type=JSON if media_type in FRAMINGS else media_type, headers=headers
    )


def _require_type(media_type: str | None) -> str:
    if media_type is None:
        raise RefusedRequest(406, ErrorCode.NOT_ACCEPTABLE, f"`Accept` must allow {GRAPHQL_RESPONSE} or {JSON}.")
    return media_type


def _operation_type(answer: Answer) -> str:
    kind: str = answer.body["errors"][0]["extensions"]["operationType"]
    return kind
