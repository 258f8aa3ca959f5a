"""Choice of rotation and codebooks by recall on held-out vectors, and the report of what was tried.

Squared error misleads: on deep features rotations of groups of cells lower it by a quarter and recall not at all
(docs/explanation/engine.md). So each recipe is trained, codes a sample of the training vectors, and is judged by how
many of the true neighbours of vectors that took no part in training it finds among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.kernels.threads import map_blocks
from lookalike.quantization.training import Recipe

__all__ = ["HELD_OUT", "Trial", "choose"]

HELD_OUT = 500
"""Queries at the most; never more than a tenth of the training vectors."""
_BASE = 32_768
_LEAST_GAIN = 0.01
"""A model that is larger must find so much more of the ten nearest: half of a held-out set's standard error."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe, trained and measured.

    Parameters
    ----------
    recipe : Recipe
    recall_1, recall_10 : float
        Share of held-out queries whose nearest vector comes first, and mean share of the ten nearest among the first
        ten.
    distortion : float
        Mean squared error of reconstructions of the sample.
    model_bytes : int
    cost : int
        Multiplications for each query and visited cell before its codes are scanned.
    """

    recipe: Recipe
    recall_1: float
    recall_10: float
    distortion: float
    model_bytes: int
    cost: int


def choose(
    recipes: list[Recipe],
    train: Callable[[Recipe], Any],
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    rng: np.random.Generator,
) -> list[Trial]:
    """Train and judge every recipe; the trial of the best comes first.

    Parameters
    ----------
    recipes : list of Recipe
        From the smallest model to the largest.
    train : callable
        From a recipe to a model.
    vectors : float32 (n, dim_in)
        Training vectors, as compared.
    queries : float32 (n_queries, dim_in)
        Held out from training.
    rng : numpy.random.Generator
    """
    rows = np.arange(len(vectors))
    if len(vectors) > _BASE:
        rows = np.sort(rng.choice(len(vectors), _BASE, replace=False))
    base = vectors[rows]
    truth = np.concatenate(
        map_blocks(lambda part: np.stack([_nearest(q, base) for q in queries[part]]), len(queries), 32)
    )
    trials = [_judged(recipe, train(recipe), base, queries, truth) for recipe in recipes]
    best = 0
    for i in range(1, len(trials)):
        if trials[i].recall_10 >= trials[best].recall_10 + _LEAST_GAIN:
            best = i
    return [trials[best], *(trial for i, trial in enumerate(trials) if i != best)]


def _nearest(query: NDArray[np.float32], base: NDArray[np.float32]) -> NDArray[np.int64]:
    return kernels.top_k(kernels.exact_distances(query, base), 10)


def _judged(
    recipe: Recipe,
    model: Any,  # noqa: ANN401  a model knows its recipe's module, not the other way round
    base: NDArray[np.float32],
    queries: NDArray[np.float32],
    truth: NDArray[np.int64],
) -> Trial:
    cells, codes = model.encode(base)
    found = np.concatenate(
        map_blocks(
            lambda part: np.stack([kernels.top_k(row, 10) for row in model.estimates(queries[part], cells, codes)]),
            len(queries),
            64,
        )
    )
    first = float(np.mean(found[:, 0] == truth[:, 0]))
    ten = float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, truth, strict=True)]))
    error = base - model.decode(cells, codes)
    distortion = float(np.einsum("nd,nd->n", error, error, dtype=np.float64).mean())
    return Trial(recipe, first, ten, distortion, model.n_model_bytes, model.cost)
