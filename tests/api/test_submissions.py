"""Submit one analysis and wait for it: defaults, results, and repeated calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.api.calls import SUBMIT, Api, ApiServer, connected
from tests.support import until

ALL = ["STATISTICS", "LANGUAGE", "SENTIMENT", "KEYWORDS", "TOPICS", "ENTITIES", "SUMMARY"]
LETTER = """
The committee met in Geneva on Monday. Anna Schmidt of the World Health Organization said that the new vaccine
works wonderfully well against malaria. The vaccine protects children, and children suffer most from malaria.

Farmers in Kenya welcomed the news about the vaccine. Malaria keeps them from their fields in the wet season, and the
harvest of maize suffers. With a good harvest the farmers can pay for schools.

Critics warned that the vaccine is terribly expensive. The World Health Organization answered that malaria costs
Africa 12 billion dollars a year. Write to press@who.int before 1 March 2026 to learn more about the vaccine.
"""
TYPED = """
mutation Typed($input: SubmitAnalysisInput!) {
  submitAnalysis(input: $input) { userErrors { code } analysis { id status options result {
    __typename score tags summary data
    ... on TextResult {
      languageUsed
      statistics { characters words uniqueWords sentences paragraphs averageWordLength
        readability { readingEase lix } }
      language { code reliable }
      sentiment { label score magnitude sentenceCount sentences { begin end label score } }
      keywords { text score }
      topics { label share begin end terms { text weight } }
      entities { text }
      textSummary { text share sentences { text begin end score } }
      unavailable { operation reason message }
    }
  } } }
}
"""

EVERY_FIELD = """
fragment Everything on Analysis {
  id key status priority attempt maxAttempts createdAt updatedAt startedAt finishedAt processingTimeMs inputText title
  inputExcerpt retryable cancelable analyzer { name } inputData options result { __typename } error { code message }
  errorFingerprint progress { fraction step } attempts { number } batch { id } events { nodes { cursor type } }
}
"""
WHOLE_BATCH = f"""{EVERY_FIELD}
fragment Whole on Batch {{
  id name status totalItems queued running processed failed canceled timedOut timeoutSeconds createdAt
  startedAt finishedAt progress {{ fraction step }} results {{ nodes {{ ...Everything }} }}
  events {{ nodes {{ cursor type }} }}
}}
"""


def agrees(typed: Any, json: Any) -> None:
    """Check that the JSON has each selected field of the type, with the same value."""
    if isinstance(typed, dict):
        for name, value in typed.items():
            if name not in ("__typename", "data"):
                agrees(value, json[name])
    elif isinstance(typed, list):
        assert len(typed) == len(json)
        for each, other in zip(typed, json, strict=True):
            agrees(each, other)
    else:
        assert typed == json


async def test_all_seven_operations_give_a_typed_result_that_agrees_with_its_json(api: Api) -> None:
    request = {"text": {"text": LETTER, "operations": ALL}}
    payload = (await api(TYPED, input={"request": request, "waitSeconds": 60}))["submitAnalysis"]
    assert payload["userErrors"] == []
    analysis = payload["analysis"]
    assert analysis["status"] == "COMPLETED"
    assert analysis["options"] == {"operations": ALL, "language": None, "format": "AUTO"}
    result = analysis["result"]
    assert result["__typename"] == "TextResult"
    assert result["statistics"]["characters"] == len(LETTER)
    assert result["statistics"]["paragraphs"] == 3
    assert result["languageUsed"] == result["language"]["code"] == "en"
    assert result["sentiment"]["sentenceCount"] == len(result["sentiment"]["sentences"])
    assert "malaria" in {keyword["text"].lower() for keyword in result["keywords"]}
    assert "World Health Organization" in {entity["text"] for entity in result["entities"]}
    assert result["topics"]
    for sentence in result["textSummary"]["sentences"]:
        assert LETTER[sentence["begin"] : sentence["end"]] == sentence["text"]
    assert result["unavailable"] == []
    agrees(result, result["data"])


@pytest.mark.parametrize("operation", ALL)
async def test_each_operation_alone_gives_its_part_and_no_other(api: Api, operation: str) -> None:
    found = await api.submit(request={"text": LETTER, "operations": [operation]}, waitSeconds=60)
    assert found["status"] == "COMPLETED"
    parts = {name: "textSummary" if name == "SUMMARY" else name.lower() for name in ALL}
    given = {name for name, part in parts.items() if found["result"]["data"][part] is not None}
    assert given == {operation}


async def test_missing_fields_get_their_defaults(queue: Api) -> None:
    found = await queue.submit(request={"text": "A text."})
    assert found == {
        "id": found["id"],
        "key": None,
        "status": "QUEUED",
        "priority": 5,
        "attempt": 0,
        "maxAttempts": 3,
        "inputText": "A text.",
        "inputData": None,
        "options": {
            "operations": ["STATISTICS", "LANGUAGE", "SENTIMENT", "KEYWORDS"],
            "language": None,
            "format": "AUTO",
        },
        "error": None,
        "result": None,
    }
    assert found["id"].startswith("analysis_")


async def test_null_means_the_default(queue: Api) -> None:
    nulls: dict[str, Any] = dict.fromkeys(
        ["priority", "maxAttempts", "timeoutSeconds", "waitSeconds", "idempotencyKey"]
    )
    found = await queue.submit(request={"text": "A text.", "operations": None, "language": None}, **nulls)
    assert (found["priority"], found["maxAttempts"]) == (5, 3)
    assert found["options"]["operations"] == ["STATISTICS", "LANGUAGE", "SENTIMENT", "KEYWORDS"]


async def test_given_values_are_used(queue: Api) -> None:
    request = {"text": "Ein Text.", "operations": ["LANGUAGE", "STATISTICS", "LANGUAGE"], "language": "DE"}
    found = await queue.submit(request=request, priority=10, maxAttempts=1)
    assert (found["priority"], found["maxAttempts"]) == (10, 1)
    assert found["options"] == {"operations": ["LANGUAGE", "STATISTICS"], "language": "de", "format": "AUTO"}


@pytest.mark.parametrize(
    "text",
    [
        "\u202e\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
        "🤷🏽‍♀️👩‍👩‍👧‍👦",
        "日本語 ไทย",
        "a" * 100_000,
        "\r\n\t x \x1b[0m\x7f\ufeff\ufffe",
    ],
    ids=["right-to-left", "emoji", "scripts", "long word", "controls"],
)
async def test_any_text_comes_back_as_it_was_given(api: Api, text: str) -> None:
    found = await api.submit(request={"text": text, "operations": ALL}, waitSeconds=60)
    assert found["inputText"] == text
    assert found["status"] == "COMPLETED"


async def test_the_answer_comes_at_once_without_a_wait_or_at_its_end(queue: Api) -> None:
    assert (await queue.submit(request={"text": "One."}))["status"] == "QUEUED"
    assert (await queue.submit(request={"text": "Two."}, waitSeconds=0.2))["status"] == "QUEUED"


async def test_the_wait_may_exceed_the_time_limit_of_operations(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, {"workers": 0, "operation_timeout_seconds": 2})
    try:
        await server.start()
        async with connected(server) as api:
            assert (await api.submit(request={"text": "One."}, waitSeconds=3))["status"] == "QUEUED"
    finally:
        await server.close()


async def test_analyses_run_by_priority_then_by_age(api: Api, tmp_path: Path) -> None:
    gates = [tmp_path / str(n) for n in range(3)]
    notes = [tmp_path / f"notes {n}" for n in range(3)]
    for gate, note in zip(gates, notes, strict=True):
        note.mkdir()
        request = {"text": "Blocks.", "until": str(gate), "folder": str(note)}
        await api.submit("trial", request=request, priority=10)
    await until(lambda: all(any(note.iterdir()) for note in notes), what="all slots to be taken")
    waiting = [(await api.submit("trial", request={"text": f"{p}"}, priority=p))["id"] for p in (1, 5, 9, 5, 1)]
    for gate in gates:
        gate.touch()
    for id_ in waiting:
        await api.ended(id_)
    events = await api.log(types=["ANALYSIS_STARTED"])
    started = [event["subjectId"] for event in events if event["subjectId"] in waiting]
    assert started == [waiting[n] for n in (2, 1, 3, 0, 4)]


async def test_a_repeated_key_with_the_same_input_is_the_same_call(queue: Api) -> None:
    given: dict[str, Any] = {"request": {"text": "Once."}, "priority": 7, "idempotencyKey": "once"}
    first = await queue.submit(**given)
    before = queue.counts()
    assert await queue.submit(**given, waitSeconds=0.1) == first
    assert queue.counts() == before


@pytest.mark.parametrize(
    "other", [{"request": {"text": "Other."}}, {"priority": 6}, {"timeoutSeconds": 9}, {"maxAttempts": 1}], ids=repr
)
async def test_a_repeated_key_with_another_input_is_refused(queue: Api, other: dict[str, Any]) -> None:
    given: dict[str, Any] = {"request": {"text": "Keyed."}, "idempotencyKey": "keyed"}
    await queue.submit(**given)
    before = queue.counts()
    changed = given | other
    request = {"text": changed.pop("request")}
    payload = (await queue(SUBMIT, input={"request": request, **changed}))["submitAnalysis"]
    assert payload["analysis"] is None
    (error,) = payload["userErrors"]
    assert (error["code"], error["path"]) == ("IDEMPOTENCY_MISMATCH", ["idempotencyKey"])
    assert queue.counts() == before


async def test_concurrent_calls_with_one_key_create_one_analysis(queue: Api, queueing_server: ApiServer) -> None:
    before = queue.counts()
    given: dict[str, Any] = {"request": {"text": "At once."}, "idempotencyKey": "at once"}
    async with connected(queueing_server) as one, connected(queueing_server) as two:
        found = await asyncio.gather(*(client.submit(**given) for client in (one, two) for _ in range(5)))
    assert len({each["id"] for each in found}) == 1
    after = queue.counts()
    assert after["analysis"] == before["analysis"] + 1
    assert after["event"] == before["event"] + 1


async def test_a_key_whose_analysis_is_deleted_can_not_be_used_again(api: Api) -> None:
    given: dict[str, Any] = {"request": {"text": "Deleted."}, "idempotencyKey": "deleted"}
    found = await api.submit(**given, waitSeconds=30)
    delete = "mutation ($id: ID!) { deleteAnalysis(input: { id: $id }) { deletedId userErrors { code } } }"
    assert (await api(delete, id=found["id"]))["deleteAnalysis"]["deletedId"] == found["id"]
    payload = await api(SUBMIT, input={"request": {"text": given["request"]}, "idempotencyKey": "deleted"})
    assert payload["submitAnalysis"]["analysis"] is None
    assert [error["code"] for error in payload["submitAnalysis"]["userErrors"]] == ["CONFLICT"]


async def test_each_mutation_of_an_operation_shows_its_own_state(queue: Api) -> None:
    queued = await queue.submit(request={"text": "Steps."})
    steps = """mutation Steps($id: ID!) {
      canceled: cancelAnalysis(input: { id: $id }) { analysis { status } }
      retried: retryAnalysis(input: { id: $id }) { analysis { status } }
      again: cancelAnalysis(input: { id: $id }) { analysis { status error { code } } }
    }"""
    assert await queue(steps, id=queued["id"]) == {
        "canceled": {"analysis": {"status": "CANCELED"}},
        "retried": {"analysis": {"status": "QUEUED"}},
        "again": {"analysis": {"status": "CANCELED", "error": {"code": "CANCELED"}}},
    }


async def test_a_waiting_client_sees_the_cancel_of_another_client(queue: Api, queueing_server: ApiServer) -> None:
    async with connected(queueing_server) as other:
        waiting = asyncio.create_task(queue.submit(request={"text": "Xylophone."}, waitSeconds=60))
        same = await until(lambda: find_waiting(other), what="the analysis to be stored")
        await other("mutation ($id: ID!) { cancelAnalysis(input: { id: $id }) { analysis { id } } }", id=same)
        assert (await waiting)["status"] == "CANCELED"


async def find_waiting(api: Api) -> str | None:
    found = await api('{ analyses(filter: { search: "xylophone" }, first: 1) { nodes { id } } }')
    nodes = found["analyses"]["nodes"]
    return nodes[0]["id"] if nodes else None


@pytest.mark.parametrize("terms", [{}, {"idempotencyKey": "every field"}, {"waitSeconds": 0.1}], ids=str)
@pytest.mark.parametrize("text", ["A text.", "ü" * 5_000], ids=["short", "long"])
async def test_the_answer_is_that_of_a_query(queue: Api, terms: dict[str, Any], text: str) -> None:
    """The second call is a repeat of the first if it has a key."""
    submit = "mutation ($input: SubmitAnalysisInput!) { submitAnalysis(input: $input) { analysis { ...Everything } } }"
    read = "query ($id: ID!) { analysis(id: $id) { ...Everything } }"
    terms = {name: value + text[0] if name == "idempotencyKey" else value for name, value in terms.items()}
    ids = set()
    for _ in range(2):
        given = {"request": {"text": {"text": text}}, "maxAttempts": 2, **terms}
        found = (await queue(submit + EVERY_FIELD, input=given))["submitAnalysis"]
        ids.add(found["analysis"]["id"])
        again = await queue(read + EVERY_FIELD, id=found["analysis"]["id"])
        assert found["analysis"] == again["analysis"]
    assert len(ids) == (1 if "idempotencyKey" in terms else 2)


@pytest.mark.parametrize(
    "texts", [["A.", "B."], ["A.", ""], ["", ""]], ids=["accepted", "one rejected", "all rejected"]
)
@pytest.mark.parametrize("terms", [{}, {"idempotencyKey": "whole batch"}, {"waitSeconds": 0.1}], ids=str)
async def test_the_answer_to_a_batch_is_that_of_a_query(queue: Api, terms: dict[str, Any], texts: list[str]) -> None:
    submit = "mutation ($input: BatchProcessInput!) { batchProcess(input: $input) { batch { ...Whole } } }"
    read = "query ($id: ID!) { batch(id: $id) { ...Whole } }"
    terms = {name: value + "".join(texts) if name == "idempotencyKey" else value for name, value in terms.items()}
    items = [{"request": {"text": {"text": text}}, "key": str(number)} for number, text in enumerate(texts)]
    # No batch may time out during the other tests on this server, which has no worker.
    given = {"name": "Letters", "items": items, "timeoutSeconds": 86_400, **terms}
    ids = set()
    for _ in range(2):
        found = (await queue(submit + WHOLE_BATCH, input=given))["batchProcess"]
        ids.add(found["batch"]["id"])
        again = await queue(read + WHOLE_BATCH, id=found["batch"]["id"])
        assert found["batch"] == again["batch"]
    assert len(ids) == (1 if "idempotencyKey" in terms else 2)
    assert found["batch"]["failed"] == texts.count("")
