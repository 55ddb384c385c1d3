"""A batch that comes as JSON lines: from bytes to slices of items, each checked as those of `batchProcess` are.

A line that is no item (no JSON, another analyzer's name, a key that came before) is the batch's fault: nothing can be
kept of it. An item whose content is at fault is kept as FAILED, and the others run. Blank lines are passed over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from analyzers.base import Analyzer
from resolvers.submissions import Item, checked
from resolvers.user_errors import check_name, check_number
from store.analyses import NewAnalysis
from store.bounds import MAX_PRIORITY, MIN_PRIORITY
from store.ingest import StreamBroken

# A slice is a transaction: others write between two.
SLICE_ITEMS = 1_000
SLICE_BYTES = 2 << 20
MAX_LINE_BYTES = 16 << 20


class LineFault(Exception):
    """A line is no item; the message says why."""


class LineReader:
    """Takes bytes as they come and gives the items of whole lines, or what is wrong with a line.

    Of each item it keeps a hash of its key, about 75 bytes: two keys of a million that differ are taken for the same
    with a probability of 3 in 100 million.
    """

    def __init__(self, read: Callable[[bytes], Item]) -> None:
        self._read = read
        self._rest = b""
        self._line = 0
        self._position = 0
        self._keys: set[int] = set()

    def feed(self, data: bytes) -> Iterator[tuple[int, int, Item | LineFault]]:
        """The number of each line that is not blank, from 1, its bytes, and its item or its fault; b"" is the end."""
        *lines, rest = (self._rest + data).split(b"\n")
        if not data:
            lines, rest = [rest], b""
        elif len(rest) > MAX_LINE_BYTES:
            yield self._line + len(lines) + 1, len(rest), LineFault(f"it has more than {MAX_LINE_BYTES:,} bytes.")
        self._rest = rest
        for line in lines:
            self._line += 1
            if self._line == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield self._line, len(line), self._item(line)

    def _item(self, line: bytes) -> Item | LineFault:
        try:
            item = self._read(line)
        except LineFault as fault:
            return fault
        if faults := list(check_number("priority", item.priority, MIN_PRIORITY, MAX_PRIORITY, [])):
            return LineFault(faults[0].message)
        if item.key is not None and (faults := list(check_name("key", item.key, []))):
            return LineFault(faults[0].message)
        key = str(self._position) if item.key is None else item.key
        if hash(key) in self._keys:
            return LineFault(f"the key {key!r} is given twice: each item of a batch has a key of its own.")
        self._keys.add(hash(key))
        self._position += 1
        return item._replace(key=key)


async def slices_of_lines(
    chunks: AsyncIterator[bytes],
    read: Callable[[bytes], Item],
    analyzers: Mapping[str, Analyzer[Any, Any]],
    refused: Callable[[int, str], None],
) -> AsyncIterator[list[NewAnalysis]]:
    """The items of a text in slices. `refused` is told of each that has FAILED. Raises StreamBroken, naming a line."""
    reader = LineReader(read)
    items: list[NewAnalysis] = []
    size = 0
    async for chunk in _and_end(chunks):
        for number, length, item in reader.feed(chunk):
            if isinstance(item, LineFault):
                raise StreamBroken(f"Line {number:,}: {item}")
            analysis, faults = checked(analyzers, item.requested, item.priority, ["request"], item.key)
            if faults:
                refused(number, faults[0].message)
            items.append(analysis)
            size += length
            if len(items) >= SLICE_ITEMS or size >= SLICE_BYTES:
                yield items
                items, size = [], 0
        if items:  # what has come is queued, though the next of it may be long in coming
            yield items
            items, size = [], 0


async def faults_of_lines(
    chunks: AsyncIterator[bytes], read: Callable[[bytes], Item], most: int
) -> tuple[int, list[str]]:
    """How many items a text has, and what is wrong with its lines; it stops at so many faults."""
    reader = LineReader(read)
    count = 0
    faults: list[str] = []
    async for chunk in _and_end(chunks):
        for number, _, item in reader.feed(chunk):
            if isinstance(item, LineFault):
                faults.append(f"Line {number:,}: {item}")
                if len(faults) >= most:
                    return count, faults
            else:
                count += 1
    return count, faults


async def _and_end(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if chunk:
            yield chunk
    yield b""
