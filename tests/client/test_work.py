"""Submit work, wait for it, and read the results."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from assay_client import (
    AnalysisFailed,
    AnalysisResult,
    AsyncClient,
    Batch,
    Item,
    NotAllowed,
    NotFound,
    OperationFailed,
    TextOperation,
    TextRequest,
    TextResult,
    UserErrors,
)
from assay_client.models import RESULTS, AnalysisStatus, BatchStatus, TextSentimentLabel

from tests.api.calls import NO_SUCH_ANALYSIS, NO_SUCH_BATCH, ApiServer
from tests.client.badserver import listening
from tests.client.conftest import Connect, text
from tests.support import Server, until

Start = Callable[..., Awaitable[Server]]

SCRIPTS = [
    "Вино — это поэзия в бутылках, и всем это известно.",
    "ワインは瓶に詰められた詩です。誰もが知っています。",
    "النبيذ شعر معبأ في زجاجات وهذا معروف للجميع",
    "👩‍👩‍👧‍👦 ​ naïve Z̷a̷l̷g̷o̷ \u2028 \ufeff 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    'Quotes " and \\ and \n lines \t and </script>',
]


async def test_a_text_is_analyzed_and_its_result_is_typed(client: AsyncClient) -> None:
    request = TextRequest(
        text="I love it. It works like a charm.", operations=[TextOperation.SENTIMENT, TextOperation.STATISTICS]
    )
    analysis = await client.analyze(request, priority=9, max_attempts=2)
    assert (analysis.status, analysis.priority, analysis.max_attempts) == ("COMPLETED", 9, 2)
    assert analysis.analyzer.name == "text"
    assert analysis.options["operations"] == ["SENTIMENT", "STATISTICS"]
    assert isinstance(analysis.result, TextResult)
    assert analysis.result.sentiment is not None
    assert analysis.result.sentiment.label is TextSentimentLabel.POSITIVE
    assert analysis.result.statistics is not None
    assert analysis.result.statistics.words == 8
    assert analysis.result.keywords is None
    assert analysis.result.data["sentiment"]["label"] == "POSITIVE"
    assert analysis.finished_at is not None
    assert analysis.finished_at.tzinfo is UTC
    assert await client.analysis(analysis.id) == analysis


async def test_every_part_of_a_text_is_read_as_its_type(client: AsyncClient) -> None:
    long = "Ada Lovelace met Charles Babbage in London on 5 June 1833. " * 3 + "They spoke of engines. " * 30
    analysis = await client.analyze(TextRequest(text=long, operations=list(TextOperation)))
    assert isinstance(analysis.result, TextResult)
    parts = ("statistics", "language", "sentiment", "keywords", "topics", "entities", "text_summary")
    unavailable = {each.operation for each in analysis.result.unavailable}
    missing = [part for part in parts if getattr(analysis.result, part) is None]
    assert len(missing) <= len(unavailable)
    assert analysis.result.entities


@pytest.mark.parametrize("written", SCRIPTS)
async def test_a_text_of_any_script_is_unchanged(client: AsyncClient, written: str) -> None:
    assert (await client.analyze(written)).input_text == written


async def test_a_text_of_100_kilobytes_is_watched_and_read(client: AsyncClient) -> None:
    long = "Ünïcödé wörds stand here, and there are many. " * 2_200
    assert len(long.encode()) > 100_000
    analysis = await client.submit(TextRequest(text=long, operations=[TextOperation.STATISTICS]))
    states = [state async for state in client.watch(analysis)]
    assert {state.input_text for state in states} == {long}
    assert states[-1] == await client.analysis(analysis.id)


async def test_a_lone_surrogate_is_the_callers_error(client: AsyncClient) -> None:
    with pytest.raises(UnicodeEncodeError):
        await client.submit("\ud800")


async def test_a_wait_for_500_items_reports_progress(client: AsyncClient) -> None:
    submitted = await client.submit_batch(map(text, range(500)), name="five hundred")
    seen: list[Batch] = []
    batch = await client.wait(submitted, progress=seen.append)
    assert (batch.status, batch.total_items, batch.processed, batch.failed) == (BatchStatus.COMPLETED, 500, 500, 0)
    assert [each.processed for each in seen] == sorted(each.processed for each in seen)
    assert seen[-1] == batch
    results = [analysis async for analysis in client.results(batch, page_size=77)]
    assert [(each.key, each.input_text) for each in results] == [(str(n), text(n)) for n in range(500)]
    assert all(isinstance(each.result, TextResult) for each in results)


async def test_each_item_of_a_batch_may_fail(client: AsyncClient) -> None:
    batch = await client.wait(await client.submit_batch([Item(request="", key=f"k{n}") for n in range(20)]))
    assert (batch.status, batch.processed, batch.failed) == ("COMPLETED", 0, 20)
    results = [analysis async for analysis in client.results(batch, status=[AnalysisStatus.FAILED])]
    assert [each.key for each in results] == [f"k{n}" for n in range(20)]
    assert {each.error.code for each in results if each.error} == {"INPUT_UNREADABLE"}
    assert [each async for each in client.results(batch, status=["COMPLETED"])] == []


async def test_analyze_all_yields_all_items_in_order(client: AsyncClient) -> None:
    given = [Item(request=text(n), priority=1 + n % 10) for n in range(30)] + [Item(request="", key="bad")]
    found = [analysis async for analysis in client.analyze_all(given, name="all")]
    assert [(each.key, each.status) for each in found] == [(str(n), "COMPLETED") for n in range(30)] + [
        ("bad", "FAILED")
    ]


async def test_a_failed_analysis_raises_its_error(client: AsyncClient) -> None:
    with pytest.raises(AnalysisFailed, match="INPUT_UNREADABLE: It can't be read") as failed:
        await client.analyze({"trial": {"text": "x", "refused": True}})
    assert failed.value.analysis.error is not None
    assert failed.value.analysis.error.code == "INPUT_UNREADABLE"


async def test_a_result_of_an_unknown_analyzer_has_the_json(client: AsyncClient) -> None:
    readings = [{"atStation": "A", "value": 2.0}, {"atStation": "B", "value": 4.0}]
    analysis = await client.analyze({"survey": {"data": readings, "mode": "TOTAL"}})
    assert type(analysis.result) is AnalysisResult
    assert analysis.result.typename == "SurveyResult"
    assert (analysis.result.score, analysis.result.tags, analysis.result.summary) == (0.5, ["survey"], "2 readings.")
    assert analysis.result.data["figure"] == 6
    assert analysis.input_data == readings
    assert "survey" in [analyzer.name for analyzer in await client.analyzers()]


async def test_a_result_of_an_unexpected_shape_has_the_json(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RESULTS, "RecordResult", TextResult)
    analysis = await client.analyze({"record": {"data": {"statistics": "none"}}})
    assert type(analysis.result) is AnalysisResult
    assert analysis.result.data["document"] == {"statistics": "none"}


async def test_a_repeated_idempotency_key_submits_once(client: AsyncClient) -> None:
    first = await client.submit("Once.", idempotency_key="once")
    assert (await client.submit("Once.", idempotency_key="once")).id == first.id
    with pytest.raises(UserErrors, match="IDEMPOTENCY_MISMATCH") as refused:
        await client.submit("Twice.", idempotency_key="once")
    assert refused.value.errors[0].path == ["idempotencyKey"]
    batch = await client.submit_batch(["a", "b"], idempotency_key="batch")
    assert (await client.submit_batch(["a", "b"], idempotency_key="batch")).id == batch.id
    assert (await client.submit("Once.")).id != (await client.submit("Once.")).id


async def test_errors_have_a_code_and_a_path(client: AsyncClient) -> None:
    with pytest.raises(UserErrors) as refused:
        await client.submit("")
    assert [(each.code, each.path) for each in refused.value.errors] == [("INVALID", ["request", "text", "text"])]
    assert "request.text.text" in str(refused.value)
    with pytest.raises(UserErrors, match="INVALID"):
        await client.submit_batch([])
    with pytest.raises(OperationFailed, match="BAD_USER_INPUT"):
        await client.submit({"nonsense": {}})
    with pytest.raises(NotFound):
        await client.analysis(NO_SUCH_ANALYSIS)
    with pytest.raises(NotFound):
        await client.batch(NO_SUCH_BATCH)
    with pytest.raises(OperationFailed, match="BAD_USER_INPUT"):
        await client.batch("nonsense")


async def test_the_timeout_of_a_wait_does_not_stop_the_analysis(client: AsyncClient, tmp_path: Path) -> None:
    go = tmp_path / "go"
    analysis = await client.submit({"trial": {"text": "long", "until": str(go)}})
    with pytest.raises(TimeoutError, match=r"has not ended after 0\.5 seconds"):
        await client.wait(analysis, timeout=0.5)
    assert not (await client.analysis(analysis.id)).ended
    waiting = asyncio.create_task(client.wait(analysis))
    go.touch()
    assert (await waiting).status == "COMPLETED"


async def test_cancel_retry_and_delete(client: AsyncClient, tmp_path: Path) -> None:
    go = tmp_path / "go"
    analysis = await client.submit({"trial": {"text": "long", "until": str(go)}})
    with pytest.raises(UserErrors, match="CONFLICT"):
        await client.delete(analysis)
    canceled = await client.cancel(analysis)
    with pytest.raises(AnalysisFailed, match="CANCELED"):
        await client.wait(canceled)
    with pytest.raises(UserErrors, match="CONFLICT"):
        await client.cancel(analysis)
    go.touch()
    assert (await client.wait(await client.retry(analysis))).status == "COMPLETED"
    await client.delete(analysis)
    for call in (client.delete(analysis), client.cancel(analysis), client.retry(analysis), client.wait(analysis)):
        with pytest.raises(NotFound):
            await call

    batch = await client.submit_batch([{"trial": {"text": "x", "until": str(tmp_path / "never")}}] * 3)
    canceled_batch = await client.wait(await client.cancel(batch))
    assert (canceled_batch.status, canceled_batch.canceled) == ("CANCELED", 3)
    assert (await client.retry(batch)).queued + (await client.batch(batch.id)).running > 0
    await client.wait(await client.cancel(batch))
    await client.delete(batch)
    with pytest.raises(NotFound):
        await client.wait(batch)
    with pytest.raises(NotFound):
        [each async for each in client.results(batch)]


@pytest.mark.parametrize("wrong", [NO_SUCH_ANALYSIS, NO_SUCH_BATCH, None])
async def test_an_id_in_place_of_an_object_is_a_type_error(client: AsyncClient, wrong: Any) -> None:
    calls = (client.wait, lambda thing: anext(client.watch(thing)), client.cancel, client.retry, client.delete)
    for call in calls:
        with pytest.raises(TypeError) as refused:
            await call(wrong)
        assert str(refused.value) == (
            f"The argument is {wrong!r}, not an Analysis or Batch: get one with `await client.analysis(id)` or "
            "`await client.batch(id)`; Client needs no `await`."
        )


async def test_a_watch_ends_with_a_cancel(client: AsyncClient, tmp_path: Path) -> None:
    analysis = await client.submit({"trial": {"text": "long", "until": str(tmp_path / "go")}})
    states = client.watch(analysis)
    await anext(states)
    await client.cancel(analysis)
    assert [state.status async for state in states][-1] == "CANCELED"


async def test_lists_are_read_in_full(server: Start, connect: Connect) -> None:
    one = await server(workers=0)
    client = connect(one.address)
    before = datetime.now(UTC)
    batches = [await client.submit_batch([f"{word} {n}" for n in range(7)]) for word in ("alpha", "beta")]
    assert [batch.id async for batch in client.batches(page_size=1)] == [batch.id for batch in reversed(batches)]
    assert [batch async for batch in client.batches(status="COMPLETED")] == []
    assert len([each async for each in client.analyses(page_size=3)]) == 14
    found = [each async for each in client.analyses(search="beta", status=["QUEUED"], analyzer="text")]
    assert {each.batch.id for each in found if each.batch} == {batches[1].id}
    assert len(found) == 7
    assert [each async for each in client.analyses(created_before=before)] == []

    async def depth() -> bool:
        """Return whether the figures, which may be from before the submission, have all queued analyses."""
        return (await client.metrics()).queue.depth == 14

    await until(depth, what="the depth of the queue")
    assert {each.name for each in (await client.health()).components} >= {"database", "queue"}


async def test_submissions_are_split_by_items_and_by_bytes(server: Start, connect: Connect) -> None:
    one = await server(workers=0)
    client = connect(one.address)
    read = 0

    async def lines(count: int, size: int) -> AsyncIterator[str]:
        nonlocal read
        for n in range(count):
            read += 1
            yield f"{n}" + "x" * size

    totals = []
    async for batch in client.submit_batches(lines(20_001, 0), name="many", idempotency_key="many"):
        totals.append((batch.total_items, read))
    assert totals == [(10_000, 10_001), (10_000, 20_001), (1, 20_001)]
    again = [batch.id async for batch in client.submit_batches(lines(20_001, 0), name="many", idempotency_key="many")]
    assert again == [batch.id async for batch in client.batches()][::-1]
    last = await client.batch(again[-1])
    assert [each.key async for each in client.results(last)] == ["20000"]

    heavy = [batch.total_items async for batch in client.submit_batches(lines(100, 100_000))]
    assert heavy == [79, 21]
    with pytest.raises(OperationFailed, match="PAYLOAD_TOO_LARGE"):
        await client.submit_batch(["x" * 100_000] * 101)
    with pytest.raises(UserErrors, match="TOO_LARGE"):
        await client.submit_batch(["x"] * 10_001)


async def test_a_batch_is_saved_as_json_lines(client: AsyncClient, tmp_path: Path) -> None:
    batch = await client.wait(await client.submit_batch(["One is good.", "", "Three is good."]))
    path = tmp_path / "results.jsonl"
    await client.download(batch, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["key"], line["status"]) for line in lines] == [
        ("0", "COMPLETED"),
        ("1", "FAILED"),
        ("2", "COMPLETED"),
    ]
    await client.download(batch, path, status=[AnalysisStatus.COMPLETED], with_input=True)
    assert [json.loads(line)["inputText"] for line in path.read_text().splitlines()] == [
        "One is good.",
        "Three is good.",
    ]
    await client.delete(batch)
    with pytest.raises(NotFound):
        await client.download(batch, tmp_path / "none.jsonl")
    assert os.listdir(tmp_path) == ["results.jsonl"]


async def test_a_custom_operation(client: AsyncClient, assay: ApiServer) -> None:
    await client.analyze("There is one at least.")
    data = await client.execute("query ($n: Int!) { analyses(first: $n) { nodes { id } } }", {"n": 1})
    assert len(data["analyses"]["nodes"]) == 1
    with pytest.raises(OperationFailed, match="GRAPHQL_VALIDATION_FAILED") as refused:
        await client.execute("{ nonsense }")
    assert refused.value.code == "GRAPHQL_VALIDATION_FAILED"


async def test_headers_and_token_are_sent_over_both_transports(connect: Connect) -> None:
    heads: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async with listening(note) as url:
        client = connect(url, token="secret", headers={"X-Team": "blue"})
        with pytest.raises(NotAllowed, match="UNAUTHENTICATED"):
            await client.health()
        with pytest.raises(NotAllowed, match="UNAUTHENTICATED"):
            await anext(client.events(after="s0-0"))
    assert len(heads) == 2
    for head in heads:
        assert b"authorization: bearer secret\r\n" in head.lower()
        assert b"x-team: blue\r\n" in head.lower()
