"""The client and a server that runs trusted documents only: the client prints its own as a manifest."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from assay_client import OperationFailed, UserErrors

from tests.client.conftest import Connect
from tests.support import Server, run

Start = Callable[..., Awaitable[Server]]


async def test_each_operation_of_the_client_runs_and_no_other(server: Start, connect: Connect, tmp_path: Path) -> None:
    manifest = tmp_path / "assay-client.json"
    manifest.write_text(run(sys.executable, "-m", "assay_client"))
    one = await server(workers=1, trusted_documents=manifest, trusted_documents_only=True)
    client = connect(one.address)

    start = await client.events_end()
    analysis = await client.analyze("All is well.")
    batch = await client.wait(await client.submit_batch(["One.", "Two."]))
    assert (analysis.status, batch.status) == ("COMPLETED", "COMPLETED")
    assert len([each async for each in client.results(batch)]) == 2
    assert len([each async for each in client.analyses()]) == 3
    assert [each.id async for each in client.batches()] == [batch.id]
    assert [each.type async for each in client.past_events(of=batch)][-1] == "BATCH_COMPLETED"
    async for event in client.events(of=batch, after=start):
        if event.type == "BATCH_COMPLETED":
            break
    assert (await client.analysis(analysis.id)).id == analysis.id
    assert (await client.batch(batch.id)).id == batch.id
    with pytest.raises(UserErrors, match="COMPLETED"):
        await client.cancel(analysis)
    with pytest.raises(UserErrors, match="COMPLETED"):
        await client.cancel(batch)
    with pytest.raises(UserErrors, match="COMPLETED"):
        await client.retry(analysis)
    with pytest.raises(UserErrors, match="COMPLETED"):
        await client.retry(batch)
    for thing in (analysis, batch):
        await client.delete(thing)
    assert [each.name for each in await client.analyzers()] == ["text"]
    assert (await client.health()).components
    assert (await client.metrics()).queue.depth == 0

    with pytest.raises(OperationFailed, match="The server runs trusted documents only"):
        await client.execute("query Other { eventsEnd }")
