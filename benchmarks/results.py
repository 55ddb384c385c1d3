"""CPU time to read one stored result and to write one, by pydantic and by msgspec, in turns.

    python -m benchmarks.results [--rounds 9]

`usual` is the mean of 20 results of short texts, `long` the result of a text of 100,000 characters. `selected` decodes
four fields and skips the rest without a check: a server can't use it, because it also accepts results that pydantic
refuses. `written` is the field `data`. `stored JSON` is an input of 200 KB.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from statistics import median
from time import process_time
from typing import Any

import msgspec
import orjson

from analyzers.registry import load_registry
from analyzers.text import ANALYZER
from benchmarks.texts import TEXTS, _Silent
from resolvers.decoders import as_json, decoder_of, stored_json

SLICE_SECONDS = 0.1
"""CPU time of one measurement."""


class Language(msgspec.Struct):
    """A part of a selection."""

    code: str


class Selected(msgspec.Struct):
    """The selection of `benchmarks.compiled`."""

    score: float | None
    tags: list[str]
    summary: str
    language: Language | None


def stored(texts: list[str]) -> list[str]:
    """Return the results of texts as they are stored."""
    requests = (ANALYZER.request(text=text) for text in texts)
    return [ANALYZER.run(request, _Silent()).model_dump_json(by_alias=True) for request in requests]


def microseconds(call: Callable[[str], Any], texts: list[str]) -> float:
    """Return the CPU time of a call."""
    calls, began = 0, process_time()
    while (passed := process_time() - began) < SLICE_SECONDS:
        for text in texts:
            call(text)
        calls += len(texts)
    return passed / calls * 1e6


def compare(name: str, ways: Mapping[str, Callable[[str], Any]], texts: list[str], rounds: int) -> None:
    """Measure in turns, and print a line for each way; the first way is 1."""
    figures: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, call in ways.items():
            figures[way].append(microseconds(call, texts))
    first = next(iter(figures.values()))
    size = sum(map(len, texts)) // len(texts)
    for way, found in figures.items():
        ratio = median(a / b for a, b in zip(first, found, strict=True))
        print(f"{name:14}{size:10,}  {way:22}{median(found):10.2f}{ratio:8.1f}")


def main(rounds: int) -> None:
    """Print the table."""
    load_registry(built_in=True)
    if ANALYZER.prepare is not None:
        ANALYZER.prepare()
    model, decode = ANALYZER.result, decoder_of(ANALYZER.result)
    selected = msgspec.json.Decoder(Selected).decode
    print(f"{'':14}{'bytes':>10}  {'':22}{'CPU µs':>10}{'ratio':>8}")
    for name, texts in {"usual": stored(TEXTS[:20]), "long": stored([" ".join(TEXTS)[:100_000]])}.items():
        read: dict[str, Callable[[str], Any]]
        read = {"pydantic": model.model_validate_json, "orjson": orjson.loads, "decoder": decode, "selected": selected}
        compare(f"{name}, read", read, texts, rounds)
        models = {text: model.model_validate_json(text) for text in texts}
        decoded: dict[str, Any] = {text: decode(text) for text in texts}

        def by_pydantic(text: str, models: Mapping[str, Any] = models) -> bytes:
            return orjson.dumps(models[text].model_dump(mode="json", by_alias=True, warnings=False))

        def by_decoder(text: str, decoded: Mapping[str, Any] = decoded) -> bytes:
            return orjson.dumps(as_json(decoded[text]))

        compare(f"{name}, written", {"pydantic": by_pydantic, "decoder": by_decoder}, texts, rounds)
    item = {"name": "an item", "values": [1.5, None, True, 12345], "more": {"text": "é" * 20}}
    for name, items in (("options", 1), ("stored JSON", 2400)):
        text = orjson.dumps([item] * items).decode()
        ways = {
            "loads and dumps": lambda text: orjson.dumps(orjson.loads(text)),
            "checked text": lambda text: orjson.dumps(stored_json(text)),
            "text without a check": lambda text: orjson.dumps(orjson.Fragment(text)),
        }
        compare(name, ways, [text], rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    main(parser.parse_args().rounds)
