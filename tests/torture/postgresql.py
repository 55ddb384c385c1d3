"""A PostgreSQL server for one test, on any disk, that the test may break."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support import free_port


def binaries() -> Path | None:
    """Return the folder of the newest installed PostgreSQL's programs; None if PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def dump(url: str, file: Path) -> None:
    """Write a dump of a database, while servers may use it."""
    _run("pg_dump", "-Fc", "-d", url, "-f", str(file))


def restore(file: Path, url: str) -> None:
    """Read a dump into an empty database."""
    _run("pg_restore", "--exit-on-error", "-d", url, str(file))


def _run(program: str, *arguments: str) -> None:
    folder = binaries()
    assert folder is not None
    subprocess.run([str(folder / program), *arguments], check=True, stdin=subprocess.DEVNULL, timeout=120)


class Cluster:
    """A PostgreSQL server that can be stopped and restarted with its data, which are on the given disk.

    `of` is another cluster, stopped: the new one begins with a physical copy of its data.
    """

    def __init__(self, disk: Path | None = None, *, of: Cluster | None = None) -> None:
        self._binaries = binaries()
        # Not in pytest's folders: only their owner, possibly root, can read them.
        self._folder = Path(tempfile.mkdtemp(prefix="assay-postgresql-", dir=disk))
        self.port = free_port()
        self._run_as: tuple[str, ...] = ()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._run_as = ("runuser", "-u", "postgres", "--")
            shutil.chown(self._folder, "postgres")
        if of is not None:
            shutil.copytree(of._folder / "data", self._folder / "data")
            if self._run_as:
                subprocess.run(["chown", "-R", "postgres", str(self._folder / "data")], check=True)
            return
        self._call("initdb", "-D", str(self._folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server. Returns once it accepts connections."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self._folder}"
        log = str(self._folder / "log")
        self._call("pg_ctl", "-D", str(self._folder / "data"), "-l", log, "-w", "-t", "60", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server. `immediate` is like a crash: connections are cut, and the next start recovers."""
        self._call("pg_ctl", "-D", str(self._folder / "data"), "-m", mode, "-w", "-t", "60", "stop")

    def restart(self) -> None:
        """Start the server again, whether it runs, is stopping, or has stopped."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server if it runs, and delete its data."""
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
