"""Errors as clients see them: every error has a code, and unexpected exceptions are masked.

A resolver raises `ClientError` for a problem that the client can correct. Any other exception is a fault of the server:
it is logged with its traceback, and the client gets a fixed message with the request's id to quote. This module imports
nothing else of the program.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import structlog
from graphql import FieldNode, GraphQLError, VariableDefinitionNode

if TYPE_CHECKING:
    from collections.abc import Sequence

log = structlog.stdlib.get_logger(__name__)

MAX_ERRORS = 100
"""Most errors in one answer; a 101st states the number of the others."""

MAX_LOGGED = 5
"""Most tracebacks logged for one answer: a failing field in a list of thousands is one fault, not thousands."""

MAX_MESSAGE = 1_000
"""Longest message, in characters."""

MAX_QUOTED = 100
"""Most characters of a client's text in a message."""

INTERNAL_MESSAGE = "Internal error. The server's log has it under this requestId."


class ErrorCode(StrEnum):
    """The codes in `extensions.code`, with Apollo's names if Apollo has one."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    OPERATION_TIMEOUT = "OPERATION_TIMEOUT"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    ANSWER_TOO_LARGE = "ANSWER_TOO_LARGE"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    QUERY_NOT_IN_SAFELIST = "QUERY_NOT_IN_SAFELIST"
    NOT_FOUND = "NOT_FOUND"
    HISTORY_GONE = "HISTORY_GONE"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    BAD_REQUEST = "BAD_REQUEST"
    BATCHING_NOT_SUPPORTED = "BATCHING_NOT_SUPPORTED"
    CSRF_PREVENTED = "CSRF_PREVENTED"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    URI_TOO_LONG = "URI_TOO_LONG"
    HEADERS_TOO_LARGE = "HEADERS_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    TOO_MANY_ERRORS = "TOO_MANY_ERRORS"
    RATE_LIMITED = "RATE_LIMITED"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    STORAGE_FULL = "STORAGE_FULL"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"


class ClientError(Exception):
    """An error that the client can correct: its message, code and `extensions` reach the client unchanged."""

    def __init__(self, code: str, message: str, **extensions: Any) -> None:
        super().__init__(message)
        self.code = str(code)
        self.message = message
        self.extensions = extensions


Explain = Callable[[BaseException], ClientError | None]
"""Return the error to show to clients for an unexpected exception; None to mask the exception."""


class BadRequest(ClientError):
    """A request without the shape of GraphQL requests. Nothing of it has run."""


def error_body(code: str, message: str, **extensions: Any) -> dict[str, Any]:
    """Return the body of a request error: one error, no `data`."""
    return {"errors": [{"message": message, "extensions": {"code": str(code), **extensions}}]}


def request_errors(errors: Sequence[GraphQLError], code: str) -> list[dict[str, Any]]:
    """Return the entries of errors found before execution. Their messages concern only the request: none is masked."""
    return [_entry(error, {**(error.extensions or {}), "code": str(code)}) for error in errors[: MAX_ERRORS + 1]]


def execution_errors(
    errors: Sequence[GraphQLError], request_id: str, explain: Explain | None = None
) -> list[dict[str, Any]]:
    """Return the entries of errors in fields: ClientErrors as raised; others are logged, and explained or masked."""
    entries: list[dict[str, Any]] = []
    logged = 0
    for error in errors[:MAX_ERRORS]:
        expected = _expected(error)
        if expected is not None:
            entries.append(_entry(error, expected))
            continue
        cause = _cause(error)
        explained = explain(cause) if explain and cause else None
        if explained is not None:
            entries.append(_entry(error, {"code": explained.code, **explained.extensions}, explained.message))
            if logged < MAX_LOGGED:
                reason = next(
                    iter(str(cause).splitlines()), ""
                )  # of SQLAlchemy's message, only the line before the statement and its values
                log.error("resolver failed", request_id=request_id, path=error.path, code=explained.code, reason=reason)
            logged += 1
            continue
        entries.append(
            _entry(error, {"code": str(ErrorCode.INTERNAL_SERVER_ERROR), "requestId": request_id}, INTERNAL_MESSAGE)
        )
        if logged < MAX_LOGGED:
            log.error("resolver failed", request_id=request_id, path=error.path, exc_info=cause or error)
        logged += 1
    if logged > MAX_LOGGED:
        log.error("more resolvers failed", request_id=request_id, failures=logged - MAX_LOGGED)
    if len(errors) > MAX_ERRORS:
        left_out = len(errors) - MAX_ERRORS
        entries.append(
            {
                "message": f"{left_out} more errors are omitted.",
                "extensions": {"code": str(ErrorCode.TOO_MANY_ERRORS), "limit": MAX_ERRORS, "actual": len(errors)},
            }
        )
    return entries


def _shortened(message: str) -> str:
    """Shorten a message: graphql-core quotes whole literals, which can be most of a document."""
    return message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…"


def is_variables_error(error: GraphQLError) -> bool:
    """Whether an error without a path concerns the client's variables, and is not a fault of the server."""
    return bool(error.nodes and isinstance(error.nodes[0], VariableDefinitionNode)) or _cause(error) is None


def _cause(error: GraphQLError) -> BaseException | None:
    """Return the exception of a resolver from graphql-core's wrappers; None if graphql-core itself raised the error."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _expected(error: GraphQLError) -> dict[str, Any] | None:
    """Return the extensions of an error that clients may see; None for an error to mask."""
    cause = _cause(error)
    if isinstance(cause, ClientError):
        return {"code": cause.code, **cause.extensions}
    if cause is not None:
        return None
    if error.extensions and "code" in error.extensions:
        return dict(error.extensions)
    # graphql-core's own errors about an argument point at its value. Its other errors point at fields: the result does
    # not fit the schema, and the message quotes the result.
    if error.nodes and not isinstance(error.nodes[0], FieldNode):
        return {"code": str(ErrorCode.BAD_USER_INPUT)}
    return None


def _entry(error: GraphQLError, extensions: dict[str, Any], message: str | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"message": message or _shortened(error.message)}
    if error.locations:
        entry["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        entry["path"] = error.path
    entry["extensions"] = extensions
    return entry
