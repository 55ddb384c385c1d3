"""Discovery of analyzers: the built-in ones, a user's own files, and those of installed packages.

A built-in analyzer is a package of this package with an `ANALYZER`. A single file here with an `ANALYZER` is a user's
own. An installed package adds an analyzer with an entry point of the group `assay.analyzers`. An analyzer that can't be
imported, is not an `Analyzer`, or has a name in use is left out and reported. The others work without it. One that
lacks a package is also reported with the command that installs it.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from typing import Any

import analyzers
from analyzers.base import MESSAGE_CHARACTERS, Analyzer, Request, Result, clean, name_fields

GROUP = "assay.analyzers"
_NAME = re.compile(r"[a-z][0-9A-Za-z]*")

AnyAnalyzer = Analyzer[Any, Any]


@dataclass(frozen=True, slots=True)
class Registry:
    """The analyzers by name, and the reasons of failures by module or entry point.

    `missing`: the commands that install missing packages, by the name of the module or entry point.
    """

    analyzers: Mapping[str, AnyAnalyzer]
    failures: Mapping[str, str]
    missing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A possible source of an analyzer. `load` returns None for a module without `ANALYZER`."""

    name: str
    source: str
    load: Callable[[], Any]
    package: str | None = None
    """The package to install, with its dependencies. None for a file of this program."""


def load_registry(*, built_in: bool = False) -> Registry:
    """Import all analyzers, or only the built-in ones, with their dependencies.

    This is slow: call it once in each process.
    """
    found: dict[str, AnyAnalyzer] = {}
    failures: dict[str, str] = {}
    missing: dict[str, str] = {}
    for each in _candidates(built_in=built_in):
        try:
            analyzer = each.load()
            if analyzer is not None:
                _add(found, analyzer)
        except Exception as error:
            failures[each.source] = clean(f"{type(error).__name__}: {error}", MESSAGE_CHARACTERS)
            if isinstance(error, ModuleNotFoundError) and error.name is not None:
                missing[each.name] = f"python -m pip install {each.package or error.name.partition('.')[0]}"
    return Registry(found, failures, missing)


def load_analyzers() -> dict[str, AnyAnalyzer]:
    """Return the loaded analyzers by name, without the failures."""
    return dict(load_registry().analyzers)


def _candidates(*, built_in: bool) -> Iterator[_Candidate]:
    for module in sorted(pkgutil.iter_modules(analyzers.__path__), key=lambda module: module.name):
        if module.ispkg or (not built_in and module.name not in ("base", "faults", "registry")):
            source = f"analyzers.{module.name}"
            yield _Candidate(module.name, source, partial(_load_module, source))
    for entry in sorted([] if built_in else entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        extras = f"[{','.join(entry.extras)}]" if entry.extras else ""
        package = None if entry.dist is None else shlex.quote(entry.dist.name + extras)
        yield _Candidate(entry.name, f"{entry.name} = {entry.value}", entry.load, package)


def _load_module(name: str) -> Any:
    return getattr(importlib.import_module(name), "ANALYZER", None)


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
