"""The operation of a request: its text, its name, and the reasons to refuse it before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from strawberry.types.graphql import OperationType

from execution.answers import Answer, AnswerKind
from execution.cost import OperationTooExpensive
from execution.errors import MAX_QUOTED, ErrorCode, error_body

if TYPE_CHECKING:
    from execution.documents import Document, Documents
    from execution.persisted import PersistedDocuments
    from execution.requests import OperationRequest

_NOT_HERE = {
    OperationType.QUERY: "Queries are not run here.",
    OperationType.MUTATION: "Mutations are run by POST only.",
    OperationType.SUBSCRIPTION: "Subscriptions are run over WebSocket, with the subprotocol graphql-transport-ws, or "
    "where `Accept` names text/event-stream or multipart/mixed.",
}


class Selected(NamedTuple):
    """The operation that a request selects."""

    request: OperationRequest
    """The request with the text of its document."""
    name: str | None
    type: OperationType
    document: Document

    @property
    def text(self) -> str:
        """The text of the document."""
        return self.request.query or ""


def select(request: OperationRequest, persisted: PersistedDocuments, documents: Documents) -> Selected | Answer:
    """Return the operation to run, or the answer that refuses the request."""
    resolved = persisted.resolve(request)
    if isinstance(resolved, Answer):
        return resolved
    request = resolved
    if not request.query:
        message = "`query` is missing: it must hold the text of an operation."
        return Answer(error_body(ErrorCode.BAD_REQUEST, message), AnswerKind.BAD_REQUEST)
    document = documents.get(request.query)
    if isinstance(document, Answer):
        return Answer(dict(document.body), document.kind)
    operations, name = document.operations, request.operation_name or None
    if name is None and len(operations) == 1:
        return Selected(request, *next(iter(operations.items())), document)
    if name is not None and name in operations:
        return Selected(request, name, operations[name], document)
    message = (
        f"Unknown operation named '{name[:MAX_QUOTED]}'."
        if name is not None
        else "`operationName` is missing: the document has several operations."
        if operations
        else "The document has no operation."
    )
    body = error_body(ErrorCode.OPERATION_RESOLUTION_FAILURE, message)
    return Answer(body, AnswerKind.OPERATION_ERROR)


def refusal(selected: Selected, allowed: frozenset[OperationType], max_cost: int) -> Answer | None:
    """Return the answer that refuses an operation of another type, or one above the maximum cost."""
    if selected.type not in allowed:
        body = error_body(ErrorCode.METHOD_NOT_ALLOWED, _NOT_HERE[selected.type], operationType=selected.type.value)
        return Answer(body, AnswerKind.METHOD)
    try:
        selected.document.costs[selected.name].check(selected.request.variables, max_cost)
    except OperationTooExpensive as refused:
        return Answer(error_body(refused.code, refused.message, **refused.extensions), AnswerKind.LIMIT)
    return None
