"""The explanation of a document's operation, for `server.py explain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graphql.execution.values import VariableValues

from execution.answers import Answer
from execution.compile.explain import explain
from execution.compile.plan import Unsupported
from execution.documents import Documents
from execution.limits import Limits
from execution.strawberry_parts import core_schema
from execution.variables import FastVariables, without_variables

if TYPE_CHECKING:
    import strawberry


class NotExplained(Exception):
    """The document is invalid, or graphql-core runs the operation. The message is for the user."""


def explain_text(schema: strawberry.Schema, text: str, name: str | None, variables: dict[str, Any]) -> str:
    """Return the plan and the code of an operation of a text. Raises NotExplained.

    `variables` needs only those in `@skip` and `@include`.
    """
    core = core_schema(schema)
    document = Documents(core, limits=Limits(), hide_suggestions=False).get(text)
    if isinstance(document, Answer):
        raise NotExplained("; ".join(each["message"] for each in document.body["errors"]))
    names = list(document.operations)
    if name is None and len(names) > 1:
        raise NotExplained(f"the document has several operations: choose one of {', '.join(map(str, names))}")
    if name is not None and name not in names:
        raise NotExplained(f"the document has no operation {name}")
    for each in document.conditions:
        if not isinstance(variables.get(each), bool):
            raise NotExplained(f"the plan depends on ${each}: pass its value, {json.dumps({each: True})}")
    operation = FastVariables.of(core).build(core, without_variables(document.node), operation_name=name)
    operation.variable_values = VariableValues({}, variables)
    try:
        return explain(operation)
    except Unsupported as reason:
        raise NotExplained(f"graphql-core runs this operation: {reason}") from None
