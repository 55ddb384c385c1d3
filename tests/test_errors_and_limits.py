"""docs/errors-and-limits.md lists the codes and limits of the program, all of them and no others."""

from __future__ import annotations

import re
from dataclasses import fields
from enum import StrEnum
from typing import Any

import pytest

from analyzers.base import AnalysisErrorCode
from analyzers.registry import load_registry
from execution.errors import MAX_ERRORS, MAX_MESSAGE, ErrorCode
from execution.limits import Limits
from resolvers.error_groups import MAX_GROUPS
from resolvers.filters import MAX_TAGS, MAX_VALUES
from resolvers.ingest import MAX_LINE_BYTES
from resolvers.subjects import MAX_NODES
from resolvers.user_errors import UserErrorCode
from schema.scalars import MAX_JSON_DEPTH
from settings import Settings
from store import bounds
from store.bulk_actions import MAX_IDS
from store.queue.attempts import MOST_ATTEMPTS
from store.queue.tags import MOST_CHARACTERS, MOST_TAGS
from store.sql.paging import DEFAULT_PAGE, MAX_PAGE
from tests.support import ROOT
from web.downloads import MAX_DOWNLOAD_IDS
from web.graphql.http import BODY_SECONDS
from web.graphql.messages import MAX_MESSAGE_BYTES
from web.serving.http_protocol import HEADER_SECONDS
from web.serving.request_head import MAX_HEAD_BYTES, MAX_URL_BYTES
from web.serving.websocket_protocol import MAX_FRAGMENTS

PAGE = (ROOT / "docs" / "errors-and-limits.md").read_text()
WEB = {path.name: path.read_text() for path in sorted((ROOT / "web").rglob("*.py"))}
# Packages with codes as text: those of analyzers, and of faults outside GraphQL.
SOURCES = [path for package in ("analyzers", "jobs", "store", "web") for path in (ROOT / package).rglob("*.py")]
# A status of the log alone, the port of https, and close codes that the WebSocket library sends.
NO_STATUSES, BY_THE_LIBRARY = {"499", "443"}, {"1002", "1007"}
# Settings that bound requests, answers or connections have these words in their names.
BOUNDING = re.compile(r"max_|unsent|timeout|(init|send|stop|alive)_seconds|^workers$")


def rows(title: str) -> list[list[str]]:
    """Return the cells of the table in a section, without its header."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    assert len(lines) > 2, title
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def first_cells(title: str) -> list[str]:
    return [row[0].strip("`") for row in rows(title)]


@pytest.mark.parametrize(
    ("title", "codes"),
    [
        ("Errors of an operation", ErrorCode),
        ("User errors", UserErrorCode),
        ("Errors of an analysis", AnalysisErrorCode),
    ],
)
def test_every_code_is_listed_once(title: str, codes: type[StrEnum]) -> None:
    assert sorted(first_cells(title)) == sorted(codes)


def test_codes_as_text_are_listed() -> None:
    texts = [path.read_text() for path in SOURCES]
    found = {code for text in texts for code in re.findall(r'(?:Fault|AnalysisFailure)\(\s*"([A-Z_]+)"', text)}
    assert {"WORKER_LOST", "CANCELED"} <= found
    assert found <= set(first_cells("Errors of an analysis"))


def test_every_status_is_listed() -> None:
    found = {status for text in WEB.values() for status in re.findall(r"\b[45]\d\d\b", text)} - NO_STATUSES
    assert "413" in found
    assert sorted(first_cells("HTTP statuses")) == sorted({"200", "304"} | found)


def test_every_close_code_is_listed() -> None:
    form = r"(?:Close\(|code: int = |^[A-Z_]+ = (?=44))(\d{4})\b"
    found = {code for text in WEB.values() for code in re.findall(form, text, re.MULTILINE)}
    assert "1012" in found
    assert first_cells("WebSocket close codes") == sorted(found | BY_THE_LIBRARY)


@pytest.mark.parametrize(
    "title", ["Errors of an operation", "User errors", "Errors of an analysis", "WebSocket close codes"]
)
def test_every_code_has_a_meaning_a_retry_and_an_action(title: str) -> None:
    for code, meaning, retry, action in rows(title):
        assert meaning, code
        assert retry in ("yes", "no", "if `retryable`"), code
        assert action, code


def test_every_limit_of_documents_has_its_value() -> None:
    names = {"nesting": "nesting of brackets", "depth": "depth of fields", "fields": "fields in one selection set"}
    names |= {"schemas": "`__schema`", "types": "`__type`", "alias_characters": "characters of an alias"}
    names |= {"introspection_aliases": "aliases inside `__schema` and `__type`"}
    names |= {
        "fragments": "fragments of a document",
        "digits": "digits of a number",
        "repeated_pairs": "repeated pairs of fields at one place",
    }
    limits = Limits()
    values = {
        names.get(each.name, each.name.replace("_", " ")): f"{getattr(limits, each.name):,}" for each in fields(Limits)
    }
    assert {row[0]: row[1] for row in rows("Documents")} == values


def test_the_settings_of_limits_have_their_defaults() -> None:
    listed = {}
    for title in ("Answers", "Connections", "Inputs"):
        for name, value, setting in rows(title):
            if setting:
                assert setting.strip("`") not in listed, name
                listed[setting.strip("`")] = value
    bounding = {name for name in Settings.model_fields if BOUNDING.search(name)}
    assert set(listed) == {f"ASSAY_{name.upper()}" for name in bounding}
    for name in bounding:
        default = Settings.model_fields[name].default
        assert listed[f"ASSAY_{name.upper()}"].split()[0] == f"{default:,}", name


def text_limit() -> int:
    found: Any = load_registry().analyzers["text"].request.model_fields["text"]
    return next(int(each.max_length) for each in found.metadata if hasattr(each, "max_length"))


def test_the_other_limits_have_their_values() -> None:
    listed = {row[0]: row[1] for title in ("Answers", "Connections", "Inputs") for row in rows(title) if not row[2]}
    assert listed == {
        "entries in one page: `first`, `last`": f"{MAX_PAGE:,}; {DEFAULT_PAGE} by default",
        "ids in `nodes`": f"{MAX_NODES}",
        "names or keys in one condition of a filter": f"{MAX_VALUES}",
        "tags in one condition of a filter": f"{MAX_TAGS}",
        "tags of a result that a filter finds": f"the first {MOST_TAGS}, of up to {MOST_CHARACTERS} characters",
        "ids in `?ids=` of a download": f"{MAX_DOWNLOAD_IDS}",
        "groups in `errorGroups`": f"{MAX_GROUPS}",
        "attempts of an analysis in `attempts`": f"the newest {MOST_ATTEMPTS}",
        "listed errors": f"{MAX_ERRORS}, then `TOO_MANY_ERRORS`",
        "characters of an error's message": f"{MAX_MESSAGE:,}",
        "bytes of a WebSocket message to the server": f"{MAX_MESSAGE_BYTES:,}",
        "connections of one client address with an unfinished request": "as many as its WebSockets",
        "fragments of a WebSocket message": f"{MAX_FRAGMENTS}",
        "bytes of request line and headers": f"{MAX_HEAD_BYTES:,}",
        "time until the headers of a request, or the handshake of a WebSocket": f"{HEADER_SECONDS:g} seconds",
        "time until its body": f"{BODY_SECONDS:g} seconds",
        "bytes of a URL": f"{MAX_URL_BYTES:,}",
        "items of a batch in one request; `server.py submit` takes any number": f"{bounds.MAX_ITEMS:,}",
        "bytes of a line for `server.py submit`": f"{MAX_LINE_BYTES:,}",
        "characters of a text for the text analyzer": f"{text_limit():,}",
        "characters of a name or key": f"{bounds.MAX_NAME}",
        "characters of the reason for a pause": f"{bounds.MAX_REASON}",
        "priority": f"{bounds.MIN_PRIORITY} to {bounds.MAX_PRIORITY}; {bounds.DEFAULT_PRIORITY} by default",
        "attempts": f"1 to {bounds.MAX_ATTEMPTS}; {bounds.DEFAULT_ATTEMPTS} by default",
        "`timeoutSeconds`": f"1 to {bounds.MAX_TIMEOUT_SECONDS:,}; {bounds.DEFAULT_TIMEOUT_SECONDS} by default",
        "`waitSeconds`": f"0 to {bounds.MAX_WAIT_SECONDS}",
        "ids of `runBulkAction`; a filter takes any number of analyses": f"{MAX_IDS:,}",
        "concurrency of a worker, by `setConcurrency`": f"1 to {bounds.MAX_SLOTS}",
        "nested levels of a JSON value": f"{MAX_JSON_DEPTH}",
    }
