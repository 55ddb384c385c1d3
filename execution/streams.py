"""Subscriptions: from a selected operation to the stream of its answers.

A subscription runs through the steps of graphql-core, source stream and response stream, since the place of an event
(its `cursor`) is known between the two.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import ExecutionResult

from execution.answers import Answer, StreamAnswer
from execution.errors import ErrorCode
from execution.subscriptions import PAGE, PAGE_BYTES, LogSource, Pages, SharedStream, Stream, sharing_key

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from execution.operations import OperationContext, Operations
    from execution.selection import Selected
    from execution.variables import FastVariables


class Streams:
    """The subscriptions on one schema."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def open(self, selected: Selected, context: OperationContext) -> Stream:
        """Begin a subscription and return its stream."""
        operations, name = self._operations, selected.name
        started = perf_counter()

        def record(failed: bool) -> None:
            operations.telemetry.record_operation(name, perf_counter() - started, failed=failed)

        def answered() -> None:
            operations.log_if_slow(selected, context.request_id, perf_counter() - started)

        failure = partial(self._failure, request_id=context.request_id)
        begun = await self._begin(selected, context)
        if isinstance(begun, Answer) or not isinstance(begun.source, LogSource):
            answers_alone = partial(self._answers, selected, begun, context.request_id, answered)
            return Stream(follow=lambda _: answers_alone(), failure=failure, record=record)
        answered()  # the first event may be far away
        source, answers = begun.source, partial(self._log_answers, selected)

        async def end() -> tuple[Any, str]:
            async with asyncio.timeout(operations.seconds):
                return await source.end()

        return SharedStream(
            follow=lambda after: answers(after, *source.follow(after)),
            replay=lambda after, until: answers(after, *source.replay(after, until)),
            failure=failure,
            record=record,
            key=sharing_key(selected.request, selected.document.places[name], source.audience),
            place=source.place,
            cursor=source.cursor,
            end=end,
        )

    async def _begin(self, selected: Selected, context: OperationContext) -> Answer | _Begun:
        """Return the source stream, or the answer with the errors that prevent it."""
        outcomes = self._operations.outcomes
        operation = self._operations.build(selected, context)
        if isinstance(operation, list):
            return outcomes.nothing_ran(operation, context.request_id)
        try:
            async with asyncio.timeout(self._operations.seconds):
                source = await operation.source()
        except Exception as error:
            return outcomes.fault(error, context.request_id)
        if isinstance(source, ExecutionResult):
            return outcomes.broken(source.errors or [], context.request_id)
        return _Begun(operation, source)

    async def _answers(
        self, selected: Selected, begun: Answer | _Begun, request_id: str, answered: Callable[[], None]
    ) -> Pages:
        """Yield the answer to each event. Calls `answered` at the first one."""
        if isinstance(begun, Answer):
            answered()
            yield [(None, _written(begun))]
            return
        seconds: float | None = self._operations.seconds
        try:
            async with aclosing(aiter(begun.source)) as events:
                async for event in events:
                    async with asyncio.timeout(seconds):
                        answer = await self._answer(selected, begun.operation, event)
                    if seconds is not None:
                        answered()
                    seconds = None
                    yield [(None, _written(answer, getattr(event, "cursor", None)))]
        except Exception as error:
            if seconds is not None:
                answered()
            yield [(None, self._failure(error, request_id))]

    async def _log_answers(
        self, selected: Selected, place: Any, context: OperationContext, pages: AsyncGenerator[list[Any], None]
    ) -> Pages:
        """Yield the answers to the events of a log after `place`."""
        operation = self._operations.build(selected, context)
        assert not isinstance(operation, list), "the variables have been coerced before"
        try:
            async with aclosing(pages):
                async for page in pages:
                    answers: list[tuple[Any, StreamAnswer]] = []
                    size = 0
                    for event in page:
                        answer = _written(await self._answer(selected, operation, event), event.cursor)
                        answers.append((event.place, answer))
                        size += len(answer.json)
                        if len(answers) == PAGE or size >= PAGE_BYTES or event is page[-1]:
                            yield answers
                            place, answers, size = event.place, [], 0
        except Exception as error:
            yield [(place, self._failure(error, context.request_id))]

    async def _answer(self, selected: Selected, operation: FastVariables, event: object) -> Answer:
        context = operation.context_value
        self._operations.measure_again(context)
        result = self._operations.run(selected, operation.on_event(event))
        if not isinstance(result, ExecutionResult):
            result = await result
        return self._operations.outcomes.answer(result, context.request_id)

    def _failure(self, error: Exception, request_id: str) -> StreamAnswer:
        """Log an exception outside all fields, and return the last answer of its stream."""
        return _written(self._operations.outcomes.fault(error, request_id))


class _Begun(NamedTuple):
    operation: FastVariables
    source: Any


def _written(answer: Answer, cursor: str | None = None) -> StreamAnswer:
    errors, failed = answer.body.get("errors", ()), not answer.has_data
    may_pass = failed and any(error["extensions"]["code"] == ErrorCode.SERVICE_UNAVAILABLE for error in errors)
    return StreamAnswer(answer.json, cursor, failed=failed, may_pass=may_pass, has_errors=bool(errors))
