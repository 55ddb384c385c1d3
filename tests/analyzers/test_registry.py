"""The discovery of analyzers: the built-in ones, and a user's own file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import analyzers
from analyzers.registry import load_registry
from tests.support import ROOT


def test_the_built_in_analyzers_are_without_a_users_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (echo,) = re.findall(
        r"^```python\n(.*?ANALYZER = .*?)^```$", (ROOT / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE
    )
    (tmp_path / "echo_of_a_user.py").write_text(echo)
    before = load_registry(built_in=True)
    monkeypatch.setattr(analyzers, "__path__", [*analyzers.__path__, str(tmp_path)])
    assert "echo" in load_registry().analyzers
    built_in = load_registry(built_in=True)
    assert built_in == before
    assert "text" in built_in.analyzers
    assert "echo" not in built_in.analyzers
