"""The header of our text frames, at each bound of its forms, against the serializer of websockets."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from web.serving.websocket_protocol import header


@pytest.mark.parametrize("length", [0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 1_000_000])
def test_a_frame_is_that_of_websockets(length: int) -> None:
    payload = b"x" * length
    assert header(length) + payload == Frame(Opcode.TEXT, payload).serialize(mask=False)
