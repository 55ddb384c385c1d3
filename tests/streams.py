"""Passing bytes between two connections, for the proxies of tests."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass all bytes on until the end of the source or a lost connection, and then close the sink."""
    with suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()
