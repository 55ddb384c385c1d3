"""The synchronous client: the same methods, in the thread of the caller."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from assay_client import AnalysisFailed, AsyncClient, Batch, Client, NotFound, TextResult

from tests.api.calls import NO_SUCH_ANALYSIS, ApiServer
from tests.client.conftest import text
from tests.support import ROOT, until


def test_both_clients_have_the_same_methods() -> None:
    def public(type_: type) -> dict[str, object]:
        return {name: value for name, value in vars(type_).items() if not name.startswith("_")}

    both = public(AsyncClient)
    assert public(Client).keys() == both.keys()
    for name in both:
        ours, theirs = getattr(Client, name), getattr(AsyncClient, name)
        assert inspect.getdoc(ours) == inspect.getdoc(theirs)
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    assert inspect.signature(Client) == inspect.signature(AsyncClient)


def test_submit_wait_and_read(plain: Client, tmp_path: Path) -> None:
    analysis = plain.analyze("I love it. It works like a charm.")
    assert isinstance(analysis.result, TextResult)
    assert plain.analysis(analysis.id) == analysis
    batch = plain.wait(plain.submit_batch(map(text, range(50))))
    assert [each.key for each in plain.results(batch, page_size=20)] == [str(n) for n in range(50)]
    assert [each.status for each in plain.analyze_all(["One.", "", "Three."])] == ["COMPLETED", "FAILED", "COMPLETED"]
    plain.download(batch, tmp_path / "lines.jsonl")
    assert len((tmp_path / "lines.jsonl").read_text().splitlines()) == 50
    assert "text" in [analyzer.name for analyzer in plain.analyzers()]
    assert "database" in [component.name for component in plain.health().components]
    with pytest.raises(NotFound):
        plain.analysis(NO_SUCH_ANALYSIS)
    with pytest.raises(AnalysisFailed):
        plain.analyze({"trial": {"text": "x", "refused": True}})


def test_a_stream_of_events_can_be_closed(plain: Client) -> None:
    batch = plain.wait(plain.submit_batch(map(text, range(30))))
    log = list(plain.past_events(of=batch))
    followed = []
    for event in plain.events(of=batch, after=log[0].cursor):
        followed.append(event)
        if event == log[-1]:
            break
    assert followed == log[1:]
    events = plain.events()
    events.close()  # type: ignore[attr-defined]

    async def none_left() -> bool:
        return (await asyncio.to_thread(plain.metrics)).subscriptions.active == 0

    asyncio.run(until(none_left, what="all subscriptions to end"))


def test_progress_is_called_in_the_waiting_thread(plain: Client) -> None:
    threads: list[threading.Thread] = []
    counts: list[int] = []

    def progress(batch: Batch) -> None:
        threads.append(threading.current_thread())
        counts.append(plain.batch(batch.id).processed)  # the callback may use the client

    batch = plain.wait(plain.submit_batch(map(text, range(100))), progress=progress)
    assert set(threads) == {threading.current_thread()}
    assert counts[-1] == batch.processed == 100
    seen: list[Batch] = []
    assert len(list(plain.analyze_all(map(text, range(5)), progress=seen.append))) == 5
    assert seen[-1].processed == 5


def test_an_exception_of_progress_ends_the_wait(plain: Client) -> None:
    def progress(_: Batch) -> None:
        raise LookupError("enough")

    batch = plain.submit_batch(map(text, range(10)))
    with pytest.raises(LookupError, match="enough"):
        plain.wait(batch, progress=progress)
    assert plain.wait(batch).processed == 10


def test_threads_may_share_a_client(plain: Client) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: plain.analyze(text(n)).input_text, range(24)))
    assert found == [text(n) for n in range(24)]


def test_a_closed_client_raises(assay: ApiServer) -> None:
    client = Client(assay.address)
    events = client.events()
    client.analyzers()
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.analyzers()
    with pytest.raises(RuntimeError, match="closed"):
        next(events)
    never_used = Client(assay.address)
    never_used.close()


INTERRUPTED = """
import signal
import sys
from assay_client import Client

signal.signal(signal.SIGINT, signal.default_int_handler)  # shells disable SIGINT in the background
with Client(sys.argv[1]) as client:
    analysis = client.submit({"trial": {"text": "long", "until": sys.argv[2]}})
    try:
        print(analysis.id, flush=True)
        client.wait(analysis)
    except KeyboardInterrupt:
        print(client.analysis(analysis.id).ended)
"""
FORGOTTEN = """
import sys
from assay_client import Client

print(Client(sys.argv[1]).analyzers()[0].name)
"""


def test_ctrl_c_ends_only_the_wait(assay: ApiServer, tmp_path: Path) -> None:
    go = tmp_path / "go"
    command = [sys.executable, "-W", "error", "-c", INTERRUPTED, assay.address, str(go)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        identity = process.stdout.readline().strip()
        os.kill(process.pid, signal.SIGINT)
        assert process.communicate(timeout=300)[0] == "False\n"
    assert process.returncode == 0
    go.touch()
    with Client(assay.address) as client:
        assert client.wait(client.analysis(identity)).status == "COMPLETED"


def test_an_unclosed_client_does_not_block_the_exit(assay: ApiServer) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORGOTTEN, assay.address], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout == "record\n"
