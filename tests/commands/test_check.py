"""`server.py check`: each finding, and the whole command."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from access.secrets import new_secret
from commands.check import check_clock, check_database, check_files, check_secret, check_settings
from settings import Settings
from store.access.api_keys import NewApiKey, create_api_key
from store.access.users import NewUser, create_user
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import DEFAULT_WORKSPACE, Role
from tests.commands.calls import call

FAR = {"host": "0.0.0.0"}
SAFE = {**FAR, "allowed_hosts": "assay.example", "public_url": "https://assay.example"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        (SAFE, []),
        (FAR, ["WARN ASSAY_ALLOWED_HOSTS allows", "WARN The server speaks plain HTTP"]),
        ({**SAFE, "allowed_hosts": "*"}, ["WARN ASSAY_ALLOWED_HOSTS allows"]),
        ({"allowed_origins": "https://a.example,http://localhost:3000"}, []),
        ({"allowed_origins": "http://a.example"}, ["WARN ASSAY_ALLOWED_ORIGINS has http://a.example"]),
        ({"oidc_issuer": "https://id.example", "oidc_audience": "assay"}, []),
        ({"oidc_issuer": "http://id.example", "oidc_audience": "assay"}, ["ERROR ASSAY_OIDC_ISSUER"]),
        ({"broadcast_url": "redis://127.0.0.1:6379"}, []),
        ({"broadcast_url": "rediss://:word@cache.example:6379"}, []),
        (
            {"broadcast_url": "redis://cache.example:6379"},
            ["ERROR ASSAY_BROADCAST_URL: The Redis has no password", "WARN ASSAY_BROADCAST_URL: The Redis is reached"],
        ),
        ({"limits_url": "redis://:word@cache.example:6379"}, ["WARN ASSAY_LIMITS_URL: The Redis is reached"]),
        ({"database_url": "postgresql://me:word@db.example/assay?sslmode=verify-full"}, []),
        (
            {"database_url": "postgresql://me@db.example/assay"},
            ["WARN ASSAY_DATABASE_URL has no password", "WARN ASSAY_DATABASE_URL does not require TLS"],
        ),
        ({"key_days": 0}, ["WARN ASSAY_KEY_DAYS is 0"]),
    ],
)
def test_settings(settings: dict[str, Any], expected: list[str]) -> None:
    found = [f"{level} {message}" for level, message in check_settings(Settings(**settings))]
    assert [line[: len(start)] for line, start in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize(("folder", "secret", "levels"), [(0o700, 0o600, []), (0o755, 0o640, ["WARN", "ERROR"])])
def test_permissions(tmp_path: Path, folder: int, secret: int, levels: list[str]) -> None:
    data = tmp_path / "data"
    assert list(check_files(Settings(data_dir=data))) == []
    data.mkdir()
    data.chmod(folder)
    (data / "secret").write_text(new_secret())
    (data / "secret").chmod(secret)
    assert [level for level, _ in check_files(Settings(data_dir=data))] == levels


def test_secrets_and_clocks() -> None:
    assert list(check_secret(f"{new_secret()},{new_secret()}")) == []
    for example in ("x" * 40, "change me, please, to another text", f"{new_secret()},my secret my secret my secret"):
        assert [level for level, _ in check_secret(example)][:1] == ["ERROR"]
    now = utcnow()
    assert list(check_clock(now, now + timedelta(seconds=4))) == []
    ((level, message),) = check_clock(now, now - timedelta(seconds=61))
    assert (level, "differ by 61 s" in message) == ("ERROR", True)


async def test_users_and_keys(database: Database) -> None:
    assert await check_database(database) == []
    now = utcnow()
    async with database.write() as connection:
        user = await create_user(connection, NewUser(name="demo-viewer"), now)
        new = NewApiKey(DEFAULT_WORKSPACE, "lasting", "assayk_12345", "0" * 64, Role.VIEWER, user.id, None)
        await create_api_key(connection, new, now)
    assert await check_database(database) == [
        ("WARN", "1 demo users can sign in: `python server.py user deactivate NAME`."),
        ("WARN", "1 API keys never expire: `python server.py key list` shows them."),
    ]


@pytest.mark.usefixtures("prompt")
async def test_the_command(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    code, out, _ = await call(url, "check")
    assert (code, out.startswith("ERROR There is no SQLite database")) == (1, True)
    code, _, _ = await call(
        url, "user create ada --administrator --password-stdin", "a long password", ASSAY_SECRET=new_secret()
    )
    assert code == 0
    (tmp_path / "data").mkdir(mode=0o700, exist_ok=True)
    code, out, error = await call(url, "check", ASSAY_SECRET=new_secret(), ASSAY_DATA_DIR=str(tmp_path / "data"))
    assert (code, out, error) == (0, "Nothing was found.\n", "")
    code, out, _ = await call(url, "check", ASSAY_DATA_DIR=str(tmp_path / "data"))
    assert (code, out.startswith("ERROR A database with users requires sign-in.")) == (1, True)
    assert len(out.splitlines()) == 1
    code, _, error = await call(url, "check", ASSAY_SECRET="short", ASSAY_DATA_DIR=str(tmp_path / "data"))
    assert code == 1
