"""The client for programs that run on asyncio. The blocking `Client` is built on it."""

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

    The client opens its first connection at the first call. Any number of tasks of one event loop may share it.

    `url`: the server's address, with or without `/graphql`.
    `token`: sent as `Authorization: Bearer …`. `headers`: sent with every request, and with every socket's handshake.
    `timeout`: the longest time for one response, from the request to its end, in seconds.
    `retry_seconds`: the time during which a call or stream keeps trying to reach the server; then it raises
    ServerUnreachable. None means no limit, 0 means one attempt. Pauses between attempts are random, up to a bound that
    grows from a quarter of a second to four. The client resends only operations that are harmless if done twice:
    queries, submissions (by their idempotency key), cancellations and deletions.
    `proxy`: the address of an HTTP proxy for all connections, `http://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`.
    Without it the environment names the proxy (HTTP_PROXY, HTTPS_PROXY, NO_PROXY); an empty string means none.
    WebSockets need a proxy that allows CONNECT to the server's port.

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
        proxy: str | None = None,
    ) -> None:
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        self._transport = Transport(url, sent, timeout=timeout, retry_seconds=retry_seconds, proxy=proxy)
        self._calls = Calls(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. The client can't be used afterwards. Analyses on the server keep running."""
        await self._transport.close()

    # ------------------------------------------------------------------ analyze

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
        """Submit any number of analyses, and yield each one after its end, in the order of `items`.

        The client submits them in batches, the next batch while one runs, so that neither client nor server holds all
        of them. `progress` is called with each batch in turn. Invalid and failed items are yielded too, with the
        `status` FAILED.
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
        """Queue one analysis. Returns its state after the call.

        `priority`: from 1 (last) to 10 (first), by default 5. `timeout_seconds`: the longest time for one attempt, 1 to
        86,400, by default 300. `max_attempts`: the most attempts, 1 to 10, by default 3; the server retries only after
        failures that another attempt may avoid. `wait_seconds`: the longest time that the server waits for the end
        before it responds, at most 60. `idempotency_key`: 1 to 200 characters; the same key with the same input within
        a day returns the first call's analysis. By default the client generates a key, so that it can resend the
        submission if the server does not respond.

        Raises UserErrors if the request is invalid. Nothing was queued then.
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
        """Queue 1 to 10,000 analyses as one batch. `submit_batches` takes more, and inputs of megabytes.

        `name`: 1 to 200 characters. `timeout_seconds`: the time from the submission until the server times out all
        unfinished items, 1 to 86,400, by default 300. `max_attempts` and `idempotency_key`: as for `submit`. An item
        with invalid input becomes FAILED, and the other items run.

        Raises UserErrors if the batch as a whole is invalid. Nothing was queued then.
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
        """Queue any number of analyses in batches, and yield each batch when it is queued.

        A batch has up to 10,000 items and 8 MB. The client reads `items` while it fills the batches. An item without a
        key gets its number among all items, from 0. With an `idempotency_key`, each batch's key is that key and the
        batch's number.
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
        """Wait for the end of an analysis or batch, also across restarts of the server. Returns its last state.

        `progress`: a function that the client calls with each new state; or True, for a bar on standard error if that
        is a terminal. `timeout`: seconds; after a timeout the analysis or batch keeps running.

        Raises AnalysisFailed if an analysis did not complete. A batch with failures is returned: read its `status`,
        `failed` and items. Raises TimeoutError after `timeout`, and NotFound if the analysis or batch was deleted.
        """
        with told(progress) as tell:
            try:
                async with asyncio.timeout(timeout) as limit, aclosing(self.watch(thing)) as states:
                    async for state in states:
                        thing = state
                        tell(state)
            except TimeoutError:
                if limit.expired():
                    raise TimeoutError(f"{thing.id} has not ended after {timeout:g} seconds: it continues.") from None
                raise
        if isinstance(thing, Analysis) and thing.status != AnalysisStatus.COMPLETED:
            raise AnalysisFailed(thing)
        return thing

    async def watch(self, thing: ThingT) -> AsyncGenerator[ThingT, None]:
        """Yield the current state of an analysis or batch, then each new state, the last one after its end.

        A batch yields at most ten states a second. Raises NotFound if the analysis or batch was deleted.
        """
        kind = documents.kind_of(thing)
        # The subscription does not select fields that never change.
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
        """Yield all new events or, with `after`, all events after that cursor: each event once, in order.

        This holds across restarts of the server and for several servers of one database. The stream has no end.
        Events are `AnalysisEvent`, `BatchEvent` and `AlertEvent`. To resume in another process, keep the last event's
        `cursor`. `types`: only events of these types. `of`: only events of this analysis, or of this batch and its
        items.

        Raises HistoryGone if the server has deleted missed events because of their age, or if its database was replaced
        or restored from a backup without the event of the cursor.
        """
        # Fixed before the first connection: a break before the first event loses nothing.
        variables = {"filter": event_filter(types, of), "after": after or await self.events_end()}
        async with aclosing(self._transport.subscribe(documents.FOLLOW, lambda: variables)) as answers:
            async for data in answers:
                event = read_event(data["events"])
                variables["after"] = event.cursor
                yield event

    async def events_end(self) -> str:
        """Return the cursor of the end of the log: `events` after this cursor begins with the next event."""
        cursor: str = (await self._calls.query(documents.END_OF_EVENTS))["eventsEnd"]
        return cursor

    # ------------------------------------------------------------------ read

    async def analysis(self, id: str) -> Analysis:  # noqa: A002
        """Return the analysis of this id. Raises NotFound."""
        return await self._calls.thing(Analysis, id)

    async def batch(self, id: str) -> Batch:  # noqa: A002
        """Return the batch of this id. Raises NotFound."""
        return await self._calls.thing(Batch, id)

    async def results(
        self, batch: Batch, *, status: Iterable[AnalysisStatus | str] | None = None, page_size: int = 200
    ) -> AsyncGenerator[Analysis, None]:
        """Yield a batch's items in the order of submission; with `status`, only items with one of these statuses.

        The client reads pages of `page_size`, 1 to 1,000. Raises NotFound if the batch was deleted.
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
        """Yield the analyses that meet all conditions, newest first, read in pages of `page_size`, 1 to 1,000.

        `search`: words, all of which the input text contains. Times must have a time zone.
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
        """Yield all batches, newest first, read in pages of `page_size`, 1 to 1,000; with `status`, only these."""
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
        """Yield past events, oldest first, read in pages of `page_size`, 1 to 1,000. Other arguments as in `events`."""
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
        """Save a batch's items as a file of JSON lines, as in docs/bulk.md. After an error there is no file.

        `status`: only items with one of these statuses. `with_input`: include each item's input. The client writes the
        file while it reads the response, so its size has no limit. Raises NotFound if the batch does not exist.
        """
        parameters = [("status", str(each)) for each in status or ()]
        if with_input:
            parameters.append(("input", "true"))
        await self._transport.download(f"/batches/{batch.id}/results.jsonl", parameters, Path(path))

    async def analyzers(self) -> list[Analyzer]:
        """Return the server's analyzers, by name."""
        return read_as(list[Analyzer], (await self._calls.query(documents.ANALYZERS))["analyzers"])

    async def health(self) -> Health:
        """Return the health of the server's components, with advice for each problem."""
        return read_as(Health, (await self._calls.query(documents.HEALTH))["health"])

    async def metrics(self) -> Metrics:
        """Return the server's current metrics."""
        return read_as(Metrics, (await self._calls.query(documents.METRICS))["metrics"])

    async def execute(self, document: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a query or mutation of your own. Returns its `data`.

        If the server does not respond, the client resends a query, but not a mutation. Raises OperationFailed if the
        response has errors. `userErrors` are part of the data, and raise nothing.
        """
        answer = await self._transport.execute(document, variables or {}, safe=documents.is_query(document))
        return answer.data

    # ------------------------------------------------------------------ change

    async def cancel(self, thing: ThingT) -> ThingT:
        """Cancel an analysis, or all unfinished items of a batch. Returns the state after the call.

        Analyses that take longer than two seconds to stop are still RUNNING. Raises UserErrors (CONFLICT) if the
        analysis or batch has ended, and NotFound.
        """
        kind = documents.kind_of(thing)
        try:
            payload = await self._calls.mutate(kind.cancel, {"id": thing.id}, made="thing")
        except Repeated:
            return await self._calls.thing(type(thing), thing.id)
        return read_as(type(thing), payload["thing"])

    async def retry(self, thing: ThingT) -> ThingT:
        """Queue a failed, canceled or timed-out analysis again, or all of a batch. Returns the state after the call.

        The client does not resend this call if the server does not respond. Raises UserErrors (CONFLICT) if there is
        nothing to queue again, and NotFound.
        """
        kind = documents.kind_of(thing)
        payload = await self._calls.mutate(kind.retry, {"id": thing.id}, made="thing", safe=False)
        return read_as(type(thing), payload["thing"])

    async def delete(self, thing: Analysis | Batch) -> None:
        """Delete a finished analysis, or a finished batch with its items. Their events stay in the log.

        Raises UserErrors (CONFLICT) if the analysis or batch has not ended, and NotFound.
        """
        kind = documents.kind_of(thing)
        try:
            await self._calls.mutate(kind.delete, {"id": thing.id}, made="deletedId")
        except Repeated as repeated:
            if repeated.code != UserErrorCode.NOT_FOUND:
                raise
