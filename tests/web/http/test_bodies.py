"""Invalid and unusual bodies and query strings: the server refuses them with a clear message, or answers them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.web.http.toy import Server
from tests.web.http.wire import refused

JSON = {"content-type": "application/json"}
HELLO = b'{"query":"{ hello }"}'
SAID = {"data": {"hello": "Hello world"}}
ECHO = "query ($value: JSON!) { echo(value: $value) }"


async def post(server: Server, body: bytes, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await server.send("POST", content=body, headers=JSON | named)


NO_JSON = "The body is not JSON: "
MALFORMED: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "BAD_REQUEST", NO_JSON),
    "blank": (b" \n", "BAD_REQUEST", NO_JSON),
    "trailing garbage": (HELLO + b"x", "BAD_REQUEST", NO_JSON),
    "two documents": (HELLO * 2, "BAD_REQUEST", NO_JSON),
    "trailing comma": (b'{"query":"{ hello }",}', "BAD_REQUEST", NO_JSON),
    "single quotes": (b"{'query':'{ hello }'}", "BAD_REQUEST", NO_JSON),
    "comment": (b'{"query":"{ hello }"} // hello', "BAD_REQUEST", NO_JSON),
    "NaN": (b'{"query":"{ hello }","variables":{"v":NaN}}', "BAD_REQUEST", NO_JSON),
    "Infinity": (b'{"query":"{ hello }","variables":{"v":-Infinity}}', "BAD_REQUEST", NO_JSON),
    "1e999": (b'{"query":"{ hello }","variables":{"v":1e999}}', "BAD_REQUEST", NO_JSON),
    "5,000 digits": (b'{"query":"{ hello }","variables":{"v":' + b"1" * 5000 + b"}}", "BAD_REQUEST", NO_JSON),
    "lone surrogate, escaped": (b'{"query":"{ hello(name: \\"\\ud800\\") }"}', "BAD_REQUEST", NO_JSON),
    "lone surrogate, raw": (b'{"query":"{ hello }","x":"\xed\xa0\x80"}', "BAD_REQUEST", NO_JSON),
    "overlong UTF-8": (b'{"query":"{ hello }","x":"\xc0\xaf"}', "BAD_REQUEST", NO_JSON),
    "byte order mark": (b"\xef\xbb\xbf" + HELLO, "BAD_REQUEST", NO_JSON),
    "UTF-16": (HELLO.decode().encode("utf-16"), "BAD_REQUEST", NO_JSON),
    "UTF-16 without a mark": (HELLO.decode().encode("utf-16-le"), "BAD_REQUEST", NO_JSON),
    "UTF-32": (HELLO.decode().encode("utf-32"), "BAD_REQUEST", NO_JSON),
    "NUL": (b'{"query":"{ hello }\x00"}', "BAD_REQUEST", NO_JSON),
    "unescaped line break": (b'{"query":"{ hello\n}"}', "BAD_REQUEST", NO_JSON),
    "deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "BAD_REQUEST", NO_JSON),
    "deep and open": (b"[" * 1_000_000, "BAD_REQUEST", NO_JSON),
    "query twice": (
        b'{"query":"{ hello }","query":"{ leak }"}',
        "BAD_REQUEST",
        'The body has the member "query" twice in one object.',
    ),
    "a variable twice": (
        b'{"query":"{ hello }","variables":{"a":{"b":1,"\\u0062":2}}}',
        "BAD_REQUEST",
        'The body has the member "b" twice in one object.',
    ),
    "a long name twice": (
        b'{"%b":1,"%b":2}' % (b"n" * 500, b"n" * 500),
        "BAD_REQUEST",
        f'The body has the member "{"n" * 100}" twice in one object.',
    ),
    "number": (b"1", "BAD_REQUEST", "The request must be a JSON object."),
    "text": (b'"{ hello }"', "BAD_REQUEST", "The request must be a JSON object."),
    "nothing": (b"[]", "BATCHING_NOT_SUPPORTED", "Several operations in one request are not supported"),
    "list of one": (b"[" + HELLO + b"]", "BATCHING_NOT_SUPPORTED", "Several operations in one request"),
    "no query": (b'{"variables":{}}', "BAD_REQUEST", "`query` is missing"),
    "query empty": (b'{"query":""}', "BAD_REQUEST", "`query` is missing"),
    "query null": (b'{"query":null}', "BAD_REQUEST", "`query` is missing"),
    "query 1": (b'{"query":1}', "BAD_REQUEST", "`query` must be a string or null."),
    "query []": (b'{"query":["{ hello }"]}', "BAD_REQUEST", "`query` must be a string or null."),
    "operationName 1": (
        b'{"query":"{ hello }","operationName":1}',
        "BAD_REQUEST",
        "`operationName` must be a string or null.",
    ),
    "variables []": (b'{"query":"{ hello }","variables":[]}', "BAD_REQUEST", "`variables` must be an object or null."),
    "variables text": (
        b'{"query":"{ hello }","variables":"{}"}',
        "BAD_REQUEST",
        "`variables` must be an object or null.",
    ),
    "extensions 0": (b'{"query":"{ hello }","extensions":0}', "BAD_REQUEST", "`extensions` must be an object or null."),
    "hash of a persisted query": (
        b'{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"abc"}}}',
        "BAD_REQUEST",
        "`extensions.persistedQuery.sha256Hash` must be the SHA-256 of the document",
    ),
    "documentId 1": (b'{"documentId":1}', "BAD_REQUEST", "`documentId` must be a string or null."),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_an_invalid_body(server: Server, name: str) -> None:
    body, code, message = MALFORMED[name]
    ran = server.probe.ran
    error = refused(await post(server, body), 400, code)
    assert error["message"].startswith(message)
    assert server.probe.ran == ran


@pytest.mark.parametrize("text", ["", "   ", "# nothing", "fragment F on Query { hello }"])
async def test_a_query_without_an_operation(server: Server, text: str) -> None:
    accept = "application/graphql-response+json"
    body = (await server.post(text, accept=accept)).json()
    assert "data" not in body
    expected = {"": "BAD_REQUEST", "fragment F on Query { hello }": "GRAPHQL_VALIDATION_FAILED"}
    assert [each["extensions"]["code"] for each in body["errors"]] == [expected.get(text, "GRAPHQL_PARSE_FAILED")]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; charset=utf8",
        "application/json ; profile=x",
        "application/json;",
    ],
)
async def test_content_types_of_json(server: Server, content_type: str) -> None:
    answer = await server.send("POST", content=HELLO, headers={"content-type": content_type})
    assert (answer.status_code, answer.json()) == (200, SAID)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/graphql",
        "application/graphql-response+json",
        "application/jsonx",
        "application/x-json",
        "text/json",
        "json",
        "text/plain; application/json",
        "*/*",
    ],
)
async def test_other_content_types(server: Server, content_type: str) -> None:
    answer = await server.send("POST", content=HELLO, headers={"content-type": content_type})
    refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["accept-post"] == "application/json"


async def test_null_members_and_extra_ones_are_absent(server: Server) -> None:
    body: dict[str, object] = {
        "query": "{ hello }",
        "operationName": None,
        "variables": None,
        "extensions": None,
        "more": [{}],
    }
    assert (await post(server, json.dumps(body).encode())).json() == SAID
    named = {"query": "query A { hello }", "operationName": "", "variables": {"unused": 1}, "extensions": {"any": {}}}
    assert (await post(server, json.dumps(named).encode())).json() == SAID


VALUES: tuple[Any, ...] = (
    *("é漢字🎉", "\u202eright to left", "\x00", "\U0010ffff", "a\r\nb", '"\\', "x" * 100_000),
    *(0, -(2**63), 2**53 + 1, 2**64 - 1, 0.1, -0.0, 5e-324, 1.7976931348623157e308),
    *([[[[]]]], {"": None, "a": [True, False]}),
)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
async def test_values_are_returned_unchanged(server: Server, value: object) -> None:
    for ascii_only in (True, False):
        body = json.dumps({"query": ECHO, "variables": {"value": value}}, ensure_ascii=ascii_only).encode()
        assert (await post(server, body)).json() == {"data": {"echo": value}}


async def test_values_that_orjson_does_not_write(server: Server) -> None:
    answer = await server.post("{ huge surrogate }")
    assert (answer.status_code, answer.json()) == (200, {"data": {"huge": 2**70, "surrogate": "\ud800"}})


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**70, 1.5, "1", True, None, [], {}], ids=repr)
async def test_variables_that_do_not_fit(server: Server, value: object) -> None:
    query = "query ($width: Int!) { area(box: { width: $width }) }"
    answer = await server.post(query, variables={"width": value}, accept="application/graphql-response+json")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert error["message"].startswith("Variable '$width'")
    assert error["locations"] == [{"line": 1, "column": 8}]


# Query strings

HELLO_QUERY = "query=%7Bhello%7D"
BAD_QUERIES = {
    "no query": ("", "`query` is missing"),
    "query empty": ("query=", "`query` is missing"),
    "query twice": ("query={hello}&query={leak}", "The query string has a parameter twice."),
    "not UTF-8": ("query=%ff", "The query string is malformed, or has too many parameters."),
    "lone surrogate": ("query=%ed%a0%80", "The query string is malformed, or has too many parameters."),
    "too many": ("&".join(f"p{n}=1" for n in range(21)), "The query string is malformed, or has too many parameters."),
    "variables no JSON": (HELLO_QUERY + "&variables=nope", "`variables` is not JSON: "),
    "variables a list": (HELLO_QUERY + "&variables=[]", "`variables` must be an object or null."),
    "variables a text": (HELLO_QUERY + "&variables=%22%22", "`variables` must be an object or null."),
    "variables with a member twice": (
        HELLO_QUERY + "&variables=%7B%22a%22:1,%22a%22:2%7D",
        '`variables` has the member "a" twice in one object.',
    ),
    "extensions no JSON": (HELLO_QUERY + "&extensions=%7B", "`extensions` is not JSON: "),
    "deep": (HELLO_QUERY + "&variables=" + "[" * 10_000, "`variables` is not JSON: "),
}


@pytest.mark.parametrize("name", BAD_QUERIES)
async def test_an_invalid_query_string(server: Server, name: str) -> None:
    query_string, message = BAD_QUERIES[name]
    ran = server.probe.ran
    error = refused(await server.send("GET", f"/graphql?{query_string}"), 400, "BAD_REQUEST")
    assert error["message"].startswith(message)
    assert server.probe.ran == ran


async def test_a_query_string_with_further_parameters(server: Server) -> None:
    answer = await server.send("GET", f"/graphql?{HELLO_QUERY}&more=1&variables=null&extensions=%7B%7D")
    assert (answer.status_code, answer.json()) == (200, SAID)
    plus = await server.send("GET", "/graphql?query=%7Bhello(name:+%22a%2Bb%22)%7D")
    assert plus.json() == {"data": {"hello": "Hello a+b"}}


# Multipart


def parts(*named: tuple[str, str]) -> bytes:
    lines = (f"--x\r\nContent-Disposition: form-data; {name}\r\n\r\n{text}\r\n" for name, text in named)
    return ("".join(lines) + "--x--\r\n").encode()


OPERATIONS = ('name="operations"', HELLO.decode())
EMPTY_MAP = ('name="map"', "{}")
BAD_PARTS = {
    "nothing": b"",
    "no end": parts(OPERATIONS, EMPTY_MAP)[:-20],
    "no parts": b"--x--\r\n",
    "no map": parts(OPERATIONS),
    "no operations": parts(EMPTY_MAP),
    "operations twice": parts(OPERATIONS, OPERATIONS, EMPTY_MAP),
    "operations as a file": parts(('name="operations"; filename="o"', HELLO.decode()), EMPTY_MAP),
    "operations no JSON": parts(('name="operations"', "nope"), EMPTY_MAP),
    "operations a text": parts(('name="operations"', '"x"'), EMPTY_MAP),
    "operations {}": parts(('name="operations"', "{}"), EMPTY_MAP),
    "map a list": parts(OPERATIONS, ('name="map"', "[]")),
    "map a text": parts(OPERATIONS, ('name="map"', '"x"')),
    "map of a file": parts(OPERATIONS, ('name="map"', '{"0":["variables.file"]}'), ('name="0"; filename="f"', "f")),
    "21 fields": parts(*[('name="field"', "")] * 21),
    "10,000 parts": parts(*[('name="field"', "")] * 10_000),
    "21 files": parts(*[('name="file"; filename="f"', "")] * 21),
    "no name": parts(("", "")),
    "other boundary": parts(OPERATIONS, EMPTY_MAP).replace(b"--x", b"--y"),
    "rubbish": bytes(range(256)) * 100,
}


@pytest.mark.parametrize("name", BAD_PARTS)
async def test_an_invalid_multipart_body(server: Server, name: str) -> None:
    ran = server.probe.ran
    headers = {"content-type": "multipart/form-data; boundary=x"}
    refused(await server.send("POST", content=BAD_PARTS[name], headers=headers), 400, "BAD_REQUEST")
    assert server.probe.ran == ran


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary="])
async def test_a_multipart_body_without_a_boundary(server: Server, content_type: str) -> None:
    answer = await server.send("POST", content=parts(OPERATIONS, EMPTY_MAP), headers={"content-type": content_type})
    refused(answer, 400, "BAD_REQUEST")


async def test_a_batch_in_a_multipart_body(server: Server) -> None:
    body = parts(('name="operations"', f"[{HELLO.decode()}]"), EMPTY_MAP)
    headers = {"content-type": "multipart/form-data; boundary=x"}
    refused(await server.send("POST", content=body, headers=headers), 400, "BATCHING_NOT_SUPPORTED")
