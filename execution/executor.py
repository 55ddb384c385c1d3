"""One operation, from request to answer, on Strawberry's schema.

A document is parsed, limited and validated once (`execution.documents`). Queries and mutations go through Strawberry's
`Schema.execute`, which is handed the document ready by a schema extension, and run under the time limit; at its end
everything behind them is cancelled. Subscriptions go through graphql-core's own steps, source stream and response
stream, since the place of an event (its `cursor`) is known between the two.
Every error in an answer has a code, and unexpected ones are masked (`execution.errors`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from graphql import ExecutionResult as StreamResult
from graphql import GraphQLError
from graphql.execution import create_source_event_stream, execute_subscription_event
from strawberry.extensions import SchemaExtension
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.utils.await_maybe import await_maybe

from execution.answers import Answer, AnswerKind, StreamAnswer, encode_json
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
from execution.subscriptions import PAGE, LogSource, Pages, SharedStream, Stream, sharing_key
from execution.variables import FastVariables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import strawberry

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
    "SharedStream",
    "Stream",
    "StreamAnswer",
    "parse_request",
]

QUERIES = frozenset({OperationType.QUERY})
QUERIES_AND_MUTATIONS = frozenset({OperationType.QUERY, OperationType.MUTATION})

_NOT_HERE = {
    OperationType.QUERY: "Queries are not run here.",
    OperationType.MUTATION: "Mutations are run by POST only.",
    OperationType.SUBSCRIPTION: "Subscriptions are run over WebSocket, with the subprotocol graphql-transport-ws, or "
    "where `Accept` names text/event-stream or multipart/mixed.",
}


class OperationContext(Protocol):
    """What the executor needs of an app's context, which is made anew for each operation."""

    request_id: str
    time_limit: asyncio.Timeout | None
    """Set by the executor: a resolver that waits at the client's wish may reschedule it. None for subscriptions."""
    last_event_id: str | None
    """Set by a door where a client takes a subscription up again: the cursor to go on behind, whatever `after` says."""


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
        self._operation = FastVariables.of(schema._schema)
        schema.execution_context_class = self._operation
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

    async def open(self, request: OperationRequest, context: OperationContext) -> Answer | Stream:
        """Begin a subscription: return its stream, or the answer that refuses the request.

        An answer that `failed` is the last of the stream: the variables were wrong, or the source stream did not start
        or raised an exception. The beginning, up to the answer to the first event, has the time limit of a query.
        """
        name = self._select_subscription(request)
        if isinstance(name, Answer):
            return name
        started = perf_counter()

        def record(failed: bool) -> None:
            self._telemetry.operation(name).record(perf_counter() - started, failed=failed)

        failure = partial(self._failure, request_id=context.request_id)
        begun = await self._begin(request, name, context)
        if isinstance(begun, Answer) or not isinstance(begun.source, LogSource):
            return Stream(follow=lambda _: self._answers(begun, context.request_id), failure=failure, record=record)
        source, answers = begun.source, partial(self._log_answers, request, name)

        async def end() -> Any:
            async with asyncio.timeout(self._time_limit):
                return await source.end()

        return SharedStream(
            follow=lambda after: answers(after, *source.follow(after)),
            replay=lambda after, until: answers(after, *source.replay(after, until)),
            failure=failure,
            record=record,
            key=sharing_key(request, self._document(request).places[name], source.audience),
            place=source.place,
            end=end,
            cursor=source.cursor,
        )

    def operation_type(self, request: OperationRequest) -> OperationType | Answer:
        """Whether to `execute` or to `subscribe`, or the answer that refuses the request."""
        selected = self._select(request)
        return selected if isinstance(selected, Answer) else selected[1]

    def fault(self, error: Exception, request_id: str) -> Answer:
        """The answer where something was thrown outside all fields, by a source stream for one. It is logged."""
        thrown = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
        return self._broken([thrown], request_id)

    def _failure(self, error: Exception, request_id: str) -> StreamAnswer:
        """The last answer of a stream, where something was thrown outside all fields."""
        return _written(self.fault(error, request_id))

    async def _answers(self, begun: Answer | _Begun, request_id: str) -> Pages:
        """Yield the answer to each event."""
        if isinstance(begun, Answer):
            yield [(None, _written(begun))]
            return
        seconds: float | None = self._time_limit
        try:
            async with aclosing(aiter(begun.source)) as events:
                async for event in events:
                    async with asyncio.timeout(seconds):
                        answer = await self._answer_event(begun.operation, event)
                    seconds = None
                    yield [(None, _written(answer, getattr(event, "cursor", None)))]
        except Exception as error:
            yield [(None, self._failure(error, request_id))]

    async def _log_answers(
        self,
        request: OperationRequest,
        name: str | None,
        place: Any,
        context: OperationContext,
        pages: AsyncGenerator[list[Any], None],
    ) -> Pages:
        """Yield the answers to the events of a log after `place`."""
        operation = self._build(request, name, context)
        assert not isinstance(operation, list), "the variables have been coerced before"
        try:
            async with aclosing(pages):
                async for page in pages:
                    for start in range(0, len(page), PAGE):
                        answers = []
                        for event in page[start : start + PAGE]:
                            answer = await self._answer_event(operation, event)
                            answers.append((event.place, _written(answer, event.cursor)))
                        yield answers
                        place = answers[-1][0]
        except Exception as error:
            yield [(place, self._failure(error, context.request_id))]

    async def _begin(self, request: OperationRequest, name: str | None, context: OperationContext) -> Answer | _Begun:
        """The source stream, or the answer that says why there is none."""
        operation = self._build(request, name, context)
        if isinstance(operation, list):
            return self._nothing_ran(operation, context.request_id)
        try:
            async with asyncio.timeout(self._time_limit):
                source: Any = await await_maybe(create_source_event_stream(operation))
        except Exception as error:
            return self.fault(error, context.request_id)
        if isinstance(source, StreamResult):
            return self._broken(source.errors or [], context.request_id)
        return _Begun(operation, source)

    def _build(self, request: OperationRequest, name: str | None, context: OperationContext) -> Any:
        """The operation, ready to run, or what is wrong with its variables."""
        document, extensions = self._document(request).node, request.extensions
        return self._operation.build(
            self._schema._schema, document, None, context, request.variables, name, operation_extensions=extensions
        )

    async def _answer_event(self, operation: FastVariables, event: object) -> Answer:
        result = await await_maybe(execute_subscription_event(operation.build_per_event_executor(event)))
        return self._answer(result, operation.context_value.request_id)

    def _document(self, request: OperationRequest) -> Document:
        document = self._documents.get(request.query or "")
        assert isinstance(document, Document), "selected before"
        return document

    def _select_subscription(self, request: OperationRequest) -> str | Answer | None:
        """The name of the subscription to run."""
        selected = self._select(request)
        if isinstance(selected, Answer):
            return selected
        name, operation_type = selected
        return name if operation_type is OperationType.SUBSCRIPTION else _not_here(operation_type)

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

    def _answer(self, result: ExecutionResult | StreamResult, request_id: str) -> Answer:
        errors = result.errors
        if not errors:
            body: dict[str, Any] = {"data": result.data}
            kind = AnswerKind.DATA
        elif result.data is None and all(error.path is None for error in errors):
            return self._nothing_ran(errors, request_id)
        else:
            body = {"data": result.data, "errors": execution_errors(errors, request_id, self._explain)}
            kind = AnswerKind.PARTIAL
        if result.extensions:
            body["extensions"] = result.extensions
        return Answer(body, kind)

    def _nothing_ran(self, errors: Sequence[GraphQLError], request_id: str) -> Answer:
        """Errors without a path: variables that do not fit, or an exception outside all fields."""
        if not all(is_variables_error(error) for error in errors):
            return self._broken(errors, request_id)
        entries = request_errors(errors, ErrorCode.BAD_USER_INPUT)
        if self._hide_suggestions:
            for entry in entries:
                entry["message"] = entry["message"].partition(" Did you mean ")[0]
        return Answer({"errors": entries}, AnswerKind.VARIABLES_ERROR)

    def _broken(self, errors: Sequence[GraphQLError], request_id: str) -> Answer:
        """An exception outside all fields, or a source stream that could not be made."""
        return Answer({"errors": execution_errors(errors, request_id, self._explain)}, AnswerKind.FAULT)


class _Begun(NamedTuple):
    operation: FastVariables
    source: Any


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


def _written(answer: Answer, cursor: str | None = None) -> StreamAnswer:
    body = answer.body
    errors, failed = body.get("errors", ()), "data" not in body
    may_pass = failed and any(error["extensions"]["code"] == ErrorCode.SERVICE_UNAVAILABLE for error in errors)
    return StreamAnswer(encode_json(body), cursor, failed=failed, may_pass=may_pass, has_errors=bool(errors))


def _leave_unlogged(errors: object, execution_context: object = None) -> None:
    pass
