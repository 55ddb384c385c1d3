"""The operations in the project's texts: tests, pages, examples, benchmarks and documentation."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, validate

from tests.support import ROOT

BEGINNING = re.compile(r"\s*(#.*\s+)*(\{|query|mutation|subscription|fragment)")

SUFFIXES = (".py", ".md", ".graphql", ".ts", ".tsx", ".js", ".mjs", ".html")


def operations(schema: GraphQLSchema) -> list[str]:
    """Return the documents with operations that are valid on the schema, each once."""
    found = {}
    for path in _files():
        for text in _texts(path):
            if text not in found and BEGINNING.match(text):
                found[text] = _is_valid(schema, text)
    return [text for text, valid in found.items() if valid]


def _files() -> Iterator[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0"):
        if name.endswith(SUFFIXES) and (ROOT / name).is_file():
            yield ROOT / name


def _is_valid(schema: GraphQLSchema, text: str) -> bool:
    try:
        document = parse(text, max_tokens=5_000)
        return any(isinstance(each, OperationDefinitionNode) for each in document.definitions) and not validate(
            schema, document
        )
    except (GraphQLError, RecursionError):
        return False


def _texts(path: Path) -> Iterator[str]:
    source = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".graphql":
        yield source
    elif path.suffix == ".py":
        yield from _python(source)
    else:
        yield from re.findall(r"`([^`$]*)`", source)
        yield from re.findall(r"```(?:graphql|gql)?\n(.*?)```", source, flags=re.DOTALL)
        yield from re.findall(r"'(\{[^'\n]*\})'", source)


def _python(source: str) -> Iterator[str]:
    """Yield the strings of a module. An f-string may contain the module's constants."""
    tree = ast.parse(source)
    constants: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = _constant(node.value, constants)
            if value is not None:
                constants[node.targets[0].id] = value
    for each in ast.walk(tree):
        value = _constant(each, constants)
        if value is not None:
            yield value


def _constant(node: ast.AST, constants: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_constant(node.left, constants), _constant(node.right, constants)]
    elif isinstance(node, ast.JoinedStr):
        parts = [
            _constant(each.value if isinstance(each, ast.FormattedValue) else each, constants) for each in node.values
        ]
    else:
        return None
    return None if None in parts else "".join(part or "" for part in parts)
