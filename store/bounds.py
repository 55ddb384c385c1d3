"""Defaults and bounds of inputs. This module imports nothing: the command line needs it for `--help`."""

from __future__ import annotations

DEFAULT_PRIORITY = 5
MIN_PRIORITY, MAX_PRIORITY = 1, 10
"""Workers take analyses of the highest priority first."""

DEFAULT_ATTEMPTS, MAX_ATTEMPTS = 3, 10

DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS = 300, 86_400
"""For one attempt of an analysis, and for a whole batch."""

MAX_WAIT_SECONDS = 60
"""Longest time that a submission may wait for the end before it is answered: proxies commonly allow a minute."""

MAX_ITEMS = 10_000
"""Items of a batch in one request. A stream of lines has no such bound."""

MAX_NAME = 200
"""Longest name or key, in characters."""

MAX_REASON = 500
"""Longest reason for a pause, in characters."""

MAX_SLOTS = 256
"""Most slots of a worker."""
