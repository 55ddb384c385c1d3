"""What the client's methods are made of: one call each, its answer read as the types that the schema says."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from assay_client import _documents as documents
from assay_client._bar import ThingT
from assay_client._base import read
from assay_client._given import given
from assay_client._transport import Transport
from assay_client.errors import NotFound, UnexpectedAnswer, UserErrors
from assay_client.models import EVENTS, Batch, Event, UserError, UserErrorCode

T = TypeVar("T")


class Calls:
    """The calls of one server, by their documents."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def query(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A query's `data`."""
        return (await self._transport.execute(document, variables or {}, safe=True)).data

    async def mutate(
        self,
        document: str,
        given: Mapping[str, Any],
        *,
        made: str = "analysis",
        safe: bool = True,
        more_seconds: float = 0,
    ) -> dict[str, Any]:
        """A mutation's payload. Raises where `made` is null in it, which is what refuses it."""
        answer = await self._transport.execute(document, {"input": given}, safe=safe, more_seconds=more_seconds)
        payload: dict[str, Any] = answer.data["payload"]
        if payload[made] is not None:
            return payload
        errors = read_as(list[UserError], payload["userErrors"])
        if answer.repeated:
            raise Repeated(errors)
        if errors and all(error.code == UserErrorCode.NOT_FOUND for error in errors):
            raise NotFound(errors[0].message)
        raise UserErrors(errors)

    async def submit_batch(
        self,
        items: Sequence[msgspec.Raw],
        name: str | None,
        timeout_seconds: int | None,
        max_attempts: int | None,
        idempotency_key: str | None,
    ) -> Batch:
        """Queue items, each encoded, as one batch."""
        wanted = given(
            items=items,
            name=name,
            timeoutSeconds=timeout_seconds,
            maxAttempts=max_attempts,
            idempotencyKey=idempotency_key or uuid.uuid4().hex,
        )
        payload = await self.mutate(documents.SUBMIT_BATCH, wanted, made="batch")
        return read_as(Batch, payload["batch"])

    async def thing(self, type_: type[ThingT], id_: str) -> ThingT:
        """The analysis or batch of this id. Raises NotFound."""
        found = (await self.query(documents.KINDS[type_].get, {"id": id_}))["thing"]
        if found is None:
            raise NotFound(f"There is no {type_.__name__.lower()} {id_}.")
        return read_as(type_, found)

    async def pages(
        self,
        document: str,
        variables: Mapping[str, Any],
        size: int,
        inside: Callable[[dict[str, Any]], dict[str, Any] | None],
    ) -> AsyncGenerator[Any, None]:
        """The nodes of one page after the other.

        `inside`: what of the `data` has the page; None where there is no such batch, which raises NotFound.
        """
        after = variables.get("after")
        while True:
            found = inside(await self.query(document, {**variables, "first": size, "after": after}))
            if found is None:
                raise NotFound(f"There is no batch {variables['id']}.")
            page = found["page"]
            for node in page["nodes"]:
                yield node
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]


class Repeated(UserErrors):
    """Refused, when it had been sent before without an answer: the refusal may be of what the first one did."""


def read_as(type_: type[T], value: Any) -> T:
    """A value of an answer. Raises UnexpectedAnswer where it is not what the schema says."""
    try:
        return read(type_, value)
    except msgspec.ValidationError as error:
        raise UnexpectedAnswer(f"The answer is none that this version of assay-client understands: {error}.") from error


def read_event(value: Any) -> Event:
    """An event, as the type that it says; of one that is not known, what every event has."""
    return read_as(EVENTS.get(value["__typename"], Event), documents.event_fields(value))
