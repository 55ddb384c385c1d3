"""A PostgreSQL server of the test's own, which may be broken, and set up on any disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support import free_port


def binaries() -> Path | None:
    """Where the newest installed PostgreSQL has its programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Cluster:
    """Started and stopped at will; its data stay, on the disk where this folder is."""

    def __init__(self, disk: Path | None = None) -> None:
        self._binaries = binaries()
        # Not in pytest's folders: those are for their owner alone, who may be root.
        self._folder = Path(tempfile.mkdtemp(prefix="assay-postgresql-", dir=disk))
        self.port = free_port()
        self._run_as: tuple[str, ...] = ()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._run_as = ("runuser", "-u", "postgres", "--")
            shutil.chown(self._folder, "postgres")
        self._call("initdb", "-D", str(self._folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self._folder}"
        log = str(self._folder / "log")
        self._call("pg_ctl", "-D", str(self._folder / "data"), "-l", log, "-w", "-t", "60", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is as a crash: no connection is closed in order, and the next start recovers."""
        self._call("pg_ctl", "-D", str(self._folder / "data"), "-m", mode, "-w", "-t", "60", "stop")

    def restart(self) -> None:
        """Whether it still runs, is about to end, or has ended."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop()
        self.start()

    def close(self) -> None:
        """Stop it where it runs, and delete it."""
        try:
            if (self._folder / "data" / "postmaster.pid").exists():
                self.stop()
        finally:
            shutil.rmtree(self._folder)

    def _call(self, program: str, *arguments: str) -> None:
        assert self._binaries is not None
        subprocess.run(
            [*self._run_as, str(self._binaries / program), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=120,
        )
