"""The plain client in forked processes: each process has its own connections, and the parent keeps its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.api.calls import ApiServer
from tests.support import ROOT

BEGIN = """
import multiprocessing
import os
import sys
import threading
from assay_client import Client

client = Client(sys.argv[1])
start = client.events_end()  # the thread, the loop and a connection exist from here on


def child(work):
    if (pid := os.fork()) == 0:
        try:
            work()
        except BaseException as error:
            say(f"{type(error).__name__}: {error}")
        finally:
            os._exit(0)
    return lambda: os.waitpid(pid, 0)


def say(*words):
    os.write(1, f"{' '.join(map(str, words))}\\n".encode())  # whole, also beside another process


def status(text):
    return client.analyze(text).status


def call():
    say("child", status("In the child."))
"""
CASES = {
    "a fork": (
        """
child(call)()
say("parent", status("In the parent."))
client.close()
""",
        ["child COMPLETED", "parent COMPLETED"],
    ),
    "the child ends by itself": (
        """
if os.fork() == 0:
    with client:
        call()
    sys.exit(0)
os.wait()
with client:
    say("parent", status("In the parent."))
""",
        ["child COMPLETED", "parent COMPLETED"],
    ),
    "a child of a child": (
        """
def again():
    call()
    child(call)()

child(again)()
say("parent", status("In the parent."))
""",
        ["child COMPLETED", "child COMPLETED", "parent COMPLETED"],
    ),
    "an open subscription": (
        """
first = client.submit("Followed.")
events = client.events(of=first, after=start)
say("before", next(events).type)
def continued():
    try:
        next(events)
    except RuntimeError as error:
        say(error)
    own = client.events(of=first, after=start)
    say("child", next(own).type)
    own.close()
    call()
    client.close()
child(continued)()
rest = []
for event in events:
    rest.append(event.type)
    if event.type == "ANALYSIS_COMPLETED":
        break
events.close()
say("parent", *rest)
say("parent", status("In the parent."))
client.close()
""",
        [
            "before ANALYSIS_QUEUED",
            "The process was forked during this call: call it again in the new process.",
            "child ANALYSIS_QUEUED",
            "child COMPLETED",
            "parent ANALYSIS_STARTED ANALYSIS_COMPLETED",
            "parent COMPLETED",
        ],
    ),
    "a fork in a thread, during calls of other threads": (
        """
stop = threading.Event()
def busy():
    while not stop.is_set():
        client.events_end()
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads:
    thread.start()
forking = threading.Thread(target=lambda: [child(call)() for _ in range(3)])
forking.start()
forking.join()
stop.set()
for thread in threads:
    thread.join()
say("parent", status("In the parent."))
""",
        ["child COMPLETED"] * 3 + ["parent COMPLETED"],
    ),
    "multiprocessing": (
        """
with multiprocessing.get_context("fork").Pool(2) as pool:
    say(*pool.map(status, ["One.", "Two.", "Three."]))
say("parent", status("In the parent."))
""",
        ["COMPLETED COMPLETED COMPLETED", "parent COMPLETED"],
    ),
    "a preloaded application": (
        """
waiting = [child(call) for _ in range(4)]
say("parent", status("In the parent."))
for wait in waiting:
    wait()
""",
        ["child COMPLETED"] * 4 + ["parent COMPLETED"],
    ),
    "a fork in a progress function": (
        """
parent = os.getpid()
pids = []
def progress(_):
    if not pids:
        pids.append(os.fork())
batch = client.submit_batch(["One.", "Two."])
try:
    client.wait(batch, progress=progress)
    say("parent waited")
except RuntimeError as error:
    say("child", error)
    call()
if os.getpid() != parent:
    os._exit(0)
os.waitpid(pids[0], 0)
say("parent", status("In the parent."))
""",
        [
            "child COMPLETED",
            "child The process was forked during this call: call it again in the new process.",
            "parent COMPLETED",
            "parent waited",
        ],
    ),
    "a child of a closed client": (
        """
client.close()
def closed():
    try:
        client.events_end()
    except RuntimeError as error:
        say(error)
child(closed)()
""",
        ["The client is closed."],
    ),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="This system has no fork.")
@pytest.mark.parametrize("name", CASES)
def test_forked_processes_have_their_own_connections(assay: ApiServer, name: str) -> None:
    script, expected = CASES[name]
    command = [sys.executable, "-W", "error", "-c", BEGIN + script, assay.address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == sorted(expected)
