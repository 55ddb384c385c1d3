"""The media type of an answer, by the weights of `Accept`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.http.toy import Server
from tests.web.http.wire import JSON_TYPE, RESPONSE_TYPE, refused
from web.graphql.negotiation import EVENT_STREAM, GRAPHQL_RESPONSE, MULTIPART, accepted
from web.responses import JSON

HELLO = "{ hello }"

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)

ACCEPTED = {
    "": JSON,
    "*/*": JSON,
    "application/*": JSON,
    "application/json": JSON,
    "Application/JSON": JSON,
    "application/json; charset=utf-8": JSON,
    "application/json;charset=utf-8;q=0.1": JSON,
    "application/json, */*": JSON,
    "application/json, text/plain, */*": JSON,
    "application/graphql-response+json": GRAPHQL_RESPONSE,
    "application/graphql-response+json; charset=utf-8": GRAPHQL_RESPONSE,
    "application/graphql-response+json, application/json": GRAPHQL_RESPONSE,
    "application/json, application/graphql-response+json": GRAPHQL_RESPONSE,
    "application/graphql-response+json;q=0.9, application/json;q=0.9": GRAPHQL_RESPONSE,
    "application/graphql-response+json;q=0.8, application/json;q=0.9": JSON,
    "application/graphql-response+json; q=0.9, application/json; q=0.8": GRAPHQL_RESPONSE,
    "application/graphql-response+json;q=0.1, */*;q=0.5": JSON,
    "application/json;q=0, */*": GRAPHQL_RESPONSE,
    "application/json;q=0, application/graphql-response+json": GRAPHQL_RESPONSE,
    "application/graphql-response+json;q=0, */*": JSON,
    "*/*;q=0, application/json": JSON,
    "application/*;q=0.5, application/graphql-response+json;q=0.4": JSON,
    "text/html, application/json": JSON,
    "text/plain;q=1, application/json;q=0.001": JSON,
    # The headers of urql, Apollo Client, a browser's fetch and curl
    URQL: GRAPHQL_RESPONSE,
    "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9": GRAPHQL_RESPONSE,
    "application/graphql-response+json,application/json;q=0.9": GRAPHQL_RESPONSE,
    # An invalid weight refuses the media type; a weight above 1 is 1.
    "application/json;q=nonsense, application/graphql-response+json;q=0.1": GRAPHQL_RESPONSE,
    "application/json;q=nan, application/graphql-response+json;q=0.1": GRAPHQL_RESPONSE,
    "application/json;q=inf, application/graphql-response+json;q=0.1": JSON,
    "application/json;q=-1, application/graphql-response+json;q=0.1": GRAPHQL_RESPONSE,
    ", ,application/json,": JSON,
    "application/json;;q=1": JSON,
    # Of two entries for one media type, the greater weight counts.
    "application/json;q=0.1, application/graphql-response+json;q=0.5, application/json;q=0.9": JSON,
}

REFUSED = [
    "text/plain",
    "text/*",
    "image/png",
    "multipart/mixed",
    "text/event-stream;q=0",
    "application/xml",
    "application/graphql+json",
    "application/json;q=0",
    "application/json;q=0.0, text/plain",
    "*/*;q=0",
    "application/json;q=0, application/graphql-response+json;q=0, */*",
    "application/json;q=",
    "nonsense",
    ",",
    ";q=1",
    "application",
    "*",
]


@pytest.mark.parametrize("accept", ACCEPTED)
async def test_the_media_type_is_the_one_ranked_highest(server: Server, accept: str) -> None:
    answer = await server.post(HELLO, accept=accept)
    expected = {JSON: JSON_TYPE, GRAPHQL_RESPONSE: RESPONSE_TYPE}[ACCEPTED[accept]]
    assert (answer.status_code, answer.headers["content-type"]) == (200, expected)


@pytest.mark.parametrize("accept", REFUSED)
async def test_if_no_media_type_is_accepted_nothing_runs(server: Server, accept: str) -> None:
    ran, bumped = server.probe.ran, server.probe.bumped
    for answer in (await server.post("mutation { bump }", accept=accept), await server.get(query=HELLO, accept=accept)):
        error = refused(answer, 406, "NOT_ACCEPTABLE")
        assert error["message"] == "`Accept` must allow application/graphql-response+json or application/json."
    assert (server.probe.ran, server.probe.bumped) == (ran, bumped)


async def test_a_request_without_accept_gets_json(server: Server) -> None:
    body = b'{"query":"{ hello }"}'
    with server.dial() as wire:
        wire.post(body)
        assert wire.answer().headers["content-type"] == JSON_TYPE


async def test_accept_on_several_lines_is_one_list(server: Server) -> None:
    with server.dial() as wire:
        wire.post(b'{"query":"{"}', "Accept: text/plain", "Accept: application/graphql-response+json")
        refused(wire.answer(), 400, "GRAPHQL_PARSE_FAILED", media_type=RESPONSE_TYPE)


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_html_is_only_for_get(server: Server, method: str) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = await server.send(method, headers={"accept": browser, "content-type": "application/json"}, content=b"{}")
    assert answer.headers["content-type"] == JSON_TYPE


async def test_a_program_that_prefers_json_gets_it_by_get(server: Server) -> None:
    answer = await server.get(query=HELLO, accept="application/json, text/html;q=0.9")
    assert answer.json() == {"data": {"hello": "Hello world"}}


@given(st.text(max_size=200))
def test_any_header_can_be_read(accept: str) -> None:
    found = accepted(accept)
    assert found.json in (JSON, GRAPHQL_RESPONSE, None)
    assert found.for_answer in (JSON, GRAPHQL_RESPONSE, EVENT_STREAM, None)
    assert found.for_stream in (JSON, GRAPHQL_RESPONSE, EVENT_STREAM, MULTIPART, None)


WEIGHTS = st.sampled_from(["0", "0.1", "0.5", "0.999", "1"])


@given(newer=WEIGHTS, older=WEIGHTS, swapped=st.booleans())
def test_weights_decide_in_any_order(newer: str, older: str, swapped: bool) -> None:
    entries = [f"{GRAPHQL_RESPONSE};q={newer}", f"{JSON}; q={older}"]
    found = accepted(", ".join(reversed(entries) if swapped else entries)).json
    if newer == older == "0":
        assert found is None
    else:
        assert found == (GRAPHQL_RESPONSE if float(newer) >= float(older) else JSON)
