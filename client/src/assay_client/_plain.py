"""The blocking client. It runs each method of `AsyncClient` on an event loop in its own thread."""

from __future__ import annotations

import asyncio
import functools
import os
import queue
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from assay_client._client import AsyncClient

P = ParamSpec("P")
T = TypeVar("T")

_END: Any = object()
FORKED = "The process was forked during this call: call it again in the new process."
Inbox = queue.SimpleQueue["Callable[[], object] | None"]


def _waiting(
    method: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Client, P], T]:
    """Return a method that runs the coroutine method and blocks until it ends."""

    @functools.wraps(method)
    def plain(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        inbox: Inbox = queue.SimpleQueue()
        return self._run(method(self._async, *args, **_told_here(kwargs, inbox)), inbox)

    return plain


def _iterating(
    method: Callable[Concatenate[AsyncClient, P], AsyncIterator[T]],
) -> Callable[Concatenate[Client, P], Iterator[T]]:
    """Return a method that runs the asynchronous iterator as a plain one. Leaving the iterator early closes both."""

    @functools.wraps(method)
    def plain(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        inbox: Inbox = queue.SimpleQueue()
        client = self._async
        found: Any = method(client, *args, **_told_here(kwargs, inbox))
        try:
            while (one := self._run(_next(found), inbox)) is not _END:
                yield one
                if self._async is not client:
                    raise RuntimeError(FORKED)
        finally:
            if not self._closed and self._async is client:
                self._run(found.aclose(), inbox)

    return plain


async def _next(found: AsyncIterator[T]) -> T:
    return await anext(found, _END)


def _told_here(kwargs: Mapping[str, Any], inbox: Inbox) -> Any:
    """Return the arguments with a `progress` function that runs in the waiting thread.

    There it may use the client, and its exceptions end the wait.
    """
    progress = kwargs.get("progress")
    if not callable(progress):
        return kwargs
    return {**kwargs, "progress": lambda thing: inbox.put(functools.partial(progress, thing))}


class Client:
    """A client of one server, for programs that do not run on asyncio.

        with Client("http://127.0.0.1:8000") as client:
            analysis = client.analyze("I love it. It works like a charm.")

    The arguments and methods are those of `AsyncClient`. The methods block or return plain iterators. Any number of
    threads may share a client. Ctrl-C ends the wait; analyses on the server keep running.

    A process that was forked after the client's first call opens its own connections. The parent's calls and iterators
    raise RuntimeError there.
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
        self._connect = functools.partial(
            AsyncClient, url, token=token, headers=headers, timeout=timeout, retry_seconds=retry_seconds, proxy=proxy
        )
        self._async = self._connect()
        self._closed = False
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event
        # In a forked process, the connections of its parent: closing them there would disturb the parent.
        self._inherited: list[object] = []
        _clients.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections. The client can't be used afterwards. Analyses on the server keep running."""
        with self._lock:
            if self._loop is not None and not self._closed:
                self._loop.call_soon_threadsafe(self._stop.set)
            self._closed = True
        if self._thread is not None:
            self._thread.join()

    analyze = _waiting(AsyncClient.analyze)
    analyze_all = _iterating(AsyncClient.analyze_all)
    submit = _waiting(AsyncClient.submit)
    submit_batch = _waiting(AsyncClient.submit_batch)
    submit_batches = _iterating(AsyncClient.submit_batches)
    wait = _waiting(AsyncClient.wait)
    watch = _iterating(AsyncClient.watch)
    events = _iterating(AsyncClient.events)
    events_end = _waiting(AsyncClient.events_end)
    analysis = _waiting(AsyncClient.analysis)
    batch = _waiting(AsyncClient.batch)
    results = _iterating(AsyncClient.results)
    analyses = _iterating(AsyncClient.analyses)
    batches = _iterating(AsyncClient.batches)
    past_events = _iterating(AsyncClient.past_events)
    download = _waiting(AsyncClient.download)
    analyzers = _waiting(AsyncClient.analyzers)
    health = _waiting(AsyncClient.health)
    metrics = _waiting(AsyncClient.metrics)
    execute = _waiting(AsyncClient.execute)
    cancel = _waiting(AsyncClient.cancel)
    retry = _waiting(AsyncClient.retry)
    delete = _waiting(AsyncClient.delete)

    def _run(self, work: Coroutine[Any, Any, T], inbox: Inbox) -> T:
        """Run a coroutine in the client's thread, and the inbox's calls in this one. Returns the coroutine's value."""
        try:
            loop = self._started()
        except RuntimeError:
            work.close()
            raise
        tasks: list[asyncio.Task[Any]] = []

        async def kept() -> T:
            task = asyncio.current_task()
            assert task is not None
            tasks.append(task)
            return await work

        future = asyncio.run_coroutine_threadsafe(kept(), loop)
        future.add_done_callback(lambda _: inbox.put(None))
        try:
            while (call := inbox.get()) is not None:
                call()
                if self._loop is not loop:
                    raise RuntimeError(FORKED)
            return future.result()
        except BaseException:
            if self._loop is loop and future.cancel() and tasks:
                asyncio.run_coroutine_threadsafe(asyncio.wait(tasks), loop).result()
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise RuntimeError("The client is closed.")
            if threading.current_thread() is self._thread:
                raise RuntimeError("The client can't be used in its own thread: the call would wait for itself.")
            if self._loop is None:
                ready = threading.Event()
                self._thread = threading.Thread(
                    target=asyncio.run, args=(self._live(ready),), name="assay-client", daemon=True
                )
                self._thread.start()
                ready.wait()
            assert self._loop is not None
            return self._loop

    def _forked(self) -> None:
        """Leave the parent's thread, loop and connections to the parent. Called in a forked process."""
        self._lock = threading.Lock()  # another thread of the parent may have held it
        if self._thread is not None:
            self._inherited.append((self._async, self._loop, self._thread))
            self._async, self._loop, self._thread = self._connect(), None, None

    async def _live(self, ready: threading.Event) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        ready.set()
        try:
            await self._stop.wait()
        finally:
            await self._async.close()


_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def _forked() -> None:
    for client in list(_clients):
        client._forked()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)
