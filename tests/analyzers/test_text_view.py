"""The view of a text: formats, folding, and the way back to the source."""

from __future__ import annotations

import unicodedata
from html import unescape
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.text.analyzer import TextRequest, TextResult, run
from analyzers.text.results import TextFormat
from analyzers.text.view import MOST_MARKS, View, fold
from tests.analyzers.support import EVERY, Recorder, languages
from tests.analyzers.test_text_properties import pieces

AUTO, PLAIN, MARKDOWN, HTML = TextFormat


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("a < b and c > d", PLAIN),
        ("2 * 3 * 4 is 24", PLAIN),
        ("# of items: 5", PLAIN),
        ("f[i](x) and *sigh*", PLAIN),
        ("Pros:\n- fast\n- reliable", PLAIN),
        ("if x<y then z>w", PLAIN),
        ("I <3 it -> great", PLAIN),
        ("a <b and c> d", PLAIN),
        ("See [the docs](https://example.org).", MARKDOWN),
        ("Run\n\n```sh\nmake\n```\n", MARKDOWN),
        ("# Title\n\nSome **bold** words.", MARKDOWN),
        ("<div align='right'>\n\n# Title\n\n- one\n- two\n", MARKDOWN),
        ("A <b>bold</b> word", HTML),
        ("One<br>two", HTML),
        ("<p>An unclosed paragraph", HTML),
        ("<!DOCTYPE html><title>[a](b.c)</title>", HTML),
    ],
)
def test_the_format_is_detected(text: str, form: TextFormat) -> None:
    assert View(text).format is form


@pytest.mark.parametrize(
    ("text", "form", "read"),
    [
        ("<p>The <b>quick</b> fox &amp; a&nbsp;cat</p>", HTML, "\n\nThe quick fox & a cat\n\n"),
        ("a<script>if (1 < 2) x()</script>b<!-- c -->d", HTML, "abd"),
        ("<table><tr><td>a<td>b</table>", HTML, "\n\n\n\n\ta\tb\n\n"),
        ("one\n  two <unknown> 1 < 2", HTML, "one two <unknown> 1 < 2"),
        ('<a title="x > y" href=z>link</a>', HTML, "link"),
        ("<pre>a\nb</pre>", HTML, "\n\na\nb\n\n"),
        ("<!-- open", HTML, "<!-- open"),
        ("See [the *big* docs](http://a.b/c) and `code`.", MARKDOWN, "See the big docs and code."),
        ("# A\n\n- b\n- c\n\n1. d", MARKDOWN, "A\n\nb\n\nc\n\nd"),
        ("a\n```\ncode\n```\nb", MARKDOWN, "a\n\nb"),
        ("---\ntitle: t\n---\nb ![alt](c.png)", MARKDOWN, "b "),
        ("|a|b|\n|-|-|\n|c|d|", MARKDOWN, "a\tb\n\nc\td"),
        ("> one\n> two\\*", MARKDOWN, "one two*"),
        ("<div>\nin <b>it</b>\n</div>\n\né &amp; <i>x</i>", MARKDOWN, "in it\n\né & x"),
        ("**plain**", PLAIN, "**plain**"),
    ],
)
def test_marks_are_removed(text: str, form: TextFormat, read: str) -> None:
    assert View(text, form).text == read


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("don’t “x” co\u2011op a\u00a0b", 'don\'t "x" co-op a b'),
        ("e\u0301te\u0301 \u1100\u1161\u11a8", "été 각"),
        ("so\u00adft\ufeff \u200etext\u200f a\u200bb", "soft text a b"),
        ("👍🏽 ❤️ 👩\u200d💻", "👍 ❤ 👩💻"),
        ("a\r\nb\rc\u2028d\x0be", "a\nb\nc\nd\ne"),
        ("\u212b\u0958", "Å\u0915\u093c"),
    ],
)
def test_characters_are_folded(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded


@given(st.sampled_from([one for some in languages().values() for one in some]))
def test_both_normal_forms_have_the_same_view(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
MARKS = [
    "**", "*", "_", "`", "```", "\n", "\n\n", "# ", "- ", "1. ", "> ", "[", "](", ")", "](https://a.example/b_(c))",
    "![", "|", "\n|-|\n", "---", "<", ">", "<p>", "</p>", "<b>", "</b>", "<br/>", "<!--", "-->", "<script>",
    "</script>", '<a href="x>y">', "</a>", "&amp;", "&nbsp;", "&#233;", "e\u0301", "\u0323", "’", "\u00ad", "\u200b",
    "\r\n", "👍🏽", "\\", "<td>", "<pre>", "Tim Cook", "in Berlin", "a@b.example.com", "terrible", "the best words",
    ". ", " ", "é",
]  # fmt: skip
marked = st.lists(st.sampled_from(MARKS) | st.text(letters, max_size=4), min_size=1, max_size=40).map("".join)


def is_within(part: str, whole: str) -> bool:
    """Return whether the characters of a part occur in the whole in their order."""
    rest = iter(whole)
    return all(char in rest for char in part)


@settings(max_examples=300, deadline=None)
@given(text=marked, form=st.sampled_from(TextFormat))
def test_every_range_of_a_view_lies_in_the_source_and_covers_its_text(text: str, form: TextFormat) -> None:
    view = View(text, form)
    spans = [view.span(at, at + 1) for at in range(len(view.text))]
    assert all(0 <= begin <= end <= len(text) for begin, end in spans)
    assert all(one[0] <= other[0] and one[1] <= other[1] for one, other in pairwise(spans))
    for size in (1, 7, max(1, len(view.text))):
        for at in range(0, len(view.text) - size + 1, size):
            written = view.written(at, at + size)
            begin, end = view.span(at, at + size)
            assert fold(view.text[at : at + size]).strip() in fold(written)
            if view.format is PLAIN:
                assert text[begin:end] == written
            else:
                visible = "".join(written.split())
                assert is_within(visible, text[begin:end]) or is_within(visible, unescape(text[begin:end]))


@settings(max_examples=150, deadline=None)
@given(text=marked.filter(lambda text: bool(text.strip())), form=st.sampled_from(TextFormat))
def test_every_result_of_marked_text_has_its_place(text: str, form: TextFormat) -> None:
    result = run(TextRequest(text=text, operations=EVERY, language="en", format=form), Recorder())
    assert result.text_format in {PLAIN, MARKDOWN, HTML}
    for part in pieces(result):
        assert 0 <= part.begin < part.end <= len(text)
        written = "".join(getattr(part, "text", "").split())
        source = text[part.begin : part.end]
        assert is_within(written, source) or is_within(written, unescape(source))
    TextResult.model_validate_json(result.model_dump_json())


HOSTILE = [
    "<!--", "<a ", "[[[[", "****", "e\u0301\u0323", "\u0323\u0301", '<a "', "<a '\"", '<a "<a " ', "<script>", "&amp;",
    "<p>", "> ", "[a](b.c)", "\u200b", "\r", "<!", "</b", "* a\n", "```\n", "`a", "__", "|a", "- ",
]  # fmt: skip


@pytest.mark.parametrize("form", TextFormat)
@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_is_read(piece: str, form: TextFormat) -> None:
    """Quadratic time for 200,000 characters would end in the time limit of the tests."""
    text = piece * (200_000 // len(piece))
    view = View(text, form)
    if view.text:
        assert view.span(0, len(view.text))[1] <= len(text)


def test_a_long_run_of_marks_stays() -> None:
    text = "e" + "\u0323\u0301" * MOST_MARKS
    assert fold(text) == text


def test_positions_and_texts_of_marked_text() -> None:
    text = "We met **Tim\u00a0Cook** of [Apple’s](https://apple.example.com/a_(b)) board &amp; me in <b>Berlin</b>."
    result = run(TextRequest(text=text, operations=["ENTITIES"], language="en", format=MARKDOWN), Recorder())
    found = {entity.text: text[entity.begin : entity.end] for entity in result.entities or ()}
    assert found == {
        "Tim\u00a0Cook": "Tim\u00a0Cook",
        "Apple": "Apple",
        "https://apple.example.com/a_(b)": "https://apple.example.com/a_(b)",
        "Berlin": "Berlin",
    }
