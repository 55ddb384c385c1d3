"""Messages in fragments, and many frames in one packet: limits, order, and turns for the other sockets."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

from tests.web.websocket.toy import Client, Server, ready
from web.serving.websocket_protocol import MAX_FRAGMENTS, PARSED_BYTES

TOO_MANY = (1009, f"A message may have at most {MAX_FRAGMENTS} fragments.")
PING = json.dumps({"type": "ping"}).encode()


def fragments(message: bytes, count: int, *, end: bool = True) -> bytes:
    """Return a message as this number of frames, most of them empty. Without `end`, the message continues."""
    frames = [Frame(Opcode.TEXT, message, fin=False)]
    frames += [Frame(Opcode.CONT, b"", fin=False) for _ in range(count - 2)]
    frames.append(Frame(Opcode.CONT, b"", fin=end))
    return b"".join(frame.serialize(mask=True) for frame in frames)


def send_raw(client: Client, data: bytes) -> None:
    """Send bytes as they are."""
    connection: ClientConnection = client.connection
    connection.transport.write(data)


@pytest.mark.parametrize("count", [2, MAX_FRAGMENTS - 1, MAX_FRAGMENTS])
async def test_a_message_in_fragments(server: Server, count: int) -> None:
    async with ready(server) as client:
        send_raw(client, fragments(PING, count) * 2)
        await client.expect({"type": "pong"}, {"type": "pong"})


@pytest.mark.parametrize("end", [True, False])
async def test_a_message_of_one_fragment_too_many_is_closed_with_1009(server: Server, end: bool) -> None:
    async with ready(server) as client:
        send_raw(client, fragments(PING, MAX_FRAGMENTS + 1, end=end))
        assert await client.closed() == TOO_MANY


async def test_endless_fragments_are_closed_with_1009_and_other_sockets_go_on(server: Server) -> None:
    async with ready(server) as other, ready(server) as client:
        contexts = server.probe.contexts
        send_raw(client, fragments(PING, 40_000, end=False))
        assert (await client.closed())[0] in (1009, 1006)  # 1006: reset, because more was under way
        await other.subscribe("a", "{ hello }")
        await other.expect(
            {"id": "a", "type": "next", "payload": {"data": {"hello": "Hello world"}}},
            {"id": "a", "type": "complete"},
        )
        assert server.probe.contexts == contexts + 1


async def test_pings_between_fragments_do_not_restart_the_count(server: Server) -> None:
    control = Frame(Opcode.PING, b"").serialize(mask=True)
    parts = fragments(PING, MAX_FRAGMENTS, end=False)
    async with ready(server) as client:
        send_raw(client, parts + control * 3 + Frame(Opcode.CONT, b"").serialize(mask=True))
        assert await client.closed() == TOO_MANY


async def test_many_messages_in_one_packet_keep_their_order(server: Server) -> None:
    """More than is parsed at once, with a message across many parts in their midst."""
    numbers = range(2_000)
    sent = [{"type": "ping", "payload": {"number": number}} for number in numbers]
    sent.insert(1_000, {"type": "ping", "payload": {"text": "x" * (20 * PARSED_BYTES)}})
    frames = [Frame(Opcode.TEXT, json.dumps(each).encode()).serialize(mask=True) for each in sent]
    assert sum(map(len, frames)) > 20 * PARSED_BYTES
    async with ready(server) as client:
        send_raw(client, b"".join(frames))
        await client.expect(*(each | {"type": "pong"} for each in sent))
