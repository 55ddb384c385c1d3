"""A cache of programs, bounded in bytes. An operation is compiled at its second use.

The first use costs an entry without a program: a flood of distinct operations is not compiled.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import structlog

from execution.compile.code import compile_plan
from execution.compile.plan import Unsupported, make_plan
from execution.compile.run import Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphql.execution import Executor as Operation

MAX_BYTES = 32 << 20
"""Bytes of all programs: some 400 operations of a dashboard."""

ENTRY_BYTES = 500
"""Bytes of an entry without its text and its program."""

BYTES_OF_NODES = 250
"""Memory of the parsed document for each character of its text: a program keeps the nodes of its fields."""

FIRST_USE = "first_use"

FAILED = "failed"
"""The compiler has a fault, which the log describes."""

log = structlog.stdlib.get_logger(__name__)

Key = tuple[str, str | None, tuple[bool, ...]]


class Programs:
    """The programs of one schema, by document, operation name and conditions. The least recently used leaves first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._kept: OrderedDict[Key, tuple[Program | str, int]] = OrderedDict()
        self.bytes = 0

    def get(self, text: str, name: str | None, conditions: Sequence[str], operation: Operation[Any]) -> Program | str:
        """Return the program of an operation, or the reason to interpret the operation.

        `conditions` are the variables in `@skip` and `@include`.
        """
        values = operation.variable_values.coerced if conditions else {}
        # A variable of the same name in another operation of the document can have any value.
        key = text, name, tuple([values.get(each) is True for each in conditions])
        found = self._kept.get(key)
        if found is None:
            self._keep(key, FIRST_USE)
            return FIRST_USE
        self._kept.move_to_end(key)
        if found[0] == FIRST_USE:
            return self._keep(key, compile_operation(operation))
        return found[0]

    def _keep(self, key: Key, made: Program | str) -> Program | str:
        size = ENTRY_BYTES + len(key[0])
        size += made.size + len(key[0]) * BYTES_OF_NODES if isinstance(made, Program) else 0
        _, before = self._kept.get(key, (None, 0))
        self._kept[key] = made, size
        self.bytes += size - before
        while self.bytes > self.max_bytes:
            _, (_, freed) = self._kept.popitem(last=False)
            self.bytes -= freed
        return made


def compile_operation(operation: Operation[Any]) -> Program | str:
    """Return the program of an operation, or the reason to interpret the operation."""
    try:
        return compile_plan(make_plan(operation), operation)
    except Unsupported as reason:
        return str(reason)
    except Exception:
        log.exception("operation not compiled")
        return FAILED
