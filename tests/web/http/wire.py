"""Requests byte by byte, answers as they come, and what every refusal must look like."""

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
    """Bytes over a socket, and answers read off it by the standard library."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        # One reader for all answers, so that none of it is lost between them.
        self.reader = connection.makefile("rb")

    def say(self, *parts: str | bytes) -> None:
        self.connection.sendall(b"".join(part.encode() if isinstance(part, str) else part for part in parts))

    def post(self, body: bytes, *headers: str) -> None:
        """A POST of JSON with its length."""
        self.say(head("POST", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers), body)

    def answer(self, method: str = "POST") -> Answered:
        """The next answer, whole."""
        response = HTTPResponse(_Kept(self.reader), method=method)  # type: ignore[arg-type]
        response.begin()
        return Answered(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def follow(self) -> Followed:
        """The next answer's head; what follows it comes in chunks, one for each that the server wrote."""
        assert self.reader.readline() == b"HTTP/1.1 200 OK\r\n"
        headers = {}
        while line := self.reader.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        assert headers["transfer-encoding"] == "chunked"
        return Followed(headers, self.reader)

    def is_closed(self) -> bool:
        """Whether the server has closed the connection and said nothing more; waits for either."""
        try:
            return not self.reader.read(1)
        except ConnectionResetError:
            return True


class _Kept:
    """What `HTTPResponse` takes for a socket: it closes its reader after each answer, and this one is still needed."""

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
    """A response that goes on."""

    headers: dict[str, str]
    reader: Any

    def chunk(self) -> bytes | None:
        """The next chunk; empty where the response is at its end, and None where the connection broke off before."""
        size = self.reader.readline()
        if not size:
            return None
        chunk: bytes = self.reader.read(int(size, 16))
        assert self.reader.read(2) == b"\r\n"
        return chunk

    def rest(self) -> list[bytes | None]:
        """All chunks up to the end."""
        chunks: list[bytes | None] = []
        while not chunks or chunks[-1]:
            chunks.append(self.chunk())
        return chunks


def head(method: str, *headers: str, target: str = "/graphql") -> str:
    """A request's first lines."""
    return "\r\n".join((f"{method} {target} HTTP/1.1", "Host: localhost", *headers, "", ""))


def refused(
    answer: httpx.Response | Answered, status: int, code: str, *, media_type: str = JSON_TYPE
) -> dict[str, Any]:
    """Asserts that this is one error in GraphQL's shape, with all that every answer has; gives the error."""
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
    assert headers["x-request-id"]
    assert "server" not in headers
    found: dict[str, Any] = error
    return found
