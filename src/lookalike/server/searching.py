"""Routes of the search bar: queries, and how one that is being typed may go on.

A query comes from whoever can send a request, so its photos are numbers of the collection: a path would have the server
read any file of its user, or tell whether there is one. Queries that find something are kept, where the server was made
so, when its own page or a program asks: pages of other sites could fill the list.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Request

from lookalike.collection import Collection
from lookalike.query import Photo, Tag, last_item, parse, print_query
from lookalike.query import Query as Asked
from lookalike.server.messages import Hits, Suggestion, Suggestions
from lookalike.server.parameters import K, Offset
from lookalike.server.refusals import Refusal, refusals

__all__ = ["search_routes"]

_OUR_OWN = (None, "same-origin", "none")
"""What browsers say of requests by the page itself or by hand (`Sec-Fetch-Site`); programs say nothing."""


def search_routes(collection: Collection, *, remember: bool) -> APIRouter:
    """Return the routes ``/search`` and ``/complete``."""
    router = APIRouter(tags=["search"])

    @router.get("/search", responses=refusals(404, 422))
    def search(
        request: Request,
        background: BackgroundTasks,
        q: Annotated[str | None, Query(min_length=1, max_length=1000, description="A query in its language.")] = None,
        words: Annotated[
            str | None,
            Query(
                min_length=1,
                max_length=1000,
                description='Words and "quoted phrases" in place of `q`, nothing else of the language.',
            ),
        ] = None,
        k: K = 60,
        offset: Offset = 0,
        distinct: Annotated[
            bool, Query(description="Leave out hits that are nearly the same as an earlier one, and name them there.")
        ] = False,
    ) -> Hits:
        """Find photos by a query in its language, or by words."""
        if (q is None) == (words is None):
            raise Refusal(422, "invalid_argument", "`q` or `words` is required: one of the two, and not both.")
        if q is None:
            result = collection.search(words=words, k=k, offset=offset, distinct=distinct)
            return Hits.of(collection, result, k=k, offset=offset, words=words)
        query = _query_of(q)
        result = collection.search(query, k=k, offset=offset, distinct=distinct)
        if remember and result.hits and offset == 0 and request.headers.get("sec-fetch-site") in _OUR_OWN:
            background.add_task(collection.remember_query, q)
        return Hits.of(collection, result, k=k, offset=offset, query=print_query(query))

    @router.get("/complete", responses=refusals(422))
    def complete(
        q: Annotated[str, Query(max_length=1000, description="What has been typed of a query.")],
        limit: Annotated[int, Query(ge=1, le=100, description="Suggestions wanted.")] = 10,
    ) -> Suggestions:
        """Tell how a query that is being typed may go on."""
        before = q[: last_item(q)[0]]
        suggestions = []
        for one in collection.suggest(q, limit=limit):
            written = print_query(Asked(terms=(Tag(one.text),))) if one.kind == "tag" else one.text
            suggestions.append(
                Suggestion(
                    kind=one.kind,
                    text=one.text,
                    query=written if one.kind == "query" else before + written,
                    n=one.n,
                    n_edits=one.n_edits,
                )
            )
        return Suggestions(suggestions=suggestions)

    return router


def _query_of(text: str) -> Asked:
    """Read a query of which every photo is one of the collection.

    Raises
    ------
    QueryError, Refusal
    """
    query = parse(text)
    for term in query.terms:
        if isinstance(term, Photo) and isinstance(term.photo, str):
            message = (
                f"`photo:` names a file, {term.photo[:80]!r}, but here a photo is named by its number, as photo:12. "
                "Send a photo from outside to /api/v1/uploads, and search with that."
            )
            raise Refusal(422, "wrong_query", message)
    return query
