"""The access rules of an operation: those of its root fields, each once, with and without `@skip` and `@include`.

A rule is any value of the app, which decides whether a caller meets it before the operation runs: an operation is
refused as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import FragmentDefinitionNode, OperationDefinitionNode

from execution.answers import Answer, AnswerKind
from execution.errors import ClientError, ErrorCode, error_body
from execution.introspection import fields_of

if TYPE_CHECKING:
    from graphql import DocumentNode, GraphQLField, GraphQLSchema


class FieldRule(NamedTuple):
    """The name of a root field, and its access rule."""

    name: str
    rule: Any


RuleOf = Callable[["GraphQLField | None"], Any]
"""Returns the rule of a root field; None for none. Introspection has no definition."""

Refuse = Callable[[Any, Sequence[FieldRule]], ClientError | None]
"""Returns the error that refuses the caller of a context; None if it meets the rules."""


def unmet(error: ClientError | None) -> Answer | None:
    """Return the answer with the error of an unmet rule; None without an error."""
    if error is None:
        return None
    kind = AnswerKind.FORBIDDEN if error.code == ErrorCode.FORBIDDEN else AnswerKind.UNAUTHENTICATED
    return Answer(error_body(error.code, error.message, **error.extensions), kind)


def no_rule(_field: GraphQLField | None) -> None:
    """Return None: a field of an app without access rules."""
    return


def rules(schema: GraphQLSchema, document: DocumentNode, rule_of: RuleOf) -> Mapping[str | None, Sequence[FieldRule]]:
    """Return the rules of a valid document's operations by their names."""
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    found: dict[str | None, Sequence[FieldRule]] = {}
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            root = schema.get_root_type(operation.operation)
            assert root is not None, "the document is valid"
            names = dict.fromkeys(fields_of(operation.selection_set, fragments))
            own = {name: rule_of(root.fields.get(name)) for name in names}
            distinct = {rule: FieldRule(name, rule) for name, rule in reversed(own.items()) if rule is not None}
            found[operation.name.value if operation.name else None] = tuple(distinct.values())
    return found
