"""What lets subscribers share a stream: who wants the same, and the same answers made once for all of them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from graphql import (
    DocumentNode,
    FieldNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    VariableNode,
)

if TYPE_CHECKING:
    from execution.answers import StreamAnswer
    from execution.executor import OperationContext
    from execution.requests import OperationRequest

PLACE_ARGUMENT = "after"
"""The argument of a subscription's field that says where the subscriber begins, and has no part in what it wants."""

# Answers that are made before they are sent.
PAGE = 32


@runtime_checkable
class LogSource(Protocol):
    """A source stream that is read from a log.

    What it brings depends on the operation, on the variables but for the place to begin at, and on `audience`. Its
    events have a `cursor` and a `place`, which grows.
    """

    audience: Hashable
    place: Any
    """Behind which this subscriber begins; None for what is new."""

    async def end(self) -> Any:
        """Where the log ends now."""

    def cursor(self, place: Any) -> str:
        """The cursor of a place, whether an event stands there or not."""

    def follow(self, after: Any) -> tuple[OperationContext, AsyncGenerator[list[Any], None]]:
        """The events behind a place and then as they come, and a context of their own to answer them in."""

    def replay(self, after: Any, until: Any) -> tuple[OperationContext, AsyncGenerator[list[Any], None]]:
        """The events behind the one place and not behind the other."""


Answered = AsyncGenerator[list[tuple[Any, "StreamAnswer"]], None]
"""Answers in pages, each answer with its event's place."""


class SharedStream:
    """A subscription that others may share. What `events.hub` needs of it, in terms of answers."""

    __slots__ = ("_answered", "_seconds", "_source", "failure", "key", "place", "record")

    def __init__(
        self,
        key: Hashable,
        source: LogSource,
        answered: Callable[[OperationContext, AsyncGenerator[list[Any], None], Any], Answered],
        failure: Callable[[Exception], StreamAnswer],
        record: Callable[[bool], None],
        *,
        seconds: float,
    ) -> None:
        self.key = key
        self.place = source.place
        self.failure = failure
        """The last answer, where the stream can't be joined."""
        self.record = record
        """To be called when the subscriber has left, with whether an answer had errors."""
        self._source = source
        self._answered = answered
        self._seconds = seconds

    async def end(self) -> Any:
        """Where the log ends now. Raises TimeoutError where that can't be had in time."""
        async with asyncio.timeout(self._seconds):
            return await self._source.end()

    def cursor(self, place: Any) -> str:
        """The cursor of a place."""
        return self._source.cursor(place)

    def follow(self, after: Any) -> Answered:
        """The answers to what stands behind a place, and then as it comes."""
        return self._answered(*self._source.follow(after), after)

    def replay(self, after: Any, until: Any) -> Answered:
        """The answers to what stands behind the one place and not behind the other."""
        return self._answered(*self._source.replay(after, until), after)


def sharing_key(request: OperationRequest, places: frozenset[str], audience: Hashable) -> Hashable:
    """Equal for those that want the same, all that an answer can depend on being equal. `places` are left out."""
    variables = {name: value for name, value in (request.variables or {}).items() if name not in places}
    given = json.dumps([variables, request.extensions], sort_keys=True)
    return request.query, request.operation_name or None, given, audience


def place_variables(document: DocumentNode) -> Mapping[str | None, frozenset[str]]:
    """For each subscription, the variables that say where to begin, and are used for nothing else in the document."""
    if not any(operation.operation is OperationType.SUBSCRIPTION for operation in _operations(document)):
        return {}
    uses = Counter(_variables(document))
    return {
        definition.name.value if definition.name else None: frozenset(
            name for name, count in Counter(_begins(definition)).items() if count == uses[name]
        )
        for definition in _operations(document)
        if definition.operation is OperationType.SUBSCRIPTION
    }


def _operations(document: DocumentNode) -> Iterator[OperationDefinitionNode]:
    return (each for each in document.definitions if isinstance(each, OperationDefinitionNode))


def _begins(operation: OperationDefinitionNode) -> Iterator[str]:
    for field in operation.selection_set.selections:
        for argument in (field.arguments or ()) if isinstance(field, FieldNode) else ():
            if argument.name.value == PLACE_ARGUMENT and isinstance(argument.value, VariableNode):
                yield argument.value.name.value


def _variables(document: DocumentNode) -> Iterator[str]:
    """Every use of a variable, its definition aside."""
    nodes: list[Node] = [document]
    while nodes:
        node = nodes.pop()
        if isinstance(node, VariableNode):
            yield node.name.value
            continue
        for key in node.keys:
            if key == "variable" and isinstance(node, VariableDefinitionNode):
                continue
            child = getattr(node, key)
            if isinstance(child, Node):
                nodes.append(child)
            elif isinstance(child, (list, tuple)):
                nodes.extend(each for each in child if isinstance(each, Node))
