"""Running the server in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import uvicorn

from lookalike.collection import AddProgress, Collection
from lookalike.errors import InvalidArgumentError, ServerError
from lookalike.server.app import create_app
from lookalike.server.guard import names_of
from lookalike.server.jobs import AddJob

__all__ = ["serve"]

DEFAULT_PORT = 8765
_BACKLOG = 128
"""Connections that the system keeps until they are accepted; asyncio tries so often in a row."""
_SECONDS_BETWEEN_TELLING = 60.0

logger = logging.getLogger(__name__)


def serve(
    collection: Collection,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    add: Sequence[str | os.PathLike[str]] = (),
    on_ready: Callable[[str], object] | None = None,
    on_progress: Callable[[AddProgress], object] | None = None,
    read_only: bool = False,
) -> None:
    """Serve a collection until SIGINT or SIGTERM; prints nothing.

    Parameters
    ----------
    collection : Collection
        Stays the caller's to close.
    host : str
        Address to listen on; the default is reached from this machine only.
    port : int
        0 for any free one.
    add : sequence of path
        Folders and files to add in the background. On the way out this is stopped, keeping what is done.
    on_ready : callable, optional
        Called with the page's address once requests are answered.
    on_progress : callable, optional
        Called from another thread with how far the adding is.
    read_only : bool
        Whether requests that would change the collection are refused.

    Raises
    ------
    ServerError
        The port is taken, or `host` is no address of this machine. Tested before anything else is begun.
    """
    listener = _listen(host, port)
    jobs = [AddJob(collection, add, on_progress=on_progress)] if add else []
    bound_port: int = listener.getsockname()[1]

    def ready() -> None:
        for job in jobs:
            job.start()
        if on_ready is not None:
            on_ready(_url(host, bound_port))

    app = create_app(collection, jobs=jobs, hosts=names_of(host), remember=True, read_only=read_only)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=3,
    )
    server = _Server(config, ready)
    try:
        with _ended_by_signals(server):
            server.run(sockets=[listener])
    finally:
        listener.close()
        for job in jobs:
            job.stop()


class _Shortage:
    """Tells now and then that no more connections can be accepted; asyncio would with a traceback for each try."""

    def __init__(self) -> None:
        self._told_at = -math.inf

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Answer an error that arose in the loop itself."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
            loop.default_exception_handler(context)
        elif time.monotonic() - self._told_at > _SECONDS_BETWEEN_TELLING:
            self._told_at = time.monotonic()
            logger.warning(
                "New connections wait, as too many are open (%s). Raise the limit (`ulimit -n`), or close some.",
                error.strerror,
            )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(_Shortage())
        await super().startup(sockets)
        self._on_ready()


@contextlib.contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let SIGINT and SIGTERM end `server`, and nothing more.

    uvicorn sends itself the signal again once it has ended, which would end the process before the job is stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise InvalidArgumentError(f"`port` is {port}; expected 1 to 65535, or 0 for any free one.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServerError(f"`{host}` is not an address to listen on: {error.strerror}. Try --host 127.0.0.1") from error
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # restarts need not wait
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ServerError(_advice(host, port, error)) from error
    return listener


def _advice(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use; try --port {port + 1 if port < 65535 else DEFAULT_PORT}"
    if error.errno == errno.EACCES:
        return f"Port {port} needs the administrator's rights; try --port {DEFAULT_PORT}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"`{host}` is not an address of this machine; try --host 127.0.0.1"
    return f"Cannot listen on {host}, port {port}: {error.strerror}."


def _url(host: str, port: int) -> str:
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name and not name.startswith("[") else f"http://{name}:{port}"
