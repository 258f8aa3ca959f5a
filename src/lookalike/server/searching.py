"""Routes of the search bar: queries, and how one that is being typed may go on.

A query comes from whoever can send a request, so its photos are numbers of the collection: a path would have the server
read any file of its user, or tell whether there is one. Queries that find something are kept, where the server was made
so, when its own page or a program asks: pages of other sites could fill the list.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request
from pydantic import Field, model_validator

from lookalike.appearance import hex_of
from lookalike.catalog.completion import MAX_QUERY
from lookalike.collection import Collection
from lookalike.collection.completed import completed
from lookalike.query import Photo
from lookalike.query import Query as Asked
from lookalike.server.bodies import Body, check_is_json
from lookalike.server.messages import MAX_OFFSET, Hits, Suggestion, Suggestions
from lookalike.server.parameters import K, Offset, UploadText
from lookalike.server.refusals import Refusal, refusals
from lookalike.server.uploads import Uploads

__all__ = ["search_routes"]

_OUR_OWN = (None, "same-origin", "none")
"""What browsers say of requests by the page itself or by hand (`Sec-Fetch-Site`); programs say nothing."""


class MixedQuery(Body):
    """What is searched for, all parts of it together."""

    q: str | None = Field(None, min_length=1, max_length=MAX_QUERY, description="a query in its language")
    upload: UploadText | None = Field(None, description="`id` of an outside photo")
    vector: list[float] | None = Field(
        None, max_length=65_536, description="in the space of `/photos/{photo_id}/embedding`"
    )
    k: int = Field(60, ge=1, le=1000, description="hits wanted")
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="hits to leave out at the beginning")
    distinct: bool = False
    exact: bool = Field(False, description="compare with every photo, not through the index")

    @model_validator(mode="after")
    def _asks_for_something(self) -> MixedQuery:
        if self.q is None and self.upload is None and self.vector is None:
            raise ValueError("Give at least one of `q`, `upload` and `vector`")
        return self


def search_routes(collection: Collection, uploads: Uploads, *, remember: bool) -> APIRouter:
    """Return the routes ``/search`` and ``/complete``."""
    router = APIRouter(tags=["search"])

    @router.get("/search", responses=refusals(404, 422))
    def search(
        request: Request,
        background: BackgroundTasks,
        q: Annotated[
            str | None, Query(min_length=1, max_length=MAX_QUERY, description="A query in its language.")
        ] = None,
        words: Annotated[
            str | None,
            Query(
                min_length=1,
                max_length=MAX_QUERY,
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
        query = _query_of(collection, q)
        result = collection.search(query, k=k, offset=offset, distinct=distinct)
        if remember and result.hits and offset == 0 and request.headers.get("sec-fetch-site") in _OUR_OWN:
            background.add_task(collection.remember_query, q)
        return Hits.of(collection, result, k=k, offset=offset, query=query)

    @router.post("/search", dependencies=[Depends(check_is_json)], responses=refusals(404, 413, 415, 422))
    def search_mixed(asked: MixedQuery) -> Hits:
        """Find photos by a query, an outside photo and a vector, or several of these at once."""
        query = None if asked.q is None else _query_of(collection, asked.q)
        result = collection.search(
            query,
            photo=None if asked.upload is None else uploads.get(asked.upload),
            vector=None if asked.vector is None else np.array(asked.vector),
            k=asked.k,
            offset=asked.offset,
            distinct=asked.distinct,
            exact=asked.exact,
        )
        return Hits.of(
            collection,
            result,
            k=asked.k,
            offset=asked.offset,
            upload=asked.upload,
            query=query,
            vector=asked.vector is not None,
        )

    @router.get("/complete", responses=refusals(422))
    def complete(
        q: Annotated[str, Query(max_length=MAX_QUERY, description="What has been typed of a query.")],
        limit: Annotated[int, Query(ge=1, le=100, description="Suggestions wanted.")] = 10,
    ) -> Suggestions:
        """Tell how a query that is being typed may go on."""
        suggestions = [
            Suggestion(
                kind=one.kind,
                text=one.text,
                query=completed(q, one),
                n=one.n,
                n_edits=one.n_edits,
                hex=_hex_of(one.text) if one.kind == "key" else None,
            )
            for one in collection.suggest(q, limit=limit)
        ]
        return Suggestions(suggestions=suggestions)

    return router


def _hex_of(key: str) -> str | None:
    """Return the `#rrggbb` of a ``colour:`` with a name; None of any other key."""
    name, _, value = key.partition(":")
    return hex_of(value.strip('"')) if name in ("colour", "color") and value else None


def _query_of(collection: Collection, text: str) -> Asked:
    """Read a query of which every photo is one of the collection.

    Raises
    ------
    QueryError, Refusal
    """
    query = collection.parse(text)
    for term in query.terms:
        if isinstance(term, Photo) and isinstance(term.photo, str):
            message = (
                f"`photo:` names a file, {term.photo[:80]!r}, but here a photo is named by its number, as photo:12. "
                "Send a photo from outside to /api/v1/uploads, and search with that."
            )
            raise Refusal(422, "wrong_query", message)
    return query
