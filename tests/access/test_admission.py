"""Open and closed servers: the configurations that may be open, and requests through a proxy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from access.admission import COMMANDS, MustBeClosed, new_gate, require_no_user
from access.gate import Gate
from access.secrets import read_secret
from settings import Settings
from store.sql.database import Database
from tests.store.access.calls import new_user
from tests.support import ROOT, SECRET, Server, free_port, new_api_key
from tests.web.proxies import ProxyName, proxied

Start = Callable[..., Awaitable[Server]]

QUERY = {"query": "{ analyses(last: 1) { totalCount } }"}
ANSWER = {"data": {"analyses": {"totalCount": 0}}}


@pytest.mark.parametrize(
    "settings",
    [{}, {"host": "localhost"}, {"host": "::1"}, {"host": "127.0.0.2"}],
    ids=["by default", "localhost", "IPv6", "another loopback address"],
)
async def test_configurations_that_are_open(tmp_path: Path, database: Database, settings: dict[str, str]) -> None:
    assert new_gate(Settings.model_validate(settings | {"data_dir": tmp_path / "data"}), database) is None
    await require_no_user(database)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"host": "0.0.0.0"}, "A server on the address 0.0.0.0"),
        ({"host": "assay.example"}, "A server on the address assay.example"),
        ({"host": ""}, "A server on every address"),
        ({"environment": "production"}, "A server in production"),
    ],
)
async def test_others_must_be_closed(tmp_path: Path, database: Database, settings: dict[str, str], reason: str) -> None:
    given = Settings.model_validate(settings | {"data_dir": tmp_path / "data"})
    with pytest.raises(MustBeClosed) as raised:
        new_gate(given, database)
    assert str(raised.value) == f"{reason} requires sign-in. Run these commands before the server:\n{COMMANDS}"
    assert isinstance(new_gate(given.model_copy(update={"secret": SECRET}), database), Gate)
    issuer = {"oidc_issuer": "https://issuer.example", "oidc_audience": ("assay",)}
    assert isinstance(new_gate(given.model_copy(update=issuer), database), Gate)


async def test_a_database_with_users_must_be_closed(database: Database) -> None:
    await new_user(database, "ann")
    with pytest.raises(MustBeClosed, match=r"^A database with users requires sign-in\."):
        await require_no_user(database)


def test_the_secret_in_the_data_folder(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert read_secret(settings) == ""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    assert read_secret(settings) == SECRET
    assert read_secret(settings.model_copy(update={"secret": "own"})) == "own"
    postgresql = settings.model_copy(update={"database_url": "postgresql://h/d"})
    assert read_secret(postgresql) == ""
    (tmp_path / "secret").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"^The secret in .*secret can't be read: "):
        read_secret(settings)


def started(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a server that ends by itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    own = {"port": str(free_port()), "data_dir": str(folder)} | settings
    return subprocess.run(
        [sys.executable, "server.py", "serve"],
        cwd=ROOT,
        env=clean | {f"ASSAY_{name.upper()}": value for name, value in own.items()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"host": "0.0.0.0"},
            f"A server on the address 0.0.0.0 requires sign-in. Run these commands before the server:\n{COMMANDS}\n",
        ),
        ({"secret": "short"}, "The secret has fewer than 32 bytes.\n"),
        (
            {"oidc_issuer": "https://issuer.example", "oidc_audience": "assay", "oidc_algorithms": "HS256"},
            "HS256: not an asymmetric algorithm of an issuer.\n",
        ),
    ],
    ids=["open to the network", "short secret", "symmetric algorithm"],
)
def test_refusals_at_start(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    ended = started(tmp_path, **settings)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.endswith(message)
    assert "Traceback" not in ended.stderr


async def ask(port: int, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.post(f"http://127.0.0.1:{port}/graphql", json=QUERY, headers=named)


async def test_an_open_server_refuses_requests_through_a_proxy(server: Start) -> None:
    one = await server(workers=0)
    assert (await ask(one.port)).json() == ANSWER
    for name in ("Forwarded", "X-Forwarded-For", "X_Forwarded_Proto", "X-Forwarded-Anything", "Via"):
        refused = await ask(one.port, **{name: "anything"})
        assert refused.status_code == 403
        (error,) = refused.json()["errors"]
        assert error["extensions"] == {"code": "FORBIDDEN"}
        assert error["message"].endswith(COMMANDS)


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("nginx", marks=pytest.mark.needs("nginx")),
        pytest.param("caddy", marks=pytest.mark.needs("caddy")),
    ],
)
async def test_real_proxies_with_their_defaults(server: Start, tmp_path: Path, name: ProxyName) -> None:
    for secret in ("", SECRET):  # the key is of a user, with whom the database may no longer be open
        one = await server(workers=0, secret=secret)
        folder = tmp_path / f"{name}-{one.port}"
        folder.mkdir()
        async with proxied(name, folder, [one], defaults=True) as port:
            if not secret:
                assert (await ask(port)).status_code == 403
                assert (await ask(one.port)).json() == ANSWER
            else:
                assert (await ask(port)).status_code == 401
                key = await new_api_key(one.database_url)
                assert (await ask(port, Authorization=f"Bearer {key}")).json() == ANSWER
