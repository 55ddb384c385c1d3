"""The answers to results of operations: data, coded and masked errors, and the limit of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult, GraphQLError

from execution.answer_size import AnswerTooLarge
from execution.answers import Answer, AnswerKind
from execution.errors import ErrorCode, execution_errors, is_variables_error, request_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from execution.errors import Explain


class Outcomes:
    """Makes the answers of one server. `explain` gives expected errors of the app a code."""

    def __init__(self, explain: Explain | None, *, max_bytes: int, hide_suggestions: bool) -> None:
        self._explain = explain
        self._max_bytes = max_bytes
        self._hide_suggestions = hide_suggestions

    def answer(self, result: ExecutionResult, request_id: str) -> Answer:
        """Return the answer to a result, encoded. The error in its place if it is above the limit."""
        answer = self._answer(result, request_id)
        encoded = answer.json
        if len(encoded) > self._max_bytes and answer.has_data:
            return AnswerTooLarge(len(encoded), self._max_bytes).answer()
        return Answer(answer.body, answer.kind, encoded)

    def _answer(self, result: ExecutionResult, request_id: str) -> Answer:
        errors = result.errors
        if not errors:
            body: dict[str, Any] = {"data": result.data}
            kind = AnswerKind.DATA
        elif result.data is None and all(error.path is None for error in errors):
            return self.nothing_ran(errors, request_id)
        else:
            body = {"data": result.data, "errors": execution_errors(errors, request_id, self._explain)}
            kind = AnswerKind.PARTIAL
        if result.extensions:
            body["extensions"] = result.extensions
        return Answer(body, kind)

    def nothing_ran(self, errors: Sequence[GraphQLError], request_id: str) -> Answer:
        """Return the answer for errors without a path: invalid variables, or an exception outside all fields."""
        if not all(is_variables_error(error) for error in errors):
            return self.broken(errors, request_id)
        entries = request_errors(errors, ErrorCode.BAD_USER_INPUT)
        if self._hide_suggestions:
            for entry in entries:
                entry["message"] = entry["message"].partition(" Did you mean ")[0]
        return Answer({"errors": entries}, AnswerKind.VARIABLES_ERROR)

    def broken(self, errors: Sequence[GraphQLError], request_id: str) -> Answer:
        """Return the answer for an exception outside all fields, or for a source stream that did not start."""
        return Answer({"errors": execution_errors(errors, request_id, self._explain)}, AnswerKind.FAULT)

    def fault(self, error: Exception, request_id: str) -> Answer:
        """Log an exception outside all fields, for example of a source stream, and return its answer."""
        thrown = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
        return self.broken([thrown], request_id)
