"""What stands before every request: whose it is, and what its answer may do in a browser.

The server listens on this machine for this machine's user, but any web site that the user visits can make the browser
send requests to it. So: the Host header must name this server (else a site could point its own name at 127.0.0.1 and
read everything: DNS rebinding); a request that changes something must not come from another origin; no CORS headers
exist; and answers may not be embedded by other sites, load from other hosts, or be taken for another media type.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.server.refusals import Refusal, refusal_response

__all__ = ["Guard", "names_of"]

logger = logging.getLogger(__name__)

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::\d{0,5})?")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def names_of(host: str) -> frozenset[str]:
    """Return what a Host header may say when the server listens on `host`, besides a port.

    ``"*"`` stands for any IP address: a server that listens on all of them cannot know them, and an address, unlike
    a name, cannot be rebound.
    """
    host = host.lower().strip("[]")
    if host in ("", "0.0.0.0", "::"):
        return frozenset({*_LOOPBACK, "*"})
    return frozenset({*_LOOPBACK, f"[{host}]" if ":" in host else host})


class Guard:
    """ASGI middleware: refuses foreign requests, answers unforeseen errors, adds the security headers.

    Parameters
    ----------
    app : ASGI application
    hosts : iterable of str
        Host names that are this server's, as `names_of` gives them.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        try:
            self._check(scope["method"], Headers(scope=scope))
            await self._app(scope, receive, send_guarded)
        except ClientDisconnect:
            return
        except Refusal as refusal:
            await refusal_response(refusal)(scope, receive, send_guarded)
        except Exception:
            if started:
                raise
            logger.exception("%s %s failed", scope["method"], scope["path"])
            failure = Refusal(500, "internal_error", "The server failed on this request; its log tells why.")
            await refusal_response(failure)(scope, receive, send_guarded)

    def _check(self, method: str, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            message = (
                f"This server is not called {host[:100]!r}. Use the address that it was started with, or "
                "start it with --host and the name that it should have."
            )
            raise Refusal(403, "foreign_host", message)
        if method in _SAFE_METHODS:
            return
        origin = headers.get("origin")
        if origin is not None and _host_of(origin) != host.lower():
            raise Refusal(403, "foreign_origin", f"Pages of {origin[:100]!r} may not change anything here.")
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):  # "same-site" may be another port
            raise Refusal(403, "foreign_origin", "Pages of other sites may not change anything here.")

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].lower()
        if name in self._hosts:
            return True
        if "*" not in self._hosts:
            return False
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # brackets of an IPv6 address that do not close
        return None
