"""The registries of subjects: they agree with each other, with the files and with the schema."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from graphql import GraphQLEnumType, GraphQLInterfaceType, GraphQLObjectType

import resolvers.subjects
import store.subjects
from analyzers.registry import load_registry
from schema.build import build_schema
from schema.events import EventFilter
from store.events import EventColumn, Reference
from store.sql.ids import new_id
from store.subjects import PROBLEMS, EventType, events_of
from store.tables import AlertEventType, QueueEventType
from tests.support import ROOT

STORED, RESOLVED = store.subjects.SUBJECTS, resolvers.subjects.SUBJECTS
PACKAGES = ("commands", "events", "jobs", "resolvers", "schema", "store", "web")
# Prefixes of ids that are not subjects: leases are no objects of the API, and the others are objects without events.
OTHER_PREFIXES = {"lease", "worker", "user", "workspace", "membership", "apikey", "signin", "audit"}


def test_both_registries_have_the_same_subjects() -> None:
    assert set(STORED) == set(RESOLVED)


@pytest.mark.parametrize("kind", STORED)
def test_a_subject_has_the_same_files_everywhere(kind: str) -> None:
    name = STORED[kind].name
    folders = ("schema", "resolvers", "store", "store/tables")
    files = [*(f"{folder}/{name}.py" for folder in folders), f"tests/api/test_{name}.py"]
    missing = [file for file in files if not (ROOT / file).is_file()]
    assert not missing, f"{kind} lacks {', '.join(missing)}"


@pytest.mark.parametrize("kind", STORED)
def test_a_subject_is_defined_in_its_files(kind: str) -> None:
    subject = STORED[kind]
    assert subject.event_types.__module__ == f"store.tables.{subject.name}"
    assert subject.clean_up.__module__ == subject.count_old.__module__ == f"store.{subject.name}"
    assert RESOLVED[kind].load.__module__ == f"store.{subject.name}"
    assert {"id", "workspace"} <= set(subject.table.c.keys())


@pytest.mark.parametrize("kind", STORED)
def test_events_are_found_by_a_column_that_they_fill(kind: str) -> None:
    subject = STORED[kind]
    assert subject.references <= set(get_args(Reference))
    assert subject.events_by == "subject" or subject.events_by in subject.references
    assert events_of(new_id(kind)).ids.keys() == {subject.events_by}


def test_event_types_have_one_subject_each() -> None:
    types = [each.value for subject in STORED.values() for each in subject.event_types]
    assert len(types) == len(set(types))
    assert sorted([*types, *AlertEventType, *QueueEventType]) == sorted(EventType)
    assert set(EventType) > PROBLEMS
    assert all(each.name == each.value for each in EventType)


def test_the_schema_has_the_types_of_all_subjects() -> None:
    types = build_schema(load_registry().analyzers)._schema.type_map
    node, event, listed = types["Node"], types["Event"], types["EventType"]
    assert isinstance(node, GraphQLInterfaceType)
    assert isinstance(event, GraphQLInterfaceType)
    assert isinstance(listed, GraphQLEnumType)
    for kind, subject in RESOLVED.items():
        for name, interface in ((subject.type_name, node), (subject.event_type_name, event)):
            found = types[name]
            assert isinstance(found, GraphQLObjectType), name
            assert interface in found.interfaces, name
        assert subject.type_name.lower().startswith(kind)
    for name in ("AlertEvent", "QueueEvent", *(subject.event_type_name for subject in RESOLVED.values())):
        assert name in resolvers.subjects.EVENT_TYPE_NAMES.values()
    assert set(resolvers.subjects.EVENT_TYPE_NAMES) == set(EventType)
    assert list(listed.values) == [each.value for each in EventType]
    assert [name for name, value in listed.values.items() if not value.description] == []


def test_the_filters_of_the_api_are_named_for_kinds() -> None:
    others = {"types", "subject_id", "analyzer", "problems_only"}
    fields = EventFilter.__annotations__.keys() - others
    assert fields
    assert {field.removesuffix("_id") for field in fields} <= set(STORED)
    assert {STORED[field.removesuffix("_id")].events_by for field in fields} <= set(get_args(EventColumn))


def test_ids_are_made_for_known_kinds() -> None:
    texts = [path.read_text() for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    kinds = {kind for text in texts for kind in re.findall(r'\bnew_ids?\("(\w+)"', text)}
    assert kinds
    assert kinds <= {*STORED, *OTHER_PREFIXES}
