"""Every operation of the pages, examples, documentation, clients and tests is within the maximum cost."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, print_ast, validate

from analyzers.registry import load_registry
from execution.cost import Costs
from execution.prices import MAX_PAGE
from execution.strawberry_parts import core_schema
from schema.build import fit
from settings import Settings
from tests.support import ROOT

# Schemas, built pages, modules made from the operations, and the tests of costs.
NO_SOURCES = re.compile(
    r"^(schema/|web/static/)|contract\.graphql$|/gql/|(test_|benchmarks/)(cost|prices|refunds)\.py$"
)
# In a language's source, the texts that can be operations.
TEXTS = {".md": r"```graphql\n(.*?)```", ".ts": r"`([^`]*)`", ".tsx": r"`([^`]*)`", ".mjs": r"`([^`]*)`"}

# Fewest operations by folder: the walk finds operations in each.
FEWEST = {"pages": 55, "frontend-examples": 35, "docs": 14, "tests": 350, "benchmarks": 12, "README.md": 4}


def documents() -> Iterator[tuple[str, str]]:
    """Yield the folder and the text of each possible document. Files that share fragments are one document."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    together: dict[tuple[str, ...], str] = defaultdict(str)
    for path in (Path(name) for name in files if not NO_SOURCES.search(name)):
        folder = path.parts[0]
        if path.suffix == ".graphql":
            together[path.parts[:2]] += (ROOT / path).read_text()
        elif path.suffix == ".py":
            tree = ast.parse((ROOT / path).read_text())
            yield from ((folder, each.value) for each in ast.walk(tree) if _is_text(each))  # type: ignore[attr-defined]
        elif path.suffix in TEXTS:
            found = re.findall(TEXTS[path.suffix], (ROOT / path).read_text(), re.DOTALL)
            yield from ((folder, text) for text in found)
    yield from ((parts[0], text) for parts, text in together.items())


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and "{" in node.value


def parsed(schema: GraphQLSchema, text: str) -> DocumentNode | None:
    """Return a valid document; None for a template, an operation of another schema, or other text."""
    try:
        document = parse(text)
    except GraphQLError:
        return None
    return None if validate(schema, document) else document


def largest(operation: OperationDefinitionNode) -> Mapping[str, Any]:
    """Return variables that ask for the largest pages."""
    numbers = [each for each in operation.variable_definitions or () if print_ast(each.type).startswith("Int")]
    return {each.variable.name.value: MAX_PAGE for each in numbers}


@pytest.fixture(scope="module")
def operations() -> list[tuple[str, str, int]]:
    """Return folder, name and cost of each operation."""
    schema = core_schema(fit(load_registry(built_in=True).analyzers)[0])
    costs = Costs(schema)
    found = []
    for folder, text in documents():
        document = parsed(schema, text)
        if document is not None:
            definitions = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
            for definition, cost in zip(definitions, costs.of(document).values(), strict=True):
                name = definition.name.value if definition.name else text
                found.append((folder, name, cost(largest(definition))))
    return found


def test_operations_with_the_largest_pages_are_within_the_maximum_cost(operations: list[tuple[str, str, int]]) -> None:
    assert [each for each in operations if each[2] > Settings.model_fields["max_cost"].default] == []


@pytest.mark.parametrize("folder", FEWEST)
def test_the_walk_finds_the_operations(operations: list[tuple[str, str, int]], folder: str) -> None:
    assert sum(each[0] == folder for each in operations) >= FEWEST[folder]
