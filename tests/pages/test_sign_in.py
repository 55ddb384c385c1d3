"""Sign-in to the dashboard and to GraphiQL in a browser: tabs, files, invitations."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests import support
from tests.pages.live_page import BROWSER, needs_a_browser

NAME, PASSWORD = "ada", "a long password of ada"
SIGN_IN = """
mutation ($name: String!, $password: String!) {
  signIn(input: {name: $name, password: $password}) { tokens { accessToken } viewer { workspace { id } } }
}
"""
CREATE = """
mutation ($workspace: ID!) { createUser(input: {name: "grace", workspaceId: $workspace, role: VIEWER}) { invitation } }
"""
SUBMIT = 'mutation { submitAnalysis(input: {request: {text: {text: "A calm day."}}}) { analysis { id } } }'


@needs_a_browser
async def test_users_sign_in_and_out_in_all_tabs(
    server: Callable[..., Awaitable[support.Server]], tmp_path: Path
) -> None:
    one = await server(secret=support.SECRET)
    await support.new_user(one.database_url, NAME, PASSWORD)

    async def ask(query: str, key: str | None = None, **variables: Any) -> Any:
        answer = await asyncio.to_thread(support.post, one.url, query, variables, key=key)
        assert "errors" not in answer, answer
        return answer["data"]

    signed_in = (await ask(SIGN_IN, name=NAME, password=PASSWORD))["signIn"]
    key = signed_in["tokens"]["accessToken"]
    analysis = (await ask(SUBMIT, key))["submitAnalysis"]["analysis"]
    created = await ask(CREATE, key, workspace=signed_in["viewer"]["workspace"]["id"])
    given = (one.address, NAME, PASSWORD, created["createUser"]["invitation"], str(tmp_path))
    process = await create_subprocess_exec("node", "sign-in.mjs", *given, cwd=BROWSER, stdout=PIPE)
    said, _ = await process.communicate()
    report = json.loads(said)
    assert "broken" not in report, report["broken"]

    # Nothing of a closed server is drawn before the sign-in, and the page is the one that was asked for.
    assert report["behind"] == 0
    assert report["axe"] == []
    assert report["refusal"] == "The name or the password is wrong."
    assert report["address"] == f"{one.address}/dashboard/queue"
    assert report["account"] == NAME

    # No script can read a token from a store.
    cookie, stores = report["kept"]
    assert cookie == ""
    assert "ey" not in stores
    assert "assayr_" not in stores
    path = {"httpOnly": True, "sameSite": "Strict", "path": "/auth"}
    assert report["cookies"] == [{"name": "assay_refresh", **path}]

    name, lines = report["file"]
    assert (name, json.loads(lines)["id"]) == ("analyses.jsonl", analysis["id"])
    assert report["reason"] == "You have signed out in another tab."
    assert report["shown"].strip() == "Analyses"
    assert report["differs"] == "The two passwords differ."
    assert report["invited"] == "grace"
    record = report["record"]
    assert record["foreign"] == []
    refused = [error for error in record["errors"] if not error.startswith(("400 ", "Failed to load resource"))]
    assert refused == []
