"""The content of the package: types and documents that match the schema, and a README with working examples."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from io import StringIO
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest
from assay_client import AsyncClient, _documents, models
from assay_client._bar import Bar
from graphql import build_schema, parse, print_ast, validate

from tests.api.calls import ApiServer
from tests.support import ROOT, SCHEMA, run, until

README = (ROOT / "client" / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_the_types_match_the_schema() -> None:
    made = run(sys.executable, ROOT / "client" / "generate.py", SCHEMA)
    assert made == (ROOT / "client" / "src" / "assay_client" / "models.py").read_text(encoding="utf-8")


def documents() -> Iterator[str]:
    for kind in _documents.KINDS.values():
        yield from (kind.get, kind.watch, kind.cancel, kind.retry, kind.delete)
    for name, value in vars(_documents).items():
        if name.isupper() and isinstance(value, str) and name not in ("ERRORS", "PAGE_INFO"):
            yield value


def test_every_document_is_valid_for_the_schema() -> None:
    schema = build_schema(SCHEMA.read_text())
    found = list(documents())
    assert len(found) == 21
    for document in found:
        assert validate(schema, parse(document)) == []


def test_the_manifest_has_every_document_as_sent() -> None:
    printed = json.loads(run(sys.executable, "-m", "assay_client"))
    assert sorted(printed.values()) == sorted(print_ast(parse(document)) for document in documents())
    for key, text in printed.items():
        assert key == f"sha256:{sha256(text.encode()).hexdigest()}"


def test_a_wheel_has_all_modules_and_no_other_files(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    run(uv, "build", "--wheel", "--offline", "--no-config", "--out-dir", tmp_path, ROOT / "client")
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as file:
        names = [Path(name) for name in file.namelist() if not name.endswith("/")]
    source = ROOT / "client" / "src"
    modules = [path.relative_to(source) for path in source.rglob("*") if path.suffix in (".py", ".typed")]
    assert modules
    assert sorted(name for name in names if name.parent.name == "assay_client") == sorted(modules)
    others = {name.name for name in names if name.parent.name != "assay_client"}
    assert others == {"LICENSE", "METADATA", "RECORD", "WHEEL"}


def test_values_of_a_newer_server_are_accepted() -> None:
    value = {"fraction": 0.5, "step": None, "etaSeconds": 3, "mood": "good"}
    assert msgspec.convert(value, models.Progress) == models.Progress(fraction=0.5, step=None, eta_seconds=3)
    status = msgspec.convert("DREAMING", models.AnalysisStatus)
    assert (status, status.name, repr(status)) == ("DREAMING", "DREAMING", "<AnalysisStatus.DREAMING: 'DREAMING'>")
    assert isinstance(status, models.AnalysisStatus)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_readme_run_unchanged(assay: ApiServer, example: str) -> None:
    here = example.replace("http://127.0.0.1:8000", assay.address)
    assert here != example
    output = run(sys.executable, "-W", "error", "-c", here)
    expected = re.findall(r"# (.*)$", example, flags=re.MULTILINE)
    assert output.splitlines()[: len(expected)] == expected


def test_the_first_example_has_five_lines() -> None:
    lines = [line.strip() for line in EXAMPLES[0].splitlines()]
    code = [line for line in lines if line and not line.startswith("#")]
    assert len(code) == 5
    assert code == [line.strip() for line in (ROOT / "README.md").read_text().splitlines() if line.strip() in code]


def test_a_terminal_shows_a_bar_and_a_file_does_not(assay: ApiServer) -> None:
    code = f"""
from assay_client import Client
with Client({assay.address!r}) as client:
    client.wait(client.submit_batch(["One."] * 20 + [""], name="bars"), progress=True)
    client.analyze("Two.", progress=True)
"""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
    shown = b""
    try:
        process = subprocess.Popen([sys.executable, "-c", code], stderr=theirs)
        os.close(theirs)
        with suppress(OSError):  # raised once the process has closed the other end
            while more := os.read(ours, 65536):
                shown += more
        assert process.wait(timeout=300) == 0
    finally:
        os.close(ours)
    text = shown.decode()
    assert "bars: 100%" in text
    assert "21/21" in text
    assert "1 failed" in text
    assert run(sys.executable, "-c", code) == ""


class Terminal(StringIO):
    """A terminal that records its output."""

    def isatty(self) -> bool:
        return True

    def drawn(self, count: str) -> list[str]:
        """Return the bracketed text of each drawn bar with this count."""
        return re.findall(rf" {count} \[(.*?)\]", self.getvalue())


async def test_the_rate_of_a_late_bar_ignores_earlier_items(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    held = {"trial": {"text": "held", "until": str(go)}}
    batch = await client.submit_batch([*["One."] * 20, held], name="late")

    async def all_but_one() -> bool:
        return (await client.batch(batch.id)).processed == 20

    await until(all_but_one, what="20 items")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    waiting = asyncio.create_task(client.wait(batch, progress=True))
    await until(lambda: terminal.drawn("20/21"), what="the bar")
    go.touch()
    await waiting
    assert {line.partition("<")[2] for line in terminal.drawn("20/21")} == {"?, ? items/s"}
    assert terminal.drawn("21/21")


async def test_a_bar_has_no_negative_rate(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = await client.wait(await client.submit_batch(["One."] * 20))
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Bar() as bar:
        bar.show(batch)
        bar.show(msgspec.structs.replace(batch, processed=5))
    assert {line.partition("<")[2] for line in terminal.drawn("5/20")} == {"?, ? items/s"}
