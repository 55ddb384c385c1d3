"""Entities of a text: by pattern in any language, by word lists and context in English.

There is no statistical model, because no package ships one under a free license. Rules find names by their own words
(given names, company suffixes, countries and large cities) and by the words beside them (titles, "said"). They find
fewer names than a model. A rule's score is its precision on newspaper text.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import names, patterns
from .results import TextEntity, TextEntityType
from .tokens import Document, Span
from .vocabulary import stop_words
from .wordsets import word_set

MOST = 1_000
LONGEST_NAME = 6
_PERSON, _ORGANIZATION, _LOCATION = TextEntityType.PERSON, TextEntityType.ORGANIZATION, TextEntityType.LOCATION
_INNER = word_set("of de la del da di van von der den bin al el the and & for")
_LINKS = frozenset({"of", "and", "for", "the", "&"})
_HEADS = names.ORGANIZATION_STARTS | names.ORGANIZATION_ENDS | names.PLACE_STARTS | names.PLACE_ENDS
_PLACE_BEFORE = frozenset({"in", "near", "from", "at"})


def entities(document: Document, language: str | None) -> list[TextEntity]:
    """Return the entities in order of first occurrence, at most `MOST`. Equal entities are merged and counted."""
    text = document.text
    taken = bytearray(len(text))
    found: dict[tuple[str, TextEntityType], TextEntity] = {}

    def take(span: Span, kind: TextEntityType, score: float) -> None:
        begin, end = span
        if end <= begin or any(taken[begin:end]):
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
    return sorted(found.values(), key=lambda entity: entity.begin)[:MOST]


def _names(document: Document) -> Iterator[patterns.Found]:
    """Yield names in English text. A surname alone counts as a person if the full name occurs anywhere in the text."""
    words, spans = document.word_texts, document.words
    starts = {begin for begin, _ in document.sentences}
    runs = list(_runs(document, starts))
    persons: set[str] = set()
    single = {_bare(words[first]) for first, last in runs if last - first == 1}
    rest: list[tuple[int, int]] = []
    for first, last in runs:
        verdict = _classify(words, first, last)
        if verdict is None:
            rest.append((first, last))
            continue
        first, last, kind, score = verdict
        if kind is _PERSON:
            persons.add(_bare(words[last - 1]))
        yield _span(document, first, last), kind, score
    for first, last in rest:
        name = _bare(" ".join(words[first:last]))
        if name in persons:
            yield _span(document, first, last), _PERSON, 0.8
        elif last - first == 2 and _bare(words[last - 1]) in single and _is_surname(_bare(words[last - 1])):
            if spans[first][0] not in starts:
                yield _span(document, first, last), _PERSON, 0.6
        elif last - first == 1 and first and words[first - 1] in _PLACE_BEFORE and name[1:].islower():
            yield _span(document, first, last), _LOCATION, 0.5


def _bare(name: str) -> str:
    return name.removesuffix("'s").removesuffix("’s")


def _is_surname(word: str) -> bool:
    known = (names.PLACES, names.ORGANIZATIONS, names.ORGANIZATION_ENDS, names.PLACE_ENDS)
    return len(word) > 2 and word[1:].islower() and not any(word in group for group in known)


def _span(document: Document, first: int, last: int) -> Span:
    """Return the span of the words from `first` to before `last`, without a possessive 's."""
    begin, end = document.words[first][0], document.words[last - 1][1]
    return (begin, end - 2) if document.text[end - 2 : end] in {"'s", "’s"} else (begin, end)


def _runs(document: Document, starts: set[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of capitalized words as (first, last + 1). Words like "of" and "de" are allowed inside a run only."""
    text, words, spans = document.text, document.word_texts, document.words
    stops = stop_words("en")
    shouting = document.letters > 20 and sum(map(str.isupper, text)) > 0.6 * document.letters
    if shouting:
        return
    at, total = 0, len(words)
    while at < total:
        word = words[at]
        if not word[0].isupper() or _bare(word) in names.NO_NAMES or (word.lower() in stops and spans[at][0] in starts):
            at += 1
            continue
        if word.lower() in stops and not (at + 1 < total and words[at + 1][:1].isupper()) and word not in names.PLACES:
            at += 1
            continue
        last = at + 1
        while (
            last < total
            and last - at < LONGEST_NAME
            and _joined(text[spans[last - 1][1] : spans[last][0]], words[last - 1])
        ):
            if words[last][0].isupper() and _bare(words[last]) not in names.NO_NAMES:
                last += 1
            elif (
                words[last] in _INNER
                and last + 1 < total
                and words[last + 1][0].isupper()
                and text[spans[last][1] : spans[last + 1][0]] == " "
                and (words[last] not in _LINKS or words[last - 1] in _HEADS)
            ):
                last += 2
            else:
                break
        yield at, last
        at = last


def _joined(gap: str, before: str) -> bool:
    return (
        gap == " " or (gap == ". " and (len(before) == 1 or before in names.TITLES or before == "St")) or gap == " & "
    )


def _classify(words: list[str], first: int, last: int) -> tuple[int, int, TextEntityType, float] | None:
    """Return a name's words, type and score from a run of capitalized words. None if no rule applies."""
    while last - first > 1 and words[first].rstrip(".") in names.TITLES:
        first += 1
        if words[first] not in _INNER and not words[first].isupper():
            return first, last, _PERSON, 0.95
    bare = [_bare(word) for word in words[first:last]]
    whole, size = " ".join(bare), last - first
    before = words[first - 1] if first else ""
    after = words[last] if last < len(words) else ""
    if before.rstrip(".") in names.TITLES and size <= 3:
        return first, last, _PERSON, 0.95
    if whole in names.ORGANIZATIONS:
        return first, last, _ORGANIZATION, 0.9
    if whole in names.PLACES:
        return first, last, _LOCATION, 0.9
    if size > 1 and bare[-1] in names.ORGANIZATION_ENDS:
        return first, last, _ORGANIZATION, 0.65
    if size > 2 and bare[0] in names.ORGANIZATION_STARTS and bare[1] == "of":
        return first, last, _ORGANIZATION, 0.65
    if (size > 1 and bare[-1] in names.PLACE_ENDS) or (size == 2 and bare[0] in names.PLACE_STARTS):
        return first, last, _LOCATION, 0.45
    if 2 <= size <= 4 and bare[0] in names.GIVEN_NAMES and bare[1] not in {"of", "and"}:
        return first, last, _PERSON, 0.95
    if size == 2 and (after in names.SPEECH or before in names.SPEECH):
        return first, last, _PERSON, 0.8
    if 2 <= size <= 3 and len(bare[0]) == 1 and len(bare[-1]) > 2:
        return first, last, _PERSON, 0.8
    if size == 1 and whole in names.GIVEN_NAMES and len(whole) > 2:
        return first, last, _PERSON, 0.6
    return None
