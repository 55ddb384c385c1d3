"""Discovery of analyzers: the built-in ones, then those of installed packages.

A built-in analyzer is a package of this package with an `ANALYZER`. A package adds one with an entry point of the group
`assay.analyzers`. An analyzer that can't be imported, is not an `Analyzer`, or has a name in use is left out and
reported. The others work without it.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import analyzers
from analyzers.base import Analyzer, Request, Result, name_fields

GROUP = "assay.analyzers"
_NAME = re.compile(r"[a-z][0-9A-Za-z]*")

AnyAnalyzer = Analyzer[Any, Any]


@dataclass(frozen=True, slots=True)
class Registry:
    """The analyzers by name, and the reasons of failures by module or entry point."""

    analyzers: Mapping[str, AnyAnalyzer]
    failures: Mapping[str, str]


def load_registry() -> Registry:
    """Import all analyzers with their dependencies. This is slow: call it once in each process."""
    found: dict[str, AnyAnalyzer] = {}
    failures: dict[str, str] = {}
    for source, load in _candidates():
        try:
            analyzer = load()
            if analyzer is not None:
                _add(found, analyzer)
        except Exception as error:
            failures[source] = f"{type(error).__name__}: {error}"
    return Registry(found, failures)


def load_analyzers() -> dict[str, AnyAnalyzer]:
    """Return the loaded analyzers by name, without the failures."""
    return dict(load_registry().analyzers)


def _candidates() -> Iterator[tuple[str, Any]]:
    """Yield possible sources of analyzers, each with a loader, which returns None for a module without `ANALYZER`."""
    for module in sorted(pkgutil.iter_modules(analyzers.__path__, "analyzers."), key=lambda module: module.name):
        if module.name not in ("analyzers.base", "analyzers.registry"):
            name = module.name
            yield name, lambda name=name: getattr(importlib.import_module(name), "ANALYZER", None)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        yield f"{entry.name} = {entry.value}", entry.load


def _add(found: dict[str, AnyAnalyzer], analyzer: object) -> None:
    if not isinstance(analyzer, Analyzer):
        raise TypeError(f"{type(analyzer).__name__} is not an Analyzer")
    if not _NAME.fullmatch(analyzer.name):
        raise ValueError(f"{analyzer.name!r} is not a name in camelCase, for example `text` or `rootCause`")
    for given, base in ((analyzer.request, Request), (analyzer.result, Result)):
        if not (isinstance(given, type) and issubclass(given, base)):
            raise TypeError(f"{given!r} is not a subclass of analyzers.base.{base.__name__}")
    if analyzer.name in found:
        raise ValueError(f"the name {analyzer.name!r} is already used by another analyzer")
    analyzer.content_field  # noqa: B018 — raises if the request has none
    name_fields(analyzer.request, analyzer.result)
    found[analyzer.name] = analyzer
