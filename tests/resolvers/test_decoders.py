"""Decoders read results exactly as pydantic does, or leave them to pydantic."""

from __future__ import annotations

import json
from datetime import date, datetime
from random import Random
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)

from analyzers.base import Result, name_fields
from analyzers.registry import load_registry
from analyzers.text.results import TextOperation
from execution.answers import encode_json
from resolvers.decoders import as_json, decoder_of, is_of, stored_json
from tests.resolvers.decoded import NUMBERS, TIMES, Maker, contents
from tests.resolvers.models import (
    Chain,
    Checked,
    Color,
    Computed,
    Dumped,
    Loose,
    Own,
    Plain,
    Read,
    Wrapped,
    Written,
    double,
    of,
    random_model,
)

ANALYZERS = load_registry(built_in=True).analyzers


class Leaf(BaseModel):
    """A part."""

    model_config = ConfigDict(extra="forbid")

    leaf_size: Annotated[float, Field(ge=0, lt=10)]
    leaf_color: Color = Color.GREEN
    seen_at: datetime | None = None


class Tree(Result):
    """A result with each type that a decoder reads."""

    tree_age: int = Field(ge=0, le=500)
    branch_count: int = 3
    leaf_list: Annotated[list[Leaf], Field(max_length=3)]
    first_leaf: Leaf | None = None
    pair_of: tuple[float, ...] = ()
    by_name: dict[str, Leaf] = Field(default_factory=dict)
    notes: Any = None
    more_notes: dict[str, Any] = Field(default={})
    kind: Literal["oak", "ash"] = "oak"
    is_old: bool = False
    short: str | None = Field(default="", min_length=1, max_length=2)


name_fields(Tree)
TREE = {
    "score": 1,
    "tags": ["a"],
    "summary": "A tree.",
    "treeAge": 7,
    "branchCount": 2,
    "leafList": [{"leafSize": 1.5, "leafColor": "RED", "seenAt": "2026-11-21T10:00:00.25Z"}],
    "firstLeaf": {"leafSize": 0, "leafColor": "GREEN", "seenAt": None},
    "pairOf": [1, 2.5],
    "byName": {"one": {"leafSize": 2.0, "leafColor": "RED", "seenAt": "2026-11-21T10:00:00+01:00"}},
    "notes": {"a_b": [1, None, {"c": 2**60}]},
    "moreNotes": {},
    "kind": "ash",
    "isOld": True,
    "short": "é",
}


def compare(model: type[BaseModel], text: str) -> bool:
    """Assert that a decoded text is what pydantic makes of it, and return whether the text was decoded."""
    decoded = decoder_of(model)(text)
    if decoded is None:
        return False
    expected = model.model_validate_json(text)
    assert is_of(decoded, model)
    assert contents(decoded) == contents(expected)
    written = json.loads(encode_json(as_json(decoded)))
    wanted = json.loads(encode_json(expected.model_dump(mode="json", by_alias=True, warnings=False)))
    assert repr(written) == repr(wanted)
    return True


@pytest.mark.parametrize("name", sorted(ANALYZERS))
def test_built_in_results_are_decoded(name: str) -> None:
    analyzer = ANALYZERS[name]
    if analyzer.prepare is not None:
        analyzer.prepare()
    words = "Anna Meier paid 20 dollars in Berlin on 3 May 2024. It was a wonderful trip, and she was happy. "
    given_ = {"text": words * 20, "operations": list(TextOperation)} if name == "text" else None
    assert given_ is not None, "give an example of each built-in analyzer's request"
    found = analyzer.run(analyzer.request.model_validate(given_), _Silent())
    text = found.model_dump_json(by_alias=True)
    assert compare(analyzer.result, text)


@pytest.mark.parametrize("name", sorted(ANALYZERS))
@given(seed=st.integers(0, 2**32))
def test_texts_near_a_built_in_result_read_alike(name: str, seed: int) -> None:
    model = ANALYZERS[name].result
    compare(model, Maker(seed).text_near(model))


def test_a_decoder_reads_each_plain_type() -> None:
    assert compare(Tree, json.dumps(TREE))
    required = {"summary", "treeAge", "leafList"}
    for name in TREE:
        decoded = compare(Tree, json.dumps({key: value for key, value in TREE.items() if key != name}))
        assert decoded == (name not in {*required, "short"})  # the default of `short` is too short


@pytest.mark.parametrize(
    ("annotation", "default", "decoded"),
    [
        (float, 1, False),
        (int, "1", False),
        (list[int], [1], False),
        (Leaf, None, False),
        (tuple[int, ...], [], False),
        (float, 1.0, True),
        (int, 1, True),
        (list[int], [], True),
        (Leaf | None, None, True),
        (tuple[int, ...], (), True),
        (Color, Color.RED, True),
    ],
)
def test_a_default_of_another_type_is_left_to_pydantic(annotation: Any, default: Any, decoded: bool) -> None:
    assert compare(of(annotation, default), "{}") == decoded


@given(st.integers(0, 2**32))
def test_texts_near_a_result_read_alike(seed: int) -> None:
    compare(Tree, Maker(seed).text_near(Tree))


@given(st.integers(0, 2**32))
def test_random_models_read_alike(seed: int) -> None:
    model = random_model(Random(seed), 0)
    name_fields(model)
    for each in range(10):
        compare(model, Maker(seed + each).text_near(model))


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_read_alike(number: str) -> None:
    class Number(BaseModel):
        """Numbers."""

        as_int: int | None = None
        as_float: float | None = None
        bounded: Annotated[float | None, Field(ge=-1, le=1)] = None
        above: Annotated[float | None, Field(gt=0)] = None
        counted: Annotated[int | None, Field(gt=0)] = None
        anything: Any = None

    decoded = [compare(Number, f'{{"{name}":{number}}}') for name in Number.model_fields]
    assert any(decoded) or number in ("1e400", "9" * 400) or number not in NUMBERS[:-11]


@pytest.mark.parametrize("time", TIMES)
def test_times_read_alike(time: str) -> None:
    class Time(BaseModel):
        """A time."""

        seen: datetime

    compare(Time, json.dumps({"seen": time}))


@pytest.mark.parametrize("depth", [1, 100, 148, 149, 150, 197, 198, 199, 200, 250, 1000, 100_000])
def test_a_deep_value_is_left_to_pydantic(depth: int) -> None:
    class Deep(BaseModel):
        """Whatever it is."""

        value: Any

    assert compare(Deep, '{"value":' + "[" * depth + "]" * depth + "}") == (depth < 150)


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (Dumped, 1),
        (Read, 1),
        (Checked, 1),
        (Written, 1),
        (Wrapped, 1),
        (Computed, 1),
        (Own, 1),
        (Chain, 1),
        (of(int | str), 1),
        (of(Loose | Checked), {"size": 2}),
        (of(Plain), 1),
        (of(date), "2026-11-21"),
        (of(bytes), "a"),
        (of(tuple[int, str]), [1, "a"]),
        (of(set[int]), [1, 1]),
        (of(dict[int, int]), {"1": 1}),
        (of(Annotated[str, Field(pattern="^a")]), "ab"),
        (of(Annotated[int, Field(strict=True)]), 1),
        (of(Annotated[int, Field(multiple_of=2)]), 2),
        (of(Annotated[int, Field(ge=2**70)]), 2**71),
        (of(Annotated[int, BeforeValidator(double)]), 1),
        (of(Annotated[int, PlainSerializer(str)]), 1),
        (of(Annotated[int, Field(exclude=True)]), 1),
        (of(int, Field(validation_alias="other")), 1),
        (of(int, Field(validation_alias=AliasPath("size", 0))), [1]),
        (of(int, Field(default="1", validate_default=True)), 1),
        (of(str, str_strip_whitespace=True), " a "),
        (of(str, str_max_length=3), "ab"),
        (of(Color, use_enum_values=True), "RED"),
        (of(float, ser_json_inf_nan="strings"), 1.0),
        (of(int, strict=True), 1),
        (of(Literal[1, "a"]), 1),
    ],
)
def test_models_beyond_the_plain_types_are_left_to_pydantic(model: type[BaseModel], value: Any) -> None:
    text = json.dumps({"other" if "other" in repr(model.model_fields) else "size": value})
    assert decoder_of(model)(text) is None


@pytest.mark.parametrize("text", ['{"size":1,"more":2}', '{"size":"1"}', '{"size":1.0}', '{"size":true}'])
def test_what_pydantic_alone_accepts_is_left_to_pydantic(text: str) -> None:
    assert Loose.model_validate_json(text).size == 1
    assert decoder_of(Loose)(text) is None


def test_an_integer_beyond_64_bits_is_written() -> None:
    assert compare(of(int), '{"size":123456789012345678901234567890}')
    assert compare(of(Any), '{"size":[123456789012345678901234567890]}')


@pytest.mark.parametrize("text", ['{"b":[1,2.50,null],"a":"é"}', "[]", "1e2", '"\\u00e9"'])
def test_stored_json_is_written_as_it_is(text: str) -> None:
    assert encode_json({"data": stored_json(text)}) == f'{{"data":{text}}}'.encode()


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1,]", "1 2", '"\\ud800"', '{"a":1,}', "tru", "'a'"])
def test_stored_text_that_is_no_json_raises(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        stored_json(text)


def test_a_part_that_is_json_already_is_written_beside_a_large_integer() -> None:
    body = {"large": 2**70, "part": stored_json('{"a":[1]}')}
    assert json.loads(encode_json(body)) == {"large": 2**70, "part": {"a": [1]}}
    with pytest.raises(TypeError):
        encode_json({"large": 2**70, "part": object()})


class _Silent:
    """A job that nobody watches."""

    def progress(self, fraction: float, step: str | None = None) -> None:
        """Ignore the progress."""
