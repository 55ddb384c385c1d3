"""A cache of documents: each text is parsed, measured against the limits and validated once.

The cache is bounded by the number of documents and by the length of their texts, since a parsed document takes about
250 times the memory of its text. Refusals are cached too: an invalid document costs its validation once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    validate,
)
from graphql import OperationType as CoreOperationType
from strawberry.types.graphql import OperationType

from execution.access import FieldRule, RuleOf, no_rule, rules
from execution.answers import Answer, AnswerKind
from execution.compile.plan import conditions
from execution.cost import Costs, OperationCost
from execution.errors import ErrorCode, error_body, request_errors
from execution.introspection import fields_of, introspections
from execution.lasting import lasting_queries
from execution.limits import LimitExceeded, Limits, check_document, read_text
from execution.strawberry_parts import FIRST, RULES, metadata_of
from execution.subscriptions import place_variables

MAX_DOCUMENTS = 500
MAX_TEXT = 250_000


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document, and the types of its operations by name."""

    node: DocumentNode
    operations: Mapping[str | None, OperationType]
    places: Mapping[str | None, frozenset[str]]
    """For each subscription, the variables that only set its beginning."""
    costs: Mapping[str | None, OperationCost]
    """The cost of each operation as a function of its variables."""
    introspections: frozenset[str | None]
    """The operations with an answer that depends on nothing but the schema."""
    lasting: frozenset[str | None]
    """The queries with answers that can be kept (`execution.answer_cache`)."""
    conditions: tuple[str, ...]
    """The variables in `@skip` and `@include`."""
    rules: Mapping[str | None, Sequence[FieldRule]]
    """For each operation, the access rules of its root fields."""
    first: Mapping[str | None, Sequence[Callable[[Any], Awaitable[Any]]]]
    """For each query, functions of the context that are awaited before its fields."""


class Documents:
    """The documents of one schema. The least recently used one leaves the cache first.

    `rule_of` returns the access rule of a root field.
    """

    def __init__(
        self, schema: GraphQLSchema, *, limits: Limits, hide_suggestions: bool, rule_of: RuleOf = no_rule
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._hide_suggestions = hide_suggestions
        self._costs = Costs(schema)
        self._rule_of = rule_of
        self._kept: OrderedDict[str, Document | Answer] = OrderedDict()
        self._text = 0

    def get(self, text: str) -> Document | Answer:
        """Return the document in `text`, or the answer that refuses it."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        found = self._read(text)
        if len(text) <= self._limits.characters:
            self._keep(text, found)
        return found

    def node(self, text: str) -> DocumentNode | None:
        """Return the parsed document; None if it is refused."""
        found = self.get(text)
        return found.node if isinstance(found, Document) else None

    def _keep(self, text: str, outcome: Document | Answer) -> None:
        self._kept[text] = outcome
        self._text += len(text)
        while self._text > MAX_TEXT or len(self._kept) > MAX_DOCUMENTS:
            oldest, _ = self._kept.popitem(last=False)
            self._text -= len(oldest)

    def _read(self, text: str) -> Document | Answer:
        try:
            node = read_text(text, self._limits)
            check_document(node, self._limits)
        except LimitExceeded as refused:
            return _refusal(refused)
        except GraphQLError as error:
            return Answer({"errors": request_errors([error], ErrorCode.GRAPHQL_PARSE_FAILED)}, AnswerKind.PARSE_ERROR)
        errors = validate(self._schema, node, RULES, hide_suggestions=self._hide_suggestions)
        if errors:
            body: dict[str, Any] = {"errors": request_errors(errors, ErrorCode.GRAPHQL_VALIDATION_FAILED)}
            return Answer(body, AnswerKind.VALIDATION_ERROR)
        return Document(
            node,
            _operations(node),
            place_variables(node),
            self._costs.of(node),
            introspections(node),
            lasting_queries(self._schema, node),
            conditions(node),
            rules(self._schema, node, self._rule_of),
            self._first(node),
        )

    def _first(self, node: DocumentNode) -> dict[str | None, list[Callable[[Any], Awaitable[Any]]]]:
        root = self._schema.query_type
        assert root is not None, "each schema has queries"
        fragments = {each.name.value: each for each in node.definitions if isinstance(each, FragmentDefinitionNode)}
        return {
            operation.name.value if operation.name else None: [
                metadata[FIRST]
                for name in dict.fromkeys(fields_of(operation.selection_set, fragments))
                if name in root.fields and FIRST in (metadata := metadata_of(root.fields[name]))
            ]
            for operation in node.definitions
            if isinstance(operation, OperationDefinitionNode) and operation.operation is CoreOperationType.QUERY
        }


def _refusal(refused: LimitExceeded) -> Answer:
    body = error_body(
        ErrorCode.QUERY_TOO_COMPLEX, str(refused), measure=refused.measure, limit=refused.limit, actual=refused.actual
    )
    return Answer(body, AnswerKind.LIMIT)


def _operations(node: DocumentNode) -> dict[str | None, OperationType]:
    return {
        definition.name.value if definition.name else None: OperationType(definition.operation.value)
        for definition in node.definitions
        if isinstance(definition, OperationDefinitionNode)
    }
