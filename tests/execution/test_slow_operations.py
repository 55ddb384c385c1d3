"""The log lines of slow operations: their figures, and nothing of their variables."""

from __future__ import annotations

from collections.abc import MutableMapping
from itertools import count
from typing import Any

import pytest
from structlog.testing import capture_logs

from execution.executor import OperationRequest, Stream
from execution.operations import LONGEST_LOGGED_NAME
from tests.execution.test_executor import stream
from tests.execution.toy import SECRET, Toy

LONG_NAME = "L" * 50_000


def toy_with(slow_ms: int) -> Toy:
    """Return a toy that stops its slow resolvers after 50 milliseconds, so that they take at least this time."""
    return Toy(slow_ms=slow_ms, operation_timeout_seconds=0.05)


def slow_lines(logs: list[MutableMapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(line) for line in logs if line["event"] == "slow operation"]


@pytest.mark.parametrize(
    ("query", "operation", "kind", "cost"),
    [
        ("query Stop { slow }", "Stop", "query", 0),
        ("{ slow }", "anonymous", "query", 0),
        ("query Stop { ...F deeper { ...F } } fragment F on Query { slow items { number } }", "Stop", "query", 3),
        (f"query {LONG_NAME} {{ slow }}", LONG_NAME[:LONGEST_LOGGED_NAME], "query", 0),
        ("subscription Late { late }", "Late", "subscription", 1),
        ("subscription Stuck { stuck { slow } }", "Stuck", "subscription", 1),
    ],
)
async def test_a_slow_operation_is_logged_by_name(query: str, operation: str, kind: str, cost: int) -> None:
    toy = toy_with(50)
    with capture_logs() as logs:
        if kind == "subscription":
            await stream(toy, query)
        else:
            await toy.body(query)
    (line,) = slow_lines(logs)
    assert line.pop("milliseconds") >= 50
    assert line == {
        "event": "slow operation",
        "log_level": "warning",
        "operation": operation,
        "kind": kind,
        "cost": cost,
        "request_id": "request-1",
    }


async def test_variables_are_not_logged() -> None:
    toy = toy_with(1)
    with capture_logs() as logs:
        await toy.body("query Q($name: String!) { hello(name: $name) deeper { slow } }", variables={"name": SECRET})
    (line,) = slow_lines(logs)
    assert line["cost"] == 1
    assert SECRET not in str(line)


@pytest.mark.parametrize("slow_ms", [0, 3_600_000])
async def test_other_operations_are_not_logged(slow_ms: int) -> None:
    toy = toy_with(slow_ms)
    with capture_logs() as logs:
        await toy.body("{ slow }")
        await toy.body("{ hello }")
        await stream(toy, "subscription { stuck { slow } }")
    assert slow_lines(logs) == []


async def test_a_subscription_is_logged_once_for_its_first_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count()
    monkeypatch.setattr("execution.streams.perf_counter", lambda: float(next(ticks)))  # seconds
    toy = Toy(slow_ms=1_000)
    with capture_logs() as logs:
        begun = await toy.executor.open(OperationRequest("subscription Count { count(to: 3) }"), toy.context)
        assert isinstance(begun, Stream)
        pages = begun.follow(None)
        assert [len(await anext(pages)) for _ in range(3)] == [1, 1, 1]
        await pages.aclose()
    assert [(line["operation"], line["milliseconds"]) for line in slow_lines(logs)] == [("Count", 1_000)]
