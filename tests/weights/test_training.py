"""The training of the text analyzer's weights, on a small sample in the formats of the public data sets."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzers.text import learnt_names, learnt_sentiment
from analyzers.text.learnt_names import CLASSES, Segment
from weights import corpora, names, sentiment
from weights.corpora import SETS, Corpora, Unavailable, named_mentions, tagged, treebank

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "analyzers" / "text.md").read_text(encoding="utf-8")

GOOD, BAD = "a splendid meal", "a dreadful meal"
RATINGS = "".join(f"{i}\t{3.0 if i % 2 else -3.0}\t{GOOD if i % 2 else BAD}\n" for i in range(8))
EMOTIONS = f"{GOOD} , [PERSON]\t5, 8\n{BAD}\t1\na surprise\t7\n"
NEUTRAL = "9\ta meal\n9\ta table\n"
TWEETS = "\n".join(
    f"{who}\tB-PER\nvisited\tO\n{where}\tB-LOC\n.\tO\n"
    for who, where in zip(("Quillon", "Bramwen", "Tasker"), ("Zembla", "Ruritania", "Laputa"), strict=True)
    for _ in range(4)
)
MENTION = "Entity=(1-person-new-sssss-cf1-1-coref"
TREE = f"""# newdoc id = GUM_news_sample
# newpar
# sent_id = 1
1\tPresident\tPresident\tPROPN\tNNP\t_\t3\tnsubj\t_\t{MENTION.replace("-1-coref", "-2-coref")}
2\tQuillon\tQuillon\tPROPN\tNNP\t_\t1\tflat\t_\tEntity=1)
3\tsaw\tsee\tVERB\tVBD\t_\t0\troot\t_\t_
4\tBram\tBram\tPROPN\tNNP\t_\t3\tobj\t_\tEntity=(2-place-new-sssss-cf2-1-sgl
5\tof\tof\tADP\tIN\t_\t6\tcase\t_\t_
6\tZembla\tZembla\tPROPN\tNNP\t_\t4\tnmod\t_\tEntity=(3-place-new-sssss-cf3-1-sgl)2)|SpaceAfter=No
7\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_
# newpar
# sent_id = 2
1-2\tdel\t_\t_\t_\t_\t_\t_\t_\t_
1\tde\tde\tADP\tIN\t_\t3\tcase\t_\t_
2\tel\tel\tDET\tDT\t_\t3\tdet\t_\t_
2.1\tnone\tnone\tVERB\tVB\t_\t_\t_\t_\t_
3\tend\tend\tNOUN\tNN\t_\t0\troot\t_\t_
"""


def packed(name: str, content: str) -> bytes:
    """Return a tar archive with one file."""
    with io.BytesIO() as made:
        with tarfile.open(fileobj=made, mode="w:gz") as files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            files.addfile(entry, io.BytesIO(content.encode()))
        return made.getvalue()


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small sample of each training set."""
    files = {
        "vader": {
            "additional_resources/hutto_ICWSM_2014.tar.gz": packed("hutto_ICWSM_2014/s_GroundTruth.txt", RATINGS)
        },
        "xed": {"AnnotatedData/en-annotated.tsv": EMOTIONS.encode(), "AnnotatedData/neu_en.txt": NEUTRAL.encode()},
        "gum": {"dep/GUM_news_sample.conllu": TREE.encode()},
        "broad-twitter": {"a.conll": TWEETS.encode()},
        "wnut17": {"wnut17train.conll": TWEETS.replace("PER", "person").replace("LOC", "location").encode()},
    }
    sets: dict[str, Any] = {}
    for name, contents in files.items():
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
        sets[name] = {"repository": f"owner/{name}", "revision": "0123456789", "files": digests}
        for path, content in contents.items():
            place = tmp_path / "data" / f"owner+{name}" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    monkeypatch.setattr(corpora, "SETS", sets)
    monkeypatch.setattr(sentiment, "RATED", ("s",))
    return tmp_path / "data"


def trained(monkeypatch: pytest.MonkeyPatch, module: Any, folder: Path, output: Path) -> bytes:
    monkeypatch.setattr(sys, "argv", ["train", "--data", str(folder), "--output", str(output)])
    module.main()
    return output.read_bytes()


def test_sentiment_is_trained_to_the_same_bytes(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = trained(monkeypatch, sentiment, sample, tmp_path / "one.bin")
    assert content == trained(monkeypatch, sentiment, sample, tmp_path / "two.bin")
    weights = learnt_sentiment.unpacked(content)
    monkeypatch.setattr(learnt_sentiment, "_weights", lambda: weights)
    assert learnt_sentiment.learnt_score(["splendid", "meal"]) > 1
    assert learnt_sentiment.learnt_score(["dreadful", "meal"]) < -1
    assert abs(learnt_sentiment.learnt_score(["meal"])) < 0.5
    assert learnt_sentiment.learnt_score(["unread"]) == 0
    assert [one.target for one in sentiment.subtitles(Corpora(sample))] == [2.5, -2.5, 0, 0]  # surprise has no sign


def test_the_judge_of_names_is_trained_to_the_same_bytes(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = trained(monkeypatch, names, sample, tmp_path / "one.bin")
    assert content == trained(monkeypatch, names, sample, tmp_path / "two.bin")
    weights = learnt_names.unpacked(content)
    monkeypatch.setattr(learnt_names, "_sum", lambda keys: learnt_names.sums(keys, weights))
    for cached in (learnt_names._word_sums, learnt_names._phrase_sums, learnt_names._mark_sums):
        cached.cache_clear()
    marks = ("gap before \n", "starts run", "gap after ", "ends run")
    person = learnt_names.probabilities(Segment(("Ottoline",), ("", ""), ("visited", "Laputa"), marks))
    place = learnt_names.probabilities(
        Segment(
            ("Balnibarbi",), ("Tasker", "visited"), ("", ""), ("gap before ", "starts run", "gap after .", "ends run")
        )
    )
    for cached in (learnt_names._word_sums, learnt_names._phrase_sums, learnt_names._mark_sums):
        cached.cache_clear()
    kinds = [CLASSES[max(range(4), key=chances.__getitem__)] for chances in (person, place)]
    assert [kind.value if kind else None for kind in kinds] == ["PERSON", "LOCATION"]


def test_a_treebank_gives_names_without_titles_and_texts_with_paragraphs() -> None:
    ((text, sentences),) = treebank(TREE)
    assert text == "President Quillon saw Bram of Zembla. \n\ndel end".replace(" \n", "\n")
    found = named_mentions(text, sentences, frozenset({"President"}))
    assert {text[begin:end]: kind for (begin, end), kind in found.items()} == {
        "Quillon": "PERSON",
        "Bram of Zembla": "LOCATION",
        "Zembla": "LOCATION",
    }


def test_tagged_words_become_texts_by_document_or_by_sentence() -> None:
    assert list(tagged("A\tB-PER\nB\tI-PER\n,\tO\n\nC\tB-product\n")) == [
        ("A B,", {(0, 3): "PERSON"}),
        ("C", {(0, 1): "OTHER"}),
    ]
    marked = "-DOCSTART- -X- O\n\nA NNP I-LOC\n\nB NNP O\n-DOCSTART- -X- O\n\nC NNP I-ORG\n"
    assert list(tagged(marked)) == [("A\nB", {(0, 1): "LOCATION"}), ("C", {(0, 1): "ORGANIZATION"})]


@pytest.fixture
def mirror(sample: Path) -> Iterator[str]:
    """A server with the sample's files under the addresses of GitHub."""
    for place in list(sample.iterdir()):
        owner, name = place.name.split("+")
        (sample / owner / name).mkdir(parents=True)
        place.rename(sample / owner / name / "0123456789")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(sample))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_data_set_is_downloaded_and_checked(mirror: str, sample: Path) -> None:
    loaded = Corpora(source=mirror)
    assert list(loaded.texts("gum")) == [TREE]
    (sample / "owner" / "gum" / "0123456789" / "dep" / "GUM_news_sample.conllu").write_text("changed")
    with pytest.raises(Unavailable, match="has another SHA-256 than owner/gum at 0123456"):
        list(loaded.texts("gum"))
    (sample / "owner" / "wnut17" / "0123456789" / "wnut17train.conll").unlink()
    with pytest.raises(Unavailable, match="can't be read: HTTP Error 404"):
        list(loaded.texts("wnut17"))


@pytest.mark.parametrize("module", ["weights.names", "weights.sentiment"])
def test_without_its_data_a_training_ends_with_one_line(module: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", module, "--data", str(tmp_path), "--output", str(tmp_path / "out")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert re.fullmatch(r"/\S+ can't be read: \[Errno 2\].*\n", ended.stderr)
    assert not (tmp_path / "out").exists()


def test_the_document_names_the_shipped_weights_and_each_data_set() -> None:
    shipped = [learnt_sentiment.WEIGHTS, learnt_names.WEIGHTS]
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in shipped]
    for name, one in SETS.items():
        assert one["files"], name
        expected += [
            one["repository"],
            one["revision"],
            *(list(one["files"].values()) if len(one["files"]) < 9 else []),
        ]
    assert [value for value in expected if value not in DOCUMENT] == []
