"""The limits of this process's control groups: memory and processors of a container.

Versions 1 and 2 of Linux's cgroups, from the files that the kernel shows (`cgroups(7)`, and the kernel's
admin-guide/cgroup-v2 and cgroup-v1/memory). Each group on the path from the process's own to the visible root may have
limits. Everywhere else there are no limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """The limit of a group in bytes, and its use without the page cache that the kernel can free at once."""

    limit_bytes: int
    used_bytes: int

    @property
    def percent(self) -> float:
        """The used part, from 0 to 100."""
        return min(100.0, round(100 * self.used_bytes / self.limit_bytes, 1))


@dataclass(frozen=True, slots=True)
class CpuLimit:
    """The processors that a group may use, perhaps a fraction, and its processor time so far in seconds."""

    cpus: float
    used_seconds: float


def memory_limit(root: Path = Path("/")) -> MemoryLimit | None:
    """Return the limit with the least room: at the end of any of them, the kernel kills a process. None without one."""
    found = []
    for group in _groups(root, "memory"):
        limit = _number(group / "memory.max") or _number(group / "memory.limit_in_bytes")
        used = _number(group / "memory.current") or _number(group / "memory.usage_in_bytes")
        # Without a limit, version 1 shows a number beyond all memory.
        if limit is None or used is None or limit >= psutil.virtual_memory().total:
            continue
        statistics = _pairs(group / "memory.stat")
        free = statistics.get("total_inactive_file", statistics.get("inactive_file", 0))
        found.append(MemoryLimit(limit, max(0, used - free)))
    return max(found, key=lambda each: each.percent, default=None)


def cpu_limit(root: Path = Path("/")) -> CpuLimit | None:
    """Return the smallest quota of processor time. None without one."""
    found = []
    # Version 1 counts the time in a hierarchy with the same groups, mostly on the same mount.
    for group, times in zip(_groups(root, "cpu"), _groups(root, "cpuacct"), strict=False):
        if maximum := _text(group / "cpu.max"):
            quota, period = (_integer(word) for word in maximum.split())
            seconds = _pairs(times / "cpu.stat").get("usage_usec", 0) / 1e6
        else:
            quota, period = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
            seconds = (_number(times / "cpuacct.usage") or 0) / 1e9
        if quota is not None and period and quota > 0:  # version 1 shows -1 without a quota
            found.append(CpuLimit(quota / period, seconds))
    return min(found, key=lambda each: each.cpus, default=None)


def cores() -> int:
    """Return the number of processors for this program, at least 1: those of the machine, or of a quota, rounded up."""
    machine, limit = psutil.cpu_count() or 1, cpu_limit()
    return machine if limit is None else min(machine, math.ceil(limit.cpus))


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's group and of its parents in the hierarchy that has the controller."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
        mounts = [line.split() for line in (root / "proc/self/mountinfo").read_text().splitlines()]
    except OSError:
        return
    paths = {tuple(names.split(",")): path for _, names, path in (line.split(":", 2) for line in lines)}
    for names, path in paths.items():
        for mount in mounts:
            kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
            if controller in names:
                fits = kind == "cgroup" and controller in options
            else:
                fits = names == ("",) and kind == "cgroup2"
            if not fits:
                continue
            # A container may see its own group as the root of the mount, or the paths of the host.
            above, top = mount[3].rstrip("/"), root / mount[4].lstrip("/")
            inside = path.removeprefix(above) if path.startswith(f"{above}/") or path == above else ""
            group = top / inside.strip("/")
            yield group
            while group != top:
                group = group.parent
                yield group
            break


def _text(file: Path) -> str | None:
    try:
        return file.read_text()
    except OSError:
        return None


def _number(file: Path) -> int | None:
    text = _text(file)
    return None if text is None else _integer(text)


def _integer(text: str) -> int | None:
    """Return a number; None for `max`, which is no limit."""
    return None if text.strip() == "max" else int(text)


def _pairs(file: Path) -> dict[str, int]:
    lines = (_text(file) or "").splitlines()
    return {name: int(value) for name, value in (line.split() for line in lines)}
