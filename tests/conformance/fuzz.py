# /// script
# requires-python = ">=3.11"
# dependencies = ["schemathesis==4.32.5"]
# ///
"""Send generated operations to a server with schemathesis. The server may refuse them, but must not fail.

    uv run --script fuzz.py http://HOST:PORT/graphql [EXAMPLES [SEED]]

EXAMPLES operations are generated for each field of Query and Mutation. The script first submits a batch, so that some
of the generated ids and cursors exist. It has its own environment (locked in fuzz.py.lock), so that the pytest plug-in
of schemathesis is not loaded by the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from schemathesis import graphql

REAL = json.loads(os.environ.get("ASSAY_FUZZ_REAL", '{"ids": [], "cursors": []}'))

nodes = graphql.nodes
text = st.text(st.characters(exclude_categories=["Cs"]))


def known(kind: str) -> list[st.SearchStrategy[Any]]:
    return [st.sampled_from(REAL[kind])] * 3 if REAL[kind] else []


# About half of the values are within the bounds of the schema's descriptions, so that operations pass the first check.
graphql.scalar("ID", st.one_of(*known("ids"), text).map(nodes.String))
graphql.scalar("String", st.one_of(*known("cursors")[:1], st.just("text"), text).map(nodes.String))
graphql.scalar(
    "Int", st.one_of(st.integers(-1, 11), st.integers(1, 100), st.integers(-(2**31), 2**31 - 1)).map(nodes.Int)
)
# No values that let a request wait for long.
floats = st.one_of(st.floats(0, 0.1), st.floats(61, 1e300), st.floats(-1e300, 0))
graphql.scalar("Float", floats.map(nodes.Float))
graphql.scalar("DateTime", st.datetimes().map(lambda t: nodes.String(f"{t.isoformat(timespec='milliseconds')}Z")))
graphql.scalar("BigInt", st.integers(-(2**53) + 1, 2**53 - 1).map(nodes.Int))
graphql.scalar("JSON", st.one_of(text.map(nodes.String), st.booleans().map(nodes.Boolean)))

SUBMIT = """
mutation Submit($items: [BatchItem!]!) {
  batchProcess(input: {items: $items, waitSeconds: 30}) {
    batch { id results(first: 20) { edges { cursor node { id } } } events(first: 20) { edges { cursor } } }
  }
  submitAnalysis(input: {request: {text: {text: "Alone."}}, waitSeconds: 30}) { analysis { id analyzer { id } } }
}
"""


def submit(url: str) -> dict[str, list[str]]:
    """Submit a batch and an analysis. Returns their ids and cursors."""
    items = [{"request": {"text": {"text": f"Text number {number}."}}} for number in range(10)]
    body = json.dumps({"query": SUBMIT, "variables": {"items": items}}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        data = json.load(answer)["data"]
    batch, analysis = data["batchProcess"]["batch"], data["submitAnalysis"]["analysis"]
    results, events = batch["results"]["edges"], batch["events"]["edges"]
    ids = [batch["id"], analysis["id"], analysis["analyzer"]["id"], *(edge["node"]["id"] for edge in results)]
    return {"ids": ids, "cursors": [edge["cursor"] for edge in (*results, *events)]}


def main(url: str, examples: str = "10", seed: str = "1") -> int:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        url,
        f"--max-examples={examples}",
        f"--seed={seed}",
        # The server correctly refuses many valid values for reasons outside the schema, for example unknown ids.
        "--exclude-checks=positive_data_acceptance",
        "--generation-database=none",
        "--suppress-health-check=all",
        "--request-timeout=30",
        "--continue-on-failure",
        "--no-color",
    ]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "fuzz",
        "PYTHONPATH": str(Path(__file__).parent),
        "ASSAY_FUZZ_REAL": json.dumps(submit(url)),
    }
    with tempfile.TemporaryDirectory() as folder:  # schemathesis writes its findings to the working folder
        return subprocess.run(command, env=environment, cwd=folder).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
