"""Limits on documents: each limit at its bound, and documents with a cost far above their length."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import strawberry
from graphql import get_introspection_query

from execution.answers import Answer, AnswerKind
from execution.documents import Document, Documents
from execution.limits import LimitExceeded, Limits, Measurement, check_document, read_text
from execution.strawberry_parts import core_schema

LIMITS = Limits()


def fields(count: int, text: str = "a{n}") -> str:
    return " ".join(text.format(n=n) for n in range(count))


def nested(levels: int, inner: str = "a") -> str:
    """Return selections with `inner` as a field on the given level, from 1."""
    return "q { " * (levels - 1) + inner + " }" * (levels - 1)


def doubling(times: int) -> str:
    """Return a document of `times + 1` fragments, which expand to 2**times fields."""
    chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(times))
    return f"{{ ...F0 }} {chain} fragment F{times} on Query {{ a }}"


def refused(text: str) -> LimitExceeded:
    with pytest.raises(LimitExceeded) as refusal:
        check_document(read_text(text, LIMITS), LIMITS)
    return refusal.value


def passes(text: str) -> None:
    check_document(read_text(text, LIMITS), LIMITS)


BOUNDS: dict[str, tuple[str, int, Callable[[int], str]]] = {
    "characters": ("characters", 100_000, lambda n: "{ a }".ljust(n)),
    "tokens": ("tokens", 4_000, lambda n: f"{{ a(b: [{'1 ' * (n - 9)}]) }}"),
    "comments": ("tokens", 4_000, lambda n: "#\n" * n + "{ a }"),
    "nested selections": ("levels of nesting", 100, lambda n: "{ ... " * (n - 1) + "{ a }" + " }" * (n - 1)),
    "nested lists": ("levels of nesting", 100, lambda n: f"{{ a(b: {'[' * (n - 2)}{']' * (n - 2)}) }}"),
    "nested objects": ("levels of nesting", 100, lambda n: f"{{ a(b: {'{c:' * (n - 2)} 1 {'}' * (n - 2)}) }}"),
    "nested types": ("levels of nesting", 100, lambda n: f"query ($a: {'[' * (n - 1)} Int {']' * (n - 1)}) {{ a }}"),
    "an integer": ("digits in a number", 1_000, lambda n: f"{{ a(b: {'9' * n}) }}"),
    "a negative integer": ("digits in a number", 1_000, lambda n: f"query ($b: Int = -{'9' * (n - 1)}) {{ a }}"),
    "a decimal": ("digits in a number", 1_000, lambda n: f"{{ a(b: [1, {{ c: 1.{'9' * (n - 2)} }}]) }}"),
    "depth": ("levels of fields", 15, lambda n: f"{{ {nested(n)} }}"),
    "depth in a mutation": ("levels of fields", 15, lambda n: f"mutation {{ {nested(n)} }}"),
    "depth in the second operation": ("levels of fields", 15, lambda n: f"query A {{ a }} query B {{ {nested(n)} }}"),
    "depth through inline fragments": ("levels of fields", 15, lambda n: f"{{ ... {{ {nested(n, '... { a }')} }} }}"),
    "depth through fragments": (
        "levels of fields",
        15,
        lambda n: f"{{ {nested(n - 7, '...F')} }} fragment F on Query {{ {nested(8)} }}",
    ),
    "introspection": ("levels of introspection", 18, lambda n: f"{{ __schema {{ {nested(n - 1)} }} }}"),
    "introspection of a type": (
        "levels of introspection",
        18,
        lambda n: f"{{ ...F }} fragment F on Query {{ __type {{ {nested(n - 1)} }} }}",
    ),
    "schemas": ("`__schema` fields", 2, lambda n: f"{{ {fields(n, 'a{n}: __schema {{ description }}')} }}"),
    "schemas in fragments": (
        "`__schema` fields",
        2,
        lambda n: (
            f"{{ {'...F ' * (n - 1)} ... {{ __schema {{ description }} }} }}"
            " fragment F on Query { a: __schema { description } }"
        ),
    ),
    "types": ("`__type` fields", 10, lambda n: f"{{ {fields(n, 'a{n}: __type(name: 1) {{ name }}')} }}"),
    "types in fragments": (
        "`__type` fields",
        10,
        lambda n: (
            f"{{ ...F {fields(n - 6, 'b{n}: __type(name: 1) {{ name }}')} }}"
            f" fragment F on Query {{ {fields(6, 'a{n}: __type(name: 1) {{ name }}')} }}"
        ),
    ),
    "aliases in introspection": (
        "aliases in introspection",
        2,
        lambda n: f"{{ a: __schema {{ {fields(n, 'b{n}: types {{ name }}')} }} }}",
    ),
    "aliases in fragments of introspection": (
        "aliases in introspection",
        2,
        lambda n: (
            f"{{ __schema {{ {'...F ' * (n - 1)} }} __type(name: 1) {{ a: name }} }}"
            " fragment F on __Schema { types { a: fields { name } } }"
        ),
    ),
    "alias": ("characters in an alias", 200, lambda n: f"{{ q {{ ...F }} }} fragment F on Query {{ {'b' * n}: a }}"),
    "root fields": ("root fields", 50, lambda n: f"{{ {fields(n)} }}"),
    "root fields through fragments": (
        "root fields",
        50,
        lambda n: f"{{ ...F ... {{ {fields(n - 20)} }} }} fragment F on Query {{ {fields(20, 'b{n}')} }}",
    ),
    "aliases": ("aliases", 50, lambda n: f"{{ q {{ {fields(n, 'b{n}: a')} }} }}"),
    "aliases in a fragment": (
        "aliases",
        50,
        lambda n: f"{{ q {{ ...F }} {fields(n - 30, 'c{n}: a')} }} fragment F on Query {{ {fields(30, 'b{n}: a')} }}",
    ),
    "aliases in a fragment spread twice": (
        "aliases",
        50,
        lambda n: (
            f"{{ q {{ ...F }} r {{ ...F }} {'c: a' * (n % 2)} }} fragment F on Query {{ {fields(n // 2, 'b{n}: a')} }}"
        ),
    ),
    "aliases in an unused fragment": (
        "aliases",
        50,
        lambda n: f"{{ a }} fragment F on Query {{ {fields(n, 'b{n}: a')} }}",
    ),
    "aliases in inline fragments": ("aliases", 50, lambda n: f"{{ q {{ {fields(n, '... {{ b{n}: a }}')} }} }}"),
    "aliases in the second operation": (
        "aliases",
        50,
        lambda n: f"query A {{ a }} query B {{ q {{ {fields(n, 'b{n}: a')} }} }}",
    ),
    "directives on a field": ("directives", 50, lambda n: f"{{ a {'@skip(if: false) ' * n} }}"),
    "directives on many": ("directives", 50, lambda n: f"{{ q {{ {fields(n, 'a{n} @a')} }} }}"),
    "directives everywhere": (
        "directives",
        50,
        lambda n: (
            f"query ($v: Int @a @a) @a @a {{ ...F @a ... @a {{ b @a }} c {{ d {'@a ' * (n - 9)} }} }}"
            " fragment F on Query @a { a @a }"
        ),
    ),
    "selections": (
        "selections",
        5_000,
        # 10 fields with 499 selections each, spreads included, and n - 4,990 other fields
        lambda n: f"{{ {fields(10, 'q{n} {{ ...F }}')} {fields(n - 4_990)} }} fragment F on Query {{ {fields(497)} }}",
    ),
    "fields in one selection set": ("fields in one selection set", 500, lambda n: f"{{ q {{ {fields(n)} }} }}"),
    "fields with fragments expanded": (
        "fields in one selection set",
        500,
        lambda n: f"{{ q {{ ...F ... {{ {fields(n - 400)} }} }} }} fragment F on Query {{ {fields(400, 'b{n}')} }}",
    ),
    "fragments": ("fragments", 100, lambda n: f"{{ a }} {fields(n, 'fragment F{n} on Query {{ a }}')}"),
    "fragments of one name": ("fragments", 100, lambda n: f"{{ a }} {fields(n, 'fragment F on Query {{ a }}')}"),
    # 63 equal fields are 63 * 62 / 2 = 1,953 pairs.
    "repeated fields": (
        "pairs of repeated fields",
        2_000,
        lambda n: f"{{ q {{ {'a ' * 63} {fields(n - 1_953, 'b{n} b{n}')} }} }}",
    ),
}


@pytest.mark.parametrize("case", BOUNDS)
def test_each_limit_at_its_bound(case: str) -> None:
    measure, limit, make = BOUNDS[case]
    passes(make(limit))
    refusal = refused(make(limit + 1))
    assert (refusal.measure, refusal.limit, refusal.actual) == (measure, limit, limit + 1)
    assert str(refusal) == f"The document has too many {measure}: {limit + 1:,}, where the limit is {limit:,}."


def test_each_operation_has_its_own_limits() -> None:
    aliases = fields(50, "b{n}: a")
    passes(f"query A {{ {aliases} }} query B {{ {aliases} }}")
    assert refused(f"query A {{ q {{ ...F }} x: a }} fragment F on Query {{ {aliases} }}").actual == 51


COSTLY: dict[str, tuple[str, str, int, int]] = {
    "50 levels": (f"{{ {nested(50)} }}", "levels of fields", 15, 50),
    "10,000 levels": ("{a" * 10_000 + "}" * 10_000, "levels of nesting", 100, 101),
    "lists in lists": (f"{{ a(b: {'[' * 1_900}{']' * 1_900}) }}", "levels of nesting", 100, 101),
    "objects in objects": (f"{{ a(b: {'{c:' * 900}1{'}' * 900}) }}", "levels of nesting", 100, 101),
    "10,000 lists in lists": (f"{{ a(b: {'[' * 10_000}{']' * 10_000}) }}", "levels of nesting", 100, 101),
    "10,000 lists never closed": (f"{{ a(b: {'[' * 10_000}", "levels of nesting", 100, 101),
    "10,000 lists side by side": (f"{{ a(b: [{'[]' * 10_000}]) }}", "tokens", 4_000, 4_001),
    "2^20 fields": (doubling(20), "root fields", 50, 2**20),
    "2^30 fields": (doubling(30), "root fields", 50, 10**9),
    "10,000 aliases": (f"{{ {fields(10_000, 'a{n}: a')} }}", "tokens", 4_000, 4_001),
    "1,300 aliases": (f"{{ {fields(1_300, 'a{n}: a')} }}", "root fields", 50, 1_300),
    "10,000 root fields": (f"{{ {fields(10_000)} }}", "tokens", 4_000, 4_001),
    "3,000 root fields": (f"{{ {fields(3_000)} }}", "root fields", 50, 3_000),
    "1,500 repeated object fields": ("{" + "q{a}" * 1_500 + "}", "tokens", 4_000, 4_001),
    "990 repeated object fields": ("{q{" + "q{a}" * 990 + "}}", "fields in one selection set", 500, 990),
    "500 repeated object fields": ("{q{" + "q{a}" * 500 + "}}", "pairs of repeated fields", 2_000, 124_750),
    "10,000 @skip": (f"{{ a {'@skip(if: true) ' * 10_000} }}", "characters", 100_000, 160_006),
    "5,000 @skip": (f"{{ a {'@skip(if: true) ' * 5_000} }}", "tokens", 4_000, 4_001),
    "500 @skip": (f"{{ a {'@skip(if: true) ' * 500} }}", "directives", 50, 500),
    "3 MB of text": (f'{{ a(b: "{"x" * 3_000_000}") }}', "characters", 100_000, 3_000_012),
    "100,000 commas": ("{ a }" + "," * 100_000, "characters", 100_000, 100_005),
    "a wide fragment of another's name": (
        f"{{ q {{ ...F }} }} fragment F on Query {{ {'q{a}' * 800} }} fragment F on Query {{ a }}",
        "fields in one selection set",
        500,
        800,
    ),
}


@pytest.mark.parametrize("case", COSTLY)
def test_costly_documents_are_refused(case: str) -> None:
    text, *expected = COSTLY[case]
    refusal = refused(text)
    assert [refusal.measure, refusal.limit, refusal.actual] == expected


def repeated(times: int, levels: int) -> str:
    return "a" if levels == 0 else f"q {{ {repeated(times, levels - 1)} }} " * times


@pytest.mark.parametrize(("times", "levels"), [(2, 8), (4, 4), (7, 3)])
def test_repetition_inside_repetition_is_refused(times: int, levels: int) -> None:
    """No selection set has many repeated fields, but the merged sets have thousands of pairs."""
    assert refused(f"{{ {repeated(times, levels)} }}").measure == "pairs of repeated fields"


def test_repeated_fields_are_counted_after_merging() -> None:
    text = f"{{ {repeated(3, 2)} }}"
    # Three equal fields on the first level, nine on the second, nine on the third.
    pairs = 3 + 36 + 36
    document = read_text(text, LIMITS)
    check_document(document, Limits(repeated_pairs=pairs))
    with pytest.raises(LimitExceeded) as refusal:
        check_document(document, Limits(repeated_pairs=pairs - 1))
    assert refusal.value.actual == pairs


def test_twenty_fragments_with_common_fields_pass() -> None:
    spread = fields(20, "...F{n}")
    fragments = fields(20, "fragment F{n} on Query {{ id __typename a{n} }}")
    operations = fields(20, "query O{n} {{ q {{ %s }} }}") % ((spread,) * 20)
    document = read_text(f"{operations} {fragments}", LIMITS)
    check_document(document, Limits(repeated_pairs=380))
    with pytest.raises(LimitExceeded):
        check_document(document, Limits(repeated_pairs=379))


@pytest.mark.parametrize("times", [1, 10, 20, 30, 98])
def test_each_selection_is_visited_once(times: int) -> None:
    """The cost of the check depends on the length of a document, not on its expanded size."""
    measurement = Measurement(read_text(doubling(times), LIMITS))
    assert measurement.visits == 1 + 2 * times + 1
    assert measurement.operations[0].fields == min(2**times, 10**9)


@strawberry.type
class Query:
    @strawberry.field
    def a(self, b: list[list[int]] | None = None) -> int:
        return 1

    @strawberry.field
    def q(self) -> Query:
        return Query()


@pytest.fixture
def documents() -> Documents:
    return Documents(core_schema(strawberry.Schema(query=Query)), limits=LIMITS, hide_suggestions=False)


def test_a_refusal_has_measure_limit_and_actual_value(documents: Documents) -> None:
    answer = documents.get(doubling(30))
    assert answer == Answer(
        {
            "errors": [
                {
                    "message": "The document has too many root fields: 1,000,000,000, where the limit is 50.",
                    "extensions": {
                        "code": "QUERY_TOO_COMPLEX",
                        "measure": "root fields",
                        "limit": 50,
                        "actual": 10**9,
                    },
                }
            ]
        },
        AnswerKind.LIMIT,
    )


FLAGS = (
    "descriptions",
    "specified_by_url",
    "directive_is_repeatable",
    "schema_description",
    "input_value_deprecation",
    "one_of",
)


@pytest.mark.parametrize("on", [flags for n in (0, 1, 6) for flags in itertools.combinations(FLAGS, n)], ids=len)
def test_the_introspection_query_passes(documents: Documents, on: tuple[str, ...]) -> None:
    options: dict[str, Any] = {name: name in on for name in FLAGS}
    assert isinstance(documents.get(get_introspection_query(**options)), Document)


CIRCULAR = {
    "one": ("{ ...A } fragment A on Query { a ...A }", "Cannot spread fragment 'A' within itself."),
    "two": (
        "{ ...A } fragment A on Query { q { ...B } } fragment B on Query { q { ...A } }",
        "Cannot spread fragment 'A' within itself via 'B'.",
    ),
    "doubling": (
        "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }",
        "Cannot spread fragment 'A' within itself via 'B'.",
    ),
}


@pytest.mark.parametrize("case", CIRCULAR)
def test_circular_fragments_are_left_to_validation(documents: Documents, case: str) -> None:
    text, message = CIRCULAR[case]
    answer = documents.get(text)
    assert isinstance(answer, Answer)
    assert answer.kind is AnswerKind.VALIDATION_ERROR
    assert answer.body["errors"][0]["message"] == message


CIRCLES = (2, 3, 5, 7, 11, 13)


def test_circles_of_many_lengths_are_refused() -> None:
    """Merged circles of 2, 3, 5, … fragments repeat only after the product of their lengths in levels."""
    circles = [
        f"fragment F{length}x{n} on Query {{ q {{ ...F{length}x{(n + 1) % length} }} }}"
        for length in CIRCLES
        for n in range(length)
    ]
    spreads = " ".join(f"...F{length}x0" for length in CIRCLES)
    assert refused(f"{{ {spreads} }} {' '.join(circles)}").measure == "pairs of repeated fields"


def test_unknown_fragments_are_left_to_validation(documents: Documents) -> None:
    answer = documents.get("{ q { ...Nothing } }")
    assert isinstance(answer, Answer)
    assert answer.kind is AnswerKind.VALIDATION_ERROR
    assert [error["message"] for error in answer.body["errors"]] == ["Unknown fragment 'Nothing'."]


@pytest.mark.parametrize("text", ["{ }", "{ q { } }", "query A { } query B { a }", "{ ... { } }"])
def test_empty_selections_are_measured(documents: Documents, text: str) -> None:
    assert isinstance(documents.get(text), Document)


def test_a_literal_at_the_bound_is_validated(documents: Documents) -> None:
    answer = documents.get(f"{{ a(b: {'[' * 98}{']' * 98}) }}")
    assert isinstance(answer, Answer)
    assert answer.kind is AnswerKind.VALIDATION_ERROR
