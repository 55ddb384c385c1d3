"""The form of a response, by the weights in `Accept` (RFC 9110, section 12.5.1).

JSON carries a single answer, server-sent events carry any number, and a multipart body carries subscriptions. A stream
is sent only to a client that names its media type: a wildcard means JSON, which every client reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from web.responses import JSON

GRAPHQL_RESPONSE = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/mixed"
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The forms that a client accepts: the JSON media type with the highest weight, None if it takes none, and weights.

    `html_weight` counts only if the client names `text/html`.
    """

    json: str | None
    json_weight: float
    events_weight: float
    parts_weight: float
    html_weight: float = 0.0

    @property
    def for_answer(self) -> str | None:
        """The media type for a query or mutation. JSON wins a tie: urql names event streams for every query."""
        return EVENT_STREAM if self.events_weight > self.json_weight else self.json

    @property
    def for_stream(self) -> str | None:
        """The media type for a subscription: JSON, in which it can only be refused, if the client takes no other."""
        if max(self.events_weight, self.parts_weight) <= 0:
            return self.json
        return EVENT_STREAM if self.events_weight >= self.parts_weight else MULTIPART

    @property
    def prefers_html(self) -> bool:
        """Whether HTML has a higher weight than JSON: in the navigation of a browser, and not in clients of the API."""
        return self.html_weight > self.json_weight


@lru_cache(maxsize=256)
def accepted(accept: str) -> Accepted:
    """Return the forms that an `Accept` header allows.

    Of two JSON media types with one weight, the newer wins if it is named, and the older for a wildcard.
    """
    weights = _weights(accept)
    wildcard = weights.get("application/*", weights.get("*/*", 0.0)) if accept.strip() else 1.0
    older, newer = weights.get(JSON, wildcard), weights.get(GRAPHQL_RESPONSE, wildcard)
    if max(older, newer) <= 0:
        json = None
    elif newer == older:
        json = GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in weights else JSON
    else:
        json = GRAPHQL_RESPONSE if newer > older else JSON
    streams = weights.get(EVENT_STREAM, 0.0), weights.get(MULTIPART, 0.0)
    return Accepted(json, max(older, newer), *streams, html_weight=weights.get(HTML, 0.0))


def _weights(accept: str) -> Mapping[str, float]:
    """Return the weights by media range, in lower case; of two entries for one range, the higher."""
    weights: dict[str, float] = {}
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weights[name] = max(weights.get(name, 0.0), _weight(parameters))
    return weights


def _weight(parameters: Sequence[str]) -> float:
    """Return the value of `q`, from 0 to 1; 1 if it is missing, and 0 if it is malformed."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
