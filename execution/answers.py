"""The answer to an operation: its response body, and its kind, from which each transport derives a status."""

from __future__ import annotations

import json
from dataclasses import dataclass
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
    RATE_LIMITED = "rate_limited"  # the caller has too few points
    LIMIT = "limit"  # beyond a limit of execution.limits, or above the maximum cost
    UNREGISTERED = "unregistered"  # an unknown hash: clients of Apollo's protocol send the text next
    UNKNOWN_DOCUMENT = "unknown_document"  # an unknown document id, or a document that is not trusted
    OPERATION_ERROR = "operation_error"  # unknown operationName, or none for several operations
    UNAUTHENTICATED = "unauthenticated"  # a field requires a credential
    FORBIDDEN = "forbidden"  # a field requires more than the caller has
    METHOD = "method"  # the transport does not run operations of this type
    VARIABLES_ERROR = "variables_error"
    FAULT = "fault"  # an exception outside all fields, or a source stream that did not start


_WITH_DATA = frozenset({AnswerKind.DATA, AnswerKind.PARTIAL, AnswerKind.TIMEOUT})


class Answer:
    """A finished response body, ready to be written as JSON. `encoded` is the body as JSON, if there is one already."""

    __slots__ = ("_body", "_encoded", "kind")

    def __init__(self, body: dict[str, Any] | None, kind: AnswerKind, encoded: bytes | None = None) -> None:
        self._body = body
        self._encoded = encoded
        self.kind = kind

    @classmethod
    def of_json(cls, encoded: bytes) -> Answer:
        """Return an answer without errors of which only the bytes are known."""
        return cls(None, AnswerKind.DATA, encoded)

    @property
    def body(self) -> dict[str, Any]:
        """The body. Stored JSON in its data is an `orjson.Fragment`, if the body was not read from bytes."""
        if self._body is None:
            self._body = json.loads(self.json)
        return self._body

    @property
    def has_data(self) -> bool:
        """Whether the body has `data`, which may be null."""
        return self.kind in _WITH_DATA

    @property
    def json(self) -> bytes:
        """The body as JSON."""
        return encode_json(self._body) if self._encoded is None else self._encoded

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answer) and (self.kind, self.body) == (other.kind, other.body)

    __hash__ = None  # type: ignore[assignment]  # as of all mutable values

    def __repr__(self) -> str:
        return f"Answer({self.body!r}, {self.kind})"


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
