"""Routes that tell how the collection is, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import APIRouter

from lookalike.collection import Collection
from lookalike.server.jobs import AddJob
from lookalike.server.messages import Failure, Failures, Status
from lookalike.server.writing import Writing

__all__ = ["status_routes"]


def status_routes(collection: Collection, jobs: Sequence[AddJob], writing: Writing) -> APIRouter:
    """Return the routes ``/status`` and ``/failures``."""
    router = APIRouter(tags=["collection"])

    @router.get("/status")
    def status() -> Status:
        """Tell the collection's size and the running jobs."""
        return Status(
            version=version("lookalike"),
            collection=str(collection.path.absolute()),
            photos=len(collection),
            files=collection.n_files(),
            failures=collection.n_failures(),
            encoder=collection.settings.card.name,
            search=collection.search_method,
            word_search=collection.word_method,
            style_search=collection.style_method,
            writable=writing.is_possible,
            jobs=[job.message() for job in jobs],
        )

    @router.get("/failures")
    def failures() -> Failures:
        """List the files that could not be read, with the reason."""
        return Failures(failures=[Failure(path=path, reason=reason) for path, reason in collection.failures()])

    return router
