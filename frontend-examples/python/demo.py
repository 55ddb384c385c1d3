"""Submit 1,000 texts as one batch, watch it live, and show a table of the results.

    python frontend-examples/python/demo.py [--url http://127.0.0.1:8000/graphql]

One WebSocket carries the mutation, the subscription for the progress bar, and the queries for the results. The texts
are product reviews, each with the mean rating of twenty people, and sentences in many languages (see README.md in this
folder). The results can therefore be compared with people's own labels.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import sys
from collections import Counter
from pathlib import Path
from statistics import correlation
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from gql import Client, gql
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text
from websockets.exceptions import InvalidHandshake, InvalidURI

SUBMIT = """
mutation Submit($input: BatchProcessInput!) {
  batchProcess(input: $input) { batch { id totalItems } userErrors { code message path } }
}"""
WATCH = """
subscription Watch($id: ID!) {
  batch(id: $id) {
    status totalItems processed failed canceled timedOut itemsPerSecond totalProcessingTimeMs
    progress { fraction etaSeconds }
  }
}"""
RESULTS = """
query Results($id: ID!, $after: String) {
  batch(id: $id) {
    results(first: 500, after: $after) {
      nodes {
        key inputText status processingTimeMs
        result { tags ... on TextResult { language { code name } sentiment { label score } } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""


class Rate(ProgressColumn):
    """The server's figures: items per second, and the estimated time to the end."""

    def render(self, task: Task) -> Text:
        rate, eta = task.fields.get("rate"), task.fields.get("eta")
        text = "" if rate is None else f"{rate:,.0f}/s"
        return Text(text if eta is None else f"{text}  ends in {eta:.1f} s", style="cyan")


async def run(url: str, console: Console) -> int:
    """Run the demo. Returns the exit status."""
    with (Path(__file__).parent / "texts.tsv").open(encoding="utf-8", newline="") as file:
        texts = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    transport = WebsocketsTransport(url=url, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL])
    async with Client(transport=transport) as session:
        items = [{"key": str(n), "request": {"text": {"text": row["text"]}}} for n, row in enumerate(texts)]
        submitted = await execute(session, SUBMIT, {"input": {"name": "demo", "items": items}})
        payload = submitted["batchProcess"]
        if payload["batch"] is None:
            console.print(f"[red]refused: {payload['userErrors'][0]['message']}")
            return 1
        batch_id = payload["batch"]["id"]
        console.print(f"Submitted [bold]{len(items):,}[/] texts as [bold]{batch_id}[/]")
        batch = await watch(session, batch_id, len(items), console)
        results = [node async for node in all_results(session, batch_id)]
    show(console, batch, results, texts)
    return 0 if batch["processed"] == batch["totalItems"] else 1


async def execute(session: AsyncClientSession, document: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Run a query or mutation. Returns its data."""
    request = gql(document)
    request.variable_values = variables
    result: dict[str, Any] = await session.execute(request)
    return result


async def watch(session: AsyncClientSession, batch_id: str, total: int, console: Console) -> dict[str, Any]:
    """Show a progress bar until the batch has ended. Returns the batch's last state."""
    request = gql(WATCH)
    request.variable_values = {"id": batch_id}
    batch: dict[str, Any] = {}
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=40), MofNCompleteColumn(), Rate())
    # The bar has its own console, so that a recording has only its last state.
    with Progress(*columns, console=Console(), transient=True) as progress:
        bar = progress.add_task("Analyzing", total=total)
        async for answer in session.subscribe(request):
            batch = answer["batch"]
            ended = batch["processed"] + batch["failed"] + batch["canceled"] + batch["timedOut"]
            progress.update(
                bar,
                completed=ended,
                rate=batch["itemsPerSecond"],
                eta=batch["progress"]["etaSeconds"],
            )
    console.print(progress.get_renderable())
    return batch


async def all_results(session: AsyncClientSession, batch_id: str) -> Any:
    """Yield all items of the batch, page by page."""
    after = None
    while True:
        page = (await execute(session, RESULTS, {"id": batch_id, "after": after}))["batch"]["results"]
        for node in page["nodes"]:
            yield node
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def show(console: Console, batch: dict[str, Any], results: list[dict[str, Any]], texts: list[dict[str, str]]) -> None:
    """Print a table of the results."""
    done = [(node, node["result"], texts[int(node["key"])]) for node in results if node["result"]]
    languages = Counter(result["language"]["name"] for _, result, _ in done if result["language"])
    moods = Counter(result["sentiment"]["label"].lower() for _, result, _ in done if result["sentiment"])
    found = {"positive", "negative", "neutral", "mixed", *(name.lower() for name in languages)}
    tags = Counter(tag for _, result, _ in done for tag in result["tags"] if tag not in found)
    right = sum(
        result["language"] is not None and result["language"]["code"] == row["language"] for _, result, row in done
    )
    rated = [
        (float(row["rating"]), result["sentiment"]["score"])
        for _, result, row in done
        if row["rating"] and result["sentiment"]
    ]
    table = Table(title=f"{batch['totalItems']:,} texts", box=box.SIMPLE, show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    seconds = (batch["totalProcessingTimeMs"] or 0) / 1000
    table.add_row("ended", f"{batch['processed']:,} completed, {batch['failed']:,} failed")
    table.add_row("took", f"{seconds:.2f} s, {batch['totalItems'] / max(seconds, 0.001):,.0f} texts a second")
    table.add_row("languages", f"{len(languages)}: " + ", ".join(f"{name} {n}" for name, n in languages.most_common(6)))
    table.add_row("", f"{right:,} of {len(done):,} as labeled")
    table.add_row("sentiment", ", ".join(f"{n} {mood}" for mood, n in moods.most_common()))
    if len(rated) > 2:
        agreement = correlation(*map(list, zip(*rated, strict=True)))
        table.add_row("", f"{agreement:.2f} correlation with people's ratings of {len(rated)} of them")
    table.add_row("keywords", ", ".join(f"{tag} {n}" for tag, n in tags.most_common(7)))
    scored = sorted((each for each in done if each[1]["sentiment"]), key=lambda each: each[1]["sentiment"]["score"])
    for name, each in (("gladdest", scored[-1:]), ("saddest", scored[:1])):
        for node, result, _ in each:
            table.add_row(name, f"{result['sentiment']['score']:+.2f}  “{node['inputText'][:64]}…”")
    console.print(table)


def socket_url(url: str) -> str:
    """Return a server's WebSocket address. The form of a browser's address is accepted too: http://127.0.0.1:8000."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return urlunsplit(parts._replace(scheme=scheme, path=parts.path if parts.path.strip("/") else "/graphql"))


def explained(error: Exception, url: str) -> str:
    """Return a message with the error and its remedy."""
    if isinstance(error, TransportQueryError):
        return f"{url} refused: {error.errors[0]['message'] if error.errors else error}"
    reason = error.__cause__ or error
    if isinstance(reason, InvalidHandshake | InvalidURI):
        return f"No GraphQL at {url} ({reason}): is the URL right? Its form is http://HOST:PORT/graphql."
    return f"No response from {url}: {reason}. Start the server first: make run"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Submit 1,000 texts to a running server, and watch them.")
    parser.add_argument("--url", default="http://127.0.0.1:8000/graphql", help="the server's GraphQL address")
    parser.add_argument("--svg", help="also save the output as an SVG image of this name")
    arguments = parser.parse_args()
    console = Console(record=arguments.svg is not None)
    try:
        status = asyncio.run(run(socket_url(arguments.url), console))
    except (OSError, TransportError) as error:
        console.print(explained(error, arguments.url), style="red", markup=False, soft_wrap=True)
        status = 1
    except KeyboardInterrupt:
        page = urljoin(arguments.url, "/dashboard")
        console.print(f"Interrupted. The batch keeps running: {page} shows it.", markup=False, soft_wrap=True)
        status = 130
    if arguments.svg is not None:
        console.save_svg(arguments.svg, title="make demo")
    sys.exit(status)


if __name__ == "__main__":
    main()
