"""The application: the API's routes, the page for the rest, one shape for errors, and the guard before all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, FastAPI

from lookalike.collection import Collection
from lookalike.photos import PhotoLimits
from lookalike.server.bodies import BodyLimit
from lookalike.server.evaluations import evaluation_routes
from lookalike.server.filters import filter_routes
from lookalike.server.guard import Guard, names_of
from lookalike.server.jobs import AddJob
from lookalike.server.page import PAGE, Page
from lookalike.server.photos import photo_routes
from lookalike.server.refusals import answer_errors
from lookalike.server.searching import search_routes
from lookalike.server.status import status_routes
from lookalike.server.tag_changes import tag_change_routes
from lookalike.server.tags import tag_routes
from lookalike.server.uploads import UPLOAD_LIMITS, Uploads, upload_routes
from lookalike.server.why import why_routes
from lookalike.server.writing import Writing

__all__ = ["create_app"]


def create_app(
    collection: Collection,
    *,
    jobs: Sequence[AddJob] = (),
    hosts: Iterable[str] | None = None,
    limits: PhotoLimits = UPLOAD_LIMITS,
    page: Path = PAGE,
    remember: bool = False,
    read_only: bool = False,
) -> FastAPI:
    """Return the web application of one collection, for any ASGI server.

    Parameters
    ----------
    collection : Collection
        Stays the caller's to close.
    jobs : sequence of AddJob
        What ``/api/v1/status`` reports.
    hosts : iterable of str, optional
        What a request's Host header may say, without its port; default: the names of this machine for itself.
    limits : PhotoLimits
        Of an upload.
    page : Path
        Folder of the built page.
    remember : bool
        Whether queries that found something are kept, to be suggested later.
    read_only : bool
        Whether everything that would change the collection is refused.
    """
    app = FastAPI(
        title="Lookalike",
        description="Explore a photo collection by similarity.",
        version=version("lookalike"),
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # both would load their scripts from another host
        redoc_url=None,
        redirect_slashes=False,
    )
    api = APIRouter(prefix="/api/v1")
    writing = Writing(collection, read_only)
    uploads = Uploads(collection, limits=limits)
    api.include_router(status_routes(collection, jobs, writing))
    api.include_router(photo_routes(collection))
    api.include_router(search_routes(collection, uploads, remember=remember and not read_only))
    api.include_router(why_routes(collection))
    api.include_router(tag_routes(collection))
    api.include_router(tag_change_routes(collection, writing))
    api.include_router(filter_routes(collection, writing))
    api.include_router(evaluation_routes(collection))
    api.include_router(upload_routes(collection, uploads))
    app.include_router(api)
    app.router.default = Page(page)
    answer_errors(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Guard, hosts=names_of("localhost") if hosts is None else hosts)
    return app
