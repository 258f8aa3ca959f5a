"""Who may change the collection over HTTP.

A form on another site's page can send a request, but not with the content type of JSON, nor as PUT, PATCH or DELETE,
without asking first, which is never granted; the guard (guard.py) looks at where a request comes from besides.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request

from lookalike.collection import Collection
from lookalike.server.bodies import check_is_json
from lookalike.server.refusals import Refusal

__all__ = ["Writing"]

T = TypeVar("T")


@dataclass(frozen=True)
class Writing:
    """Whether a collection may be changed here; a dependency of the routes that do.

    Attributes
    ----------
    collection : Collection
    read_only : bool
        Whether the server was told not to.
    """

    collection: Collection
    read_only: bool
    _limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(4))

    @property
    def is_possible(self) -> bool:
        """Whether writing is allowed, and its directory can be written to."""
        return not self.read_only and os.access(self.collection.path, os.W_OK)

    async def run(self, work: Callable[[], T]) -> T:
        """Run a change in a thread; few at a time, for those that wait for another process must not stop searches."""
        return await to_thread.run_sync(work, limiter=self._limiter)

    def __call__(self, request: Request) -> None:
        """Refuse a request that may not change anything.

        Raises
        ------
        Refusal
        """
        if self.read_only:
            message = "This server was started with --read-only. Start it without, to change tags and filters."
            raise Refusal(403, "read_only", message)
        if not self.is_possible:
            message = f"`{self.collection.path}` cannot be written to by the user whom this server runs as."
            raise Refusal(403, "read_only", message)
        if request.method != "DELETE":
            check_is_json(request)
