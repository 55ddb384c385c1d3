"""The access rules of the schema: each root field has one, and a caller who does not meet it is refused.

The operations are refused before their variables are read, so the tests give none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from graphql import GraphQLField, OperationType, get_named_type, is_leaf_type, is_required_argument

from analyzers.registry import load_registry
from execution.executor import Executor, OperationRequest, Stream
from execution.strawberry_parts import core_schema, definition_of
from resolvers.context import Context, Services
from schema.access import Access, refuse, rule_of
from schema.build import build_schema
from store.sql.viewer import ANONYMOUS, LOCAL_ADMINISTRATOR, Role, Viewer
from tests.resolvers.conftest import services

__all__ = ["services"]

SCHEMA = build_schema(load_registry(built_in=True).analyzers)
CORE = core_schema(SCHEMA)
# Types whose objects are about access itself: a field of another type that returns one has a rule, too.
OF_ACCESS = {"User", "Workspace", "Membership", "ApiKey", "SignInSession", "AuditEntry", "Tokens", "Viewer"}
# Lists of a workspace, which need a role there.
LISTS_OF_A_WORKSPACE = {"members": Role.VIEWER, "apiKeys": Role.ADMIN}
# Mutations of the caller's own account: the credential itself is the permission.
OF_THE_OWN_ACCOUNT = {"changePassword", "revokeSession", "createApiKey", "revokeApiKey"}


class RootField(NamedTuple):
    """A root field, and its access rules."""

    operation: str
    name: str
    definition: GraphQLField
    rules: list[Access]

    def __str__(self) -> str:
        return f"{self.operation} {self.name}"

    @property
    def document(self) -> str:
        """An operation with this field."""
        required = {name: arg.type for name, arg in self.definition.args.items() if is_required_argument(arg)}
        variables = ", ".join(f"${name}: {type_}" for name, type_ in required.items())
        given = ", ".join(f"{name}: ${name}" for name in required)
        below = "" if is_leaf_type(get_named_type(self.definition.type)) else " { __typename }"
        declared, passed = (f"({variables})", f"({given})") if required else ("", "")
        return f"{self.operation}{declared} {{ {self.name}{passed}{below} }}"


def rules_of(field: GraphQLField) -> list[Access]:
    return [each for each in definition_of(field).directives if isinstance(each, Access)]


def root_fields() -> Iterator[RootField]:
    for operation in OperationType:
        root = CORE.get_root_type(operation)
        assert root is not None
        for name, field in root.fields.items():
            yield RootField(operation.value, name, field, rules_of(field))


ROOT_FIELDS = list(root_fields())


def test_each_root_field_has_one_rule() -> None:
    assert len(ROOT_FIELDS) > 30
    for each in ROOT_FIELDS:
        assert len(each.rules) == 1, each
        (rule,) = each.rules
        given = [value for value in (rule.role, rule.administrator, rule.anonymous) if isinstance(value, Role | bool)]
        assert given in ([True], [rule.role]), each


def is_of_access(name: str) -> bool:
    """Whether a type is about access, or is a page of such a type or the payload of a mutation."""
    if name.endswith("Payload"):
        return rules_of_mutation(name.removesuffix("Payload"))
    return name.removesuffix("Connection").removesuffix("Edge") in OF_ACCESS


def rules_of_mutation(name: str) -> bool:
    """Whether there is a mutation with a rule and this payload."""
    return any(each.rules for each in ROOT_FIELDS if each.name == name[0].lower() + name[1:])


def test_each_field_that_leads_to_access_has_a_rule() -> None:
    assert set(CORE.type_map) >= OF_ACCESS
    for type_ in CORE.type_map.values():
        if is_of_access(type_.name) or type_.name.startswith("__"):
            continue
        for name, field in getattr(type_, "fields", {}).items():
            if hasattr(field, "args") and get_named_type(field.type).name.removesuffix("Connection") in OF_ACCESS:
                assert rules_of(field), f"{type_.name}.{name}"


def test_the_lists_of_a_workspace_have_their_rules() -> None:
    fields = CORE.type_map["Workspace"].fields  # type: ignore[attr-defined]
    found = {name: [rule.role for rule in rules_of(fields[name])] for name in LISTS_OF_A_WORKSPACE}
    assert found == {name: [role] for name, role in LISTS_OF_A_WORKSPACE.items()}


def test_mutations_need_more_than_reading() -> None:
    assert {each.name for each in ROOT_FIELDS} >= OF_THE_OWN_ACCOUNT
    for each in ROOT_FIELDS:
        if each.operation == "mutation" and each.name not in OF_THE_OWN_ACCOUNT:
            assert each.rules[0].role is not Role.VIEWER, each


def viewer(role: Role | None, *, administrator: bool = False) -> Viewer:
    return ANONYMOUS if role is None else replace(LOCAL_ADMINISTRATOR, role=role, is_administrator=administrator)


def executor(services: Services) -> Executor:
    return Executor(SCHEMA, settings=services.settings, telemetry=services.telemetry, rule_of=rule_of, refuse=refuse)


async def answered(executor: Executor, context: Context, document: str) -> dict[str, Any]:
    """The answer, or the first one of a subscription."""
    request = OperationRequest(query=document)
    if document.startswith("subscription"):
        begun = await executor.open(request, context)
        return {} if isinstance(begun, Stream) else begun.body
    return (await executor.execute(request, context)).body


def error_of(body: dict[str, Any]) -> dict[str, Any]:
    """The extensions of the only error, if it refuses the caller; otherwise nothing."""
    extensions: dict[str, Any] = body.get("errors", [{}])[0].get("extensions", {})
    return extensions if extensions.get("code") in ("UNAUTHENTICATED", "FORBIDDEN") else {}


CALLERS = [
    viewer(None),
    viewer(Role.VIEWER),
    viewer(Role.ANALYST),
    viewer(Role.ADMIN),
    viewer(Role.ADMIN, administrator=True),
]


@pytest.mark.parametrize("caller", CALLERS, ids=lambda each: f"{each.role}-{each.is_administrator}")
async def test_callers_who_do_not_meet_a_rule_are_refused(services: Services, caller: Viewer) -> None:
    runs = executor(services)
    for each in ROOT_FIELDS:
        (rule,) = each.rules
        error = error_of(await answered(runs, Context(services, caller, "test"), each.document))
        if rule.anonymous is True:
            assert error == {}, each
        elif caller.role is None:
            assert error == {"code": "UNAUTHENTICATED", "path": [each.name]}, each
        elif rule.administrator is True:
            forbidden = {"code": "FORBIDDEN", "requires": "ADMINISTRATOR", "path": [each.name]}
            assert error == ({} if caller.is_administrator else forbidden), each
        else:
            assert rule.role is not None
            forbidden = {"code": "FORBIDDEN", "requires": rule.role, "path": [each.name]}
            assert error == ({} if caller.role.rank >= rule.role.rank else forbidden), each


@pytest.mark.parametrize(
    "document",
    [
        "{ __typename }",
        "{ __schema { queryType { name } } }",
        "{ server { time } analyzers { name } }",
        "{ server { time } ... @include(if: false) { analyzers { name } } }",
        "{ server { time } ...F } fragment F on Query { ... on Query { analyzers { name } } }",
        "{ server: analyzers { name } }",
    ],
)
async def test_a_part_that_needs_a_credential_refuses_the_whole_operation(services: Services, document: str) -> None:
    body = await answered(executor(services), Context(services, ANONYMOUS, "test"), document)
    assert "data" not in body
    assert error_of(body)["code"] == "UNAUTHENTICATED"
    body = await answered(executor(services), Context(services, viewer(Role.VIEWER), "test"), document)
    assert "errors" not in body


async def test_nothing_of_a_refused_mutation_runs(services: Services) -> None:
    document = """mutation {
      cancelAnalysis(input: {id: "analysis_x"}) { userErrors { code } }
      pauseQueue(input: {}) { userErrors { code } }
    }"""
    body = await answered(executor(services), Context(services, viewer(Role.ANALYST), "test"), document)
    assert "data" not in body
    assert error_of(body) == {"code": "FORBIDDEN", "requires": "ADMINISTRATOR", "path": ["pauseQueue"]}


async def test_an_anonymous_caller_is_told_nothing_of_the_variables(services: Services) -> None:
    document = "query($id: ID!) { analysis(id: $id) { id } }"
    body = await answered(executor(services), Context(services, ANONYMOUS, "test"), document)
    assert [each["message"] for each in body["errors"]] == ["Sign in: `analysis` needs a credential."]
