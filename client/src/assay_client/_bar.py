"""Progress reports: calls of a function, or a bar in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from tqdm import tqdm

from assay_client.models import Analysis, Batch

ThingT = TypeVar("ThingT", Analysis, Batch)
Progress: TypeAlias = Callable[[ThingT], object] | bool
"""A function that the client calls with each new state; or True, for a bar on standard error if that is a terminal."""


@contextmanager
def told(progress: Progress[ThingT]) -> Iterator[Callable[[ThingT], object]]:
    """Yield the function that reports a new state."""
    if not isinstance(progress, bool):
        yield progress
    elif progress:
        with Bar() as bar:
            yield bar.show
    else:
        yield _nobody


class Bar:
    """A tqdm bar that counts a batch's items, or an analysis's percent."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, thing: Analysis | Batch) -> None:
        """Draw the current state."""
        if isinstance(thing, Batch):
            unit, total = " items", thing.total_items
            done = thing.processed + thing.failed + thing.canceled + thing.timed_out
            title, note = thing.name or "Analyzing", f"{thing.failed} failed" if thing.failed else ""
        else:
            unit, total = "%", 100
            done = 100 if thing.ended else round(100 * thing.progress.fraction)
            title, note = thing.progress.step or str(thing.status).lower(), ""
        if self._bar is None:
            # `initial` leaves earlier work out of the rate. `disable=None` draws on terminals only.
            self._bar = tqdm(desc=title, total=total, initial=done, unit=unit, disable=None, dynamic_ncols=True)
        bar = self._bar
        if bar.disable:
            return
        bar.total, bar.n = total, done
        bar.initial = min(bar.initial, done)  # a retry lowers the count
        bar.set_description(title, refresh=False)
        bar.set_postfix_str(note, refresh=False)
        bar.refresh()


def _nobody(_thing: object) -> None:
    pass
