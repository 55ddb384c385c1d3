"""A pytest plugin for graphql-core's own tests: `execute` and `execute_sync` run compiled operations.

It writes the number of compiled operations, of those that gave up, and the reasons for the others, to a file.
"""

from __future__ import annotations

import importlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import graphql
import graphql.execution
import pytest
from graphql import ExecutionResult
from graphql.execution.incremental.incremental_executor import IncrementalExecutor

from execution.compile.cache import compile_operation
from execution.compile.run import Run

COUNTS: Counter[str] = Counter()

MODULE = importlib.import_module("graphql.execution.execute")
EXECUTE, EXECUTE_SYNC = MODULE.execute, MODULE.execute_sync

# Arguments of `execute` that the server does not use.
OPTIONS = {"middleware", "executor_class", "abort_signal", "hooks", "enable_early_execution"}


def execute(
    schema: Any, document: Any, root_value: Any = None, context_value: Any = None, *more: Any, **named: Any
) -> Any:
    """Run an operation by its program if it has one."""
    if OPTIONS & {name for name, value in named.items() if value} or len(more) > 2:
        COUNTS["options"] += 1
        return EXECUTE(schema, document, root_value, context_value, *more, **named)
    if more:
        named = {**dict(zip(("variable_values", "operation_name"), more, strict=False)), **named}
    arguments = {key: value for key, value in named.items() if key not in {"variable_values", *OPTIONS}}
    operation = IncrementalExecutor.build(
        schema, document, root_value, context_value, named.get("variable_values"), **arguments
    )
    if isinstance(operation, list):
        COUNTS["refused"] += 1
        return EXECUTE(schema, document, root_value, context_value, **named)
    if any(each.name in ("defer", "stream") for each in schema.directives):
        COUNTS["incremental"] += 1
        return EXECUTE(schema, document, root_value, context_value, **named)
    program = compile_operation(operation)
    if isinstance(program, str):
        COUNTS[program] += 1
        return EXECUTE(schema, document, root_value, context_value, **named)
    run = Run(program, operation)
    try:
        ended = run.begin()
    except Exception:
        COUNTS["gave_up"] += 1
        return run.replay()
    if not ended:
        return _finish(run)
    COUNTS["compiled"] += 1
    return ExecutionResult(run.data, None)


async def _finish(run: Run) -> Any:
    try:
        try:
            await run.finish()
        except Exception:
            COUNTS["gave_up"] += 1
            result = run.replay()
            return await result if run.operation.is_awaitable(result) else result
        COUNTS["compiled"] += 1
        return ExecutionResult(run.data, None)
    finally:
        await run.close()


def execute_sync(schema: Any, document: Any, *more: Any, check_sync: bool = False, **named: Any) -> Any:
    """Run an operation by its program, unless awaitables must be found."""
    if check_sync:
        return EXECUTE_SYNC(schema, document, *more, check_sync=check_sync, **named)
    return execute(schema, document, *more, is_awaitable=lambda _: False, **named)


def pytest_configure() -> None:
    """Replace the functions before the tests import them."""
    for module in (graphql, graphql.execution, MODULE, importlib.import_module("graphql.graphql")):
        for name, function in (("execute", execute), ("execute_sync", execute_sync)):
            # The module `execute` has the same name as its function.
            if callable(getattr(module, name, None)):
                setattr(module, name, function)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the counts."""
    Path(os.environ["COMPILED_CORE_COUNTS"]).write_text(json.dumps(COUNTS))
