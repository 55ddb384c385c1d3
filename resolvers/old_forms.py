"""Stored JSON of `Form.MODEL`, in the clients' spelling.

Its names are those of the models' fields, in snake_case. A field may hold JSON of the caller's own shape, whose keys
stay as they are: names are exchanged along the model, and without a model all keys are taken for names.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Annotated, Any, Union, get_args, get_origin

import orjson
from pydantic import BaseModel, ValidationError

from analyzers.base import Analyzer, camel
from store.tables import AnalysisRow


def input_data(row: AnalysisRow, analyzer: Analyzer[Any, Any] | None) -> Any:
    """Return the content of a row, or None; as it is stored if the server lacks the analyzer."""
    kept = orjson.loads(row.input_data or "null")
    if analyzer is None:
        return kept
    return _renamed(kept, analyzer.request.model_fields[analyzer.content_field].annotation)


def options(row: AnalysisRow, analyzer: Analyzer[Any, Any] | None) -> Any:
    """Return the options of a row."""
    kept = orjson.loads(row.options)
    return untyped(kept) if analyzer is None else _renamed(kept, analyzer.request)


def result(row: AnalysisRow, analyzer: Analyzer[Any, Any] | None) -> Any:
    """Return the result of a row, or None; `untyped` if the server lacks the analyzer or has another version of it."""
    kept = row.result or "null"
    if analyzer is not None:
        try:
            found: BaseModel = analyzer.result.model_validate_json(kept)
        except ValidationError:
            pass
        else:
            return found.model_dump(mode="json", by_alias=True, warnings=False)
    return untyped(orjson.loads(kept))


def untyped(value: Any) -> Any:
    """Return JSON with all of its keys in camelCase."""
    if isinstance(value, dict):
        return {camel(key): untyped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [untyped(each) for each in value]
    return value


def _renamed(value: Any, annotation: Any) -> Any:
    if not isinstance(value, dict | list):
        return value
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _renamed(value, arguments[0])
    if origin in (Union, types.UnionType):
        members = [each for each in arguments if each is not types.NoneType]
        return _renamed(value, members[0]) if len(members) == 1 else value
    if isinstance(value, list):
        return [_renamed(each, arguments[0]) for each in value] if origin in (list, Sequence, tuple) else value
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return value
    fields = annotation.model_fields
    return {
        camel(name): _renamed(each, fields[name].annotation if name in fields else None) for name, each in value.items()
    }
