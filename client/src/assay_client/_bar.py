"""Progress, told to whoever wants to know: to a function, or to a bar in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from tqdm import tqdm

from assay_client.models import Analysis, Batch

ThingT = TypeVar("ThingT", Analysis, Batch)
Progress: TypeAlias = Callable[[ThingT], object] | bool
"""A function that is called with each new state, or True for a bar on standard error, if that is a terminal."""


@contextmanager
def told(progress: Progress[ThingT]) -> Iterator[Callable[[ThingT], object]]:
    """What to call with each new state."""
    if not isinstance(progress, bool):
        yield progress
    elif progress:
        with Bar() as bar:
            yield bar.show
    else:
        yield _nobody


class Bar:
    """A bar of tqdm's: items of a batch, or the hundredths of an analysis."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, thing: Analysis | Batch) -> None:
        """Draw it as it is now."""
        if self._bar is None:
            unit = " items" if isinstance(thing, Batch) else "%"
            self._bar = tqdm(unit=unit, disable=None, dynamic_ncols=True)  # None: only in a terminal
        bar = self._bar
        if isinstance(thing, Batch):
            bar.total = thing.total_items
            bar.n = thing.processed + thing.failed + thing.canceled + thing.timed_out
            bar.set_description(thing.name or "Analyzing", refresh=False)
            bar.set_postfix_str(f"{thing.failed} failed" if thing.failed else "", refresh=False)
        else:
            bar.total = 100
            bar.n = 100 if thing.ended else round(100 * thing.progress.fraction)
            bar.set_description(thing.progress.step or str(thing.status).lower(), refresh=False)
        bar.refresh()


def _nobody(_thing: object) -> None:
    pass
