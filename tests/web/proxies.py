"""Real proxies in front of servers under test: nginx and Caddy with minimal configurations in a folder of the test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Literal

from tests.support import Server, free_port, program, until

ProxyName = Literal["nginx", "caddy"]

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxied;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; "" ""; }}
  upstream assay {{ {servers} keepalive 16; keepalive_timeout 60s; }}
  server {{
    listen 127.0.0.1:{port};
    location {prefix}/ {{
      proxy_pass http://assay/;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_next_upstream error timeout http_503;
      proxy_buffering off;
    }}
  }}
}}
"""
# Two races of Caddy 2.6: round robin finds no server while one of two is unhealthy and requests come at the same time,
# and a response to a quick server breaks off if the end of the request's body is read after it.
CADDY = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  handle_path {prefix}/* {{
    reverse_proxy {servers} {{
      health_uri /health/ready
      health_interval 100ms
      lb_policy least_conn
      buffer_requests
      lb_try_duration 10s
      flush_interval -1
    }}
  }}
}}
"""


# Only the addresses are given, of the first server: all else is nginx's and Caddy's own.
DEFAULTS = {
    "nginx": """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxied;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{first}; }}
  }}
}}
""",
    "caddy": """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  reverse_proxy {servers}
}}
""",
}


@asynccontextmanager
async def proxied(
    name: ProxyName, folder: Path, servers: Sequence[Server], *, prefix: str = "", defaults: bool = False
) -> AsyncIterator[int]:
    """Run a proxy in front of the servers, and yield its port on 127.0.0.1. It strips `prefix` from paths."""
    path, port = program(name), free_port()
    assert path
    ports = [server.port for server in servers]
    configuration = folder / f"{name}.conf"
    if name == "nginx":
        listed = " ".join(f"server 127.0.0.1:{each};" for each in ports)
        form = DEFAULTS["nginx"] if defaults else NGINX
        text = form.format(folder=folder, servers=listed, first=ports[0], port=port, prefix=prefix)
        command = [path, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)]
    else:
        listed = " ".join(f"127.0.0.1:{each}" for each in ports)
        text = (DEFAULTS["caddy"] if defaults else CADDY).format(servers=listed, port=port, prefix=prefix)
        command = [path, "run", "--adapter", "caddyfile", "--config", str(configuration)]
    configuration.write_text(text)
    log = folder / f"{name}.log"
    process = _started(command, folder, log)
    try:
        await until(lambda: process.poll() is not None or _answers(port, prefix), what=f"{name} to answer")
        assert process.poll() is None, log.read_text()
        yield port
    finally:
        process.terminate()
        process.wait(60)


def _started(command: Sequence[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    environment = {"HOME": str(folder), "PATH": os.defpath}
    with log.open("wb") as output:
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def _answers(port: int, prefix: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", f"{prefix}/health/live")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
