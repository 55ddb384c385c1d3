"""Properties of the results for every text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from analyzers.text.analyzer import TextRequest, TextResult, run
from analyzers.text.tokens import Document
from tests.analyzers.support import EVERY, GETTYSBURG, Recorder, analyze, languages

ODD = [
    "Dr. J. Smith paid $3.50 (20 %) to a.b@c.de on 3. Mai 2020 at 5:30 p.m.!", "😀👍🏽❤️", "e\u0301\u0302\u200d",
    "שלום, עולם!", "\u202eabc\u202c", "\x01\x7f\x9f", "...", "?!", "www.", "http://", "@@", "##", "U.S.A.", "#1",
    "don’t", "\r\n", "\n\n", " ",
]  # fmt: skip
PIECES = [sentence for some in languages().values() for sentence in some[:2]] + GETTYSBURG.split("\n\n") + ODD

letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
characters = st.text(letters, min_size=1, max_size=300)
mixtures = st.lists(st.sampled_from(PIECES) | st.text(letters, max_size=8), min_size=1, max_size=12)
texts = (characters | mixtures.map(" ".join) | mixtures.map("".join)).filter(
    lambda text: bool(text) and not text.isspace()
)


def pieces(part: Any) -> Iterator[Any]:
    """Yield each part of a result that has offsets in the text."""
    if isinstance(part, BaseModel):
        if "begin" in type(part).model_fields:
            yield part
        for name in type(part).model_fields:
            yield from pieces(getattr(part, name))
    elif isinstance(part, list):
        for one in part:
            yield from pieces(one)


def integers(value: Any) -> Iterator[int]:
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from integers(one)


def check(text: str, result: TextResult) -> None:
    for part in pieces(result):
        assert 0 <= part.begin < part.end <= len(text)
        if hasattr(part, "text"):
            assert text[part.begin : part.end] == part.text
    assert all(abs(one) < 2**31 for one in integers(result.model_dump()))
    assert result.summary.endswith(".")
    assert all(tag == tag.lower() for tag in result.tags)
    assert len(result.tags) == len(set(result.tags))
    for entry in result.unavailable:
        assert entry.operation in EVERY
    TextResult.model_validate_json(result.model_dump_json())


@settings(max_examples=150, deadline=None)
@given(text=texts, language=st.sampled_from([None, None, "en", "de", "zh", "th", "aa"]))
def test_any_text_has_a_valid_result_and_the_same_one_again(text: str, language: str | None) -> None:
    request = TextRequest(text=text, operations=EVERY, language=language)
    result = run(request, Recorder())
    check(text, result)
    assert run(request, Recorder()) == result


@settings(max_examples=150, deadline=None)
@given(text=texts)
def test_pieces_are_in_order_and_do_not_overlap(text: str) -> None:
    document = Document(text)
    for spans in (document.words, document.sentences, document.paragraphs):
        assert all(begin < end for begin, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
    for begin, end in (*document.sentences, *document.paragraphs):
        assert text[begin:end] == text[begin:end].strip()
    covered = "".join(text[begin:end] for begin, end in document.sentences)
    assert "".join(covered.split()) == "".join(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "." * 100_000,
        "1" * 100_000,
        "😀" * 50_000,
        "e\u0301" * 50_000,
        "a." * 50_000,
        "@a" * 50_000,
        "http://" * 15_000,
        "1 Jan " * 15_000,
        "\u202eשלום " * 15_000,
        "\x01" * 50_000,
        "good! " * 10_000,
        "A B " * 20_000,
        "word\n" * 15_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_long_and_unusual_texts(text: str) -> None:
    check(text, analyze(text, *EVERY, language="en"))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Smith went to Washington, D.C. on Jan. 5. He paid $3.50!", 2),
        ('Did Mr. J. K. Rowling come? "Yes." She left... and came back.', 3),
        ("Am 3. Oktober 1990 war es so. Das ist z.B. gut.", 2),
        ("今天天气很好。我们去公园吧！好不好？", 3),
        ("i like it. it is good! really", 3),
        ("हिन्दी में यह एक वाक्य है। दूसरा वाक्य।", 2),
        ("A heading\n- item one\n- item two", 3),
        ("The food was fine.Terrible waiter.", 2),
        ("Awful!Never again.", 2),
        ("See Newsfeeds.Com and java.util.List, or news.asp?ID=Foo in a_b.Path", 1),
        ("J.R.R. Tolkien wrote it. I read it.", 2),
        ("This line is long enough to have been wrapped and\ngoes on here. Then it ends.", 2),
    ],
)
def test_sentences(text: str, sentences: int) -> None:
    assert len(Document(text).sentences) == sentences
