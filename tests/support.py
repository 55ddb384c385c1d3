"""Helpers for all tests: the available services, real servers in their own processes, waits for conditions.

A server under test is `server.py serve`, started as by an operator. All its processes have the same session id, so that
a left-over process is found even if its parent has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import IO, Any, Literal, cast
from urllib.parse import urlsplit

import psutil
import pytest

from access.opaque import START, Kind, digest_of, new_token
from access.passwords import Passwords
from settings import Settings
from store.access.api_keys import NewApiKey, create_api_key
from store.access.users import NewUser, create_user, set_password
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import DEFAULT_WORKSPACE, Role

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = ROOT / "tests" / "conformance"
SCHEMA = ROOT / "schema" / "schema.graphql"

POSTGRESQL_URL = os.environ.get("ASSAY_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("ASSAY_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")

PROGRAMS = ("redis-server", "pgbouncer", "nginx", "caddy")
Need = Literal["postgresql", "redis", "node", "chromium", "redis-server", "pgbouncer", "nginx", "caddy"]


def program(name: str) -> str | None:
    """Return the path of a program, also of one for administrators. None if it is not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")


def _listens(url: str, default_port: int) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or default_port), timeout=2):
            return True
    except OSError:
        return False


def _node_version() -> tuple[int, ...]:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return ()
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in text.strip().lstrip("v").split(".") if part.isdigit())


def chromium() -> str | None:
    """Return the path of Chromium. None if it is not installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def missing(need: str) -> str | None:
    """Return the reason why `need` is missing on this machine. None if it is available."""
    if need == "postgresql":
        return None if _listens(POSTGRESQL_URL, 5432) else f"no PostgreSQL answers at {POSTGRESQL_URL}"
    if need == "redis":
        return None if _listens(REDIS_URL, 6379) else f"no Redis answers at {REDIS_URL}"
    if need == "node":
        if _node_version() < (20,):
            return "Node.js 20 or newer with npm is not installed"
        installed = (CLIENTS / "node_modules" / ".package-lock.json").exists()
        return None if installed else "the Node packages are not installed: `make test-all` does that"
    if need == "chromium":
        return None if chromium() else "Chromium is not installed"
    if need in PROGRAMS:
        return None if program(need) else f"{need} is not installed"
    raise ValueError(f"unknown need {need!r}: one of postgresql, redis, node, chromium, {', '.join(PROGRAMS)}")


def run_node(*arguments: str | Path, timeout: float = 300, cwd: Path = CLIENTS) -> str:
    """Run `node` in `cwd` and return its output. Raises AssertionError with the output if the exit code is not 0."""
    return run("node", *arguments, timeout=timeout, cwd=cwd)


def run(*command: str | Path, timeout: float = 300, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a command and return its output. Raises AssertionError with the output if the exit code is not 0."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | {"NO_COLOR": "1", "FORCE_COLOR": "0"} | (env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"exit {done.returncode} of {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


# Below the ports that systems give to outgoing connections (Linux: from 32768, IANA: from 49152), so that none of those
# takes a server's port before the server listens or while it restarts.
PORTS = range(10_100, 32_768)  # browsers refuse 10080


def free_port() -> int:
    """Choose a port at random on which nothing listens."""
    # pytest-randomly seeds the common generator alike in every test and in every process of a parallel run.
    choose = random.SystemRandom().choice
    while True:
        port = choose(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def install_analyzer(folder: Path, name: str, source: str) -> Path:
    """Install a package with one analyzer and return the folder for PYTHONPATH.

    The analyzer is the variable of `source` with its name in upper case.
    """
    packages = folder / "packages"
    about = packages / f"assay_{name}-1.dist-info"
    about.mkdir(parents=True)
    (packages / f"assay_{name}.py").write_text(source)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: assay-{name}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[assay.analyzers]\n{name} = assay_{name}:{name.upper()}\n")
    return packages


async def until(condition: Callable[[], Any], *, what: str = "", seconds: float = 300) -> Any:
    """Poll a condition, which may be async, until its value is true, and return the value.

    Raises AssertionError after `seconds`, a bound on hangs. `what` names the condition in the message.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what or getattr(condition, '__name__', 'a condition')}")
        await asyncio.sleep(0.02)


# The servers of a test, whose logs its report shows after a failure.
SERVERS = pytest.StashKey[list["Server"]]()


class Server:
    """A server in its own process. Address, data folder and log stay the same over restarts."""

    command: Sequence[str] = (sys.executable, "server.py", "serve")
    stop_seconds: float = 60

    def __init__(self, folder: Path, settings: dict[str, object], name: str = "server") -> None:
        self.name = name
        self.data_dir = Path(str(settings.pop("data_dir", folder / "data")))
        self.port = int(str(settings.pop("port", free_port())))
        self.settings = settings
        self.log_path = folder / f"{name}-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._sessions: set[int] = set()

    @property
    def address(self) -> str:
        """The URL without a path: `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.address}/graphql"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def database_url(self) -> str:
        """The URL of the server's database: SQLite in the data folder if it has no other."""
        return str(self.settings.get("database_url") or f"sqlite:///{self.data_dir / 'assay.db'}")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def environment(self) -> dict[str, str]:
        """Return the environment of the caller, with its ASSAY_ settings replaced by those of this server."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
        own = {
            "host": "127.0.0.1",
            "port": self.port,
            "data_dir": self.data_dir,
            "log_format": "json",
            **self.settings,
        }
        given = {f"ASSAY_{name.upper()}": str(value) for name, value in own.items()}
        return clean | given | {"PYTHONFAULTHANDLER": "1"}

    async def start(self, *, seconds: float = 120) -> Server:
        """Start the server and wait until /health/ready answers 200."""
        self._spawn()

        async def ready() -> bool:
            code = self.process.poll()
            assert code is None, f"{self.name} ended with {code} before it was ready:\n{self.log[-4000:]}"
            return await asyncio.to_thread(self._is_ready)

        await until(ready, what=f"{self.name} to be ready; its log ends:\n{self.log[-4000:]}", seconds=seconds)
        return self

    def _spawn(self) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=cast(IO[bytes], log),
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._sessions.add(self._process.pid)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:  # a worker answers 503 while it starts
            error.close()
            return False
        except (urllib.error.URLError, OSError):
            return False

    async def terminate(self, *, seconds: float | None = None) -> int:
        """Send SIGTERM and return the exit code. Raises AssertionError if the server does not stop in time."""
        self.process.send_signal(signal.SIGTERM)
        return await self._ended(self.stop_seconds if seconds is None else seconds)

    async def kill(self) -> int:
        """Send SIGKILL and return the exit code. Child processes of the server must end by themselves."""
        self.process.kill()
        return await self._ended(60)

    async def restart(self, *, kill: bool = False) -> Server:
        """Stop or kill the server, and start it again on the same port and data."""
        await (self.kill() if kill else self.terminate())
        return await self.start()

    async def _ended(self, seconds: float) -> int:
        await until(
            lambda: self.process.poll() is not None,
            what=f"{self.name} to end; its log ends:\n{self.log[-4000:]}",
            seconds=seconds,
        )
        return cast(int, self.process.returncode)

    async def _abort(self) -> None:
        """End a server that does not stop. Its log then says where each of its threads was."""
        self.process.send_signal(signal.SIGABRT)
        await until(lambda: self.process.poll() is not None, what="an aborted process to end", seconds=60)

    def left_over(self) -> list[psutil.Process]:
        """Return the processes of this server that still run, also those without a parent."""
        found = []
        for process in psutil.process_iter(["pid", "status"]):
            try:
                if os.getsid(process.pid) in self._sessions and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    async def close(self) -> None:
        """Stop the server if it runs. Raises AssertionError if it does not stop or a process is left."""
        stopped = True
        if self._process is not None and self._process.poll() is None:
            try:
                await self.terminate()
            except AssertionError:
                stopped = False
                await self._abort()
        try:
            await until(
                lambda: not self.left_over(),
                what="all processes to end",
                seconds=self.stop_seconds / 2 if stopped else 0,
            )
            assert stopped
        except AssertionError:
            left = [f"{process.pid} {' '.join(_command(process))}" for process in self.left_over()]
            log = f"; its log ends:\n{self.log[-8000:]}" if not stopped else ""
            raise AssertionError(f"{self.name} did not stop, or left processes behind: {left}{log}") from None
        finally:
            for process in self.left_over():
                process.kill()
            if self._process is not None:
                self._process.wait(60)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return ["?"]


SECRET = "the secret of closed servers in tests"


async def new_api_key(database_url: str, role: Role = Role.ADMIN, workspace: str = DEFAULT_WORKSPACE) -> str:
    """Create an API key of a new administrator, in a database with tables. Returns the key."""
    key, now = new_token(Kind.API_KEY), utcnow()
    database = Database(Settings(database_url=database_url).database)
    try:
        async with database.write() as connection:
            user = await create_user(connection, NewUser(name=new_id("user"), is_administrator=True), now)
            new = NewApiKey(workspace, "of a test", key[:START], digest_of(key), role, user.id, None)
            await create_api_key(connection, new, now)
    finally:
        await database.close()
    return key


async def new_user(database_url: str, name: str, password: str) -> str:
    """Create an administrator with a password, in a database with tables. Returns the id."""
    passwords, database = Passwords(), Database(Settings(database_url=database_url).database)
    try:
        encoded = await passwords.encode(password)
        async with database.write() as connection:
            user = await create_user(connection, NewUser(name=name, is_administrator=True), utcnow())
            await set_password(connection, user.id, encoded, utcnow())
    finally:
        passwords.close()
        await database.close()
    return user.id


def post(
    url: str, query: str, variables: dict[str, Any] | None = None, *, seconds: float = 120, key: str | None = None
) -> dict[str, Any]:
    """Send a GraphQL request by the standard library; return the whole answer with its errors."""
    credential = {} if key is None else {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(
        url,
        data=json.dumps({"query": query, "variables": variables or {}}).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json", **credential},
    )
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        return cast(dict[str, Any], json.load(answer))
