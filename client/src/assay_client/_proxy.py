"""The proxy between the client and the server: one for HTTP and WebSocket, given or from the environment."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_of(url: str, given: str | None) -> str | None:
    """Return the proxy for a server's URL. None if the connection is direct.

    `given` wins over the environment; an empty one means no proxy. Otherwise HTTP_PROXY is for http URLs, HTTPS_PROXY
    for https URLs, and NO_PROXY names the exceptions, as `urllib.request` reads them. Raises ValueError for a proxy
    whose URL is neither http nor https. The message does not have the URL, which can have a password.
    """
    if given is not None:
        return _checked("`proxy`", given)
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if proxy_bypass(f"{parts.hostname}:{port}"):
        return None
    return _checked(f"{parts.scheme.upper()}_PROXY", getproxies().get(parts.scheme, ""))


def _checked(name: str, proxy: str) -> str | None:
    if not proxy:
        return None
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")  # curl takes the short form too
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.path not in ("", "/"):
        raise ValueError(
            f"{name} is not a proxy's address: the form is http://HOST:PORT or http://USER:PASSWORD@HOST:PORT."
        )
    if parts.username is not None and parts.password is None:
        parts = parts._replace(netloc=parts.netloc.replace("@", ":@", 1))  # websockets requires a password
    return parts._replace(path="", query="", fragment="").geturl()
