"""Misbehaving analyzers on real servers, in one chunk with good items: each fails its own attempt and no other."""

from __future__ import annotations

import json
import signal
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from tests.api.calls import BATCH
from tests.jobs.processes import alive
from tests.support import until
from tests.torture.house import House, ask, end_of, starts, submit, submit_batch

CANCEL = "mutation ($id: ID!) { cancelAnalysis(input: { id: $id }) { userErrors { message } } }"
# By deed: options, status, error code, attempts, and the beginning of the message.
MISDEEDS: dict[str, tuple[dict[str, Any], str, str | None, int, str]] = {
    "eat": ({}, "FAILED", "MEMORY_EXCEEDED", 1, "The analyzer needed more than its 512 MiB of memory."),
    "fork": ({"number": 8}, "COMPLETED", None, 1, ""),
    "write": ({"number": 8}, "COMPLETED", None, 1, ""),
    "exit": ({"number": 3}, "FAILED", "WORKER_LOST", 2, "The analyzer ended its process, with exit code 3."),
    "sys.exit": ({"number": 3}, "FAILED", "ANALYZER_FAILED", 1, "SystemExit: 3"),
    "unspeakable": ({}, "FAILED", "ANALYZER_FAILED", 1, "Unspeakable"),
    "refuse": ({}, "FAILED", "INPUT_UNREADABLE", 1, "It can't be read."),
    "crash": ({}, "FAILED", "WORKER_LOST", 2, "The analyzer's process was ended by SIGSEGV."),
    "signal": ({"number": signal.SIGKILL}, "FAILED", "WORKER_LOST", 2, "The analyzer's process was ended by SIGKILL."),
    "close": ({}, "FAILED", "WORKER_LOST", 2, "The analyzer"),
    "homeless": ({}, "COMPLETED", None, 1, ""),
    "large": ({"number": 50}, "FAILED", "INPUT_TOO_LARGE", 1, "The result takes 52,428,"),
    "flaky": ({"number": 1}, "COMPLETED", None, 2, ""),
}


async def test_each_misdeed_fails_its_own_attempt_and_no_other(house: House) -> None:
    server = await house.start(workers=2)
    notes = house.folder / "notes"
    # Once the pace of quick items is known, the following items are claimed in one chunk.
    await house.ended(server, [await submit_batch(server, [f"quick{number}" for number in range(40)])])
    items: list[dict[str, Any]] = []
    for deed, (options, *_) in MISDEEDS.items():
        given = {"text": deed, "deed": deed, "folder": str(notes), **options}
        good = {"text": f"behind {deed}", "folder": str(notes)}
        items += [{"request": {"torture": given}}, {"request": {"torture": good}}]
    deep: Any = "the bottom"
    for level in range(60):
        deep = {"deeper": deep} if level % 2 else [deep]
    items.append({"request": {"torture": {"text": "deep", "extra": deep}}})
    payload = (await ask(server, BATCH, input={"items": items, "maxAttempts": 2}))["batchProcess"]
    assert payload["userErrors"] == []
    await house.ended(server, [payload["batch"]["id"]])
    children = [int((notes / f"child {leaves}").read_text()) for leaves in (0, 1)]
    await until(lambda: not any(map(psutil.pid_exists, children)), what="the end of processes that an analyzer forked")
    assert await server.terminate() == 0

    truth = await house.truth()
    assert json.loads(truth.named("deep").result or "")["extra"] == deep
    for deed, (_, status, code, attempts, message) in MISDEEDS.items():
        row, behind = truth.named(deed), truth.named(f"behind {deed}")
        assert (row.status, row.error_code, row.attempt) == (status, code, attempts), row
        assert (row.error_message or "").startswith(message)
        # An item moved to a free slot at the moment of its start has started once more.
        assert starts(notes, deed) >= attempts
        assert (behind.status, behind.attempt, behind.error_code) == ("COMPLETED", 1, None), behind
        assert starts(notes, f"behind {deed}") >= 1


async def test_an_analysis_that_never_yields_ends_once_its_process_is_gone(house: House) -> None:
    """In C code that holds the interpreter lock, also with signals ignored."""
    server = await house.start(workers=4)
    notes = house.folder / "notes"
    expected = {f"{deed} {end}": end for deed in ("spin", "deaf") for end in ("CANCELED", "TIMED_OUT")}
    ids, pids = {}, {}
    for text, end in expected.items():
        terms = {"timeoutSeconds": 2 if end == "TIMED_OUT" else 3600}
        analysis = await submit(server, text, deed=text.split()[0], folder=str(notes), terms=terms)
        ids[text] = analysis["id"]
    for text in expected:
        pids[text] = await until(partial(_pid, notes / f"{text}.1"), what=f"{text} to run")
    for text, end in expected.items():
        if end == "CANCELED":
            payload = await ask(server, CANCEL, id=ids[text])
            assert payload["cancelAnalysis"]["userErrors"] == []
    for text, end in expected.items():
        assert await end_of(server, ids[text]) == end
        # The end is reported only after the process, with its memory, is gone.
        assert not alive(pids[text])
    assert await server.terminate() == 0
    truth = await house.truth()
    for text, end in expected.items():
        row = truth.named(text)
        assert (row.status, row.error_code, row.attempt) == (end, end, 1)


def _pid(path: Path) -> int:
    return int(path.read_text() or 0) if path.exists() else 0
