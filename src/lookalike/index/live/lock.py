"""One writer per directory, across processes, and who it is.

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

from lookalike.errors import IndexLockedError, LiveIndexError, LookalikeError

__all__ = ["writer_lock"]


@contextlib.contextmanager
def writer_lock(
    directory: Path,
    *,
    wait_seconds: float = 0,
    locked: type[LookalikeError] = IndexLockedError,
    unwritable: type[LookalikeError] = LiveIndexError,
) -> Iterator[None]:
    """Hold the right to write to `directory`, waiting up to `wait_seconds` for it.

    Parameters
    ----------
    directory : Path
    wait_seconds : float
    locked, unwritable : type
        The errors to raise when another holds the lock, and when no lock can be made there.

    Raises
    ------
    IndexLockedError
        Another thread or process holds it; the message names it.
    LiveIndexError
        The directory cannot be written to.
    """
    lock = FileLock(directory / "writer.lock", timeout=wait_seconds, is_singleton=False, thread_local=False)
    holder = directory / "writer.json"
    try:
        lock.acquire()
    except Timeout:
        raise locked(f"`{directory}` is being written to by {_describe(holder)}") from None
    except OSError as error:
        message = f"`{directory}` cannot be written to: {error.strerror or error}. Searching is possible."
        raise unwritable(message) from error
    process = os.getpid()
    try:
        me = {
            "pid": process,
            "host": socket.gethostname(),
            "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with contextlib.suppress(OSError):  # a full disk: then the message names nobody
            holder.write_text(json.dumps(me), encoding="utf-8")
        yield
    finally:
        if process == os.getpid():  # a forked child ends without letting go of what its parent holds
            with contextlib.suppress(OSError):
                holder.unlink(missing_ok=True)
            lock.release()


def _describe(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text(encoding="utf-8"))
        return (
            f"process {who['pid']} on {who['host']} (`{who['command']}`, since {who['since']}). "
            "Wait until it has finished, or stop it; searching is possible meanwhile."
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process. Wait until it has finished; searching is possible meanwhile."
