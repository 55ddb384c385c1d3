# /// script
# requires-python = ">=3.11"
# dependencies = ["gql[aiohttp,websockets]>=4.0"]
# ///
"""Submit a batch, follow it live and read its results, with gql alone.

    uv run --script frontend-examples/python/with_gql.py [http://127.0.0.1:8000/graphql]

Queries and mutations use HTTP, the subscription a WebSocket. The package in `client/` does more: it reconnects, reads
all pages, and has the API's types.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.websockets import WebsocketsTransport

SUBMIT = gql("""
mutation Submit($input: BatchProcessInput!) {
  batchProcess(input: $input) { batch { id } userErrors { code message path } }
}""")
EVENTS_END = gql("{ eventsEnd }")
FOLLOW = gql("""
subscription Follow($filter: EventFilter, $after: String) {
  events(filter: $filter, after: $after) {
    cursor
    type
    ... on AnalysisEvent { analysis { key result { summary } error { message } } }
    ... on BatchEvent { processed failed totalItems }
  }
}""")

TEXTS = ["I love it. It works like a charm.", "It broke on the second day. What a waste of money!", ""]


async def run(url: str) -> None:
    """Submit a batch, then follow its events until its end."""
    socket_url = url.replace("http", "ws", 1)
    http = Client(transport=AIOHTTPTransport(url=url, ssl=url.startswith("https")))
    ws = Client(transport=WebsocketsTransport(socket_url, subprotocols=["graphql-transport-ws"]))
    async with http as queries, ws as subscriptions:
        # Read before the submission, so that a late subscription misses no event of the batch.
        after = (await queries.execute(EVENTS_END))["eventsEnd"]

        items = [{"key": f"text {n}", "request": {"text": {"text": text}}} for n, text in enumerate(TEXTS)]
        SUBMIT.variable_values = {"input": {"name": "with gql", "items": items}}
        payload = (await queries.execute(SUBMIT))["batchProcess"]
        if payload["batch"] is None:
            sys.exit("\n".join(error["message"] for error in payload["userErrors"]))

        FOLLOW.variable_values = {"filter": {"batchId": payload["batch"]["id"]}, "after": after}
        async for answer in subscriptions.subscribe(FOLLOW):
            event = answer["events"]
            if event["type"] in ("ANALYSIS_COMPLETED", "ANALYSIS_FAILED"):
                print(f"{event['analysis']['key']}: {outcome(event['analysis'])}")
            elif event["type"] == "BATCH_COMPLETED":
                print(f"{event['processed']} completed, {event['failed']} failed, of {event['totalItems']}")
                return


def outcome(analysis: dict[str, Any]) -> str:
    """Return the result or error of an item, in a sentence."""
    found = analysis["error"]["message"] if analysis["error"] else analysis["result"]["summary"]
    return str(found)


def main() -> None:
    """Run the command line."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/graphql"
    try:
        asyncio.run(run(url))
    except TransportQueryError as error:
        sys.exit(f"{url} refused: {error.errors[0]['message'] if error.errors else error}")
    except (OSError, TransportError) as error:
        sys.exit(f"No GraphQL at {url} ({error.__cause__ or error}): is the server running, and is the URL right?")
    except KeyboardInterrupt:
        print("Interrupted. The batch keeps running.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
