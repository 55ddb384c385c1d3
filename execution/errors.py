"""What goes wrong, as clients see it: every error has a code, and what was not expected is masked.

A resolver raises `ClientError` for what the client can put right. Any other exception is a fault of the server: it is
logged with its traceback, and the client gets a fixed message with the request's id to quote. This module imports
nothing else of the house.
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
"""The most errors of one answer; a 101st says how many more there were."""

MAX_LOGGED = 5
"""The most tracebacks logged for one answer: a failing field in a list of thousands is one fault, not thousands."""

MAX_MESSAGE = 1_000
"""The longest message, in characters."""

INTERNAL_MESSAGE = "Internal error. The server's log has it under this requestId."


class ErrorCode(StrEnum):
    """The codes in `extensions.code`: Apollo's names where Apollo has one."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    OPERATION_TIMEOUT = "OPERATION_TIMEOUT"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
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
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    TOO_MANY_ERRORS = "TOO_MANY_ERRORS"
    RATE_LIMITED = "RATE_LIMITED"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    STORAGE_FULL = "STORAGE_FULL"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"


class ClientError(Exception):
    """A failure the client can put right: its message, code and `extensions` reach the client as they are."""

    def __init__(self, code: str, message: str, **extensions: Any) -> None:
        super().__init__(message)
        self.code = str(code)
        self.message = message
        self.extensions = extensions


Explain = Callable[[BaseException], ClientError | None]
"""What clients may know of an exception that no resolver expected; None for one to mask."""


class BadRequest(ClientError):
    """A request that is not shaped as GraphQL requests are; nothing of it was run."""


def error_body(code: str, message: str, **extensions: Any) -> dict[str, Any]:
    """The body of a request error: one error, no `data`."""
    return {"errors": [{"message": message, "extensions": {"code": str(code), **extensions}}]}


def request_errors(errors: Sequence[GraphQLError], code: str) -> list[dict[str, Any]]:
    """Errors found before anything ran. Their messages speak of the request only, so that none is masked."""
    return [_entry(error, {**(error.extensions or {}), "code": str(code)}) for error in errors[: MAX_ERRORS + 1]]


def execution_errors(
    errors: Sequence[GraphQLError], request_id: str, explain: Explain | None = None
) -> list[dict[str, Any]]:
    """Errors met while fields were resolved: expected ones as raised, the others logged, and explained or masked."""
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
                reason = next(iter(str(cause).splitlines()), "")  # SQLAlchemy's first line, before statement and values
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
                "message": f"{left_out} more errors are left out.",
                "extensions": {"code": str(ErrorCode.TOO_MANY_ERRORS), "limit": MAX_ERRORS, "actual": len(errors)},
            }
        )
    return entries


def _shortened(message: str) -> str:
    """graphql-core quotes whole literals of the document, which can be most of it."""
    return message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…"


def is_variables_error(error: GraphQLError) -> bool:
    """Whether an error without a path speaks of the variables that were sent, and not of a fault."""
    return bool(error.nodes and isinstance(error.nodes[0], VariableDefinitionNode)) or _cause(error) is None


def _cause(error: GraphQLError) -> BaseException | None:
    """The exception that a resolver raised, below graphql-core's wrappings; None if graphql-core itself complains."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _expected(error: GraphQLError) -> dict[str, Any] | None:
    """The extensions of an error that clients may see, or None for one to mask."""
    cause = _cause(error)
    if isinstance(cause, ClientError):
        return {"code": cause.code, **cause.extensions}
    if cause is not None:
        return None
    if error.extensions and "code" in error.extensions:
        return dict(error.extensions)
    # Of graphql-core's own complaints those about an argument's value point at that value. The others point at
    # fields: results that do not fit the schema, whose messages quote the result.
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
