"""The command line: its help, its version, and suggestions for misspelt words."""

from __future__ import annotations

import re
import tomllib

import pytest
from pydantic_settings import BaseSettings

from commands.arguments import STATUSES
from commands.parser import Parser, add_settings
from server import COMMANDS, main
from settings import Settings, variable
from store.tables import AnalysisStatus
from tests.support import ROOT


def run(capsys: pytest.CaptureFixture[str], *given: str) -> tuple[object, str, str]:
    """Run the command line; return its exit code, output and errors."""
    with pytest.raises(SystemExit) as ended:
        main(given)
    out, error = capsys.readouterr()
    return ended.value.code, out, error


def help_of(capsys: pytest.CaptureFixture[str], *given: str) -> str:
    """Return the help of a command, in one line."""
    code, out, error = run(capsys, *given, "--help")
    assert (code, error) == (0, "")
    return " ".join(out.split())


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run(capsys, "--version") == (0, f"Assay {version}\n", "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("sumbit file.jsonl", "server.py: error: there is no command sumbit: use submit"),
        ("restroe", "server.py: error: there is no command restroe: use restore"),
        ("frobnicate", "server.py: error: there is no command frobnicate: `--help` lists the commands"),
        ("submit --pirority 3 file.jsonl", "server.py submit: error: there is no option --pirority: use --priority"),
        ("submit --pirority=3", "server.py submit: error: there is no option --pirority: use --priority"),
        ("serve --worker-prot 1", "server.py serve: error: there is no option --worker-prot: use --workers"),
        ("serve --max-sokets 1", "server.py serve: error: there is no option --max-sokets: use --max-sockets"),
        ("status --nothing-like-it", "server.py status: error: there is no option --nothing-like-it"),
        ("submit", "server.py submit: error: the following arguments are required: FILE"),
        ("", "server.py: error: the following arguments are required: command"),
    ],
)
def test_a_misspelt_word_is_named_with_the_nearest(
    capsys: pytest.CaptureFixture[str], given: str, message: str
) -> None:
    code, out, error = run(capsys, *given.split())
    assert (code, out) == (2, "")
    assert error.splitlines()[-1] == message


def test_the_beginning_of_an_option_and_words_after_the_end_of_options_are_valid() -> None:
    parser = Parser()
    add_settings(parser, Settings)
    parser.require_options(["--environ", "production", "--port=1", "-h", "--", "--nothing"])
    assert parser.parse_args(["--environ", "production"]).environment == "production"


def test_a_command_shows_the_default_the_variable_and_the_choices_of_each_setting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = help_of(capsys, "serve")
    assert "--port N The port to listen on; 0 takes a free one. Default: 8000. [ASSAY_PORT]" in text
    assert "--log-level {debug,info,warning,error} The lowest level that is logged. Default: info." in text
    assert "--environment {development,production} " in text
    assert "--stop-seconds SECONDS " in text
    for field in Settings.model_fields:
        about = text.rpartition(f" --{field.replace('_', '-')} ")[2].partition(" --")[0]
        assert re.search(rf"Default: \S+\. \[{variable(Settings, field)}\]", about), field


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_shows_the_settings_of_another(capsys: pytest.CaptureFixture[str], name: str) -> None:
    settings: type[BaseSettings] = COMMANDS[name].settings
    text = help_of(capsys, *name.split())
    assert set(re.findall(r"\[(ASSAY_[A-Z_]+|FORWARDED_ALLOW_IPS)\]", text)) == {
        variable(settings, each) for each in settings.model_fields
    }


def test_the_help_of_an_export_lists_every_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert [*STATUSES] == [each.value for each in AnalysisStatus]
    assert ", ".join(STATUSES) in help_of(capsys, "export")
