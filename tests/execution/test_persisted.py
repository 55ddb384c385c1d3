"""Persisted documents: registration by hash, trusted documents, and the mode that runs nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from sys import getsizeof
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.answers import Answer, AnswerKind
from execution.documents import Documents
from execution.executor import Executor, Limits, OperationRequest, OperationType
from execution.manifests import InvalidManifest, sha256_of
from execution.persisted import ENTRY_BYTES, PersistedDocuments
from telemetry import Telemetry, exposition
from tests.execution.toy import Toy, type_of

HELLO = "query Greet { hello }"
HASH = sha256_of(HELLO)
GREETED = {"data": {"hello": "Hello world"}}


def by_hash(digest: object, text: str | None = None, **members: Any) -> OperationRequest:
    extension = {"version": 1, "sha256Hash": digest, **members}
    return OperationRequest(text, extensions={"persistedQuery": extension})


def by_id(key: str, text: str | None = None) -> OperationRequest:
    return OperationRequest(text, document_id=key)


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def trusting(tmp_path: Path) -> Callable[..., Toy]:
    """Return a function that makes a toy which trusts these documents."""

    def make(entries: object, **settings: Any) -> Toy:
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps(entries))
        return Toy(trusted_documents=(path,), **settings)

    return make


async def refused(toy: Toy, request: OperationRequest) -> tuple[AnswerKind, str, str]:
    answer = await toy.executor.execute(request, toy.context)
    assert list(answer.body) == ["errors"]
    (error,) = answer.body["errors"]
    assert type_of(toy, request) == answer
    assert await toy.executor.open(request, toy.context) == answer
    return answer.kind, error["extensions"]["code"], error["message"]


async def answered(toy: Toy, request: OperationRequest) -> dict[str, Any]:
    return (await toy.executor.execute(request, toy.context)).body


# Automatic persisted queries

MISSING = (AnswerKind.UNREGISTERED, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")


async def test_a_text_with_its_hash_registers(toy: Toy) -> None:
    assert await refused(toy, by_hash(HASH)) == MISSING
    assert await answered(toy, by_hash(HASH, HELLO)) == GREETED
    assert await answered(toy, by_hash(HASH)) == GREETED
    assert await answered(toy, by_hash(HASH, HELLO)) == GREETED
    assert await answered(toy, by_id(f"sha256:{HASH}")) == GREETED
    assert toy.telemetry.persisted == {"miss": 3, "registered": 1, "hit": 1}  # `refused` asks in three ways
    assert 'assay_persisted_queries_total{outcome="registered"} 1.0' in exposition(toy.telemetry).decode().splitlines()
    assert await refused(Toy(), by_hash(HASH)) == MISSING  # another server


async def test_urls_second_attempt_registers(toy: Toy) -> None:
    assert await answered(toy, by_hash(HASH, HELLO, miss=True)) == GREETED
    assert await answered(toy, by_hash(HASH)) == GREETED


async def test_registered_operations_of_each_type_run(toy: Toy) -> None:
    text = "query A { hello } mutation B { bump } subscription C { count(to: 1) }"
    registered = by_hash(sha256_of(text), text)
    for name, kind in zip("ABC", OperationType, strict=True):
        request = OperationRequest(text, name, extensions=registered.extensions)
        alone = OperationRequest(None, name, extensions=registered.extensions)
        assert type_of(toy, request) is type_of(toy, alone) is kind
    request = OperationRequest(None, "B", extensions=registered.extensions)
    assert await answered(toy, request) == {"data": {"bump": 1}}
    assert toy.context.probe.bumped == 1


@pytest.mark.parametrize("text", ["{ hello", "{ nope }", "{" + "deeper{" * 50 + "hello" + "}" * 51, "x" * 200_000])
async def test_an_invalid_document_does_not_register(toy: Toy, text: str) -> None:
    request = by_hash(sha256_of(text), text)
    assert (await refused(toy, request))[1].startswith(("GRAPHQL_", "QUERY_TOO_COMPLEX"))
    assert await refused(toy, by_hash(sha256_of(text))) == MISSING


FORM = "`extensions.persistedQuery.sha256Hash` must be the SHA-256 of the document, 64 lowercase hexadecimal digits."
VERSION = "`extensions.persistedQuery.version` must be 1."


@pytest.mark.parametrize(
    ("extension", "message"),
    [
        ([], "`extensions.persistedQuery` must be an object."),
        (HASH, "`extensions.persistedQuery` must be an object."),
        (False, "`extensions.persistedQuery` must be an object."),
        ({}, VERSION),
        ({"version": None, "sha256Hash": HASH}, VERSION),
        ({"version": True, "sha256Hash": HASH}, VERSION),
        ({"version": "1", "sha256Hash": HASH}, VERSION),
        ({"version": 2, "sha256Hash": HASH}, VERSION),
        ({"version": 1}, FORM),
        ({"version": 1, "sha256Hash": None}, FORM),
        ({"version": 1, "sha256Hash": 5}, FORM),
        ({"version": 1, "sha256Hash": ""}, FORM),
        ({"version": 1, "sha256Hash": [HASH]}, FORM),
        ({"version": 1, "sha256Hash": HASH.upper()}, FORM),
        ({"version": 1, "sha256Hash": HASH[1:]}, FORM),
        ({"version": 1, "sha256Hash": HASH + "0"}, FORM),
        ({"version": 1, "sha256Hash": f"{HASH}\n"}, FORM),
        ({"version": 1, "sha256Hash": f"sha256:{HASH}"}, FORM),
        ({"version": 1, "sha256Hash": "g" * 64}, FORM),
    ],
    ids=str,
)
async def test_a_malformed_extension(toy: Toy, extension: object, message: str) -> None:
    for text in (None, HELLO):
        request = OperationRequest(text, extensions={"persistedQuery": extension})
        assert await refused(toy, request) == (AnswerKind.BAD_REQUEST, "BAD_REQUEST", message)


async def test_null_is_no_extension(toy: Toy) -> None:
    assert await answered(toy, OperationRequest(HELLO, extensions={"persistedQuery": None})) == GREETED


async def test_the_hash_of_another_text_is_refused_and_registers_nothing(toy: Toy) -> None:
    other = sha256_of("{ hello }")
    message = "`extensions.persistedQuery.sha256Hash` is not the SHA-256 of `query`."
    assert await refused(toy, by_hash(other, HELLO)) == (AnswerKind.BAD_REQUEST, "BAD_REQUEST", message)
    assert await refused(toy, by_hash(other)) == await refused(toy, by_hash(HASH)) == MISSING


async def test_an_id_or_hash_and_another_document(toy: Toy) -> None:
    both = "`documentId` takes the place of `query`: send one of the two."
    assert (await refused(toy, by_id(f"sha256:{HASH}", HELLO)))[1:] == ("BAD_REQUEST", both)
    both = "`documentId` takes the place of `extensions.persistedQuery`: send one of the two."
    request = OperationRequest(None, extensions=by_hash(HASH).extensions, document_id=f"sha256:{HASH}")
    assert (await refused(toy, request))[1:] == ("BAD_REQUEST", both)


@pytest.mark.parametrize("key", [f"sha256:{HASH}", HASH, "Greet", "x" * 10_000, "sha256:", "é"])
async def test_an_unknown_document_id(toy: Toy, key: str) -> None:
    message = f"The server has no document with the id {key[:100]!r}."
    expected = (AnswerKind.UNKNOWN_DOCUMENT, "PERSISTED_QUERY_NOT_FOUND", message)
    assert await refused(toy, by_id(key)) == expected


async def test_an_empty_document_id_is_absent(toy: Toy) -> None:
    assert await answered(toy, by_id("", HELLO)) == GREETED
    assert (await refused(toy, by_id("")))[1] == "BAD_REQUEST"


# The bound of registrations


class Fake:
    """Documents that are all valid, so that many register within a test."""

    def __init__(self) -> None:
        self.valid = Documents(Toy().executor._operations.core, limits=Limits(), hide_suggestions=False).get(HELLO)

    def get(self, _text: str) -> Any:
        return self.valid


def store(max_bytes: int) -> PersistedDocuments:
    return PersistedDocuments(Fake(), Telemetry(), max_bytes=max_bytes)  # type: ignore[arg-type]


async def test_100_000_registrations_stay_within_the_bound() -> None:
    documents = store(max_bytes=1_000_000)
    texts = [f"query Q{number} {{ hello }}" for number in range(100_000)]
    for text in texts:
        documents.resolve(by_hash(sha256_of(text), text))
        assert documents.bytes <= 1_000_000
    kept = [text for text in texts if isinstance(documents.resolve(by_hash(sha256_of(text))), OperationRequest)]
    assert kept == texts[-len(kept) :]
    assert 1_000_000 - documents.bytes < ENTRY_BYTES + 200
    assert len(kept) > 2_000


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=60))
def test_the_least_recently_used_registration_leaves_first(steps: list[tuple[bool, int]]) -> None:
    texts = [f"query Q{number} {{ hello }}{'é' * number * 20}" for number in range(21)]
    documents, used = store(max_bytes=2_000), list[str]()
    for registers, number in steps:
        text = texts[number]
        outcome = documents.resolve(by_hash(sha256_of(text), text if registers else None))
        if registers:
            used = [*(each for each in used if each != text), text]
            while sum(ENTRY_BYTES + getsizeof(each) for each in used) > 2_000:
                used.pop(0)
        elif text in used:
            assert outcome == OperationRequest(text, extensions=by_hash(sha256_of(text)).extensions)
            used = [*(each for each in used if each != text), text]
        else:
            assert isinstance(outcome, Answer)
        assert documents.bytes == sum(ENTRY_BYTES + getsizeof(each) for each in used)


# Trusted documents

BUMP = "mutation Bump { bump }"
COUNT = "subscription Count { count(to: 1) }"
TRUSTED = {"greet": HELLO, f"sha256:{sha256_of(BUMP)}": BUMP, "d41d8cd98f00b204e9800998ecf8427e": COUNT}
UNTRUSTED = "The server runs trusted documents only: the document is in none of its manifests."
ONLY = (AnswerKind.UNKNOWN_DOCUMENT, "QUERY_NOT_IN_SAFELIST", UNTRUSTED)


@pytest.mark.parametrize("only", [False, True])
async def test_trusted_documents_run_by_key_hash_and_text(trusting: Callable[..., Toy], only: bool) -> None:
    toy = trusting(TRUSTED, trusted_documents_only=only)
    for key in ("greet", HASH, f"sha256:{HASH}"):
        assert await answered(toy, by_id(key)) == GREETED
        assert await answered(toy, by_hash(key)) == GREETED
        assert await answered(toy, by_hash(key, HELLO)) == GREETED
    assert await answered(toy, OperationRequest(HELLO)) == GREETED
    assert await answered(toy, by_id(f"sha256:{sha256_of(BUMP)}")) == {"data": {"bump": 1}}
    assert type_of(toy, by_id("d41d8cd98f00b204e9800998ecf8427e")) is OperationType.SUBSCRIPTION
    assert (await refused(toy, by_hash(sha256_of(BUMP), HELLO)))[1] == "BAD_REQUEST"


async def test_the_hash_of_a_text_is_never_the_id_of_another(trusting: Callable[..., Toy]) -> None:
    for entries in ({"greet": HELLO, HASH: "{ colour }"}, {HASH: "{ colour }", "greet": HELLO}):
        assert await answered(trusting(entries), by_hash(HASH)) == GREETED


async def test_nothing_else_runs_if_only_trusted_documents_do(trusting: Callable[..., Toy]) -> None:
    toy = trusting(TRUSTED, trusted_documents_only=True)
    other = "query Greet { hello }\n"
    for request in (
        OperationRequest(other),
        OperationRequest("{ __schema { queryType { name } } }"),
        OperationRequest("{ __typename }"),
        OperationRequest("mutation { bump }"),
        OperationRequest("nonsense"),
        by_hash(sha256_of(other), other),
        by_hash(sha256_of(other)),
        by_id("unknown"),
        by_id(f"sha256:{sha256_of(other)}"),
    ):
        assert await refused(toy, request) == ONLY
    assert toy.context.probe.bumped == 0
    assert (await refused(toy, OperationRequest(None)))[1] == "BAD_REQUEST"


async def test_others_run_beside_trusted_documents(trusting: Callable[..., Toy]) -> None:
    toy = trusting(TRUSTED)
    other = "query Other { hello }"
    assert await answered(toy, by_hash(sha256_of(other), other)) == GREETED
    assert await answered(toy, by_hash(sha256_of(other))) == GREETED


async def test_documents_of_the_program_are_trusted_without_a_check(trusting: Callable[..., Toy]) -> None:
    """An installation without one of the analyzers lacks fields that the pages select."""
    toy = trusting(TRUSTED, trusted_documents_only=True, own_documents={"a": "{ colour }", "b": "{ nope }"})
    assert await answered(toy, OperationRequest("{ colour }")) == {"data": {"colour": "RED"}}
    assert (await refused(toy, OperationRequest("{ nope }")))[1] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ hello", "Syntax Error: Expected Name, found <EOF>."),
        ("query { nope }", "Cannot query field 'nope' on type 'Query'."),
        ("query {\n  hello(name: {\n}) }", "String cannot represent a non string value: { }"),
        ("fragment F on Query { hello }", "Fragment 'F' is never used."),
        (
            "{" + "deeper{" * 50 + "hello" + "}" * 51,
            "The document has too many levels of fields: 51",
        ),
        ("# nothing", "Syntax Error: Unexpected <EOF>."),
        ('{ hello(name: "\ud800") }', "Syntax Error: "),
    ],
)
def test_an_invalid_document_is_named(trusting: Callable[..., Toy], tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InvalidManifest) as refusal:
        trusting({"greet": HELLO, "second": text})
    message = str(refusal.value)
    assert message.startswith(f'{tmp_path}/manifest.json: "second": The document is invalid: {reason}')
    assert "\n" not in message


def test_two_manifests_may_share_documents_and_not_ids(tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.json" for name in ("first", "second", "third"))
    first.write_text(json.dumps(TRUSTED))
    second.write_text(json.dumps({"greet": HELLO, "other": HELLO}))
    third.write_text(json.dumps({"greet": "{ hello }"}))
    Toy(trusted_documents=(first, second))
    with pytest.raises(InvalidManifest) as refusal:
        Toy(trusted_documents=(first, second, third))
    assert str(refusal.value) == f'{third}: "greet": The id has another document in an earlier manifest.'


def test_the_executor_reads_no_manifest_without_the_setting(toy: Toy) -> None:
    assert isinstance(toy.executor, Executor)
    assert toy.executor._persisted._trusted == {}
