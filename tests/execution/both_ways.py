"""Runs an operation by graphql-core and compiled, for comparison."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from graphql import ExecutionResult, GraphQLSchema, parse

from execution.compile.cache import compile_operation
from execution.compile.run import Program, Run
from execution.strawberry_parts import await_maybe, is_awaitable
from execution.variables import FastVariables


def build(
    schema: GraphQLSchema,
    text: str,
    *,
    root: Any = None,
    context: Any = None,
    variables: dict[str, Any] | None = None,
    name: str | None = None,
) -> Any:
    """Return an operation that is ready to run, or the errors in its variables."""
    return FastVariables.of(schema).build(
        schema, parse(text), root, context, variables, name, is_awaitable=is_awaitable, operation_extensions=None
    )


async def interpreted(operation: FastVariables) -> ExecutionResult:
    """Return graphql-core's result."""
    result = await await_maybe(operation.execute_operation())
    assert isinstance(result, ExecutionResult)
    return result


async def compiled(operation: FastVariables) -> tuple[ExecutionResult, bool]:
    """Return the result of the compiled operation, and whether its run gave up. The operation has a program."""
    program = compile_operation(operation)
    assert isinstance(program, Program), program
    run = Run(program, operation)
    try:
        try:
            if not run.begin():
                await run.finish()
        except Exception:
            result = await await_maybe(run.replay())
            assert isinstance(result, ExecutionResult)
            return result, True
        return ExecutionResult(run.data, None), False
    finally:
        await run.close()


async def differ(operation: Callable[[], FastVariables]) -> tuple[ExecutionResult, bool]:
    """Run two such operations, assert that the results are equal, and return the second, and whether it gave up."""
    expected = await interpreted(operation())
    await _settled()
    found, gave_up = await compiled(operation())
    await _settled()
    assert written(found) == written(expected)
    return found, gave_up


async def _settled() -> None:
    """Wait for the awaitables that graphql-core ends in the background after an error."""
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left)


def written(result: ExecutionResult) -> tuple[str, set[str]]:
    """Return a result with the order of its keys and the types of its values, and its errors.

    An error below a null of the answer is only its place: the specification lets an executor leave out further errors
    below the same null, and graphql-core leaves out those that come later.
    """
    errors = set()
    for error in result.errors or ():
        path = error.path or []
        null = _null_above(result.data, path)
        whole = f"{error.message} at {path} {error.locations} {error.extensions}"
        errors.add(whole if null == path else f"below {null}")
    return repr(result.data), errors


def _null_above(data: Any, path: list[str | int]) -> list[str | int]:
    """Return the path of the null in the answer at or above an error."""
    for length, key in enumerate(path):
        if data is None:
            return path[:length]
        data = data[key]
    return path
