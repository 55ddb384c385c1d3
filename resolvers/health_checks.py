"""Health checks: one plain function of figures for each component that can fail.

A check returns its component and, if an operator should act, a sentence with the figure and the remedy. The names of
the bounds below end with their units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from access.limits import Limits
from events.bus import Bus
from resolvers.cgroup import cores
from resolvers.metrics import is_alive
from resolvers.monitor import MIB, Disk, Memory
from store.statistics import LogFigures, QueueFigures
from store.tables import ControlRow, HealthStatus, WorkerRow

DATABASE_LIMIT_SECONDS = 2.0
DATABASE_SLOW_MS = 500.0
DISK_LOW_PERCENT, DISK_OUT_PERCENT = 10.0, 2.0  # free space
DISK_OUT_MIB = 200
MEMORY_HIGH_PERCENT, MEMORY_OUT_PERCENT = 90.0, 97.0  # used memory
QUEUE_LONG_SECONDS = 60.0
QUEUE_STUCK_SECONDS = 15.0
FENCE_LATE_SECONDS, FENCE_STUCK_SECONDS = 5.0, 60.0
LOOP_LATE_SECONDS, LOOP_STUCK_SECONDS = 0.25, 2.0


HEALTHY, DEGRADED, UNHEALTHY = HealthStatus


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the server that can fail: its status, a message, and recommendations."""

    name: str
    status: HealthStatus
    message: str | None = None
    latency_ms: float | None = None
    advice: Sequence[str] = ()


def check_database(latency_ms: float | None, disk: Disk | None = None) -> Component:
    """Check the database. `latency_ms` is None if it did not answer; `disk` is that of SQLite's file, else None."""
    if latency_ms is None:
        message = f"The database did not answer within {DATABASE_LIMIT_SECONDS:g} s, or refused the connection."
        advice = (
            f"The database did not answer within {DATABASE_LIMIT_SECONDS:g} s, or refused the connection: check that "
            "it runs and that ASSAY_DATABASE_URL is correct; the log has the reason."
        )
        return Component("database", UNHEALTHY, message, None, [advice])
    if disk is not None and _disk_status(disk) is UNHEALTHY:
        free = _size(disk.free_bytes)
        advice = f"The disk of the database has {free} free, too little to write: give it more space."
        return Component("database", UNHEALTHY, f"The disk of the database has {free} free.", latency_ms, [advice])
    if latency_ms > DATABASE_SLOW_MS:
        advice = (
            f"The database took {latency_ms:,.0f} ms for a minimal query: look for other programs that use it or its "
            "disk."
        )
        return Component("database", DEGRADED, "The database answers slowly.", latency_ms, [advice])
    return Component("database", HEALTHY, "The database answers.", latency_ms)


def check_bus(bus: Bus, *, sqlite: bool) -> Component:
    """Check the bus, which brings news of other servers on the same database."""
    if not bus.has_broker:
        found = "its file is watched" if sqlite else "it is read once a second"
        return Component(
            "bus", HEALTHY, f"No bus is configured: news of other servers comes from the database; {found}."
        )
    since = _time(bus.since)
    if bus.live:
        latency_ms = round((bus.round_trip_seconds or 0) * 1000, 3)
        return Component("bus", HEALTHY, f"The bus is up since {since}.", latency_ms)
    message = f"The bus is down since {since}: news of other servers comes by polling, up to a second late."
    advice = (
        f"The bus is down since {since} and events come up to a second late: check that the address in "
        "ASSAY_BROADCAST_URL (the database, if it is empty) can be reached; the log has the reason. The server "
        "reconnects by itself."
    )
    return Component("bus", DEGRADED, message, None, [advice])


def check_limits(limits: Limits) -> Component:
    """Check the Redis that shares the limits of use."""
    if not limits.is_lost:
        how = "shared by all servers" if limits.shared else "kept by this server"
        return Component("limits", HEALTHY, f"The limits of use are {how}.")
    since = _time(limits.since)
    message = f"The limits of use are not shared since {since}: each server admits up to the whole limit."
    advice = (
        f"The limits of use are not shared since {since}: check that the Redis in ASSAY_LIMITS_URL (the bus, if it is "
        "empty) can be reached; the log has the reason. The server reconnects by itself."
    )
    return Component("limits", DEGRADED, message, None, [advice])


def check_events(figures: LogFigures, lag_seconds: float) -> Component:
    """Check the log: events held back by open transactions, and the lag of this server's reader."""
    late = figures.held_back_seconds
    messages, advice = [], []
    if late > FENCE_LATE_SECONDS:
        messages.append(f"An open transaction holds back events for {late:,.0f} s.")
        open_for = f", the oldest of {figures.open_seconds:,.0f} s," if figures.open_seconds else ""
        advice.append(
            f"A transaction of this database that has written and is still open{open_for} holds back events for "
            f"{late:,.0f} s: find it in pg_stat_activity (datname = current_database() and backend_xid is not null) or "
            "pg_prepared_xacts (database = current_database()) and end it."
        )
    if lag_seconds > FENCE_LATE_SECONDS:
        messages.append(f"This server reads events with a delay of {lag_seconds:,.0f} s.")
        advice.append(
            f"This server reads events with a delay of {lag_seconds:,.0f} s: its log has the reason if reads fail; "
            "otherwise the database is slow, or the machine has too little processor time."
        )
    worst = max(late, lag_seconds)
    status = UNHEALTHY if worst > FENCE_STUCK_SECONDS else DEGRADED if worst > FENCE_LATE_SECONDS else HEALTHY
    return Component("events", status, " ".join(messages) or "No transaction holds back events.", None, advice)


def check_workers(rows: Sequence[WorkerRow], wanted: int, now: datetime) -> Component:
    """Check the workers. `wanted` is the number of slots that this server is configured to have."""
    silent = [row for row in rows if not is_alive(row, now)]
    alive = len(rows) - len(silent)
    ages = [(now - row.last_seen_at).total_seconds() for row in silent]
    if not alive and wanted:
        heard = f"last heartbeat {min(ages):,.0f} s ago" if silent else "none has started"
        advice = (
            f"ASSAY_WORKERS is {wanted} and no worker is alive ({heard}): find the reason in the log, and restart the "
            "server."
        )
        return Component("workers", UNHEALTHY, f"No worker is alive: {heard}.", None, [advice])
    if silent:
        one = len(silent) == 1
        advice = (
            f"{len(silent)} of {_count(len(rows), 'worker')} ({_names(row.instance for row in silent)}) "
            f"{'has' if one else 'have'} sent no heartbeat for {max(ages):,.0f} s: other workers retry "
            f"{'its' if one else 'their'} analyses; check whether the servers still run."
        )
        return Component("workers", DEGRADED, f"{alive} alive, {len(silent)} silent.", None, [advice])
    if not alive:
        return Component("workers", HEALTHY, "No worker is alive, and none is configured here.")
    busy, slots = sum(row.busy for row in rows), sum(row.slots for row in rows)
    return Component("workers", HEALTHY, f"{alive} alive, {busy} of {_count(slots, 'slot')} busy.")


def check_queue(
    figures: QueueFigures, alive: Sequence[WorkerRow], wanted: int, held: Sequence[ControlRow] = ()
) -> Component:
    """Check that workers start queued analyses soon enough. `alive` are the live workers of all servers.

    `wanted` is as for `check_workers`.
    `held` are the controls: while a part of the queue is paused, waiting analyses are no fault.
    """
    depth, oldest = figures.depth, figures.oldest_seconds or 0.0
    verb = "waits" if depth == 1 else "wait"
    waits = f"{_count(depth, 'analysis', 'analyses')} {verb}, the oldest for {oldest:,.0f} s"
    pauses = [_pause(row.analyzer, row.paused_at) for row in held if row.paused_at is not None]
    if pauses:
        return Component("queue", DEGRADED, f"{depth:,} waiting, {figures.running:,} running, paused.", None, pauses)
    if oldest > QUEUE_STUCK_SECONDS and not alive:
        remedy = "restart the server" if wanted else "set ASSAY_WORKERS above 0, here or on another server"
        return Component("queue", UNHEALTHY, f"{waits}.", None, [f"{waits}, and no worker is alive: {remedy}."])
    if oldest > QUEUE_STUCK_SECONDS and not figures.running:
        advice = f"{waits}, and nothing runs although a worker is alive: find the reason in its log."
        return Component("queue", UNHEALTHY, f"{waits}, and nothing runs.", None, [advice])
    if oldest > QUEUE_LONG_SECONDS:
        busy, slots = sum(row.busy for row in alive), sum(row.slots for row in alive)
        available = cores()
        has = f"this machine has {_count(available, 'core')}"
        if any(row.slots is not None for row in held):
            remedy = "raise the limit that was set by `setConcurrency`, or remove it"
        elif 2 * busy <= slots:  # a slot or two may be between two analyses at this moment
            remedy = "find in the logs of their servers why they start no more"
        elif not wanted:
            remedy = "raise ASSAY_WORKERS on the servers with workers, or let further servers share the queue"
        elif wanted < available:
            remedy = f"raise ASSAY_WORKERS from {wanted} ({has})"
        else:
            remedy = (
                f"ASSAY_WORKERS is {wanted} and {has}, so take a larger machine, or let further servers share the "
                "queue over PostgreSQL (ASSAY_DATABASE_URL)"
            )
        crowd = (
            f"{busy} of {_count(slots, 'slot')} on {_count(len(alive), 'worker')} {'is' if busy == 1 else 'are'} busy"
        )
        advice = f"{waits}, while {crowd}: {remedy}."
        return Component("queue", DEGRADED, f"{waits}.", None, [advice])
    return Component("queue", HEALTHY, f"{depth:,} waiting, {figures.running:,} running.")


def _pause(analyzer: str, since: datetime) -> str:
    part, command = (f"The queue of {analyzer}", f"resume {analyzer}") if analyzer else ("The queue", "resume")
    return f"{part} is paused since {_time(since)}: resume it by `resumeQueue` or `python server.py {command}`."


def check_disk(disk: Disk) -> Component:
    """Check the free space on the disk of the data folder."""
    status = _disk_status(disk)
    message = f"{disk.percent:.0f} % full, {_size(disk.free_bytes)} free."
    if status is HEALTHY:
        return Component("disk", HEALTHY, message)
    advice = (
        f"The disk of the data folder is {disk.percent:.0f} % full ({_size(disk.free_bytes)} free): give it more "
        "space; deleting analyses at first needs space itself."
    )
    return Component("disk", status, message, None, [advice])


def _disk_status(disk: Disk) -> HealthStatus:
    free = 100 - disk.percent
    if free < DISK_OUT_PERCENT or disk.free_bytes < DISK_OUT_MIB * MIB:
        return UNHEALTHY
    return DEGRADED if free < DISK_LOW_PERCENT else HEALTHY


def check_memory(memory: Memory, wanted: int) -> Component:
    """Check the memory of the container or the machine. `wanted` is as for `check_workers`."""
    whole, holder = "the machine's memory", "machine"
    if memory.limit_bytes is not None:
        whole, holder = f"the container's limit of {_size(memory.limit_bytes)}", "container"
    used = f"{memory.percent:.0f} % of {whole} is used, {memory.server_mb:,.0f} MiB"
    message = f"{used} by this server."
    if memory.percent < MEMORY_HIGH_PERCENT:
        return Component("memory", HEALTHY, message)
    status = DEGRADED if memory.percent < MEMORY_OUT_PERCENT else UNHEALTHY
    lower = f"lower ASSAY_WORKERS from {wanted}, or " if wanted > 1 else ""
    advice = f"{used} of it by this server and its processes: {lower}give the {holder} more memory."
    return Component("memory", status, message, None, [advice])


def check_analyzers(loaded: int, failures: Mapping[str, str]) -> Component:
    """Check that all plug-ins have loaded. `failures` are the reasons by the names of the plug-ins."""
    if not failures:
        return Component("analyzers", HEALTHY, f"{loaded} loaded.")
    ordered = sorted(failures.items())
    message = f"{loaded} loaded; not loaded: {'; '.join(f'{name} ({why})' for name, why in ordered)}."
    advice = [
        f"The plug-in {name} did not load ({why}): repair or uninstall it, and restart the server."
        for name, why in ordered
    ]
    return Component("analyzers", DEGRADED, message, None, advice)


def check_loop(lag_seconds: float) -> Component:
    """Check the longest lag of the event loop in the last ten seconds."""
    lag_ms = round(lag_seconds * 1000, 3)
    if lag_seconds <= LOOP_LATE_SECONDS:
        return Component("event_loop", HEALTHY, "The event loop runs on time.", lag_ms)
    status = UNHEALTHY if lag_seconds > LOOP_STUCK_SECONDS else DEGRADED
    advice = (
        f"The event loop was {lag_ms:,.0f} ms late within the last ten seconds: the machine has too little processor "
        "time for this server (lower ASSAY_WORKERS, or move other programs away), or a plug-in blocks it."
    )
    return Component("event_loop", status, f"The event loop was {lag_ms:,.0f} ms late.", lag_ms, [advice])


def _time(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S UTC")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _names(names: Iterable[str]) -> str:
    distinct = sorted(set(names))
    shown = ", ".join(distinct[:3])
    return shown if len(distinct) <= 3 else f"{shown} and {len(distinct) - 3} more"


def _size(count: int) -> str:
    return f"{count / MIB / 1024:.1f} GiB" if count >= 1024 * MIB else f"{count // MIB:,} MiB"
