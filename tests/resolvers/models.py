"""Models of results for the tests of decoders: unusual ones, which pydantic alone reads, and random ones."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from random import Random
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from analyzers.base import Choice


class Color(Choice):
    """A color."""

    RED = "RED", "Red."
    GREEN = "GREEN", "Green."


def double(value: Any) -> Any:
    """Change a value, as a validator may."""
    return value * 2


class Loose(BaseModel):
    """Accepts further fields."""

    size: int = 1


class Dumped(BaseModel):
    """Writes itself in its own way."""

    size: int

    def model_dump(self, **_: Any) -> Any:
        return {"size": "large"}


class Read(BaseModel):
    """Changes a field before it is read."""

    size: int

    @field_validator("size", mode="before")
    @classmethod
    def doubled(cls, value: Any) -> Any:
        return double(value)


class Checked(BaseModel):
    """Refuses some values."""

    size: int

    @model_validator(mode="after")
    def even(self) -> Checked:
        if self.size % 2:
            raise ValueError("odd")
        return self


class Written(BaseModel):
    """Writes a field in its own way."""

    size: int

    @field_serializer("size")
    def as_text(self, value: int) -> str:
        return str(value)


class Wrapped(BaseModel):
    """Writes itself in its own way."""

    size: int

    @model_serializer
    def whole(self) -> Any:
        return [self.size]


class Computed(BaseModel):
    """Has a field that no text has."""

    size: int

    @computed_field
    def double(self) -> int:
        return self.size * 2


class Own(BaseModel):
    """Changes itself after it is read."""

    size: int

    def model_post_init(self, _context: Any) -> None:
        self.size += 1


class Chain(BaseModel):
    """Contains itself."""

    size: int
    next: Chain | None = None


class Plain(IntEnum):
    """Numbers."""

    ONE = 1


def of(annotation: Any, default: Any = ..., **config: Any) -> type[BaseModel]:
    """Return a model with one field."""
    members: Any = {"size": (annotation, default)}
    return create_model("Made", __config__=ConfigDict(**config), **members)  # type: ignore[typeddict-item]


def random_model(random: Random, depth: int) -> type[BaseModel]:
    """Return a model with random fields."""
    fields: dict[str, Any] = {}
    for number in range(random.randint(1, 4)):
        annotation = random_type(random, depth)
        default: Any = random.choice([..., ..., None, [], {}, "", 1])
        if random.random() < 0.3:
            annotation = annotation | None if not isinstance(annotation, str) else annotation
        fields[f"a_field_{number}"] = annotation, default
    extra: Any = random.choice(["forbid", "forbid", "ignore", "allow"])
    return create_model("Random", __config__=ConfigDict(extra=extra), __doc__="A model.", **fields)


def random_type(random: Random, depth: int) -> Any:
    """Return the type of a field."""
    low = random.choice([0, -1, 0.5])
    leaves: list[Any] = [
        *(int, float, str, bool, Color, datetime, Any, Literal["a", "b"], dict[str, Any], list, dict, Plain, int | str),
        Annotated[float, Field(ge=low, le=low + 2)],
        Annotated[float, Field(gt=low, lt=low + 2)],
        Annotated[int, Field(ge=-1, lt=7)],
        Annotated[str, Field(min_length=1, max_length=2)],
    ]
    kind = random.random()
    if depth < 2 and kind < 0.2:
        return random_model(random, depth + 1)
    if depth < 2 and kind < 0.35:
        return list[random_type(random, depth + 1)]  # type: ignore[misc]
    if depth < 2 and kind < 0.4:
        return Annotated[list[random_type(random, depth + 1)], Field(min_length=1, max_length=2)]  # type: ignore[misc]
    if depth < 2 and kind < 0.45:
        return tuple[random_type(random, depth + 1), ...]  # type: ignore[misc]
    if depth < 2 and kind < 0.5:
        return dict[str, random_type(random, depth + 1)]  # type: ignore[misc]
    return random.choice(leaves)
