"""The charges of operations on each transport: costs, refunds, refusals, header fields, and the loss of Redis."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from access.buckets import Rule
from access.charging import Charged
from access.limits import Limits
from access.rules import DEFAULT_RULES
from execution.executor import AnswerKind, OperationRequest, Stream
from resolvers.health import local_components
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import ANONYMOUS, LOCAL_ADMINISTRATOR, Role
from store.tables import HealthStatus
from tests.access.charged import VIEWER, Instance, rules
from tests.access.conftest import Start, apart, shared
from tests.access.test_buckets import Clock
from tests.events.brokers import RedisServer
from web.health import read_gauges

ONE = '{ analysis(id: "analysis_1") { id } }'
PAGE = "{ analyses(first: 100) { nodes { id batch { id } } } }"
BATCHES = "{ batches(first: 30) { nodes { results(first: 10) { edges { node { id } } } } } }"
SUBMIT = 'mutation { submitAnalysis(input: { request: { text: { text: "Fine." } } }) { analysis { id } } }'
BATCH = """mutation { batchProcess(input: { items: [
  { request: { text: { text: "One." } } }, { request: { text: { text: "Two." } } }] }) { batch { id } } }"""
EVENTS = "subscription { events { cursor } }"
RATE_LIMIT = "{ rateLimit { cost limit remaining restorePerSecond resetAt } }"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def instance(database: Database, clock: Clock) -> AsyncIterator[Instance]:
    """An instance with its own buckets, whose clock stands."""
    made = Instance(database, Limits(clock=clock))
    yield made
    await made.services.submissions.close()


@pytest.fixture
async def small(database: Database, clock: Clock) -> AsyncIterator[Instance]:
    """A serving instance with a bucket of 30 points for a viewer."""
    made = Instance(database, Limits(clock=clock), rules(30, 2))
    async with made.serving():
        yield made
    await made.services.submissions.close()


def extensions(body: dict[str, Any]) -> dict[str, Any]:
    (error,) = body["errors"]
    found: dict[str, Any] = error["extensions"]
    return found


async def test_an_operation_costs_the_same_on_each_transport(small: Instance) -> None:
    levels = []
    for send in (
        small.post(ONE),
        small.get(ONE),
        small.post(ONE, "text/event-stream"),
        small.post(ONE, "application/graphql-response+json"),
        small.over_socket(ONE),
        small.post(ONE, extensions={"cost": True}),
    ):
        await send
        levels.append(await small.level())
    assert levels == [1, 2, 3, 4, 5, 6]
    message = await small.over_socket('subscription { events(after: "x") { cursor } }')
    assert message["type"] == "error"
    assert await small.level() == 7


@pytest.mark.parametrize(("query", "cost"), [(SUBMIT, 11), (BATCH, 12)])
async def test_a_mutation_costs_ten_and_its_work(instance: Instance, query: str, cost: int) -> None:
    instance.viewer = replace(VIEWER, role=Role.ANALYST)
    answer, charged = await instance.ask(query)
    assert answer.kind is AnswerKind.DATA
    assert (charged.cost, charged.latest.level) == (cost, cost)


async def test_a_subscription_is_charged_once(instance: Instance) -> None:
    context = instance.context()
    assert isinstance(await instance.executor.open(OperationRequest(EVENTS), context), Stream)
    assert (context.charged.cost if context.charged else None) == 1
    assert await instance.level() == 1


async def test_the_missing_rows_of_pages_are_refunded(instance: Instance) -> None:
    answer, charged = await instance.ask(PAGE)
    assert answer.body["data"] == {"analyses": {"nodes": []}}
    assert (charged.first.cost, charged.cost, await instance.level()) == (201, 1, 1)
    analyst = replace(VIEWER, role=Role.ANALYST)
    for _ in range(2):
        await instance.ask(BATCH, analyst)
    _, charged = await instance.ask(BATCHES, analyst)
    # Of each batch: the row, its connection, and two results.
    assert (charged.first.cost, charged.cost) == (1 + 30 * (1 + 1 + 10), 1 + 2 * (1 + 1 + 2))


async def test_a_kept_answer_costs_the_same(instance: Instance) -> None:
    costs = []
    while not instance.telemetry.answers.hits:
        _, charged = await instance.ask("{ analyses(first: 100) { nodes { id } } }")
        costs.append((charged.first.cost, charged.cost))
        if len(costs) == 100:
            break
    assert set(costs) == {(101, 1)}


async def test_the_state_of_the_bucket_is_a_field(instance: Instance) -> None:
    for points in (1, 2):  # never from the cache
        answer, _ = await instance.ask(RATE_LIMIT)
        found = answer.body["data"]["rateLimit"]
        assert found.pop("resetAt")
        assert found == {"cost": 1, "limit": 50_000, "remaining": 50_000 - points, "restorePerSecond": 2_000.0}
    assert instance.telemetry.answers.entries == 0


async def test_no_limit_applies_to_the_local_administrator(instance: Instance) -> None:
    answer, charged = await instance.ask(RATE_LIMIT, LOCAL_ADMINISTRATOR, extensions={"cost": True})
    assert answer.body == {"data": {"rateLimit": None}}
    assert charged is None


async def test_an_api_key_has_its_own_bucket(instance: Instance) -> None:
    key = new_id("apikey")
    await instance.ask(ONE)
    for caller in (replace(VIEWER, credential_id=key), replace(VIEWER, user_id="user_2")):
        _, charged = await instance.ask(ONE, caller)
        assert charged.latest.level == 1
    _, charged = await instance.ask(ONE, replace(VIEWER, credential_id=new_id("signin")))
    assert charged.latest.level == 2


async def test_a_request_can_ask_for_its_cost(instance: Instance) -> None:
    for query, requested, actual in ((PAGE, 201, 1), (ONE, 1, 1), ("{ __typename }", 0, 0), (ONE, 1, 1)):
        before = await instance.level()
        answer, _ = await instance.ask(query, extensions={"cost": True})
        assert json.loads(answer.json)["extensions"]["cost"] == {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": {
                "maximumAvailable": 50_000,
                "currentlyAvailable": 50_000 - before - actual,
                "restoreRate": 2_000.0,
            },
        }
        assert "extensions" not in (await instance.ask(query))[0].body


async def test_header_fields_of_an_answer(small: Instance) -> None:
    answer = await small.post("{ analyses(first: 20) { nodes { id } } }")
    assert answer.headers["ratelimit-policy"] == '"cost";q=30;w=15'
    assert answer.headers["ratelimit"] == '"cost";r=29;t=1'
    assert "retry-after" not in answer.headers
    exposed = answer.headers["access-control-expose-headers"]
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed.split(", "))
    stream = await small.post('subscription { events(after: "x") { cursor } }', "text/event-stream")
    assert stream.headers["ratelimit"] == '"cost";r=28;t=1'


async def test_refusals(small: Instance, clock: Clock) -> None:
    _, charged = await small.ask("{ " + " ".join(f'a{n}: analysis(id: "a") {{ id }}' for n in range(30)) + " }")
    assert charged.latest.level == 30
    clock.now += 0.1
    cost = {
        "requestedQueryCost": 1,
        "actualQueryCost": None,
        "throttleStatus": {"maximumAvailable": 30, "currentlyAvailable": 0, "restoreRate": 2},
    }
    refused = {"code": "RATE_LIMITED", "retryAfter": 15, "cost": cost}
    for accept in ("application/json", "application/graphql-response+json"):
        answer = await small.post(ONE, accept)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "15")
        assert answer.headers["ratelimit"] == '"cost";r=0;t=15'
        assert "data" not in answer.json()
        assert extensions(answer.json()) == refused
    message = await small.over_socket(ONE)
    assert (message["type"], extensions({"errors": message["payload"]})) == ("error", refused)
    for query in (ONE, EVENTS):
        answer = await small.post(query, "text/event-stream")
        _, following, completing, _ = answer.text.split("\n\n")
        assert following.startswith("event: next\ndata: ")
        assert extensions(json.loads(following.partition("data: ")[2])) == refused
        assert completing.startswith("event: complete")
        assert answer.headers["retry-after"] == "15"
    assert small.charging.refusals["VIEWER"] == 5
    assert await small.level() == pytest.approx(29.8)
    assert (await small.post("{ __typename }")).status_code == 200  # costs nothing
    clock.now += 0.5
    assert (await small.post(ONE)).status_code == 200


async def test_an_operation_above_the_capacity_is_too_complex(small: Instance) -> None:
    answer = await small.post(PAGE, "application/graphql-response+json")
    assert answer.status_code == 400
    found = extensions(answer.json())
    assert (found["code"], found["cost"], found["limit"], found["path"]) == ("QUERY_TOO_COMPLEX", 201, 30, ["analyses"])
    assert await small.level() == 0


async def test_a_refused_mutation_changes_nothing(database: Database, clock: Clock) -> None:
    analyst = replace(VIEWER, role=Role.ANALYST)
    made = Instance(database, Limits(clock=clock), {**DEFAULT_RULES, "ANALYST": Rule("ANALYST", 15, 1)})
    kinds = [(await made.ask(SUBMIT, analyst))[0].kind for _ in range(2)]
    assert kinds == [AnswerKind.DATA, AnswerKind.RATE_LIMITED]
    found, _ = await made.ask("{ analyses { totalCount } }")
    assert found.body["data"] == {"analyses": {"totalCount": 1}}
    await made.services.submissions.close()


async def test_requests_without_a_credential_are_counted_by_address(small: Instance, clock: Clock) -> None:
    small.viewer = ANONYMOUS
    server = "{ server { capabilities } }"
    for query, status in ((server, 200), (ONE, 401), ("{ nope }", 400)):
        answer = await small.post(query, "application/graphql-response+json", extensions={"cost": True})
        assert (answer.status_code, answer.json().get("extensions")) == (status, None)
    assert answer.headers["ratelimit-policy"] == '"address";q=100;w=50'
    assert answer.headers["ratelimit"] == '"address";r=97;t=2'
    assert (await small.over_socket(server))["type"] == "next"
    for _ in range(96):
        charged = small.charging.admit(ANONYMOUS, "127.0.0.1")
        assert isinstance(charged, Charged)
        assert charged.admitted
    answer = await small.post(server)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "50")
    assert extensions(answer.json()) == {"code": "RATE_LIMITED", "retryAfter": 50}
    message = await small.over_socket(server)
    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "RATE_LIMITED")
    assert small.charging.refusals == {"VIEWER": 0, "ANALYST": 0, "ADMIN": 0, "ADDRESS": 2}
    small.viewer = VIEWER
    assert (await small.post(ONE)).status_code == 200
    small.viewer = ANONYMOUS
    clock.now += 0.5
    assert (await small.post(server)).status_code == 200


async def test_two_instances_share_a_bucket_until_redis_is_lost(
    database: Database, redis: RedisServer, start: Start
) -> None:
    drain = 1 / 3600  # nothing drains during the test
    both = [Instance(database, start(redis.url, wait_seconds=60), rules(4, drain)) for _ in range(2)]
    first, second = both
    limits = [each.charging.limits for each in both]
    await shared(*limits)
    for each in (first, second, first, second):
        _, charged = await each.ask(ONE)
        assert charged.admitted
    for each in both:
        answer, _ = await each.ask(ONE)
        assert answer.kind is AnswerKind.RATE_LIMITED
    redis.kill()
    await apart(*limits)
    for each in both:  # its own full bucket
        charges: list[Charged] = [(await each.ask(ONE))[1] for _ in range(5)]
        assert [charge.admitted for charge in charges] == [True] * 4 + [False]
    assert await states(first) == (HealthStatus.DEGRADED, 0, 2)
    await redis.start()
    await shared(*limits)
    assert await states(first) == (HealthStatus.HEALTHY, 1, 2)
    assert (await second.ask(ONE))[1].latest.level == pytest.approx(1)
    for each in both:
        await each.services.submissions.close()


async def test_a_slow_redis_delays_no_operation_for_long(database: Database, redis: RedisServer, start: Start) -> None:
    instance = Instance(database, start(redis.url))
    limits = instance.charging.limits
    await shared(limits)
    redis.signal(signal.SIGSTOP)
    answer, _ = await instance.ask("{ batches(first: 1000) { nodes { id } } }")  # above a share: Redis must decide
    assert answer.kind is AnswerKind.DATA
    await apart(limits)
    redis.signal(signal.SIGCONT)
    await shared(limits)
    answer, charged = await instance.ask("{ batches(first: 1000) { nodes { id } } }")
    assert answer.kind is AnswerKind.DATA
    assert charged.cost == 1
    await instance.services.submissions.close()


async def states(instance: Instance) -> tuple[HealthStatus, float, float]:
    """Return the status of the component, and the metrics of sharing and of refusals."""
    (component,) = [each for each in await local_components(instance.services) if each.name == "limits"]
    samples = {
        (sample.name, sample.labels.get("limit")): sample.value
        for metric in await read_gauges(instance.services)
        for sample in metric.samples
    }
    return (
        component.status,
        samples["assay_limits_shared", None],
        samples["assay_limits_refusals_total", "VIEWER"],
    )
