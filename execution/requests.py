"""The request of a client, with its shape checked once for all transports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from execution.errors import BadRequest, ErrorCode


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """One operation as the client sent it: the types are checked, the text is not parsed yet."""

    query: str | None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None
    """The id of a persisted document (`execution.persisted`), in place of `query`."""


def parse_request(payload: object) -> OperationRequest:
    """Return the request in a decoded JSON body, or in the payload of a `subscribe` message.

    Unknown members are ignored, as the specification demands; null is the same as a missing member.

    Raises:
        BadRequest: The payload is not an object, or a member has the wrong type.
    """
    if isinstance(payload, list):
        raise BadRequest(
            ErrorCode.BATCHING_NOT_SUPPORTED, "Several operations in one request are not supported: send one object."
        )
    if not isinstance(payload, dict):
        raise BadRequest(ErrorCode.BAD_REQUEST, "The request must be a JSON object.")
    return OperationRequest(
        query=_member(payload, "query", str, "a string"),
        operation_name=_member(payload, "operationName", str, "a string"),
        variables=_member(payload, "variables", dict, "an object"),
        extensions=_member(payload, "extensions", dict, "an object"),
        document_id=_member(payload, "documentId", str, "a string"),
    )


def _member(payload: dict[str, Any], name: str, kind: type, described: str) -> Any:
    value = payload.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadRequest(ErrorCode.BAD_REQUEST, f"`{name}` must be {described} or null.")
    return value
