"""The client for programs that run on asyncio. `Client`, the plain one, is made of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import msgspec

from assay_client import _documents as documents
from assay_client._bar import Progress, ThingT, told
from assay_client._calls import Calls, Repeated, read_as, read_event
from assay_client._given import (
    MOST_BYTES,
    MOST_ITEMS,
    Item,
    Requested,
    analysis_request,
    encoded,
    event_filter,
    given,
    iterated,
    names,
)
from assay_client._transport import Transport
from assay_client.errors import AnalysisFailed, NotFound
from assay_client.models import (
    Analysis,
    AnalysisStatus,
    Analyzer,
    Batch,
    BatchStatus,
    Event,
    EventType,
    Health,
    Metrics,
    UserErrorCode,
)


class AsyncClient:
    """A client of one server.

        async with AsyncClient("http://127.0.0.1:8000") as client:
            analysis = await client.analyze("I love it. It works like a charm.")

    It opens nothing before the first call. Any number of tasks of one event loop may use it at once.

    `url`: the server's address, with or without `/graphql`.
    `token`: sent as `Authorization: Bearer …`. `headers`: sent with every request, and when a socket opens.
    `timeout`: seconds that one answer may take, from the request to its end.
    `retry_seconds`: for how long a call goes on trying while the server does not answer, and a stream while it is
    away; then it raises ServerUnreachable. None is for ever, 0 is not at all. Pauses grow from a quarter of a second to
    four, and are random. Sent again is only what does no harm twice: queries, submissions (by their idempotency key),
    and what cancels or deletes.

    Every method may raise ServerUnreachable, UnexpectedAnswer, NotAllowed and OperationFailed: `assay_client.errors`.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60,
        retry_seconds: float | None = 30,
    ) -> None:
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        self._transport = Transport(url, sent, timeout=timeout, retry_seconds=retry_seconds)
        self._calls = Calls(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection. The client can't be used any more; what the server runs goes on."""
        await self._transport.close()

    # ------------------------------------------------------------------ all at once

    async def analyze(
        self,
        request: Requested,
        *,
        priority: int | None = None,
        timeout_seconds: int | None = None,
        max_attempts: int | None = None,
        idempotency_key: str | None = None,
        progress: Progress[Analysis] = False,
        timeout: float | None = None,  # noqa: ASYNC109 - the plain client has no other
    ) -> Analysis:
        """Submit one analysis and wait for its result: `submit`, then `wait`.

        Raises what both raise: UserErrors, AnalysisFailed, TimeoutError.
        """
        analysis = await self.submit(
            request,
            priority=priority,
            timeout_seconds=timeout_seconds,
            max_attempts=max_attempts,
            idempotency_key=idempotency_key,
        )
        return await self.wait(analysis, progress=progress, timeout=timeout)

    async def analyze_all(
        self,
        items: Iterable[Requested | Item] | AsyncIterable[Requested | Item],
        *,
        name: str | None = None,
        timeout_seconds: int | None = None,
        max_attempts: int | None = None,
        progress: Progress[Batch] = False,
    ) -> AsyncGenerator[Analysis, None]:
        """Submit any number of analyses, and give each when it has ended, whatever its end, in the order of `items`.

        They are submitted in batches, the next while one runs, so that neither side holds all of them. `progress` is
        called with each batch in turn. An item that is at fault, or fails, comes as what it is: look at its `status`.
        """

        async def ended(batch: Batch) -> AsyncGenerator[Analysis, None]:
            batch = await self.wait(batch, progress=progress)
            async with aclosing(self.results(batch)) as results:
                async for analysis in results:
                    yield analysis

        batches = self.submit_batches(items, name=name, timeout_seconds=timeout_seconds, max_attempts=max_attempts)
        before: Batch | None = None
        async with aclosing(batches):
            async for batch in batches:
                if before is not None:
                    async for analysis in ended(before):
                        yield analysis
                before = batch
        if before is not None:
            async for analysis in ended(before):
                yield analysis

    # ------------------------------------------------------------------ submit

    async def submit(
        self,
        request: Requested,
        *,
        priority: int | None = None,
        timeout_seconds: int | None = None,
        max_attempts: int | None = None,
        wait_seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Analysis:
        """Queue one analysis, and give it as it then is.

        `priority`: from 1 (last) to 10 (first), 5 if not given. `timeout_seconds`: the longest that one try may take, 1
        to 86,400, 300 if not given. `max_attempts`: how often it is tried where another try could end differently, 1 to
        10, 3 if not given. `wait_seconds`: how long the server may wait for the end before it answers, at most 60.
        `idempotency_key`: 1 to 200 characters; the same key with the same input within a day gives the first call's
        analysis. Without one the call makes one up, so that it can be sent again when the server does not answer.

        Raises UserErrors where something is wrong with the request: nothing was queued then.
        """
        wanted = given(
            request=analysis_request(request),
            priority=priority,
            timeoutSeconds=timeout_seconds,
            maxAttempts=max_attempts,
            waitSeconds=wait_seconds,
            idempotencyKey=idempotency_key or uuid.uuid4().hex,
        )
        payload = await self._calls.mutate(documents.SUBMIT, wanted, more_seconds=wait_seconds or 0)
        return read_as(Analysis, payload["analysis"])

    async def submit_batch(
        self,
        items: Iterable[Requested | Item],
        *,
        name: str | None = None,
        timeout_seconds: int | None = None,
        max_attempts: int | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Queue 1 to 10,000 analyses as one batch. For more of them, or of megabytes, there is `submit_batches`.

        `name`: 1 to 200 characters. `timeout_seconds`: from now until what has not ended is timed out, 1 to 86,400, 300
        if not given. `max_attempts` and `idempotency_key`: as for `submit`. An item whose content is at fault becomes
        FAILED, and the others run.

        Raises UserErrors where something is wrong with the whole: nothing was queued then.
        """
        lines = [encoded(item) for item in items]
        return await self._calls.submit_batch(lines, name, timeout_seconds, max_attempts, idempotency_key)

    async def submit_batches(
        self,
        items: Iterable[Requested | Item] | AsyncIterable[Requested | Item],
        *,
        name: str | None = None,
        timeout_seconds: int | None = None,
        max_attempts: int | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncGenerator[Batch, None]:
        """Queue any number of analyses, as many batches as that takes, and give each when it has been queued.

        A batch has up to 10,000 items and 8 MB. `items` is read as they are filled. An item without a key gets its
        number among all of them, from 0. With an `idempotency_key` each batch's key is that and its number.
        """
        held: list[msgspec.Raw] = []
        size = number = 0

        def key() -> str | None:
            return None if idempotency_key is None else f"{idempotency_key}-{number}"

        count = 0
        async for item in iterated(items):
            line = encoded(item, str(count))
            count += 1
            if held and (len(held) == MOST_ITEMS or size + len(bytes(line)) > MOST_BYTES):
                yield await self._calls.submit_batch(held, name, timeout_seconds, max_attempts, key())
                held, size, number = [], 0, number + 1
            held.append(line)
            size += len(bytes(line))
        if held:
            yield await self._calls.submit_batch(held, name, timeout_seconds, max_attempts, key())

    # ------------------------------------------------------------------ wait and watch

    async def wait(
        self,
        thing: ThingT,
        *,
        progress: Progress[ThingT] = False,
        timeout: float | None = None,  # noqa: ASYNC109 - the plain client has no other
    ) -> ThingT:
        """Wait until an analysis or a batch has ended, over restarts of the server, and give it as it then is.

        `progress`: a function that is called with each new state, or True for a bar on standard error, where that is a
        terminal. `timeout`: in seconds; what has not ended goes on.

        Raises AnalysisFailed where an analysis did not complete; of a batch look at `status`, `failed` and the items.
        TimeoutError. NotFound where it was deleted.
        """
        with told(progress) as tell:
            try:
                async with asyncio.timeout(timeout) as limit, aclosing(self.watch(thing)) as states:
                    async for state in states:
                        thing = state
                        tell(state)
            except TimeoutError:
                if limit.expired():
                    raise TimeoutError(f"{thing.id} has not ended after {timeout:g} seconds: it goes on.") from None
                raise
        if isinstance(thing, Analysis) and thing.status != AnalysisStatus.COMPLETED:
            raise AnalysisFailed(thing)
        return thing

    async def watch(self, thing: ThingT) -> AsyncGenerator[ThingT, None]:
        """An analysis or a batch as it is now, then whenever it changes; ends when it has ended.

        A batch comes at most ten times a second. Raises NotFound where it was deleted.
        """
        kind = documents.kind_of(thing)
        # What never changes is not sent each time.
        fixed = {name: getattr(thing, field) for name, field in kind.fixed.items()}
        seen: ThingT | None = None
        states = self._transport.subscribe(kind.watch, lambda: {"id": thing.id})
        async with aclosing(states):
            async for data in states:
                state = read_as(type(thing), {**data["thing"], **fixed})
                if state != seen:
                    seen = state
                    yield state
        if seen is None or not seen.ended:
            raise NotFound(f"{thing.id} was deleted.")

    async def events(
        self,
        *,
        types: Iterable[EventType | str] | None = None,
        of: Analysis | Batch | None = None,
        after: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """What happens from now on or, with `after`, from behind that cursor on: each event once and in order.

        That holds over restarts of the server, and over servers of one database. It ends only when whoever reads does.
        Events are `AnalysisEvent` and `BatchEvent`. To go on in another process keep the last one's `cursor`.
        `types`: only of these types. `of`: only of this analysis, or of this batch and its items.

        Raises HistoryGone where what was missed has been deleted for its age.
        """
        # Where a connection that breaks before the first event goes on.
        variables = {"filter": event_filter(types, of), "after": after or await self.events_end()}
        async with aclosing(self._transport.subscribe(documents.FOLLOW, lambda: variables)) as answers:
            async for data in answers:
                event = read_event(data["events"])
                variables["after"] = event.cursor
                yield event

    async def events_end(self) -> str:
        """The cursor behind which nothing has happened yet: `events` after it begins with what happens next."""
        cursor: str = (await self._calls.query(documents.END_OF_EVENTS))["eventsEnd"]
        return cursor

    # ------------------------------------------------------------------ read

    async def analysis(self, id: str) -> Analysis:  # noqa: A002
        """The analysis of this id. Raises NotFound."""
        return await self._calls.thing(Analysis, id)

    async def batch(self, id: str) -> Batch:  # noqa: A002
        """The batch of this id. Raises NotFound."""
        return await self._calls.thing(Batch, id)

    async def results(
        self, batch: Batch, *, status: Iterable[AnalysisStatus | str] | None = None, page_size: int = 200
    ) -> AsyncGenerator[Analysis, None]:
        """A batch's items, in the order in which they were given; with `status`, only those in one of these.

        They are read in pages of `page_size`, 1 to 1,000. Raises NotFound where the batch was deleted.
        """
        variables = {"id": batch.id, "status": names(status)}
        async for node in self._calls.pages(documents.RESULTS, variables, page_size, lambda data: data["batch"]):
            yield read_as(Analysis, node)

    async def analyses(
        self,
        *,
        status: Iterable[AnalysisStatus | str] | None = None,
        analyzer: Iterable[str] | None = None,
        search: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        page_size: int = 100,
    ) -> AsyncGenerator[Analysis, None]:
        """All analyses that meet every condition given, the newest first, read in pages of `page_size`, 1 to 1,000.

        `search`: words that stand in the input text, all of them. Times must have a time zone.
        """
        where = given(
            status=names(status),
            analyzer=names(analyzer),
            search=search,
            createdAfter=created_after and created_after.isoformat(),
            createdBefore=created_before and created_before.isoformat(),
        )
        async for node in self._calls.pages(documents.ANALYSES, {"filter": where}, page_size, lambda data: data):
            yield read_as(Analysis, node)

    async def batches(
        self, *, status: Iterable[BatchStatus | str] | None = None, page_size: int = 100
    ) -> AsyncGenerator[Batch, None]:
        """All batches, the newest first, in pages of `page_size`, 1 to 1,000; with `status`, those in one of these."""
        variables = {"status": names(status)}
        async for node in self._calls.pages(documents.BATCHES, variables, page_size, lambda data: data):
            yield read_as(Batch, node)

    async def past_events(
        self,
        *,
        types: Iterable[EventType | str] | None = None,
        of: Analysis | Batch | None = None,
        after: str | None = None,
        page_size: int = 500,
    ) -> AsyncGenerator[Event, None]:
        """What has happened so far, oldest first, in pages of `page_size`, 1 to 1,000. The rest is as in `events`."""
        variables = {"filter": event_filter(types, of), "after": after}
        async for node in self._calls.pages(documents.PAST_EVENTS, variables, page_size, lambda data: data):
            yield read_event(node)

    async def download(
        self,
        batch: Batch,
        path: str | Path,
        *,
        status: Iterable[AnalysisStatus | str] | None = None,
        with_input: bool = False,
    ) -> None:
        """Save a batch's items as a file of JSON lines, all of them or none: docs/bulk.md tells what is in a line.

        `status`: only items in one of these. `with_input`: with what each item was given. It may be of any size: it is
        written as it comes. Raises NotFound where there is no such batch.
        """
        parameters = [("status", str(each)) for each in status or ()]
        if with_input:
            parameters.append(("input", "true"))
        await self._transport.download(f"/batches/{batch.id}/results.jsonl", parameters, Path(path))

    async def analyzers(self) -> list[Analyzer]:
        """What the server can analyze, by name."""
        return read_as(list[Analyzer], (await self._calls.query(documents.ANALYZERS))["analyzers"])

    async def health(self) -> Health:
        """How the server does, and what to do about it."""
        return read_as(Health, (await self._calls.query(documents.HEALTH))["health"])

    async def metrics(self) -> Metrics:
        """The server's own figures, now."""
        return read_as(Metrics, (await self._calls.query(documents.METRICS))["metrics"])

    async def execute(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a query or mutation of your own, and give its `data`.

        It is sent again where the server does not answer only if it is a query. Raises OperationFailed where the answer
        has errors; `userErrors` in it are yours to read.
        """
        answer = await self._transport.execute(document, variables or {}, safe=documents.is_query(document))
        return answer.data

    # ------------------------------------------------------------------ change

    async def cancel(self, thing: ThingT) -> ThingT:
        """Take back what of an analysis or a batch is queued, stop what runs, and give it as it then is.

        What takes longer than two seconds to stop is still RUNNING. Raises UserErrors (CONFLICT) where it has ended,
        and NotFound.
        """
        kind = documents.kind_of(thing)
        try:
            payload = await self._calls.mutate(kind.cancel, {"id": thing.id}, made="thing")
        except Repeated:
            return await self._calls.thing(type(thing), thing.id)
        return read_as(type(thing), payload["thing"])

    async def retry(self, thing: ThingT) -> ThingT:
        """Run a failed, canceled or timed-out analysis again, or those of a batch, and give it as it then is.

        It is not sent again where the server does not answer. Raises UserErrors (CONFLICT) where there is nothing to
        run again, and NotFound.
        """
        kind = documents.kind_of(thing)
        payload = await self._calls.mutate(kind.retry, {"id": thing.id}, made="thing", safe=False)
        return read_as(type(thing), payload["thing"])

    async def delete(self, thing: Analysis | Batch) -> None:
        """Delete an analysis that has ended, or a batch with its items. Its events stay in the log.

        Raises UserErrors (CONFLICT) where it has not ended, and NotFound.
        """
        kind = documents.kind_of(thing)
        try:
            await self._calls.mutate(kind.delete, {"id": thing.id}, made="deletedId")
        except Repeated as repeated:
            if repeated.code != UserErrorCode.NOT_FOUND:
                raise
