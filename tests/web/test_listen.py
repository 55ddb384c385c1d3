"""The listening socket: the server binds it before anything else, and names the cause if it can't."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import ROOT
from web.serving.listen import UNREAD_MILLISECONDS, UNSENT_BYTES, CannotListen, bind


def close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


def loopback_6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def test_a_free_port_is_the_same_for_every_address_of_a_name() -> None:
    found = bind("localhost", 0)
    try:
        assert len({one.getsockname()[1] for one in found}) == 1
        assert {one.getsockname()[0] for one in found} <= {"127.0.0.1", "::1"}
        for one in found:
            assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNREAD_MILLISECONDS
    finally:
        close(found)


def test_the_kernel_buffers_little_for_a_peer_that_does_not_read() -> None:
    (one,) = bind("127.0.0.1", 0)
    one.listen()
    kept = 0
    with one, socket.create_connection(one.getsockname()) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        accepted, _ = one.accept()
        with accepted:
            accepted.settimeout(0.5)
            with suppress(TimeoutError):
                while kept < 100 * UNSENT_BYTES:
                    kept += accepted.send(b"x" * 8192)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == UNSENT_BYTES
    assert kept < 10 * UNSENT_BYTES


def test_every_address() -> None:
    found = bind("", 0)
    try:
        assert "0.0.0.0" in {one.getsockname()[0] for one in found}
    finally:
        close(found)


def test_an_ipv6_address() -> None:
    if not loopback_6():
        with pytest.raises(CannotListen, match=r"^ASSAY_HOST: ::1 can't be listened on: "):
            bind("::1", 0)
        return
    (found,) = bind("::1", 0)
    with found:
        assert (found.family, found.getsockname()[0]) == (socket.AF_INET6, "::1")


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine(host: str) -> None:
    with pytest.raises(CannotListen, match=f"^ASSAY_HOST: {host} can't be listened on: "):
        bind(host, 0)


def test_a_taken_port_is_reported_before_any_file_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "server.py", "serve", "--port", port, "--data-dir", str(tmp_path / "data")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (done.stdout, done.stderr) == (
        "",
        f"Port {port} is taken: choose another with --port or ASSAY_PORT.\n",
    )
    assert list(tmp_path.iterdir()) == []
