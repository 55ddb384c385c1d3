"""Group commit: short writes that arrive during a transaction share the next one, and its wait for the disk.

A write of an idle group begins at once, alone. Each write is answered after the commit of its transaction. If a shared
transaction fails, its members run again, each in a transaction of its own: only the faulty one fails.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.database import Database
from store.sql.failures import is_full, is_out_of_reach
from store.sql.script import Script

MemberT = TypeVar("MemberT")
AnswerT = TypeVar("AnswerT")

# Most members of a transaction, and most bytes if it has more than one: other writers wait for it.
MOST = 128
MOST_BYTES = 4 * 1024 * 1024


class Group(Generic[MemberT, AnswerT]):
    """Writes of one kind to one database. `close()` must be awaited before the database closes.

    A member that waits is dropped with its caller: there are at most as many as callers.
    """

    def __init__(
        self,
        database: Database,
        write: Callable[[Script, Sequence[MemberT]], list[AnswerT | Exception]],
        then: Callable[[AsyncConnection, list[AnswerT | Exception]], None],
        size: Callable[[MemberT], int],
    ) -> None:
        """`write` writes members in this order, and returns the answer of each, or the error of a refused one.

        `then` announces the answers, as in `Database.transact`. `size` is the bytes of a member.
        """
        self._database = database
        self._write = write
        self._then = then
        self._size = size
        self._waiting: deque[tuple[MemberT, asyncio.Future[AnswerT]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def add(self, member: MemberT) -> AnswerT:
        """Write the member and return its answer, after the commit. Raise its error, or that of its transaction.

        A cancellation drops the member if its transaction has not begun; otherwise the transaction runs to its end.
        """
        answer: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        waiting = (member, answer)
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            return await answer
        except asyncio.CancelledError:
            with suppress(ValueError):  # its transaction has begun
                self._waiting.remove(waiting)
            raise

    async def close(self) -> None:
        """Wait for the end of the running transaction, and of those waiting."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while members := self._next():
                await self._commit(members)
        finally:
            self._task = None

    def _next(self) -> list[tuple[MemberT, asyncio.Future[AnswerT]]]:
        """Take the members of the next transaction, in the order of arrival."""
        members: list[tuple[MemberT, asyncio.Future[AnswerT]]] = []
        total = 0
        while self._waiting and len(members) < MOST:
            total += self._size(self._waiting[0][0])
            if members and total > MOST_BYTES:
                break
            members.append(self._waiting.popleft())
        return members

    async def _commit(self, members: Sequence[tuple[MemberT, asyncio.Future[AnswerT]]]) -> None:
        taken = [member for member, _ in members]
        try:
            answers = await self._database.transact(lambda script: self._write(script, taken), self._then)
        except Exception as error:
            if len(members) > 1 and (is_full(error) or not is_out_of_reach(error)):
                for each in members:
                    await self._commit([each])
                return
            # Without a connection the outcome may be unknown: a second try could write twice.
            answers = [error] * len(members)
        for (_, future), answer in zip(members, answers, strict=True):
            if future.done():  # canceled
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
