"""In which form an answer comes, by the weights of `Accept` (RFC 9110, section 12.5.1).

JSON carries whatever has one answer, server-sent events carry everything, and a multipart body carries subscriptions.
A stream is sent to none but who names its media type: for a wildcard it is JSON, which every client reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from web.responses import JSON

GRAPHQL_RESPONSE = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/mixed"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a client takes: the kind of JSON that it ranks highest, None where it takes none, and the weights."""

    json: str | None
    json_weight: float
    events_weight: float
    parts_weight: float

    @property
    def for_answer(self) -> str | None:
        """The media type for a query or mutation. Among equals it is JSON: urql names event streams for every query."""
        return EVENT_STREAM if self.events_weight > self.json_weight else self.json

    @property
    def for_stream(self) -> str | None:
        """The media type for a subscription: JSON only where there is no other, since it can but refuse."""
        if max(self.events_weight, self.parts_weight) <= 0:
            return self.json
        return EVENT_STREAM if self.events_weight >= self.parts_weight else MULTIPART


@lru_cache(maxsize=256)
def accepted(accept: str) -> Accepted:
    """What an `Accept` header says; of two entries for one media type the heavier counts.

    Among equals that are named it is the newer kind of JSON, and for a wildcard the older.
    """
    weights: dict[str, float] = {}
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weights[name] = max(weights.get(name, 0.0), _weight(parameters))
    wildcard = weights.get("application/*", weights.get("*/*", 0.0)) if accept.strip() else 1.0
    older, newer = weights.get(JSON, wildcard), weights.get(GRAPHQL_RESPONSE, wildcard)
    if max(older, newer) <= 0:
        json = None
    elif newer == older:
        json = GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in weights else JSON
    else:
        json = GRAPHQL_RESPONSE if newer > older else JSON
    return Accepted(json, max(older, newer), weights.get(EVENT_STREAM, 0.0), weights.get(MULTIPART, 0.0))


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
