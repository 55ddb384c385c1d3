"""PostgreSQL's addresses with libpq's options: their reading, and TLS on a real server."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url, text

from settings import Settings
from store.sql.address import KNOWN, WrongAddress, connect_arguments
from store.sql.database import Database
from tests.support import run
from tests.torture.postgresql import Cluster

BASE = "postgresql+asyncpg://u:p%40@[::1]:5433/d"
READ = "postgresql://u:p%40@[::1]:5433/d"


@pytest.mark.parametrize(
    ("options", "dsn", "others"),
    [
        ("", "", {}),
        ("?sslmode=verify-full", "?sslmode=verify-full", {}),
        ("?sslmode=disable&sslmode=require", "?sslmode=require", {}),
        ("?ssl=true", "?sslmode=require", {}),
        ("?ssl=verify-ca", "?sslmode=verify-ca", {}),
        ("?options=-c%20search_path%3Dx", "?options=-c+search_path%3Dx", {}),
        ("?target_session_attrs=read-write", "?target_session_attrs=read-write", {}),
        ("?channel_binding=prefer&gssencmode=disable", "", {}),
        ("?connect_timeout=0", "", {}),
        ("?connect_timeout=7", "", {"timeout": 7}),
        ("?application_name=reviews", "", {"server_settings": {"application_name": "reviews"}}),
    ],
)
def test_options_are_read_as_libpq_reads_them(options: str, dsn: str, others: dict[str, Any]) -> None:
    arguments = connect_arguments(make_url(BASE + options))
    assert arguments == {"dsn": READ + dsn, "server_settings": {"application_name": "assay"}, **others}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("?sslmod=require", f"The option 'sslmod' is unknown. The known ones: {', '.join(KNOWN)}."),
        (
            "?statement_cache_size=0",
            f"The option 'statement_cache_size' is unknown. The known ones: {', '.join(KNOWN)}.",
        ),
        (
            "?sslmode=secret",
            "The option sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full.",
        ),
        ("?channel_binding=require", "The option channel_binding must be one of disable, prefer."),
        ("?gssencmode=require", "The option gssencmode must be one of disable, prefer."),
        ("?connect_timeout=1.5", "The option connect_timeout must be a whole number of seconds; 0 means asyncpg's 60."),
        ("?sslrootcert=/none.crt", "The option sslrootcert must name a file: there is none at /none.crt."),
        ("?sslkey=/", "The option sslkey must name a file: there is none at /."),
        ("?sslrootcert=system&sslmode=require", "The option sslrootcert=system requires sslmode=verify-full."),
    ],
)
def test_an_unknown_or_invalid_option_is_refused_by_name(options: str, message: str) -> None:
    with pytest.raises(WrongAddress) as refusal:
        connect_arguments(make_url(BASE + options))
    assert str(refusal.value) == message


class Authority:
    """A certificate authority of the test, by openssl. Its files belong to the user of PostgreSQL."""

    def __init__(self) -> None:
        # Not in pytest's folders: only their owner, possibly root, can read them.
        self.folder = Path(tempfile.mkdtemp(prefix="assay-tls-"))
        self.root = self._own("root", "-x509")
        self.other = self._own("other", "-x509")

    def issue(self, name: str, *, alternative: str | None = None) -> Path:
        """Write NAME.crt and NAME.key, for this common name and, of a server, this alternative name."""
        more = ("-addext", f"subjectAltName={alternative}") if alternative else ()
        by = ("-CA", str(self.root), "-CAkey", str(self.folder / "root.key"))
        return self._own(name, "-x509", *by, *more)

    def _own(self, name: str, *options: str) -> Path:
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.crt"
        request = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}")
        run("openssl", "req", *request, *options, "-keyout", key, "-out", certificate, "-days", "2")
        return certificate

    def give_away(self) -> None:
        """Let PostgreSQL read the files."""
        for path in (self.folder, *self.folder.iterdir()):
            if os.geteuid() == 0:
                shutil.chown(path, "postgres")
            path.chmod(0o700 if path.is_dir() else 0o600)


ACCESS = """
hostssl all certified 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 trust
"""


@pytest.fixture(scope="module")
def tls() -> Iterator[tuple[Cluster, Authority]]:
    """Yield a PostgreSQL that accepts only TLS. Its certificate is for `localhost`; the role `certified` needs one."""
    authority, cluster = Authority(), Cluster()
    try:
        certificate = authority.issue("server", alternative="DNS:localhost")
        authority.issue("certified")
        (authority.folder / "access").write_text(ACCESS)
        authority.give_away()
        cluster.start()

        async def configure() -> None:
            connection = await asyncpg.connect(cluster.url)
            await connection.execute("CREATE ROLE certified LOGIN")
            for name, value in {
                "ssl": "on",
                "ssl_cert_file": certificate,
                "ssl_key_file": certificate.with_suffix(".key"),
                "ssl_ca_file": authority.root,
                "hba_file": authority.folder / "access",
            }.items():
                await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            await connection.close()

        asyncio.run(configure())
        cluster.restart()
        yield cluster, authority
    finally:
        cluster.close()
        shutil.rmtree(authority.folder)


ENCRYPTED = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
ROOT, OTHER = "sslrootcert={0}/root.crt", "sslrootcert={0}/other.crt"
OWN = "sslcert={0}/certified.crt&sslkey={0}/certified.key"


async def is_encrypted(url: str) -> bool:
    """Whether the connections of the pool and that for LISTEN are encrypted."""
    database = Database(Settings(database_url=url).database)
    try:
        async with database.read() as connection, database.apart("bus") as listening:
            found = {(await connection.execute(ENCRYPTED)).scalar_one(), await listening.fetchval(ENCRYPTED.text)}
        (encrypted,) = found
        return bool(encrypted)
    finally:
        await database.close()


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize(
    ("role", "host", "options", "refusal"),
    [
        ("postgres", "127.0.0.1", "", None),
        ("postgres", "127.0.0.1", "sslmode=disable", "no pg_hba.conf entry"),
        ("postgres", "127.0.0.1", "sslmode=allow", None),
        ("postgres", "127.0.0.1", "sslmode=prefer", None),
        ("postgres", "127.0.0.1", "sslmode=require", None),
        ("postgres", "127.0.0.1", f"sslmode=require&{OTHER}", "certificate verify failed"),  # as libpq: verify-ca
        ("postgres", "127.0.0.1", f"sslmode=verify-ca&{ROOT}", None),
        ("postgres", "127.0.0.1", f"sslmode=verify-ca&{OTHER}", "certificate verify failed"),
        ("postgres", "127.0.0.1", f"sslmode=verify-full&{ROOT}", "IP address mismatch"),
        ("postgres", "localhost", f"sslmode=verify-full&{ROOT}", None),
        ("postgres", "localhost", "sslmode=verify-full&sslrootcert=system", None),
        ("certified", "127.0.0.1", "sslmode=require", "requires a valid client certificate"),
        ("certified", "127.0.0.1", f"sslmode=verify-ca&{ROOT}&{OWN}", None),
    ],
)
async def test_tls(
    role: str,
    host: str,
    options: str,
    refusal: str | None,
    tls: tuple[Cluster, Authority],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, authority = tls
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))  # the certificates of the operating system
    monkeypatch.setenv("HOME", str(authority.folder / "none"))  # without certificates of the user
    url = f"postgresql://{role}@{host}:{cluster.port}/postgres?{options.format(authority.folder)}"
    if refusal is None:
        assert await is_encrypted(url)
    else:
        with pytest.raises(Exception, match=refusal):
            await is_encrypted(url)
