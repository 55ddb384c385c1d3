"""Limits on the size of operations, measured in one pass that visits each node of the document once.

A fragment is measured once, and its measure is added at each spread: a document of n nodes costs n visits, even if
fragments double again and again. Sums saturate at `SATURATED`. A fragment that spreads itself counts as empty at that
spread: validation refuses it. The pass comes before validation, whose check for overlapping fields is quadratic in
repeated fields; `execution.overlaps` counts those after all other measures are known to be small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    TokenKind,
    parse,
)

from execution.overlaps import repeated_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphql import DocumentNode, SelectionSetNode

SATURATED = 10**9

INTROSPECTION = frozenset({"__schema", "__type"})

_OPENING = frozenset({TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L})
_NUMBERS = frozenset({TokenKind.INT, TokenKind.FLOAT})
_CLOSING = frozenset({TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R})


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest operation that the server runs. Counts are of one operation with its fragments expanded.

    GraphiQL's introspection query has 600 tokens, 140 selections and is 14 deep below `__schema`; a page of this
    API's own clients has some 200 selections and is 8 deep.
    """

    characters: int = 100_000
    """Length of the document: long texts belong in variables."""
    tokens: int = 4_000
    """Lexical tokens, and also comments: parsing costs 3 microseconds a token."""
    nesting: int = 100
    """Brackets inside brackets, of any kind: selections, lists, objects, types. The parser fails beyond about 190."""
    digits: int = 1_000
    """Characters of a number: Python reads integers of up to 4,300 digits."""
    depth: int = 15
    """Fields inside fields, without those of introspection."""
    introspection_depth: int = 18
    """Fields inside `__schema` and `__type`, and these two."""
    schemas: int = 2
    """`__schema`: one answers GraphiQL's introspection in some 60 ms, in which the event loop does nothing else."""
    types: int = 10
    """`__type`."""
    introspection_aliases: int = 2
    """Aliases inside `__schema` and `__type`, each of which repeats a part of the schema. No known tool uses one."""
    root_fields: int = 50
    aliases: int = 50
    """graphql-armor's default is 15; dashboards select one field with dozens of filters."""
    alias_characters: int = 200
    """Length of an alias: an answer repeats the alias for every row."""
    directives: int = 50
    selections: int = 5_000
    """Fields, inline fragments and spreads: execution collects all of them."""
    fields: int = 500
    """Fields in one selection set, with its fragments."""
    fragments: int = 100
    """Named fragments: validation compares each with each."""
    repeated_pairs: int = 2_000
    """Pairs of fields at one place of the answer: validation compares the two in up to 40 microseconds.
    20 fragments that all select `id` and `__typename` make 380."""


class LimitExceeded(Exception):
    """A document exceeds a limit of `measure`. `actual` is a lower bound if counting stopped early."""

    def __init__(self, measure: str, limit: int, actual: int) -> None:
        super().__init__(f"The document has too many {measure}: {actual:,}, where the limit is {limit:,}.")
        self.measure = measure
        self.limit = limit
        self.actual = actual


@dataclass(slots=True)
class Measure:
    """Measures of one selection set with its fragments expanded."""

    depth: int = 0
    introspection_depth: int = 0
    schemas: int = 0
    types: int = 0
    introspection_aliases: int = 0
    aliases: int = 0
    directives: int = 0
    selections: int = 0
    fields: int = 0
    """Fields of this selection set, without those below."""

    def add(self, other: Measure) -> None:
        """Add the sums of a selection set below this one. The caller updates the measures of depth and width."""
        self.schemas = min(self.schemas + other.schemas, SATURATED)
        self.types = min(self.types + other.types, SATURATED)
        self.introspection_aliases = min(self.introspection_aliases + other.introspection_aliases, SATURATED)
        self.aliases = min(self.aliases + other.aliases, SATURATED)
        self.directives = min(self.directives + other.directives, SATURATED)
        self.selections = min(self.selections + other.selections, SATURATED)


def read_text(text: str, limits: Limits) -> DocumentNode:
    """Parse a text within the limits on length, tokens, numbers and nesting.

    Raises:
        LimitExceeded: The text exceeds a limit.
        GraphQLSyntaxError: The text is not GraphQL.
    """
    _check("characters", len(text), limits.characters)
    try:
        document = parse(text, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
    except GraphQLSyntaxError as error:
        if not error.description.endswith("Parsing aborted."):
            raise
        # The parser stopped at the limit: the true number is unknown.
        if "too deeply" in error.description:
            raise LimitExceeded("levels of nesting", limits.nesting, limits.nesting + 1) from None
        raise LimitExceeded("tokens", limits.tokens, limits.tokens + 1) from None
    nesting, digits = _nesting_and_digits(document)
    _check("levels of nesting", nesting, limits.nesting)
    _check("digits in a number", digits, limits.digits)
    return document


def _nesting_and_digits(document: DocumentNode) -> tuple[int, int]:
    """Return the depth of brackets inside brackets, and the length of the longest number."""
    level = deepest = longest = 0
    token = document.loc.start_token if document.loc else None
    while token:
        if token.kind in _OPENING:
            level += 1
            deepest = max(deepest, level)
        elif token.kind in _CLOSING:
            level -= 1
        elif token.kind in _NUMBERS:
            longest = max(longest, len(token.value or ""))
        token = token.next
    return deepest, longest


def check_document(document: DocumentNode, limits: Limits) -> None:
    """Check all operations and fragments, used or not, against the limits.

    Raises:
        LimitExceeded: One exceeds a limit.
    """
    measurement = Measurement(document)
    for measure in measurement.operations:
        _check("levels of fields", measure.depth, limits.depth)
        _check("levels of introspection", measure.introspection_depth, limits.introspection_depth)
        _check("`__schema` fields", measure.schemas, limits.schemas)
        _check("`__type` fields", measure.types, limits.types)
        _check("aliases in introspection", measure.introspection_aliases, limits.introspection_aliases)
        _check("root fields", measure.fields, limits.root_fields)
    for measure in (*measurement.operations, *measurement.fragments):
        _check("aliases", measure.aliases, limits.aliases)
        _check("directives", measure.directives, limits.directives)
        _check("selections", measure.selections, limits.selections)
    _check("characters in an alias", measurement.longest_alias, limits.alias_characters)
    _check("fields in one selection set", measurement.widest, limits.fields)
    _check("fragments", len(measurement.fragments), limits.fragments)
    _check("pairs of repeated fields", repeated_pairs(document, limits.repeated_pairs), limits.repeated_pairs)


def _check(measure: str, actual: int, limit: int) -> None:
    if actual > limit:
        raise LimitExceeded(measure, limit, actual)


class Measurement:
    """Measures of the operations and fragments of a document."""

    def __init__(self, document: DocumentNode) -> None:
        self.visits = 0
        """Visited selections: never more than the document has."""
        self.widest = 0
        self.longest_alias = 0
        self.operations: list[Measure] = []
        self.fragments: list[Measure] = []
        self._by_name: dict[str, Measure] = {}
        fragments = [each for each in document.definitions if isinstance(each, FragmentDefinitionNode)]
        definitions = {each.name.value: each for each in fragments}
        for name in spread_first(definitions):
            self._by_name[name] = self._fragment(definitions[name])
        # Validation refuses two fragments of one name, but visits both.
        for definition in fragments:
            if definitions[definition.name.value] is not definition:
                self._fragment(definition)
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode):
                measure = self._selection_set(operation.selection_set)
                measure.directives += len(operation.directives or ())
                measure.directives += sum(len(each.directives or ()) for each in operation.variable_definitions or ())
                self.operations.append(measure)

    def _fragment(self, definition: FragmentDefinitionNode) -> Measure:
        measure = self._selection_set(definition.selection_set)
        measure.directives += len(definition.directives or ())
        self.fragments.append(measure)
        return measure

    def _selection_set(self, node: SelectionSetNode) -> Measure:
        """Measure one selection set. The parser bounds their nesting in the text."""
        total = Measure()
        self._collect(node, total)
        self.widest = max(self.widest, total.fields)
        return total

    def _collect(self, node: SelectionSetNode, total: Measure) -> None:
        """Add the selections of a selection set to `total`, with those of its inline fragments."""
        for selection in node.selections:
            self.visits += 1
            total.selections += 1
            total.directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                self._field(selection, total)
            elif isinstance(selection, InlineFragmentNode):
                self._collect(selection.selection_set, total)
            elif isinstance(selection, FragmentSpreadNode):
                spread = self._by_name.get(selection.name.value)
                if spread is not None:
                    self._spread(spread, total)

    def _field(self, node: FieldNode, total: Measure) -> None:
        below = self._selection_set(node.selection_set) if node.selection_set else Measure()
        total.add(below)
        if node.alias is not None:
            total.aliases += 1
            self.longest_alias = max(self.longest_alias, len(node.alias.value))
        total.fields = min(total.fields + 1, SATURATED)
        if node.name.value in INTROSPECTION:
            total.depth = max(total.depth, 1)
            total.introspection_depth = max(total.introspection_depth, 1 + below.depth)
            total.introspection_aliases = min(total.introspection_aliases + below.aliases, SATURATED)
            total.schemas += node.name.value == "__schema"
            total.types += node.name.value == "__type"
        else:
            total.depth = max(total.depth, 1 + below.depth)
            if below.introspection_depth:
                total.introspection_depth = max(total.introspection_depth, 1 + below.introspection_depth)

    def _spread(self, fragment: Measure, total: Measure) -> None:
        total.add(fragment)
        total.depth = max(total.depth, fragment.depth)
        total.introspection_depth = max(total.introspection_depth, fragment.introspection_depth)
        total.fields = min(total.fields + fragment.fields, SATURATED)


def spread_first(definitions: dict[str, FragmentDefinitionNode]) -> Iterator[str]:
    """Yield the names of the fragments, each after those that it spreads. No recursion, since chains can be long."""
    done: set[str] = set()
    for first in definitions:
        waiting: list[tuple[str, Iterator[str]]] = []
        if first not in done:
            done.add(first)
            waiting.append((first, _spreads(definitions[first].selection_set)))
        while waiting:
            name, spreads = waiting[-1]
            following = next((each for each in spreads if each in definitions and each not in done), None)
            if following is None:
                waiting.pop()
                yield name
            else:
                done.add(following)
                waiting.append((following, _spreads(definitions[following].selection_set)))


def _spreads(node: SelectionSetNode) -> Iterator[str]:
    """Yield the names of the fragments that a selection set spreads, at any depth."""
    open_sets = [node]
    while open_sets:
        for selection in open_sets.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                yield selection.name.value
            elif isinstance(selection, (FieldNode, InlineFragmentNode)) and selection.selection_set:
                open_sets.append(selection.selection_set)
