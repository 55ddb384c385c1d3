"""The charge of operations: a caller pays the cost of an operation before it runs, and gets unused points back.

The app decides on each charge. The refund is for the missing rows of a query's pages (`execution.refunds`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from strawberry.types.graphql import OperationType

from execution.answers import Answer, AnswerKind
from execution.cost import OperationTooExpensive
from execution.errors import ErrorCode, error_body
from execution.refunds import actual_cost

if TYPE_CHECKING:
    from execution.operations import OperationContext
    from execution.selection import Selected

COST = "cost"
"""The member of a request's `extensions` that asks for the cost, and of the answer's `extensions` with the cost."""


class Charged(Protocol):
    """The charge of one operation, admitted or refused."""

    @property
    def admitted(self) -> bool: ...
    @property
    def capacity(self) -> int:
        """The highest cost that can be admitted."""

    @property
    def retry_after(self) -> int:
        """Seconds until the caller should try again."""

    @property
    def cost(self) -> int:
        """The points charged: after `settle`, those of the actual cost."""

    def settle(self, cost: int) -> None:
        """Replace the cost by a lower actual cost."""

    def extension(self) -> dict[str, Any]:
        """Return the member `cost` of `extensions`."""

    def headers(self) -> dict[str, str]:
        """Return the header fields of an answer over HTTP."""


Charge = Callable[[Any, int], "Charged | Awaitable[Charged] | None"]
"""Charges the caller of a context. None if no limit applies to the caller."""


Admit = Callable[[Any], "Charged | Awaitable[Charged] | None"]
"""Charges a request, before its operation is known. None if no limit of requests applies to the caller."""


def no_admission(_context: object) -> None:
    """Return None: an app without a limit of requests."""
    return


def not_admitted(charged: Charged | None) -> Answer | None:
    """Return the answer that refuses a request; None if the request is admitted."""
    if charged is None or charged.admitted:
        return None
    seconds = charged.retry_after
    message = f"The limit of requests without a credential is reached: sign in, or try again in {seconds:,} s."
    return Answer(error_body(ErrorCode.RATE_LIMITED, message, retryAfter=seconds), AnswerKind.RATE_LIMITED)


def no_charge(_context: object, _cost: int) -> None:
    """Return None: an app without limits of use."""
    return


def asks_for_cost(selected: Selected) -> bool:
    """Whether the answer must have the cost: it is then for this request alone."""
    extensions = selected.request.extensions
    return extensions is not None and extensions.get(COST) is True


def charge_for(
    charge: Charge, selected: Selected, context: OperationContext
) -> Answer | Awaitable[Answer | None] | None:
    """Charge an operation and note the charge in its context. Return the answer that refuses it, or None."""
    charged = charge(context, _cost(selected))
    if charged is None:
        return None
    if isinstance(charged, Awaitable):
        return _note_later(charged, selected, context)
    return _note(charged, selected, context)


async def _note_later(charged: Awaitable[Charged], selected: Selected, context: OperationContext) -> Answer | None:
    return _note(await charged, selected, context)


def _note(charged: Charged, selected: Selected, context: OperationContext) -> Answer | None:
    context.charged = charged
    return None if charged.admitted else _refusal(charged, selected)


def _refusal(charged: Charged, selected: Selected) -> Answer:
    try:
        selected.document.costs[selected.name].check(selected.request.variables, charged.capacity)
    except OperationTooExpensive as refused:  # no wait would help
        return Answer(error_body(refused.code, refused.message, **refused.extensions), AnswerKind.LIMIT)
    seconds = charged.retry_after
    message = (
        f"The rate limit is reached: the operation costs {_cost(selected):,} points. All points are available again in "
        f"{seconds:,} s."
    )
    extensions = {"retryAfter": seconds, COST: charged.extension()}
    return Answer(error_body(ErrorCode.RATE_LIMITED, message, **extensions), AnswerKind.RATE_LIMITED)


def actual(selected: Selected, data: Mapping[str, Any] | None) -> int:
    """Return the actual cost of an operation that has ended with this data."""
    if selected.type is OperationType.QUERY and data is not None:
        return actual_cost(selected.document.costs[selected.name], selected.request.variables, data)
    return _cost(selected)


def with_cost(answer: Answer, selected: Selected, context: OperationContext) -> Answer:
    """Return the answer with its cost in `extensions`, if the request asks for the cost and a limit applies."""
    if context.charged is None or not answer.has_data or not asks_for_cost(selected):
        return answer
    body = answer.body
    return Answer(
        {**body, "extensions": {**body.get("extensions", {}), COST: context.charged.extension()}}, answer.kind
    )


def _cost(selected: Selected) -> int:
    return selected.document.costs[selected.name](selected.request.variables)
