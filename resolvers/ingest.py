"""Batches as JSON lines: bytes to slices of items, each checked as the items of `batchProcess` are.

A line that is no item (invalid JSON, the name of another analyzer, a repeated key) breaks the batch off: nothing of
the line can be kept. An item with invalid content is kept as FAILED, and the others run. Blank lines are skipped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from analyzers.base import MESSAGE_CHARACTERS, Analyzer, clean
from resolvers.submissions import Item, checked
from resolvers.user_errors import check_name, check_number
from store.bounds import MAX_PRIORITY, MIN_PRIORITY
from store.ingest import StreamBroken
from store.queue.enqueue import NewAnalysis

# The items and the bytes of one transaction; other writers take their turns between two.
SLICE_ITEMS = 1_000
SLICE_BYTES = 2 << 20
MAX_LINE_BYTES = 16 << 20


class LineFault(Exception):
    """A line is no item; the message gives the reason. It may quote the line, and is shown on a terminal."""

    def __init__(self, message: str) -> None:
        super().__init__(clean(message, MESSAGE_CHARACTERS))


class LineReader:
    """Splits bytes into lines, and reads the item of each.

    The reader keeps a hash of every key, about 75 bytes each. In a million different keys, two have the same hash with
    a probability of 3 in 100 million.
    """

    def __init__(self, read: Callable[[bytes], Item]) -> None:
        self._read = read
        self._rest = b""
        self._line = 0
        self._position = 0
        self._keys: set[int] = set()

    def feed(self, data: bytes) -> Iterator[tuple[int, int, Item | LineFault]]:
        """Yield, for each line that is not blank, its number from 1, its length in bytes, and its item or its fault.

        Empty data ends the text.
        """
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
    """Yield the items of a text in slices. Raises StreamBroken with the number of a line that is no item.

    `refused` is called with the line and the message of each item that is kept as FAILED.
    """
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
        if items:  # queued at once: the next chunk may come much later
            yield items
            items, size = [], 0


async def faults_of_lines(
    chunks: AsyncIterator[bytes], read: Callable[[bytes], Item], most: int
) -> tuple[int, list[str]]:
    """Return the number of a text's items, and the faults of its lines: at most `most`, then reading stops."""
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
