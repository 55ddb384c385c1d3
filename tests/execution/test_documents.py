"""The cache of documents: each text is parsed once; number and total length of the texts are bounded."""

from __future__ import annotations

import pytest

from execution import documents
from execution.answers import Answer, AnswerKind
from execution.documents import Document, Documents
from execution.limits import Limits
from execution.strawberry_parts import core_schema
from tests.execution.toy import schema


@pytest.fixture
def cache() -> Documents:
    return Documents(core_schema(schema()), limits=Limits(), hide_suggestions=False)


def test_a_document_is_parsed_once(cache: Documents) -> None:
    first = cache.get("{ hello }")
    assert isinstance(first, Document)
    assert cache.get("{ hello }") is first


@pytest.mark.parametrize("text", ["{", "{ nope }", "{ " + "hello " * 60 + "}"])
def test_a_refusal_is_cached(cache: Documents, text: str) -> None:
    refusal = cache.get(text)
    assert isinstance(refusal, Answer)
    assert cache.get(text) is refusal


def test_the_least_recently_used_document_is_removed_first(cache: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 2)
    one, two = cache.get("{ a: hello }"), cache.get("{ b: hello }")
    assert cache.get("{ a: hello }") is one
    cache.get("{ c: hello }")
    assert cache.get("{ a: hello }") is one
    assert cache.get("{ b: hello }") is not two


def test_the_length_of_all_texts_is_bounded(cache: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_TEXT", 1_000)
    one = cache.get("{ hello }")
    cache.get("{ hello }" + " " * 980)
    assert cache.get("{ hello }") is one
    cache.get("{ hello }" + " " * 981)
    assert cache.get("{ hello }") is one  # in place of the longer text
    cache.get("{ hello }" + " " * 995)
    assert cache.get("{ hello }") is not one


def test_a_text_over_the_limit_is_not_cached(cache: Documents) -> None:
    text = "{ hello }" + " " * 200_000
    refusal = cache.get(text)
    assert isinstance(refusal, Answer)
    assert refusal.kind is AnswerKind.LIMIT
    assert cache.get(text) is not refusal
