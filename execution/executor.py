"""One operation, from request to answer, on Strawberry's schema.

A document is parsed, limited and validated once (`execution.documents`), and its operations are compiled
(`execution.runner`). Queries and mutations have a time limit, and all their tasks are cancelled at its end.
Subscriptions run through the steps of graphql-core, source stream and response stream, since the place of an event (its
`cursor`) is known between the two.
Every error in an answer has a code, and unexpected errors are masked (`execution.errors`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson
import structlog
from graphql import ExecutionResult as StreamResult
from graphql import GraphQLError
from strawberry.types.graphql import OperationType

from execution.access import Refuse, RuleOf, no_rule
from execution.answer_size import AnswerSize, AnswerTooLarge
from execution.answers import Answer, AnswerKind, StreamAnswer
from execution.compile.cache import MAX_BYTES
from execution.cost import OperationTooExpensive
from execution.documents import Document, Documents
from execution.eager import TimeLimit
from execution.errors import (
    MAX_QUOTED,
    BadRequest,
    ClientError,
    ErrorCode,
    Explain,
    error_body,
    execution_errors,
    is_variables_error,
    request_errors,
)
from execution.introspection import Introspections
from execution.limits import Limits
from execution.persisted import PersistedDocuments
from execution.requests import OperationRequest, parse_request
from execution.runner import Runner
from execution.strawberry_parts import core_schema, is_awaitable
from execution.subscriptions import PAGE, PAGE_BYTES, LogSource, Pages, SharedStream, Stream, sharing_key
from execution.variables import FastVariables
from telemetry import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

# Characters of an operation's name in a log line.
LONGEST_LOGGED_NAME = 100

log = structlog.stdlib.get_logger(__name__)

_NOT_HERE = {
    OperationType.QUERY: "Queries are not run here.",
    OperationType.MUTATION: "Mutations are run by POST only.",
    OperationType.SUBSCRIPTION: "Subscriptions are run over WebSocket, with the subprotocol graphql-transport-ws, or "
    "where `Accept` names text/event-stream or multipart/mixed.",
}


class OperationContext(Protocol):
    """The part of an app's context that the executor uses. Each operation has its own context."""

    request_id: str
    time_limit: TimeLimit | None
    """Set by the executor. A resolver that waits on behalf of the client may extend it. None for subscriptions."""
    last_event_id: str | None
    """Set by the transport if a client resumes a subscription: the cursor to resume after, instead of `after`."""
    answer_size: AnswerSize
    """Set by the executor for each answer. Resolvers count large contents before they read them."""


class Executor:
    """Answers operations on one schema. Safe to share between all requests of an event loop.

    `compiled_bytes` is the memory of compiled operations; 0 leaves all operations to graphql-core. `rule_of` and
    `refuse` decide which callers may run an operation: by default all.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        settings: Settings,
        telemetry: Telemetry,
        limits: Limits | None = None,
        explain: Explain | None = None,
        own_documents: Mapping[str, str] | None = None,
        compiled_bytes: int = MAX_BYTES,
        rule_of: RuleOf = no_rule,
        refuse: Refuse | None = None,
    ) -> None:
        """Read the manifests of the settings. `own_documents` are trusted too, texts by id. Raises InvalidManifest."""
        if schema.extensions:
            raise TypeError("Strawberry's schema extensions are not run: the executor compiles operations")
        self._explain = explain
        self._telemetry = telemetry
        self._time_limit = settings.operation_timeout_seconds
        self._max_answer_bytes = settings.max_answer_bytes
        self._slow_ms = settings.slow_ms
        self._max_cost = settings.max_cost
        self._hide_suggestions = settings.environment == "production"
        self._core = core_schema(schema)
        self._refuse = refuse
        self._documents = Documents(
            self._core, limits=limits or Limits(), hide_suggestions=self._hide_suggestions, rule_of=rule_of
        )
        self._persisted = PersistedDocuments(self._documents, only=settings.trusted_documents_only)
        self._persisted.read(settings.trusted_documents)
        self._persisted.trust(own_documents or {})
        self._introspections = Introspections()
        self._operation = FastVariables.of(self._core)
        self._runner = Runner(telemetry, self._measure_again, compiled_bytes)

    async def execute(
        self,
        request: OperationRequest,
        context: OperationContext,
        *,
        allowed: frozenset[OperationType] = QUERIES_AND_MUTATIONS,
    ) -> Answer:
        """Run a query or mutation until its end or the time limit."""
        begun = self.begin(request, context, allowed=allowed)
        return begun if isinstance(begun, Answer) else await begun

    def begin(
        self,
        request: OperationRequest,
        context: OperationContext,
        *,
        allowed: frozenset[OperationType] = QUERIES_AND_MUTATIONS,
    ) -> Answer | Awaitable[Answer]:
        """Run a query or mutation until its answer, or until something must be awaited: then return the rest.

        An answer that awaits nothing needs no task, no time limit and no watch of the connection.
        """
        selected = self._select(request)
        if isinstance(selected, Answer):
            return selected
        request, name, operation_type = selected
        if operation_type not in allowed:
            return _not_here(operation_type)
        refusal = self._refused(request, name, context) or self._too_expensive(request, name)
        if refusal is not None:
            return refusal
        started = perf_counter()
        kept = self._introspections.get(request.query or "", name)
        if kept is not None:
            self._telemetry.record_operation(name, perf_counter() - started, failed=False)
            return Answer(orjson.loads(kept), AnswerKind.DATA, kept)
        running = _Running(request, name, operation_type, context, started)
        context.time_limit = TimeLimit(self._time_limit)
        self._measure_again(context)
        try:
            operation = self._build(request, name, context)
        except Exception as error:
            return self._ended(running, self.fault(error, context.request_id))
        if isinstance(operation, list):
            return self._ended(running, self._measured(self._nothing_ran(operation, context.request_id)))
        document = self._document(request)
        if first := document.first.get(name):
            return self._finish(running, self._after(first, running, operation))
        result = self._runner.begin(request.query or "", document, name, operation)
        if isinstance(result, StreamResult):
            return self._ended(running, self._answered(running, result))
        return self._finish(running, result)

    async def _finish(self, running: _Running, rest: Coroutine[Any, Any, StreamResult]) -> Answer:
        """Run the rest of an operation within the time limit."""
        time_limit = running.context.time_limit
        assert time_limit is not None, "set at the beginning"
        try:
            answer = self._answered(running, await time_limit.run(rest))
        except TimeoutError:
            limit = round(time_limit.seconds, 3)
            message = f"The operation exceeded its time limit of {limit:g} seconds."
            body = error_body(ErrorCode.OPERATION_TIMEOUT, message, limitSeconds=limit)
            answer = Answer({"data": None, **body}, AnswerKind.TIMEOUT)
        return self._ended(running, answer)

    async def _after(
        self, first: Sequence[Callable[[Any], Awaitable[Any]]], running: _Running, operation: FastVariables
    ) -> StreamResult:
        """Run an operation after the functions that come first."""
        for read in first:
            with suppress(Exception):  # the field fails in the same way, and reports the error
                await read(running.context)
        request, document = running.request, self._document(running.request)
        begun = self._runner.begin(request.query or "", document, running.name, operation)
        return begun if isinstance(begun, StreamResult) else await begun

    def _answered(self, running: _Running, result: StreamResult) -> Answer:
        size = running.context.answer_size
        # A mutation has run: its answer lacks only the fields that do not fit.
        if size.path is not None and running.kind is OperationType.QUERY:
            return size.error.answer()
        return self._measured(self._answer(result, running.context.request_id))

    def _ended(self, running: _Running, answer: Answer) -> Answer:
        """Count an ended operation, and log it if it was slow."""
        request, name, kind, context, started = running
        failed = answer.kind is not AnswerKind.DATA
        if not failed and name in self._document(request).introspections:
            self._introspections.keep(request.query or "", name, answer.json)
        seconds = perf_counter() - started
        self._telemetry.record_operation(name, seconds, failed=failed)
        self._log_if_slow(request, name, kind, context.request_id, seconds)
        return answer

    async def open(self, request: OperationRequest, context: OperationContext) -> Answer | Stream:
        """Begin a subscription: return its stream, or the answer that refuses the request.

        An answer that `failed` is the last of the stream: the variables were wrong, or the source stream did not start
        or raised an exception. The beginning, up to the answer to the first event, has the time limit of a query.
        """
        selected = self._select(request)
        if isinstance(selected, Answer):
            return selected
        request, name, operation_type = selected
        if operation_type is not OperationType.SUBSCRIPTION:
            return _not_here(operation_type)
        refusal = self._refused(request, name, context) or self._too_expensive(request, name)
        if refusal is not None:
            return refusal
        started = perf_counter()

        def record(failed: bool) -> None:
            self._telemetry.record_operation(name, perf_counter() - started, failed=failed)

        def answered() -> None:
            kind, seconds = OperationType.SUBSCRIPTION, perf_counter() - started
            self._log_if_slow(request, name, kind, context.request_id, seconds)

        failure = partial(self._failure, request_id=context.request_id)
        begun = await self._begin(request, name, context)
        if isinstance(begun, Answer) or not isinstance(begun.source, LogSource):
            answers_alone = partial(self._answers, request, name, begun, context.request_id, answered)
            return Stream(follow=lambda _: answers_alone(), failure=failure, record=record)
        answered()  # the first event may be far away
        source, answers = begun.source, partial(self._log_answers, request, name)

        async def end() -> tuple[Any, str]:
            async with asyncio.timeout(self._time_limit):
                return await source.end()

        return SharedStream(
            follow=lambda after: answers(after, *source.follow(after)),
            replay=lambda after, until: answers(after, *source.replay(after, until)),
            failure=failure,
            record=record,
            key=sharing_key(request, self._document(request).places[name], source.audience),
            place=source.place,
            cursor=source.cursor,
            end=end,
        )

    def operation_type(self, request: OperationRequest) -> OperationType | Answer:
        """Return the type of the request's operation, or the answer that refuses the request."""
        selected = self._select(request)
        return selected if isinstance(selected, Answer) else selected.operation_type

    def fault(self, error: Exception, request_id: str) -> Answer:
        """Log an exception outside all fields, for example of a source stream, and return its answer."""
        thrown = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
        return self._broken([thrown], request_id)

    def _failure(self, error: Exception, request_id: str) -> StreamAnswer:
        """Log an exception outside all fields, and return the last answer of its stream."""
        return _written(self.fault(error, request_id))

    async def _answers(
        self,
        request: OperationRequest,
        name: str | None,
        begun: Answer | _Begun,
        request_id: str,
        answered: Callable[[], None],
    ) -> Pages:
        """Yield the answer to each event. Calls `answered` at the first one."""
        if isinstance(begun, Answer):
            answered()
            yield [(None, _written(begun))]
            return
        seconds: float | None = self._time_limit
        try:
            async with aclosing(aiter(begun.source)) as events:
                async for event in events:
                    async with asyncio.timeout(seconds):
                        answer = await self._answer_event(request, name, begun.operation, event)
                    if seconds is not None:
                        answered()
                    seconds = None
                    yield [(None, _written(answer, getattr(event, "cursor", None)))]
        except Exception as error:
            if seconds is not None:
                answered()
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
                    answers: list[tuple[Any, StreamAnswer]] = []
                    size = 0
                    for event in page:
                        answer = _written(await self._answer_event(request, name, operation, event), event.cursor)
                        answers.append((event.place, answer))
                        size += len(answer.json)
                        if len(answers) == PAGE or size >= PAGE_BYTES or event is page[-1]:
                            yield answers
                            place, answers, size = event.place, [], 0
        except Exception as error:
            yield [(place, self._failure(error, context.request_id))]

    async def _begin(self, request: OperationRequest, name: str | None, context: OperationContext) -> Answer | _Begun:
        """Return the source stream, or the answer with the errors that prevent it."""
        operation = self._build(request, name, context)
        if isinstance(operation, list):
            return self._nothing_ran(operation, context.request_id)
        try:
            async with asyncio.timeout(self._time_limit):
                source = await operation.source()
        except Exception as error:
            return self.fault(error, context.request_id)
        if isinstance(source, StreamResult):
            return self._broken(source.errors or [], context.request_id)
        return _Begun(operation, source)

    def _build(self, request: OperationRequest, name: str | None, context: OperationContext) -> Any:
        """Return the operation, ready to run, or a list of the errors in its variables."""
        document, extensions = self._document(request).node, request.extensions
        return self._operation.build(
            self._core,
            document,
            None,
            context,
            request.variables,
            name,
            is_awaitable=is_awaitable,
            operation_extensions=extensions,
        )

    async def _answer_event(
        self, request: OperationRequest, name: str | None, operation: FastVariables, event: object
    ) -> Answer:
        context = operation.context_value
        self._measure_again(context)
        document, built = self._document(request), operation.on_event(event)
        result = self._runner.begin(request.query or "", document, name, built)
        if not isinstance(result, StreamResult):
            result = await result
        return self._measured(self._answer(result, context.request_id))

    def _measure_again(self, context: OperationContext) -> None:
        """Count the contents of an answer from zero."""
        context.answer_size = AnswerSize(self._max_answer_bytes)

    def _measured(self, answer: Answer) -> Answer:
        """Encode an answer. Return the error in its place if it is above the limit."""
        encoded = answer.json
        if len(encoded) > self._max_answer_bytes and "data" in answer.body:
            return AnswerTooLarge(len(encoded), self._max_answer_bytes).answer()
        return Answer(answer.body, answer.kind, encoded)

    def _log_if_slow(
        self, request: OperationRequest, name: str | None, kind: OperationType, request_id: str, seconds: float
    ) -> None:
        """Log an operation above the limit of the settings by its name, without its variables."""
        if self._slow_ms and seconds * 1000 >= self._slow_ms:
            log.warning(
                "slow operation",
                operation=(name or ANONYMOUS)[:LONGEST_LOGGED_NAME],
                kind=kind.value,
                milliseconds=round(seconds * 1000, 3),
                cost=self._document(request).costs[name](request.variables),
                request_id=request_id,
            )

    def _refused(self, request: OperationRequest, name: str | None, context: OperationContext) -> Answer | None:
        """Return the answer to a caller who does not meet the rules of an operation."""
        if self._refuse is None:
            return None
        error = self._refuse(context, self._document(request).rules[name])
        if error is None:
            return None
        kind = AnswerKind.FORBIDDEN if error.code == ErrorCode.FORBIDDEN else AnswerKind.UNAUTHENTICATED
        return Answer(error_body(error.code, error.message, **error.extensions), kind)

    def _too_expensive(self, request: OperationRequest, name: str | None) -> Answer | None:
        """Return the answer that refuses an operation above the maximum cost."""
        try:
            self._document(request).costs[name].check(request.variables, self._max_cost)
        except OperationTooExpensive as refused:
            return Answer(error_body(refused.code, refused.message, **refused.extensions), AnswerKind.LIMIT)
        return None

    def _document(self, request: OperationRequest) -> Document:
        document = self._documents.get(request.query or "")
        assert isinstance(document, Document), "selected before"
        return document

    def _select(self, request: OperationRequest) -> _Selected | Answer:
        """Return the operation to run, or the answer that refuses the request."""
        resolved = self._persisted.resolve(request)
        if isinstance(resolved, Answer):
            return resolved
        request = resolved
        if not request.query:
            message = "`query` is missing: it must hold the text of an operation."
            return Answer(error_body(ErrorCode.BAD_REQUEST, message), AnswerKind.BAD_REQUEST)
        document = self._documents.get(request.query)
        if isinstance(document, Answer):
            return Answer(dict(document.body), document.kind)
        operations, name = document.operations, request.operation_name or None
        if name is None and len(operations) == 1:
            return _Selected(request, *next(iter(operations.items())))
        if name is not None and name in operations:
            return _Selected(request, name, operations[name])
        message = (
            f"Unknown operation named '{name[:MAX_QUOTED]}'."
            if name is not None
            else "`operationName` is missing: the document has several operations."
            if operations
            else "The document has no operation."
        )
        body = error_body(ErrorCode.OPERATION_RESOLUTION_FAILURE, message)
        return Answer(body, AnswerKind.OPERATION_ERROR)

    def _answer(self, result: StreamResult, request_id: str) -> Answer:
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
        """Return the answer for errors without a path: invalid variables, or an exception outside all fields."""
        if not all(is_variables_error(error) for error in errors):
            return self._broken(errors, request_id)
        entries = request_errors(errors, ErrorCode.BAD_USER_INPUT)
        if self._hide_suggestions:
            for entry in entries:
                entry["message"] = entry["message"].partition(" Did you mean ")[0]
        return Answer({"errors": entries}, AnswerKind.VARIABLES_ERROR)

    def _broken(self, errors: Sequence[GraphQLError], request_id: str) -> Answer:
        """Return the answer for an exception outside all fields, or for a source stream that did not start."""
        return Answer({"errors": execution_errors(errors, request_id, self._explain)}, AnswerKind.FAULT)


class _Selected(NamedTuple):
    request: OperationRequest
    """The request with the text of its document."""
    name: str | None
    operation_type: OperationType


class _Running(NamedTuple):
    """A begun query or mutation."""

    request: OperationRequest
    name: str | None
    kind: OperationType
    context: OperationContext
    started: float


class _Begun(NamedTuple):
    operation: FastVariables
    source: Any


def _not_here(operation_type: OperationType) -> Answer:
    body = error_body(ErrorCode.METHOD_NOT_ALLOWED, _NOT_HERE[operation_type], operationType=operation_type.value)
    return Answer(body, AnswerKind.METHOD)


def _written(answer: Answer, cursor: str | None = None) -> StreamAnswer:
    body = answer.body
    errors, failed = body.get("errors", ()), "data" not in body
    may_pass = failed and any(error["extensions"]["code"] == ErrorCode.SERVICE_UNAVAILABLE for error in errors)
    return StreamAnswer(answer.json, cursor, failed=failed, may_pass=may_pass, has_errors=bool(errors))
