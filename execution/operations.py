"""Operations built and run on one schema, and the parts of a server that queries, mutations and subscriptions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import structlog

from execution.answer_size import AnswerSize
from execution.outcomes import Outcomes
from execution.runner import Runner
from execution.strawberry_parts import core_schema, is_awaitable
from execution.variables import FastVariables
from telemetry import ANONYMOUS

if TYPE_CHECKING:
    import strawberry

    from execution.eager import TimeLimit
    from execution.errors import Explain
    from execution.lasting import Reads
    from execution.runner import Result
    from execution.selection import Selected
    from settings import Settings
    from telemetry import Telemetry

# Characters of an operation's name in a log line.
LONGEST_LOGGED_NAME = 100

log = structlog.stdlib.get_logger(__name__)


class OperationContext(Protocol):
    """The part of an app's context that the executor uses. Each operation has its own context."""

    request_id: str
    time_limit: TimeLimit | None
    """Set by the executor. A resolver that waits on behalf of the client may extend it. None for subscriptions."""
    last_event_id: str | None
    """Set by the transport if a client resumes a subscription: the cursor to resume after, instead of `after`."""
    answer_size: AnswerSize
    """Set by the executor for each answer. Resolvers count large contents before they read them."""
    charged: Any
    """Set by the executor: the `Charged` of the operation; None if no limit applies to the caller."""
    reads: Reads | None
    """Reports of resolvers, for the cache of answers; None if no answer is kept."""


class Operations:
    """Builds the operations of one schema, runs them, and makes, counts and logs their answers."""

    def __init__(
        self,
        schema: strawberry.Schema,
        settings: Settings,
        telemetry: Telemetry,
        explain: Explain | None,
        compiled_bytes: int,
    ) -> None:
        self.core = core_schema(schema)
        self.hide_suggestions = settings.environment == "production"
        self.seconds = settings.operation_timeout_seconds
        """The time limit of an operation, and of the beginning of a subscription."""
        self.max_cost = settings.max_cost
        self.outcomes = Outcomes(explain, max_bytes=settings.max_answer_bytes, hide_suggestions=self.hide_suggestions)
        self.telemetry = telemetry
        self._max_answer_bytes = settings.max_answer_bytes
        self._slow_ms = settings.slow_ms
        self._operation = FastVariables.of(self.core)
        self._runner = Runner(telemetry, self.measure_again, compiled_bytes)

    def build(self, selected: Selected, context: OperationContext) -> Any:
        """Return the operation, ready to run, or a list of the errors in its variables."""
        request = selected.request
        return self._operation.build(
            self.core,
            selected.document.node,
            None,
            context,
            request.variables,
            selected.name,
            is_awaitable=is_awaitable,
            operation_extensions=request.extensions,
        )

    def run(self, selected: Selected, operation: FastVariables) -> Result:
        """Run an operation until its end, or until something must be awaited: then return the rest."""
        return self._runner.begin(selected.text, selected.document, selected.name, operation)

    def measure_again(self, context: OperationContext) -> None:
        """Count the contents of an answer from zero."""
        context.answer_size = AnswerSize(self._max_answer_bytes)

    def log_if_slow(self, selected: Selected, request_id: str, seconds: float) -> None:
        """Log an operation above the limit of the settings by its name, without its variables."""
        if self._slow_ms and seconds * 1000 >= self._slow_ms:
            log.warning(
                "slow operation",
                operation=(selected.name or ANONYMOUS)[:LONGEST_LOGGED_NAME],
                kind=selected.type.value,
                milliseconds=round(seconds * 1000, 3),
                cost=selected.document.costs[selected.name](selected.request.variables),
                request_id=request_id,
            )
