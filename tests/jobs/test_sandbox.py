"""The sandbox with real processes and real faults: a task's fault fails its own attempt and no other."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import uvloop
from structlog.testing import capture_logs

from jobs.sandbox import frames
from jobs.sandbox.frames import WINDOW_TASKS
from jobs.sandbox.sandbox import (
    WINDOW_BYTES,
    Completed,
    Died,
    Failed,
    Limits,
    Progressed,
    Report,
    Sandbox,
    Task,
    Template,
)
from tests.jobs.conftest import ANALYZERS
from tests.jobs.processes import alive
from tests.support import until


def task(deed: str, argument: object = "", name: str = "") -> Task:
    return Task(name or deed, json.dumps({"text": deed, "argument": str(argument)}).encode())


def echo(name: str) -> Task:
    return task("echo", name, name)


async def reports(sandbox: Sandbox, tasks: Sequence[Task], analyzer: str = "deeds") -> list[Report]:
    async with asyncio.timeout(300), aclosing(sandbox.run(analyzer, tasks)) as lists:
        return [report async for several in lists for report in several]


async def outcomes(sandbox: Sandbox, tasks: Sequence[Task], analyzer: str = "deeds") -> list[Report]:
    return [each for each in await reports(sandbox, tasks, analyzer) if not isinstance(each, Progressed)]


def result(report: Report) -> dict[str, Any]:
    assert isinstance(report, Completed), report
    value: dict[str, Any] = json.loads(report.result)
    return value


def pid_in(file: Path) -> int:
    return int(file.read_text() or 0) if file.exists() else 0


CLEANED = "ValueError: a�[2J b c d�e�f"


async def test_outcomes_come_in_order_with_their_time(sandbox: Sandbox) -> None:
    tasks = [echo(str(n)) for n in range(500)]
    found = await reports(sandbox, tasks)
    assert [(report.task_id, result(report)["summary"]) for report in found] == [(str(n), str(n)) for n in range(500)]
    assert {result(report)["pid"] for report in found} == {sandbox.pid}
    assert all(isinstance(report, Completed) and report.milliseconds > 0 for report in found)
    assert (sandbox.current, sandbox.current_since) == (None, math.inf)


async def test_no_tasks_need_no_process(sandbox: Sandbox) -> None:
    assert await reports(sandbox, []) == []
    assert sandbox.pid is None


async def test_one_chunk_at_a_time(sandbox: Sandbox) -> None:
    async with aclosing(sandbox.run("deeds", [echo("a"), echo("b")])) as lists:
        await anext(lists)
        with pytest.raises(RuntimeError, match="one chunk at a time"):
            await anext(sandbox.run("deeds", [echo("c")]))
    assert len(await outcomes(sandbox, [echo("d")])) == 1


@pytest.mark.parametrize(
    ("deed", "code", "message", "retryable"),
    [
        (task("value error", "wrong"), "ANALYZER_FAILED", "ValueError: wrong", False),
        (task("value error", "a\0b"), "ANALYZER_FAILED", "ValueError: a�b", False),
        (task("value error", "a\x1b[2J\r\n  b\u2028c\td\x9be\u202ef\n"), "ANALYZER_FAILED", CLEANED, False),
        (task("unspeakable"), "ANALYZER_FAILED", "Unspeakable", False),
        (task("base"), "ANALYZER_FAILED", "Base: out", False),
        (task("interrupt"), "ANALYZER_FAILED", "KeyboardInterrupt", False),
        (task("sys.exit"), "ANALYZER_FAILED", "SystemExit: 3", False),
        (task("generator exit"), "ANALYZER_FAILED", "GeneratorExit", False),
        (task("lost connection"), "ANALYZER_FAILED", "ConnectionResetError: gone", True),
        (task("timeout"), "ANALYZER_FAILED", "TimeoutError: slow", True),
        (task("no file"), "ANALYZER_FAILED", "FileNotFoundError: [Errno 2] No such file: 'model.bin'", False),
        (task("no memory"), "MEMORY_EXCEEDED", "The analyzer needed more than its 256 MiB of memory.", False),
        (task("eat"), "MEMORY_EXCEEDED", "The analyzer needed more than its 256 MiB of memory.", False),
        (task("failure"), "INPUT_UNREADABLE", "not a text", False),
        (task("failure to retry"), "ANALYZER_FAILED", "busy", True),
        (task("failure of its own"), "ANALYZER_FAILED", "mine", False),
        (task("fail_strangely"), "ANALYZER_FAILED", "AnalysisFailure", False),
        (task("none"), "ANALYZER_FAILED", "TypeError: run returned NoneType instead of Answer", False),
        (task("other type"), "ANALYZER_FAILED", "TypeError: run returned Other instead of Answer", False),
        (task("wrong_field"), "ANALYZER_FAILED", "PydanticSerializationError: ", False),
        (task("nan"), "ANALYZER_FAILED", "ValueError: Out of range float values are not JSON compliant", False),
        (task("infinite"), "ANALYZER_FAILED", "ValueError: Out of range float values are not JSON compliant", False),
        (task("surrogate"), "ANALYZER_FAILED", "PydanticSerializationError: Error serializing to JSON: Unicode", False),
        (task("nul"), "ANALYZER_FAILED", "ValueError: the result holds a NUL character", False),
        (task("large", 17 * 2**20), "INPUT_TOO_LARGE", "The result takes 17,825,", False),
        (task("recurse"), "ANALYZER_FAILED", "RecursionError: maximum recursion depth exceeded", False),
        (Task("no request", b'{"argument": 1}'), "INPUT_UNREADABLE", "`text` is missing: it must be given.", False),
        (Task("no JSON", b"\xff"), "INPUT_UNREADABLE", "`request` has another form: it must be valid JSON.", False),
    ],
    ids=lambda value: value.id if isinstance(value, Task) else "",
)
async def test_a_failing_task_fails_alone(
    sandbox: Sandbox, deed: Task, code: str, message: str, retryable: bool
) -> None:
    before, failed, after = await outcomes(sandbox, [echo("before"), deed, echo("after")])
    assert result(before)["summary"] == "before"
    assert result(after)["summary"] == "after"
    assert isinstance(failed, Failed)
    assert (failed.task_id, failed.code, failed.retryable) == (deed.id, code, retryable)
    assert failed.message.startswith(message)
    assert len(failed.message) <= 500
    assert "Traceback" not in failed.message


FAULT = {"code": "ANALYZER_FAILED", "message": "m", "retryable": False, "traceback": ""}

INVALID_FRAMES: list[tuple[bytes, float, bytes]] = [
    (frames.COMPLETED, 1.0, b""),
    (frames.COMPLETED, 1.0, b"null"),
    (frames.COMPLETED, 1.0, b"[]"),
    (frames.COMPLETED, 1.0, b'"text"'),
    (frames.COMPLETED, 1.0, b'{"summary": '),
    (frames.COMPLETED, 1.0, b'{"summary": "\xff"}'),
    (frames.COMPLETED, 1.0, b'{"summary": "\\u0000"}'),
    (frames.COMPLETED, 1.0, b'{"number": NaN}'),
    (frames.COMPLETED, math.nan, b"{}"),
    (frames.COMPLETED, math.inf, b"{}"),
    (frames.COMPLETED, -1.0, b"{}"),
    (frames.FAILED, 1.0, b""),
    (frames.FAILED, 1.0, b"{}"),
    (frames.FAILED, 1.0, json.dumps(FAULT | {"code": "MY_CODE"}).encode()),
    (frames.FAILED, 1.0, json.dumps(FAULT | {"code": ["ANALYZER_FAILED"]}).encode()),
    (frames.FAILED, 1.0, json.dumps(FAULT | {"message": "a\0b"}).encode()),
    (frames.FAILED, 1.0, json.dumps(FAULT | {"message": "x" * 501}).encode()),
    (frames.FAILED, 1.0, json.dumps(FAULT | {"retryable": 1}).encode()),
    (frames.FAILED, math.nan, json.dumps(FAULT).encode()),
    (frames.PROGRESS, 0.5, b"\xff"),
    (frames.PROGRESS, 2.0, b""),
    (frames.PROGRESS, math.nan, b""),
    (frames.SPENT, 0.0, b"x"),
    (frames.REFUSED, 0.0, b""),  # by a fresh process, which would be replaced for ever
]
NO_FRAMES = [
    frames.FRAME.pack(b"?", 0, 0.0),
    frames.FRAME.pack(frames.COMPLETED, 2**32 - 1, 1.0),
    frames.FRAME.pack(frames.COMPLETED, Limits().result_bytes + 65_537, 1.0),
    b"\n" * frames.FRAME.size,
]


async def test_an_invalid_frame_loses_its_attempt_only(sandbox: Sandbox) -> None:
    data = [frames.FRAME.pack(kind, len(payload), number) + payload for kind, number, payload in INVALID_FRAMES]
    for each in (*data, *NO_FRAMES):
        before, died = await outcomes(sandbox, [echo("before"), task("write_frame", each.hex()), echo("after")])
        assert result(before)["summary"] == "before"
        message = "The analyzer wrote into its process's channel to the server."
        assert died == Died("write_frame", "WORKER_LOST", message), each
    (after,) = await outcomes(sandbox, [echo("after")])
    assert result(after)["summary"] == "after"


async def test_a_frame_without_its_end_completes_nothing(sandbox: Sandbox) -> None:
    """The process is killed before the rest of the frame, as by a timeout."""
    data = frames.FRAME.pack(frames.COMPLETED, 3, 1.0) + b"{}"
    work = asyncio.create_task(outcomes(sandbox, [echo("before"), task("write_frame", data.hex())]))
    await until(lambda: sandbox.current == "write_frame" and sandbox._process and sandbox._process._received)
    sandbox.kill()
    before, died = await work
    assert result(before)["summary"] == "before"
    assert died == Died("write_frame", "KILLED", "The process was killed on request.")


@pytest.mark.parametrize(
    ("deed", "code", "message"),
    [
        (task("exit", 0), "WORKER_LOST", "The analyzer ended its process, with exit code 0."),
        (task("exit", 3), "WORKER_LOST", "The analyzer ended its process, with exit code 3."),
        (task("crash"), "WORKER_LOST", "The analyzer's process was ended by SIGSEGV."),
        (task("overflow"), "WORKER_LOST", "The analyzer's process was ended by SIGSEGV."),
        (task("abort"), "WORKER_LOST", "The analyzer's process was ended by SIGABRT."),
        (task("bad_alloc"), "MEMORY_EXCEEDED", "The analyzer's process ran out of memory and was ended by SIGABRT."),
        (task("signal", 9), "WORKER_LOST", "The analyzer's process was ended by SIGKILL."),
        (task("close_all"), "WORKER_LOST", "The analyzer"),
        (task("hang_up"), "WORKER_LOST", "The analyzer closed its process's channel to the server."),
        (task("write_everywhere"), "WORKER_LOST", "The analyzer wrote into its process's channel to the server."),
    ],
    ids=lambda value: value.id if isinstance(value, Task) else "",
)
async def test_a_death_names_the_task_that_ran(
    sandbox: Sandbox, deed: Task, code: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.sandbox.process.CLOSING_SECONDS", 3)  # a busy machine may be slow to report the cause
    tasks = [echo("a"), echo("b"), deed, echo("c")]
    first, second, died = await outcomes(sandbox, tasks)
    assert [result(first)["summary"], result(second)["summary"]] == ["a", "b"]
    assert isinstance(died, Died)
    assert (died.task_id, died.code) == (deed.id, code)
    assert died.message.startswith(message)
    assert sandbox.pid is None
    (rest,) = await outcomes(sandbox, tasks[3:])
    assert result(rest)["summary"] == "c"


async def test_text_that_only_looks_like_a_nul_or_nan_is_kept(sandbox: Sandbox) -> None:
    nul, nan = await outcomes(sandbox, [task("no nul"), echo("NaN and Infinity é")])
    assert result(nul)["summary"] == r"a\u0000b"
    assert result(nan)["summary"] == "NaN and Infinity é"


async def test_large_requests_and_results_pass(sandbox: Sandbox) -> None:
    text = "y" * 900_000
    tasks = [task("echo", text, str(n)) for n in range(6)] + [task("large", 15 * 2**20)]
    found = await outcomes(sandbox, tasks)
    assert [len(result(each)["summary"]) for each in found] == [900_000] * 6 + [15 * 2**20]


async def test_a_message_is_cut_and_its_traceback_goes_to_the_log(sandbox: Sandbox) -> None:
    with capture_logs() as lines:
        (failed,) = await outcomes(sandbox, [task("value error", "long " * 1000)])
    assert isinstance(failed, Failed)
    assert len(failed.message) == 500
    (line,) = [line for line in lines if line["event"] == "analyzer.failed"]
    assert line["task"] == "value error"
    assert "Traceback (most recent call last)" in line["traceback"]


async def test_an_unknown_analyzer_fails_its_tasks(sandbox: Sandbox) -> None:
    found = await outcomes(sandbox, [echo("a"), echo("b")], "absent")
    assert [(each.task_id, each.code) for each in found if isinstance(each, Failed)] == [
        ("a", "ANALYZER_FAILED"),
        ("b", "ANALYZER_FAILED"),
    ]


async def test_prepare_is_called_once_a_process_at_first_use(sandbox: Sandbox) -> None:
    await outcomes(sandbox, [echo("a")])
    for _ in range(2):
        found = await outcomes(sandbox, [echo("a"), echo("b")], "prepared")
        assert [result(each)["summary"] for each in found] == ["['once']"] * 2
    sandbox.kill()
    (again,) = await outcomes(sandbox, [echo("a")], "prepared")
    assert result(again)["summary"] == "['once']"


async def test_a_failing_prepare_fails_the_tasks_and_is_tried_again(sandbox: Sandbox) -> None:
    for _ in range(2):
        for each in await outcomes(sandbox, [echo("a"), echo("b")], "unprepared"):
            assert isinstance(each, Failed)
            assert (each.code, each.message, each.retryable) == ("ANALYZER_FAILED", "ConnectionError: no model", True)
    assert await outcomes(sandbox, [echo("a"), echo("b")], "crashing") == [
        Died("a", "WORKER_LOST", "The analyzer ended its process, with exit code 5.")
    ]


async def test_a_tasks_own_time_begins_after_prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREPARE_STARTED", str(tmp_path / "started"))
    monkeypatch.setenv("PREPARE_GO", str(tmp_path / "go"))
    template = Template(ANALYZERS)
    sandbox = Sandbox(template)
    work = asyncio.create_task(outcomes(sandbox, [task("wait_for", tmp_path / "end")], "slow"))
    await until(lambda: pid_in(tmp_path / "started"))
    assert (sandbox.current, sandbox.current_since) == ("wait_for", math.inf)
    (tmp_path / "go").touch()
    await until(lambda: sandbox.current_since < math.inf)
    (tmp_path / "end").touch()
    assert result((await work)[0])["summary"] == "ok"
    await sandbox.close()
    await template.close()


async def test_prepare_has_a_time_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREPARE_STARTED", str(tmp_path / "started"))
    monkeypatch.setenv("PREPARE_GO", str(tmp_path / "go"))
    template = Template(ANALYZERS, Limits(prepare_seconds=0.1))
    sandbox = Sandbox(template)
    died = await outcomes(sandbox, [echo("a")], "slow")
    assert died == [Died("a", "WORKER_LOST", "The analyzer was not prepared within 0.1 s.")]
    await sandbox.close()
    await template.close()


@pytest.mark.parametrize("deed", ["hang_in_sleep", "hang_in_regex"])
async def test_kill_ends_a_task_that_hangs(sandbox: Sandbox, tmp_path: Path, deed: str) -> None:
    file = tmp_path / "pid"
    work = asyncio.create_task(outcomes(sandbox, [echo("a"), task(deed, file, "b"), echo("c")]))
    pid = await until(lambda: pid_in(file))
    await until(lambda: sandbox.current == "b", what="the outcome before the hanging task")
    assert sandbox.pid == pid
    sandbox.kill()
    first, died = await work
    assert result(first)["summary"] == "a"
    assert died == Died("b", "KILLED", "The process was killed on request.")
    assert not alive(pid)
    (after,) = await outcomes(sandbox, [echo("c")])
    assert result(after)["pid"] != pid


async def test_kill_while_idle_and_while_starting(sandbox: Sandbox) -> None:
    await sandbox.start()
    first = sandbox.pid
    sandbox.kill()
    (completed,) = await outcomes(sandbox, [echo("a")])
    assert result(completed)["pid"] != first
    await sandbox.close()
    work = asyncio.create_task(outcomes(sandbox, [echo("a")]))
    await asyncio.sleep(0)
    sandbox.kill()
    assert await work == [Died(None, "KILLED", "The process was killed on request.")]


async def test_a_death_while_idle_is_no_tasks_fault(sandbox: Sandbox) -> None:
    for _ in range(5):
        await sandbox.start()
        assert sandbox.pid is not None
        os.kill(sandbox.pid, signal.SIGKILL)
        (only,) = await outcomes(sandbox, [echo("a")])
        assert isinstance(only, Completed) or only == Died(
            None, "WORKER_LOST", "The analyzer's process was ended by SIGKILL."
        )


async def test_leaving_a_run_early_kills_the_process(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    work = asyncio.create_task(outcomes(sandbox, [task("hang_in_sleep", file)]))
    pid = await until(lambda: pid_in(file))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await until(lambda: not alive(pid))
    assert len(await outcomes(sandbox, [echo("a")])) == 1


@pytest.mark.parametrize("size", [1, WINDOW_BYTES])
async def test_a_task_that_is_taken_back_never_begins(sandbox: Sandbox, tmp_path: Path, size: int) -> None:
    """The tasks are in the window that the process has received or, after a large task, in the next one."""
    gate, notes = tmp_path / "gate", tmp_path / "notes"
    large = Task("large", json.dumps({"text": "echo", "argument": "x" * size}).encode())
    tasks = [task("wait_for", gate), large, *(task("note", notes, str(n)) for n in range(100))]
    work = asyncio.create_task(outcomes(sandbox, tasks))
    await until(lambda: Path(f"{gate}.started").exists())
    assert [each.id for each in sandbox.take_back()] == [each.id for each in tasks[1:]]
    assert sandbox.take_back() == []
    gate.touch()
    (waited,) = await work
    assert not notes.exists()
    # The next run uses the same process.
    (noted,) = await outcomes(sandbox, [task("note", notes)])
    assert result(noted)["pid"] == result(waited)["pid"]
    assert notes.read_text() == "begun\n"


@pytest.mark.long
async def test_each_task_begins_once_or_is_taken_back(sandbox: Sandbox, tmp_path: Path) -> None:
    """Tasks are taken back while the process runs them."""
    for turn in range(20):
        tasks = [task("note", tmp_path / f"{turn}-{n}", str(n)) for n in range(500)]
        work = asyncio.create_task(outcomes(sandbox, tasks))
        await until(lambda turn=turn: (tmp_path / f"{turn}-{10 * turn}").exists())  # type: ignore[misc]
        taken = [each.id for each in sandbox.take_back()]
        ended = [each.task_id for each in await work]
        assert [*ended, *taken] == [str(n) for n in range(500)]
        assert all((tmp_path / f"{turn}-{n}").read_text() == "begun\n" for n in ended)
        assert not any((tmp_path / f"{turn}-{n}").exists() for n in taken)


async def test_more_tasks_than_a_window_holds_run_in_order(sandbox: Sandbox) -> None:
    tasks = [echo(str(n)) for n in range(2 * WINDOW_TASKS + 1)]
    assert [report.task_id for report in await outcomes(sandbox, tasks)] == [each.id for each in tasks]


async def test_progress_is_bounded_and_never_goes_back(sandbox: Sandbox) -> None:
    *notes, completed = await reports(sandbox, [task("progress")])
    assert result(completed)["summary"] == "ok"
    fractions = [note.fraction for note in notes if isinstance(note, Progressed)]
    assert fractions == [0.25, 0.25, 0.25, 0.25, 1.0]
    steps = [note.step for note in notes if isinstance(note, Progressed)]
    assert steps[0] == "step 0.25�?" + "x" * 188 + "…"
    *notes, completed = await reports(sandbox, [task("progress_much")])
    assert isinstance(completed, Completed)
    assert 5 <= len(notes) <= 6 + completed.milliseconds / 100
    assert all(isinstance(note, Progressed) for note in notes)


async def test_printed_text_goes_to_the_log(sandbox: Sandbox) -> None:
    with capture_logs() as lines:
        (completed,) = await outcomes(sandbox, [task("print_much", "by print")])
        await sandbox.close()
    assert result(completed)["summary"] == "ok"
    text = "\n".join(line["text"] for line in lines if line["event"] == "analyzer.printed")
    assert text.splitlines() == ["by print", "by descriptor 1", "by descriptor 2"]
    with capture_logs() as lines:
        (completed,) = await outcomes(sandbox, [task("print_without_end")])
    assert result(completed)["summary"] == "ok"
    printed = [line for line in lines if line["event"] == "analyzer.printed"]
    assert printed
    assert max(len(line["text"]) for line in printed) <= 4_096


async def test_traces_of_a_task_are_gone_before_the_next(sandbox: Sandbox) -> None:
    with capture_logs() as lines:
        left, seen = await outcomes(sandbox, [task("leave_traces"), task("see_traces")])
        await sandbox.close()
    assert result(seen)["summary"] == f"{os.getcwd()} False 1"
    assert result(seen)["pid"] == result(left)["pid"]
    assert [line["text"] for line in lines if line["event"] == "analyzer.printed"] == ["still heard"]


@pytest.mark.parametrize("deed", ["leave_thread", "leave_threads_of_note", "close_output", "fork_and_return", "eat"])
async def test_a_process_that_cant_be_reset_is_replaced(sandbox: Sandbox, deed: str) -> None:
    first, left, seen = await outcomes(sandbox, [echo("a"), task(deed), task("see_traces")])
    assert left.task_id == deed
    assert result(seen)["summary"] == f"{os.getcwd()} False 1"
    assert result(seen)["pid"] != result(first)["pid"]


async def test_processes_that_a_task_forked_end_with_its_process(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "pids-hang"
    work = asyncio.create_task(outcomes(sandbox, [task("fork_and_stay", file)]))
    await until(file.exists)
    pids = [int(pid) for pid in file.read_text().split()]
    assert all(map(alive, pids))
    sandbox.kill()
    assert [type(each) for each in await work] == [Died]
    await until(lambda: not any(map(alive, pids)))


async def test_processes_that_a_finished_task_forked_end_too(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    found = await outcomes(sandbox, [task("fork_and_stay", file), echo("a")])
    assert [result(each)["summary"] for each in found] == ["ok", "a"]
    pids = [int(pid) for pid in file.read_text().split()]
    await until(lambda: not any(map(alive, pids)))


async def test_the_process_inherits_nothing_from_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATABASE_URL", "postgresql://user:password@host/base")
    with socket.create_server(("127.0.0.1", 0)), (tmp_path / "assay.db").open("w") as database:
        os.set_inheritable(database.fileno(), True)
        template = Template(ANALYZERS)
        sandbox = Sandbox(template)
        (completed,) = await outcomes(sandbox, [task("environment")])
        await sandbox.close()
        await template.close()
    directory, limits, files, variables = result(completed)["summary"].splitlines()
    assert (directory, limits) == (os.getcwd(), "[0, 1024]")
    assert "assay.db" not in files
    assert files.count("socket:") == 1  # the channel
    assert files.count("pipe:") == 4  # frames, tickets, and descriptors 1 and 2
    assert "ASSAY_" not in variables


@pytest.mark.parametrize("limits", [Limits(tasks=10)])
async def test_a_process_is_replaced_after_its_number_of_tasks(sandbox: Sandbox, limits: Limits) -> None:
    pids = []
    for _ in range(4):
        found = await outcomes(sandbox, [echo(str(n)) for n in range(5)])
        pids.append({result(each)["pid"] for each in found})
    assert pids[0] == pids[1] != pids[2] == pids[3]


@pytest.mark.parametrize("limits", [Limits(growth_bytes=50 * 2**20)])
async def test_a_process_that_uses_much_memory_is_replaced(sandbox: Sandbox, limits: Limits) -> None:
    pids = []
    for megabytes in (40, 1, 20, 60, 0):
        (completed,) = await outcomes(sandbox, [task("touch", megabytes)])
        pids.append(result(completed)["pid"])
    assert pids[0] == pids[1] == pids[2] == pids[3] != pids[4]


async def test_one_analyzers_memory_does_not_count_for_another(sandbox: Sandbox) -> None:
    (big,) = await outcomes(sandbox, [task("touch", 100)])
    (small,) = await outcomes(sandbox, [task("touch", 20)], "small")
    assert result(small)["pid"] != result(big)["pid"]
    (failed,) = await outcomes(sandbox, [task("touch", 70)], "small")
    assert isinstance(failed, Failed)
    assert failed.message == "The analyzer needed more than its 64 MiB of memory."


async def test_a_process_with_leaked_files_is_replaced(sandbox: Sandbox) -> None:
    (leaked,) = await outcomes(sandbox, [task("leak_files")])
    (after,) = await outcomes(sandbox, [task("leak_files")])
    assert result(after)["pid"] != result(leaked)["pid"]


async def test_signals_to_stop_are_left_to_the_server(sandbox: Sandbox, template: Template, tmp_path: Path) -> None:
    file = tmp_path / "go"
    work = asyncio.create_task(outcomes(sandbox, [task("wait_for", file)]))
    await until(lambda: pid_in(tmp_path / "go.started"))
    assert template.pid is not None
    assert sandbox.pid is not None
    assert len({os.getpgid(0), os.getpgid(template.pid), os.getpgid(sandbox.pid)}) == 3
    for pid in (sandbox.pid, template.pid):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, number)
    file.touch()
    assert [type(each) for each in await work] == [Completed]


async def test_slots_are_independent(template: Template, sandbox: Sandbox, tmp_path: Path) -> None:
    other = Sandbox(template)
    work = asyncio.create_task(outcomes(other, [task("hang_in_regex", tmp_path / "pid")]))
    await until(lambda: pid_in(tmp_path / "pid"))
    found = await outcomes(sandbox, [echo("a"), task("exit", 1)])
    assert [type(each) for each in found] == [Completed, Died]
    assert not work.done()
    await other.close()
    assert [type(each) for each in await work] == [Died]


def test_it_works_under_uvloop(tmp_path: Path) -> None:
    async def scenario() -> None:
        template = Template(ANALYZERS)
        sandbox = Sandbox(template)
        found = await outcomes(sandbox, [*(echo(str(n)) for n in range(300)), task("large", 2**20), task("crash")])
        assert [type(each) for each in found] == [Completed] * 301 + [Died]
        work = asyncio.create_task(outcomes(sandbox, [task("hang_in_regex", tmp_path / "pid")]))
        await until(lambda: pid_in(tmp_path / "pid"))
        sandbox.kill()
        assert [type(each) for each in await work] == [Died]
        assert len(await outcomes(sandbox, [echo("a")])) == 1
        await sandbox.close()
        await template.close()

    uvloop.run(scenario())
