"""Subscriptions: their answers on the way to the clients, and which subscribers can share them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    from execution.operations import OperationContext
    from execution.requests import OperationRequest

PLACE_ARGUMENT = "after"
"""The argument of a subscription's field that sets only its beginning, and not the contents of its answers."""

PAGE = 32
"""Answers that are made before they are sent."""

PAGE_BYTES = 1 << 20
"""Bytes of answers that are made before they are sent; one answer may be larger."""


@runtime_checkable
class LogSource(Protocol):
    """A source stream that reads a log. The executor turns its events into the answers of a `SharedStream`.

    Its events depend on the operation, on the variables other than the place to begin, and on `audience`. Each event
    has a `cursor` and a `place`; places grow.
    """

    audience: Hashable
    place: Any
    """The place after which this subscriber begins; None for new events only."""

    cursor: str | None
    """The cursor of that place."""

    async def end(self) -> tuple[Any, str]:
        """Return the place of the log's end, and its cursor."""

    def follow(self, after: Any) -> tuple[OperationContext, AsyncGenerator[list[Any], None]]:
        """Return the events after a place, and then new ones as they come, with their own context."""

    def replay(self, after: Any, until: Any) -> tuple[OperationContext, AsyncGenerator[list[Any], None]]:
        """Return the events after the one place up to the other, with their own context."""


Pages = AsyncGenerator[Sequence[tuple[Any, "StreamAnswer"]], None]
"""Pages of answers, each answer with the place of its event; None if its source has no places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The answers of a begun subscription. The executor makes it, and it is passed on as it is, up to the transport."""

    follow: Callable[[Any], Pages]
    """The answers after a place; None for all of a source without places. Closing the generator closes the source."""
    failure: Callable[[Exception], StreamAnswer]
    """The last answer, if an exception ends the stream outside `follow`."""
    record: Callable[[bool], None]
    """To be called once at the end, with whether an answer had errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedStream(Stream):
    """A stream that reads a log: subscribers with an equal key can share its answers (`events.hub`)."""

    key: Hashable
    place: Any
    """The place after which the subscriber begins; None for new events only."""
    cursor: str | None
    """The cursor of that place."""
    end: Callable[[], Awaitable[tuple[Any, str]]]
    """The place of the log's end, and its cursor. Raises TimeoutError after the time limit of operations."""
    replay: Callable[[Any, Any], Pages]
    """The answers after the one place up to the other."""


def sharing_key(request: OperationRequest, places: frozenset[str], audience: Hashable) -> Hashable:
    """Return a key of everything that an answer depends on. `places` are the variables that it does not depend on."""
    variables = {name: value for name, value in (request.variables or {}).items() if name not in places}
    given = json.dumps([variables, request.extensions], sort_keys=True)
    return request.query, request.operation_name or None, given, audience


def place_variables(document: DocumentNode) -> Mapping[str | None, frozenset[str]]:
    """Return for each subscription the variables that only set its beginning: the document has no other use of them."""
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
    """Yield the name at each use of a variable, without definitions."""
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
