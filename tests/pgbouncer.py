"""A PgBouncer of the test, in transaction mode: each transaction runs in another session than the one before."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.support import free_port, program, until

# With `min_pool_size` and `server_round_robin`, the sessions take turns even for a single client.
CONFIGURATION = """
[databases]
* = host={host} port={to} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
min_pool_size = 3
default_pool_size = 8
server_round_robin = 1
max_client_conn = {clients}
"""


class PgBouncer:
    """A PgBouncer in front of the server of this URL."""

    def __init__(self, server_url: str, *, clients: int = 200) -> None:
        self._parts = urlsplit(server_url)
        self.port = free_port()
        # Not in pytest's folders: only their owner, possibly root, can read them.
        self._folder = Path(tempfile.mkdtemp(prefix="assay-pgbouncer-"))
        parts = self._parts
        (self._folder / "pgbouncer.ini").write_text(
            CONFIGURATION.format(
                host=parts.hostname, to=parts.port or 5432, user=parts.username, port=self.port, clients=clients
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the server's database, through PgBouncer."""
        return urlunsplit(self._parts._replace(netloc=f"{self._parts.username}@127.0.0.1:{self.port}"))

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    async def start(self) -> None:
        """Start PgBouncer. Returns once it accepts connections."""
        self._spawn()
        await until(self._listens, what="PgBouncer to listen")

    def _spawn(self) -> None:
        path = program("pgbouncer")
        assert path is not None
        run_as: tuple[str, ...] = ()
        if os.geteuid() == 0:  # PgBouncer refuses to run as root
            run_as = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
            shutil.chown(self._folder, "postgres")
        with (self._folder / "log").open("wb") as log:
            command = (*run_as, path, "-q", str(self._folder / "pgbouncer.ini"))
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self) -> None:
        """Stop PgBouncer and delete its files."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
        shutil.rmtree(self._folder)
