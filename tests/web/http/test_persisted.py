"""Persisted operations over HTTP: registration, streams, tags of answers, and pages of other sites.

A text of a test is its own: registrations outlive it on the shared server.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from execution.manifests import sha256_of
from tests.web.http.toy import Server
from tests.web.http.wire import JSON_TYPE, RESPONSE_TYPE, refused

Serve = Callable[..., Server]

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
REVALIDATED = {"cache-control": "private, no-cache", "vary": "Accept"}


def persisted(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256_of(text)}}


async def post(server: Server, body: dict[str, Any], accept: str = JSON) -> httpx.Response:
    headers = {"content-type": JSON, "accept": accept}
    return await server.send("POST", content=json.dumps(body).encode(), headers=headers)


async def registered(server: Server, text: str) -> str:
    """Register a document; return its id."""
    answer = await post(server, {"query": text, "extensions": persisted(text)}, accept=f"text/event-stream,{JSON}")
    assert "errors" not in answer.json()
    return f"sha256:{sha256_of(text)}"


@pytest.mark.parametrize(("accept", "content_type"), [(JSON, JSON_TYPE), (RESPONSE, RESPONSE_TYPE)])
async def test_p01_p02_p03_a_hash_registers_by_post(server: Server, accept: str, content_type: str) -> None:
    text = f"{{ hello }} # of P01 as {accept}"
    missing = await post(server, {"extensions": persisted(text)}, accept)
    error = refused(missing, 200, "PERSISTED_QUERY_NOT_FOUND", media_type=content_type)
    assert error["message"] == "PersistedQueryNotFound"
    wrong = await post(server, {"query": "{ hello }", "extensions": persisted(text)}, accept)
    refused(wrong, 400, "BAD_REQUEST", media_type=content_type)
    for body in ({"query": text}, {}):
        answer = await post(server, {**body, "extensions": persisted(text)}, accept)
        assert (answer.status_code, answer.json()) == (200, {"data": {"hello": "Hello world"}})
        assert (answer.headers["cache-control"], "etag" in answer.headers) == ("no-store", False)


async def test_a_hash_registers_by_get(server: Server) -> None:
    text = "query ($name: String!) { hello(name: $name) } # by GET"
    given: dict[str, Any] = {"extensions": json.dumps(persisted(text)), "variables": '{"name":"you"}'}
    refused(await server.get(**given), 200, "PERSISTED_QUERY_NOT_FOUND")
    first = await server.get(query=text, **given)
    assert (first.json(), first.headers["cache-control"]) == ({"data": {"hello": "Hello you"}}, "no-store")
    again = await server.get(**given)
    assert again.json() == first.json()
    assert again.headers["etag"]


async def test_p04_a_document_by_its_id(server: Server) -> None:
    key = await registered(server, "{ hello } # of P04")
    for answer in (await post(server, {"documentId": key}), await server.get(documentId=key)):
        assert (answer.status_code, answer.json()) == (200, {"data": {"hello": "Hello world"}})
    for accept, media_type, status in ((JSON, JSON_TYPE, 200), (RESPONSE, RESPONSE_TYPE, 400)):
        answer = await post(server, {"documentId": "unknown"}, accept)
        refused(answer, status, "PERSISTED_QUERY_NOT_FOUND", media_type=media_type)


async def test_a_persisted_mutation_runs_by_post_only(server: Server) -> None:
    key = await registered(server, "mutation { bump } # persisted")
    bumped = server.probe.bumped
    refused(await server.get(documentId=key), 405, "METHOD_NOT_ALLOWED")
    assert server.probe.bumped == bumped
    assert (await post(server, {"documentId": key})).json() == {"data": {"bump": bumped + 1}}


async def test_persisted_in_a_multipart_body(server: Server) -> None:
    key = await registered(server, "{ hello } # of a form")
    files = {"operations": (None, json.dumps({"documentId": key})), "map": (None, "{}")}
    answer = await server.send("POST", files=files)
    assert answer.json() == {"data": {"hello": "Hello world"}}


@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"])
@pytest.mark.parametrize("path", ["/graphql", "/graphql/stream"])
async def test_a_persisted_subscription(server: Server, accept: str, path: str) -> None:
    text = f"subscription ($to: Int!) {{ count(to: $to) }} # {accept} {path}"

    async def answer(**body: Any) -> str:
        content = json.dumps({**body, "variables": {"to": 2}, "extensions": persisted(text)}).encode()
        return (await server.send("POST", path, content=content, headers={"content-type": JSON, "accept": accept})).text

    assert "PERSISTED_QUERY_NOT_FOUND" in await answer()
    first = await answer(query=text)
    assert '{"data":{"count":1}}' in first
    assert await answer() == first


# Tags


@pytest.mark.parametrize("accept", [JSON, RESPONSE])
async def test_p07_a_persisted_query_by_get_has_a_tag(server: Server, accept: str) -> None:
    key = await registered(server, f'query ($name: String = "") {{ hello(name: $name) }} # P07 {accept}')

    async def get(name: str, **headers: str) -> httpx.Response:
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        variables = json.dumps({"name": name})
        found: httpx.Response = await server.get(accept=accept, headers=given, documentId=key, variables=variables)
        return found

    first = await get("you")
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert {name: first.headers[name] for name in REVALIDATED} == REVALIDATED
    for given in (tag, f"W/{tag}", f'"other", {tag}', f'{tag[:-1]}-gzip"', "*"):
        ran = server.probe.ran
        again = await get("you", if_none_match=given)
        assert (again.status_code, again.content, server.probe.ran) == (304, b"", ran + 1)
        assert again.headers["etag"] == (tag if given == "*" else given.rpartition(", ")[2])
        assert again.headers["cache-control"] == "private, no-cache"
        assert again.headers["vary"] == "Accept, Accept-Encoding"
        assert "content-length" not in again.headers
        assert again.headers["x-content-type-options"] == "nosniff"
    for given in ('"other"', tag.strip('"'), "", "nonsense", f'{tag[:-1]}x"'):
        again = await get("you", if_none_match=given)
        assert (again.status_code, again.headers["etag"], again.content) == (200, tag, first.content)
    other = await get("them", if_none_match=tag)
    assert (other.status_code, other.headers["etag"] != tag) == (200, True)


async def test_media_types_have_tags_of_their_own(server: Server) -> None:
    key = await registered(server, "{ hello } # of two media types")
    tags = {(await server.get(accept=accept, documentId=key)).headers["etag"] for accept in (JSON, RESPONSE)}
    assert len(tags) == 2


async def test_a_compressed_answer_has_a_tag_of_its_own(server: Server) -> None:
    key = await registered(server, 'query ($name: String = "") { hello(name: $name) } # compressed')

    async def get(coding: str, tag: str = "") -> httpx.Response:
        headers = {"accept-encoding": coding, "if-none-match": tag}
        answer = await server.get(headers=headers, documentId=key, variables=json.dumps({"name": "x" * 9_000}))
        assert {each.strip() for each in answer.headers["vary"].split(",")} >= {"Accept"}
        found: httpx.Response = answer
        return found

    plain, packed = await get("identity"), await get("gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept, Accept-Encoding"
    assert packed.headers["etag"] == f'{plain.headers["etag"][:-1]}-gzip"'
    assert plain.json() == packed.json()
    for answer in (plain, packed):
        again = await get("gzip", answer.headers["etag"])
        assert (again.status_code, again.headers["etag"]) == (304, answer.headers["etag"])


async def test_other_answers_have_no_tag(server: Server) -> None:
    failing = await registered(server, "query ($count: Int = 0) { many(count: $count) { value } } # no tag")
    answers = [
        await server.get(query="{ hello }"),
        await post(server, {"documentId": await registered(server, "{ hello } # no tag")}),
        await server.get(documentId=failing, variables='{"count":1}'),
        await server.get(documentId=failing, variables='{"count":"x"}'),
        await server.get(documentId="unknown"),
        await server.get(accept="text/event-stream", documentId=await registered(server, "{ hello } # stream")),
    ]
    for answer in answers:
        assert answer.headers["cache-control"].startswith("no-store")
        assert ("etag" in answer.headers, answer.status_code) == (False, 200)


# Pages of other sites


async def test_c05_a_persisted_query_by_get_in_production(production: Server) -> None:
    text = "{ hello } # in production"
    key = await registered(production, text)
    assert (await production.get(documentId=key)).status_code == 200
    assert (await production.get(extensions=json.dumps(persisted(text)))).status_code == 200
    # A text, with its hash too, needs the header.
    given: dict[str, Any] = {"query": text, "extensions": json.dumps(persisted(text))}
    refused(await production.get(**given), 403, "CSRF_PREVENTED")
    assert (await production.get(**given, headers={"apollo-require-preflight": "1"})).status_code == 200
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        refused(await production.get(documentId=key, headers=headers), 403, "CSRF_PREVENTED")


# Trusted documents


async def test_trusted_documents_only(serve: Serve, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"hello": "{ hello }", "count": "subscription { count(to: 1) }"}))
    server = serve(trusted_documents=(manifest,), trusted_documents_only=True)
    assert (await server.get(documentId="hello")).json() == {"data": {"hello": "Hello world"}}
    assert (await post(server, {"query": "{ hello }"})).json() == {"data": {"hello": "Hello world"}}
    stream = await post(server, {"documentId": "count"}, accept="text/event-stream")
    assert '{"data":{"count":0}}' in stream.text
    ran = server.probe.ran
    for accept, status, media_type in ((JSON, 200, JSON_TYPE), (RESPONSE, 400, RESPONSE_TYPE)):
        for body in (
            {"query": "{ hello(name: null) }"},
            {"query": "{ __schema { types { name } } }"},
            {"query": "{ a: hello }", "extensions": persisted("{ a: hello }")},
            {"extensions": persisted("{ a: hello }")},
            {"documentId": "other"},
        ):
            refused(await post(server, body, accept), status, "QUERY_NOT_IN_SAFELIST", media_type=media_type)
    for accept in ("text/event-stream", "multipart/mixed"):
        refusal = await post(server, {"query": "subscription { count(to: 2) }"}, accept=accept)
        assert "QUERY_NOT_IN_SAFELIST" in refusal.text
    packed = gzip.compress(b'{"query":"{ b: hello }"}')
    headers = {"content-type": JSON, "content-encoding": "gzip"}
    refused(await server.send("POST", content=packed, headers=headers), 200, "QUERY_NOT_IN_SAFELIST")
    assert server.probe.ran == ran
