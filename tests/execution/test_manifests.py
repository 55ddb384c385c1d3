"""Manifests of trusted documents: the forms of the tools, and the refusal of all else with one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from execution.manifests import InvalidManifest, read_manifest, sha256_of

TEXT = "{ hello }"
DIGEST = sha256_of(TEXT)
APOLLO = {"format": "apollo-persisted-query-manifest", "version": 1}


def written(folder: Path, content: object) -> Path:
    path = folder / "manifest.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


@pytest.mark.parametrize(
    ("content", "entries"),
    [
        ({}, {}),
        ({f"sha256:{DIGEST}": TEXT}, {f"sha256:{DIGEST}": TEXT}),
        (
            {"0cc175b9c0f1b6a831c399e269772661": TEXT, "b": "{ é }"},
            {"0cc175b9c0f1b6a831c399e269772661": TEXT, "b": "{ é }"},
        ),
        ({"format": TEXT}, {"format": TEXT}),
        ({**APOLLO, "operations": []}, {}),
        (
            {**APOLLO, "operations": [{"id": DIGEST, "name": "Greet", "type": "query", "body": TEXT}]},
            {DIGEST: TEXT},
        ),
    ],
    ids=str,
)
def test_the_forms_of_the_tools(tmp_path: Path, content: object, entries: dict[str, str]) -> None:
    assert read_manifest(written(tmp_path, content)) == entries


EMPTY = "An id and the text of its document must not be empty."
OBJECT = "The file must hold a JSON object of documents by id."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is not JSON: Expecting value: line 1 column 1 (char 0)."),
        (b"{", "The file is not JSON: "),
        (b"\xff\xfe\xfd", "The file is not JSON: "),
        (b"[" * 100_000, "The file is not JSON: "),
        ([], OBJECT),
        ("{ hello }", OBJECT),
        (None, OBJECT),
        ({"a": ""}, f'"a": {EMPTY}'),
        ({"a": " \n"}, f'"a": {EMPTY}'),
        ({"a": 5}, f'"a": {EMPTY}'),
        ({"a": [TEXT]}, f'"a": {EMPTY}'),
        ({"": TEXT}, f'"": {EMPTY}'),
        (b'{"a": "{ hello }", "b": "{ a }", "a": "{ hello }"}', '"a": The member is there twice.'),
        ({"a": TEXT, f"sha256:{'0' * 64}": TEXT}, f'"sha256:{"0" * 64}": The SHA-256 of the text is {DIGEST}: '),
        ({f"sha256:{DIGEST.upper()}": TEXT}, f'"sha256:{DIGEST.upper()}": The SHA-256 of the text is {DIGEST}: '),
        ({"line\nbreak" * 100: ""}, f"{json.dumps(('line' + chr(10) + 'break') * 10)}: {EMPTY}"),
        (APOLLO, "`version` must be 1, and `operations` a list."),
        ({**APOLLO, "version": 2, "operations": []}, "`version` must be 1, and `operations` a list."),
        ({**APOLLO, "operations": {}}, "`version` must be 1, and `operations` a list."),
        ({**APOLLO, "operations": [{"id": "a", "body": TEXT}, 5]}, "operations[1] must be an object with the texts "),
        ({**APOLLO, "operations": [{"body": TEXT}]}, "operations[0] must be an object with the texts "),
        ({**APOLLO, "operations": [{"id": "a"}]}, f'"a": {EMPTY}'),
        ({**APOLLO, "operations": [{"id": "a", "body": TEXT}] * 2}, '"a": The id is there twice.'),
    ],
    ids=lambda each: str(each)[:40],
)
def test_a_malformed_manifest(tmp_path: Path, content: object, reason: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InvalidManifest) as refusal:
        read_manifest(path)
    message = str(refusal.value)
    assert message.startswith(f"{path}: {reason}")
    assert "\n" not in message


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.json", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(InvalidManifest) as refusal:
            read_manifest(path)
        assert str(refusal.value) == f"{path}: The file can't be read: {reason}."
