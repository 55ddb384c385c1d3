"""Coroutines run to their first wait in the present task, and time limits that end only waits."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import pytest

from execution.eager import Eager, TimeLimit


async def _fail(error: BaseException) -> None:
    raise error


async def test_a_coroutine_without_a_wait_is_done_at_once() -> None:
    async def work() -> tuple[str, object]:
        return "done", asyncio.current_task()

    running = Eager(work())
    assert (running.done, running.result) == (True, ("done", asyncio.current_task()))
    assert await running == running.result


async def test_an_exception_without_a_wait_arises_at_once() -> None:
    with pytest.raises(LookupError):
        Eager(_fail(LookupError()))
    with pytest.raises(asyncio.CancelledError):
        Eager(_fail(asyncio.CancelledError()))


@pytest.mark.parametrize("waits", [1, 2, 5])
async def test_a_coroutine_continues_after_each_wait_in_the_same_task(waits: int) -> None:
    loop = asyncio.get_running_loop()
    tasks = []

    async def work() -> int:
        total = 0
        for number in range(waits):
            future: asyncio.Future[int] = loop.create_future()
            loop.call_soon(future.set_result, number)
            total += await future
            await asyncio.sleep(0)  # yields no future
            tasks.append(asyncio.current_task())
        return total

    running = Eager(work())
    assert not running.done
    assert await running == sum(range(waits))
    assert running.done
    assert tasks == [asyncio.current_task()] * waits


@pytest.mark.parametrize("waits", [1, 3])
async def test_an_exception_of_a_future_arrives_in_the_coroutine(waits: int) -> None:
    loop = asyncio.get_running_loop()

    async def work() -> list[str]:
        seen = []
        for number in range(waits):
            future: asyncio.Future[None] = loop.create_future()
            loop.call_soon(future.set_exception, LookupError(number))
            try:
                await future
            except LookupError as error:
                seen.append(str(error))
        raise ValueError(seen)

    with pytest.raises(ValueError, match=str([str(number) for number in range(waits)]).replace("[", r"\[")):
        await Eager(work())


async def test_cancellation_reaches_the_wait_and_can_be_answered_by_another_wait() -> None:
    seen: list[str] = []

    async def work() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            await asyncio.sleep(0)  # as the closing of a connection
            seen.append("closed")
            raise
        raise AssertionError

    async def outer() -> str:
        running = Eager(work())
        return await running

    task = asyncio.create_task(outer())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled", "closed"]


async def test_a_coroutine_that_nobody_awaits_is_closed() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("closed")

    running = Eager(work())
    del running
    gc.collect()
    assert seen == ["closed"]


async def _nested(limit: TimeLimit, work: Coroutine[Any, Any, Any]) -> Any:
    """Run within an inner timeout that begins before the outer one."""

    async def inner() -> Any:
        async with asyncio.timeout(3600), asyncio.TaskGroup() as tasks:
            return await tasks.create_task(work)

    return await limit.run(inner())


async def test_a_time_limit_ends_a_wait_below_timeouts_and_groups_of_the_coroutine() -> None:
    with pytest.raises(TimeoutError):
        await _nested(TimeLimit(0.01), asyncio.Event().wait())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await _nested(TimeLimit(3600), asyncio.sleep(0, "in time")) == "in time"


async def test_a_time_limit_of_zero_ends_the_first_wait_only() -> None:
    async def work(event: asyncio.Event) -> str:
        await event.wait()
        return "done"

    over = asyncio.Event()
    over.set()
    assert await TimeLimit(0).run(work(over)) == "done"  # the wait is over before it begins
    with pytest.raises(TimeoutError):
        await TimeLimit(0).run(work(asyncio.Event()))


async def test_a_time_limit_can_be_extended_before_the_first_wait() -> None:
    limit = TimeLimit(0)

    async def work() -> str:
        limit.extend(3600)
        await asyncio.sleep(0.01)
        return "in time"

    assert await limit.run(work()) == "in time"
    assert limit.seconds == 3600


async def test_a_time_limit_can_be_moved_after_a_wait() -> None:
    limit = TimeLimit(3600)

    async def work() -> None:
        await asyncio.sleep(0)
        limit.extend(-3600)
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await limit.run(work())
    assert limit.seconds == 0
