"""The parts of Strawberry that its documentation does not promise, all used here: check them with each upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import specified_rules
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.utils.await_maybe import await_maybe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import strawberry
    from graphql import DocumentNode, GraphQLField, GraphQLSchema
    from strawberry.types.field import StrawberryField

__all__ = ["RULES", "StrawberryGraphQLCoreExecutionContext", "attach", "await_maybe", "core_schema", "definition_of"]

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
"""The validation rules of Strawberry's own `execute`."""


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return graphql-core's schema behind Strawberry's."""
    return schema._schema


def definition_of(field: GraphQLField) -> StrawberryField:
    """Return Strawberry's definition of a field of graphql-core's schema."""
    definition: StrawberryField = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return definition


def attach(
    schema: strawberry.Schema,
    context_class: type[StrawberryGraphQLCoreExecutionContext],
    document_of: Callable[[str], DocumentNode | None],
) -> None:
    """Have the schema execute documents that are parsed and validated already, by this execution context."""

    class PreparedDocument(SchemaExtension):
        def on_parse(self) -> Iterator[None]:
            execution = self.execution_context
            document = document_of(execution.query or "")
            if document is not None:
                execution.graphql_document = document
                execution.pre_execution_errors = []  # an empty list: nothing is left to validate
            yield

    schema.extensions = (*schema.extensions, PreparedDocument)
    schema.execution_context_class = context_class
    # Strawberry would log each mistake of a client as an error; `execution.errors` logs the server's own.
    schema.process_errors = _leave_unlogged  # type: ignore[method-assign]


def _leave_unlogged(errors: object, execution_context: object = None) -> None:
    pass
