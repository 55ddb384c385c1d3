"""The form of a response, by the weights in `Accept` (RFC 9110, section 12.5.1).

JSON carries a single answer, server-sent events carry any number, and a multipart body carries subscriptions. A stream
is sent only to a client that names its media type: a wildcard means JSON, which every client reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from web.accept import weights
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
    found = weights(accept)
    wildcard = found.get("application/*", found.get("*/*", 0.0)) if accept.strip() else 1.0
    older, newer = found.get(JSON, wildcard), found.get(GRAPHQL_RESPONSE, wildcard)
    if max(older, newer) <= 0:
        json = None
    elif newer == older:
        json = GRAPHQL_RESPONSE if GRAPHQL_RESPONSE in found else JSON
    else:
        json = GRAPHQL_RESPONSE if newer > older else JSON
    streams = found.get(EVENT_STREAM, 0.0), found.get(MULTIPART, 0.0)
    return Accepted(json, max(older, newer), *streams, html_weight=found.get(HTML, 0.0))
