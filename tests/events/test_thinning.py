"""The thinning of progress events: an event is left out only for newer progress, and the order stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from hypothesis import given
from hypothesis import strategies as st

from resolvers.event_streams import Pages, thinned
from store.sql.clock import utcnow
from store.tables import AnalysisEventType, BatchEventType, EventRow
from tests.support import until

FOR_EVER = 1e6
PROGRESS, STARTED = AnalysisEventType.ANALYSIS_PROGRESS, AnalysisEventType.ANALYSIS_STARTED


def row(position: int, subject: str, type_: AnalysisEventType | BatchEventType = PROGRESS) -> EventRow:
    of = {"subject": subject, "batch_id": "batch"}
    return EventRow(position=position, xid=0, workspace="default", type=type_, occurred_at=utcnow(), data="{}", **of)


class Source:
    """A source of pages, from a queue; None ends it."""

    def __init__(self, *pages: list[EventRow] | None) -> None:
        self.queue: asyncio.Queue[list[EventRow] | None] = asyncio.Queue()
        self.closed = False
        for page in pages:
            self.queue.put_nowait(page)

    async def pages(self) -> AsyncGenerator[list[EventRow], None]:
        try:
            while (page := await self.queue.get()) is not None:
                yield page
        finally:
            self.closed = True


async def positions(pages: Pages) -> list[int | None]:
    return [each.position for each in await anext(pages)]


async def test_only_the_newest_progress_of_each_subject_in_a_page_is_kept() -> None:
    of_batch = row(4, "batch", BatchEventType.BATCH_PROGRESS)
    page = [row(1, "a"), row(2, "b"), row(3, "a"), of_batch, row(5, "b"), row(6, "a")]
    async with aclosing(thinned(Source(page).pages(), FOR_EVER)) as pages:
        assert await positions(pages) == [4, 5, 6]


async def test_progress_within_the_interval_waits_for_another_event() -> None:
    source = Source([row(1, "a")])
    async with aclosing(thinned(source.pages(), FOR_EVER)) as pages:
        assert await positions(pages) == [1]
        coming = asyncio.create_task(positions(pages))
        for position in (2, 3, 4):
            source.queue.put_nowait([row(position, "ab"[position % 2])])
        await until(source.queue.empty)
        assert not coming.done()
        source.queue.put_nowait([row(5, "c", STARTED), row(6, "a")])
        assert await coming == [3, 4, 5]
        source.queue.put_nowait([row(7, "a", STARTED)])
        assert await positions(pages) == [6, 7]  # the last progress before a change of state is kept


async def test_waiting_progress_is_sent_at_the_end_of_the_interval() -> None:
    source = Source([row(1, "a")], [row(2, "a"), row(3, "a")])
    async with aclosing(thinned(source.pages(), 0.2)) as pages:
        assert await positions(pages) == [1]
        assert await positions(pages) == [3]


async def test_waiting_progress_is_sent_at_the_end_of_the_stream() -> None:
    async with aclosing(thinned(Source([row(1, "a")], [row(2, "a")], [row(3, "b")], None).pages(), FOR_EVER)) as pages:
        assert [await positions(pages), await positions(pages)] == [[1], [2, 3]]
        assert await anext(pages, None) is None


async def test_closing_closes_the_source() -> None:
    source = Source([row(1, "a")])
    pages = thinned(source.pages(), FOR_EVER)
    assert await positions(pages) == [1]
    waiting = asyncio.create_task(positions(pages))
    await until(lambda: source.queue.empty() and source.queue._getters)  # type: ignore[attr-defined]
    waiting.cancel()
    await asyncio.wait({waiting})
    await pages.aclose()
    assert source.closed
    assert asyncio.all_tasks() == {asyncio.current_task()}


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=5), max_size=10))
def test_only_older_progress_is_left_out_and_the_order_stays(given_pages: list[list[tuple[str, bool]]]) -> None:
    position = 0
    pages = []
    for given_page in given_pages:
        page = []
        for subject, is_state in given_page:
            position += 1
            page.append(row(position, subject, STARTED if is_state else PROGRESS))
        pages.append(page)
    every = [each for page in pages for each in page]

    async def thin() -> list[EventRow]:
        async with aclosing(thinned(Source(*pages, None).pages(), FOR_EVER)) as found:
            return [each async for page in found for each in page]

    found = asyncio.run(thin())
    numbers = [each.position for each in found]
    assert numbers == sorted(set(numbers))  # type: ignore[type-var]
    left_out = [each for each in every if each not in found]
    for each in left_out:
        assert each.type is PROGRESS
        newer = [other for other in every if other.subject == each.subject and other.position > each.position]  # type: ignore[operator]
        assert newer
        assert newer[0].type is PROGRESS
