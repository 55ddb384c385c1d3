"""Defaults and bounds of submissions. It imports nothing, so that the command line starts without the database."""

from __future__ import annotations

DEFAULT_PRIORITY = 5
MIN_PRIORITY, MAX_PRIORITY = 1, 10
"""Of the last and of the first analyses to be run."""

DEFAULT_ATTEMPTS, MAX_ATTEMPTS = 3, 10

DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS = 300, 86_400
"""For one attempt of an analysis, and for a whole batch."""

MAX_WAIT_SECONDS = 60
"""Longest time that a submission may wait for the end before it is answered: proxies commonly allow a minute."""

MAX_ITEMS = 10_000
"""Items of a batch in one request. A stream of lines has no such bound."""

MAX_NAME = 200
"""Longest name or key, in characters."""
