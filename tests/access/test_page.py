"""The commands of the page about access, against a closed server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any

from tests import support

PAGE = (support.ROOT / "docs" / "access.md").read_text(encoding="utf-8")
PASSWORD = "a long password of ada"


def run(command: str, server: support.Server) -> Any:
    environment = os.environ | {"ASSAY_URL": server.address}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


async def test_a_session_by_the_commands_of_the_page(server: Callable[..., Awaitable[support.Server]]) -> None:
    sign_in, refresh, sign_out = re.findall(r"^    (curl .*)$", PAGE, flags=re.MULTILINE)
    one = await server(secret=support.SECRET, workers=0)
    await support.new_user(one.database_url, "ada", PASSWORD)
    first = await asyncio.to_thread(run, sign_in.replace("PASSWORD", PASSWORD), one)
    assert (first["token_type"], first["expires_in"] > 800) == ("Bearer", True)
    second = await asyncio.to_thread(run, refresh.replace("assayr_…", first["refresh_token"]), one)
    answer = await asyncio.to_thread(support.post, one.url, "{ viewer { name } }", key=second["access_token"])
    assert answer == {"data": {"viewer": {"name": "ada"}}}
    ended = await asyncio.to_thread(run, sign_out.replace("assayr_…", second["refresh_token"]), one)
    assert ended == {"signed_out": 1}
    refused = await asyncio.to_thread(run, refresh.replace("assayr_…", second["refresh_token"]), one)
    assert refused["error"] == "invalid_grant"
