"""Entities found by pattern, in any language: dates, times, amounts, addresses, numbers.

Each pattern starts with a required character and repeats only bounded pieces. A search therefore takes time linear in
the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from functools import lru_cache
from ipaddress import ip_address

from .results import TextEntityType
from .tokens import Span

Found = tuple[Span, TextEntityType, float]

_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug"
    "|Sept|Sep|Oct|Nov|Dec|Januar|Jänner|Februar|März|Mai|Juni|Juli|Oktober|Dezember|janvier|février|mars|avril|juin"
    "|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre"
    "|octubre|noviembre|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|novembre|dicembre"
    "|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro|januari|februari|maart|mei|augustus"
    "|января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_WEEKDAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_NOON = r"(?:[apAP]\.[mM]\.|[apAP][mM]\b)"
_NUMBER = r"\d{1,15}(?:[.,\u00a0 ]\d{3}){0,5}(?:[.,]\d{1,9})?"
_SCALE = (
    r"(?:\s?(?:thousand|million|billion|trillion|mn|bn|Mio\.?|Mrd\.?|millions?|milliards?|millones|[kKMB](?![\w])))?"
)
_CURRENCY = r"US\$|A\$|C\$|HK\$|[$€£¥₹₽₩₺₴₿]"
_CURRENCY_WORDS = (
    r"dollars?|euros?|pounds?|sterling|yen|yuan|rupees?|rubles?|roubles?|francs?|marks|pesos?|cents?|pence"
    r"|USD|EUR|GBP|JPY|CHF|CNY|RUB|INR|CAD|AUD|€|£|\$|₽|zł|Kč|kr\b"
)
_PERCENT = r"percent\b|per cent\b|Prozent\b|pour cent\b|por ciento\b|процент\w{0,3}"
_UNITS = (
    r"km/h|mph|km²|m²|m³|kilometers?|kilometres?|kilograms?|kilogrammes?|kilos?|centimeters?|centimetres?|millimeters?"
    r"|millimetres?|meters?|metres?|miles?|inches|inch|feet|foot|yards?|acres?|hectares?|grams?|tonnes?|tons?|ounces?|lbs?"
    r"|liters?|litres?|gallons?|barrels?|degrees|°[CF]|°|hours?|hrs?|minutes?|mins?|seconds?|secs?|days?|weeks?|months?"
    r"|years?|watts?|kWh|kW|MW|GW|volts?|GHz|MHz|kHz|Hz|TB|GB|MB|KB|kB|bytes?|px|pixels?|km|kg|cm|mm|mg|ml|ft|oz"
)

# Not the marks of Markdown and HTML behind an address.
_INSIDE = r"(?!\]\(|\*\*|&(?:quot|lt|gt|nbsp);)"

_SOURCES: tuple[tuple[TextEntityType, float, str, int], ...] = (
    (TextEntityType.EMAIL, 0.99, r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-zA-Z0-9-]{1,63}\.){1,8}[a-zA-Z]{2,24}\b", 0),
    (TextEntityType.URL, 0.99, rf"\b(?:https?://|www\.)(?:{_INSIDE}[^\s<>\"'`“”«»]){{1,2000}}", re.IGNORECASE),
    (
        TextEntityType.URL,
        0.9,
        (
            r"(?<![\w@.-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|net|edu|gov|info|io|co\.uk|de|fr|eu)\b"
            rf"(?:/(?:{_INSIDE}[^\s<>\"'`]){{0,500}})?(?![\w@])"
        ),
        re.IGNORECASE,
    ),
    (
        TextEntityType.IP_ADDRESS,
        0.97,
        (
            r"(?<![\w:.])[0-9a-fA-F]{0,4}:(?:[0-9a-fA-F:]{1,30}:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F:]{1,34})"
            r"(?:%[a-zA-Z0-9]{1,15})?(?![\w:])"
        ),
        0,
    ),
    (TextEntityType.IP_ADDRESS, 0.97, rf"(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\d.]\d|\d)", 0),
    (TextEntityType.DATE, 0.97, r"(?<![\d-])(?:1\d|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![\d-])", 0),
    (TextEntityType.DATE, 0.9, rf"(?<![\d./]){_DAY}[./]{_DAY}[./](?:1[89]|20)?\d\d(?![\d/]|\.\d)", 0),
    (
        TextEntityType.DATE,
        0.95,
(
        rf"(?:\b(?:{_WEEKDAYS}),? )?(?<![\d.])\b{_DAY}(?:st|nd|rd|th|er|\.|º)?(?: of| de)? "
        rf"(?:{_MONTHS})\b\.?(?:,?(?: de)? \d{{4}}\b)?"
),
        0,
    ),
    (
        TextEntityType.DATE,
        0.95,
        rf"(?:\b(?:{_WEEKDAYS}),? )?\b(?:{_MONTHS})\b\.? {_DAY}(?:st|nd|rd|th)?\b(?![.,]?\d|:)(?:,? \d{{4}}\b)?",
        0,
    ),
    (TextEntityType.DATE, 0.92, rf"\b(?:{_MONTHS})\b\.?,?(?: of| de)? (?:1[5-9]|20)\d\d\b", 0),
    (TextEntityType.DATE, 0.85, rf"\b(?:{_WEEKDAYS}|January|February|September|October|November|December)\b", 0),
    (TextEntityType.DATE, 0.8, r"(?<![\d.,$€£-])\b(?:1[6-9]|20)\d\d\b(?![\d%]|[.,]\d|-\d)", 0),
    (TextEntityType.TIME, 0.95, rf"(?<![\d:.])\b(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s?{_NOON})?(?![\d:])", 0),
    (TextEntityType.TIME, 0.93, rf"(?<![\d:.])\b(?:1[0-2]|0?[1-9])\s?(?:{_NOON}|o'clock\b|Uhr\b)", 0),
    (TextEntityType.MONEY, 0.97, rf"(?:{_CURRENCY})\s?{_NUMBER}{_SCALE}", 0),
    (TextEntityType.MONEY, 0.95, rf"(?<![\d.,])\b{_NUMBER}{_SCALE}\s?(?:{_CURRENCY_WORDS})(?!\w)", 0),
    (TextEntityType.PERCENT, 0.98, rf"(?<![\d.,]){_NUMBER}\s?(?:%|{_PERCENT})", 0),
    (TextEntityType.PHONE, 0.85, r"(?<![\w+.-])\+\d{1,3}(?:[ .\-]?\(?\d{1,4}\)?){2,6}(?![\w-])", 0),
    (
        TextEntityType.PHONE,
        0.85,
        r"(?<![\w+.-])(?:\(\d{2,5}\)[ .-]?|\d{3}[-.])\d{3}[-. ]\d{3,4}(?:\s?(?:x|ext\.?)\s?\d{1,6})?(?![\w-])",
        0,
    ),
    (TextEntityType.PHONE, 0.8, r"(?<![\w+.,-])0\d{1,4}(?:[ .-]\d{2,4}){2,4}(?![\w-])", 0),
    (TextEntityType.PHONE, 0.8, r"(?<![\w+.,-])\d{2}(?:-\d{2}){3,4}(?![\w-])", 0),
    (TextEntityType.QUANTITY, 0.9, rf"(?<![\w.,$€£]){_NUMBER}{_SCALE}[ \-\u00a0]?(?:{_UNITS})(?![\w])", 0),
    (TextEntityType.HANDLE, 0.95, r"(?<![\w@/.])@[A-Za-z0-9_]{2,30}\b(?!@)", 0),
    (TextEntityType.HASHTAG, 0.97, r"(?<![\w&/#])#(?=[^\W\d])\w{2,100}", 0),
)  # fmt: skip
ADDRESSES = frozenset({TextEntityType.EMAIL, TextEntityType.URL, TextEntityType.IP_ADDRESS})
_TRAILING = ".,;:!?'\"…"
_OPENING = {")": "(", "]": "["}
_NEEDED = {TextEntityType.EMAIL: "@", TextEntityType.HANDLE: "@", TextEntityType.HASHTAG: "#", TextEntityType.URL: "."}
_DIGIT = re.compile(r"\d")


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[TextEntityType, float, re.Pattern[str], bool]]:
    """Return the patterns, each with whether it needs a digit."""
    wordy = {TextEntityType.EMAIL, TextEntityType.HANDLE, TextEntityType.HASHTAG, TextEntityType.URL}
    return [
        (kind, score, re.compile(source, flags), kind not in wordy and not source.endswith(r"November|December)\b"))
        for kind, score, source, flags in _SOURCES
    ]


def warm() -> None:
    """Compile the patterns."""
    _patterns()


def find(text: str, only: Container[TextEntityType] = frozenset(TextEntityType)) -> Iterator[Found]:
    """Yield all matches, pattern by pattern. Matches of an earlier pattern take precedence."""
    digits = _DIGIT.search(text) is not None
    for kind, score, pattern, numeric in _patterns():
        if kind not in only or (numeric and not digits) or _NEEDED.get(kind, "") not in text:
            continue
        for match in pattern.finditer(text):
            begin, end = match.span()
            if kind is TextEntityType.URL:
                end = begin + _url_length(match.group())
            elif kind is TextEntityType.IP_ADDRESS:
                end = begin + _address_length(match.group())
            elif kind is TextEntityType.PHONE and not 7 <= sum(map(str.isdigit, match.group())) <= 15:
                continue
            if end > begin:
                yield (begin, end), kind, score


def _url_length(piece: str) -> int:
    """Return the length of a web address without marks around it. It keeps a bracket that it has opened."""
    while piece:
        last = piece[-1]
        if last in _OPENING:
            if piece.count(last) <= piece.count(_OPENING[last]):
                break
        elif last not in _TRAILING and last != "}":
            break
        piece = piece[:-1]
    return len(piece)


def _address_length(piece: str) -> int:
    """Return the length of a valid IP address, 0 for another piece. "::" and addresses without a digit are code."""
    piece = piece.rstrip(":") if not piece.endswith("::") else piece
    try:
        ip_address(piece)
    except ValueError:
        return 0
    return len(piece) if _DIGIT.search(piece) else 0
