"""Choice of rotation and codebooks by recall on held-out vectors, and the report of what was tried.

Squared error misleads: on deep features rotations of groups of cells lower it by a quarter and recall not at all
(docs/explanation/engine.md). So each recipe is trained, codes a sample of the training vectors, and is judged by how
many of the true neighbours of vectors that took no part in training it finds among them. Recipes go from the cheapest
to the dearest: by the model's bytes where rotations differ, by the products of a query where only codebooks do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.kernels.threads import map_blocks
from lookalike.quantization.training import Recipe

__all__ = ["HELD_OUT", "N_BASE", "Judge", "Trial", "best", "report"]

HELD_OUT = 500
"""Queries at the most; never more than a tenth of the training vectors."""
N_BASE = 32_768
_LEAST_GAIN = 0.01
"""What costs more must find so much more of the ten nearest: half of a held-out set's standard error."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """What every recipe is judged by.

    Parameters
    ----------
    base : float32 (n, dim_in)
        A sample of the training vectors, as compared.
    queries : float32 (n_queries, dim_in)
        Held out from training.
    truth : int64 (n_queries, up to 10)
        Rows of ``base``, nearest first.
    """

    base: NDArray[np.float32]
    queries: NDArray[np.float32]
    truth: NDArray[np.int64]

    @classmethod
    def drawn(cls, vectors: NDArray[np.float32], queries: NDArray[np.float32], rng: np.random.Generator) -> Self:
        """Draw the sample, and find the true neighbours in it."""
        rows = np.arange(len(vectors))
        if len(vectors) > N_BASE:
            rows = np.sort(rng.choice(len(vectors), N_BASE, replace=False))
        base = vectors[rows]
        parts = map_blocks(lambda part: np.stack([_nearest(q, base) for q in queries[part]]), len(queries), 32)
        return cls(base, queries, np.concatenate(parts))

    def trial(
        self,
        recipe: Recipe,
        model: Any,  # noqa: ANN401  a model knows its recipe's module, not the other way round
    ) -> Trial:
        """Code the sample with a model, and look for the neighbours by codes alone."""
        cells, codes = model.encode(self.base)
        found = np.concatenate(
            map_blocks(
                lambda part: np.stack(
                    [kernels.top_k(row, 10) for row in model.estimates(self.queries[part], cells, codes)]
                ),
                len(self.queries),
                64,
            )
        )
        truth = self.truth
        first = float(np.mean(found[:, 0] == truth[:, 0]))
        ten = float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, truth, strict=True)]))
        error = self.base - model.decode(cells, codes)
        distortion = float(np.einsum("nd,nd->n", error, error, dtype=np.float64).mean())
        return Trial(recipe, first, ten, distortion, model.n_model_bytes, model.cost)


def best(trials: Sequence[Trial]) -> int:
    """Place of the trial to be taken, of some in order from the cheapest.

    Each must find so much more of the ten nearest than the best before it as a dearer one is worth.
    """
    chosen = 0
    for i in range(1, len(trials)):
        if trials[i].recall_10 >= trials[chosen].recall_10 + _LEAST_GAIN:
            chosen = i
    return chosen


def report(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Plain values, as they go into a model's file, of trials in order from the cheapest: the chosen one first."""
    chosen = best(trials)
    order = [chosen, *(i for i in range(len(trials)) if i != chosen)]
    return [{"chosen": i == chosen, "reason": _reason(trials, i, chosen), **_facts(trials[i])} for i in order]


def _facts(trial: Trial) -> dict[str, Any]:
    facts = asdict(trial)
    recipe = facts.pop("recipe")
    kept = ("rotation", "codebooks", "n_codes", "bits", "n_axes", "n_rotations")
    return {**{name: recipe[name] for name in kept}, **facts}


def _reason(trials: Sequence[Trial], i: int, chosen: int) -> str:
    """Say why a trial was chosen, or was not, by what others find."""

    def more(a: int, b: int) -> str:
        gain = trials[a].recall_10 - trials[b].recall_10
        return f"finds {abs(gain):.3f} {'more' if gain >= 0 else 'less'} of the ten nearest"

    def short(dearer: int, cheaper: int) -> str:
        enough = trials[dearer].recall_10 < trials[cheaper].recall_10
        return "" if enough else f", but costs more and needs {_LEAST_GAIN}"

    if i != chosen:
        return f"{more(i, chosen)} than the chosen one{short(i, chosen) if i > chosen else ''}"
    parts = []
    if chosen > 0:
        rival = max(range(chosen), key=lambda j: trials[j].recall_10)
        parts.append(f"{more(chosen, rival)} than what costs less")
    if chosen + 1 < len(trials):
        rival = max(range(chosen + 1, len(trials)), key=lambda j: trials[j].recall_10)
        parts.append(f"what costs more {more(rival, chosen)}{short(rival, chosen)}")
    return "; ".join(parts)


def _nearest(query: NDArray[np.float32], base: NDArray[np.float32]) -> NDArray[np.int64]:
    return kernels.top_k(kernels.exact_distances(query, base), 10)
