"""Routes of taught filters: what they are, and teaching one by photos."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from lookalike.collection import Collection
from lookalike.collection.probe import MAX_NAME, Probe
from lookalike.errors import UnknownFilterError
from lookalike.server.bodies import Body
from lookalike.server.refusals import refusals
from lookalike.server.writing import Writing

__all__ = ["filter_routes"]

_FilterName = Annotated[
    str, Path(min_length=1, max_length=MAX_NAME, description="A filter's name, as in `style:NAME`.")
]
_Ids = Annotated[list[Annotated[int, Field(ge=1, le=2**63 - 1)]], Field(max_length=500)]


class TaughtFilter(BaseModel):
    """A filter that was taught, and what can be expected of it, from examples judged without themselves."""

    name: str
    threshold: float = Field(description="score from which on a photo passes")
    average_precision: float = Field(description="expected, of ranking the collection by it")
    precision: float = Field(description="expected at the threshold")
    recall: float = Field(description="expected at the threshold")
    prior: float = Field(description="share of the collection that is it, as estimated")
    n_examples: int
    n_negatives: int
    n_background: int = Field(description="random photos that it was compared with")

    @classmethod
    def of(cls, probe: Probe) -> TaughtFilter:
        """Return what is told of `probe`."""
        return cls.model_validate(probe, from_attributes=True)


class TaughtFilters(BaseModel):
    """The filters that were taught, by name."""

    filters: list[TaughtFilter]


class FilterExamples(Body):
    """Photos that teach a filter."""

    positive_ids: _Ids = Field(description="photos that are it: 5 or more, best 10 to 50")
    negative_ids: _Ids = Field([], description="photos that are not it, best those that were wrongly found before")


class Forgotten(BaseModel):
    """The filter that is no longer."""

    forgotten: str


def filter_routes(collection: Collection, writing: Writing) -> APIRouter:
    """Return the routes ``/filters``."""
    router = APIRouter(tags=["filters"])

    @router.get("/filters")
    def list_filters() -> TaughtFilters:
        """List the filters that were taught, with their figures."""
        return TaughtFilters(filters=[TaughtFilter.of(each) for each in collection.filters()])

    @router.put(
        "/filters/{name:path}", dependencies=[Depends(writing)], responses=refusals(403, 404, 409, 413, 415, 422)
    )
    async def teach_filter(name: _FilterName, asked: FilterExamples) -> TaughtFilter:
        """Teach a filter by photos, in the place of an earlier one of the name."""
        from lookalike.explore.asking import teach  # with it comes the encoder

        probe = await writing.run(lambda: teach(collection, name, asked.positive_ids, asked.negative_ids, save=True))
        return TaughtFilter.of(probe)

    @router.delete("/filters/{name:path}", dependencies=[Depends(writing)], responses=refusals(403, 404, 409, 422))
    async def forget_filter(name: _FilterName) -> Forgotten:
        """Forget a filter."""
        if not await writing.run(lambda: collection.forget_filter(name)):
            raise UnknownFilterError(f"No filter {name!r} was taught. GET /api/v1/filters lists those that were.")
        return Forgotten(forgotten=name)

    return router
