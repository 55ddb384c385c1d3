"""Reading the operation of an HTTP request: from a JSON body, the fields of a form, or a query string."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect

from execution.errors import MAX_QUOTED, BadRequest, ErrorCode
from web.responses import JSON, RefusedRequest

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.types import Receive

MAX_PARTS = 20
"""Most parts of a multipart body. A body without files has two, `operations` and `map`."""


async def whole_body(receive: Receive) -> bytes:
    """Return the body of a request. Raises ClientDisconnect if the client leaves before its end."""
    message = await receive()
    if message["type"] == "http.request" and not message["more_body"]:
        body: bytes = message["body"]
        return body
    parts = []
    while message["type"] == "http.request":
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)
        message = await receive()
    raise ClientDisconnect


def query_parameters(query_string: bytes) -> dict[str, Any]:
    """Return the members of a request in a URL. An empty member is the same as a missing one."""
    try:
        pairs = parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=MAX_PARTS)
    except ValueError:
        raise BadRequest(ErrorCode.BAD_REQUEST, "The query string is malformed, or has too many parameters.") from None
    parameters: dict[str, Any] = dict(pairs)
    if len(parameters) != len(pairs):
        raise BadRequest(ErrorCode.BAD_REQUEST, "The query string has a parameter twice.")
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = decode_json(parameters[name], what=f"`{name}`")
    return parameters


def refuse_charset(parameters: str) -> None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
            raise RefusedRequest(
                415, ErrorCode.UNSUPPORTED_MEDIA_TYPE, "`charset` must be utf-8.", {"accept-post": JSON}
            )


def form_json(form: FormData, name: str) -> object:
    values = form.getlist(name)
    if len(values) != 1 or not isinstance(values[0], str):
        raise BadRequest(ErrorCode.BAD_REQUEST, f"The multipart body must have one field `{name}`.")
    return decode_json(values[0], what=f"`{name}`")


def decode_json(text: str | bytes, *, what: str = "The body") -> object:
    """Return the value of a JSON document. Duplicate members are refused, since parsers differ in which one they take.

    orjson is strict and refuses deep nesting without recursion, but takes the last of two equal members. Only the
    decoder of the standard library reports them, at ten times the cost. It is skipped if orjson writes the value as
    exactly this text: then no member was lost. Browsers and most programs write JSON in that form.

    Raises:
        BadRequest: The text is not JSON or not UTF-8, is nested too deeply, or has a member twice in one object.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequest(ErrorCode.BAD_REQUEST, f"{what} is not JSON: {error.msg}.") from None
    refuse_duplicates(value, text, what=what)
    return value


def refuse_duplicates(value: object, text: str | bytes, *, what: str) -> None:
    """Refuse a JSON document with duplicate members. `value` is its value as orjson reads it."""
    if _is_rewritten(value, text):
        return
    try:
        _DUPLICATES.decode(text.decode() if isinstance(text, bytes) else text)
    except RecursionError:
        raise BadRequest(ErrorCode.BAD_REQUEST, f"{what} is nested too deeply.") from None
    except _Duplicate as duplicate:
        message = f"{what} has the member {json.dumps(str(duplicate)[:MAX_QUOTED])} twice in one object."
        raise BadRequest(ErrorCode.BAD_REQUEST, message) from None


def _is_rewritten(value: object, text: str | bytes) -> bool:
    try:
        return isinstance(text, bytes) and orjson.dumps(value) == text
    except orjson.JSONEncodeError:  # nested more deeply than orjson writes
        return False


class _Duplicate(Exception):
    pass


def _object(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _Duplicate(name)
        seen.add(name)


_DUPLICATES = json.JSONDecoder(object_pairs_hook=_object, parse_int=str, parse_float=str)
