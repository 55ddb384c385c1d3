"""What is known of a language's words: the ones that carry no content, and what a word's stem is.

Stop words are those of stopwords-iso (57 languages, MIT); stems are Snowball's (Porter, 2001).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

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
    """The language's stop words, lower case; empty where there is no list of them (ISO 639-1 code)."""
    import stopwordsiso

    words = stopwordsiso.stopwords("no" if language in _NORWEGIAN else language)
    return frozenset(words) | {word.replace("'", "’") for word in words if "'" in word}


# Nouns and adjectives of stopwords-iso's English list that name things in real key phrases.
_CONTENT = word_set(
    "system systems information research computer problem problems value values states state width index microsoft "
    "netscape world website webpage homepage rooms room group groups member members areas area invention goods section "
    "point points number numbers order orders low high young early general thick novel small large long old interest "
    "side sides face faces"
)
# Verbs and nouns of reporting that the list lacks: they stand beside key phrases, seldom in them.
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
    """The words at which a candidate phrase ends: stop words, for English put right by two short lists."""
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
    """The stem of a lower-case word; the word itself where the language has no stemmer, or it is over 40 characters."""
    return _stem(language, word) if len(word) <= 40 else word
