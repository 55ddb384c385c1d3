"""The private and undocumented parts of libraries that the program uses, by name.

Each library here has an upper bound in pyproject.toml. Raise a bound only when these tests and the tests of the files
named here pass with the new version.
"""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from typing import Any

import aiosqlite
import pytest
import strawberry
import uvicorn
from graphql import execution as graphql_execution
from graphql.execution import values
from packaging.requirements import Requirement
from strawberry import execution as strawberry_execution
from strawberry.schema import schema as strawberry_schema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema.validation_rules import maybe_null, one_of
from strawberry.types import arguments
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.utils import await_maybe
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from vaderSentiment import vaderSentiment

from tests.support import ROOT

# Functions of the same names hide these modules from an import statement.
SIGNATURE = importlib.import_module("graphql.execution.get_variable_signature")
COERCION = importlib.import_module("graphql.utilities.coerce_input_value")
COLLECTION = importlib.import_module("graphql.execution.collect_fields")

RESOLVER_PARTS = ["self_parameter", "parent_parameter", "root_parameter", "info_parameter"]

# By library: the owner, its private parts, and the file that uses them.
PARTS: list[tuple[str, Any, list[str], str]] = [
    ("aiosqlite", aiosqlite.Connection, ["_execute", "_conn"], "store/sql/script.py"),
    (
        "vadersentiment",
        vaderSentiment.SentimentIntensityAnalyzer,
        ["_but_check", "_negation_check", "_special_idioms_check", "score_valence", "sentiment_valence"],
        "analyzers/text/sentiment.py",
    ),
    ("vadersentiment", vaderSentiment, ["BOOSTER_DICT", "NEGATE", "SentiText"], "analyzers/text/sentiment.py"),
    (
        "strawberry-graphql",
        GraphQLCoreConverter,
        ["DEFINITION_BACKREF"],
        "schema/build.py, schema/ingest.py, execution",
    ),
    ("strawberry-graphql", StrawberryField, ["is_async"], "execution/prices.py"),
    (
        "strawberry-graphql",
        strawberry_schema.StrawberryGraphQLCoreExecutionContext,
        ["build", "build_per_event_executor"],
        "execution/variables.py",
    ),
    ("strawberry-graphql", maybe_null, ["MaybeNullValidationRule"], "execution/documents.py"),
    ("strawberry-graphql", one_of, ["OneOfInputValidationRule"], "execution/documents.py"),
    ("strawberry-graphql", await_maybe, ["await_maybe"], "execution/executor.py"),
    (
        "graphql-core",
        graphql_execution,
        ["create_source_event_stream"],
        "execution/variables.py",
    ),
    (
        "graphql-core",
        graphql_execution.Executor,
        ["build_resolve_info", "collect_subfields", "execute_field", "execute_operation", "settle_in_background"],
        "execution/compile/plan.py, execution/compile/run.py",
    ),
    ("graphql-core", COLLECTION, ["collect_fields"], "execution/compile/plan.py"),
    ("graphql-core", values, ["get_argument_values"], "execution/compile/values.py"),
    ("strawberry-graphql", arguments, ["convert_arguments"], "execution/strawberry_parts.py"),
    ("strawberry-graphql", strawberry_execution, ["optimized_is_awaitable"], "execution/strawberry_parts.py"),
    ("strawberry-graphql", GraphQLCoreConverter, ["from_resolver"], "execution/strawberry_parts.py"),
    ("strawberry-graphql", StrawberryResolver, RESOLVER_PARTS, "execution/strawberry_parts.py"),
    ("strawberry-graphql", StrawberryField, ["base_resolver", "arguments"], "execution/strawberry_parts.py"),
    ("graphql-core", SIGNATURE, ["get_variable_signature"], "execution/variables.py"),
    ("graphql-core", values, ["VariableValues", "VariableValueSource"], "execution/variables.py"),
    ("graphql-core", COERCION, ["coerce_default_value", "coerce_input_literal"], "execution/variables.py"),
    (
        "uvicorn",
        WebSocketsSansIOProtocol,
        [
            "connection_made",
            "connection_lost",
            "data_received",
            "handle_connect",
            "handle_cont",
            "handle_parser_exception",
            "pause_writing",
            "receive",
            "resume_writing",
            "start_keepalive",
        ],
        "web/serving/websocket_protocol.py",
    ),
    (
        "uvicorn",
        HttpToolsProtocol,
        [
            "connection_made",
            "connection_lost",
            "data_received",
            "handle_websocket_upgrade",
            "on_body",
            "on_header",
            "on_headers_complete",
            "on_message_begin",
            "on_message_complete",
            "on_url",
            "send_400_response",
            "_should_upgrade",
            "_unsupported_upgrade_warning",
        ],
        "web/serving/http_protocol.py",
    ),
    ("uvicorn", uvicorn.Server, ["capture_signals", "handle_exit", "shutdown", "startup"], "web/serving/run.py"),
]
# Attributes that instances have, found in the source of the constructor.
ATTRIBUTES: list[tuple[str, Any, list[str], str]] = [
    (
        "strawberry-graphql",
        strawberry.Schema,
        ["_schema", "extensions", "exception_handlers", "schema_converter", "config"],
        "execution/strawberry_parts.py, execution/executor.py",
    ),
    ("strawberry-graphql", StrawberryResolver, ["wrapped_func"], "execution/strawberry_parts.py"),
    ("strawberry-graphql", StrawberryField, ["extensions", "is_subscription"], "execution/strawberry_parts.py"),
    ("strawberry-graphql", GraphQLCoreConverter, ["scalar_registry"], "execution/strawberry_parts.py"),
    (
        "graphql-core",
        graphql_execution.Executor,
        ["fragments", "variable_values", "field_resolver", "type_resolver", "middleware_manager", "hide_suggestions"],
        "execution/compile/",
    ),
    (
        "uvicorn",
        WebSocketsSansIOProtocol,
        ["transport", "close_sent", "conn", "disconnected", "frames", "loop", "read_paused", "writable", "scope"],
        "web/serving/websocket_protocol.py",
    ),
    (
        "uvicorn",
        HttpToolsProtocol,
        [
            "app_state",
            "client",
            "config",
            "connections",
            "cycle",
            "headers",
            "loop",
            "parser",
            "scope",
            "server_state",
            "transport",
            "url",
            "ws_protocol_class",
        ],
        "web/serving/http_protocol.py",
    ),
    (
        "uvicorn",
        RequestResponseCycle,
        ["keep_alive", "message_event", "more_body", "response_complete"],
        "web/serving/http_protocol.py",
    ),
    (
        "uvicorn",
        uvicorn.Server,
        ["lifespan", "server_state", "servers", "should_exit", "started"],
        "web/serving/run.py",
    ),
]


def named(parts: list[tuple[str, Any, list[str], str]]) -> list[Any]:
    return [
        pytest.param(owner, name, f"{library} has no {name} any more, which {file} uses", id=f"{library}-{name}")
        for library, owner, names, file in parts
        for name in names
    ]


@pytest.mark.parametrize(("owner", "name", "message"), named(PARTS))
def test_the_part_is_there(owner: Any, name: str, message: str) -> None:
    assert hasattr(owner, name), message


@pytest.mark.parametrize(("owner", "name", "message"), named(ATTRIBUTES))
def test_the_attribute_is_set(owner: Any, name: str, message: str) -> None:
    source = "".join(inspect.getsource(each) for each in owner.__mro__ if each.__module__.startswith(owner.__module__))
    assert re.search(rf"\bself\.{name}\b\s*(:[^=\n]+)?=", source), message


def test_the_arguments_are_as_they_are_called() -> None:
    build = inspect.signature(strawberry_schema.StrawberryGraphQLCoreExecutionContext.build)
    assert list(build.parameters)[:6] == [
        "schema",
        "document",
        "root_value",
        "context_value",
        "raw_variable_values",
        "operation_name",
    ]
    assert list(inspect.signature(aiosqlite.Connection._execute).parameters)[:2] == ["self", "fn"]


@pytest.mark.parametrize("library", sorted({library for library, *_ in [*PARTS, *ATTRIBUTES]}))
def test_the_library_has_an_upper_bound(library: str) -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (found,) = [each for each in map(Requirement, dependencies) if each.name == library]
    assert {each.operator for each in found.specifier} == {">=", "<"}, f"{library} needs an upper bound"
