"""CPU and memory use of a worker and its processes."""

from __future__ import annotations

from collections.abc import Collection

import psutil


class Usage:
    """Measures processes by their ids, in a fraction of a millisecond; a search for children would cost more."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}

    def look(self, pids: Collection[int]) -> tuple[float, float]:
        """Return the CPU since the last look in percent of one core, and the memory in MiB (shared pages count in each
        process).
        """
        self._processes = {pid: process for pid, process in self._processes.items() if pid in pids}
        cpu_percent = memory_bytes = 0.0
        for pid in pids:
            try:
                process = self._processes.setdefault(pid, psutil.Process(pid))
                with process.oneshot():
                    cpu_percent += process.cpu_percent()
                    memory_bytes += process.memory_info().rss
            except (psutil.Error, OSError):  # gone, or no free descriptor: the heartbeat needs no figures
                self._processes.pop(pid, None)
        return round(cpu_percent, 1), round(memory_bytes / 2**20, 1)
