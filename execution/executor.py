"""One operation, from request to answer, on Strawberry's schema.

A document is parsed, limited and validated once (`execution.documents`), and its operations are compiled
(`execution.runner`). Queries and mutations have a time limit, and all their tasks are cancelled at its end.
Subscriptions are streams of answers (`execution.streams`).
Every error in an answer has a code, and unexpected errors are masked (`execution.errors`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import ExecutionResult
from strawberry.types.graphql import OperationType

from execution.access import Refuse, RuleOf, no_rule, unmet
from execution.answer_cache import AnswerCache, Kept, Missed
from execution.answers import Answer, AnswerKind, StreamAnswer
from execution.charging import (
    Admit,
    Charge,
    Charged,
    actual,
    asks_for_cost,
    charge_for,
    no_admission,
    no_charge,
    with_cost,
)
from execution.compile.cache import MAX_BYTES
from execution.documents import Documents
from execution.eager import Eager, TimeLimit
from execution.errors import BadRequest, ClientError, ErrorCode, Explain, error_body
from execution.introspection import Introspections
from execution.limits import Limits
from execution.operations import OperationContext, Operations
from execution.persisted import PersistedDocuments
from execution.requests import OperationRequest, parse_request
from execution.selection import Selected, refusal, select
from execution.streams import Streams
from execution.subscriptions import SharedStream, Stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import strawberry

    from execution.variables import FastVariables
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
    "Selected",
    "SharedStream",
    "Stream",
    "StreamAnswer",
    "parse_request",
]

QUERIES = frozenset({OperationType.QUERY})
QUERIES_AND_MUTATIONS = frozenset({OperationType.QUERY, OperationType.MUTATION})
SUBSCRIPTIONS = frozenset({OperationType.SUBSCRIPTION})


class Executor:
    """Answers operations on one schema. Safe to share between all requests of an event loop.

    `compiled_bytes` is the memory of compiled operations; 0 leaves all operations to graphql-core.
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
        answers: AnswerCache | None = None,
        rule_of: RuleOf = no_rule,
        refuse: Refuse | None = None,
        charge: Charge = no_charge,
        admit: Admit = no_admission,
    ) -> None:
        """Read the manifests of the settings. `own_documents` are trusted too, texts by id. Raises InvalidManifest.

        `answers` is of this schema alone. None keeps no answers. `rule_of` and `refuse` decide which callers may run an
        operation: by default all. `charge` charges callers, and `admit` their requests: by
        default none.
        """
        if schema.extensions:
            raise TypeError("Strawberry's schema extensions are not run: the executor compiles operations")
        self._telemetry = telemetry
        self._operations = Operations(schema, settings, telemetry, explain, compiled_bytes)
        self._documents = Documents(
            self._operations.core,
            limits=limits or Limits(),
            hide_suggestions=self._operations.hide_suggestions,
            rule_of=rule_of,
        )
        self._refuse = refuse
        self._charge = charge
        self._admit = admit
        self._persisted = PersistedDocuments(self._documents, telemetry, only=settings.trusted_documents_only)
        self._persisted.read(settings.trusted_documents)
        self._persisted.trust(own_documents or {})
        self._introspections = Introspections()
        self._answers = answers
        self._streams = Streams(self._operations)

    async def admit(self, context: OperationContext) -> Charged | None:
        """Charge a request by its caller alone. None if no limit of requests applies to the caller."""
        charged = self._admit(context)
        return await charged if isinstance(charged, Awaitable) else charged

    def select(self, request: OperationRequest) -> Selected | Answer:
        """Return the operation of a request, or the answer that refuses the request."""
        return select(request, self._persisted, self._documents)

    async def execute(
        self,
        request: OperationRequest,
        context: OperationContext,
        *,
        allowed: frozenset[OperationType] = QUERIES_AND_MUTATIONS,
    ) -> Answer:
        """Run the query or mutation of a request until its end or the time limit."""
        selected = self.select(request)
        if isinstance(selected, Answer):
            return selected
        begun = self.begin(selected, context, allowed=allowed)
        return begun if isinstance(begun, Answer) else await begun

    def begin(
        self,
        selected: Selected,
        context: OperationContext,
        *,
        allowed: frozenset[OperationType] = QUERIES_AND_MUTATIONS,
    ) -> Answer | Awaitable[Answer]:
        """Run a query or mutation until its answer, or until its first wait: then return the rest.

        An answer without a wait needs no task, no time limit and no watch of the connection. Only the task that began
        the operation may await its rest.
        """
        started = perf_counter()
        kept = None
        if self._answers is not None and not asks_for_cost(selected):
            kept = self._answers.get(selected, context.reads)
        if not isinstance(kept, Kept):
            refused = self._refusal(selected, context, allowed)
            if refused is not None:
                return refused
        charged = charge_for(self._charge, selected, context)
        if charged is None:
            return self._run(selected, context, started, kept)
        return charged if isinstance(charged, Answer) else self._run_charged(charged, selected, context, started, kept)

    async def _run_charged(
        self,
        charged: Awaitable[Answer | None],
        selected: Selected,
        context: OperationContext,
        started: float,
        kept: Kept | Missed | None,
    ) -> Answer:
        """Run an operation after a charge that must be awaited, unless the charge is refused."""
        refused = await charged
        if refused is not None:
            return refused
        begun = self._run(selected, context, started, kept)
        return begun if isinstance(begun, Answer) else await begun

    def _run(
        self, selected: Selected, context: OperationContext, started: float, kept: Kept | Missed | None
    ) -> Answer | Awaitable[Answer]:
        if isinstance(kept, Kept):
            if context.charged is not None:
                context.charged.settle(kept.cost)
            return self._again(selected, kept.answer, started)
        introspection = self._introspections.get(selected.text, selected.name)
        if introspection is not None:
            return with_cost(self._again(selected, introspection, started), selected, context)
        running = _Running(selected, context, started, kept)
        context.time_limit = TimeLimit(self._operations.seconds)
        self._operations.measure_again(context)
        try:
            operation = self._operations.build(selected, context)
        except Exception as error:
            return self._ended(running, self.fault(error, context.request_id))
        if isinstance(operation, list):
            outcomes = self._operations.outcomes
            return self._ended(running, outcomes.nothing_ran(operation, context.request_id))
        if first := selected.document.first.get(selected.name):
            result: ExecutionResult | Coroutine[Any, Any, ExecutionResult] = self._after(first, running, operation)
        else:
            result = self._operations.run(selected, operation)
        if not isinstance(result, ExecutionResult):
            rest = Eager(result)
            if not rest.done:
                return self._finish(running, rest)
            result = rest.result
        return self._ended(running, self._answered(running, result))

    async def open(self, request: OperationRequest | Selected, context: OperationContext) -> Answer | Stream:
        """Begin a subscription: return its stream, or the answer that refuses the request.

        An answer that `failed` is the last of the stream: the variables were wrong, or the source stream did not start
        or raised an exception. The beginning, up to the answer to the first event, has the time limit of a query.
        """
        selected = request if isinstance(request, Selected) else self.select(request)
        if isinstance(selected, Answer):
            return selected
        refused = self._refusal(selected, context, SUBSCRIPTIONS)
        if refused is not None:
            return refused
        charged = charge_for(self._charge, selected, context)
        refused = charged if charged is None or isinstance(charged, Answer) else await charged
        return await self._streams.open(selected, context) if refused is None else refused

    def _refusal(
        self, selected: Selected, context: OperationContext, allowed: frozenset[OperationType]
    ) -> Answer | None:
        """Return the answer that refuses an operation before it runs."""
        return refusal(selected, allowed, self._operations.max_cost) or self.unmet(selected, context)

    def unmet(self, selected: Selected, context: OperationContext) -> Answer | None:
        """Return the answer to a caller who does not meet the operation's rules; None if the caller meets them."""
        if self._refuse is None:
            return None
        return unmet(self._refuse(context, selected.document.rules[selected.name]))

    def fault(self, error: Exception, request_id: str) -> Answer:
        """Log an exception outside all fields, for example of a source stream, and return its answer."""
        return self._operations.outcomes.fault(error, request_id)

    def _again(self, selected: Selected, kept: bytes, started: float) -> Answer:
        """Count an operation with a kept answer, and return the answer."""
        self._telemetry.record_operation(selected.name, perf_counter() - started, failed=False)
        return Answer.of_json(kept)

    async def _finish(self, running: _Running, rest: Eager[ExecutionResult]) -> Answer:
        """Run the rest of an operation within the time limit."""
        time_limit = running.context.time_limit
        assert time_limit is not None, "set at the beginning"
        try:
            answer = self._answered(running, await time_limit.limit(rest))
        except TimeoutError:
            limit = round(time_limit.seconds, 3)
            message = f"The operation exceeded its time limit of {limit:g} seconds."
            body = error_body(ErrorCode.OPERATION_TIMEOUT, message, limitSeconds=limit)
            answer = Answer({"data": None, **body}, AnswerKind.TIMEOUT)
        return self._ended(running, answer)

    async def _after(
        self, first: Sequence[Callable[[Any], Awaitable[Any]]], running: _Running, operation: FastVariables
    ) -> ExecutionResult:
        """Run an operation after the functions that come first."""
        for read in first:
            with suppress(Exception):  # the field fails in the same way, and reports the error
                await read(running.context)
        begun = self._operations.run(running.selected, operation)
        return begun if isinstance(begun, ExecutionResult) else await begun

    def _answered(self, running: _Running, result: ExecutionResult) -> Answer:
        size = running.context.answer_size
        if running.context.charged is not None:
            running.context.charged.settle(actual(running.selected, result.data))
        # A mutation has run: its answer lacks only the fields that do not fit.
        if size.path is not None and running.selected.type is OperationType.QUERY:
            return size.error.answer()
        return self._operations.outcomes.answer(result, running.context.request_id)

    def _ended(self, running: _Running, answer: Answer) -> Answer:
        """Count an ended operation, and log it if it was slow."""
        selected, context, started, missed = running
        failed = answer.kind is not AnswerKind.DATA
        if not failed and selected.name in selected.document.introspections:
            self._introspections.keep(selected.text, selected.name, answer.json)
        if not failed and missed is not None and self._answers is not None:
            cost = 0 if context.charged is None else context.charged.cost
            self._answers.keep(missed, answer.json, cost)
        seconds = perf_counter() - started
        self._telemetry.record_operation(selected.name, seconds, failed=failed)
        self._operations.log_if_slow(selected, context.request_id, seconds)
        return with_cost(answer, selected, context)


class _Running(NamedTuple):
    """A begun query or mutation."""

    selected: Selected
    context: OperationContext
    started: float
    missed: Missed | None
    """The key of the answer, if the answer may be kept."""
