"""Submissions in the schema. Types with an `AnalysisRequest` are made for a set of analyzers."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

import strawberry

from execution.prices import priced
from resolvers import submissions as resolve
from resolvers.submissions import Item, Requested, Terms
from schema.access import ANALYST
from schema.analyses import Analysis
from schema.batches import Batch
from schema.common import USER_ERRORS, Info, UserError
from store.bounds import DEFAULT_ATTEMPTS, DEFAULT_PRIORITY, DEFAULT_TIMEOUT_SECONDS

_PRIORITY = "Priority, from 1 (lowest) to 10 (highest). Null means 5."
_IDEMPOTENCY = (
    "Idempotency key, 1 to 200 characters, without control characters. Within one day, the same key with the same "
    "input returns the first call's {} and starts no work; with different input the request is rejected."
)


@strawberry.type(description="Result of submitAnalysis.")
class SubmitAnalysisPayload:
    analysis: Analysis | None = strawberry.field(description="Submitted analysis. Null if the request was rejected.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.type(description="Result of batchProcess.")
class BatchProcessPayload:
    batch: Batch | None = strawberry.field(description="Submitted batch. Null if the whole batch was rejected.")
    user_errors: list[UserError] = strawberry.field(
        description=(
            "Reasons for rejecting the batch or, if the batch was accepted, up to 1,000 items with invalid "
            "content. Those items are FAILED; all others run."
        )
    )


def submission_mutation(analysis_request: Any) -> type:
    """Return the type with the mutations that submit, for this `AnalysisRequest`."""

    @strawberry.input(description="One item of a batch.")
    class BatchItem:
        key: str | None = strawberry.field(
            default=None,
            description=(
                "Key chosen by the caller, 1 to 200 characters, without control characters. Unique within the "
                'batch. Generated ("0", "1", …) if omitted.'
            ),
        )
        request: analysis_request = strawberry.field(description="Analyzer and input of the item.")
        priority: int | None = strawberry.field(default=DEFAULT_PRIORITY, description=_PRIORITY)

    @strawberry.input(description="Input of batchProcess.")
    class BatchProcessInput:
        name: str | None = strawberry.field(
            default=None, description="Name of the batch, 1 to 200 characters, without control characters."
        )
        items: list[BatchItem] | None = strawberry.field(default=None, description="1 to 10,000 items.")
        timeout_seconds: int | None = strawberry.field(
            default=DEFAULT_TIMEOUT_SECONDS,
            description=(
                "Seconds until unfinished items time out: 1 to 86,400. Counted from submission, or from a retry "
                "that reopens the batch. Null means 300."
            ),
        )
        max_attempts: int | None = strawberry.field(
            default=DEFAULT_ATTEMPTS,
            description=(
                "Maximum number of attempts for each item: 1 to 10. Only retryable errors lead to another "
                "attempt. Null means 3."
            ),
        )
        wait_seconds: float | None = strawberry.field(
            default=0,
            description=(
                "Seconds to wait for the batch to end before the mutation returns, at most 60. 0 returns "
                "immediately. Null means 0."
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

    # For speed, the up to 10,000 items are built straight from the coerced values, without Strawberry's conversion.
    BatchProcessInput.__strawberry_definition__.from_input = read_batch  # type: ignore[attr-defined]

    @strawberry.input(description="Input of submitAnalysis.")
    class SubmitAnalysisInput:
        request: analysis_request = strawberry.field(description="Analyzer and input.")
        priority: int | None = strawberry.field(default=DEFAULT_PRIORITY, description=_PRIORITY)
        timeout_seconds: int | None = strawberry.field(
            default=DEFAULT_TIMEOUT_SECONDS,
            description="Maximum duration of one attempt in seconds: 1 to 86,400. Null means 300.",
        )
        max_attempts: int | None = strawberry.field(
            default=DEFAULT_ATTEMPTS,
            description=(
                "Maximum number of attempts: 1 to 10. Only retryable errors lead to another attempt. Null means 3."
            ),
        )
        wait_seconds: float | None = strawberry.field(
            default=0,
            description=(
                "Seconds to wait for the analysis to end before the mutation returns, at most 60. 0 returns "
                "immediately. Null means 0."
            ),
        )
        idempotency_key: str | None = strawberry.field(default=None, description=_IDEMPOTENCY.format("analysis"))

    @strawberry.type
    class SubmissionMutation:
        @strawberry.mutation(directives=ANALYST, description="Submits one analysis.")
        async def submit_analysis(
            self,
            info: Info,
            input: Annotated[SubmitAnalysisInput, strawberry.argument(description="Analysis to submit.")],
        ) -> SubmitAnalysisPayload:
            requested: Requested = input.request
            priority = DEFAULT_PRIORITY if input.priority is None else input.priority
            return await resolve.submit_analysis(info.context, requested, priority, _terms(input))

        @strawberry.mutation(
            directives=ANALYST,
            description="Submits 1 to 10,000 analyses as one batch. Items with invalid content fail; all others run.",
            metadata=priced(counted="items", per_point=10),
        )
        async def batch_process(
            self, info: Info, input: Annotated[BatchProcessInput, strawberry.argument(description="Batch to submit.")]
        ) -> BatchProcessPayload:
            items = cast(list[Item] | None, input.items)
            return await resolve.batch_process(info.context, input.name, items, _terms(input))

    return SubmissionMutation


def _terms(input_: Any) -> Terms:
    """Return the terms of an input object, with the default for each null."""
    return Terms(
        timeout_seconds=DEFAULT_TIMEOUT_SECONDS if input_.timeout_seconds is None else input_.timeout_seconds,
        max_attempts=DEFAULT_ATTEMPTS if input_.max_attempts is None else input_.max_attempts,
        wait_seconds=input_.wait_seconds or 0,
        idempotency_key=input_.idempotency_key,
    )
