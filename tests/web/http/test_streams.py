"""Subscriptions over HTTP: the exact bytes of a stream. S01, S04, S07, S08."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.web.http.test_behaviours import URQL
from tests.web.http.toy import SECRET, Server
from tests.web.http.wire import Followed, Wire, head

EVENTS_TYPE = "text/event-stream; charset=utf-8"
PARTS_TYPE = 'multipart/mixed; boundary="-"; subscriptionSpec=1.0'

EVENTS = "Accept: text/event-stream"
APOLLO = (
    "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9"
)
PARTS = f"Accept: {APOLLO}"

BEGUN = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"
LAST_BOUNDARY = b"--\r\n"


def event(body: object, cursor: str | None = None) -> bytes:
    id_ = "" if cursor is None else f"id: {cursor}\n"
    return f"event: next\n{id_}data: {dumped(body)}\n\n".encode()


def part(body: object) -> bytes:
    return f"\r\ncontent-type: application/json; charset=utf-8\r\n\r\n{dumped(body)}\r\n---".encode()


def dumped(body: object) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def subscribe(wire: Wire, query: str, *headers: str, **members: object) -> Followed:
    wire.post(json.dumps({"query": query, **members}).encode(), *headers)
    return wire.follow()


# S01, S04: the bytes of a stream


async def test_s01_a_subscription_as_server_sent_events(server: Server) -> None:
    with server.dial() as wire:
        followed = subscribe(wire, "subscription { count(to: 3) }", EVENTS)
        assert followed.headers["content-type"] == EVENTS_TYPE
        answers = [event({"data": {"count": number}}) for number in range(3)]
        assert followed.rest() == [BEGUN, *answers, COMPLETE, b""]


async def test_s01_by_get(server: Server) -> None:
    target = "/graphql?query=subscription%20S(%24to%3AInt!)%7Bcount(to%3A%24to)%7D&variables=%7B%22to%22%3A1%7D"
    with server.dial() as wire:
        wire.say(head("GET", EVENTS, target=target))
        assert wire.follow().rest() == [BEGUN, event({"data": {"count": 0}}), COMPLETE, b""]


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "text/html", "text/event-stream", URQL, APOLLO])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_s01_at_its_own_address_with_any_accept_header(server: Server, method: str, accept: str) -> None:
    body = json.dumps({"query": "subscription { count(to: 1) }"}).encode() if method == "POST" else b""
    target = "/graphql/stream" + ("?query=subscription%7Bcount(to%3A1)%7D" if method == "GET" else "")
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}", f"Accept: {accept}")
    with server.dial() as wire:
        wire.say(head(method, *lines, target=target), body)
        followed = wire.follow()
        assert followed.headers["content-type"] == EVENTS_TYPE
        assert followed.rest() == [BEGUN, event({"data": {"count": 0}}), COMPLETE, b""]


async def test_the_connection_is_used_again_after_a_complete_stream(server: Server) -> None:
    with server.dial() as wire:
        for accept in (EVENTS, PARTS, EVENTS):
            assert subscribe(wire, "subscription { count(to: 1) }", accept).rest()[-1] == b""
        wire.post(b'{"query":"{ hello }"}')
        assert wire.answer().json() == {"data": {"hello": "Hello world"}}


async def test_s04_a_subscription_in_a_multipart_body(server: Server) -> None:
    with server.dial() as wire:
        followed = subscribe(wire, "subscription { count(to: 2) }", PARTS)
        assert followed.headers["content-type"] == PARTS_TYPE
        answers = [part({"payload": {"data": {"count": number}}}) for number in range(2)]
        assert followed.rest() == [b"---", *answers, LAST_BOUNDARY, b""]


async def test_text_arrives_unchanged(server: Server) -> None:
    """Line breaks in texts are escaped, so that no text can end an event or a part."""
    text = "é\u2028\n\ndata: x\r\n---\r\n-----\r\n\U0001f600"
    query = "subscription($text: String!) { said(text: $text) }"
    with server.dial() as wire:
        body = {"data": {"said": text}}
        followed = subscribe(wire, query, EVENTS, variables={"text": text})
        assert followed.rest() == [BEGUN, event(body), COMPLETE, b""]
        followed = subscribe(wire, query, PARTS, variables={"text": text})
        assert followed.rest() == [b"---", part({"payload": body}), LAST_BOUNDARY, b""]


async def test_queries_and_mutations_are_one_event_and_complete(server: Server) -> None:
    bumped = server.probe.bumped
    for path in ("/graphql", "/graphql/stream"):
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        answer = await server.send("POST", path, headers=headers, content=b'{"query":"{ hello }"}')
        assert (answer.status_code, answer.headers["content-type"]) == (200, EVENTS_TYPE)
        assert answer.content == BEGUN + event({"data": {"hello": "Hello world"}}) + COMPLETE
        answer = await server.send("POST", path, headers=headers, content=b'{"query":"mutation { bump }"}')
        bumped += 1
        assert answer.content == BEGUN + event({"data": {"bump": bumped}}) + COMPLETE
        answer = await server.send("GET", path, headers=headers, params={"query": "{ hello }"})
        assert answer.content == BEGUN + event({"data": {"hello": "Hello world"}}) + COMPLETE


async def test_an_error_inside_an_event_leaves_the_stream_running(server: Server) -> None:
    with server.dial() as wire:
        begun, answer, complete, end = subscribe(wire, "subscription { broken { value } }", EVENTS).rest()
        assert (begun, complete, end) == (BEGUN, COMPLETE, b"")
        assert answer is not None
        body = json.loads(answer.decode().removeprefix("event: next\ndata: "))
        assert body["data"] == {"broken": {"value": None}}
        assert [error["extensions"]["code"] for error in body["errors"]] == ["INTERNAL_SERVER_ERROR"]
        assert SECRET.encode() not in answer


@pytest.mark.parametrize("after", [0, 2])
async def test_a_source_that_raises_ends_the_stream_with_a_masked_error(server: Server, after: int) -> None:
    with server.dial() as wire:
        query = f"subscription {{ throwing(after: {after}) }}"
        *before, failed, complete, end = subscribe(wire, query, EVENTS).rest()
        assert before == [BEGUN, *(event({"data": {"throwing": number}}) for number in range(after))]
        assert (complete, end) == (COMPLETE, b"")
        assert failed is not None
        (error,) = json.loads(failed.decode().removeprefix("event: next\ndata: "))["errors"]
        assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert SECRET.encode() not in failed
        *before, failed, last, end = subscribe(wire, query, PARTS).rest()
        assert (len(before), last, end) == (1 + after, LAST_BOUNDARY, b"")
        assert failed is not None
        assert b'{"payload":{"errors":[' in failed


@pytest.mark.parametrize("after", [0, 2])
async def test_a_transient_fault_of_the_source_breaks_the_stream_off(server: Server, after: int) -> None:
    query = f"subscription {{ interrupted(after: {after}) }}"
    with server.dial() as wire:
        answers = [event({"data": {"interrupted": number}}) for number in range(after)]
        assert subscribe(wire, query, EVENTS).rest() == [BEGUN, *answers, None]
    with server.dial() as wire:
        *before, failed, broken = subscribe(wire, query, PARTS).rest()
        assert (len(before), broken) == (1 + after, None)
        errors = [{"message": "Try again.", "extensions": {"code": "SERVICE_UNAVAILABLE"}}]
        assert failed == part({"payload": None, "errors": errors}) + LAST_BOUNDARY


async def test_an_event_that_can_not_be_serialized_ends_the_stream_with_a_masked_error(
    server: Server, lines: list[dict[str, Any]]
) -> None:
    with server.dial() as wire:
        _, failed, complete, end = subscribe(
            wire, "subscription { unwritable }", EVENTS, "X-Request-ID: unwritable-1"
        ).rest()
    assert (complete, end) == (COMPLETE, b"")
    extensions = {"code": "INTERNAL_SERVER_ERROR", "requestId": "unwritable-1"}
    message = "Internal error. The server's log has it under this requestId."
    assert failed == event({"errors": [{"message": message, "extensions": extensions}]})
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["resolver failed"]


# S07: the headers of a stream


@pytest.mark.parametrize("accept", ["text/event-stream", APOLLO])
@pytest.mark.parametrize("query", ["subscription { ticks }", "{ hello }"])
async def test_s07_proxies_neither_store_nor_buffer_a_stream(server: Server, query: str, accept: str) -> None:
    if query == "{ hello }" and accept == APOLLO:
        accept = "text/event-stream"
    answer = await server.post(query, accept=accept)
    assert answer.headers["cache-control"] == "no-store, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]
    assert "content-encoding" not in answer.headers
    assert "server" not in answer.headers


# S08: resuming


PLACES = "subscription($after: String) { places(to: 4, after: $after) { number cursor } }"


def places(*numbers: int) -> list[bytes]:
    chosen = [
        event({"data": {"places": {"number": number, "cursor": f"place-{number}"}}}, f"place-{number}")
        for number in numbers
    ]
    return [BEGUN, *chosen, COMPLETE, b""]


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (PLACES, {}),
        (PLACES, {"after": None}),
        (PLACES, {"after": "place-0"}),
        (PLACES, {"after": "place-2"}),
        ("subscription { places(to: 4) { number cursor } }", {}),
        ('subscription { places(to: 4, after: "place-0") { number cursor } }', {}),
        ("subscription { ...F } fragment F on Subscription { places(to: 4) { number cursor } }", {}),
    ],
)
async def test_s08_last_event_id_takes_precedence_over_after(
    server: Server, query: str, variables: dict[str, Any]
) -> None:
    with server.dial() as wire:
        followed = subscribe(wire, query, EVENTS, "Last-Event-ID: place-1", variables=variables)
        assert followed.rest() == places(2, 3)


async def test_s08_a_stream_resumes_after_the_cursor_of_an_event(server: Server) -> None:
    with server.dial() as wire:
        followed = subscribe(wire, PLACES, EVENTS)
        assert followed.rest() == places(0, 1, 2, 3)
        assert subscribe(wire, PLACES, EVENTS, "Last-Event-ID:", variables={"after": "place-1"}).rest() == places(2, 3)
        assert subscribe(wire, PLACES, EVENTS, "Last-Event-ID: place-3").rest() == places()


async def test_s08_by_get_like_an_event_source(server: Server) -> None:
    target = "/graphql/stream?query=subscription%7Bplaces(to%3A4)%7Bnumber%20cursor%7D%7D"
    with server.dial() as wire:
        wire.say(head("GET", EVENTS, "Last-Event-ID: place-2", target=target))
        assert wire.follow().rest() == places(3)


async def test_s08_an_invalid_id_is_the_same_error_as_an_invalid_after(server: Server) -> None:
    with server.dial() as wire:
        by_header = subscribe(wire, PLACES, EVENTS, "Last-Event-ID: nonsense").rest()
        assert by_header == subscribe(wire, PLACES, EVENTS, variables={"after": "nonsense"}).rest()
        _, failed, complete, end = by_header
        assert (complete, end) == (COMPLETE, b"")
        assert failed is not None
        assert b'"extensions":{"code":"BAD_USER_INPUT","argument":"after"}' in failed


async def test_s08_operations_that_can_not_resume_ignore_the_id(server: Server) -> None:
    with server.dial() as wire:
        assert subscribe(wire, "subscription { count(to: 1) }", EVENTS, "Last-Event-ID: place-1").rest() == [
            BEGUN,
            event({"data": {"count": 0}}),
            COMPLETE,
            b"",
        ]
        wire.post(b'{"query":"{ hello }"}', "Last-Event-ID: nonsense")
        assert wire.answer().json() == {"data": {"hello": "Hello world"}}
