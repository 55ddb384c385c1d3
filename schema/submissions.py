"""Submitting in the schema. The types that hold an `AnalysisRequest` are made for a set of analyzers."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

import strawberry

from resolvers import submissions as resolve
from resolvers.submissions import Item, Requested, Terms
from schema.analyses import Analysis
from schema.batches import Batch
from schema.common import USER_ERRORS, Info, UserError
from store.bounds import DEFAULT_ATTEMPTS, DEFAULT_PRIORITY, DEFAULT_TIMEOUT_SECONDS

_PRIORITY = "From 1 (last) to 10 (first). A null stands for the default."
_ATTEMPTS = "How often each analysis is tried where another try could end differently: 1 to 10."
_IDEMPOTENCY = (
    "1 to 200 characters. The same key with the same input, within a day, answers with the first call's {} and starts "
    "nothing; with another input it is refused."
)


@strawberry.type(description="What came of a submission.")
class SubmitAnalysisPayload:
    analysis: Analysis | None = strawberry.field(description="Null where the submission was refused.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.type(description="What came of a batch's submission.")
class BatchProcessPayload:
    batch: Batch | None = strawberry.field(description="Null where the whole batch was refused.")
    user_errors: list[UserError] = strawberry.field(
        description=(
            "Why the batch was refused; or, where there is one, the items whose content is at fault, at most 1,000: "
            "they have FAILED, and the others run."
        )
    )


def submission_mutation(analysis_request: Any) -> type:
    """The mutations that submit, for this `AnalysisRequest`."""

    @strawberry.input(description="One item of a batch.")
    class BatchItem:
        key: str | None = strawberry.field(
            default=None,
            description=(
                'The caller\'s own name for the item, 1 to 200 characters; made up ("0", "1", …) where it is not given.'
            ),
        )
        request: analysis_request = strawberry.field(description="What is to be analyzed.")
        priority: int | None = strawberry.field(default=DEFAULT_PRIORITY, description=_PRIORITY)

    @strawberry.input(description="A batch to run.")
    class BatchProcessInput:
        name: str | None = strawberry.field(default=None, description="A name for it, 1 to 200 characters.")
        items: list[BatchItem] | None = strawberry.field(default=None, description="1 to 10,000 items.")
        timeout_seconds: int | None = strawberry.field(
            default=DEFAULT_TIMEOUT_SECONDS, description="Seconds until what has not ended is timed out: 1 to 86,400."
        )
        max_attempts: int | None = strawberry.field(default=DEFAULT_ATTEMPTS, description=_ATTEMPTS)
        wait_seconds: float | None = strawberry.field(
            default=0,
            description=(
                "Answer when the batch has ended, or after this many seconds, whichever is first; 0 answers at once. "
                "At most 60."
            ),
        )
        idempotency_key: str | None = strawberry.field(default=None, description=_IDEMPOTENCY.format("batch"))

    read_request = analysis_request.__strawberry_definition__.from_input

    def read_item(value: Mapping[str, Any], context: Any) -> Item:
        priority = value["priority"]
        requested = read_request(analysis_request, value["request"], context)
        return Item(value.get("key"), requested, DEFAULT_PRIORITY if priority is None else priority)

    def read_batch(batch: type[BatchProcessInput], value: Mapping[str, Any], context: Any) -> BatchProcessInput:
        items = value.get("items")
        return batch(
            name=value.get("name"),
            items=None if items is None else [read_item(item, context) for item in items],
            timeout_seconds=value["timeoutSeconds"],
            max_attempts=value["maxAttempts"],
            wait_seconds=value["waitSeconds"],
            idempotency_key=value.get("idempotencyKey"),
        )

    # Ten thousand items are read straight from what has been coerced.
    BatchProcessInput.__strawberry_definition__.from_input = read_batch  # type: ignore[attr-defined]

    @strawberry.input(description="One analysis to run.")
    class SubmitAnalysisInput:
        request: analysis_request = strawberry.field(description="What is to be analyzed.")
        priority: int | None = strawberry.field(default=DEFAULT_PRIORITY, description=_PRIORITY)
        timeout_seconds: int | None = strawberry.field(
            default=DEFAULT_TIMEOUT_SECONDS, description="The longest that one try may take, in seconds: 1 to 86,400."
        )
        max_attempts: int | None = strawberry.field(default=DEFAULT_ATTEMPTS, description=_ATTEMPTS)
        wait_seconds: float | None = strawberry.field(
            default=0,
            description=(
                "Answer when the analysis has ended, or after this many seconds, whichever is first; 0 answers at "
                "once. At most 60."
            ),
        )
        idempotency_key: str | None = strawberry.field(default=None, description=_IDEMPOTENCY.format("analysis"))

    @strawberry.type
    class SubmissionMutation:
        @strawberry.mutation(description="Queues one analysis.")
        async def submit_analysis(
            self, info: Info, input: Annotated[SubmitAnalysisInput, strawberry.argument(description="What and how.")]
        ) -> SubmitAnalysisPayload:
            requested: Requested = input.request
            priority = DEFAULT_PRIORITY if input.priority is None else input.priority
            return await resolve.submit_analysis(info.context, requested, priority, _terms(input))

        @strawberry.mutation(
            description=(
                "Queues 1 to 10,000 analyses as one batch. Partial failure is normal: an item whose content is at "
                "fault has FAILED, and the others run."
            )
        )
        async def batch_process(
            self, info: Info, input: Annotated[BatchProcessInput, strawberry.argument(description="What and how.")]
        ) -> BatchProcessPayload:
            items = cast(list[Item] | None, input.items)
            return await resolve.batch_process(info.context, input.name, items, _terms(input))

    return SubmissionMutation


def _terms(input_: Any) -> Terms:
    """A null stands for the default."""
    return Terms(
        timeout_seconds=DEFAULT_TIMEOUT_SECONDS if input_.timeout_seconds is None else input_.timeout_seconds,
        max_attempts=DEFAULT_ATTEMPTS if input_.max_attempts is None else input_.max_attempts,
        wait_seconds=input_.wait_seconds or 0,
        idempotency_key=input_.idempotency_key,
    )
