"""The worker: claims rows for its slots, runs them, and renews the leases.

    worker = Worker(database, analyzers, slots=3, instance="host:1")
    run = asyncio.create_task(worker.run())
    ...
    await worker.stop(grace_seconds=8)   # and `run` returns

Invariants:

- Polling is the guarantee, announcements only wake: the worker finds work within a second without any of them.
- The worker renews the leases of rows that it has, and no others: the lease of a mislaid row expires.
- A failed side task is logged and restarted, while the slots continue.
- After `run`, no process is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from datetime import timedelta
from functools import partial

import structlog

from jobs import retry
from jobs.admission import Admission
from jobs.engine import Engine, engine_for
from jobs.pace import MOST, TARGET_MS, Pace
from jobs.presence import Presence
from jobs.recorder import SMALL_GROUP, Recorder
from jobs.sandbox.sandbox import DEFAULT_ANALYZERS, Limits, Sandbox, SandboxUnavailable, Template
from jobs.sandbox.slot import Analyzers, Slot
from jobs.supervision import keep_running, side_tasks, wait_for
from jobs.timekeeper import Timekeeper
from store.queue import claims, fairness, workers
from store.queue.claims import Claimed
from store.queue.controls import read_controls
from store.queue.leases import renew, stops
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id

STOP_POLL_SECONDS = 0.5
LOOK_SECONDS = 1.0
BEAT_SECONDS = 1.0
WATCH_SECONDS = 0.1
# Ten times the target time of a chunk: after it, other slots and workers get the rows that have not begun.
STUCK_SECONDS = 0.5
# Time for the last writes of a shutdown. Outcomes not written then are lost leases at the next start.
LAST_WRITE_SECONDS = 1.0

log = structlog.stdlib.get_logger(__name__)


class Worker:
    """Runs up to `slots` analyses at once; operators may change the number meanwhile.

    `analyzers` must be those that `where` (`module:function`) returns.
    """

    def __init__(
        self,
        database: Database,
        analyzers: Analyzers,
        *,
        slots: int,
        instance: str,
        where: str = DEFAULT_ANALYZERS,
        limits: Limits | None = None,
        lease: timedelta = claims.LEASE,
        engine: Engine | None = None,
    ) -> None:
        self.id = new_id("worker")
        self._database = database
        self._engine = engine or engine_for(database)
        self._lease = lease
        self._template = Template(where, limits)
        self._recorder = Recorder(database)
        self._pace = Pace()
        self._presence = Presence(database, self._recorder, self.id, instance, analyzers)
        self._analyzers = analyzers
        self._admission = Admission(analyzers, slots)
        # Includes retired slots that still run a chunk. `_busy`: the analyzer of each slot with a chunk.
        self._slots: list[Slot] = []
        self._slot_tasks: set[asyncio.Task[None]] = set()
        self._free: deque[tuple[Slot, asyncio.Future[list[Claimed]]]] = deque()
        self._busy: dict[Slot, str] = {}
        # Claimed rows that no slot has: claimed ahead, or taken from a slow chunk.
        self._spare: list[Claimed] = []
        # Whether this process submitted an analysis without a batch since the last claim.
        self._alone_came = False
        self._slot_news = asyncio.Event()
        self._stop_news = asyncio.Event()
        self._control_news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stop_at = math.inf
        self._grace: asyncio.Timeout | None = None
        database.on_commit(self.hear)

    @property
    def completed(self) -> int:
        """Analyses that this worker completed."""
        return self._recorder.completed

    @property
    def timekeeper(self) -> Timekeeper:
        """The times of this worker's analyses."""
        return self._recorder.timekeeper

    @property
    def failed(self) -> int:
        """Analyses that failed or ran out of time on this worker."""
        return self._recorder.failed

    @property
    def slots(self) -> int:
        """Analyses that this worker may run at once."""
        return self._admission.slots

    @property
    def busy(self) -> int:
        """Slots with work."""
        return sum(bool(slot.leases) for slot in self._slots)

    @property
    def stopping(self) -> bool:
        """Whether the worker claims no more analyses."""
        return self._stopping.is_set()

    async def can_fork(self) -> bool:
        """Whether the fork server of the sandbox processes answers, within two seconds."""
        return await self._template.answers()

    @property
    def child(self) -> int | None:
        """The process id of the worker's only child, the fork server; None without one."""
        return self._template.child

    def wake(self) -> None:
        """Look for work and for requested stops now."""
        self._engine.wake()
        self._stop_news.set()

    def hear(self, news: frozenset[str]) -> None:
        """React to an announcement, by this process or another. (The engine has its own source for new work.)"""
        if "stop" in news:
            self._stop_news.set()
        if "controls" in news:
            self._control_news.set()
        if "alone" in news:
            self._alone_came = True
            self._recorder.somebody_waits()
            self._slot_news.set()

    async def stop(self, grace_seconds: float) -> None:
        """Claim no more, give back unstarted rows, wait for running ones within the grace, give back the rest.

        Returns shortly before `run` does. The steps of `run` before its wait count towards the grace.
        """
        self._stop_at = min(self._stop_at, asyncio.get_running_loop().time() + grace_seconds)
        self._stopping.set()
        await self._stopped.wait()

    def hurry(self) -> None:
        """End the grace of the present or a later `stop`."""
        self._stop_at = 0.0
        if self._grace is not None and not self._grace.expired():
            self._grace.reschedule(self._stop_at)

    async def run(self) -> None:
        """Work until `stop`, or until cancelled."""
        try:
            await keep_running("register", partial(self._presence.register, self._admission.slots))
            await keep_running("look", self._look)  # before the first claim: a pause holds from the start
            async with (
                side_tasks(recorder=self._recorder.run, heartbeat=self._beat, leases=self._renew),
                side_tasks(engine=self._engine.run, watch=self._watch, stops=self._stop_what_is_asked),
                asyncio.TaskGroup() as slots,
                side_tasks(claim=self._claim) as claiming,
                side_tasks(look=partial(self._look_around, slots)) as looking,
            ):
                await self._stopping.wait()
                await self._drain(claiming + looking)
        finally:
            await asyncio.gather(*(slot.sandbox.close() for slot in self._slots), return_exceptions=True)
            await self._template.close()
            self._stopped.set()

    async def _look(self) -> None:
        async with self._database.read() as connection:
            others = await workers.analyzers_of_others(connection, self.id, utcnow())
            self._admission.look(await read_controls(connection), await fairness.heads(connection), others)

    async def _look_around(self, slots: asyncio.TaskGroup) -> None:
        """Follow the operators' controls and the heads of the lanes."""
        while not self._stopping.is_set():
            await self._look()
            self._resize(slots)
            self._hold()
            if await wait_for(self._control_news, LOOK_SECONDS):
                self._control_news.clear()
                self._engine.wake()

    def _resize(self, slots: asyncio.TaskGroup) -> None:
        """Start or retire slots up to the wanted number. A retired slot finishes its current item."""
        lasting = [slot for slot in self._slots if not slot.retired]
        for slot in lasting[self._admission.slots :]:
            slot.retired = True
            slot.give_back(keep_current=True)
            for free in [free for free in self._free if free[0] is slot]:
                self._free.remove(free)
                free[1].set_result([])
        for _ in range(self._admission.slots - len(lasting)):
            slot = Slot(Sandbox(self._template), self._analyzers, self._recorder, self._pace.measured)
            self._slots.append(slot)
            task = slots.create_task(keep_running("slot", partial(self._run_slot, slot)))
            self._slot_tasks.add(task)
            task.add_done_callback(self._slot_tasks.discard)

    def _hold(self) -> None:
        """Give back paused rows that have not begun."""
        for slot, analyzer in self._busy.items():
            if self._admission.is_paused(analyzer):
                slot.give_back(keep_current=True)
        held = [row for row in self._spare if self._admission.is_paused(row.analyzer)]
        self._spare = [row for row in self._spare if not self._admission.is_paused(row.analyzer)]
        self._recorder.put([retry.given_back(row) for row in held])

    async def _claim(self) -> None:
        """Claim for free slots, until `stop`."""
        while not self._stopping.is_set():
            if not self._free and not self._spare and self._is_quick():
                self._spare = await self._claim_chunk(ahead=True)
            if not self._free:
                if self._alone_came and 0 < len(self._spare) <= MOST and self._is_quick():
                    self._alone_came = False
                    self._spare = await self._claim_chunk(ahead=True) + self._spare  # the new row goes first
                    continue
                self._slot_news.clear()
                await self._slot_news.wait()
                continue
            if not self._spare:
                await self._engine.receive()
                if self._stopping.is_set():
                    break
            rows = [row for row in self._spare if row.analyzer == self._spare[0].analyzer]
            self._spare = [row for row in self._spare if row.analyzer != rows[0].analyzer]
            if not rows and self._free:
                rows = await self._claim_chunk()
            await self._engine.done(found=bool(rows))
            if rows:
                self._deal(rows)

    def _is_quick(self) -> bool:
        """Whether all slots run items so quick that a slot would wait for its next claim longer than its chunk ran.

        One unusually slow item makes it False: then there is time to claim later, by the priorities of that moment.
        """
        return bool(self._busy) and all(
            self._pace.chunk(analyzer) == MOST and slot.busy_seconds < TARGET_MS / 1000
            for slot, analyzer in self._busy.items()
        )

    async def _claim_chunk(self, *, ahead: bool = False) -> list[Claimed]:
        """Claim for the free slots or, with `ahead`, for the next slot to become free."""
        busy = list(self._busy.values())[ahead:]
        starved, admitted = self._admission.starved(busy), self._admission.admitted(busy)
        if not admitted:
            return []
        most = self._pace.chunk if starved else self._how_many
        async with self._database.write() as connection:
            now = utcnow()
            rows = await claims.claim(connection, self.id, most, now, self._lease, analyzers=admitted, lane=starved)
        self._recorder.timekeeper.claimed(rows, now)
        if lane := starved or (rows and fairness.Lane(rows[0].analyzer, rows[0].priority)):
            self._admission.served(lane, by_age=starved is not None)
        if starved and not rows:
            self._engine.wake()  # other lanes may have rows
        return rows

    def _how_many(self, analyzer: str) -> int:
        room = self._admission.room(analyzer, self._busy.values())
        most = self._pace.chunk(analyzer) * max(1, min(len(self._free), room))
        # An analysis without a batch waits for a small transaction at most.
        return min(most, SMALL_GROUP) if self._recorder.hurries else most

    def _deal(self, rows: list[Claimed]) -> None:
        """Deal the rows to the free slots in equal shares, in their order; give back rows that may not run now."""
        analyzer = rows[0].analyzer
        shares = min(len(self._free), len(rows), self._admission.room(analyzer, self._busy.values()))
        if self._stopping.is_set() or not shares:
            self._recorder.put([retry.given_back(row) for row in rows])
            return
        for share in range(shares):
            slot, chunk = self._free.popleft()
            self._busy[slot] = analyzer
            chunk.set_result(rows[share::shares])

    async def _run_slot(self, slot: Slot) -> None:
        while not (self._stopping.is_set() or slot.retired):
            try:
                await slot.sandbox.start()
            except SandboxUnavailable as error:
                log.error("no process for a slot", reason=str(error))
                continue
            if self._stopping.is_set() or slot.retired:  # since its start began: it would get no chunk
                break
            chunk: asyncio.Future[list[Claimed]] = asyncio.get_running_loop().create_future()
            self._free.append((slot, chunk))
            self._slot_news.set()
            rows = await chunk
            try:
                if self._stopping.is_set() or slot.retired:
                    self._recorder.put([retry.given_back(row) for row in rows])
                else:
                    await slot.run(rows)
            finally:
                analyzer = self._busy.pop(slot, None)
                if analyzer is not None and self._admission.is_limited(analyzer):
                    self._engine.wake()
        await slot.sandbox.close()
        self._slots.remove(slot)

    async def _watch(self) -> None:
        """Enforce time limits, and take rows from chunks that are slower than their pace."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for slot in self._slots:
                slot.watch()
                if slot.worked_seconds > STUCK_SECONDS and (rows := slot.take_unstarted()):
                    if slot.busy_seconds > STUCK_SECONDS:
                        self._pace.measured(rows[0].analyzer, slot.busy_seconds * 1000)
                    self._leave(rows)

    def _leave(self, rows: list[Claimed]) -> None:
        """Keep one row for each free slot, and give the rest back to the queue."""
        if self._free:
            here = min(len(self._free), self._admission.room(rows[0].analyzer, self._busy.values()))
            self._spare += rows[:here]
            back = rows[here:]
        else:
            back, self._spare = rows + self._spare, []
        self._recorder.put([retry.given_back(row) for row in back])
        self._engine.wake()

    async def _stop_what_is_asked(self) -> None:
        while True:
            if await wait_for(self._stop_news, STOP_POLL_SECONDS):
                self._stop_news.clear()
            if not any(slot.leases for slot in self._slots) and not self._spare:
                continue
            async with self._database.read() as connection:
                asked = await stops(connection, self.id)
            for analysis_id, (lease, end) in asked.items():
                for slot in self._slots:
                    slot.stop(analysis_id, lease, end)
            stopped = [row for row in self._spare if row.id in asked]
            self._spare = [row for row in self._spare if row.id not in asked]
            self._recorder.put([retry.stopped(row, asked[row.id][1]) for row in stopped])

    async def _beat(self) -> None:
        while True:
            running = [slot.sandbox.current for slot in self._slots]
            await self._presence.say_alive(
                [self._template.pid, *(slot.sandbox.pid for slot in self._slots)],
                slots=self.slots,
                busy=self.busy,
                current=[analysis_id for analysis_id in running if analysis_id is not None],
            )
            await asyncio.sleep(BEAT_SECONDS)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            leases = self._recorder.leases | {row.lease for row in self._spare}
            leases |= {lease for slot in self._slots for lease in slot.leases}
            if leases:
                async with self._database.write() as connection:
                    held = await renew(connection, self.id, leases, utcnow(), self._lease)
                self._let_go(leases - held)

    def _let_go(self, lost: set[str]) -> None:
        """Drop the rows of leases that were lost while this process was paused."""
        for slot in self._slots:
            slot.let_go(lost)
        self._recorder.put([retry.given_back(row) for row in self._spare if row.lease in lost])
        self._spare = [row for row in self._spare if row.lease not in lost]

    async def _drain(self, claiming: list[asyncio.Task[None]]) -> None:
        """Shut down: claim no more, give back unstarted rows, finish or give back running ones, write all outcomes."""
        self._engine.wake()
        self._slot_news.set()
        self._control_news.set()
        for slot in self._slots:
            slot.give_back(keep_current=True)
        while self._free:
            self._free.popleft()[1].set_result([])
        await asyncio.wait(claiming, timeout=LAST_WRITE_SECONDS)
        if self._spare:
            self._deal(self._spare)
            self._spare = []
        running = set(self._slot_tasks)
        if running:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._stop_at) as self._grace:
                    await asyncio.wait(running)
            self._grace = None
            for slot in self._slots:
                slot.give_back(keep_current=False)
            await asyncio.wait(running, timeout=LAST_WRITE_SECONDS / 2)
            for task in running:
                task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WRITE_SECONDS):
                await self._recorder.is_empty()
                await self._presence.say_goodbye()
