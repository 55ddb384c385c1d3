# /// script
# requires-python = ">=3.11"
# dependencies = ["ariadne-codegen[subscriptions]==0.19.0"]
# ///
"""Makes a typed Python client of the printed schema with ariadne-codegen, imports it, and works with it.

    uv run --script typed_client.py SCHEMA.graphql http://HOST:PORT/graphql

It has an environment of its own (locked in typed_client.py.lock): ariadne-codegen and Strawberry want different
versions of graphql-core.
"""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

OPERATIONS = Path(__file__).with_name("operations.graphql")
CONFIGURATION = """
[tool.ariadne-codegen]
schema_path = "{schema}"
queries_path = "{operations}"
target_package_name = "typed_assay"
target_package_path = "{folder}"
include_comments = "none"

[tool.ariadne-codegen.scalars.DateTime]
type = "datetime.datetime"

[tool.ariadne-codegen.scalars.JSON]
type = "typing.Any"

[tool.ariadne-codegen.scalars.BigInt]
type = "int"
"""


async def work(url: str) -> None:
    """Queries, mutates and subscribes through the generated client."""
    made = importlib.import_module("typed_assay")
    async with made.Client(url=url, ws_url=url.replace("http", "ws", 1)) as client:
        names = [analyzer.name for analyzer in (await client.list_analyzers()).analyzers]
        assert "text" in names, names

        request = made.AnalysisRequest(text=made.TextRequest(text="Wine is bottled poetry."))
        payload = (await client.submit(made.SubmitAnalysisInput(request=request, wait_seconds=30))).submit_analysis
        assert payload.user_errors == [], payload.user_errors
        analysis = payload.analysis
        assert analysis.status is made.AnalysisStatus.COMPLETED, analysis
        assert analysis.result.typename__ == "TextResult", analysis.result
        assert analysis.created_at.utcoffset() is not None

        page = (await client.analyses(first=1)).analyses
        assert [node.id for node in page.nodes] == [analysis.id], page
        assert page.total_count == 1, page

        watched = [answer.analysis.status async for answer in client.watch(id=analysis.id)]
        assert watched == [made.AnalysisStatus.COMPLETED], watched


def main() -> None:
    schema, url = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder, "codegen.toml")
        configuration.write_text(
            CONFIGURATION.format(schema=Path(schema).resolve(), operations=OPERATIONS.resolve(), folder=folder)
        )
        tool = Path(sys.executable).with_name("ariadne-codegen")
        subprocess.run([tool, "--config", configuration], check=True)
        sys.path.insert(0, folder)
        asyncio.run(work(url))
    print("all ok")


if __name__ == "__main__":
    main()
