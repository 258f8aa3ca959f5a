"""Routes that measure: suggested tags, NSFW, and other scores, on the user's own photos.

A measurement reads all embeddings and may fit several models: seconds to minutes. So one is made at a time, in a
thread, and the last few are kept for as long as the collection does not change.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Annotated, TypeVar, cast

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from lookalike.collection import Collection
from lookalike.explore.asking_tags import evaluate_score, evaluate_tag_suggestions
from lookalike.explore.score_evaluation import ScoreEvaluation
from lookalike.explore.tag_evaluation import TagEvaluation
from lookalike.server.refusals import refusals

__all__ = ["evaluation_routes"]

T = TypeVar("T")

_N_KEPT = 16
_MarkTag = Annotated[
    str | None,
    Query(min_length=1, max_length=500, description="Tag of such photos; default NAME:is=yes or NAME:is=no."),
]


class MeanFigure(BaseModel):
    """A mean over photos."""

    mean: float
    standard_error: float


class RankingFigures(BaseModel):
    """How well a ranking of tags finds those that were hidden: means over photos at k."""

    precision: MeanFigure
    recall: MeanFigure
    ndcg: MeanFigure


class ReliabilityBin(BaseModel):
    """Suggestions whose score lies in a range."""

    lowest: float
    highest: float
    n: int
    score: float = Field(description="their mean")
    right: float = Field(description="the share that was right")


class TagFigures(BaseModel):
    """How good suggested tags are."""

    k: int
    photos: int = Field(description="with tags")
    hidden: int = Field(description="photos whose tags were hidden, one or more of which can be found")
    tags: int = Field(description="that can be suggested")
    rankings: dict[str, RankingFigures] = Field(description="by name; `space+votes` is the one in use")
    reliability: list[ReliabilityBin]

    @classmethod
    def of(cls, found: TagEvaluation) -> TagFigures:
        """Return what was measured."""
        return cls(
            k=found.k,
            photos=found.n_photos,
            hidden=found.n_hidden,
            tags=found.n_tags,
            rankings={
                name: RankingFigures.model_validate(
                    dict(zip(("precision", "recall", "ndcg"), three, strict=True)), from_attributes=True
                )
                for name, three in found.figures.items()
            },
            reliability=[ReliabilityBin.model_validate(each, from_attributes=True) for each in found.reliability],
        )


class ThresholdFigures(BaseModel):
    """What a filter at a threshold does."""

    threshold: float
    precision: float | None = Field(description="null where nothing passes")
    recall: float
    false_positive_rate: float = Field(description="share of what is not it that passes")


class ScoreFigures(BaseModel):
    """How well a score tells photos that are it from those that are not."""

    name: str
    n_yes: int = Field(description="photos marked as being it")
    n_no: int
    area: float = Field(description="under the ROC curve")
    standard_error: float | None = Field(description="of the area; null where too few photos were marked to tell it")
    average_precision: float
    thresholds: list[ThresholdFigures]
    best: float = Field(description="threshold of the best F1")

    @classmethod
    def of(cls, name: str, found: ScoreEvaluation) -> ScoreFigures:
        """Return what was measured of the score of that name."""
        return cls(
            name=name,
            **{
                field: getattr(found, field)
                for field in cls.model_fields
                if field not in ("name", "standard_error", "thresholds")
            },
            standard_error=None if math.isnan(found.standard_error) else found.standard_error,
            thresholds=[
                ThresholdFigures(
                    threshold=each.threshold,
                    precision=None if math.isnan(each.precision) else each.precision,
                    recall=each.recall,
                    false_positive_rate=each.false_positive_rate,
                )
                for each in found.thresholds
            ],
        )


class _Measurements:
    """The last measurements, each for as long as the collection is as it was; one is made at a time."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._limiter = CapacityLimiter(1)  # those who wait take no thread from searches

    async def get(self, asked: Hashable, measure: Callable[[], T]) -> T:
        return await to_thread.run_sync(self._get, asked, measure, limiter=self._limiter)

    def _get(self, asked: Hashable, measure: Callable[[], T]) -> T:
        key = (self._collection.generation, asked)
        if key not in self._kept:
            self._kept[key] = measure()
            if len(self._kept) > _N_KEPT:
                self._kept.popitem(last=False)
        return cast("T", self._kept[key])


def evaluation_routes(collection: Collection) -> APIRouter:
    """Return the routes below ``/evaluations``."""
    router = APIRouter(prefix="/evaluations", tags=["evaluations"])
    measurements = _Measurements(collection)

    async def score_figures(name: str, yes: str | None, no: str | None) -> ScoreFigures:
        found = await measurements.get(
            ("score", name, yes, no), lambda: evaluate_score(collection, name, yes=yes, no=no)
        )
        return ScoreFigures.of(name, found)

    @router.get("/tags", responses=refusals(422))
    async def evaluate_tags(
        k: Annotated[int, Query(ge=1, le=100, description="Suggestions for a photo.")] = 5,
        rounds: Annotated[int, Query(ge=1, le=5, description="Fifths of the photos hidden in turn.")] = 1,
    ) -> TagFigures:
        """Hide the tags of a fifth of the tagged photos, and measure what of them is suggested."""
        found = await measurements.get(
            ("tags", k, rounds), lambda: evaluate_tag_suggestions(collection, k=k, rounds=rounds)
        )
        return TagFigures.of(found)

    @router.get("/nsfw", responses=refusals(422))
    async def evaluate_nsfw(yes: _MarkTag = None, no: _MarkTag = None) -> ScoreFigures:
        """Compare open_nsfw's scores with what people marked, by `nsfw:is=yes` and `nsfw:is=no`."""
        return await score_figures("nsfw", yes, no)

    @router.get("/scores", responses=refusals(404, 422))
    async def evaluate_scores(
        name: Annotated[str, Query(min_length=1, max_length=100, description="A style, a measure or a taught filter.")],
        yes: _MarkTag = None,
        no: _MarkTag = None,
    ) -> ScoreFigures:
        """Compare a score with what people marked, by the machine tags NAME:is=yes and NAME:is=no."""
        return await score_figures(name, yes, no)

    return router
