"""Control groups: recorded files of containers, and real groups of version 1."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from resolvers import cgroup, monitor
from resolvers.cgroup import CpuLimit, MemoryLimit, cores, cpu_limit, memory_limit
from tests.support import ROOT, Server, post, until

MIB = 2**20
UNLIMITED = 9223372036854771712

# mountinfo of a container on version 2 and on version 1, reduced to the mounts of groups.
MOUNTS_2 = "1 2 0:29 {root} /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n"
MOUNTS_1 = (
    "1 2 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "3 1 0:30 {root} /sys/fs/cgroup/cpu,cpuacct ro master:11 - cgroup cgroup rw,cpu,cpuacct\n"
    "4 1 0:31 {root} /sys/fs/cgroup/memory ro master:12 - cgroup cgroup rw,memory\n"
    "5 1 0:32 {root} /sys/fs/cgroup/unified ro - cgroup2 cgroup2 rw\n"
)


def recorded(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def memory_2(limit: str, used: int, inactive: int) -> dict[str, str]:
    statistics = f"anon 1000\nfile {inactive + 4096}\ninactive_anon 0\nactive_file 4096\ninactive_file {inactive}\n"
    return {"memory.max": f"{limit}\n", "memory.current": f"{used}\n", "memory.stat": statistics}


def memory_1(limit: int, used: int, inactive: int) -> dict[str, str]:
    return {
        "memory.limit_in_bytes": f"{limit}\n",
        "memory.usage_in_bytes": f"{used}\n",
        # The first is the group's own, and the total includes its children.
        "memory.stat": f"cache 0\ninactive_file 0\nhierarchical_memory_limit {limit}\ntotal_inactive_file {inactive}\n",
    }


def within(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{folder}/{name}": text for name, text in files.items()}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 8 GiB and 8 processors."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=8192 * MIB, percent=11.0))
    monkeypatch.setattr(psutil, "cpu_count", lambda: 8)


def test_a_container_that_sees_its_own_group_as_root(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/\n",
        "proc/self/mountinfo": MOUNTS_2.format(root="/"),
        **within("sys/fs/cgroup", memory_2(str(512 * MIB), 500 * MIB, 100 * MIB)),
        "sys/fs/cgroup/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n",
    }
    root = recorded(tmp_path, files)
    assert memory_limit(root) == MemoryLimit(512 * MIB, 400 * MIB)
    assert MemoryLimit(512 * MIB, 400 * MIB).percent == 78.1
    assert cpu_limit(root) == CpuLimit(1.5, 2.5)


@pytest.mark.parametrize(
    ("pod", "container", "found"),
    [
        ("max", str(512 * MIB), MemoryLimit(512 * MIB, 256 * MIB)),
        (str(1024 * MIB), "max", MemoryLimit(1024 * MIB, 768 * MIB)),
        (str(1024 * MIB), str(256 * MIB), MemoryLimit(256 * MIB, 256 * MIB)),
        # The pod is fuller than its container.
        (str(800 * MIB), str(512 * MIB), MemoryLimit(800 * MIB, 768 * MIB)),
        ("max", "max", None),
        (str(8192 * MIB), str(9000 * MIB), None),
    ],
)
def test_nested_memory_limits(tmp_path: Path, pod: str, container: str, found: MemoryLimit | None) -> None:
    files = {
        "proc/self/cgroup": "0::/kubepods/pod1/container1\n",
        "proc/self/mountinfo": MOUNTS_2.format(root="/"),
        **within("sys/fs/cgroup/kubepods/pod1/container1", memory_2(container, 256 * MIB, 0)),
        **within("sys/fs/cgroup/kubepods/pod1", memory_2(pod, 768 * MIB, 0)),
    }
    assert memory_limit(recorded(tmp_path, files)) == found


@pytest.mark.parametrize(
    ("pod", "container", "found"),
    [
        ("400000", "max", CpuLimit(4, 9)),
        ("max", "50000", CpuLimit(0.5, 3)),
        ("400000", "50000", CpuLimit(0.5, 3)),
        ("100000", "200000", CpuLimit(1, 9)),
        ("max", "max", None),
    ],
)
def test_nested_quotas(tmp_path: Path, pod: str, container: str, found: CpuLimit | None) -> None:
    files = {
        "proc/self/cgroup": "0::/pod1/container1\n",
        "proc/self/mountinfo": MOUNTS_2.format(root="/"),
        "sys/fs/cgroup/pod1/cpu.max": f"{pod} 100000\n",
        "sys/fs/cgroup/pod1/cpu.stat": "usage_usec 9000000\n",
        "sys/fs/cgroup/pod1/container1/cpu.max": f"{container} 100000\n",
        "sys/fs/cgroup/pod1/container1/cpu.stat": "usage_usec 3000000\n",
    }
    assert cpu_limit(recorded(tmp_path, files)) == found


@pytest.mark.parametrize("seen", ["/docker/abc", "/"])
def test_version_1(tmp_path: Path, seen: str) -> None:
    """Of the whole machine or of the container, by the root of the mounts."""
    inside = "" if seen == "/docker/abc" else "/docker/abc"
    cpu, memory = f"sys/fs/cgroup/cpu,cpuacct{inside}", f"sys/fs/cgroup/memory{inside}"
    files = {
        "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n",
        "proc/self/mountinfo": MOUNTS_1.format(root=seen),
        **within(memory, memory_1(512 * MIB, 500 * MIB, 100 * MIB)),
        f"{cpu}/cpu.cfs_quota_us": "250000\n",
        f"{cpu}/cpu.cfs_period_us": "100000\n",
        f"{cpu}/cpuacct.usage": "1500000000\n",
    }
    root = recorded(tmp_path, files)
    assert memory_limit(root) == MemoryLimit(512 * MIB, 400 * MIB)
    assert cpu_limit(root) == CpuLimit(2.5, 1.5)


def test_groups_without_limits(tmp_path: Path) -> None:
    assert (memory_limit(tmp_path), cpu_limit(tmp_path)) == (None, None)
    files = {
        "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n",
        "proc/self/mountinfo": MOUNTS_1.format(root="/docker/abc"),
        **within("sys/fs/cgroup/memory", memory_1(UNLIMITED, 500 * MIB, 0)),
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage": "1500000000\n",
    }
    root = recorded(tmp_path, files)
    assert (memory_limit(root), cpu_limit(root)) == (None, None)


@pytest.mark.parametrize(("cpus", "found"), [(None, 8), (0.05, 1), (1.0, 1), (1.5, 2), (16.0, 8)])
def test_the_number_of_processors(monkeypatch: pytest.MonkeyPatch, cpus: float | None, found: int) -> None:
    monkeypatch.setattr(cgroup, "cpu_limit", lambda: None if cpus is None else CpuLimit(cpus, 0))
    assert cores() == found


def test_the_load_is_that_of_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    state = SimpleNamespace(limit=CpuLimit(1.5, 100.0), now=1000.0)
    monkeypatch.setattr(monitor, "cpu_limit", lambda: state.limit)
    monkeypatch.setattr(monitor.time, "monotonic", lambda: state.now)  # type: ignore[attr-defined]
    monkeypatch.setattr(psutil, "cpu_percent", lambda: 25.0)
    processors = monitor._Processors()
    processors.look()
    state.limit, state.now = CpuLimit(1.5, 101.2), 1002.0
    assert processors.look() == 40.0
    state.limit, state.now = CpuLimit(1.5, 109.0), 1003.0
    assert processors.look() == 100.0
    state.limit = None
    assert processors.look() == 25.0


@pytest.fixture
def groups() -> Iterator[dict[str, Path]]:
    """Real groups of version 1 inside those of the tests, by controller, with 200 MiB and half a processor."""
    limits = {
        "memory": {"memory.limit_in_bytes": str(200 * MIB)},
        "cpu": {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"},
        "cpuacct": {},
    }
    name, made = f"assay-test-{uuid.uuid4().hex}", {}
    with ExitStack() as stack:
        for controller, files in limits.items():
            parent = next(cgroup._groups(Path("/"), controller))
            made[controller] = parent / name
            made[controller].mkdir()
            stack.callback(made[controller].rmdir)
            for file, text in files.items():
                (made[controller] / file).write_text(text)
        yield made


needs_version_1 = pytest.mark.skipif(
    not os.access("/sys/fs/cgroup/memory", os.W_OK), reason="no control groups of version 1 that this user may write to"
)

# Joins the groups, and then reports the limits: first, with 100 MiB in use, and with 60 MiB of page cache.
INSIDE = """
import json, os, sys
from pathlib import Path
from resolvers.cgroup import cores, cpu_limit, memory_limit

def report():
    limit, memory, raw = cpu_limit(), memory_limit(), (groups["memory"] / "memory.usage_in_bytes").read_text()
    print(json.dumps([limit.cpus, cores(), memory.limit_bytes, memory.used_bytes, int(raw)]))

groups = {name: Path(path) for name, path in json.loads(sys.argv[1]).items()}
for group in groups.values():
    (group / "cgroup.procs").write_text(str(os.getpid()))
report()
held = b"x" * (100 << 20)
report()
with open(sys.argv[2], "wb") as file:
    for _ in range(60):
        file.write(bytes(1 << 20))
    file.flush()
    os.fsync(file.fileno())
report()
"""


@needs_version_1
async def test_a_real_group(groups: dict[str, Path], tmp_path: Path) -> None:
    given = json.dumps({name: str(path) for name, path in groups.items()})
    arguments = [sys.executable, "-c", INSIDE, given, str(tmp_path / "file")]
    done = await asyncio.to_thread(
        subprocess.run, arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    first, full, cached = [json.loads(line) for line in done.stdout.splitlines()]
    for report in (first, full, cached):
        assert report[:3] == [0.5, 1, 200 * MIB]
    used, raw = [report[3] for report in (first, full, cached)], [report[4] for report in (first, full, cached)]
    assert used[1] - used[0] > 95 * MIB
    assert raw[2] - raw[1] > 55 * MIB
    assert used[2] - used[1] < 20 * MIB


class LimitedServer(Server):
    """A server in a group with a limit of memory."""

    group: Path

    async def start(self, *, seconds: float = 120) -> Server:
        join = f'echo $$ > {self.group}/cgroup.procs && exec "$@"'
        self.command = ("sh", "-c", join, "sh", sys.executable, "server.py", "serve")
        return await super().start(seconds=seconds)


@pytest.fixture
async def limited(groups: dict[str, Path], tmp_path: Path) -> AsyncIterator[LimitedServer]:
    server = LimitedServer(tmp_path, {"workers": 0})
    server.group = groups["memory"]
    (server.group / "memory.limit_in_bytes").write_text(str(400 * MIB))
    await server.start()
    yield server
    await server.close()
    await until(lambda: not (server.group / "cgroup.procs").read_text(), what="the group to be empty")


HOG = """
import sys
from pathlib import Path
(Path(sys.argv[1]) / "cgroup.procs").write_text("0")
held = b"x" * (int(sys.argv[2]) << 20)
print("held", flush=True)
sys.stdin.read()
"""


@needs_version_1
async def test_health_shows_a_full_container(limited: LimitedServer) -> None:
    query = "{ metrics { system { memoryPercent } } health { components { name status message } } }"

    async def memory() -> tuple[float, str, str]:
        data = (await asyncio.to_thread(post, limited.url, query))["data"]
        (found,) = [each for each in data["health"]["components"] if each["name"] == "memory"]
        return data["metrics"]["system"]["memoryPercent"], found["status"], found["message"]

    percent, status, message = await memory()
    assert (status, percent < 80) == ("HEALTHY", True)
    assert f"{percent:.0f} % of the container's limit of 400 MiB is used" in message
    free = 400 * (100 - percent) / 100
    arguments = [sys.executable, "-c", HOG, str(limited.group), str(int(free - 25))]
    hog = await asyncio.create_subprocess_exec(*arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert hog.stdout is not None
        assert await hog.stdout.readline() == b"held\n"
        percent, status, message = await memory()
        assert (status in ("DEGRADED", "UNHEALTHY"), percent > 90) == (True, True), (percent, message)
    finally:
        hog.kill()
        await hog.wait()
