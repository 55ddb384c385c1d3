"""The GraphQL documents that the client sends. Selections are made from the types, so that both always match."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import Any, NamedTuple

from graphql import OperationDefinitionNode, OperationType, print_ast

from assay_client._base import Shape, fields, selection
from assay_client._transport import parsed
from assay_client.models import (
    EVENTS,
    Analysis,
    Analyzer,
    Batch,
    Event,
    Health,
    Metrics,
    UserError,
)

ERRORS = f"userErrors {selection(UserError)}"
PAGE_INFO = "pageInfo { hasNextPage endCursor }"


def of_events() -> str:
    """Return the selection set for events of all types."""
    every = fields(Event)
    own = {name: fields(type_).keys() - every.keys() for name, type_ in EVENTS.items()}
    times = Counter(field for names in own.values() for field in names)
    parts = list(every.values())
    for name, type_ in EVENTS.items():
        # Fields of one name must have one type in a response: names that several types share get an alias per type.
        texts = [
            f"{name}_{field}: {text}" if times[field] > 1 else text
            for field, text in fields(type_).items()
            if field in own[name]
        ]
        parts.append(f"... on {name} {{ {' '.join(texts)} }}")
    return f"{{ {' '.join(parts)} }}"


def event_fields(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an event with the schema's field names, without the aliases of `of_events`."""
    prefix = f"{answer['__typename']}_"
    return {name.removeprefix(prefix): value for name, value in answer.items()}


class Kind(NamedTuple):
    """The documents of a type that a client can wait for.

    `fixed`: the fields that never change, as names in the schema and in Python.
    """

    fixed: dict[str, str]
    get: str
    watch: str
    cancel: str
    retry: str
    delete: str


def kind(type_: type[Shape], fixed: dict[str, str]) -> Kind:
    """Build the documents of a type, whose class has the schema's name."""
    name, field = type_.__name__, type_.__name__.lower()
    whole = selection(type_)
    moving = " ".join(text for each, text in fields(type_).items() if each not in fixed)

    def mutation(verb: str, made: str) -> str:
        title = f"{verb.capitalize()}{name}"
        payload = f"payload: {verb}{name}(input: $input) {{ {made} {ERRORS} }}"
        return f"mutation {title}($input: {title}Input!) {{ {payload} }}"

    return Kind(
        fixed,
        get=f"query Get{name}($id: ID!) {{ thing: {field}(id: $id) {whole} }}",
        watch=f"subscription Watch{name}($id: ID!) {{ thing: {field}(id: $id) {{ {moving} }} }}",
        cancel=mutation("cancel", f"thing: {field} {whole}"),
        retry=mutation("retry", f"thing: {field} {whole}"),
        delete=mutation("delete", "deletedId"),
    )


KINDS: dict[type[Shape], Kind] = {
    Analysis: kind(Analysis, {"inputText": "input_text", "inputData": "input_data", "options": "options"}),
    Batch: kind(Batch, {}),
}

SUBMIT = f"""mutation SubmitAnalysis($input: SubmitAnalysisInput!) {{
  payload: submitAnalysis(input: $input) {{ analysis {selection(Analysis)} {ERRORS} }}
}}"""
SUBMIT_BATCH = f"""mutation SubmitBatch($input: BatchProcessInput!) {{
  payload: batchProcess(input: $input) {{ batch {selection(Batch)} {ERRORS} }}
}}"""
RESULTS = f"""query Results($id: ID!, $status: [AnalysisStatus!], $first: Int!, $after: String) {{
  batch(id: $id) {{
    page: results(status: $status, first: $first, after: $after) {{ nodes {selection(Analysis)} {PAGE_INFO} }}
  }}
}}"""
ANALYSES = f"""query Analyses($filter: AnalysisFilter, $first: Int!, $after: String) {{
  page: analyses(filter: $filter, first: $first, after: $after) {{ nodes {selection(Analysis)} {PAGE_INFO} }}
}}"""
BATCHES = f"""query Batches($status: [BatchStatus!], $first: Int!, $after: String) {{
  page: batches(filter: {{ status: $status }}, first: $first, after: $after) {{ nodes {selection(Batch)} {PAGE_INFO} }}
}}"""
PAST_EVENTS = f"""query PastEvents($filter: EventFilter, $first: Int!, $after: String) {{
  page: events(filter: $filter, first: $first, after: $after) {{ nodes {of_events()} {PAGE_INFO} }}
}}"""
FOLLOW = f"""subscription Follow($filter: EventFilter, $after: String) {{
  events(filter: $filter, after: $after) {of_events()}
}}"""
END_OF_EVENTS = "query EndOfEvents { eventsEnd }"
ANALYZERS = f"query Analyzers {{ analyzers {selection(Analyzer)} }}"
HEALTH = f"query Health {{ health {selection(Health)} }}"
METRICS = f"query Metrics {{ metrics {selection(Metrics)} }}"

OPERATIONS = (
    *(SUBMIT, SUBMIT_BATCH, RESULTS, ANALYSES, BATCHES, PAST_EVENTS, FOLLOW, END_OF_EVENTS, ANALYZERS, HEALTH, METRICS),
    *(text for kind in KINDS.values() for text in (kind.get, kind.watch, kind.cancel, kind.retry, kind.delete)),
)


def manifest() -> dict[str, str]:
    """Return the texts of all documents as sent, by `sha256:` and their hashes."""
    texts = [print_ast(parsed(each)) for each in OPERATIONS]
    return {f"sha256:{sha256(text.encode()).hexdigest()}": text for text in texts}


def kind_of(thing: Analysis | Batch) -> Kind:
    """Return the documents of an analysis or batch. Raises TypeError for anything else, for example an id."""
    found = KINDS.get(type(thing))
    if found is None:
        raise TypeError(
            f"The argument is {thing!r:.100}, not an Analysis or Batch: get one with `await client.analysis(id)` or "
            "`await client.batch(id)`; Client needs no `await`."
        )
    return found


def is_query(document: str) -> bool:
    """Return whether all operations of a document are queries."""
    operations = [each for each in parsed(document).definitions if isinstance(each, OperationDefinitionNode)]
    return all(each.operation is OperationType.QUERY for each in operations)
