"""How long a request's headers may take, and that nothing else on a connection is held to it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.frames import Frame, Opcode

from tests.support import Server as Program
from tests.support import until
from tests.web.http.test_connections import HELLO, JSON, SAID, SLOW
from tests.web.http.test_program import HANDSHAKE
from tests.web.http.test_streams import BEGUN, EVENTS, event, subscribe
from tests.web.http.toy import Server
from tests.web.http.wire import Wire, head, refused

Serve = Callable[..., Server]

PARTIAL = "GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgr"


def outlast(server: Server | Program) -> None:
    """Wait until the headers of a connection that is opened now have taken too long."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=300) as silent:
        assert silent.recv(1) == b""


@pytest.mark.parametrize("said", ["", "\r\n", "G", PARTIAL])
async def test_a_first_request_whose_headers_do_not_come(serve: Serve, said: str) -> None:
    server = serve(header_seconds=0.2)
    with server.dial() as wire:
        wire.say(said)
        assert wire.is_closed()


async def test_headers_that_come_a_byte_at_a_time(serve: Serve) -> None:
    server = serve(header_seconds=0.2)
    with server.dial() as wire:
        wire.say(PARTIAL)
        wire.connection.setblocking(False)

        def is_closed() -> bool:
            try:
                wire.say("x")
                return wire.connection.recv(1) == b""
            except BlockingIOError:
                return False
            except ConnectionError:
                return True

        await until(is_closed)


@pytest.mark.parametrize("said", ["\r\n", "G", PARTIAL])
async def test_a_later_request_whose_headers_do_not_come(serve: Serve, said: str) -> None:
    server = serve(header_seconds=0.2)
    with server.dial() as wire:
        for _ in range(2):
            wire.post(HELLO)
            assert wire.answer().json() == SAID
        wire.say(said)
        assert wire.is_closed()


async def test_a_body_that_does_not_come_behind_its_answer(serve: Serve) -> None:
    server = serve(header_seconds=0.2)
    with server.dial() as wire:
        wire.say(head("PUT", "Content-Length: 10"))
        refused(wire.answer("PUT"), 405, "METHOD_NOT_ALLOWED")
        wire.say("1")
        assert wire.is_closed()


async def test_a_body_may_take_longer(serve: Serve) -> None:
    server = serve(header_seconds=0.2)
    with server.dial() as wire:
        for _ in range(2):
            wire.say(head("POST", JSON, f"Content-Length: {len(HELLO)}"), HELLO[:5])
            outlast(server)
            wire.say(HELLO[5:])
            assert wire.answer().json() == SAID


async def test_a_connection_may_be_idle_longer_between_two_requests(serve: Serve) -> None:
    server = serve(header_seconds=0.2)
    with server.dial() as wire:
        for _ in range(3):
            wire.post(HELLO)
            assert wire.answer().json() == SAID
            outlast(server)


async def test_an_answer_may_take_longer_and_requests_wait_in_line(serve: Serve) -> None:
    server = serve(header_seconds=0.2, operation_timeout_seconds=1)
    line = head("POST", JSON, f"Content-Length: {len(HELLO)}").encode() + HELLO
    with server.dial() as wire:
        wire.post(SLOW)
        wire.say(line, line[:20])
        outlast(server)
        assert wire.answer().json()["errors"][0]["extensions"]["code"] == "OPERATION_TIMEOUT"
        assert wire.answer().json() == SAID
        wire.say(line[20:])
        assert wire.answer().json() == SAID


async def test_a_stream_goes_on(serve: Serve) -> None:
    server = serve(header_seconds=0.2, streams={"heartbeat_seconds": 0.05})
    with server.dial() as wire:
        followed = subscribe(wire, "subscription { endless }", EVENTS)
        assert {followed.chunk() for _ in range(2)} == {BEGUN, event({"data": {"endless": 0}})}
        outlast(server)
        wire.say("G")
        outlast(server)
        assert {followed.chunk() for _ in range(10)} == {BEGUN}


HASTY = """
import runpy, sys, web.serving.http_protocol

web.serving.http_protocol.HEADER_SECONDS = 0.5
sys.argv = ["server.py", "serve"]
runpy.run_path("server.py", run_name="__main__")
"""


class Hasty(Program):
    """The program, with less time for headers."""

    command = (sys.executable, "-c", HASTY)


async def test_the_program_drops_silent_connections_and_keeps_websockets(tmp_path: Path) -> None:
    program = await Hasty(tmp_path, {"workers": 0}).start()
    handshake = head("GET", *(f"{name}: {value}" for name, value in HANDSHAKE.items()))
    for asked_before in (0, 2):
        with socket.create_connection(("127.0.0.1", program.port), timeout=300) as connection:
            wire = Wire(connection)
            with wire.reader:
                for _ in range(asked_before):
                    wire.say(head("GET", target="/health/live"))
                    assert wire.answer("GET").status_code == 200
                wire.say(handshake[:40])
                wire.say(handshake[40:])
                assert wire.reader.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
                while wire.reader.readline() != b"\r\n":
                    pass
                outlast(program)
                wire.say(Frame(Opcode.TEXT, b'{"type":"connection_init"}').serialize(mask=True))
                assert wire.reader.read(26)[2:] == b'{"type":"connection_ack"'
    await program.close()
