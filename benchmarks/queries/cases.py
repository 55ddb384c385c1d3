"""The cases: operations, equal for all GraphQL servers, and the requests of the hand-written endpoint."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks.texts import TEXTS

FIELDS = """id status priority attempt maxAttempts createdAt startedAt finishedAt processingTimeMs result {
  score tags summary
  ... on TextResult { language { code name score } sentiment { label score } keywords { text score count } }
}"""
ONE = f"query One($id: ID!) {{ analysis(id: $id) {{ {FIELDS} }} }}"
PAGE = (
    f"query Page($first: Int!, $after: String) {{ analyses(first: $first, after: $after) {{ nodes {{ {FIELDS} }} }} }}"
)
SUBMIT = """mutation Submit($input: SubmitAnalysisInput!) {
  submitAnalysis(input: $input) { analysis { id status createdAt } userErrors { code message } }
}"""
BATCH = """mutation Batch($input: BatchProcessInput!) {
  batchProcess(input: $input) { batch { id status totalItems } userErrors { code message } }
}"""
CURSORS = """query Cursors($after: String) {
  analyses(first: 1000, after: $after) { edges { cursor node { id } } }
}"""


class Place(NamedTuple):
    """A place in the list of analyses: the id of a row, and Assay's cursor of it."""

    id: str
    cursor: str


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table. `assay`, `plain` and `peer` make the requests of the three kinds of server."""

    name: str
    connections: int
    assay: Callable[[], Iterator[bytes]]
    plain: Callable[[], Iterator[bytes]]
    peer: Callable[[], Iterator[bytes]]
    writes: bool = False


def _post(path: str, body: Any) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(data)}\r\n\r\n".encode() + data


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n\r\n".encode()


def graphql(query: str, **variables: Any) -> bytes:
    """Return the request of a GraphQL operation."""
    return _post("/graphql", {"query": query, "variables": variables})


def cases(places: Sequence[Place], items: int) -> list[Case]:
    """Return all cases, the reads first.

    `places` are those of the stored analyses, and `items` is the number of texts in the largest mutation. Every server
    gets the same requests in the same order. Only the cached page repeats one.
    """
    order = random.Random(1).sample(places, len(places))

    def each(request: Callable[[Place], bytes]) -> Callable[[], Iterator[bytes]]:
        return lambda: map(request, itertools.cycle(order))

    def same(request: bytes) -> Callable[[], Iterator[bytes]]:
        return lambda: itertools.repeat(request)

    def page(size: int) -> Case:
        return Case(
            f"page of {size}",
            16,
            each(lambda place: graphql(PAGE, first=size, after=place.cursor)),
            each(lambda place: _get(f"/analyses?first={size}&after={place.id}")),
            each(lambda place: graphql(PAGE, first=size, after=place.id)),
        )

    def submitted(request: Callable[[str], bytes]) -> Callable[[], Iterator[bytes]]:
        return lambda: map(request, itertools.cycle(TEXTS))

    many = [TEXTS[number % len(TEXTS)] for number in range(items)]
    batch = graphql(BATCH, input={"items": [{"request": {"text": {"text": text}}} for text in many]})
    one = submitted(lambda text: graphql(SUBMIT, input={"request": {"text": {"text": text}}}))
    by_id = each(lambda place: graphql(ONE, id=place.id))
    newest = graphql(PAGE, first=20)
    return [
        Case("by id", 16, by_id, each(lambda place: _get(f"/analyses/{place.id}")), by_id),
        page(20),
        page(100),
        Case("cached page", 16, same(newest), same(_get("/analyses?first=20")), same(newest)),
        Case("submit one", 16, one, submitted(lambda text: _post("/analyses", {"text": text})), one, writes=True),
        Case(f"{items:,} in one", 2, same(batch), same(_post("/batches", {"texts": many})), same(batch), writes=True),
    ]
