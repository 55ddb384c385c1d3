"""One operation, from request to answer, through Strawberry's `Schema.execute` and `Schema.subscribe`.

A document is parsed, limited and validated once (`execution.documents`) and handed to Strawberry ready, by a schema
extension. Queries and mutations run under the time limit; at its end everything behind them is cancelled.
Every error in an answer has a code, and unexpected ones are masked (`execution.errors`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from strawberry.extensions import SchemaExtension
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from execution.answers import Answer, AnswerKind
from execution.documents import Document, Documents
from execution.errors import (
    BadRequest,
    ClientError,
    ErrorCode,
    Explain,
    error_body,
    execution_errors,
    is_variables_error,
    request_errors,
)
from execution.limits import Limits
from execution.requests import OperationRequest, parse_request
from execution.variables import FastVariables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import strawberry
    from graphql import GraphQLError

    from settings import Settings
    from telemetry import Telemetry

__all__ = [
    "Answer",
    "AnswerKind",
    "BadRequest",
    "ClientError",
    "Executor",
    "Limits",
    "OperationContext",
    "OperationRequest",
    "OperationType",
    "parse_request",
]

QUERIES = frozenset({OperationType.QUERY})
QUERIES_AND_MUTATIONS = frozenset({OperationType.QUERY, OperationType.MUTATION})

_NOT_HERE = {
    OperationType.QUERY: "Queries are not run here.",
    OperationType.MUTATION: "Mutations are run by POST only.",
    OperationType.SUBSCRIPTION: "Subscriptions are run over WebSocket, with the subprotocol graphql-transport-ws.",
}


class OperationContext(Protocol):
    """What the executor needs of an app's context, which is made anew for each operation."""

    request_id: str
    time_limit: asyncio.Timeout | None
    """Set by the executor: a resolver that waits at the client's wish may reschedule it. None for subscriptions."""


class Executor:
    """Answers operations on one schema. Safe to share between all requests of an event loop."""

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        settings: Settings,
        telemetry: Telemetry,
        limits: Limits | None = None,
        explain: Explain | None = None,
    ) -> None:
        self._schema = schema
        self._explain = explain
        self._telemetry = telemetry
        self._time_limit = settings.operation_timeout_seconds
        self._hide_suggestions = settings.environment == "production"
        self._documents = Documents(schema._schema, limits=limits or Limits(), hide_suggestions=self._hide_suggestions)
        documents = self._documents

        class Prepared(_PreparedDocument):
            def __init__(self) -> None:
                self.documents = documents

        schema.extensions = (*schema.extensions, Prepared)
        schema.execution_context_class = FastVariables.of(schema._schema)
        # Strawberry would log every client's mistake as an error; `execution_errors` logs what is one.
        schema.process_errors = _leave_unlogged  # type: ignore[method-assign]

    async def execute(
        self,
        request: OperationRequest,
        context: OperationContext,
        *,
        allowed: frozenset[OperationType] = QUERIES_AND_MUTATIONS,
    ) -> Answer:
        """Run a query or mutation to its end, or to the time limit."""
        selected = self._select(request)
        if isinstance(selected, Answer):
            return selected
        name, operation_type = selected
        if operation_type not in allowed:
            return _not_here(operation_type)
        started = perf_counter()
        try:
            async with asyncio.timeout(self._time_limit) as time_limit:
                context.time_limit, first = time_limit, time_limit.when()
                result = await self._schema.execute(
                    request.query,
                    variable_values=request.variables,
                    context_value=context,
                    operation_name=name,
                    allowed_operation_types=allowed,
                    operation_extensions=request.extensions,
                )
            answer = self._answer(result, context.request_id)
        except TimeoutError:
            limit = round(self._time_limit + ((time_limit.when() or 0) - (first or 0)), 3)
            message = f"The operation was ended at its time limit of {limit:g} seconds."
            body = error_body(ErrorCode.OPERATION_TIMEOUT, message, limitSeconds=limit)
            answer = Answer({"data": None, **body}, AnswerKind.TIMEOUT)
        failed = answer.kind is not AnswerKind.DATA
        self._telemetry.operation(name).record(perf_counter() - started, failed=failed)
        return answer

    async def subscribe(
        self, request: OperationRequest, context: OperationContext
    ) -> Answer | AsyncGenerator[dict[str, Any], None]:
        """The stream of a subscription's bodies, or the answer that refuses it; never waits for the first event.

        A body without `data` is the last one: the variables were wrong, or the source stream failed to start or
        threw. Closing the generator closes the source stream and waits for that.
        """
        selected = self._select(request)
        if isinstance(selected, Answer):
            return selected
        name, operation_type = selected
        if operation_type is not OperationType.SUBSCRIPTION:
            return _not_here(operation_type)
        return self._bodies(request, name, context)

    def operation_type(self, request: OperationRequest) -> OperationType | Answer:
        """Whether to `execute` or to `subscribe`, or the answer that refuses the request."""
        selected = self._select(request)
        return selected if isinstance(selected, Answer) else selected[1]

    async def _bodies(
        self, request: OperationRequest, name: str | None, context: OperationContext
    ) -> AsyncGenerator[dict[str, Any], None]:
        started, failed = perf_counter(), False
        results = await self._schema.subscribe(
            request.query,
            variable_values=request.variables,
            context_value=context,
            operation_name=name,
            operation_extensions=request.extensions,
        )
        try:
            async with aclosing(results):
                async for result in results:
                    body = self._answer(result, context.request_id).body
                    failed = failed or "errors" in body
                    yield body
                    if "data" not in body:
                        return
        finally:
            self._telemetry.operation(name).record(perf_counter() - started, failed=failed)

    def _select(self, request: OperationRequest) -> tuple[str | None, OperationType] | Answer:
        """The operation to run, by name and type."""
        if not request.query:
            if request.extensions and "persistedQuery" in request.extensions:
                message = "Persisted queries are not supported: send the query's text."
                code = ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED
            else:
                message, code = "`query` is missing: it must hold the text of an operation.", ErrorCode.BAD_REQUEST
            return Answer(error_body(code, message), AnswerKind.BAD_REQUEST)
        document = self._documents.get(request.query)
        if isinstance(document, Answer):
            return Answer(dict(document.body), document.kind)
        operations, name = document.operations, request.operation_name or None
        if name is None and len(operations) == 1:
            return next(iter(operations.items()))
        if name is not None and name in operations:
            return name, operations[name]
        message = (
            f"Unknown operation named '{name}'."
            if name is not None
            else "`operationName` is missing: the document has several operations."
            if operations
            else "The document has no operation."
        )
        body = error_body(ErrorCode.OPERATION_RESOLUTION_FAILURE, message)
        return Answer(body, AnswerKind.OPERATION_ERROR)

    def _answer(self, result: ExecutionResult, request_id: str) -> Answer:
        errors = result.errors
        if not errors:
            body: dict[str, Any] = {"data": result.data}
            kind = AnswerKind.DATA
        elif result.data is None and all(error.path is None for error in errors):
            return self._nothing_ran(errors, request_id)
        elif isinstance(result, PreExecutionError):  # a subscription whose source stream could not be made
            return Answer({"errors": execution_errors(errors, request_id, self._explain)}, AnswerKind.FAULT)
        else:
            body = {"data": result.data, "errors": execution_errors(errors, request_id, self._explain)}
            kind = AnswerKind.PARTIAL
        if result.extensions:
            body["extensions"] = result.extensions
        return Answer(body, kind)

    def _nothing_ran(self, errors: Sequence[GraphQLError], request_id: str) -> Answer:
        """Errors without a path: variables that do not fit, or an exception outside all fields."""
        if not all(is_variables_error(error) for error in errors):
            return Answer({"errors": execution_errors(errors, request_id, self._explain)}, AnswerKind.FAULT)
        entries = request_errors(errors, ErrorCode.BAD_USER_INPUT)
        if self._hide_suggestions:
            for entry in entries:
                entry["message"] = entry["message"].partition(" Did you mean ")[0]
        return Answer({"errors": entries}, AnswerKind.VARIABLES_ERROR)


class _PreparedDocument(SchemaExtension):
    """Hands Strawberry the document that `Executor` has already read, with nothing left to validate."""

    documents: Documents

    def on_parse(self) -> Iterator[None]:
        execution = self.execution_context
        document = self.documents.get(execution.query or "")
        if isinstance(document, Document):  # always: `Executor` refuses the others before
            execution.graphql_document = document.node
            execution.pre_execution_errors = []
        yield


def _not_here(operation_type: OperationType) -> Answer:
    body = error_body(ErrorCode.METHOD_NOT_ALLOWED, _NOT_HERE[operation_type], operationType=operation_type.value)
    return Answer(body, AnswerKind.METHOD)


def _leave_unlogged(errors: object, execution_context: object = None) -> None:
    pass
