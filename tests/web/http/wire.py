"""Requests by their bytes, answers as they arrive, and the checks of every refusal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

    import httpx

JSON_TYPE = "application/json; charset=utf-8"
RESPONSE_TYPE = "application/graphql-response+json; charset=utf-8"


class Wire:
    """A socket that sends given bytes, and reads answers by the standard library."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        # One reader for all answers: a reader per answer could lose bytes that it has buffered.
        self.reader = connection.makefile("rb")

    def say(self, *parts: str | bytes) -> None:
        self.connection.sendall(b"".join(part.encode() if isinstance(part, str) else part for part in parts))

    def post(self, body: bytes, *headers: str) -> None:
        """Send a POST of JSON with its length."""
        self.say(head("POST", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers), body)

    def answer(self, method: str = "POST") -> Answered:
        """Read the next answer, with its whole body."""
        response = HTTPResponse(_Kept(self.reader), method=method)  # type: ignore[arg-type]
        response.begin()
        return Answered(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def follow(self) -> Followed:
        """Read the next answer's head. Its body can then be read in the chunks that the server wrote."""
        assert self.reader.readline() == b"HTTP/1.1 200 OK\r\n"
        headers = {}
        while line := self.reader.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        assert headers["transfer-encoding"] == "chunked"
        return Followed(headers, self.reader)

    def is_closed(self) -> bool:
        """Wait for a byte or the end of the connection. Returns whether the server closed it without a byte."""
        try:
            return not self.reader.read(1)
        except ConnectionResetError:
            return True


class _Kept:
    """A socket for `HTTPResponse`, which closes its reader after each answer; this one keeps the shared reader open."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader

    def makefile(self, _mode: str) -> Any:
        reader = self.reader

        class Unclosed:
            read, readline, readinto = reader.read, reader.readline, reader.readinto

            def close(self) -> None:
                pass

            def flush(self) -> None:
                pass

        return Unclosed()


@dataclass(frozen=True)
class Answered:
    status_code: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Followed:
    """A response whose body is read in chunks."""

    headers: dict[str, str]
    reader: Any

    def chunk(self) -> bytes | None:
        """Return the next chunk: empty at the end of the response, None if the connection broke off before the end."""
        size = self.reader.readline()
        if not size:
            return None
        chunk: bytes = self.reader.read(int(size, 16))
        assert self.reader.read(2) == b"\r\n"
        return chunk

    def rest(self) -> list[bytes | None]:
        """Return all remaining chunks, with the last: empty or None."""
        chunks: list[bytes | None] = []
        while not chunks or chunks[-1]:
            chunks.append(self.chunk())
        return chunks


def head(method: str, *headers: str, target: str = "/graphql") -> str:
    """Return the request line and the headers of a request."""
    return "\r\n".join((f"{method} {target} HTTP/1.1", "Host: localhost", *headers, "", ""))


def refused(
    answer: httpx.Response | Answered, status: int, code: str, *, media_type: str = JSON_TYPE
) -> dict[str, Any]:
    """Assert that the answer is one error in GraphQL's form, with the headers of every answer. Returns the error."""
    body = answer.json()
    assert list(body) == ["errors"]
    (error,) = body["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (status, code)
    assert isinstance(error["message"], str)
    assert error["message"]
    headers = answer.headers
    assert headers["content-type"] == media_type
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-request-id"]
    assert "server" not in headers
    found: dict[str, Any] = error
    return found
