"""CPU time of an operation from its text to its JSON: compiled, and by graphql-core, in turns on one SQLite file.

    python -m benchmarks.compiled [--rounds 20] [--analyses 2000] [--profile by_id|page_20|page_100]

The executor is called in this process: the figures have neither HTTP nor another process. `interpreted` has the same
executor with an operation limit of zero bytes for compiled programs. `pydantic` is compiled, with results read by
pydantic in place of the decoders.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from sqlalchemy import insert

from analyzers.registry import load_registry
from analyzers.text import ANALYZER
from benchmarks.texts import TEXTS, _Silent
from events.bus import Bus
from events.feed import Feed
from execution.executor import Executor, OperationRequest
from resolvers import analyses
from resolvers.context import Context, Services
from resolvers.decoders import decoder_of
from schema.build import fit
from settings import Settings
from store import tables
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.submissions import Submissions
from store.tables import Form
from telemetry import Telemetry
from tests.resolvers.rows import analysis

FIELDS = """
id status priority attempt createdAt finishedAt processingTimeMs cancelable progress { fraction step }
result { __typename score tags summary ... on TextResult { language { code } } }
"""
OPERATIONS = {
    "by_id": f"query ($id: ID!) {{ analysis(id: $id) {{ {FIELDS} }} }}",
    "page_20": f"{{ analyses(first: 20) {{ nodes {{ {FIELDS} }} pageInfo {{ hasNextPage endCursor }} }} }}",
    "page_100": f"{{ analyses(first: 100) {{ nodes {{ {FIELDS} }} pageInfo {{ hasNextPage endCursor }} }} }}",
}
RUNS = {"by_id": 300, "page_20": 60, "page_100": 15}


async def fill(database: Database, number: int) -> str:
    """Insert completed analyses and return the id of one."""
    if ANALYZER.prepare is not None:
        ANALYZER.prepare()
    results = [
        ANALYZER.run(ANALYZER.request(text=text), _Silent()).model_dump_json(by_alias=True) for text in TEXTS[:20]
    ]
    rows = []
    for each in range(number):
        result = results[each % len(results)]
        more: dict[str, Any] = {"input_text": TEXTS[each % len(TEXTS)], "result": result, "result_bytes": len(result)}
        more |= {"result_form": Form.CLIENT, "input_form": Form.CLIENT, "finished_at": utcnow(), "processing_ms": 3.0}
        columns = {name: value for name, value in more.items() if name in tables.analysis.c}
        rows.append(analysis("COMPLETED", position=each, created_at=utcnow(), **columns).values)
    async with database.write() as connection:
        await connection.execute(insert(tables.analysis), rows)
    return str(rows[number // 2]["id"])


def no_decoder_of(_model: type) -> Callable[[str], None]:
    """Leave all results to pydantic."""
    return lambda _: None


async def measure(executor: Executor, services: Services, name: str, id_: str, runs: int) -> float:
    """Return CPU microseconds for one operation, by the mean of these runs."""
    request = OperationRequest(OPERATIONS[name], None, {"id": id_} if name == "by_id" else None)
    began = process_time()
    for _ in range(runs):
        answer = await executor.execute(request, Context(services, LOCAL_ADMINISTRATOR, "benchmark"))
        assert "errors" not in answer.body, answer.body
        assert answer.json
    return (process_time() - began) / runs * 1e6


async def run(arguments: argparse.Namespace) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        database = Database(settings.database)
        await migrate(database)
        schema, analyzers, _ = fit(load_registry(built_in=True).analyzers)  # names the fields as stored results do
        id_ = await fill(database, arguments.analyses)
        telemetry = Telemetry("benchmark")
        services = Services(
            settings=settings,
            database=database,
            submissions=Submissions(database),
            feed=Feed(database),
            bus=Bus(),
            telemetry=telemetry,
            analyzers=analyzers,
            plugin_failures={},
            instance="benchmark",
        )
        compiled = Executor(schema, settings=settings, telemetry=telemetry)
        executors = {
            "interpreted": Executor(schema, settings=settings, telemetry=telemetry, compiled_bytes=0),
            "pydantic": compiled,
            "compiled": compiled,
        }
        for executor in executors.values():
            for name in OPERATIONS:
                await measure(executor, services, name, id_, 3)
        if arguments.profile:
            profile = cProfile.Profile()
            profile.enable()
            await measure(executors["compiled"], services, arguments.profile, id_, 500)
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(35)
            await database.close()
            return
        figures: dict[Any, list[float]] = {}
        for _ in range(arguments.rounds):
            for name, runs in RUNS.items():
                for way, executor in executors.items():
                    vars(analyses)["decoder_of"] = no_decoder_of if way == "pydantic" else decoder_of
                    figures.setdefault((name, way), []).append(await measure(executor, services, name, id_, runs))
        print(
            f"{'CPU µs per operation':24}{'interpreted':>12}{'pydantic':>12}{'compiled':>12}{'ratios to compiled':>22}"
        )
        for name in OPERATIONS:
            whole = [figures[name, way] for way in executors]
            ratios = [median(a / b for a, b in zip(each, whole[-1], strict=True)) for each in whole[:-1]]
            print(
                f"{name:24}"
                + "".join(f"{median(each):12.0f}" for each in whole)
                + "".join(f"{each:11.2f}" for each in ratios)
            )
        print(f"compiled {telemetry.compiled}, interpreted {dict(telemetry.interpreted)}")
        await database.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--analyses", type=int, default=2000)
    parser.add_argument("--profile", choices=list(OPERATIONS))
    asyncio.run(run(parser.parse_args()))
