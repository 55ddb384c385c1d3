"""The comparison of queries runs: its servers give equal answers, store equal rows, and all cases have figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support import run

CASES = ["by id", "page of 20", "page of 100", "cached page", "submit one", "20 in one"]


@pytest.mark.long
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def test_the_python_servers_of_the_comparison_are_measured_in_all_cases(database: str, tmp_path: Path) -> None:
    report, chart = tmp_path / "report.json", tmp_path / "chart.svg"
    command = [sys.executable, "-m", "benchmarks.queries", "--quick", "--databases", database]
    table = run(*command, "--peers", "strawberry", "--json", report, "--svg", chart, timeout=540)
    assert "Strawberry" in table
    assert "<svg" in chart.read_text()
    figures = json.loads(report.read_text())["figures"]
    assert [(each["case"], each["server"]) for each in figures] == [
        (case, server) for case in CASES for server in ("Assay", "Starlette", "Strawberry")
    ]
    for each in figures:
        assert each["database"] == database
        assert each["server"] != "Starlette" or each["share"] == each["share_of_rate"] == 1
        assert all(each[name] > 0 for name in ("rate", "cpu_us", "share", "share_of_rate", "p50_ms"))
        assert each["p99_ms"] >= each["p50_ms"]
