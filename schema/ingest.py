"""Items of a batch as lines of JSON: a line is exactly an element of `items` of `batchProcess`."""

from __future__ import annotations

from typing import Any, cast

import orjson
import strawberry
from graphql import GraphQLError, GraphQLInputObjectType, GraphQLNonNull
from graphql.utilities import coerce_input_value, validate_input_value
from strawberry.schema.schema_converter import GraphQLCoreConverter

from execution.errors import ClientError
from execution.strawberry_parts import core_schema
from execution.variables import Coercion, Unusual
from resolvers.ingest import LineFault
from resolvers.submissions import Item
from store.bounds import DEFAULT_PRIORITY

ITEM, REQUEST = "BatchItem", "AnalysisRequest"


class ItemReader:
    """Reads lines: `{"key": …, "request": {"text": {…}}, "priority": …}`, of which only `request` is required.

    With the name of an analyzer, `request` is that analyzer's own request, without the name around it. `priority` is
    the default of items without one.
    """

    def __init__(
        self, schema: strawberry.Schema, analyzer: str | None = None, priority: int = DEFAULT_PRIORITY
    ) -> None:
        core = core_schema(schema)
        types = core.type_map
        self._type = cast(GraphQLInputObjectType, types[ITEM])
        self._coerce = Coercion(core).function(self._type)
        self._request = types[REQUEST].extensions[GraphQLCoreConverter.DEFINITION_BACKREF].from_input
        self._analyzer = analyzer
        self._priority = priority

    def __call__(self, line: bytes) -> Item:
        """Return the item of a line. Raises LineFault."""
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise LineFault(f"it is no JSON from character {error.pos + 1:,} on.") from None
        if self._analyzer is not None and isinstance(value, dict) and "request" in value:
            value["request"] = {self._analyzer: value["request"]}
        try:
            item = self._coerce(value)
        except Unusual:
            item = self._coerce_slowly(value)
        try:
            requested = self._request(None, item["request"], None)
        except ClientError as error:
            raise LineFault(str(error)) from None
        priority = value.get("priority")
        return Item(item.get("key"), requested, self._priority if priority is None else priority)

    def _coerce_slowly(self, value: Any) -> Any:
        errors: list[tuple[GraphQLError, list[str | int]]] = []
        required = GraphQLNonNull(self._type)
        validate_input_value(value, required, lambda error, path: errors.append((error, path)))
        if not errors:
            return coerce_input_value(value, required)
        error, path = errors[0]
        place = f"`{'.'.join(map(str, path))}`: " if path else ""
        raise LineFault(f"{place}{error.message}")
