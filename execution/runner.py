"""Runs operations: compiled if possible, otherwise by graphql-core. Both give the same result."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult, GraphQLError

from execution.compile.cache import Programs
from execution.compile.run import Run

if TYPE_CHECKING:
    from execution.documents import Document
    from execution.variables import FastVariables
    from telemetry import Telemetry

GAVE_UP = "gave_up"
"""The reason for graphql-core in a compiled operation with an error."""


Result = ExecutionResult | Coroutine[Any, Any, ExecutionResult]


class Runner:
    """Runs the operations of one schema. `restart` prepares a context for a second reading of the same fields."""

    def __init__(self, telemetry: Telemetry, restart: Callable[[Any], None], max_bytes: int) -> None:
        self._telemetry = telemetry
        self._restart = restart
        self._programs = Programs(max_bytes)

    def begin(self, text: str, document: Document, name: str | None, operation: FastVariables) -> Result:
        """Run an operation until its end, or until something must be awaited: then return the rest.

        Cancelling the rest cancels all its tasks.
        """
        program = self._programs.get(text, name, document.conditions, operation)
        if isinstance(program, str):
            self._telemetry.record_interpreted(program)
            return _guarded(operation.execute_operation)
        run = Run(program, operation)
        try:
            ended = run.begin()
        except Exception:
            return self._replay(run)
        if not ended:
            return self._finish(run)
        self._telemetry.record_compiled()
        return ExecutionResult(run.data, None)

    async def _finish(self, run: Run) -> ExecutionResult:
        try:
            try:
                await run.finish()
            except Exception:
                result = self._replay(run)
                return result if isinstance(result, ExecutionResult) else await result
            self._telemetry.record_compiled()
            return ExecutionResult(run.data, None)
        finally:
            await run.close()

    def _replay(self, run: Run) -> Result:
        self._telemetry.record_interpreted(GAVE_UP)
        self._restart(run.context)
        return _guarded(run.replay)


def _guarded(begin: Callable[[], Any]) -> Result:
    """Begin a run of graphql-core. An exception outside all fields becomes a result with that error."""
    try:
        begun = begin()
    except Exception as error:
        return _failed(error)
    return begun if isinstance(begun, ExecutionResult) else _rest(begun)


async def _rest(running: Coroutine[Any, Any, ExecutionResult]) -> ExecutionResult:
    try:
        return await running
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> ExecutionResult:
    found = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
    return ExecutionResult(None, [found])
