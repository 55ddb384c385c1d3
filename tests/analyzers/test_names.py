"""The names that clients read, which pydantic translates by the aliases that a registered analyzer's models have."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, computed_field, create_model
from typing_extensions import TypedDict

from analyzers.base import Request, Result, camel, name_fields, names_of
from analyzers.registry import load_analyzers


@dataclasses.dataclass
class Point:
    x_axis: int = 1


class Labels(TypedDict):
    long_label: str


class Leaf(BaseModel):
    leaf_size: int
    kind_of: str = Field(default="oak", alias="type", validation_alias=AliasChoices("type", "sort"))
    parent_tree: Tree | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def twice_size(self) -> int:
        return 2 * self.leaf_size


class Tree(BaseModel):
    model_config = ConfigDict(extra="forbid")
    own_leaf: Leaf | None = None
    sub_trees: list[Tree] = []


class Wood(Request):
    text: str
    all_trees: list[Tree] = Field(default_factory=list)
    named_trees: dict[str, Tree] = Field(default_factory=dict)
    first_leaf: Leaf | Point | None = None
    any_json: Any = None
    a_point: Point = Point()
    some_labels: Labels | None = None
    sha256sum: bool = False


class Flat(Result):
    tree: Tree


LEAF = {"leafSize": 1, "kindOf": "elm", "parentTree": None, "twiceSize": 2}
TREE = {"ownLeaf": LEAF, "subTrees": [{"ownLeaf": None, "subTrees": []}]}
WOOD = {
    "text": "w",
    "allTrees": [TREE],
    "namedTrees": {"snake_key": TREE},
    "firstLeaf": LEAF,
    "anyJson": {"snake_key": [{"a_b": 1, "aB": 2}]},
    "aPoint": {"x_axis": 3},
    "someLabels": {"long_label": "l"},
    "sha256sum": True,
}


@pytest.fixture(scope="module", autouse=True)
def named() -> None:
    name_fields(Wood)
    name_fields(Flat)  # its own names are as they were, but those of its parts have changed meanwhile


def test_every_model_within_has_the_clients_names_and_all_else_keeps_its_own() -> None:
    leaf = Leaf(leaf_size=1, kind_of="elm")
    tree = Tree(own_leaf=leaf, sub_trees=[Tree()])
    wood = Wood(
        text="w",
        all_trees=[tree],
        named_trees={"snake_key": tree},
        first_leaf=leaf,
        any_json=WOOD["anyJson"],
        a_point=Point(x_axis=3),
        some_labels={"long_label": "l"},
        sha256sum=True,
    )
    assert wood.model_dump(mode="json", by_alias=True) == WOOD
    assert json.loads(wood.model_dump_json(by_alias=True)) == WOOD
    assert Flat(summary="s", tree=tree).model_dump(mode="json", by_alias=True)["tree"] == TREE
    assert leaf.model_dump(by_alias=True) == LEAF
    for spelled in (WOOD, wood.model_dump(mode="json")):
        found = Wood.model_validate_json(json.dumps(spelled))
        assert found == wood
        assert Wood.model_validate(spelled) == wood


def test_an_alias_of_its_own_is_still_read() -> None:
    for name in ("type", "sort", "kind_of", "kindOf"):
        leaf = Leaf.model_validate({"leafSize": 1, name: "elm"})
        assert (leaf.kind_of, leaf.model_dump(by_alias=True)["kindOf"]) == ("elm", "elm")


def test_faults_are_located_by_the_clients_names() -> None:
    wrong = {
        "text": "w",
        "allTrees": [{"ownLeaf": {"kindOf": 1}, "sub_tree": 0}],
        "namedTrees": {"a_b": {"subTrees": 1}},
    }
    with pytest.raises(ValidationError) as raised:
        Wood.model_validate(wrong)
    assert sorted(map(str, (error["loc"] for error in raised.value.errors()))) == [
        "('allTrees', 0, 'ownLeaf', 'kindOf')",
        "('allTrees', 0, 'ownLeaf', 'leafSize')",
        "('allTrees', 0, 'sub_tree')",
        "('namedTrees', 'a_b', 'subTrees')",
    ]


def test_two_fields_with_one_name_are_refused() -> None:
    inner = create_model("Inner", a_b=(int, 0), aB=(int, 0))
    outer = create_model("Outer", __base__=Result, inner=(list[inner], []))
    with pytest.raises(TypeError, match="two fields of Inner have the same name in camelCase"):
        name_fields(outer)


@given(st.from_regex(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", fullmatch=True))
def test_a_name_in_camel_case_has_the_same_letters_and_digits(name: str) -> None:
    assert camel(name).lower() == name.replace("_", "")
    assert camel(camel(name)) == camel(name)


def test_every_name_of_the_built_in_analyzers_is_translated() -> None:
    analyzers = load_analyzers()
    assert "text" in analyzers
    for analyzer in analyzers.values():
        for model in (analyzer.request, analyzer.result):
            schema = model.model_json_schema(mode="serialization")
            parts = [schema, *schema.get("$defs", {}).values()]
            found = {name for part in parts for name in part.get("properties", {})}
            assert found
            assert not [name for name in found if "_" in name]
            assert names_of(model).keys() == schema["properties"].keys()
