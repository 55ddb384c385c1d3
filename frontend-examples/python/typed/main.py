"""Submit a text and watch it, with a client generated from the schema, whose names and types are checked.

uv run main.py [http://127.0.0.1:8000/graphql]
"""

from __future__ import annotations

import asyncio
import sys

import httpx
from assay_typed import (
    AnalysisStatus,
    Client,
    GraphQLClientError,
    GraphQLClientGraphQLMultiError,
    SubmitAnalysisInput,
    TextOperation,
)
from assay_typed.input_types import AnalysisRequest, TextRequest
from assay_typed.result import ResultAnalysisResultTextResult
from websockets.exceptions import WebSocketException

TEXT = "The food in Paris was wonderful, but the hotel was dirty and far too loud."


async def run(url: str) -> None:
    """Submit a text, watch the analysis and print its result."""
    async with Client(url=url, ws_url=url.replace("http", "ws", 1)) as client:
        for analyzer in (await client.list_analyzers()).analyzers:
            print(f"{analyzer.name}: {analyzer.description}")

        text = TextRequest(text=TEXT, operations=[TextOperation.SENTIMENT, TextOperation.KEYWORDS])
        submitted = (await client.submit(SubmitAnalysisInput(request=AnalysisRequest(text=text)))).submit_analysis
        if submitted.analysis is None:
            sys.exit("\n".join(f"{error.code}: {error.message}" for error in submitted.user_errors))

        status = submitted.analysis.status
        async for answer in client.watch(submitted.analysis.id):
            status = answer.analysis.status
            print(f"{status.value} {answer.analysis.progress.fraction:.0%}")
        if status is not AnalysisStatus.COMPLETED:
            sys.exit(1)

        analysis = (await client.result(submitted.analysis.id)).analysis
        assert analysis is not None
        assert isinstance(analysis.result, ResultAnalysisResultTextResult)
        assert analysis.result.sentiment is not None
        print(analysis.result.summary)
        print(f"{analysis.result.sentiment.label.value} {analysis.result.sentiment.score:+.2f}")
        print(", ".join(keyword.text for keyword in analysis.result.keywords or []))


def main() -> None:
    """Run the command line."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/graphql"
    try:
        asyncio.run(run(url))
    except GraphQLClientGraphQLMultiError as error:
        sys.exit(f"{url} refused: {error}")
    except (OSError, httpx.TransportError, WebSocketException, GraphQLClientError) as error:
        sys.exit(f"No GraphQL at {url} ({error}): is the server running, and is the URL right?")
    except KeyboardInterrupt:
        print("Interrupted. The analysis keeps running.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
