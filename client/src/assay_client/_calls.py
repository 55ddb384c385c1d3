"""Single calls of the API, whose responses are read as the schema's types. The client's methods are made of them."""

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
    """Calls of one server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def query(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a query. Returns its `data`."""
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
        """Run a mutation. Returns its payload.

        `made`: the payload's field that is null if the server refused the mutation. Raises Repeated, NotFound or
        UserErrors then.
        """
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
        """Queue encoded items as one batch."""
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
        """Return the analysis or batch of this id. Raises NotFound."""
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
        """Yield the nodes of all pages, in order.

        `inside` returns the object of `data` that has the page, or None if the batch does not exist. Raises NotFound
        then.
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
    """A refusal of a mutation that was sent twice: the first one, which got no response, may have succeeded."""


def read_as(type_: type[T], value: Any) -> T:
    """Convert a value of a response to its type. Raises UnexpectedAnswer if the value does not fit the schema."""
    try:
        return read(type_, value)
    except msgspec.ValidationError as error:
        raise UnexpectedAnswer(f"This version of assay-client does not understand the response: {error}.") from error


def read_event(value: Any) -> Event:
    """Read an event as its own type, or as an `Event` if its type is unknown."""
    return read_as(EVENTS.get(value["__typename"], Event), documents.event_fields(value))
