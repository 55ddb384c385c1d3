"""`server.py explain`: the examples of docs/execution.md, and refusals."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from server import main
from tests.support import ROOT

GUIDE = (ROOT / "docs" / "execution.md").read_text()


def explained(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, *more: str) -> str:
    """Return the output of the command for this text."""
    file = tmp_path / "operation.graphql"
    file.write_text(text)
    main(["explain", str(file), *more])
    out, error = capsys.readouterr()
    assert error == ""
    return out


def refusal(tmp_path: Path, text: str, *more: str) -> str:
    """Return the message with which the command refuses this text."""
    file = tmp_path / "operation.graphql"
    file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(file), *more])
    return str(ended.value.code).removeprefix(f"{file}: ")


def _unnumbered(code: str) -> str:
    return re.sub(r"(?<=[a-z])_\d+\b", "", code)


def test_the_guide_shows_the_real_plan_and_code(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    [text] = re.findall(r"<<'END'\n(.*?)\n    END", GUIDE, flags=re.DOTALL)
    [plan] = re.findall(r"```text\n(.*?)```", GUIDE, flags=re.DOTALL)
    [code] = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
    found = explained(capsys, tmp_path, text)
    assert found.startswith(plan)
    # The formatter writes the code of the guide in its own style.
    lines = ast.unparse(ast.parse(_unnumbered(found.partition("code:\n")[2])))
    assert ast.unparse(ast.parse(_unnumbered(code))) in lines


def test_conditions_need_their_variables(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = "query A($with: Boolean!) { analyzers { name version @include(if: $with) } } query B { eventsEnd }"
    assert "version: String!" in explained(capsys, tmp_path, text, "--operation", "A", "--variables", '{"with": true}')
    assert "version" not in explained(capsys, tmp_path, text, "--operation", "A", "--variables", '{"with": false}')
    assert refusal(tmp_path, text) == "the document has several operations: choose one of A, B"
    assert refusal(tmp_path, text, "--operation", "C") == "the document has no operation C"
    expected = 'the plan depends on $with: pass its value, {"with": true}'
    assert refusal(tmp_path, text, "--operation", "A") == expected
    assert refusal(tmp_path, text, "--variables", "[]") == "--variables is not a JSON object"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ xyzzy }", "Cannot query field 'xyzzy' on type 'Query'."),
        ("{", "Syntax Error: Expected Name, found <EOF>."),
        ("", "Syntax Error: Unexpected <EOF>."),
        ("{ __schema { queryType { name } } }", "graphql-core runs this operation: introspection"),
    ],
)
def test_a_refused_document_is_named(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(tmp_path, text) == message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="No such file"):
        main(["explain", str(tmp_path / "missing.graphql")])
