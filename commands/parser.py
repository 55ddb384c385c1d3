"""The command line's parser: the settings of a command as options, and suggestions for misspelt words.

This module imports neither SQL nor GraphQL, so that `--help` is quick.
"""

from __future__ import annotations

from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from settings import variable, version

_UNITS = ("seconds", "days", "bytes", "ms")


class Parser(ArgumentParser):
    """A parser that names the nearest option in place of a misspelt one."""

    def __init__(self, *names: Any, **options: Any) -> None:
        self.known: list[str] = []
        super().__init__(*names, **options)

    def add_argument(self, *names: Any, **options: Any) -> Any:
        """Add an argument, and remember its names."""
        self.known += names
        return super().add_argument(*names, **options)

    def require_options(self, given: Iterable[str]) -> None:
        """Exit with a message if one of these words is an option that the command lacks. `--` ends the options."""
        for word in given:
            if word == "--":
                return
            name = word.partition("=")[0]
            # An unambiguous beginning of an option is valid too.
            if name.startswith("--") and not any(each.startswith(name) for each in self.known):
                self.error(f"there is no option {name}{suggestion(name, self.known)}")


class ShowVersion(Action):
    """The option that prints the program's version and ends the program."""

    def __call__(self, parser: ArgumentParser, *_given: Any) -> None:
        """Print the version."""
        print(f"Assay {version()}")
        parser.exit()


def add_settings(parser: Parser, settings: type[BaseSettings]) -> None:
    """Add an option for each of these settings, with its form, its default and its variable."""
    group = parser.add_argument_group("settings, each also an environment variable")
    for field, info in settings.model_fields.items():
        about = f"{info.description} {_default(info)} [{variable(settings, field)}]".replace("%", "%%")
        group.add_argument(option(field), default=SUPPRESS, metavar=_form(field, info), help=about)
        parser.known.append(option(field))


def option(field: str) -> str:
    """Return the option of a setting."""
    return f"--{field.replace('_', '-')}"


def require_command(parser: ArgumentParser, given: Sequence[str], names: Sequence[str]) -> None:
    """Exit with a message if the first word is no command. Only `--help` and `--version` may precede it."""
    first = next((word for word in given if not word.startswith("-")), None)
    if first is not None and first not in names:
        parser.error(f"there is no command {first}{suggestion(first, names) or ': `--help` lists the commands'}")


def suggestion(word: str, names: Sequence[str]) -> str:
    """Return the end of a message with the nearest of these names, or nothing."""
    near = get_close_matches(word, names, n=1)
    return f": use {near[0]}" if near else ""


def _form(field: str, info: FieldInfo) -> str:
    """Return a word for the value: its choices, its unit, or its kind."""
    if get_origin(info.annotation) is Literal:
        return f"{{{','.join(get_args(info.annotation))}}}"
    if info.annotation is bool:
        return "{true,false}"
    last = field.rpartition("_")[2]
    if info.annotation in (int, float):
        return last.upper() if last in _UNITS else "N"
    return last.upper()


def _default(info: FieldInfo) -> str:
    default = info.default
    shown = ",".join(default) if isinstance(default, tuple) else "" if default is None else str(default)
    shown = shown.lower() if isinstance(default, bool) else shown
    return f"Default: {shown or 'empty'}."
