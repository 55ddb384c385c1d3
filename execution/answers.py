"""The answer to an operation: its response body, and its kind, from which each transport derives a status."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson


class AnswerKind(Enum):
    """Outcome of an operation. Only DATA, PARTIAL and TIMEOUT have a `data` key."""

    DATA = "data"
    PARTIAL = "partial"  # errors, and data or the null to which a non-null field reduced it
    TIMEOUT = "timeout"  # ended at the time limit: `data` is null
    BAD_REQUEST = "bad_request"  # the request does not have the shape of GraphQL requests
    PARSE_ERROR = "parse_error"
    VALIDATION_ERROR = "validation_error"
    LIMIT = "limit"  # beyond a limit of execution.limits, or above the maximum cost
    UNREGISTERED = "unregistered"  # an unknown hash: clients of Apollo's protocol send the text next
    UNKNOWN_DOCUMENT = "unknown_document"  # an unknown document id, or a document that is not trusted
    OPERATION_ERROR = "operation_error"  # unknown operationName, or none for several operations
    METHOD = "method"  # the transport does not run operations of this type
    VARIABLES_ERROR = "variables_error"
    FAULT = "fault"  # an exception outside all fields, or a source stream that did not start


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished response body, ready to be written as JSON."""

    body: dict[str, Any]
    """The body. Stored JSON in its data is an `orjson.Fragment`."""
    kind: AnswerKind
    encoded: bytes | None = field(default=None, compare=False, repr=False)
    """The body as JSON, if it was encoded to be measured."""

    @property
    def json(self) -> bytes:
        """The body as JSON."""
        return encode_json(self.body) if self.encoded is None else self.encoded


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """One answer of a subscription, as bytes: subscribers that share the stream receive the same object."""

    json: bytes
    """The response body, a JSON object. It has `data` unless the stream `failed`."""
    cursor: str | None = None
    """The cursor to resume after this answer; None if the stream has no cursors."""
    failed: bool = False
    """Whether the stream did not start or broke: this is its last answer, and `json` has `errors` and no `data`."""
    may_pass: bool = False
    """Whether it `failed` for a reason that may pass soon: the client should subscribe again."""
    has_errors: bool = False
    """Whether `json` has `errors`, with or without `data`."""


def encode_json(body: object) -> bytes:
    """Return the bytes of a JSON document, which may have parts that are JSON already (`orjson.Fragment`).

    The standard library writes integers beyond 64 bits: orjson refuses them.
    """
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body, default=read_fragment).encode()


def read_fragment(value: object) -> Any:
    """Return the value of a part that is JSON already. Raises TypeError for other values."""
    return json.loads(orjson.dumps(value))
