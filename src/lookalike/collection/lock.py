"""One writer per collection, across processes, and who it is.

The lock is the operating system's (by `filelock`), so it falls with its holder however that ends; `writer.json`
beside it says who holds it, for the message only.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from lookalike.errors import CollectionError, CollectionLockedError

__all__ = ["writer_lock"]


@contextlib.contextmanager
def writer_lock(collection: Path, *, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the right to write to `collection`, waiting up to `wait_seconds` for it.

    Raises
    ------
    CollectionLockedError
        Another thread or process holds it; the message names it.
    """
    lock = FileLock(collection / "writer.lock", timeout=wait_seconds, is_singleton=False, thread_local=False)
    holder = collection / "writer.json"
    try:
        lock.acquire()
    except Timeout:
        raise CollectionLockedError(f"`{collection}` is being written to by {_describe(holder)}") from None
    except OSError as error:
        message = f"`{collection}` cannot be written to: {error.strerror or error}. Searching is possible."
        raise CollectionError(message) from error
    try:
        me = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        holder.write_text(json.dumps(me), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _describe(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text(encoding="utf-8"))
        return (
            f"process {who['pid']} on {who['host']} (`{who['command']}`, since {who['since']}). "
            "Wait until it has finished, or stop it; searching is possible meanwhile."
        )
    except (OSError, ValueError, KeyError):
        return "another process. Wait until it has finished; searching is possible meanwhile."
