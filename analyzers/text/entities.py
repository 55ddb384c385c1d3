"""Entities of a text: by pattern in any language, by word lists and a trained judge in English.

In English, rules find the surest names: after titles, with a given name, and the listed organizations and places. A
trained judge reads the other capitalized words (`name_candidates`). A rule's score is its precision on newspaper text,
and the judge's its probability.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

from . import name_candidates, names, patterns
from .name_candidates import INNER, LINKS, bare, inner, joined
from .results import TextEntity, TextEntityType
from .tokens import Document, Span
from .vocabulary import stop_words

MOST = 1_000
LONGEST_NAME = 6
_PERSON, _ORGANIZATION, _LOCATION = TextEntityType.PERSON, TextEntityType.ORGANIZATION, TextEntityType.LOCATION
_HEADS = names.ORGANIZATION_STARTS | names.ORGANIZATION_ENDS | names.PLACE_STARTS | names.PLACE_ENDS


def entities(document: Document, language: str | None) -> list[TextEntity]:
    """Return the entities in order of first occurrence, at most `MOST`. Equal entities are merged and counted."""
    text = document.text
    taken = bytearray(len(text))
    found: dict[tuple[str, TextEntityType], TextEntity] = {}

    def take(span: Span, kind: TextEntityType, score: float) -> None:
        begin, end = span
        if end <= begin or taken.find(1, begin, end) >= 0:
            return
        taken[begin:end] = b"\1" * (end - begin)
        piece = text[begin:end]
        key = (" ".join(piece.split()).casefold(), kind)
        known = found.get(key)
        if known is None:
            found[key] = TextEntity(text=piece, type=kind, score=score, begin=begin, end=end, count=1)
        else:
            known.count += 1
            if begin < known.begin:
                known.text, known.begin, known.end = piece, begin, end

    for span, kind, score in patterns.find(text):
        take(span, kind, score)
    if language == "en":
        for span, kind, score in _names(document):
            take(span, kind, score)
        free = [taken.find(1, begin, end) < 0 for begin, end in document.words]
        surnames = {entity.text.split()[-1] for entity in found.values() if entity.type is _PERSON}
        for (first, last), kind, score in name_candidates.judged(document, free, surnames):
            take(_span(document, first, last), kind, score)
    return sorted(found.values(), key=lambda entity: entity.begin)[:MOST]


def add_addresses(found: list[TextEntity], source: str) -> None:
    """Add the addresses of a source with markup that its text lacks, such as the targets of links."""
    known = {(entity.text.casefold(), entity.type) for entity in found}
    added: dict[tuple[str, TextEntityType], TextEntity] = {}
    taken = bytearray(len(source))
    for (begin, end), kind, score in patterns.find(source, only=patterns.ADDRESSES):
        if any(taken[begin:end]):
            continue
        taken[begin:end] = b"\1" * (end - begin)
        text = unescape(source[begin:end])
        key = (text.casefold(), kind)
        if key in added:
            added[key].count += 1
        elif key not in known:
            added[key] = TextEntity(text=text, type=kind, score=score, begin=begin, end=end, count=1)
    found += added.values()
    found.sort(key=lambda entity: entity.begin)
    del found[MOST:]


def _names(document: Document) -> Iterator[patterns.Found]:
    """Yield the names in English text that a rule finds by itself. One name has one type: that of its surest place."""
    starts = {begin for begin, _ in document.sentences}
    found: list[patterns.Found] = []
    surest: dict[str, tuple[float, TextEntityType]] = {}
    for first, last in _runs(document, starts):
        if (verdict := _classify(document.word_texts, first, last)) is not None:
            first, last, kind, score = verdict
            begin, end = _span(document, first, last)
            found.append(((begin, end), kind, score))
            name = document.text[begin:end]
            if score > surest.get(name, (0.0, kind))[0]:
                surest[name] = score, kind
    for (begin, end), _, _ in found:
        score, kind = surest[document.text[begin:end]]
        yield (begin, end), kind, score


def _span(document: Document, first: int, last: int) -> Span:
    """Return the span of the words from `first` to before `last`, without a possessive 's."""
    begin, end = document.words[first][0], document.words[last - 1][1]
    return (begin, end - 2) if document.text[end - 2 : end] == "'s" else (begin, end)


def _runs(document: Document, starts: set[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of capitalized words as (first, last + 1). Words like "of" and "de" are allowed inside a run only."""
    text, words, spans = document.text, document.word_texts, document.words
    stops = stop_words("en")
    if document.shouting:
        return
    at, total = 0, len(words)
    while at < total:
        word = words[at]
        if not word[0].isupper() or bare(word) in names.NO_NAMES:
            at += 1
            continue
        stop = word.lower() in stops
        known = stop and any(" ".join(words[at : at + size]) in names.PLACES for size in (2, 3))
        if stop and not known and spans[at][0] in starts:
            at += 1
            continue
        if stop and not (at + 1 < total and words[at + 1][:1].isupper()) and word not in names.PLACES:
            at += 1
            continue
        last = at + 1
        # A possessive ends a name: "Hong Kong's John Woo" are two.
        while (
            last < total
            and last - at < LONGEST_NAME
            and bare(words[last - 1]) == words[last - 1]
            and joined(text[spans[last - 1][1] : spans[last][0]], words[last - 1])
        ):
            if words[last][0].isupper():
                if bare(words[last]) in names.NO_NAMES:
                    break
                last += 1
                continue
            small = inner(document, last)
            if not small or (words[last] in LINKS and words[last - 1] not in _HEADS):
                break
            last += small + 1
        yield at, last
        at = last


def _is_office(parts: list[str]) -> bool:
    return parts[-1] in names.ORGANIZATION_ENDS or parts[-1] in names.PLACE_ENDS or parts[-1] in names.OFFICES


def _is_group(word: str) -> bool:
    """Return whether a last word makes no person's name: a people or faith ("Roman Catholics"), or a kind of place."""
    return word in _HEADS or word in names.NO_NAMES or word.removesuffix("s") in names.NO_NAMES


def _classify(words: list[str], first: int, last: int) -> tuple[int, int, TextEntityType, float] | None:
    """Return a name's words, type and score from a run of capitalized words. None if no rule applies."""
    whole = bare(" ".join(words[first:last]))
    if whole in names.ORGANIZATIONS:
        return first, last, _ORGANIZATION, 0.9
    if whole in names.PLACES:
        return first, last, _LOCATION, 0.9
    before = words[first - 1] if first else ""
    titled = before.rstrip(".") in names.TITLES
    while last - first > 1 and words[first].rstrip(".") in names.TITLES:
        first, titled = first + 1, True
    parts = [bare(word) for word in words[first:last]]
    whole, size = " ".join(parts), last - first
    if names.OFFICES.issuperset(parts):
        return None  # a role without a name: "Vice President"
    if titled and size <= 3 and parts[0] not in INNER and not parts[0].isupper() and not _is_office(parts):
        return first, last, _PERSON, 0.95
    if whole in names.ORGANIZATIONS:
        return first, last, _ORGANIZATION, 0.9
    if whole in names.PLACES:
        return first, last, _LOCATION, 0.9
    if 2 <= size <= 3 and before in names.ROLES and not _is_office(parts):
        return first, last, _PERSON, 0.85
    if 2 <= size <= 4 and parts[0] in names.GIVEN_NAMES and parts[1] not in LINKS and not _is_group(parts[-1]):
        return first, last, _PERSON, 0.95
    return None
