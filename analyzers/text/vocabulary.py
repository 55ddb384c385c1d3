"""Stop words and stems of languages.

Stop words are from stopwords-iso (57 languages, MIT), stems from Snowball (Porter, 2001).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from .view import fold
from .wordsets import word_set

_NORWEGIAN = frozenset({"nb", "nn", "no"})
_SNOWBALL = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "cs": "czech", "da": "danish", "nl": "dutch",
    "en": "english", "eo": "esperanto", "et": "estonian", "fi": "finnish", "fr": "french", "de": "german",
    "el": "greek", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "ga": "irish", "it": "italian",
    "lt": "lithuanian", "ne": "nepali", "no": "norwegian", "fa": "persian", "pl": "polish", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "es": "spanish", "sv": "swedish", "ta": "tamil",
    "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


@lru_cache(maxsize=64)
def stop_words(language: str) -> frozenset[str]:
    """Return the stop words of a language (ISO 639-1 code), folded and in lower case. Empty if there is no list."""
    import stopwordsiso

    words = stopwordsiso.stopwords("no" if language in _NORWEGIAN else language)
    return frozenset(word if word.isascii() else fold(word) for word in words)


# Nouns and adjectives of stopwords-iso's English list that occur in good key phrases.
_CONTENT = word_set(
    "system systems information research computer problem problems value values states state width index microsoft "
    "netscape world website webpage homepage rooms room group groups member members areas area invention goods section "
    "point points number numbers order orders low high young early general thick novel small large long old interest "
    "side sides face faces"
)
# Reporting verbs and nouns missing from the list: they occur beside key phrases, rarely in them.
_REPORTING = word_set(
    "based using used uses use achieve achieved achieves provide provides provided propose proposed proposes show "
    "shows shown present presents presented study studied develop developed discuss discussed examine examined "
    "investigate investigated combine combined collected introduce introduced compare compared apply applied extend "
    "extended establish established employ employed demonstrate demonstrated consider considered include includes "
    "including included require requires required allow allows enable enables lead leads derive derived obtain "
    "obtained prove proved proven improve improved increase increases reduce reduces reduced perform performed "
    "describe describes described exist exists assuming say says said told tell make makes made simple effective "
    "main effects effect paper method methods approach approaches "
)


@lru_cache(maxsize=64)
def content_free(language: str) -> frozenset[str]:
    """Return the words that end a candidate phrase: stop words, corrected for English by two short lists."""
    words = stop_words(language)
    return (words - _CONTENT) | _REPORTING if language == "en" else words


@lru_cache(maxsize=64)
def _stemmer(language: str) -> Any:
    import snowballstemmer

    name = _SNOWBALL.get("no" if language in _NORWEGIAN else language)
    return snowballstemmer.stemmer(name) if name in snowballstemmer.algorithms() else None


@lru_cache(maxsize=50_000)
def _stem(language: str, word: str) -> str:
    stemmer = _stemmer(language)
    return str(stemmer.stemWord(word)) if stemmer else word


def stem(language: str, word: str) -> str:
    """Return a lower-case word's stem, or the word if the language has no stemmer or the word is over 40 characters."""
    return _stem(language, word) if len(word) <= 40 else word
