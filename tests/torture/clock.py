"""A server whose machine's clock can be set: libfaketime intercepts its system calls.

Only the server's own process has this clock; its child processes have the real one, because libfaketime 0.9.10 breaks
Python's `sleep`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.api.calls import ApiServer

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
# Removes libfaketime from the environment once it is loaded, and then runs `server.py`.
WRAPPER = """
import os, runpy, sys
del os.environ["LD_PRELOAD"]
sys.argv = ["server.py", *sys.argv[1:]]
sys.path.insert(0, os.getcwd())
runpy.run_path("server.py", run_name="__main__")
"""


class ClockServer(ApiServer):
    """A server with a clock that differs from the real one by `set_clock`'s hours, and passes at the same rate."""

    command = (sys.executable, "-c", WRAPPER, "serve")

    @property
    def clock_path(self) -> Path:
        return self.log_path.with_suffix(".clock")

    def set_clock(self, hours: int) -> None:
        """Set the clock this many hours ahead of the real one, at once."""
        part = self.clock_path.with_suffix(".part")
        part.write_text(f"{hours:+d}h\n")
        part.rename(self.clock_path)

    def environment(self) -> dict[str, str]:
        if not self.clock_path.exists():
            self.set_clock(0)
        faked = {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock_path),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # With 1, the default, every wait for the interpreter lock becomes a busy loop.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }
        return super().environment() | faked
